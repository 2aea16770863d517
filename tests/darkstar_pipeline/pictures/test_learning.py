"""Plots of training: labels do not overlap, and the data drawn are the data given."""

from collections.abc import Iterator
from datetime import date

import numpy as np
import polars as pl
import pytest
from matplotlib.figure import Figure
from matplotlib.transforms import BboxBase

from darkstar_pipeline.pictures import learning
from darkstar_pipeline.pictures.learning import cost_over_oracle_png, learning_curve_png, policy_map_png

PNG = b"\x89PNG\r\n\x1a\n"
FALLING = {f"member {i}": tuple((n, 28 - 0.01 * n - 0.001 * i) for n in range(13)) for i in range(4)}
FLAT = {f"member {i}": ((0, 20.0), (1, 20.0)) for i in range(3)}


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Figure]]:
    """Figures that were turned into files, as they were."""
    figures: list[Figure] = []
    real = learning.png_bytes

    def kept(figure: Figure) -> bytes:
        figures.append(figure)
        return real(figure)

    monkeypatch.setattr(learning, "png_bytes", kept)
    yield figures
    assert len(figures) == 1


def overlaps(figure: Figure) -> list[tuple[str, str]]:
    """Texts that lie on each other, or over the picture's edge."""
    figure.canvas.draw()
    shown = list(figure.texts)
    for axes in figure.axes:
        box = axes.get_window_extent().padded(3)
        ticks = [*axes.get_xticklabels(), *axes.get_yticklabels()]
        seen = [text for text in ticks if _beside(box, text.get_window_extent())]
        shown += [*axes.texts, axes.xaxis.label, axes.yaxis.label, *seen]
    boxes = [(text.get_text(), text.get_window_extent()) for text in shown if text.get_text()]
    outside = [(text, "the edge") for text, box in boxes if not (box.x0 >= 0 and box.x1 <= figure.bbox.x1)]
    pairs = [
        (text, other) for i, (text, box) in enumerate(boxes) for other, behind in boxes[:i] if box.overlaps(behind)
    ]
    return outside + pairs


def _beside(axes: BboxBase, text: BboxBase) -> bool:
    """Return whether a tick's middle is within the axes; matplotlib keeps further ticks outside."""
    x, y = (text.x0 + text.x1) / 2, (text.y0 + text.y1) / 2
    return axes.x0 <= x <= axes.x1 or axes.y0 <= y <= axes.y1


@pytest.mark.parametrize("curves", [FALLING, FLAT, {"one": ((0, 5.0),)}], ids=["close ends", "nothing learned", "one"])
def test_learning_curve_is_readable(drawn: list[Figure], curves: dict[str, tuple[tuple[int, float], ...]]) -> None:
    assert learning_curve_png(curves, title="Learning curve of rl (ppo), site home", currency="SEK").startswith(PNG)
    axes = drawn[0].axes[0]
    assert [text.get_text() for text in sorted(axes.texts, key=lambda text: text.get_text())] == sorted(curves)
    assert overlaps(drawn[0]) == []
    rounds = next(iter(curves.values()))[-1][0]
    assert all(tick == round(tick) for tick in axes.get_xticks() if 0 <= tick <= rounds)
    assert np.array_equal(axes.lines[0].get_ydata(), [cost for _, cost in next(iter(curves.values()))])


def test_policy_map_shows_stored_energy_and_price_when_prices_are_negative(drawn: list[Figure]) -> None:
    moved = np.linspace(-4, 4, 12).reshape(4, 3)
    assert policy_map_png(moved, np.linspace(10, 100, 4), np.array([-0.2, 0.4, 2.0]), title="rl", currency="SEK")
    axes = drawn[0].axes[0]
    assert overlaps(drawn[0]) == []
    assert axes.get_xlim()[0] < -0.2
    shown = axes.collections[0].get_array()
    assert shown is not None
    assert np.array_equal(shown, moved)


def test_policy_map_is_drawn_when_the_policy_does_nothing(drawn: list[Figure]) -> None:
    assert policy_map_png(np.zeros((3, 1)), np.array([0.0, 50, 100]), np.array([1.0]), title="rl", currency="EUR")
    assert overlaps(drawn[0]) == []


def test_what_was_paid_more_than_the_oracle_adds_up(drawn: list[Figure]) -> None:
    days = [date(2026, 3, day) for day in range(1, 31)]
    costs = {"oracle": 1.0, "rl": 1.1, "mpc": 1.11, "value": 1.12}
    rows = [{"day": day, "policy": policy, "cost": cost} for day in days for policy, cost in costs.items()]
    policies = ("rl", "mpc", "value")
    assert cost_over_oracle_png(pl.DataFrame(rows), policies, title="Paid more than hindsight", currency="SEK")
    ends = {float(np.asarray(line.get_ydata())[-1]) for line in drawn[0].axes[0].lines}
    assert sorted(ends) == pytest.approx([3.0, 3.3, 3.6])
    assert overlaps(drawn[0]) == []
