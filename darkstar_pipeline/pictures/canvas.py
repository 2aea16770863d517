"""What all pictures share: sizes, colours, names, and how a figure becomes a file.

Colours are those of Okabe and Ito, "Color Universal Design" (2008), told apart by people with any colour vision.
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
    "idle": "Idle",
    "self_consumption": "Self-consumption",
    "mpc": "MPC",
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
    """A size of picture.

    Attributes:
        width: of the picture [inch, 100 pixels each].
        scale: of every other length, against the large picture.
        font: size of ordinary text [point].
        line: width of the lines that matter [point].
        detail: whether there is room for what is only good to know.
    """

    width: float
    scale: float
    font: float
    line: float
    detail: bool


LARGE = Style(width=12.0, scale=1.0, font=10.5, line=1.6, detail=True)
SMALL = Style(width=6.4, scale=0.6, font=7.0, line=1.0, detail=False)


def policy_name(policy: str) -> str:
    """The policy as a person would call it; of a long name the end, which is what tells versions apart."""
    name = _NAMES.get(policy, policy)
    return name if len(name) <= _LONGEST_NAME else "…" + name[1 - _LONGEST_NAME :]


def policy_colours(policies: Sequence[str]) -> dict[str, str]:
    """A colour a policy; those known here keep theirs in every picture."""
    others = [policy for policy in policies if policy not in _COLOURS]
    further = {policy: _FURTHER[i % len(_FURTHER)] for i, policy in enumerate(others)}
    known = _COLOURS | further
    return {policy: known[policy] for policy in policies}


def new_figure(style: Style, height: float) -> "Figure":
    """An empty white figure, belonging to nobody else [inch]."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(style.width, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def add_axes(figure: "Figure", style: Style, *, left: float, top: float, width: float, height: float) -> "Axes":
    """Axes at a place measured from the upper left corner [inch], without a frame but for a quiet grid."""
    across, down = (float(size) for size in figure.get_size_inches())
    axes = figure.add_axes((left / across, 1 - (top + height) / down, width / across, height / down))
    axes.set_axisbelow(True)
    axes.grid(visible=True, color=FAINT, linewidth=0.6)
    hide_frame(axes, style)
    return axes


def hide_frame(axes: "Axes", style: Style) -> None:
    """Take away frame and tick marks; the figures stay."""
    for side in axes.spines.values():
        side.set_visible(False)
    axes.tick_params(length=0, labelsize=style.font - 1, labelcolor=QUIET, pad=4)


def name_axis(axes: "Axes", style: Style, name: str, left: float) -> None:
    """Name the vertical axis, centred on a line that far right of the axes' left end [inch]."""
    axes.set_ylabel(name, fontsize=style.font - 1.5, color=QUIET, va="center")
    width = axes.get_position().width * style.width
    axes.yaxis.set_label_coords(left / width, 0.5)


def add_text(
    figure: "Figure", text: str, *, left: float, top: float, size: float, colour: str = INK, **how: str
) -> "Text":
    """Text at a place measured from the upper left corner [inch], on that base line."""
    across, down = (float(size) for size in figure.get_size_inches())
    return figure.text(left / across, 1 - top / down, text, fontsize=size, color=colour, va="baseline", **how)  # pyright: ignore[reportArgumentType] - matplotlib's text properties


def add_legend(
    figure: "Figure", style: Style, entries: "Sequence[tuple[str, Artist]]", *, left: float, top: float
) -> None:
    """The entries in one row, centred on a line measured from the upper left corner [inch]."""
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
    """The figure as PNG; the same figure gives the same bytes, so neither a date nor a version is in it.

    In 256 colours: a third of the size (120 to 36 kB for a day of four policies), and no difference to the eye.
    """
    from PIL import Image

    drawn, buffer = BytesIO(), BytesIO()
    figure.savefig(drawn, format="png")
    with Image.open(drawn) as image:
        few = image.convert("RGB").quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(buffer, format="png", optimize=True)
    return buffer.getvalue()


def save_png(figure: "Figure", path: Path) -> None:
    """Write the figure as PNG, whole or not at all.

    Raises:
        ConfigurationError: the folder does not exist, or `path` is a folder.
    """
    content = png_bytes(figure)
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)
