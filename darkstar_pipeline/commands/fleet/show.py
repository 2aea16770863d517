"""`darkstar fleet show`: the settings that one home has, and where each came from."""

from typing import TYPE_CHECKING, Annotated

import typer

from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document, draw_table

if TYPE_CHECKING:
    from rich.console import Console

_COLUMNS = {"setting": "setting", "value": "value", "origin": "from"}


def show(
    _call: Call,
    *,
    home: Annotated[str, typer.Argument(metavar="SITE", help="Name of the home.")],
    everything: Annotated[bool, typer.Option("--all", help="Also list what is built in.")] = False,
) -> Document:
    """Show the settings of a home, and whether each came from its row, a class, the defaults or its country."""
    from darkstar_pipeline.config.settings import home_dir, load_settings
    from darkstar_pipeline.fleet.homes_file import home_of_fleet, open_homes
    from darkstar_pipeline.fleet.origins import BUILT_IN, effective_settings
    from darkstar_pipeline.warehouse.buckets.object_names import bucket_of

    settings, folder = load_settings(), home_dir()
    home_of_fleet(settings, folder, home)
    homes = open_homes(settings, folder)
    effective = effective_settings(homes.fleet, homes.row(home))
    rows = [each._asdict() for each in effective if everything or each.origin != BUILT_IN]
    bucket, tenant = bucket_of(home, homes.fleet.buckets), homes.tenant(home)
    document = {"site": home, "tenant": tenant, "bucket": bucket, "settings": rows}

    def draw(out: "Console") -> None:
        out.print(f"{home}: tenant {tenant}, bucket {bucket}", markup=False)
        draw_table(out, [{**row, "value": str(row["value"])} for row in rows], _COLUMNS)
        if not everything:
            out.print(f"{len(effective) - len(rows)} further settings are built in; --all lists them", markup=False)

    return Document(document, draw)
