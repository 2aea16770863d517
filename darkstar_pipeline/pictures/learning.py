"""Pictures of learning: what each round cost on validation days, and what a policy does by energy stored and price."""

# pyright: reportUnknownMemberType=false

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from darkstar_pipeline.pictures.canvas import BLUE, INK, LARGE, QUIET, blank, name_axis, place, png_bytes, write
from env.inverter import Energy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Curve = Sequence[tuple[int, float]]
_HEIGHT = 4.2


def learning_curve_png(curves: Mapping[str, Curve], *, title: str, currency: str) -> bytes:
    """What each round cost on validation days, a line a learner, beside no correction at all.

    Args:
        curves: `(round, mean cost of a day)` by the learner's name; round 0 is no correction [money].
        title: above.
        currency: of the cost.
    """
    figure = blank(LARGE, _HEIGHT)
    write(figure, title, left=0.35, top=0.4, size=LARGE.font + 5)
    axes = place(figure, LARGE, left=1.1, top=0.95, width=8.6, height=2.6)
    for number, (name, curve) in enumerate(curves.items()):
        rounds, costs = zip(*curve, strict=True)
        axes.plot(
            rounds, costs, color=BLUE, alpha=1 / (1 + 0.5 * number), linewidth=LARGE.line, marker="o", markersize=3
        )
        best = int(np.argmin(costs))
        axes.plot([rounds[best]], [costs[best]], marker="o", markersize=7, color=BLUE, fillstyle="none")
        axes.annotate(
            name, (rounds[-1], costs[-1]), xytext=(8, 0), textcoords="offset points", fontsize=LARGE.font - 1.5,
            color=INK, va="center",
        )  # fmt: skip
    _draw_start(axes, curves)
    name_axis(axes, LARGE, f"mean cost of a validation day [{currency}]", -0.8)
    axes.set_xlabel("round; the ring is what is kept", fontsize=LARGE.font - 1.5, color=QUIET)
    axes.margins(x=0.03, y=0.15)
    return png_bytes(figure)


def _draw_start(axes: "Axes", curves: Mapping[str, Curve]) -> None:
    """The cost before any training."""
    starts = [curve[0][1] for curve in curves.values()]
    axes.axhline(starts[0], color=QUIET, linewidth=1, linestyle=(0, (4, 3)))


def policy_map_png(
    battery_kw: Energy, soc_percent: Energy, import_price: Energy, *, title: str, currency: str
) -> bytes:
    """What a policy does to the battery at each state of charge and price of a slot.

    Args:
        battery_kw: charged, or discharged where negative `(n_soc, n_prices)` [kW].
        soc_percent: state of charge of the rows, ascending [%].
        import_price: of the columns, ascending [money/kWh].
        title: above.
        currency: of the price.
    """
    figure = blank(LARGE, 5.2)
    write(figure, title, left=0.35, top=0.4, size=LARGE.font + 5)
    axes = place(figure, LARGE, left=1.1, top=0.95, width=8.6, height=3.5)
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
