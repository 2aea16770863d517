"""Options that the commands of `darkstar whatif` share, and the changes that they name."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkstar_pipeline.console.failures import UsageError

if TYPE_CHECKING:
    from darkstar_pipeline.whatif.changes import Changes
    from planner.whatif.house import AddedLoad

_HOUSE, _ECONOMICS = "Changes", "Relaxed economics"
_CLOCK = r"(\d{1,2}):(\d{2})"
_ADDED = re.compile(rf"(\d+(?:\.\d+)?)@{_CLOCK}-{_CLOCK}")

SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A setting of darkstar.yaml, such as battery.capacity_kwh=15."),
]
AreaOption = Annotated[str | None, typer.Option("--area", metavar="AREA", help="Price area, such as SE4.")]
PricesOption = Annotated[
    Path | None, typer.Option("--prices", metavar="FILE", help="Spot prices of that area; default: those in the lake.")
]
LoadScaleOption = Annotated[float, typer.Option("--load-scale", metavar="X", min=0, help="The load, times X.")]
PvScaleOption = Annotated[float, typer.Option("--pv-scale", metavar="X", min=0, help="The PV, times X.")]
AddLoadOption = Annotated[
    list[str] | None,
    typer.Option("--add-load", metavar="KW@FROM-TO", help="A daily load, such as 3@22:00-04:00; may be repeated."),
]
NoWearOption = Annotated[bool, typer.Option("--no-wear", help="Relaxed: wear of the battery costs nothing.")]
NoMarginsOption = Annotated[
    bool, typer.Option("--no-margins", help="Relaxed: MPC has no hysteresis and no budget of writes.")
]
LeastExportOption = Annotated[
    float | None, typer.Option("--export-price-min", metavar="X", help="Relaxed: export is paid at least X per kWh.")
]
MostExportOption = Annotated[
    float | None, typer.Option("--export-price-max", metavar="X", help="Relaxed: export is paid at most X per kWh.")
]


def changes_of(  # noqa: PLR0913 - keyword-only, an option each
    *,
    settings: Sequence[str] | None,
    area: str | None,
    prices: Path | None,
    load_scale: float,
    pv_scale: float,
    added: Sequence[str] | None,
    no_wear: bool = False,
    no_margins: bool = False,
    least_export: float | None = None,
    most_export: float | None = None,
) -> "Changes":
    """Return the changes that options name.

    Raises:
        UsageError: an option is written otherwise.
    """
    from darkstar_pipeline.commands.train import parse_changes
    from darkstar_pipeline.whatif.changes import Changes, Relaxation
    from planner.errors import PlannerError
    from planner.whatif.house import HouseChange

    try:
        loads = tuple(parse_added_load(text) for text in added or ())
        house = HouseChange(load_scale=load_scale, pv_scale=pv_scale, added=loads)
    except PlannerError as error:
        raise UsageError(str(error), "write it as --add-load 3@22:00-04:00") from error
    values: dict[str, Any] = parse_changes(settings or (), "battery.capacity_kwh=15")
    relaxation = Relaxation(no_wear=no_wear, no_margins=no_margins, least_export=least_export, most_export=most_export)
    return Changes(settings=values, area=area, prices=prices, house=house, relaxation=relaxation)


def parse_added_load(text: str) -> "AddedLoad":
    """Return the daily load written as `KW@FROM-TO`.

    Raises:
        UsageError: it is written otherwise.
        PlannerError: it is no load, or no whole quarter-hours.
    """
    from planner.whatif.house import AddedLoad

    found = _ADDED.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"--add-load {text!r} is not KW@FROM-TO", "write it as --add-load 3@22:00-04:00")
    kw, *clock = found.groups()
    start, end = (int(hour) * 60 + int(minute) for hour, minute in (clock[:2], clock[2:]))
    return AddedLoad(kw=float(kw), start_minute=start, end_minute=end)
