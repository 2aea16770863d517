"""`darkstar fleet import`: a file of homes into the fleet, all of it or nothing."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document
from darkstar_pipeline.console.progress import progress_bar
from planner.wording.counts import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

_NAMED = 20
"""Homes that are named; further ones are counted."""


def import_homes(
    call: Call,
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV or Parquet with a row a home.")],
    remove_missing: Annotated[
        bool, typer.Option("--remove-missing", help="Remove the homes that the file does not have.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would change, and change nothing.")] = False,
) -> Document:
    """Import homes as rows: new ones are added, known ones are changed.

    Columns: site, and what a home has of its own (tenant, area, capacity_kwh, charge_kw, import_kw, tariff, …); what a
    row leaves out is the fleet's default. Wrong cells are named with row and column; then no home is imported at all.
    """
    from darkstar_pipeline.config.settings import home_dir, load_settings
    from darkstar_pipeline.context import QUARANTINE_FOLDER
    from darkstar_pipeline.ingest.fleet import homes as ingest

    home = home_dir()
    with progress_bar(call, "kinds of homes") as progress:
        result = ingest.import_homes(
            load_settings(),
            home,
            file,
            quarantine=home / QUARANTINE_FOLDER,
            remove_missing=remove_missing,
            dry_run=dry_run,
            progress=progress,
        )
    named = {"added": result.added, "changed": result.changed, "missing": result.missing}
    document: dict[str, Any] = {
        "file": result.file,
        "rows": result.rows,
        **{word: {"homes": len(sites), "sites": sites[:_NAMED]} for word, sites in named.items()},
        "columns_changed": result.columns,
        "unchanged": result.unchanged,
        "removed": len(result.missing) if result.removed else 0,
        "homes": result.total,
        "written": not dry_run,
        "notes": result.notes,
    }
    return Document(document, lambda out: _draw(out, document))


def _draw(out: "Console", document: "Mapping[str, Any]") -> None:
    would = "" if document["written"] else "would be "
    out.print(
        f"{document['file']}: {counted(document['rows'], 'home')}, unchanged: {document['unchanged']}", markup=False
    )
    missing = f"{would}removed" if document["removed"] else "not in the file, and kept (--remove-missing removes them)"
    for word, said in (("added", f"{would}added"), ("changed", f"{would}changed"), ("missing", missing)):
        if count := document[word]["homes"]:
            out.print(f"{count} {said}: {_names(document[word])}", markup=False)
    if columns := document["columns_changed"]:
        out.print("changed cells: " + ", ".join(f"{count} {name}" for name, count in columns.items()), markup=False)
    for note in document["notes"]:
        out.print(note, markup=False)
    has = "has" if document["written"] else "would have"
    out.print(f"the fleet {has} {counted(document['homes'], 'home')}", markup=False)


def _names(part: "Mapping[str, Any]") -> str:
    """Return the first names of a part, and the number of the others."""
    shown, more = part["sites"][:3], part["homes"] - 3
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
