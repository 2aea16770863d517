"""`darkstar fleet sample`: a synthetic fleet with homes, prices and readings."""

from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from darkstar_pipeline.console.arguments import parse_day
from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document
from darkstar_pipeline.console.progress import progress_bar
from planner.wording.counts import counted

if TYPE_CHECKING:
    from rich.console import Console


def sample(
    call: Call,
    *,
    homes: Annotated[int, typer.Option("--homes", min=1, max=9_999_999, help="Number of homes.")] = 100,
    days: Annotated[int, typer.Option("--days", min=1, max=366, help="Number of local days.")] = 8,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Another seed gives other homes.")] = 0,
    charged_share: Annotated[
        float,
        typer.Option("--charged-share", min=0, max=1, metavar="SHARE", help="Share of the homes that pay for power."),
    ] = 0.0,
    first: Annotated[
        date | None,
        typer.Option("--first-day", parser=parse_day, metavar="DAY", help="First local day; default: 2026-03-24."),
    ] = None,
) -> Document:
    """Make a synthetic fleet: homes that differ, their load and PV, and prices of three areas, some below zero.

    The same options give the same bytes. A section `fleet` is added to the configuration where there is none.
    """
    from darkstar_pipeline.config.settings import config_path, home_dir
    from darkstar_pipeline.context import QUARANTINE_FOLDER
    from darkstar_pipeline.sample.fleet.make_fleet import FIRST_DAY, FleetRecipe, make_fleet

    home = home_dir()
    with progress_bar(call, "buckets") as progress:
        made = make_fleet(
            FleetRecipe(homes=homes, days=days, seed=seed, first=first or FIRST_DAY, charged_share=charged_share),
            config_path(),
            home,
            quarantine=home / QUARANTINE_FOLDER,
            progress=progress,
        )
    document = {
        **asdict(made),
        "homes": made.homes.total,
        "homes_added": len(made.homes.added),
        "notes": made.homes.notes,
    }

    def draw(out: "Console") -> None:
        out.print(
            f"{counted(made.homes.total, 'home')} in {counted(made.buckets, 'bucket')}, {made.first} to {made.last}",
            markup=False,
        )
        out.print(f"{counted(made.readings, 'reading')} and {counted(made.prices, 'price')}", markup=False)
        out.print(f"{made.negative_prices:.1%} of the prices are below zero", markup=False)
        for note in made.homes.notes:
            out.print(note, markup=False)
        out.print(f"next: darkstar fleet backfill --from {made.first} --to {made.last}", markup=False)

    return Document(document, draw)
