"""Power sensors: the last value is held, within its limit."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkstar_pipeline.sources.home_assistant.power_sensors import power_curve, split_signed, without_markers

NAN = float("nan")


def slots(points: Sequence[tuple[float, float]], until: float | None = None) -> dict[int, float]:
    """Energy by slot, counted from the start, of states given as (minutes, kW)."""
    minutes, power = zip(*points, strict=True)
    frame = power_curve(
        np.array(minutes) * 60.0, np.array(power, float), until=None if until is None else until * 60
    ).slots("kwh")
    return dict(zip((frame["slot_start"].dt.epoch("s") // 900).to_list(), frame["kwh"].round(9).to_list(), strict=True))


def test_power_is_held_until_the_next_state():
    assert slots([(0, 4.0), (5, 1.0), (15, 2.0), (30, 0.0)]) == {0: 0.5, 1: 0.5}


def test_power_is_held_a_quarter_of_an_hour_at_most():
    assert slots([(0, 4.0), (60, 4.0), (75, 4.0)]) == {0: 1.0, 4: 1.0}


def test_power_of_a_slow_poll_is_held_to_the_next_and_not_over_a_poll_that_is_missing():
    polls = [(30.0 * n, 1.0) for n in range(40) if n != 20]
    assert set(slots(polls)) == set(range(78)) - {41}  # held half as long again: until 45 minutes after poll 19


def test_power_of_a_dense_sensor_is_not_held_over_an_hour_of_silence():
    states = [(float(n), 1.0) for n in range(240) if not 60 <= n < 120]
    assert set(slots(states)) == {*range(4), *range(8, 15)}


def test_constant_power_is_held_until_it_changes():
    states = [(0, 0.1), (480, 0.2), (540, 0.1), (1380, 0.2), (1440, 0.1)]
    found = slots(states)
    assert len(found) == 96
    assert sum(found.values()) == pytest.approx(0.1 * 22 + 0.2 * 2)


def test_zero_power_is_held_until_the_sensor_speaks_again():
    assert slots([(0, 0.0), (300, 4.0), (315, 0.0)]) == {**dict.fromkeys(range(20), 0.0), 20: 1.0}


def test_zero_power_is_not_held_when_the_sensor_became_unavailable():
    assert slots([(0, 0.0), (5, NAN), (300, 4.0), (315, 0.0)]) == {0: 0.0, 20: 1.0}


def test_power_is_held_over_a_short_loss_and_not_over_a_long_one():
    assert slots([(0, 4.0), (5, NAN), (6, 4.0), (15, 4.0), (20, NAN), (60, 4.0), (75, 0.0)]) == {0: 1.0, 1: 1.0, 4: 1.0}


def test_power_is_held_to_the_end_of_the_recording():
    assert slots([(0, 4.0)], until=15) == {0: 1.0}
    assert slots([(0, 4.0)], until=60) == {0: 1.0}


def test_power_that_is_never_known_gives_no_slot():
    assert slots([(0, NAN), (15, NAN)]) == {}


@pytest.mark.parametrize("marker", [65.535, 32.767, -32.768, 2_147_483.647, 4_294_967.295])
def test_what_a_register_shows_without_a_value_is_no_power(marker: float):
    power, markers = without_markers(np.array([0.4, marker, marker, 11.0, -5.0, np.nan]))
    assert markers == 2
    assert power[[0, 3, 4]].tolist() == [0.4, 11.0, -5.0]
    assert np.isnan(power[[1, 2, 5]]).all()


def test_signed_power_is_split_into_two_that_are_not_negative():
    charge, discharge = split_signed(np.array([2.0, -3.0, 0.0, NAN]))
    assert charge[:3].tolist() == [2, 0, 0]
    assert discharge[:3].tolist() == [0, 3, 0]
    assert np.isnan(charge[3])


@given(st.integers(0, 2**32 - 1), st.integers(100, 2000))
def test_energy_equals_the_sum_of_held_powers_for_any_sampling(seed: int, count: int):
    rng = np.random.default_rng(seed)
    seconds = np.cumsum(rng.uniform(1, 600, count)) + 1.76e9
    power = rng.uniform(0, 11, count)
    curve = power_curve(seconds, power)
    assert curve.energy_kwh[-1] == pytest.approx(float((power[:-1] * np.diff(seconds)).sum() / 3600), rel=1e-12)
    cut = curve.cut()
    inside = (seconds >= cut["start"].dt.epoch("s")[0]) & (seconds < cut["start"].dt.epoch("s")[-1] + 900)
    assert inside.sum() > 0
    assert cut.height >= (seconds[-1] - seconds[0]) // 900 - 1
