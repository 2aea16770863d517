"""Plot of a day: the price, and beneath it one panel a policy, on the same axes so that panels can be compared by eye.

Across runs real time: a day of 23 or 25 hours is drawn as long as it was, with the hours of the wall clock beneath it.
What leaves the home or the battery is drawn downwards: an export beside a discharge shows how much of it was exported.
"""

# Matplotlib leaves its keyword arguments untyped.
# pyright: reportUnknownMemberType=false

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.pictures.canvas import (
    BLUE,
    GREEN,
    INK,
    LARGE,
    ORANGE,
    PURPLE,
    QUIET,
    SHADE,
    SKY,
    SMALL,
    VERMILION,
    Style,
    add_axes,
    add_legend,
    add_text,
    name_axis,
    new_figure,
    policy_name,
)
from env.time_grid import SLOT_HOURS, grid, zone

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

Values = NDArray[np.float64]

# Inches of the large picture; a smaller style scales them.
_LEFT, _RIGHT = 0.75, 0.75
_LABEL = 0.46  # from the axes to the middle of their names
_HEAD, _FOOT = 0.98, 0.5
_PRICE = 0.72
_TITLE, _POWER, _GAP, _SOC, _SPACE = 0.3, 1.6, 0.07, 0.46, 0.2
_LOAD_LINE = 1.1  # [point]
_CRUMB_KW = 0.02  # exports below this get no outline, and flows no entry in the legend
_SMALL_TICKS = 3  # hours between ticks where there is little room


class Clock(NamedTuple):
    """The wall clock of a local day, on an axis of real hours since the day began.

    Attributes:
        edges: start of every slot and end of the last [h], `(n_slots + 1,)`.
        ticks: where the wall clock shows a full hour [h].
        hours: which hour that is.
        jumps: where the clock is changed [h], and by how much [h], forwards positive.
    """

    edges: Values
    ticks: list[float]
    hours: list[int]
    jumps: list[tuple[float, float]]


class _Ranges(NamedTuple):
    """Ends of the axes that all panels share: power [kW] and price [money/kWh]."""

    power: tuple[float, float]
    price: tuple[float, float]


class _Panel(NamedTuple):
    """The data of one policy's panel: a row per slot of the day, nulls where the schedule has no slot."""

    policy: str
    rows: pl.DataFrame

    def kw(self, flow: str) -> Values:
        """Mean power of a flow in each slot [kW], `(n_slots,)`, NaN where unknown."""
        return self.numbers(f"{flow}_kwh") / SLOT_HOURS

    def numbers(self, column: str) -> Values:
        """A column, NaN where unknown."""
        return self.rows[column].cast(pl.Float64).to_numpy().astype(np.float64)


def day_figure(
    schedules: pl.DataFrame,
    *,
    day: date,
    timezone: str,
    capacity_kwh: float,
    currency: str,
    costs: Mapping[str, float] | None = None,
    small: bool = False,
) -> "Figure":
    """Draw a day of one or more policies, in the order they come.

    Args:
        schedules: `slot_start, policy, import_price` [money/kWh], `load_kwh, pv_kwh, charge_kwh, discharge_kwh,
            export_kwh, soc_start_kwh, soc_end_kwh` [kWh]; slots of other days are left out.
        day: local calendar day.
        timezone: IANA zone of the wall clock.
        capacity_kwh: stored energy that is 100 % [kWh].
        currency: currency of prices and costs.
        costs: cost of the day by policy, settlement included [money]; None or absent if unknown.
        small: a picture for a page's margin, without load, PV and explanations, under 50 kB as PNG.

    Raises:
        DataMissingError: no slot of that day in the schedules.
    """
    style = SMALL if small else LARGE
    panels = _panels(schedules, day, timezone)
    clock, ranges = wall_clock(day, timezone), _ranges(panels)
    scale = style.scale
    panel_height = _TITLE + _POWER + _GAP + _SOC + _SPACE
    first = _HEAD + _PRICE + _SPACE
    figure = new_figure(style, (first + len(panels) * panel_height - _SPACE + _FOOT) * scale)
    _head(figure, style, day, timezone, settled=costs is not None)
    _legend(figure, style, panels)
    price = _part(figure, style, top=_HEAD, height=_PRICE)
    _draw_price(price, style, _prices(panels), clock, ranges.price, currency)
    _draw_clock(price, style, clock, named=False)
    _name_jumps(price, style, clock)
    for i, panel in enumerate(panels):
        top = first + i * panel_height
        _title(figure, style, top * scale, panel.policy, {} if costs is None else costs, currency)
        power = _part(figure, style, top=top + _TITLE, height=_POWER)
        soc = _part(figure, style, top=top + _TITLE + _POWER + _GAP, height=_SOC)
        _draw_power(power, style, panel, clock, ranges)
        _draw_soc(soc, style, panel, clock, capacity_kwh)
        for axes in (power, soc):
            _draw_clock(axes, style, clock, named=axes is soc and i == len(panels) - 1)
    return figure


def wall_clock(day: date, timezone: str) -> Clock:
    """Return the wall clock of a local day on an axis of real hours."""
    local = [start.astimezone(zone(timezone)) for start in grid(day, day, timezone)["slot_start"]]
    offsets = [start.utcoffset() for start in local]
    full = [i for i, start in enumerate(local) if start.minute == 0]
    jumps = [
        (i * SLOT_HOURS, (after - before).total_seconds() / 3600)
        for i, (before, after) in enumerate(pairwise(offsets), start=1)
        if before is not None and after is not None and before != after
    ]
    edges = np.arange(len(local) + 1, dtype=np.float64) * np.float64(SLOT_HOURS)
    return Clock(edges, [i * SLOT_HOURS for i in full], [local[i].hour for i in full], jumps)


def _panels(schedules: pl.DataFrame, day: date, timezone: str) -> list[_Panel]:
    """Return the day's slots of every policy."""
    slots = grid(day, day, timezone).select("slot_start")
    kept = schedules.join(slots, on="slot_start", how="semi")
    if kept.is_empty():
        raise DataMissingError(f"no schedule of {day} to draw", f"run `darkstar backfill --from {day} --to {day}`")
    by_policy = kept.partition_by("policy", as_dict=True, maintain_order=True)
    return [
        _Panel(str(key[0]), slots.join(rows, on="slot_start", how="left", maintain_order="left"))
        for key, rows in by_policy.items()
    ]


def _ranges(panels: Sequence[_Panel]) -> _Ranges:
    """Axes that hold every panel, with a little air."""

    def most(*flows: str) -> float:
        return max(float(np.nan_to_num(panel.kw(flow)).max()) for panel in panels for flow in flows)

    up, down = most("charge", "load", "pv"), most("discharge", "export")
    air = max(0.08 * (up + down), 0.1)
    prices = np.concatenate([panel.numbers("import_price") for panel in panels])
    low, high = float(np.nanmin(prices)), float(np.nanmax(prices))
    # From zero: cents between slots of a flat day are not to look like peaks.
    low, high = min(low, 0.0), max(high, 0.0)
    margin = max(0.1 * (high - low), 0.01)
    return _Ranges((-down - air, up + air), (low - (margin if low < 0 else 0.0), high + margin))


def _prices(panels: Sequence[_Panel]) -> Values:
    """Import price of each slot, from the first panel that knows it [money/kWh]."""
    prices = panels[0].numbers("import_price")
    for panel in panels[1:]:
        prices = np.where(np.isnan(prices), panel.numbers("import_price"), prices)
    return prices


def _part(figure: "Figure", style: Style, *, top: float, height: float) -> "Axes":
    """Add axes over the whole width [inches of the large picture]."""
    scale = style.scale
    left, width = _LEFT * scale, style.width - (_LEFT + _RIGHT) * scale
    return add_axes(figure, style, left=left, top=top * scale, width=width, height=height * scale)


def _head(figure: "Figure", style: Style, day: date, timezone: str, *, settled: bool) -> None:
    """Title, and how the costs are meant."""
    scale = style.scale
    add_text(figure, f"{day:%A} {day.isoformat()}", left=_LEFT * scale, top=0.36 * scale, size=style.font + 5 * scale)
    right = style.width - _RIGHT * scale
    if style.detail:
        meant = "costs include wear and settle what is left in the battery  ·  " if settled else ""
        note = f"{meant}hours of {timezone}"
        add_text(figure, note, left=right, top=0.36 * scale, size=style.font - 1, colour=QUIET, ha="right")


def _legend(figure: "Figure", style: Style, panels: Sequence[_Panel]) -> None:
    """Add an entry for each kind of thing that is drawn; price and state of charge have named axes of their own."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    entries: dict[str, tuple[str, Artist]] = {
        "charge": ("battery charges", Patch(color=BLUE)),
        "discharge": ("battery discharges", Patch(color=VERMILION)),
        "export": ("export", Patch(facecolor="none", edgecolor=GREEN, linewidth=style.line)),
    }
    if style.detail:
        entries["load"] = ("load", Line2D([], [], color=INK, linewidth=_LOAD_LINE))
        entries["pv"] = ("PV", Patch(color=ORANGE, alpha=0.22))
    drawn = [entry for flow, entry in entries.items() if any(np.any(panel.kw(flow) > _CRUMB_KW) for panel in panels)]
    if drawn:
        add_legend(figure, style, drawn, left=_LEFT * style.scale, top=0.66 * style.scale)


def _title(figure: "Figure", style: Style, top: float, policy: str, costs: Mapping[str, float], currency: str) -> None:
    """The policy's name, and at the other end what the day cost it."""
    line = top + (_TITLE - 0.09) * style.scale
    size = style.font + 1
    add_text(figure, policy_name(policy), left=_LEFT * style.scale, top=line, size=size, weight="bold")
    if policy in costs:
        text = _cost_text(policy, costs, currency)
        add_text(figure, text, left=style.width - _RIGHT * style.scale, top=line, size=size, ha="right")


def _cost_text(policy: str, costs: Mapping[str, float], currency: str) -> str:
    """Return in words the cost of the day and its difference to idle."""
    cost = costs[policy]
    text = f"{'paid' if cost >= 0 else 'earned'} {abs(cost):.2f} {currency}"
    if policy == "idle" or "idle" not in costs:
        return text
    saved = costs["idle"] - cost
    return f"{text}, {abs(saved):.2f} {'better' if saved >= 0 else 'worse'} than unused"


def _draw_power(axes: "Axes", style: Style, panel: _Panel, clock: Clock, ranges: _Ranges) -> None:
    """Battery, export, load and PV."""
    edges = clock.edges
    if style.detail:
        axes.stairs(panel.kw("pv"), edges, fill=True, color=ORANGE, alpha=0.22, linewidth=0)
    axes.stairs(panel.kw("charge"), edges, fill=True, color=BLUE, linewidth=0)
    axes.stairs(-panel.kw("discharge"), edges, fill=True, color=VERMILION, linewidth=0)
    if style.detail:
        axes.stairs(panel.kw("load"), edges, baseline=None, color=INK, linewidth=_LOAD_LINE)
    export = panel.kw("export")
    # Without the zeros, so that only what is exported has an outline.
    negative_export = np.where(export > _CRUMB_KW, -export, np.nan)
    axes.stairs(negative_export, edges, baseline=0, color="white", linewidth=style.line * 2.2)
    axes.stairs(negative_export, edges, baseline=0, color=GREEN, linewidth=style.line)
    axes.axhline(0, color=QUIET, linewidth=0.6)
    axes.set_ylim(*ranges.power)
    axes.yaxis.set_major_locator(_few_ticks())
    axes.yaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
    name_axis(axes, style, "kW", -_LABEL * style.scale)


def _draw_price(
    axes: "Axes", style: Style, price: Values, clock: Clock, ends: tuple[float, float], currency: str
) -> None:
    """The import price as steps from its own zero, in another colour below it."""
    for part, colour in ((np.clip(price, 0, None), SKY), (np.clip(price, None, 0), PURPLE)):
        axes.stairs(part, clock.edges, fill=True, color=colour, alpha=0.35, linewidth=0)
    axes.stairs(price, clock.edges, baseline=None, color=INK, linewidth=style.line)
    axes.axhline(0, color=QUIET, linewidth=0.6)
    axes.set_ylim(*ends)
    axes.yaxis.set_major_locator(_few_ticks())
    name_axis(axes, style, f"{currency}/kWh", -_LABEL * style.scale)


def _draw_soc(axes: "Axes", style: Style, panel: _Panel, clock: Clock, capacity_kwh: float) -> None:
    """Stored energy as a share of the capacity, at the fence posts between the slots."""
    starts, ends = panel.numbers("soc_start_kwh"), panel.numbers("soc_end_kwh")
    percent = np.append(starts, ends[-1]) / capacity_kwh * 100
    # A slot that is missing after one that is there: that one's end is known.
    percent[1:] = np.where(np.isnan(percent[1:]), ends / capacity_kwh * 100, percent[1:])
    axes.fill_between(clock.edges, percent, color=PURPLE, alpha=0.45, linewidth=0)
    axes.plot(clock.edges, percent, color=PURPLE, linewidth=style.line)
    axes.set_ylim(0, 105)
    axes.set_yticks([0, 50, 100])
    name_axis(axes, style, "SoC %", -_LABEL * style.scale)


def _draw_clock(axes: "Axes", style: Style, clock: Clock, *, named: bool) -> None:
    """Hours of the wall clock beneath, and where it was changed."""
    every = 1 if style.detail else _SMALL_TICKS
    shown = [(tick, hour) for tick, hour in zip(clock.ticks, clock.hours, strict=True) if hour % every == 0]
    axes.set_xlim(clock.edges[0], clock.edges[-1])
    axes.set_xticks([tick for tick, _ in shown], [f"{hour:02d}" if named else "" for _, hour in shown])
    for at, by in clock.jumps:
        if by < 0:
            axes.axvspan(at, at - by, color=SHADE, linewidth=0, zorder=0)
        axes.axvline(at, color=QUIET, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)


def _name_jumps(axes: "Axes", style: Style, clock: Clock) -> None:
    """Say what happened to the clock, above the hour."""
    for at, by in clock.jumps:
        text = f"clock {'back' if by < 0 else 'forward'} {abs(by):g} h"
        axes.annotate(
            text,
            (at, axes.get_ylim()[1]),
            xytext=(0, 2),
            textcoords="offset points",
            fontsize=style.font - 2,
            color=QUIET,
            va="bottom",
        )


def _few_ticks() -> "MaxNLocator":
    """Few and round ticks."""
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10])
