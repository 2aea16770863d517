"""The rows of the fault arena: how many faults, what was not as promised, how long the inverter took."""

import os
import shutil
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from benchmarks.fault_injection.arena_scenarios import scenarios
from benchmarks.fault_injection.fault_arena import BEYOND_LEASE, SWITCH_MARGIN, Verdict, arena, tried
from benchmarks.fault_injection.real_home_assistant import HASS
from benchmarks.fault_injection.systemd_machine import systemd_problem
from benchmarks.harness.results import Row, Scope
from benchmarks.homes.served_home import DAYS, ZONE, served_home
from darkstar_pipeline.errors import OutsideServiceError

HOMES, SHORT_HOMES = 12, 15
SHORT_DAYS = 25
LEAST_PAIRS = 40


def check_machine() -> None:
    """Check that homes can be attacked on this machine.

    Raises:
        OutsideServiceError: it is not run by root, or Home Assistant or a program is missing.
    """
    if not HASS.exists():
        raise OutsideServiceError("Home Assistant is not installed", "make tools")
    missing = [name for name in ("unshare", "mount", "umount") if shutil.which(name) is None]
    if missing or os.geteuid() != 0:
        message = f"{', '.join(missing)} missing" if missing else "namespaces and file systems of its own need root"
        raise OutsideServiceError(message, "run it as root on Linux with util-linux")


def arena_rows(scope: Scope) -> list[Row]:
    """Try every scenario, or in the short form a tenth of them.

    Raises:
        OutsideServiceError: the machine lacks what it needs.
    """
    check_machine()
    without_systemd = systemd_problem()
    chosen = scenarios(short=scope.short, systemd=not without_systemd)
    n_homes = scope.of(HOMES, SHORT_HOMES)
    at = datetime.now(ZoneInfo(ZONE))
    with (
        served_home(scope.homes, at, champion=not scope.short, days=scope.of(DAYS, SHORT_DAYS)) as template,
        arena(template, at, n_homes) as ground,
    ):
        verdicts = tried(chosen, ground, n_homes)
    machine = f"NOT RUN ({without_systemd}): a small supervisor in PID namespaces in its place"
    return [*rows_of(verdicts), Row("systemd", machine if without_systemd else "as process 1 of namespaces of its own")]


def rows_of(verdicts: Sequence[Verdict]) -> list[Row]:
    """Return the rows of verdicts."""
    broken = [verdict for verdict in verdicts if verdict.broken]
    crashes = sum(len(verdict.crashes) for verdict in verdicts)
    untold = sum(len(verdict.untold) for verdict in verdicts)
    n_pairs = sum(verdict.scenario.kind == "pair" for verdict in verdicts)
    n_switch = sum(verdict.scenario.switch for verdict in verdicts)
    ours, theirs = _worst(verdicts, switch=False), _worst(verdicts, switch=True)
    longest = BEYOND_LEASE + SWITCH_MARGIN
    return [
        Row("faults", len(verdicts)),
        Row("pairs_of_faults", n_pairs, "", f">= {LEAST_PAIRS}", n_pairs >= LEAST_PAIRS, applies="whole"),
        Row("left_to_the_dead_mans_switch", n_switch),
        Row("default_after_its_lease", ours, "s", f"<= {BEYOND_LEASE:g}", ours <= BEYOND_LEASE),
        Row("default_by_the_switch_after_its_lease", theirs, "s", f"<= {longest:g}", theirs <= longest),
        Row("crashes", crashes, "", "0", crashes == 0),
        Row("untold", untold, "", "0", untold == 0),
        Row("faults_not_met_as_promised", len(broken), "", "0", not broken),
        *(
            Row(f"not_met_{number}", f"{verdict.scenario.name} ({verdict.scenario.setting}): {verdict.broken}")
            for number, verdict in enumerate(broken, start=1)
        ),
    ]


def _worst(verdicts: Sequence[Verdict], *, switch: bool) -> float:
    """Return the longest time after the lease [s]; 0 where there is none."""
    times = [v.seconds for v in verdicts if v.scenario.switch == switch and v.seconds is not None]
    return round(max([0.0, *times]), 1)
