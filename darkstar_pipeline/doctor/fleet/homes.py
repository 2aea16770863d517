"""Check of a fleet's homes against what the configuration says now: classes may be gone, bounds may have changed."""

from pathlib import Path

import polars as pl

from darkstar_pipeline.config.fleet.columns import SITE
from darkstar_pipeline.config.fleet.settings import FleetSettings
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.doctor.finding import CheckResult, failed, passed, warned
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.fleet.homes_file import read_homes
from darkstar_pipeline.ingest.fleet.cells import ROW
from darkstar_pipeline.ingest.fleet.checks import check_homes
from planner.wording.counts import counted

_SHOWN = 3


def check_fleet(settings: Settings, home: Path) -> list[CheckResult]:
    """Check every home of the fleet as an import would; nothing where there is no fleet.

    Args:
        settings: the whole configuration.
        home: the state folder.
    """
    if settings.fleet is None:
        return []
    try:
        rows = read_homes(home)
    except ConfigurationError as error:
        return [failed("fleet", error.message, error.hint)]
    if rows.is_empty():
        return [warned("fleet", "no homes yet", "darkstar fleet import FILE")]
    return [*_twice(settings, rows), _checked(settings.fleet, rows)]


def _twice(settings: Settings, rows: pl.DataFrame) -> list[CheckResult]:
    """Return the failure of homes that stand under `sites` too, if there are any."""
    twice = sorted(set(settings.sites).intersection(rows[SITE]))
    words = f"{', '.join(twice[:_SHOWN])}: under sites of darkstar.yaml too, where commands refuse them"
    return [failed("fleet's names", words, "take them out of one of the two")] if twice else []


def _checked(fleet: FleetSettings, rows: pl.DataFrame) -> CheckResult:
    """Check the rows of homes as an import would."""
    checked = check_homes(fleet, rows.with_row_index(ROW).cast({ROW: pl.Int64}))
    told = f"{counted(rows.height, 'home')} in {counted(fleet.buckets, 'bucket')}"
    if checked.faults.height:
        shown = [
            f"{rows[SITE][row]}, {column or 'its row'}: {reason}"
            for row, column, reason in checked.faults.select("row", "column", "reason").head(_SHOWN).iter_rows()
        ]
        more = [f"and {checked.faults.height - _SHOWN} more"] if checked.faults.height > _SHOWN else []
        words = "; ".join([*shown, *more])
        return failed("fleet", f"{told}: {words}", "correct fleet in darkstar.yaml, or import these homes again")
    if checked.doubts:
        doubted = "; ".join(f"{words} ({count})" for words, count in list(checked.doubts.items())[:_SHOWN])
        return warned("fleet", f"{told}; {doubted}", "look at these settings again")
    return passed("fleet", told)
