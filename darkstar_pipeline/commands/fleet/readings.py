"""`darkstar fleet readings` and `darkstar fleet prices`: files of many homes into the fleet's lake."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from darkstar_pipeline.commands.imports import Clock, ClockOption
from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document
from darkstar_pipeline.console.progress import progress_bar
from darkstar_pipeline.errors import ExitCode
from planner.wording.counts import counted

if TYPE_CHECKING:
    from rich.console import Console

    from darkstar_pipeline.fleet.homes import FleetHomes
    from darkstar_pipeline.ingest.fleet.report import FleetReport
    from darkstar_pipeline.warehouse.buckets.bucket_lake import BucketLake

_Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="One or more files.")]
_REFUSED_SHOWN = 5


def readings(call: Call, files: _Files, *, clock: ClockOption = Clock.none) -> Document:
    """Import meter readings of many homes from tidy files.

    Columns: site, and those of `darkstar import observations` (slot_start, load_kwh, pv_kwh, …). Every home is read by
    the rules of a single one; one that is refused stops no other, and ends the command with exit code 3.
    """
    from darkstar_pipeline.ingest.fleet.readings import LOCAL_CLOCK, import_readings

    zones = {Clock.none: None, Clock.local: LOCAL_CLOCK, Clock.utc: "UTC"}
    homes, lake, quarantine = _fleet()
    now = datetime.now(UTC)
    with progress_bar(call, "buckets") as progress:
        reports = [
            import_readings(homes, lake, file, quarantine=quarantine, now=now, clock=zones[clock], progress=progress)
            for file in files
        ]
    return _answer(reports)


def prices(
    call: Call,
    files: _Files,
    *,
    area: Annotated[
        str | None, typer.Option("--area", metavar="A", help="Price area of files without a column area.")
    ] = None,
) -> Document:
    """Import spot prices once for all homes of their areas.

    Columns: slot_start, price and area; or the prices of one area in any form that `darkstar import prices` reads.
    """
    from darkstar_pipeline.ingest.fleet.prices import import_prices

    homes, lake, quarantine = _fleet()
    now = datetime.now(UTC)
    with progress_bar(call, "buckets") as progress:
        reports = [
            import_prices(homes, lake, file, quarantine=quarantine, now=now, area=area, progress=progress)
            for file in files
        ]
    return _answer(reports)


def _fleet() -> "tuple[FleetHomes, BucketLake, Path]":
    """Return the homes, their lake and the folder of refused rows."""
    from darkstar_pipeline.config.settings import home_dir, load_settings
    from darkstar_pipeline.context import QUARANTINE_FOLDER
    from darkstar_pipeline.fleet.homes_file import fleet_of, open_homes
    from darkstar_pipeline.fleet.lake import fleet_lake

    settings, home = load_settings(), home_dir()
    return open_homes(settings, home), fleet_lake(fleet_of(settings), home), home / QUARANTINE_FOLDER


def _answer(reports: "list[FleetReport]") -> Document:
    """Return the reports of files; refused homes and damaged buckets end the command with 3."""
    refused = any(report.refused or report.damaged for report in reports)
    document = {"files": [asdict(report) for report in reports]}

    def draw(out: "Console") -> None:
        for report in reports:
            _draw(report, lambda text: out.print(text, markup=False))

    return Document(document, draw, exit_code=ExitCode.DATA if refused else ExitCode.DONE)


def _draw(report: "FleetReport", tell: Callable[[str], None]) -> None:
    tell(f"{report.file}: {report.kind} of {counted(report.homes, 'home')}, {counted(report.rows_read, 'row')}")
    tell(f"slots: {report.slots_new} new, {report.slots_changed} changed, {report.slots_unchanged} unchanged")
    if report.quarantine_file is not None:
        tell(f"rows refused: {report.rows_rejected}, in {report.quarantine_file}")
    for bucket, reason in list(report.damaged.items())[:_REFUSED_SHOWN]:
        tell(f"bucket {bucket} did not get all rows: {reason}")
    if report.damaged:
        tell("run `darkstar doctor --repair --all`, then import the file again")
    for name, reason in list(report.refused.items())[:_REFUSED_SHOWN]:
        tell(f"refused as a whole: {name}: {reason}")
    if (more := len(report.refused) - _REFUSED_SHOWN) > 0:
        tell(f"and {more} more, which --json lists")
    for note in report.notes:
        tell(note)
