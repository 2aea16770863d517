"""Simulated inverters of every family under control: commands achieved, or the default restored and told, and writes.

Each goes through every command behind another one, a service that dies in the middle of a charge, an inverter that
ignores what is written, and somebody who turns the charge off again and again; through every fault in the middle of a
charge (`faults`) and every way from a command to another (`transitions`); and through a day with a new command every
hour.
"""

import logging
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.harness.results import Row, Scope
from benchmarks.simulated_inverters.controlled_inverter import ControlledInverter
from benchmarks.simulated_inverters.faults import FAULTS, fault_result
from benchmarks.simulated_inverters.scenarios import Result, day_writes, results
from benchmarks.simulated_inverters.simulated_inverter import Description, descriptions
from benchmarks.simulated_inverters.transitions import strays

BUDGET = 96
SHORT_FAMILIES = ("fronius", "huawei", "sungrow")


def run(scope: Scope) -> list[Row]:
    """Let every family go through every scenario; a row a family."""
    logging.disable(logging.WARNING)  # the strangers' and the entities' warnings are what is provoked here
    try:
        chosen = {name: each for name, each in descriptions().items() if not scope.short or name in SHORT_FAMILIES}
        rows = [_row(family, description) for family, description in chosen.items()]
    finally:
        logging.disable(logging.NOTSET)
    failed = sum(1 for row in rows if not row.met)
    return [*rows, Row("families_that_fail", failed, "", "0", failed == 0)]


def _row(family: str, description: Description) -> Row:
    """Return the scenarios that a family passed, and the writes of its day."""
    with TemporaryDirectory() as name:
        found = results(description, Path(name))
        found |= {fault: fault_result(ControlledInverter(Path(name) / fault, description), fault) for fault in FAULTS}
        past_both = strays(description, Path(name) / "ways")
        writes = day_writes(ControlledInverter(Path(name) / "day", description, budget=BUDGET))
    passed = sum(result.passed for result in found.values())
    target = f"{len(found)} of {len(found)}, no way past both ends, and <= {BUDGET} writes"
    details = {scenario: _word(result) for scenario, result in found.items()} | {"writes_of_a_day": writes}
    details["ways_past_both_ends"] = "; ".join(past_both) or 0
    return Row(family, passed, "", target, passed == len(found) and not past_both and writes <= BUDGET, details=details)


def _word(result: Result) -> str:
    return f"{'achieved' if result.achieved else 'told' if result.told else 'failed'}, {result.writes} writes"
