"""`darkstar fleet plan`: plan every home of the fleet once."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document
from darkstar_pipeline.console.progress import progress_bar
from darkstar_pipeline.errors import ExitCode
from planner.wording.counts import counted

if TYPE_CHECKING:
    from rich.console import Console


def plan(
    call: Call,
    *,
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="Plan as if it were this moment; default: now.")
    ] = None,
) -> Document:
    """Plan every home once and put the plans beside its tables.

    `darkstar serve --fleet` does so by itself every quarter of an hour; beside `darkstar serve --fleet --no-planning`
    this command plans in its place, from a Dagster schedule or cron, on any machine that reaches the lake. With
    `--site` one home is planned, and the others keep their plans.
    """
    from darkstar_pipeline.config.settings import home_dir, load_settings
    from darkstar_pipeline.console.load_requests import parse_instant
    from darkstar_pipeline.fleet.homes_file import fleet_of
    from darkstar_pipeline.planning.fleet.rounds import plan_fleet

    settings = load_settings()
    moment = datetime.now(UTC) if at is None else parse_instant("--at", at, fleet_of(settings).defaults.timezone)
    with progress_bar(call, "shards") as progress:
        made = plan_fleet(settings, home_dir(), moment, site=call.site, progress=progress)

    def draw(out: "Console") -> None:
        by_source = ", ".join(f"{count} by {source}" for source, count in sorted(made.sources.items()))
        told = f"{counted(made.planned, 'home')} planned at {made.at:%Y-%m-%d %H:%M} UTC"
        out.print(f"{told}: {by_source}" if by_source else told, markup=False)
        for reason, count in sorted(made.obstacles.items()):
            out.print(f"{count} not by the version in use: {reason}", markup=False)
        for reason, count in sorted(made.problems.items()):
            out.print(f"{count} without a new plan: {reason}", markup=False)
        for bucket, error in sorted(made.errors.items()):
            out.print(f"bucket {bucket}: {error}", markup=False)

    return Document(made.document, draw, exit_code=ExitCode.OUTSIDE if made.errors else ExitCode.DONE)
