"""Stretches that no home has, and those of homes that are only unusual."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from darkstar_pipeline.quality.odd_stretches import below_base, counted_later, stuck, times_ten
from darkstar_pipeline.quality.series_rows import Rows
from env.types import Mask

DAY = 96


def home(days: int = 3) -> np.ndarray:
    """A base of 0.2 kW that is never quite the same, and an evening of 1.2 kW."""
    slot = np.arange(days * DAY)
    return 0.2 + 0.02 * np.sin(slot * 1.7) + np.where((slot % DAY >= 64) & (slot % DAY < 88), 1.0, 0.0)


def rows(kw: np.ndarray) -> Rows:
    return Rows(
        kw=kw, hours=np.full(len(kw), 0.25), day=np.arange(len(kw)) // DAY, whole=np.ones(len(kw), dtype=np.bool_)
    )


def of_load(values: Rows) -> Mask:
    return stuck(values, limited=False)


RULES: dict[str, Callable[[Rows], Mask]] = {
    "stuck": of_load,
    "below": below_base,
    "later": counted_later,
    "tenfold": times_ten,
}


@pytest.mark.parametrize(
    ("rule", "place", "change", "found"),
    [
        ("stuck", slice(70, 90), lambda kw: kw * 0 + kw[0], range(71, 90)),
        ("below", slice(100, 120), lambda kw: kw * 0.1, range(100, 120)),
        ("below", slice(100, None), lambda kw: kw * 0.001, range(100, 288)),
        ("later", slice(110, 117), lambda kw: np.append(kw[:-1] * 0, kw.sum()), range(110, 117)),
        ("tenfold", slice(96, 192), lambda kw: kw * 10, range(96, 192)),
        ("tenfold", slice(0, 96), lambda kw: kw * 0.1, range(96)),
    ],
    ids=["stuck", "a-tenth-for-hours", "a-thousandth-for-good", "counted-later", "day-times-ten", "first-day-by-ten"],
)
def test_stretch_that_no_home_has_is_found(
    rule: str, place: slice, change: Callable[[np.ndarray], np.ndarray], found: Sequence[int]
):
    kw = home()
    kw[place] = change(kw[place])
    assert np.flatnonzero(RULES[rule](rows(kw))).tolist() == list(found)


@pytest.mark.parametrize(
    ("place", "change"),
    [
        (slice(0, 0), lambda kw: kw),
        (slice(96, 192), lambda kw: kw * 0 + 0.2 + 0.02 * np.cos(np.arange(len(kw)))),  # nobody at home
        (slice(120, 152), lambda kw: kw + 11),  # a car
        (slice(120, 132), lambda kw: kw * 0),  # a power cut
        (slice(100, 102), lambda kw: kw * 0.1),  # power that came back in the middle of a slot
        (slice(96, 192), lambda kw: kw + 3),  # a cold day
        (slice(100, 280), lambda kw: kw * 0.15),  # away, with what stands by switched off
        (slice(100, 103), lambda kw: kw * 0 + kw[0]),  # the same value thrice
    ],
    ids=["home", "away", "car", "power-cut", "part-of-a-slot", "cold", "left", "thrice"],
)
def test_unusual_home_is_believed(place: slice, change: Callable[[np.ndarray], np.ndarray]):
    kw = home()
    kw[place] = change(kw[place])
    assert {name: int(rule(rows(kw)).sum()) for name, rule in RULES.items()} == dict.fromkeys(RULES, 0)


def test_home_whose_values_often_repeat_does_not_stick():
    kw = np.repeat(home(), 6)[: 3 * DAY]
    kw[40:52] = kw[40]
    assert not of_load(rows(kw)).any()


def test_home_that_often_falls_below_its_base_is_like_that():
    kw = home(10)
    for day in range(10):
        kw[day * DAY + 20 : day * DAY + 24] *= 0.1
    assert not below_base(rows(kw)).any()


def test_coarse_counter_is_not_below_its_base():
    kw = np.zeros(3 * DAY)
    kw[::2] = 0.4
    kw[101] = 0.004  # a reading a second before the edge of a slot
    assert not below_base(rows(kw)).any()


def test_inverter_at_its_limit_does_not_stick():
    slot = np.arange(3 * DAY)
    sky = np.repeat([0.4, 0.5, 1.0], DAY)
    kw = np.minimum(np.maximum((6 * np.sin(slot % DAY / DAY * np.pi) + 0.01 * np.sin(slot)) * sky, 0.0), 5.0)
    assert of_load(rows(kw)).any()
    assert not stuck(rows(kw), limited=True).any()
