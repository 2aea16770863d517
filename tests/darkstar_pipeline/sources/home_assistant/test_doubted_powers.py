"""Powers that are not believed, and true ones that are only unusual."""

from collections.abc import Callable

import numpy as np
import pytest

from darkstar_pipeline.sources.home_assistant.doubted_powers import doubted_powers
from darkstar_pipeline.sources.home_assistant.power_sensors import power_curve

POLLS = 288  # of five minutes, a day


def polled(days: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """A load of 0.2 kW and more, as whole watts; some polls show what the one before showed."""
    poll = np.arange(days * POLLS)
    kw = np.round(0.3 + 0.05 * np.sin(poll / 9) + np.where(poll % POLLS > 200, 0.8 + 0.1 * np.sin(poll), 0.0), 3)
    kw[::20] = kw[1::20]
    return 300.0 * poll.astype(np.float64), kw


Change = Callable[[np.ndarray], np.ndarray]


@pytest.mark.parametrize(
    ("place", "change"),
    [
        (slice(400, 401), lambda kw: kw + 300),
        (slice(400, 401), lambda kw: kw + 20),
        (slice(400, 403), lambda kw: 0 * kw),
        (slice(400, 424), lambda kw: kw * 0.001),
        (slice(400, 440), lambda kw: kw - 2),
        (slice(400, 430), lambda kw: 0 * kw + 0.351),
    ],
    ids=["no-home", "alone", "zero", "kilowatts-for-watts", "negative", "stuck"],
)
def test_load_that_cannot_be_is_doubted_where_it_is(place: slice, change: Change):
    seconds, kw = polled()
    kw[place] = change(kw[place])
    found = np.flatnonzero(doubted_powers(seconds, kw, load=True, pv=False))
    assert found.size >= 0.9 * (place.stop - place.start)
    assert set(found.tolist()) <= set(range(place.start, place.stop))


@pytest.mark.parametrize(
    ("place", "change"),
    [
        (slice(400, 401), lambda kw: kw + 2.2),  # a kettle
        (slice(400, 436), lambda kw: kw + 11),  # a car
        (slice(400, 412), lambda kw: kw + 7),  # a sauna
        (slice(400, 424), lambda kw: 0 * kw),  # two hours without power
        (slice(300, 576), lambda kw: 0.7 * kw),  # nobody at home
    ],
    ids=["kettle", "car", "sauna", "power-cut", "away"],
)
def test_unusual_load_is_believed(place: slice, change: Change):
    seconds, kw = polled()
    kw[place] = np.round(change(kw[place]), 3)
    assert not doubted_powers(seconds, kw, load=True, pv=False).any()


def test_polls_that_were_lost_are_doubted_where_they_matter():
    seconds, kw = polled()
    lost = np.delete(np.arange(len(kw)), np.arange(480, 520, 2))
    found = doubted_powers(seconds[lost], kw[lost], load=True, pv=False)
    assert set((seconds[lost][found] // 300).astype(int).tolist()) <= set(range(478, 520))
    assert found.sum() >= 15
    calm = np.delete(np.arange(len(kw)), np.arange(300, 340, 10))
    assert not doubted_powers(seconds[calm], kw[calm], load=True, pv=False).any()


def test_silence_of_a_recorder_that_stores_changes_is_no_loss():
    seconds, kw = polled()
    changed = np.append(True, np.diff(kw) != 0) & (np.arange(len(kw)) % 7 != 3)
    assert not doubted_powers(seconds[changed], kw[changed], load=True, pv=False).any()


def test_inverter_asleep_draws_some_watts():
    seconds, kw = polled()
    kw[np.arange(len(kw)) % POLLS < 100] = -0.01
    assert not doubted_powers(seconds, kw, load=False, pv=True).any()


def test_slots_of_doubted_readings_stay_missing():
    seconds = 300.0 * np.arange(13, dtype=np.float64)
    doubted = np.arange(13) == 4
    found = power_curve(seconds, np.full(13, 1.2), doubted=doubted).slots("kwh")
    assert (found["slot_start"].dt.epoch("s") // 900).to_list() == [0, 2, 3]
    assert found["kwh"].to_list() == pytest.approx([0.3] * 3)
