"""Control under attack: simulated days with faults of the inverter, and strangers that load the service.

Three days of control go by in simulated time, with a random fault of the inverter, of Home Assistant or of the service
every two minutes, and a guard that restores the default. Strangers load a real service on loopback meanwhile asked for
`/command` with its token.
"""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from benchmarks.fault_injection.accelerated_days import AcceleratedHome
from benchmarks.fault_injection.stranger_load import LIMIT_MS, measure_strangers
from benchmarks.harness.results import Row, Scope
from benchmarks.homes.served_home import TOKEN, moment, served_home, serving

HOURS, SHORT_HOURS = 72.0, 6.0
BUDGET = 96
SEED = 20_261_129
OUTLIVED_SECONDS = 30.0


def run(scope: Scope) -> list[Row]:
    """Let the simulated days go by, then load the service."""
    return [*_simulated(scope.of(HOURS, SHORT_HOURS)), *_strangers(scope)]


def _simulated(hours: float) -> list[Row]:
    """Return the commands that outlived their lease, and the writes of the worst day, by control and guard together."""
    with TemporaryDirectory() as name:
        counts = AcceleratedHome(Path(name), seed=SEED, budget=BUDGET).run(hours)
    writes = counts.writes[counts.worst_day()]
    outlived = round(counts.outlived_seconds, 1)
    return [
        Row("simulated_hours", hours, "h"),
        Row("faults_put_in", counts.faults.total()),
        Row("command_after_its_lease", outlived, "s", f"<= {OUTLIVED_SECONDS:g}", outlived <= OUTLIVED_SECONDS),
        Row("writes_of_the_worst_day", writes, "", f"<= {BUDGET}", writes <= BUDGET),
        Row("of_these_by_the_guard", counts.guard_writes[counts.worst_day()]),
        Row("renewed_unconfirmed", counts.renewed_unconfirmed, "", "0", counts.renewed_unconfirmed == 0),
    ]


def _strangers(scope: Scope) -> list[Row]:
    """Return the delay of `/command` for one with the token under each attack."""
    at = moment()
    with served_home(scope.homes, at, champion=False) as home, serving(home, at) as service:
        service.until_planned()
        measured = asyncio.run(measure_strangers(urlsplit(service.url).port or 0, TOKEN))
        alive = service.process.poll() is None
    rows: list[Row] = []
    for each in measured:
        name, p99, failed = str(each["attack"]).replace(" ", "_"), float(str(each["p99_ms"])), int(str(each["failed"]))
        rows.append(Row(f"command_p99_{name}", p99, "ms", f"<= {LIMIT_MS:g}", p99 <= LIMIT_MS))
        rows.append(Row(f"command_failed_{name}", failed, "", "0", failed == 0))
    return [*rows, Row("service_alive", int(alive), "", "1", alive)]
