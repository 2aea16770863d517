"""Common parts of all plots: sizes, colours, names, and the output of figures as PNG.

Colours are those of Okabe and Ito, "Color Universal Design" (2008), distinct for people with any colour vision.
"""

# Matplotlib leaves its keyword arguments untyped.
# pyright: reportUnknownMemberType=false

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from darkstar_pipeline.state.atomic_files import atomic_write

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

BLUE, SKY, GREEN = "#0072B2", "#56B4E9", "#009E73"
ORANGE, VERMILION, PURPLE = "#E69F00", "#D55E00", "#CC79A7"
INK, QUIET, FAINT, SHADE = "#222222", "#6B6B6B", "#E3E3E3", "#EFEFEF"

DPI = 100
_NAMES = {
    "idle": "Battery unused",
    "self_consumption": "Self-consumption",
    "mpc": "Optimiser (MPC)",
    "value": "Value function",
    "oracle": "Oracle (perfect hindsight)",
    "lightgbm": "LightGBM policy",
    "rl": "Reinforcement learning",
    "champion": "Champion",
}
_LONGEST_NAME = 28  # characters
_COLOURS = {"idle": QUIET, "self_consumption": ORANGE, "mpc": BLUE, "value": SKY, "oracle": GREEN}
_FURTHER = (VERMILION, PURPLE, INK)


@dataclass(frozen=True, kw_only=True)
class Style:
    """A size of plot.

    Attributes:
        width: width of the plot [inch, 100 pixels each].
        scale: ratio of every other length to the large plot's.
        font: size of ordinary text [point].
        line: width of the main lines [point].
        detail: whether there is room for secondary information.
    """

    width: float
    scale: float
    font: float
    line: float
    detail: bool


LARGE = Style(width=12.0, scale=1.0, font=10.5, line=1.6, detail=True)
SMALL = Style(width=6.4, scale=0.6, font=7.0, line=1.0, detail=False)


def policy_name(policy: str) -> str:
    """Return the display name of a policy; of a long name the end, in which versions differ."""
    name = _NAMES.get(policy, policy)
    return name if len(name) <= _LONGEST_NAME else "…" + name[1 - _LONGEST_NAME :]


def policy_colours(policies: Sequence[str]) -> dict[str, str]:
    """Return a colour for each policy; the built-in policies have the same colour in every plot."""
    others = [policy for policy in policies if policy not in _COLOURS]
    further = {policy: _FURTHER[i % len(_FURTHER)] for i, policy in enumerate(others)}
    colours = _COLOURS | further
    return {policy: colours[policy] for policy in policies}


def new_figure(style: Style, height: float) -> "Figure":
    """Return an empty white figure with its own canvas; `height` in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(style.width, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def add_axes(figure: "Figure", style: Style, *, left: float, top: float, width: float, height: float) -> "Axes":
    """Add axes at a place measured from the upper left corner [inch], with a faint grid and no frame."""
    across, down = (float(size) for size in figure.get_size_inches())
    axes = figure.add_axes((left / across, 1 - (top + height) / down, width / across, height / down))
    axes.set_axisbelow(True)
    axes.grid(visible=True, color=FAINT, linewidth=0.6)
    hide_frame(axes, style)
    return axes


def hide_frame(axes: "Axes", style: Style) -> None:
    """Hide frame and tick marks; the tick labels stay."""
    for side in axes.spines.values():
        side.set_visible(False)
    axes.tick_params(length=0, labelsize=style.font - 1, labelcolor=QUIET, pad=4)


def name_axis(axes: "Axes", style: Style, name: str, left: float) -> None:
    """Name the vertical axis, centred on a line that far right of the axes' left end [inch]."""
    axes.set_ylabel(name, fontsize=style.font - 1.5, color=QUIET, va="center")
    width = axes.get_position().width * style.width
    axes.yaxis.set_label_coords(left / width, 0.5)


def add_text(
    figure: "Figure", text: str, *, left: float, top: float, size: float, colour: str = INK, **properties: str
) -> "Text":
    """Add text with its baseline at a place measured from the upper left corner [inch]."""
    across, down = (float(size) for size in figure.get_size_inches())
    return figure.text(left / across, 1 - top / down, text, fontsize=size, color=colour, va="baseline", **properties)  # pyright: ignore[reportArgumentType] - matplotlib's text properties


def add_legend(
    figure: "Figure", style: Style, entries: "Sequence[tuple[str, Artist]]", *, left: float, top: float
) -> None:
    """Add a legend in one row, centred on a line measured from the upper left corner [inch]."""
    across, down = (float(size) for size in figure.get_size_inches())
    figure.legend(
        [artist for _, artist in entries],
        [name for name, _ in entries],
        loc="center left",
        bbox_to_anchor=(left / across, 1 - top / down),
        ncols=len(entries),
        frameon=False,
        fontsize=style.font - 0.5,
        borderpad=0,
        borderaxespad=0,
        handlelength=1.6,
        columnspacing=1.6,
    )


def png_bytes(figure: "Figure") -> bytes:
    """Return the figure as PNG; the same figure gives the same bytes, so it holds neither date nor version.

    With 256 colours: a third of the size (measured: 120 to 36 kB for a day of four policies), no visible difference.
    """
    from PIL import Image

    drawn, buffer = BytesIO(), BytesIO()
    figure.savefig(drawn, format="png")
    with Image.open(drawn) as image:
        few = image.convert("RGB").quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(buffer, format="png", optimize=True)
    return buffer.getvalue()


def save_png(figure: "Figure", path: Path, *, shared: bool = False) -> None:
    """Write the figure as PNG, atomically.

    Args:
        figure: what is drawn.
        path: the file; its folder has to exist.
        shared: others may read it where the umask says so; one in the state folder is its owner's alone.

    Raises:
        ConfigurationError: the folder does not exist, or `path` is a folder.
    """
    content = png_bytes(figure)
    with atomic_write(path, shared=shared) as temporary:
        temporary.write_bytes(content)
