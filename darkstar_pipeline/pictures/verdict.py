"""Plot of a verdict: captured share of the possible saving by policy, and cumulative cost against MPC."""

# Matplotlib leaves its keyword arguments untyped.
# pyright: reportUnknownMemberType=false

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl

from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.pictures.canvas import (
    INK,
    LARGE,
    QUIET,
    SMALL,
    Style,
    add_axes,
    add_text,
    new_figure,
    policy_colours,
    policy_name,
)
from planner.evaluation.verdict import paid

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

REFERENCE = "mpc"
# Off the right half by design: not using the battery is so far from all others that they would be one line.
_OFF_SCALE = "idle"

# Inches of the large picture; a smaller style scales them.
_TOP, _BOTTOM = 1.0, 0.5
_ROW, _LEAST_ROWS = 0.7, 4  # of a policy; fewer policies leave room
_NAMES, _SHARES, _COSTS = 2.25, 2.35, 1.15  # left half: names, bars, what was paid
_MIDDLE, _ENDS = 0.65, 2.35  # between the halves, and room for the names at the lines' ends
_MARGIN = 0.3
_LINE = 0.19  # between names at the lines' ends

_BAR = 0.03  # width of the interval's bar, as a share of the days

Row = Mapping[str, Any]


class _End(NamedTuple):
    """Label at the end of a line."""

    policy: str
    text: str
    value: float


def verdict_figure(days: pl.DataFrame, totals: pl.DataFrame, *, currency: str, small: bool = False) -> "Figure":
    """Draw a verdict.

    Args:
        days: `day, policy, cost` [money] as `Evaluation.days`, with `power_cost` where power is charged; days that not
            every policy has are left out.
        totals: as `Evaluation.totals`, a row per policy in the order to be shown.
        currency: currency of the costs.
        small: a picture for a page's margin, under 50 kB as PNG.

    Raises:
        DataMissingError: no policy, or no day.
    """
    if totals.is_empty() or days.is_empty():
        raise DataMissingError("no evaluated day to draw", "evaluate a range that has usable days")
    style = SMALL if small else LARGE
    rows = totals.to_dicts()
    height = max(len(rows), _LEAST_ROWS) * _ROW
    figure = new_figure(style, (_TOP + height + _BOTTOM) * style.scale)
    shared = days.filter(pl.col("policy").n_unique().over("day") == days["policy"].n_unique())
    _head(figure, style, shared)
    _draw_shares(figure, style, rows, height * style.scale, currency)
    _draw_differences(figure, style, rows, height * style.scale, differences(shared), currency)
    return figure


def differences(days: pl.DataFrame) -> pl.DataFrame:
    """Return the cumulative cost against MPC.

    Args:
        days: `day, policy, cost` [money], with `power_cost` where power is charged.

    Returns:
        `day`, and a column per policy other than MPC and idle [money]; no column but `day` where MPC is missing.
    """
    if REFERENCE not in days["policy"].unique():
        return days.select("day").unique().sort("day")
    billed = days.with_columns(cost=paid(days))
    wide = billed.pivot(on="policy", index="day", values="cost", maintain_order=True).sort("day")
    others = [name for name in wide.columns if name not in ("day", REFERENCE, _OFF_SCALE)]
    return wide.select("day", *((pl.col(name) - pl.col(REFERENCE)).cum_sum() for name in others))


def _head(figure: "Figure", style: Style, days: pl.DataFrame) -> None:
    """Write the title: number of days, first and last day."""
    shown = days["day"].unique().sort()
    count = f"{len(shown)} day{'' if len(shown) == 1 else 's'}"
    span = f", {shown[0]}" + (f" to {shown[-1]}" if len(shown) > 1 else "") if len(shown) else ""
    text, size = f"Verdict on {count}{span}", style.font + 5 * style.scale
    add_text(figure, text, left=_MARGIN * style.scale, top=0.38 * style.scale, size=size)


def _heading(figure: "Figure", style: Style, left: float, name: str, note: str) -> None:
    """Write the heading of a half."""
    top = (_TOP - 0.16) * style.scale
    drawn = add_text(figure, name, left=left, top=top, size=style.font + 0.5, weight="bold")
    after = drawn.get_window_extent().x1 / figure.dpi + 0.1 * style.scale
    add_text(figure, note, left=after, top=top, size=style.font - 1, colour=QUIET)


def _draw_shares(figure: "Figure", style: Style, rows: Sequence[Row], height: float, currency: str) -> None:
    """Draw a bar for each policy, with its share and its cost beside it."""
    scale = style.scale
    _heading(figure, style, _MARGIN * scale, "Captured share", "of what perfect hindsight saves against idle")
    axes = add_axes(figure, style, left=_NAMES * scale, top=_TOP * scale, width=_SHARES * scale, height=height)
    colours = policy_colours([row["policy"] for row in rows])
    shares = [0.0 if row["captured_share"] is None else 100 * row["captured_share"] for row in rows]
    places = np.arange(len(rows))
    axes.barh(places, shares, color=[colours[row["policy"]] for row in rows], height=0.56)
    # A policy that lost ten times what could be won is not to make all others invisible.
    axes.set_xlim(max(min(0.0, *shares) * 1.1, -100.0), 100.0)
    axes.set_ylim(max(len(rows), _LEAST_ROWS) - 0.5, -0.5)
    axes.set_xticks([0, 50, 100], ["0", "50", "100 %"])
    axes.set_yticks(places, [policy_name(row["policy"]) for row in rows])
    axes.tick_params(axis="y", labelsize=style.font - 0.5, labelcolor=INK, pad=8 * scale)
    axes.grid(visible=False, axis="y")
    for at, row in enumerate(rows):
        _write_share(axes, style, at, row, currency)


def _write_share(axes: "Axes", style: Style, at: int, row: Row, currency: str) -> None:
    """Write a policy's share and its cost right of the bars."""
    share = row["captured_share"]
    lines = (
        ("–" if share is None else f"{100 * share:.1f} %", "bold", INK, 0.6),
        (f"{_amount(row['total_cost'])} {currency}", "normal", QUIET, -0.75),
    )
    for text, weight, colour, up in lines:
        axes.annotate(
            text,
            (1.04, at),
            xycoords=axes.get_yaxis_transform(),
            xytext=(0, up * style.font),
            textcoords="offset points",
            fontsize=style.font - 0.5,
            weight=weight,
            color=colour,
            va="center",
        )


def _draw_differences(
    figure: "Figure", style: Style, rows: Sequence[Row], height: float, lines: pl.DataFrame, currency: str
) -> None:
    """Draw a line for each policy, with the interval of the total at its end."""
    scale = style.scale
    left = (_NAMES + _SHARES + _COSTS + _MIDDLE) * scale
    note = f"added up, {currency}" + ("; the total with its 95 % interval; idle left out" if style.detail else "")
    _heading(figure, style, left - 0.35 * scale, "Cost against MPC", note)
    width = style.width - left - _ENDS * scale
    axes = add_axes(figure, style, left=left, top=_TOP * scale, width=width, height=height)
    shown = [row for row in rows if row["policy"] in lines.columns]
    if not shown:
        axes.set_axis_off()
        axes.text(0.0, 0.9, _nothing_to_compare(rows), transform=axes.transAxes, fontsize=style.font, color=QUIET)
        return
    days = lines["day"].to_list()
    colours = policy_colours([REFERENCE, *(row["policy"] for row in rows)])
    axes.axhline(0, color=colours[REFERENCE], linewidth=style.line)
    for row in shown:
        _draw_line(axes, style, days, lines[row["policy"]].to_list(), row, colours[row["policy"]])
    _scale_days(axes, days, ticks=6 if style.detail else 4)
    ends = [_End(row["policy"], _end_text(row, lines[row["policy"]][-1]), lines[row["policy"]][-1]) for row in shown]
    _name_ends(axes, style, [_End(REFERENCE, policy_name(REFERENCE), 0.0), *ends], colours, height)


def _draw_line(
    axes: "Axes", style: Style, days: Sequence[date], values: Sequence[float], row: Row, colour: str
) -> None:
    """Draw a policy's line, and the interval a little after its end."""
    x = [day.toordinal() for day in days]
    axes.plot(x, values, color=colour, linewidth=style.line, marker="o" if len(days) == 1 else "", markersize=4)
    low, high = row["cost_vs_mpc_low"], row["cost_vs_mpc_high"]
    if low is not None and high is not None:
        axes.fill_between([x[-1], x[-1] + _bar(days)], low, high, color=colour, alpha=0.3, linewidth=0)


def _bar(days: Sequence[date]) -> float:
    """Return the width of the interval's bar [days]."""
    return max(0.2, _BAR * (days[-1] - days[0]).days)


def _scale_days(axes: "Axes", days: Sequence[date], *, ticks: int) -> None:
    """Set evenly spaced day ticks, and a margin above and below the lines."""
    span = (days[-1] - days[0]).days
    step = max(1, -(-span // (ticks - 1)))
    marked = [days[0] + timedelta(days=ahead) for ahead in range(0, span + 1, step)]
    axes.set_xticks([day.toordinal() for day in marked], [f"{day.day} {day:%b}" for day in marked])
    axes.set_xlim(days[0].toordinal() - (0.5 if span == 0 else 0), days[-1].toordinal() + _bar(days))
    axes.margins(y=0.08)


def _end_text(row: Row, last: float) -> str:
    """Return the name of a line, and beneath it the total with its interval."""
    low, high = row["cost_vs_mpc_low"], row["cost_vs_mpc_high"]
    interval = "" if low is None or high is None else f", {_amount(low, '+')} to {_amount(high, '+')}"
    return f"{policy_name(row['policy'])}\n{_amount(last, '+')}{interval}"


def _amount(value: float, sign: str = "") -> str:
    """Format an amount of money with a minus sign; `+` shows a plus, too; from 1000 on without decimals."""
    digits = 0 if abs(value) >= 1000 else 2  # noqa: PLR2004 - said by the docstring
    return f"{value:{sign}.{digits}f}".replace("-", "−")


def _nothing_to_compare(rows: Sequence[Row]) -> str:
    policies = [row["policy"] for row in rows]
    return "no other policy to compare" if REFERENCE in policies else "MPC was not evaluated"


def _name_ends(axes: "Axes", style: Style, ends: "Sequence[_End]", colours: Mapping[str, str], height: float) -> None:
    """Write names at the right ends of the lines, pushed apart if the lines end close together."""
    low, high = axes.get_ylim()
    ordered = sorted(ends, key=lambda end: end.value)
    room = [_LINE * style.scale * (end.text.count("\n") + 1) for end in ordered]
    targets = [(end.value - low) / (high - low) * height for end in ordered]
    inside = axes.transAxes
    for end, middle in zip(ordered, spread_apart(targets, room, height), strict=True):
        at, thick = middle / height, 2.5 * style.scale
        axes.plot([1.02, 1.055], [at, at], color=colours[end.policy], linewidth=thick, transform=inside, clip_on=False)
        axes.text(1.075, at, end.text, fontsize=style.font - 1.5, color=INK, va="center", transform=inside)


def spread_apart(targets: Sequence[float], room: Sequence[float], height: float) -> list[float]:
    """Return ascending middles of texts with room for each, by one pass up and one down [inch]."""
    middles = list(targets)
    for i in range(1, len(middles)):
        middles[i] = max(middles[i], middles[i - 1] + (room[i] + room[i - 1]) / 2)
    ceiling = height
    for i in reversed(range(len(middles))):
        middles[i] = min(middles[i], ceiling - room[i] / 2)
        ceiling = middles[i] - room[i] / 2
    return middles
