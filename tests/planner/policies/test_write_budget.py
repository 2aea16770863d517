"""Writes to the inverter: none for noise, all that pay, and never more than the day has."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.policies.write_budget import SlotOutlook, WriteBudget
from planner.value.protocol import WriteBudgetRules
from tests.builders.homes import home

HOLD, FOLLOW, SELL = (0.0, 0.0, 0.0), (0.0, 8.0, 0.0), (0.0, 0.0, 99.0)
MIDDAY = SlotOutlook(
    load_kwh=0.5,
    pv_kwh=0.0,
    soc_kwh=20.0,
    import_price=2.0,
    export_price=1.0,
    stored_value=1.0,
    price_level=2.0,
    left_of_day=0.5,
)


def steady(*, writes_per_day: int | None = None, hysteresis_kwh: float = 0.005) -> WriteBudget:
    return WriteBudget(home(), WriteBudgetRules(hysteresis_kwh=hysteresis_kwh, writes_per_day=writes_per_day))


def spent(steadiness: WriteBudget, writes: int) -> WriteBudget:
    """So many writes done, `HOLD` the last."""
    for number in range(writes):
        steadiness.current, steadiness.forgone = (1.0 + number % 2, 0.0, 0.0), 1e9  # the old one may not stand
        command = HOLD if number == writes - 1 else (5.0 + number % 2, 0.0, 0.0)
        assert steadiness.decide(command, MIDDAY) == command
    assert steadiness.writes == writes
    return steadiness


@pytest.mark.parametrize("n_slots", [92, 96, 100])
@settings(max_examples=10)
@given(seed=st.integers(0, 9999), most=st.sampled_from([2, 5, 24, 32]))
def test_writes_stay_within_the_limit_with_any_commands(n_slots: int, seed: int, most: int) -> None:
    rng, steadiness = np.random.default_rng(seed), steady(writes_per_day=most)
    for _ in range(2):
        steadiness.new_day()
        in_force = [steadiness.current]
        for slot in range(n_slots):
            command = tuple(rng.choice([0.0, 3.0, 8.0], 3).tolist())
            outlook = replace(
                MIDDAY, import_price=rng.normal(1, 2), pv_kwh=rng.uniform(0, 2), left_of_day=1 - slot / n_slots
            )
            in_force.append(steadiness.decide(command, outlook))
        written = sum(after != before for before, after in pairwise(in_force))
        assert written == steadiness.writes <= most


def test_a_command_is_written_when_it_saves_more_than_the_threshold_and_nothing_limits_writes() -> None:
    steadiness = spent(steady(), 1)
    assert steadiness.decide(FOLLOW, replace(MIDDAY, load_kwh=0.004)) == HOLD
    assert steadiness.decide(FOLLOW, replace(MIDDAY, load_kwh=0.006)) == FOLLOW


@pytest.mark.parametrize("writes_per_day", [None, 24])
def test_a_command_that_moves_energy_is_written_when_the_plan_is_indifferent_at_its_margin(
    writes_per_day: int | None,
) -> None:
    battery = home().battery
    stored_value = (MIDDAY.import_price - battery.discharge_wear) * battery.discharge_efficiency
    steadiness = spent(steady(writes_per_day=writes_per_day), 1)
    assert steadiness.decide(FOLLOW, replace(MIDDAY, load_kwh=2.0, stored_value=stored_value)) == FOLLOW


def test_a_small_loss_is_written_when_it_goes_on() -> None:
    steadiness = spent(steady(writes_per_day=24), 12)
    small = replace(MIDDAY, load_kwh=0.02)  # less than the price of a write, in one slot
    taken = [steadiness.decide(FOLLOW, small) for _ in range(24)]
    assert taken[0] == HOLD
    assert taken[-1] == FOLLOW
    assert steadiness.decide(HOLD, replace(small, stored_value=2.5)) == FOLLOW, "what was let pass is paid for"


@pytest.mark.parametrize(
    ("load_kwh", "import_price", "expected"),
    [
        pytest.param(0.5, 2.0, FOLLOW, id="an ordinary hour at an even pace"),
        pytest.param(0.02, 2.0, HOLD, id="next to nothing at an even pace"),
    ],
)
def test_a_write_has_its_price_when_the_pace_is_even(
    load_kwh: float, import_price: float, expected: tuple[float, float, float]
) -> None:
    steadiness = spent(steady(writes_per_day=24), 12)
    assert steadiness.decide(FOLLOW, replace(MIDDAY, load_kwh=load_kwh, import_price=import_price)) == expected


@pytest.mark.parametrize(
    ("import_price", "expected"), [pytest.param(2.0, HOLD, id="cheap hour"), pytest.param(9.0, FOLLOW, id="dear hour")]
)
def test_writes_are_kept_for_dear_hours_when_they_are_used_too_fast(
    import_price: float, expected: tuple[float, float, float]
) -> None:
    hurried = spent(steady(writes_per_day=24), 18)  # a quarter of the writes for half of the day
    assert hurried.decide(FOLLOW, replace(MIDDAY, import_price=import_price)) == expected


def test_the_last_write_is_self_consumption_when_the_day_has_no_more() -> None:
    steadiness = spent(steady(writes_per_day=4), 3)
    dear = replace(MIDDAY, pv_kwh=3.0, export_price=50.0)
    assert steadiness.decide(SELL, dear) == FOLLOW
    assert steadiness.decide(SELL, dear) == FOLLOW
    steadiness.new_day()
    assert steadiness.decide(SELL, dear) == SELL


def test_the_same_command_is_no_write_when_it_differs_by_less_than_a_watt() -> None:
    steadiness = spent(steady(writes_per_day=24), 3)
    assert steadiness.decide((0.0, 0.0005, 0.0), MIDDAY) == HOLD
    assert steadiness.writes == 3
