from dataclasses import replace

import numpy as np
import pytest

from planner.value.protocol import Protocol
from tests.builders.homes import PAPER_BATTERY

FREE_WEAR = replace(PAPER_BATTERY, wear_cost=0.0)


@pytest.mark.parametrize(
    ("prices", "value"),
    [
        # 0.8 of the stored is delivered, 0.1 wear
        pytest.param([1.0, 2.0, 9.0], 2.0 * 0.8 - 0.1, id="the median of an odd number"),
        pytest.param([1.0, 2.0, 3.0, 9.0], 2.5 * 0.8 - 0.1, id="between the middle two of an even number"),
        pytest.param([0.1, 0.1, 5.0], 0.0, id="not below zero: 0.08 does not pay the wear"),
        pytest.param([-2.0, -1.0, 0.0], 0.0, id="negative prices"),
        pytest.param([0.0, 0.0, 0.0], 0.0, id="zero prices"),
    ],
)
def test_stored_energy_settles_at_what_it_saves_on_an_ordinary_slot(prices: list[float], value: float) -> None:
    assert Protocol(start_soc_kwh=5.0).settlement(np.array(prices), PAPER_BATTERY) == pytest.approx(value, abs=1e-15)


@pytest.mark.parametrize("value", [0.0, 0.7])
def test_stored_energy_settles_at_the_configured_value_when_there_is_one(value: float) -> None:
    """A configured zero too: nothing is guessed in its place."""
    protocol = Protocol(start_soc_kwh=5.0, settlement_value=value)
    assert protocol.settlement(np.array([9.0]), FREE_WEAR) == value
