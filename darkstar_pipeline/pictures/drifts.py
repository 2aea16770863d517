"""Plot of learned values over the days: errors of the forecasts by hours, and the battery's losses."""

# Matplotlib leaves its keyword arguments untyped.
# pyright: reportUnknownMemberType=false

from typing import TYPE_CHECKING

import polars as pl

from darkstar_pipeline.pictures.canvas import (
    BLUE,
    GREEN,
    INK,
    LARGE,
    ORANGE,
    QUIET,
    VERMILION,
    add_axes,
    add_text,
    new_figure,
)
from planner.tuning.quantities import BANDS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TOP, _HEIGHT, _GAP, _BOTTOM = 1.1, 1.7, 0.75, 0.6
_COLOURS = (BLUE, ORANGE, GREEN, VERMILION)


def drift_figure(rows: pl.DataFrame) -> "Figure":
    """Draw the values since each step; resets and returns are dotted lines.

    Args:
        rows: the history of `learning_document`, in order of time.
    """
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    style = LARGE
    panels = {
        "load over its forecast": [name for name in BANDS if name.startswith("load")],
        "PV over its forecast": [name for name in BANDS if name.startswith("pv")],
        "round trip": ["round_trip_efficiency"],
    }
    figure = new_figure(style, _TOP + len(panels) * (_HEIGHT + _GAP) + _BOTTOM - _GAP)
    first, last = rows["local_day"][0], rows["local_day"][-1]
    add_text(figure, f"What was learned, {first} to {last}", left=0.3, top=0.4, size=style.font + 4)
    returns = rows.filter(pl.col("action").is_in(["reset", "undone"]))["at"].unique().to_list()
    for place, (title, names) in enumerate(panels.items()):
        top = _TOP + place * (_HEIGHT + _GAP)
        axes = add_axes(figure, style, left=0.9, top=top, width=style.width - 2.6, height=_HEIGHT)
        add_text(figure, title, left=0.9, top=top - 0.12, size=style.font)
        for name, colour in zip(names, _COLOURS, strict=False):
            own = rows.filter(quantity=name)
            axes.step(own["at"], own["new_value"], where="post", color=colour, linewidth=style.line, label=_words(name))
            axes.axhline(own["configured"][-1], color=INK, linewidth=0.6)
        for at in returns:
            axes.axvline(at, color=QUIET, linewidth=0.9, linestyle=":")
        ticks = AutoDateLocator(maxticks=8, interval_multiples=False)
        axes.xaxis.set_major_locator(ticks)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(ticks, show_offset=False))
        axes.legend(
            loc="upper left", bbox_to_anchor=(1.01, 1.05), frameon=False, fontsize=style.font - 1, handlelength=1.4
        )
    return figure


def _words(name: str) -> str:
    """Return a quantity as the legend names it."""
    return name.partition("_")[2].replace("_", " ") if name in BANDS else "learned"
