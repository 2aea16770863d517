"""Plot of a week of stored data: one strip a quantity, with what is missing, not believed or refused by the gate.

Narrow enough to be read on a phone: 720 pixels, letters of 14.
"""

# Matplotlib leaves its keyword arguments untyped.
# pyright: reportUnknownMemberType=false

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from darkstar_pipeline.pictures.canvas import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    PURPLE,
    QUIET,
    SHADE,
    SKY,
    VERMILION,
    Style,
    add_axes,
    add_legend,
    add_text,
    new_figure,
)
from env.time_grid import SLOT_HOURS, local_day

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Values = NDArray[np.float64]

PHONE = Style(width=7.2, scale=1.0, font=10.5, line=1.2, detail=False)
_LEFT, _RIGHT = 0.62, 0.16
_HEAD, _FOOT, _STRIP, _NAME, _SPACE = 0.86, 0.42, 0.6, 0.25, 0.08
_REFUSED_ALPHA = 0.16


class _Look(NamedTuple):
    """The name, unit and colour of a quantity."""

    name: str
    unit: str
    colour: str


_LOOKS = {
    "load_kwh": _Look("Load", "kW", QUIET),
    "pv_kwh": _Look("PV", "kW", ORANGE),
    "import_kwh": _Look("Import", "kW", INK),
    "export_kwh": _Look("Export", "kW", GREEN),
    "batt_charge_kwh": _Look("Battery charge", "kW", BLUE),
    "batt_discharge_kwh": _Look("Battery discharge", "kW", VERMILION),
    "water_kwh": _Look("Water heater", "kW", SKY),
    "ev_kwh": _Look("Car", "kW", SKY),
    "soc_start_percent": _Look("State of charge", "%", PURPLE),
}


def week_figure(
    week: pl.DataFrame,
    columns: Sequence[str],
    *,
    site: str,
    timezone: str,
    currency: str,
    unlike: Mapping[str, Sequence[datetime]],
    refused: Collection[date],
) -> "Figure":
    """Draw a week of stored data.

    Args:
        week: the whole slot grid: `slot_start`, `local_day` and the columns: energy [kWh], state of charge [%] or
            price [money/kWh]; null where nothing is stored.
        columns: quantities to draw, from top to bottom.
        site: name of the home.
        timezone: IANA zone of the days.
        currency: currency of the price.
        unlike: slots by quantity whose reading the home cannot have had.
        refused: local days that the gate refuses.
    """
    style = PHONE
    strip = _NAME + _STRIP + _SPACE
    figure = new_figure(style, _HEAD + len(columns) * strip + _FOOT)
    days = _days(week, timezone)
    _head(figure, style, site, days, timezone)
    edges = np.arange(week.height + 1, dtype=np.float64) * np.float64(SLOT_HOURS)
    for number, column in enumerate(columns):
        look = _LOOKS.get(column, _Look("Spot price", f"{currency}/kWh", BLUE))
        top = _HEAD + number * strip
        axes = add_axes(
            figure,
            style,
            left=_LEFT,
            top=top + _NAME,
            width=style.width - _LEFT - _RIGHT,
            height=_STRIP,
        )
        values = week[column].cast(pl.Float64).to_numpy().astype(np.float64)
        values = values / SLOT_HOURS if look.unit == "kW" else values
        add_text(figure, f"{look.name}  ", left=_LEFT, top=top + _NAME - 0.06, size=style.font, weight="bold")
        add_text(
            figure,
            _summary(look, values),
            left=style.width - _RIGHT,
            top=top + _NAME - 0.06,
            size=style.font - 1,
            colour=QUIET,
            ha="right",
        )
        marked = week["slot_start"].is_in(list(unlike.get(column, ()))).to_numpy()
        _draw_strip(axes, style, look, values, edges, believed=~marked)
        _draw_missing(axes, values, edges)
        _draw_unlike(axes, values, marked)
        _draw_days(axes, days, edges, refused, named=number == len(columns) - 1)
    return figure


class _Day(NamedTuple):
    """A local day on the axis: where it begins and ends [h]."""

    day: date
    start: float
    end: float


def _days(week: pl.DataFrame, timezone: str) -> list[_Day]:
    """Return the days of the axis; one on which the clock changes is as long as it was."""
    slots = week.select(local_day(timezone)).with_row_index("slot").group_by("local_day", maintain_order=True)
    bounds = slots.agg(first=pl.col("slot").min(), last=pl.col("slot").max())
    return [_Day(day, first * SLOT_HOURS, (last + 1) * SLOT_HOURS) for day, first, last in bounds.iter_rows()]


def _head(figure: "Figure", style: Style, site: str, days: Sequence[_Day], timezone: str) -> None:
    """Title and legend."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    title = f"{site}, {days[0].day} to {days[-1].day}"
    add_text(figure, title, left=_LEFT, top=0.34, size=style.font + 3)
    note = f"days of {timezone}"
    add_text(figure, note, left=style.width - _RIGHT, top=0.34, size=style.font - 1, colour=QUIET, ha="right")
    entries: list[tuple[str, Artist]] = [
        ("missing", Patch(facecolor=SHADE, edgecolor=QUIET, hatch="////", linewidth=0)),
        ("unlike this home", Line2D([], [], color=VERMILION, marker="x", linestyle="", markeredgewidth=1.6)),
        ("day refused", Patch(color=VERMILION, alpha=_REFUSED_ALPHA, linewidth=0)),
    ]
    add_legend(figure, style, entries, left=_LEFT, top=0.62)


def _summary(look: _Look, values: Values) -> str:
    """Return the range of a strip and how much of it is missing, in words."""
    known = values[~np.isnan(values)]
    if known.size == 0:
        return "nothing stored"
    low, high = float(known.min()), float(known.max())
    span = f"{low:.3g} to {high:.3g} {look.unit}" if look.unit != "kW" else f"up to {high:.3g} kW"
    missing = values.size - known.size
    return f"{span}, {missing} slots missing" if missing else span


def _draw_strip(
    axes: "Axes", style: Style, look: _Look, values: Values, edges: Values, *, believed: NDArray[np.bool_]
) -> None:
    """The values as steps, over a pale area where they are energies; the axis is that of the believed ones."""
    if look.unit == "kW":
        axes.stairs(values, edges, fill=True, color=look.colour, alpha=0.3, linewidth=0)
    axes.stairs(values, edges, baseline=None, color=look.colour, linewidth=style.line)
    known = values[~np.isnan(values) & believed]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    low, high = min(low, 0.0), max(high, 100.0 if look.unit == "%" else 0.0)
    ticks = [low, high] if high > low else [low]
    high = high if high > low else low + 1
    axes.set_ylim(low - 0.04 * (high - low), high + 0.12 * (high - low))
    axes.set_yticks(ticks, [_number(tick) for tick in ticks])
    axes.set_xlim(edges[0], edges[-1])


def _number(value: float) -> str:
    return f"{value:.2g}" if abs(value) < 10 else f"{value:.0f}"  # noqa: PLR2004 - two digits


def _draw_missing(axes: "Axes", values: Values, edges: Values) -> None:
    """Hatch the slots without a value."""
    absent = np.concatenate(([False], np.isnan(values), [False])).astype(np.int8)
    starts, ends = np.flatnonzero(np.diff(absent) == 1), np.flatnonzero(np.diff(absent) == -1)
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        axes.axvspan(edges[start], edges[end], facecolor=SHADE, edgecolor=QUIET, hatch="////", linewidth=0, zorder=1)


def _draw_unlike(axes: "Axes", values: Values, marked: NDArray[np.bool_]) -> None:
    """Mark the readings that the home cannot have had, at the axis' end where they are beyond it."""
    where = np.flatnonzero(marked)
    heights = np.minimum(values[where], axes.get_ylim()[1])
    axes.plot(
        (where + 0.5) * SLOT_HOURS,
        heights,
        color=VERMILION,
        marker="x",
        linestyle="",
        markeredgewidth=1.6,
        clip_on=False,
    )


def _draw_days(axes: "Axes", days: Sequence[_Day], edges: Values, refused: Collection[date], *, named: bool) -> None:
    """Refused days shaded, midnights as lines, and beneath the last strip the days' names."""
    for day in days:
        if day.day in refused:
            axes.axvspan(day.start, day.end, color=VERMILION, alpha=_REFUSED_ALPHA, linewidth=0, zorder=0)
    axes.set_xticks([day.start for day in days] + [float(edges[-1])], [""] * (len(days) + 1))
    if named:
        for day in days:
            text = f"{day.day:%a} {day.day.day}"
            axes.annotate(
                text,
                ((day.start + day.end) / 2, 0),
                xycoords=("data", "axes fraction"),
                xytext=(0, -14),
                textcoords="offset points",
                ha="center",
                color=QUIET,
            )
