"""`darkstar fleet adopt`: a home of its own moves into the fleet."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document, draw_table
from darkstar_pipeline.console.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

_COLUMNS = {"table": "table", "days": "days", "rows": "rows", "written": "days written"}
_NOTES = (
    "trained models, overrides, plans and pictures stay where they are: a fleet's homes use their class's model",
    "stop the home's own service before it is controlled from elsewhere",
)


def adopt(
    call: Call,
    *,
    state: Annotated[Path, typer.Option("--state", metavar="FOLDER", help="State folder of the home.")],
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="Its configuration; default: darkstar.yaml beside it."),
    ] = None,
    tenant: Annotated[
        str | None, typer.Option("--tenant", metavar="NAME", help="Tenant of the home; default where not named.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be done, and do nothing.")] = False,
) -> Document:
    """Move a home into the fleet: settings as a row, tables into its lake, each day read back.

    Nothing is removed from the home's own folder. It can be killed and repeated, also to take over later days. The
    home's settings stay the very same; what a row cannot say is refused with its name.
    """
    from darkstar_pipeline.config.fleet.columns import DEFAULT_TENANT
    from darkstar_pipeline.config.settings import home_dir, load_settings
    from darkstar_pipeline.context import open_context
    from darkstar_pipeline.errors import ConfigurationError
    from darkstar_pipeline.fleet.adoption import add_row, refuse_foreign_home
    from darkstar_pipeline.fleet.homes_file import fleet_of
    from darkstar_pipeline.fleet.lake import fleet_lake
    from darkstar_pipeline.fleet.moving import copy_home
    from darkstar_pipeline.fleet.row_of_home import row_of_home

    folder = state.expanduser().absolute()
    if not folder.is_dir():
        raise ConfigurationError(f"no state folder at {folder}", "name the folder that the home's own commands use")
    settings, home = load_settings(), home_dir()
    fleet = fleet_of(settings)
    own = open_context(call.site, settings=load_settings(config or folder.parent / "darkstar.yaml"), home=folder)
    site = own.site_name
    row = row_of_home(fleet, site, tenant or DEFAULT_TENANT, own.site_settings)
    refuse_foreign_home(settings, home, row)
    lake = fleet_lake(fleet, home)
    with progress_bar(call, f"tables of {site}") as progress:
        moved = copy_home(own.lake, lake.site(site), site, dry_run=dry_run, progress=progress)
    if not dry_run:
        add_row(home, row)
    cells = {name: str(cell) for name, cell in row.items() if cell is not None}
    document = {
        "site": site,
        "tenant": row["tenant"],
        "bucket": lake.bucket(site),
        "row": cells,
        "tables": [each._asdict() for each in moved],
        "written": not dry_run,
        "notes": list(_NOTES),
    }
    return Document(document, lambda out: _draw(out, document))


def _draw(out: "Console", document: "Mapping[str, Any]") -> None:
    cells = ", ".join(f"{name} {cell}" for name, cell in document["row"].items() if name not in ("site", "tenant"))
    out.print(f"{document['site']}: tenant {document['tenant']}, bucket {document['bucket']}, {cells}", markup=False)
    draw_table(out, document["tables"], _COLUMNS)
    done = "every day was read back and is the same" if document["written"] else "nothing was written (--dry-run)"
    out.print(done, markup=False)
    for note in document["notes"]:
        out.print(note, markup=False)
