"""Counters: energy is conserved whatever the sampling, resets and glitches; lost readings are not made up."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkstar_pipeline.sources.home_assistant.counters import LOST_AFTER_S, counter_curve
from darkstar_pipeline.sources.home_assistant.energy_curve import SLOT_SECONDS
from env.time_grid import day_bounds, grid

DAYS = [
    datetime(2025, 10, 26, tzinfo=UTC).date(),
    datetime(2026, 3, 29, tzinfo=UTC).date(),
    datetime(2026, 6, 1, tzinfo=UTC).date(),
]
ZONE = "Europe/Stockholm"


def curve(points: Sequence[tuple[float, float]], until: float | None = None):
    """The curve of readings given as (minutes, kWh)."""
    minutes, values = zip(*points, strict=True)
    return counter_curve(
        np.array(minutes) * 60.0, np.array(values, dtype=float), until=None if until is None else until * 60
    )


def slots(points: Sequence[tuple[float, float]], until: float | None = None) -> dict[int, float]:
    """Energy by slot, counted in slots from the start."""
    frame = curve(points, until).curve.slots("kwh")
    starts = (frame["slot_start"].dt.epoch("s") // SLOT_SECONDS).to_list()
    return dict(zip(starts, [round(value, 9) for value in frame["kwh"].to_list()], strict=True))


def test_only_step_of_a_window_is_not_taken_for_a_usual_one_over_lost_readings():
    """Three hours without a state, and two readings that said that 1.5 kWh in three hours is usual."""
    assert curve([(0, 500.0), (180, 501.5)]).lost_kwh == pytest.approx(1.5)
    assert slots([(0, 500.0), (180, 501.5)]) == {}
    assert slots([(0, 500.0), (240, 501.0), (480, 502.0)]) == dict.fromkeys(range(32), 1 / 16), "steps of a kWh are"


def test_counter_is_cut_straight_between_its_readings():
    assert slots([(0, 100.0), (30, 101.0), (45, 103.0)]) == {0: 0.5, 1: 0.5, 2: 2.0}


def test_counter_gives_only_slots_that_it_covers_whole():
    assert slots([(5, 1.0), (20, 1.3), (35, 1.6), (50, 1.9)]) == {1: 0.3, 2: 0.3}


def test_counter_continues_from_its_new_value_when_it_resets():
    assert slots([(0, 5.0), (15, 5.5), (30, 0.2), (45, 0.5)]) == {0: 0.5, 1: 0.4, 2: 0.3}


def test_counter_ignores_a_dip_to_zero_when_it_is_back_at_once():
    found = curve([(0, 6544.0), (15, 6544.1), (16, 0.0), (17, 6544.1), (30, 6544.2)])
    assert (found.resets, found.dropped) == (0, 1)
    assert found.curve.energy_kwh[-1] == pytest.approx(0.2)


def test_counter_ignores_a_dip_of_a_daily_counter_when_it_is_back_at_once():
    found = curve([(0, 5.0), (1, 5.01), (2, 5.02), (3, 0.0), (4, 5.02), (5, 5.03), (15, 5.1)])
    assert (found.resets, found.dropped) == (0, 1)
    assert found.curve.energy_kwh[-1] == pytest.approx(0.1)


def test_counter_ignores_a_dip_that_is_back_at_its_old_level_within_minutes():
    points = [(0, 5.0), (1, 5.01), (2, 5.02), (3, 0.0), (11, 5.02), (12, 5.03), (15, 5.1)]
    found = curve(points)  # 5 kWh in eight minutes were possible, but not that they end where they began
    assert (found.resets, found.dropped) == (0, 1)
    assert found.curve.energy_kwh[-1] == pytest.approx(0.1)


def test_counter_ignores_a_dip_of_several_readings():
    found = curve([(0, 900.0), (10, 900.2), (11, 0.0), (12, 0.0), (13, 0.0), (20, 900.4), (30, 900.6)])
    assert (found.resets, found.dropped) == (0, 3)
    assert found.curve.energy_kwh[-1] == pytest.approx(0.6)


def test_counter_ignores_a_spike():
    found = curve([(0, 10.0), (10, 10.1), (11, 65535.0), (12, 10.1), (20, 10.2), (30, 10.3)])
    assert found.dropped == 1
    assert found.curve.energy_kwh[-1] == pytest.approx(0.3)


def test_counter_leaves_out_the_jump_when_the_meter_was_exchanged():
    points = [(0, 100.0), (15, 100.1), (30, 100.2), (31, 7000.0), (45, 7000.1), (60, 7000.2)]
    assert slots(points) == {0: 0.1, 1: 0.1, 3: 0.1}


def test_counter_takes_small_steps_back_for_noise():
    found = curve([(0, 10.0), (5, 10.02), (10, 10.01), (15, 10.04)])
    assert found.resets == 0
    assert found.curve.energy_kwh[-1] == pytest.approx(0.04)


def test_counter_says_nothing_of_the_slots_in_which_readings_were_lost():
    points = [(0, 1.0), (5, 1.05), (10, 1.1), (15, 1.15), (315, 9.15), (320, 9.2), (330, 9.3), (345, 9.4)]
    found = curve(points)
    assert found.lost_kwh == pytest.approx(8.0)
    assert set(slots(points)) == {0, 21, 22}


def test_counter_is_quiet_when_a_long_silence_ends_in_one_step():
    found = curve([(0, 1.0), (15, 1.01), (600, 1.02), (615, 1.03)])
    assert found.lost_kwh == 0
    assert found.curve.slots("kwh").height == 41


def test_counter_is_held_to_the_end_when_that_is_no_longer_than_its_longest_quiet():
    points = [(0, 1.0), (300, 1.01), (315, 1.02)]
    assert len(slots(points, until=600)) == 40
    assert len(slots(points, until=660)) == 21


def test_counter_of_one_reading_gives_no_slot():
    assert slots([(0, 3.0)]) == {}


@st.composite
def recordings(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """A day of a counter: instants and readings, with resets and with gaps in which readings were lost."""
    day = draw(st.sampled_from(DAYS))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    start, end = (bound.timestamp() for bound in day_bounds(day, ZONE))
    step = draw(st.sampled_from([10.0, 30.0, 47.0, 300.0, 900.0]))
    times = np.arange(start, end + step, step) + rng.uniform(-0.4, 0.4) * step
    kw = rng.uniform(0.2, 9.0, len(times) - 1) * draw(st.sampled_from([1.0, 0.1]))
    truth = 6000 + np.concatenate(([0.0], np.cumsum(kw * np.diff(times) / 3600)))
    keep = rng.random(len(times)) > draw(st.sampled_from([0.0, 0.3]))
    gaps = draw(st.integers(0, 2))
    for _ in range(gaps):
        begin = rng.uniform(start, end)
        keep &= ~((times > begin) & (times < begin + rng.uniform(60, 4 * 3600)))
    keep[0] = keep[-1] = True
    readings = truth.copy()
    resets = draw(st.integers(0, 2))
    for position in sorted(rng.integers(10, len(times) - 1, resets)):
        readings[position:] -= readings[position]  # the counter starts again right at this reading
        keep[position] = keep[position - 1] = True
    return times[keep], readings[keep]


@given(recordings())
def test_energy_is_conserved_for_any_sampling_resets_and_gaps(recording: tuple[np.ndarray, np.ndarray]):
    times, readings = recording
    found = counter_curve(times, readings)
    steps = np.diff(readings)
    counted = float(np.where(steps < 0, readings[1:], steps).sum())
    cut = found.curve.cut()
    assert found.curve.energy_kwh[-1] - found.unseen_kwh + found.lost_kwh == pytest.approx(counted, rel=1e-3)
    # Whole slots hold what the counter rose by between their edges; the rest is in slots at the ends or at gaps.
    edges = cut["start"].dt.epoch("s").to_numpy().astype(float)
    origin = times[0]
    between = np.interp(
        edges + SLOT_SECONDS - origin, found.curve.seconds - origin, found.curve.energy_kwh
    ) - np.interp(edges - origin, found.curve.seconds - origin, found.curve.energy_kwh)
    assert cut["energy_kwh"].sum() == pytest.approx(float(between.sum()), rel=1e-9, abs=1e-9)
    assert (cut["energy_kwh"] >= 0).all()


@given(st.sampled_from(DAYS), st.integers(0, 2**32 - 1), st.sampled_from([7.0, 30.0, 299.0]))
def test_slots_of_a_whole_day_sum_to_the_counter_on_clock_change_days(day, seed: int, step: float):
    start, end = (bound.timestamp() for bound in day_bounds(day, ZONE))
    times = np.append(np.arange(start, end, step), end)
    rng = np.random.default_rng(seed)
    values = np.concatenate(([0.0], np.cumsum(rng.uniform(0, 11, len(times) - 1) * np.diff(times) / 3600)))
    values = np.floor(values * 100) / 100  # as sensors round
    cut = counter_curve(times, values).curve.slots("kwh")
    assert cut["slot_start"].to_list() == grid(day, day, ZONE)["slot_start"].to_list()
    assert cut["kwh"].sum() == pytest.approx(values[-1] - values[0], rel=1e-9)


def test_lost_readings_are_bounded_by_the_rule_for_long_silences():
    edge = LOST_AFTER_S / 60
    assert curve([(0, 1.0), (5, 1.1), (10, 1.2), (10 + edge, 9.0)]).lost_kwh == 0
    assert curve([(0, 1.0), (5, 1.1), (10, 1.2), (11 + edge, 9.0)]).lost_kwh == pytest.approx(7.8)


def test_instants_keep_their_second_when_far_from_1970():
    start = datetime(2026, 1, 1, tzinfo=UTC)
    seconds = np.array([(start + timedelta(seconds=offset)).timestamp() for offset in (0.0, 899.999, 900.0, 1800.0)])
    cut = counter_curve(seconds, np.array([5.0, 5.5, 5.6, 6.0])).curve.slots("kwh")
    assert cut["slot_start"].to_list() == [start, start + timedelta(minutes=15)]
    assert cut["kwh"].to_list() == pytest.approx([0.6, 0.4])
    assert isinstance(cut.schema["slot_start"], pl.Datetime)
