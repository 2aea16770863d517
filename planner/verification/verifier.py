"""Recomputes a schedule from first principles and lists everything that is wrong with it.

Nobody believes a schedule that this has not passed: solvers say "optimal" and hand back a broken balance or zeros. It
shares no code with the optimiser, the inverter or the simulator; `planner.verification` holds the rules, one function
each, and adding a rule is adding a line here and a name to `RULES`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from env.site import Site
from planner.verification import commands as command_rules
from planner.verification import connection, energy, money, numbers
from planner.verification.columns import Schedule, read_schedule, slot_start
from planner.verification.findings import NOTICES, RULES, Finding, Values, Violation

__all__ = ["NOTICES", "RULES", "Verification", "Violation", "verify_schedule"]

Rule = Callable[[Schedule], Iterator[Finding]]

OF_EVERY_SCHEDULE: tuple[Rule, ...] = (
    numbers.not_finite,
    numbers.negative,
    numbers.slot_grid,
    numbers.day_slots,
    energy.balance,
    energy.storage,
    energy.soc_continuity,
    energy.soc_range,
    energy.charge_power,
    energy.discharge_power,
    energy.charge_and_discharge,
    connection.import_and_export,
    connection.fuse,
    connection.export_limit,
    connection.inverter_limit,
    connection.curtailment,
    money.price,
    money.cost,
    command_rules.drift,
)
_ORDER = {rule: place for place, rule in enumerate(RULES)}


@dataclass(frozen=True)
class Verification:
    """The verifier's report on a schedule.

    Attributes:
        violations: everything that is wrong, in order of slots.
        cost: of all slots, recomputed, wear included; NaN where a number is missing [money].
        notices: what is worth knowing and not wrong: rules of `NOTICES`.
    """

    violations: tuple[Violation, ...]
    cost: float
    notices: tuple[Violation, ...] = ()

    @property
    def valid(self) -> bool:
        """Return whether no rule is broken."""
        return not self.violations


def verify_schedule(  # noqa: PLR0913 - keyword-only, one word per thing that may be known of a schedule
    slots: pl.DataFrame,
    site: Site,
    *,
    tolerance_kwh: float = 1e-3,
    tolerance_money: float = 1e-3,
    start_soc_kwh: float | Values | None = None,
    end_soc_kwh: float | None = None,
    episodes: Literal["daily", "continuous"] = "continuous",
    commands: bool = True,
) -> Verification:
    """Check every slot of a schedule.

    Args:
        slots: one row a slot, in order, with the columns of `policy_schedules` from prices to cost. `slot_start` and
            `local_day` are checked where there; `price` (spot), planned loads (`water_kwh`, `ev_kwh`,
            `appliance_<name>_kwh`), further batteries (`battery_2_charge_kwh`, …) and a commanded `import_limit_kw`
            (null for none) are taken into account.
        site: battery, limits and tariff.
        tolerance_kwh: what energies may differ by [kWh].
        tolerance_money: what amounts may differ by [money].
        start_soc_kwh: stored energy that every episode must start with, for all or by slot `(n_slots,)` [kWh]; None for
            any.
        end_soc_kwh: stored energy that every episode must end with [kWh]; None for any.
        episodes: `daily` lets the stored energy start anew with every `local_day`.
        commands: whether flows must follow from the commands.

    Returns:
        Violations, notices, and the recomputed cost.

    Raises:
        ScheduleColumnsError: columns are missing.
        IncompleteDayError: there is no slot.
    """
    schedule = read_schedule(
        slots,
        site,
        tolerance_kwh=tolerance_kwh,
        tolerance_money=tolerance_money,
        daily=episodes == "daily",
        commands=commands,
    )
    with np.errstate(all="ignore"):  # absurd numbers overflow; they are found by their size
        findings = [finding for rule in OF_EVERY_SCHEDULE for finding in rule(schedule)]
        findings += _ends(schedule, "start_soc", start_soc_kwh) + _ends(schedule, "end_soc", end_soc_kwh)
        if commands:
            findings += command_rules.import_limit(schedule)
            findings += command_rules.command(schedule)
        found = _violations(slots, findings)
        cost = float(np.sum(money.slot_costs(schedule)))
    return Verification(
        violations=tuple(each for each in found if each.rule not in NOTICES),
        cost=cost,
        notices=tuple(each for each in found if each.rule in NOTICES),
    )


def _ends(schedule: Schedule, rule: str, demanded_kwh: float | Values | None) -> list[Finding]:
    """The main battery starts, or ends, every episode with what was demanded."""
    if demanded_kwh is None:
        return []
    at_start = rule == "start_soc"
    there = schedule.first if at_start else np.append(schedule.first[1:], True)
    soc = schedule.main.start if at_start else schedule.main.end
    demanded = np.broadcast_to(demanded_kwh, soc.shape)
    off = np.abs(soc - demanded)
    word = "starts" if at_start else "ends"
    return [
        Finding(
            rule,
            there & (off > schedule.tolerance_kwh),
            off,
            "kWh",
            lambda i: f"the battery {word} at {soc[i]:.6g} kWh, not at {demanded[i]:.6g} kWh",
        )
    ]


def _violations(slots: pl.DataFrame, findings: list[Finding]) -> list[Violation]:
    """Findings slot by slot, in order of slots and then of rules."""
    found = [
        Violation(
            slot_index=index,
            slot_start=slot_start(slots, index),
            rule=finding.rule,
            size=float(finding.size[index]),
            unit=finding.unit,
            message=finding.message(index),
        )
        for finding in findings
        if finding.broken.any()
        for index in np.flatnonzero(finding.broken).tolist()
    ]
    return sorted(found, key=lambda each: (each.slot_index, _ORDER[each.rule]))
