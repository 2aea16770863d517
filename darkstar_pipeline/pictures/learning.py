"""Plots of training: cost of each round on validation days, cost over the oracle, and the map of a policy."""

# pyright: reportUnknownMemberType=false

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from darkstar_pipeline.pictures.canvas import (
    BLUE,
    INK,
    LARGE,
    QUIET,
    add_axes,
    add_text,
    name_axis,
    new_figure,
    png_bytes,
    policy_colours,
    policy_name,
)
from env.inverter import Energy
from planner.evaluation.verdict import paid

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Curve = Sequence[tuple[int, float]]
_HEIGHT = 4.2
_CURVE_HEIGHT, _MARGIN = 2.6, 0.15  # of the curves [inch]; above and below them, of their span
MOST_TICKS = 8


def learning_curve_png(curves: Mapping[str, Curve], *, title: str, currency: str) -> bytes:
    """Plot the cost of each round on validation days, a line a learner, beside no correction; return PNG.

    Args:
        curves: `(round, mean cost of a day)` by the learner's name; round 0 is no correction [money].
        title: title of the plot.
        currency: currency of the cost.
    """
    from matplotlib.ticker import MaxNLocator

    figure = new_figure(LARGE, _HEIGHT)
    add_text(figure, title, left=0.35, top=0.4, size=LARGE.font + 5)
    axes = add_axes(figure, LARGE, left=1.1, top=0.95, width=8.6, height=_CURVE_HEIGHT)
    for number, curve in enumerate(curves.values()):
        rounds, costs = zip(*curve, strict=True)
        axes.plot(
            rounds, costs, color=BLUE, alpha=1 / (1 + 0.5 * number), linewidth=LARGE.line, marker="o", markersize=3
        )
        best = int(np.argmin(costs))
        axes.plot([rounds[best]], [costs[best]], marker="o", markersize=7, color=BLUE, fillstyle="none")
    _name_ends(axes, curves)
    _draw_start(axes, curves)
    name_axis(axes, LARGE, f"mean cost of a validation day [{currency}]", -0.8)
    axes.set_xlabel("round; the ring is the cheapest", fontsize=LARGE.font - 1.5, color=QUIET)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.margins(x=0.03, y=_MARGIN)
    return png_bytes(figure)


def _name_ends(axes: "Axes", curves: Mapping[str, Curve]) -> None:
    """Write names at the ends of the lines, the lowest first, each at least a line of text above the one before."""
    every = [cost for curve in curves.values() for _, cost in curve]
    span = max(every) - min(every)
    height = 72 * _CURVE_HEIGHT / (1 + 2 * _MARGIN)  # of the span [pt]
    below = -np.inf
    for name in sorted(curves, key=lambda learner: curves[learner][-1][1]):
        at, cost = curves[name][-1]
        own = (cost - min(every)) / span * height if span > 0 else 0.0
        below = max(own, below + 1.3 * LARGE.font)
        axes.annotate(
            name, (at, cost), xytext=(8, below - own), textcoords="offset points", fontsize=LARGE.font - 1.5,
            color=INK, va="center",
        )  # fmt: skip


def _draw_start(axes: "Axes", curves: Mapping[str, Curve]) -> None:
    """Draw the cost before any training."""
    starts = [curve[0][1] for curve in curves.values()]
    axes.axhline(starts[0], color=QUIET, linewidth=1, linestyle=(0, (4, 3)))


def policy_map_png(
    battery_kw: Energy, soc_percent: Energy, import_price: Energy, *, title: str, currency: str
) -> bytes:
    """Plot a policy's battery power at each state of charge and price of a slot; return PNG.

    Args:
        battery_kw: battery power, negative for discharge `(n_soc, n_prices)` [kW].
        soc_percent: state of charge of the rows, ascending [%].
        import_price: import price of the columns, ascending [money/kWh].
        title: title of the plot.
        currency: currency of the price.
    """
    figure = new_figure(LARGE, 5.2)
    add_text(figure, title, left=0.35, top=0.4, size=LARGE.font + 5)
    axes = add_axes(figure, LARGE, left=1.1, top=0.95, width=8.6, height=3.5)
    most = max(float(np.abs(battery_kw).max()), 1e-9)
    drawn = axes.pcolormesh(
        import_price, soc_percent, battery_kw, cmap="PuOr", vmin=-most, vmax=most, shading="nearest"
    )
    axes.set_xlabel(f"import price [{currency}/kWh]", fontsize=LARGE.font - 1.5, color=QUIET)
    name_axis(axes, LARGE, "state of charge [%]", -0.8)
    bar = figure.colorbar(drawn, cax=figure.add_axes((0.85, 0.14, 0.015, 3.5 / 5.2)))
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue] - a patch, typed as a descriptor
    bar.ax.tick_params(length=0, labelsize=LARGE.font - 2, labelcolor=QUIET)
    bar.set_label("charging (+), discharging (−) [kW]", fontsize=LARGE.font - 1.5, color=QUIET)
    return png_bytes(figure)


def cost_over_oracle_png(days: pl.DataFrame, policies: Sequence[str], *, title: str, currency: str) -> bytes:
    """Plot the cumulative cost of each policy over the oracle's; return PNG.

    Args:
        days: `day, policy, cost` [money], with `oracle` among the policies, and `power_cost` where power is charged.
        policies: policies to draw, the most important first.
        title: title of the plot.
        currency: currency of the cost.
    """
    billed = days.with_columns(cost=paid(days))
    wide = billed.pivot(on="policy", index="day", values="cost", maintain_order=True).sort("day").drop_nulls()
    figure = new_figure(LARGE, _HEIGHT)
    add_text(figure, title, left=0.35, top=0.4, size=LARGE.font + 5)
    axes = add_axes(figure, LARGE, left=1.1, top=0.95, width=8.6, height=2.6)
    colours = policy_colours(policies)
    ends = {policy: (wide[policy] - wide["oracle"]).cum_sum().to_list() for policy in policies}
    room = 0.09 * max(max(line) for line in ends.values())
    at = -np.inf
    for policy in sorted(ends, key=lambda name: ends[name][-1]):
        line = ends[policy]
        axes.plot(wide["day"].to_list(), line, color=colours[policy], linewidth=LARGE.line)
        at = max(line[-1], at + room)
        axes.annotate(
            f"{policy_name(policy)}  {line[-1]:.1f}", (wide["day"][-1], at), xytext=(8, 0),
            textcoords="offset points", fontsize=LARGE.font - 1.5, color=colours[policy], va="center",
        )  # fmt: skip
    days_shown = wide["day"].to_list()
    marked = days_shown[:: max(1, -(-len(days_shown) // MOST_TICKS))]
    axes.set_xticks(marked, [f"{day.day} {day:%b}" for day in marked])
    name_axis(axes, LARGE, f"paid more than the oracle, added up [{currency}]", -0.8)
    axes.margins(x=0.02, y=0.12)
    axes.set_ylim(bottom=0)
    return png_bytes(figure)
