from dataclasses import replace

import numpy as np
import pytest

from env.gym.home_batch import HomeBatch, Setup
from env.gym.price_gate import PriceGate, price_quantiles
from env.inverter import Command
from tests.builders.episodes import PLAIN_DAY, SPRING, day_episode, sites

# 24 slots at each price: quartiles of what is paid are 0.4, 0.7 and 1.25 once zeros are left out.
PRICES = np.repeat([0.0, 0.4, 0.7, 2.0], 24)
FREE, CHEAP, MIDDLE, DEAR = 0, 24, 48, 72
CHARGE, DISCHARGE, BOTH_IN, BOTH_OUT = (3, 0, 0), (0, 5, 9), (3, 1, 0), (1, 3, 9)
EXPECTED = {
    "charging where it is free": (FREE, CHARGE, CHARGE),
    "discharging where it is free": (FREE, DISCHARGE, (0, 0, 9)),
    "charging where it is cheap": (CHEAP, CHARGE, CHARGE),
    "discharging where it is cheap": (CHEAP, DISCHARGE, (0, 0, 9)),
    "both where it is cheap": (CHEAP, BOTH_OUT, (1, 0, 9)),
    "more in than out in between": (MIDDLE, BOTH_IN, CHARGE),
    "more out than in in between": (MIDDLE, BOTH_OUT, (0, 3, 9)),
    "discharging in between": (MIDDLE, DISCHARGE, DISCHARGE),
    "charging where it is dear": (DEAR, CHARGE, (0, 0, 0)),
    "both where it is dear": (DEAR, BOTH_IN, (0, 1, 0)),
    "discharging where it is dear": (DEAR, DISCHARGE, DISCHARGE),
}


@pytest.mark.parametrize(("slot", "planned", "expected"), EXPECTED.values(), ids=EXPECTED.keys())
def test_gate_lets_through_what_the_price_allows(
    slot: int, planned: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    day = replace(day_episode(sites()[0], PLAIN_DAY, 1), import_price=PRICES[None])
    command = Command(*(np.array([float(power)]) for power in planned))
    passed, changed = PriceGate(day).gated(command, np.array([slot]))
    assert tuple(power.item() for power in passed) == expected
    assert changed.item() == (planned != expected)


def test_mere_discharge_is_held_when_the_slot_is_clearly_cheap_though_not_of_the_cheapest_quarter() -> None:
    prices = np.concatenate([np.full(30, 0.1), np.full(10, 0.5), np.full(56, 1.0)])
    day = replace(day_episode(sites()[0], PLAIN_DAY, 1), import_price=prices[None])
    discharge = Command(np.zeros(1), np.full(1, 4.0), np.zeros(1))
    passed, _ = PriceGate(day).gated(discharge, np.array([35]))
    assert passed.discharge_kw.item() == 0.0


def test_quantiles_leave_zeros_out_and_negative_prices_in() -> None:
    prices = np.array([[0.0, 0.0, -1.0, 1.0, 3.0], [0.0] * 5])
    np.testing.assert_array_equal(price_quantiles(prices), [[0.0, 1.0, 2.0], [np.nan] * 3])


def test_nothing_is_gated_when_the_whole_day_is_free() -> None:
    day = replace(day_episode(sites()[0], SPRING, 1), import_price=np.zeros((1, 92)))
    command = Command(np.full(1, 1.0), np.zeros(1), np.zeros(1))
    passed, changed = PriceGate(day).gated(command, np.array([3]))
    assert passed.charge_kw.item() == 1.0
    assert not changed.item()


def test_gate_is_off_by_default() -> None:
    day = replace(day_episode(sites()[0], PLAIN_DAY, 1), import_price=PRICES[None])
    sell = np.array([25])
    for gated, expected in ((False, None), (True, [True])):
        batch = HomeBatch(day, 1, state="v1", setup=Setup(gated=gated))
        batch.restart([0], [np.random.default_rng(0)])
        outcome = batch.step(sell)
        assert (outcome.gated if outcome.gated is None else outcome.gated.tolist()) == expected
        assert (outcome.flows.discharge_kwh.item() > 0) is not gated
