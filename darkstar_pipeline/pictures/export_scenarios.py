"""Plot of export scenarios: what was to be sold against what is, and the money that it earns or costs."""

# Matplotlib leaves its keyword arguments untyped.
# pyright: reportUnknownMemberType=false

from collections.abc import Sequence
from typing import TYPE_CHECKING

from darkstar_pipeline.pictures.canvas import (
    BLUE,
    INK,
    LARGE,
    ORANGE,
    QUIET,
    VERMILION,
    add_axes,
    add_text,
    new_figure,
)
from planner.whatif.exports import ExportScenarios
from planner.wording.messages import joined, phrase, translated

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TOP, _KEY, _HEIGHT, _BOTTOM = 1.45, 0.3, 2.9, 0.75


def export_figure(found: ExportScenarios, *, currency: str, relaxed: Sequence[str]) -> "Figure":
    """Draw export scenarios.

    Args:
        found: the scenarios.
        currency: of the money.
        relaxed: what is not the home's own economics; empty where all is.
    """
    style = LARGE
    figure = new_figure(style, _TOP + _HEIGHT + _BOTTOM)
    title = phrase("Selling more in the {n} dearest slots", n=len(found.slots))
    add_text(figure, translated(title), left=0.3, top=0.4, size=style.font + 4)
    if relaxed:
        mark = phrase("RELAXED ECONOMICS, not the home's own: {relaxed}", relaxed=joined(", ", relaxed))
        add_text(figure, translated(mark), left=0.3, top=0.68, size=style.font, colour=VERMILION)
    width = (style.width - 2.2) / 2
    targets = [scenario.target_kwh for scenario in found.scenarios]
    sold = [scenario.realised_kwh for scenario in found.scenarios]
    left = add_axes(figure, style, left=0.9, top=_TOP, width=width, height=_HEIGHT)
    left.plot(targets, targets, color=QUIET, linewidth=style.line, linestyle="--", label=translated(phrase("target")))
    left.plot(targets, sold, color=BLUE, linewidth=style.line, marker="o", label=translated(phrase("sold")))
    left.axhline(found.baseline_kwh, color=ORANGE, linewidth=style.line, label=translated(phrase("without a target")))
    left.set_ylim(bottom=0)
    right = add_axes(figure, style, left=0.9 + width + 1.0, top=_TOP, width=width, height=_HEIGHT)
    right.axhline(0, color=INK, linewidth=0.8)
    income = [scenario.income for scenario in found.scenarios]
    net = [scenario.net for scenario in found.scenarios]
    right.plot(
        targets,
        income,
        color=ORANGE,
        linewidth=style.line,
        marker="o",
        label=translated(phrase("paid for what is sold there")),
    )
    right.plot(
        targets,
        net,
        color=BLUE,
        linewidth=style.line,
        marker="o",
        label=translated(phrase("net over the whole horizon")),
    )
    headings = (phrase("export in these slots [kWh]"), phrase("money [{currency}]", currency=currency))
    for axes, name, at in ((left, headings[0], 0.9), (right, headings[1], 1.9 + width)):
        axes.set_xlabel(translated(phrase("target [kWh]")), fontsize=style.font - 1, color=QUIET)
        add_text(figure, translated(name), left=at, top=_TOP - 0.14 - _KEY, size=style.font)
        axes.legend(  # above the axes, where no line runs
            loc="lower left",
            bbox_to_anchor=(-0.01, 1.0),
            ncols=3,
            frameon=False,
            fontsize=style.font - 1,
            borderaxespad=0.2,
            handlelength=1.8,
            columnspacing=1.4,
        )
    return figure
