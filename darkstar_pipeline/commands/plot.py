"""`darkstar plot`: draw a day, one panel per policy."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from darkstar_pipeline.console.arguments import OneDay, check_picture, own_picture, parse_policies
from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document
from planner.policy_names import POLICIES

if TYPE_CHECKING:
    from darkstar_pipeline.context import Context

DEFAULT_POLICIES = ",".join(POLICIES)


def plot(
    call: Call,
    *,
    day: OneDay,
    policies: Annotated[
        str,
        typer.Option("--policies", metavar="P,…", help="One panel each; default: all untrained.", show_default=False),
    ] = DEFAULT_POLICIES,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.png", help="Default: in the state folder's pictures.")
    ] = None,
) -> Document:
    """Draw a day, one panel per policy, on shared axes.

    Each panel has the price, net battery power, state of charge and export.
    """
    names = parse_policies(policies)
    wanted = None if out is None else check_picture(out)
    context = call.context()
    target = own_picture(context, str(day)) if wanted is None else wanted
    draw_day(context, day, names, target, shared=out is not None)
    document = {"file": str(target), "day": day, "policies": names}
    return Document(document, lambda pen: pen.print(str(target), markup=False))


def draw_day(context: "Context", day: date, policies: Sequence[str], path: Path, *, shared: bool = False) -> None:
    """Draw a day's schedules, with the day's cost of each policy, and what it added to the month's demand charge in it.

    Raises:
        DataMissingError: the day is refused or not materialised.
        ConfigurationError: the picture cannot be written there.
    """
    from darkstar_pipeline.evaluation.range_verdict import day_and_costs
    from darkstar_pipeline.pictures import day_figure, save_png

    schedules, costs = day_and_costs(context, day, policies)
    figure = day_figure(
        schedules,
        day=day,
        timezone=context.timezone,
        capacity_kwh=context.site.battery.capacity_kwh,
        currency=context.site_settings.currency,
        costs=costs,
    )
    save_png(figure, path, shared=shared)
