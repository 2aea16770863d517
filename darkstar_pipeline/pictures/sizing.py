"""Plot of a grid of sizes: a map of capacity and power for each size of panels, savings above, payback below."""

# Matplotlib leaves its keyword arguments untyped.
# pyright: reportUnknownMemberType=false

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from darkstar_pipeline.pictures.canvas import INK, LARGE, QUIET, Style, add_axes, add_text, hide_frame, new_figure
from planner.whatif.sizing import SizeResult
from planner.wording.languages import localized, spoken
from planner.wording.messages import phrase, translated

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CELL, _LEFT, _TOP, _GAP, _BOTTOM = 0.46, 1.0, 1.15, 1.05, 0.75
_DARK = 0.55
"""Share of a map's range above which its cells are dark [0-1]."""
Value = Callable[[SizeResult], float | None]


def sizing_figure(results: Sequence[SizeResult], *, title: str, currency: str, yearly: bool) -> "Figure":
    """Draw a grid of sizes.

    Args:
        results: a size each; every capacity with every power.
        title: what was replayed, in words.
        currency: of the money.
        yearly: whether savings are those of a year; else of the days replayed.
    """
    style = LARGE
    scales = sorted({result.size.pv_scale for result in results})
    powers = sorted({result.size.power_kw for result in results})
    paid = any(result.payback_years is not None for result in results)
    rows = 2 if paid else 1
    width = (style.width - _LEFT * len(scales) - 0.3) / len(scales)
    height = max(len(powers), 3) * _CELL
    figure = new_figure(style, _TOP + rows * (height + _GAP) - _GAP + _BOTTOM)
    add_text(figure, title, left=0.3, top=0.4, size=style.font + 4)
    lower = phrase("lower bills on these days [{currency}]", currency=currency)
    if yearly:
        lower = phrase("lower bills a year [{currency}]", currency=currency)
    maps: list[tuple[str, Value, str]] = [(lower, lambda result: _bill(result, yearly=yearly), "Blues")]
    if paid:
        maps.append((phrase("years until the price is paid back"), lambda result: result.payback_years, "Oranges_r"))
    for row, (name, value, colours) in enumerate(maps):
        for column, scale in enumerate(scales):
            own = [result for result in results if result.size.pv_scale == scale]
            left, top = _LEFT + column * (width + _LEFT), _TOP + row * (height + _GAP)
            axes = add_axes(figure, style, left=left, top=top, width=width, height=height)
            every = [found for result in results if (found := value(result)) is not None]
            _draw_map(axes, style, own, value, (min(every), max(every)), colours)
            said = name if scales == [1.0] else phrase("{what}, panels × {scale}", what=name, scale=f"{scale:g}")
            add_text(figure, translated(said), left=left, top=top - 0.14, size=style.font, colour=INK)
    return figure


def _bill(result: SizeResult, *, yearly: bool) -> float | None:
    return result.yearly_bill_saving if yearly else result.bill_saving


def _draw_map(
    axes: "Axes", style: Style, results: Sequence[SizeResult], value: Value, bounds: tuple[float, float], colours: str
) -> None:
    """Draw a value of every capacity and power, written into its cell; dark is good."""
    capacities = sorted({result.size.capacity_kwh for result in results})
    powers = sorted({result.size.power_kw for result in results})
    table = np.full((len(powers), len(capacities)), np.nan)
    for result in results:
        found = value(result)
        at = powers.index(result.size.power_kw), capacities.index(result.size.capacity_kwh)
        table[at] = np.nan if found is None else found
    low, high = bounds
    axes.imshow(table, origin="lower", aspect="auto", cmap=colours, vmin=low, vmax=high if high > low else low + 1)
    axes.grid(visible=False)
    hide_frame(axes, style)
    axes.set_xticks(range(len(capacities)), [f"{capacity:g}" for capacity in capacities])
    axes.set_yticks(range(len(powers)), [f"{power:g}" for power in powers])
    axes.set_xlabel(translated(phrase("capacity [kWh]")), fontsize=style.font - 1, color=QUIET)
    axes.set_ylabel(translated(phrase("power [kW]")), fontsize=style.font - 1, color=QUIET)
    most = max((abs(each) for each in bounds), default=0.0)
    digits = 0 if most >= 100 else 1  # noqa: PLR2004 - three figures can be read in a cell
    for row in range(len(powers)):
        for column in range(len(capacities)):
            number = float(table[row, column])
            text = "–" if np.isnan(number) else localized(f"{number:.{digits}f}", spoken())
            share = 0.0 if np.isnan(number) or high <= low else (number - low) / (high - low)
            dark = share > _DARK if not colours.endswith("_r") else share < 1 - _DARK
            colour = "white" if dark and text != "–" else INK
            axes.text(column, row, text, ha="center", va="center", fontsize=style.font - 1.5, color=colour)
