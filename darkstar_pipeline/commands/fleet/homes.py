"""`darkstar fleet homes`: the homes of the fleet, a page at a time."""

from typing import TYPE_CHECKING, Annotated

import typer

from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document, draw_table
from planner.wording.counts import counted

if TYPE_CHECKING:
    from rich.console import Console

_COLUMNS = {
    "site": "site",
    "tenant": "tenant",
    "area": "area",
    "capacity_kwh": "kWh",
    "charge_kw": "charge kW",
    "import_kw": "fuse kW",
    "tariff": "tariff",
}


def homes(
    _call: Call,
    *,
    tenant: Annotated[str | None, typer.Option("--tenant", metavar="NAME", help="Homes of this tenant.")] = None,
    area: Annotated[str | None, typer.Option("--area", metavar="AREA", help="Homes in this price area.")] = None,
    tariff: Annotated[str | None, typer.Option("--tariff", metavar="NAME", help="Homes with this tariff.")] = None,
    like: Annotated[str | None, typer.Option("--like", metavar="TEXT", help="Homes whose name has this in it.")] = None,
    after: Annotated[str | None, typer.Option("--after", metavar="SITE", help="Begin behind this home.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="Most homes to list.")] = 50,
) -> Document:
    """List the homes of the fleet by name, with the cells of their rows; a dash is the fleet's default."""
    from darkstar_pipeline.config.settings import home_dir, load_settings
    from darkstar_pipeline.fleet.homes_file import open_homes
    from darkstar_pipeline.fleet.selection import page_of

    everyone = open_homes(load_settings(), home_dir())
    page = page_of(everyone, tenant=tenant, area=area, tariff=tariff, like=like, after=after, limit=limit)
    rows = page.rows.to_dicts()
    document = {"homes": rows, "matching": page.matching, "total": len(everyone), "next_after": page.next_after}

    def draw(out: "Console") -> None:
        if rows:
            draw_table(out, rows, _COLUMNS)
        none = "no such home" if len(everyone) else "no homes yet: darkstar fleet import FILE"
        out.print(f"{len(rows)} of {counted(page.matching, 'home')}" if page.matching else none, markup=False)
        if page.next_after is not None:
            out.print(f"the next ones: --after {page.next_after}", markup=False)

    return Document(document, draw)
