"""Use of stored energy: the slot that sets its marginal value, or first in, first out."""

from dataclasses import replace

import numpy as np
import pytest

from planner.plans.energy_uses import KEPT, UNKNOWN, first_in_first_out, marginal_uses
from tests.builders.homes import PAPER_BATTERY

FULL = 9.0
STORED_VALUE = (3.0 - PAPER_BATTERY.discharge_wear) * PAPER_BATTERY.discharge_efficiency  # of a kWh: 2.32


def marginal(
    discharge: list[float], soc_end: list[float], price: list[float], value: float, end_value: float
) -> list[int]:
    uses = marginal_uses(
        discharge_kwh=np.array(discharge),
        soc_end_kwh=np.array(soc_end),
        price=np.array(price),
        stored_value=np.full(len(price), value),
        end_value=end_value,
        battery=PAPER_BATTERY,
    )
    return uses.tolist()


@pytest.mark.parametrize(
    ("discharge", "soc_end", "price", "value", "end_value", "use"),
    [
        pytest.param([0, 1, 1], [FULL, 5, 4], [1, 5, 3], STORED_VALUE, 0.0, 2, id="the marginal use"),
        pytest.param([0, 1, 1], [FULL, 5, 4], [1, 3, 3], STORED_VALUE, 0.0, 1, id="the first of two"),
        pytest.param([0, 0, 1], [FULL, 5, 4], [1, 3, 3], STORED_VALUE, 0.0, 2, id="only where it is discharged"),
        pytest.param(
            [0, 1, 1], [FULL, 1, 1], [1, 5, 3], STORED_VALUE, 0.0, UNKNOWN, id="not after the battery was empty"
        ),
        pytest.param([0, 1, 1], [FULL, 5, 1], [1, 5, 3], STORED_VALUE, 0.0, 2, id="the one that empties it"),
        pytest.param([0, 1, 1], [FULL, 5, 4], [1, 5, 5], STORED_VALUE, STORED_VALUE, KEPT, id="the end"),
        pytest.param(
            [0, 1, 1], [FULL, 1, 1], [1, 5, 5], STORED_VALUE, STORED_VALUE, UNKNOWN, id="no end beyond an empty battery"
        ),
        pytest.param([0, 1, 1], [FULL, 5, 4], [1, 5, 5], STORED_VALUE, np.nan, UNKNOWN, id="an end without one value"),
    ],
)
def test_marginal_use_is_found_when_a_slot_sets_the_value(
    discharge: list[float], soc_end: list[float], price: list[float], value: float, end_value: float, use: int
) -> None:
    assert marginal(discharge, soc_end, price, value, end_value)[0] == use


def test_marginal_use_is_unknown_when_efficiency_depends_on_power() -> None:
    curved = replace(PAPER_BATTERY, discharge_curve=((2.0, 0.7), (4.0, 0.8)))
    nothing = np.zeros(2)
    uses = marginal_uses(
        discharge_kwh=nothing + 1, soc_end_kwh=nothing + 5, price=nothing + 3, stored_value=nothing + STORED_VALUE,
        end_value=0.0, battery=curved,
    )  # fmt: skip
    assert uses.tolist() == [UNKNOWN, UNKNOWN]


@pytest.mark.parametrize(
    ("charge", "discharge", "start", "uses"),
    [
        # 1 kWh charged stores 0.9; 0.72 kWh delivered take 0.9.
        pytest.param([1, 1, 0, 0], [0, 0, 0.72, 0.72], 1.0, [2, 3, UNKNOWN, UNKNOWN], id="in order"),
        pytest.param(
            [1, 1, 0, 0], [0, 0, 0.72, 0.72], 1.9, [3, KEPT, UNKNOWN, UNKNOWN], id="what was there goes first"
        ),
        pytest.param([1, 0, 0, 0], [0, 0.2, 0.5, 0], 1.0, [2, UNKNOWN, UNKNOWN, UNKNOWN], id="most of it"),
        pytest.param([1, 0, 0, 0], [0, 0, 0, 0], 1.0, [KEPT, UNKNOWN, UNKNOWN, UNKNOWN], id="nothing uses it"),
        pytest.param([1, 0, 1, 0], [0, 0.72, 0, 0.72], 1.0, [1, UNKNOWN, 3, UNKNOWN], id="twice"),
    ],
)
def test_energy_is_used_in_order_when_followed(
    charge: list[float], discharge: list[float], start: float, uses: list[int]
) -> None:
    actual = first_in_first_out(
        charge_kwh=np.array(charge, dtype=float),
        discharge_kwh=np.array(discharge, dtype=float),
        start_soc_kwh=start,
        battery=PAPER_BATTERY,
    )
    assert actual.tolist() == uses


def test_energy_is_followed_when_the_battery_loses_some() -> None:
    leaky = replace(PAPER_BATTERY, retention_per_hour=0.9)
    charge, discharge = np.array([1.0, 1.0, 0.0, 0.0]), np.array([0.0, 0.0, 0.72, 0.72])
    uses = first_in_first_out(charge_kwh=charge, discharge_kwh=discharge, start_soc_kwh=1.0, battery=leaky)
    assert uses.tolist() == [2, 3, UNKNOWN, UNKNOWN]
