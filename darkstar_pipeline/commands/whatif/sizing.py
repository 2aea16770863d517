"""`darkstar whatif sizing`: what batteries of several sizes would have saved, and when they are paid back."""

import math
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkstar_pipeline.commands.imports import Clock
from darkstar_pipeline.commands.whatif.options import (
    AddLoadOption,
    AreaOption,
    LoadScaleOption,
    PricesOption,
    SetOption,
    changes_of,
)
from darkstar_pipeline.commands.whatif.words import draw_case, note_case
from darkstar_pipeline.console.arguments import check_picture, check_range, format_days, parse_day
from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.failures import UsageError
from darkstar_pipeline.console.output import Document, draw_table
from darkstar_pipeline.console.progress import progress_bar
from planner.wording.messages import figures, phrase, translated

if TYPE_CHECKING:
    from rich.console import Console

    from darkstar_pipeline.context import Context
    from darkstar_pipeline.whatif.sizing import SizeGrid
    from planner.whatif.sizing import Costs

CAPACITIES, POWERS = "5,7.5,10,12.5,15,20", "3,5,8,10"
YEAR = 365

FirstSized = Annotated[
    date | None, typer.Option("--from", parser=parse_day, metavar="DAY", help="First local day; default: a year back.")
]
LastSized = Annotated[
    date | None, typer.Option("--to", parser=parse_day, metavar="DAY", help="Last local day; default: the last graded.")
]


def sizing(  # noqa: PLR0913 - keyword-only, an option each
    call: Call,
    *,
    first: FirstSized = None,
    last: LastSized = None,
    capacity: Annotated[str, typer.Option("--capacity", metavar="KWH,…", help="Capacities [kWh].")] = CAPACITIES,
    power: Annotated[str, typer.Option("--power", metavar="KW,…", help="Powers, both ways [kW].")] = POWERS,
    pv_scales: Annotated[str, typer.Option("--pv-scale", metavar="X,…", help="Panels, times what was read.")] = "1",
    policy: Annotated[str, typer.Option("--policy", metavar="P", help="The policy that runs the battery.")] = "value",
    load: Annotated[
        Path | None, typer.Option("--load", metavar="FILE", help="Readings of a home without a site; needs --area.")
    ] = None,
    clock: Annotated[
        Clock, typer.Option("--clock", help="Whose clock stamps of FILE without offset show.")
    ] = Clock.none,
    area: AreaOption = None,
    prices: PricesOption = None,
    settings: SetOption = None,
    load_scale: LoadScaleOption = 1.0,
    added: AddLoadOption = None,
    per_kwh: Annotated[float | None, typer.Option("--cost-per-kwh", min=0, help="Price of a kWh of capacity.")] = None,
    per_kw: Annotated[float | None, typer.Option("--cost-per-kw", min=0, help="Price of a kW of power.")] = None,
    per_kwp: Annotated[float | None, typer.Option("--cost-per-kwp", min=0, help="Price of a kWp of panels.")] = None,
    fixed: Annotated[float | None, typer.Option("--cost-fixed", min=0, help="Price of any battery besides.")] = None,
    panels: Annotated[float | None, typer.Option("--pv-kwp", min=0, help="Panels that there are [kWp].")] = None,
    per_year: Annotated[bool, typer.Option("--per-year", help="Take the days for a whole year.")] = False,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE.png", help="A picture of the grid.")] = None,
) -> Document:
    """Show what batteries of several sizes would have saved.

    Every size runs through the same days with what was known then, as `darkstar evaluate` would have it. Savings are
    against the house without a battery; payback is of lower bills, since wear is the price of the battery itself.
    Savings are of a year where the days are one: days that are missing or refused save nothing, unless `--per-year`.

    With `--load` no site is needed: a file of load and PV, or of import and export, and a price area are enough. Prices
    are those of --prices, of a site of that area in darkstar.yaml, or are fetched.
    """
    from darkstar_pipeline.whatif.documents import sizing_document
    from darkstar_pipeline.whatif.sizing import Question, size_grid

    picture = None if out is None else check_picture(out)
    with ExitStack() as stack:
        context, span, notes = _home(call, stack, load, clock, area, prices, (first, last))
        changes = changes_of(
            settings=settings,
            area=None if load is not None else area,
            prices=None if load is not None else prices,
            load_scale=load_scale,
            pv_scale=1.0,
            added=added,
        )
        question = Question(
            capacities_kwh=numbers("--capacity", capacity),
            powers_kw=numbers("--power", power),
            pv_scales=numbers("--pv-scale", pv_scales),
            policy=policy,
            costs=_costs(per_kwh, per_kw, per_kwp, fixed),
            panels_kwp=panels if panels is not None else context.site_settings.forecast.rated_kw,
            scaled=per_year,
        )
        if question.costs is not None and not question.costs.per_kwp and max(question.pv_scales) > 1:
            notes.append(phrase("further panels are counted as free: --cost-per-kwp and --pv-kwp give their price"))
        with progress_bar(call, "sizes") as progress:
            grid = size_grid(context, changes, question, *span, progress=progress)
        if grid.case.rows:
            note_case(call, grid.case)
        for note in (*notes, *grid.assumptions, *_span_notes(grid, span, per_year=per_year)):
            call.note(note)
        document = sizing_document(grid, span, policy, notes)
        if picture is not None:
            _draw_picture(grid, document, picture)
            document["picture"] = str(picture)
    return Document(document, lambda pen: _draw(pen, document, grid))


def numbers(option: str, text: str) -> tuple[float, ...]:
    """Return the numbers of a comma-separated list, none of them below zero.

    Raises:
        UsageError: it holds something else.
    """
    try:
        found = tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError:
        found = ()
    if not found or not all(math.isfinite(number) and number >= 0 for number in found):
        raise UsageError(f"{option} {text!r} is no list of numbers of at least 0", f"write it as {option} 5,10,15")
    return found


def _home(
    call: Call,
    stack: ExitStack,
    load: Path | None,
    clock: Clock,
    area: str | None,
    prices: Path | None,
    span: tuple[date | None, date | None],
) -> tuple["Context", tuple[date, date], list[str]]:
    """Return the home: the site, or that of a file; the days to be replayed; and notes on the file."""
    if load is None:
        context = call.context()
        from darkstar_pipeline.whatif.sizing import span_of

        return context, span_of(context, *span), []
    from darkstar_pipeline.whatif.file_home import file_home, lender_of

    if area is None:
        raise UsageError("--load needs a price area", "name it, such as --area SE3")
    lender = None if prices is not None else lender_of(area, call.site)
    home = stack.enter_context(file_home(load, area, prices=prices, clock=clock.value, lender=lender))
    first, last = span[0] or home.first, span[1] or home.last
    check_range(first, last)
    return home.context, (first, last), list(home.notes)


def _costs(per_kwh: float | None, per_kw: float | None, per_kwp: float | None, fixed: float | None) -> "Costs | None":
    from planner.whatif.sizing import Costs

    if per_kwh is None and per_kw is None and per_kwp is None and fixed is None:
        return None
    given = {"per_kwh": per_kwh, "per_kw": per_kw, "per_kwp": per_kwp, "fixed": fixed}
    return Costs(**{name: price for name, price in given.items() if price is not None})


def _span_notes(grid: "SizeGrid", span: tuple[date, date], *, per_year: bool) -> Sequence[str]:
    """Return notes on the days that are not there, and on what that means for a year."""
    notes: list[str] = []
    n_days, missing = len(grid.days), grid.left_out["day"].to_list()
    if missing:
        said = {"n": len(missing), "days": format_days(missing)}
        if per_year:
            notes.append(phrase("{n} days are left out: {days}", **said))
        else:
            notes.append(phrase("{n} days are left out; they save nothing: {days}", **said))
    if grid.year_factor is None:
        whole = (span[1] - span[0]).days + 1
        notes.append(
            phrase("savings are of {n} days ({all} in all), not of a year: --per-year scales them", n=n_days, all=whole)
        )
    elif per_year and n_days != YEAR:
        notes.append(phrase("savings of {n} days are taken for a year, whatever their season", n=n_days))
    return notes


def _draw(out: "Console", document: dict[str, Any], grid: "SizeGrid") -> None:
    """Print a row a size."""
    draw_case(out, document)
    currency, yearly = document["currency"], grid.year_factor is not None
    prefix = "yearly_" if yearly else ""
    rows = [
        {
            **row,
            "saving": row[f"{prefix}saving"],
            "bill": row[f"{prefix}bill_saving"],
            "cycles": row["figures"]["cycles"],
        }
        for row in document["sizes"]
    ]
    if yearly:
        lower = phrase("lower bills a year [{currency}]", currency=currency)
    else:
        lower = phrase("lower bills on {n} days [{currency}]", n=document["days"], currency=currency)
    columns: dict[str, str] = {"capacity_kwh": "kWh", "power_kw": "kW"}
    columns |= {"pv_scale": phrase("panels")} if any(row["pv_scale"] != 1 for row in rows) else {}
    columns |= {
        "bill": lower,
        "saving": phrase("less wear [{currency}]", currency=currency),
        "cycles": phrase("full cycles"),
    }
    if rows[0]["price"] is not None:
        columns |= {
            "price": phrase("price [{currency}]", currency=currency),
            "payback_years": phrase("payback [years]"),
        }
    draw_table(out, rows, columns)
    best = document["best"]
    size = figures(f"{best['capacity_kwh']:g} kWh, {best['power_kw']:g} kW")
    if any(row["payback_years"] for row in rows):
        out.print(phrase("paid back soonest: {size}", size=size), markup=False)
    else:
        out.print(phrase("saves most: {size}", size=size), markup=False)
    without = figures(f"{document['idle_cost']:.2f} {currency}")
    out.print(phrase("against {money} without a battery on these days", money=without), markup=False)
    if "picture" in document:
        out.print(document["picture"], markup=False)


def _draw_picture(grid: "SizeGrid", document: dict[str, Any], path: Path) -> None:
    """Draw the grid."""
    from darkstar_pipeline.pictures.canvas import save_png
    from darkstar_pipeline.pictures.sizing import sizing_figure

    title = phrase(
        "{site}, {area}: {n} days, {first} to {last}",
        site=document["site"],
        area=document["area"],
        n=document["days"],
        first=str(document["from"]),
        last=str(document["to"]),
    )
    yearly = grid.year_factor is not None
    figure = sizing_figure(grid.results, title=translated(title), currency=document["currency"], yearly=yearly)
    save_png(figure, path, shared=True)
