"""The strategy engine's adjustments: bounded, with a cause, and nothing where the context asks for nothing."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.strategy.adjustments import (
    ADJUSTMENTS,
    MOST_S_PERCENT,
    MOST_WEAR_TIMES,
    AdjustmentName,
    Beliefs,
    adjusted,
)
from planner.strategy.context import context_of
from planner.value.scenarios import Scenarios
from tests.builders.homes import PAPER_BATTERY, home

SITE = home(PAPER_BATTERY)


def beliefs_of(*, load: float = 0.3, spread_kwh: float = 0.0, price_spread: float = 1.0, n_slots: int = 96) -> Beliefs:
    """Three days alike but for their sun, which a spread parts."""
    price = 1.0 + price_spread * np.linspace(-0.5, 0.5, n_slots)
    sun = np.array([0.5 - spread_kwh, 0.5, 0.5 + spread_kwh])[None, :, None] * np.ones((1, 3, n_slots))
    return Beliefs(
        site=SITE,
        import_price=price,
        export_price=price - 0.4,
        scenarios=Scenarios(np.full((1, 3, n_slots), load), sun),
        targets=None,
    )


@pytest.mark.parametrize("name", ADJUSTMENTS)
def test_nothing_is_adjusted_where_all_is_certain_and_prices_spread(name: AdjustmentName) -> None:
    beliefs = beliefs_of()
    assert adjusted(beliefs, [name]) is beliefs


def test_an_adjustment_that_is_not_allowed_is_not_made() -> None:
    beliefs = beliefs_of(spread_kwh=0.4, price_spread=0.1)
    assert adjusted(beliefs, []) is beliefs
    assert [each.name for each in adjusted(beliefs, ["high_load"]).applied] == ["high_load"]
    assert [each.name for each in adjusted(beliefs, ADJUSTMENTS).applied] == list(ADJUSTMENTS)


def test_uncertainty_keeps_a_margin_that_is_not_bought() -> None:
    made = adjusted(beliefs_of(spread_kwh=0.02), ["s_index"])
    assert made.targets is not None
    assert made.targets.floor_kwh.min() > PAPER_BATTERY.min_soc_kwh
    assert made.targets.wanted_kwh.max() == PAPER_BATTERY.min_soc_kwh
    assert "uncertain" in made.applied[0].cause


def test_small_spreads_raise_the_wear_of_the_plan_alone() -> None:
    made = adjusted(beliefs_of(price_spread=0.0), ["small_spread_wear"])
    assert made.site.battery.wear_cost == pytest.approx(MOST_WEAR_TIMES * PAPER_BATTERY.wear_cost)
    assert replace(made.site, battery=PAPER_BATTERY) == SITE


def test_volatile_sun_gives_days_of_high_net_load_more_weight() -> None:
    prior = adjusted(beliefs_of(spread_kwh=0.2), ["high_load"]).scenarios.prior
    assert prior is not None
    assert prior[0, 0] > prior[0, 1] > prior[0, 2] > 0


@given(
    spread_kwh=st.floats(0.0, 0.5),
    price_spread=st.floats(0.0, 3.0),
    n_slots=st.sampled_from([4, 92, 96, 100, 136]),
)
def test_adjustments_stay_within_their_bounds(spread_kwh: float, price_spread: float, n_slots: int) -> None:
    made = adjusted(beliefs_of(spread_kwh=spread_kwh, price_spread=price_spread, n_slots=n_slots), ADJUSTMENTS)
    battery = made.site.battery
    assert PAPER_BATTERY.wear_cost <= battery.wear_cost <= MOST_WEAR_TIMES * PAPER_BATTERY.wear_cost + 1e-12
    if made.targets is not None:
        margin = made.targets.floor_kwh.max() - PAPER_BATTERY.min_soc_kwh
        assert 0 <= margin <= MOST_S_PERCENT / 100 * PAPER_BATTERY.capacity_kwh + 1e-9
    if made.scenarios.prior is not None:
        assert made.scenarios.prior.sum() == pytest.approx(1.0)
    assert all(each.cause and each.amount >= 0 for each in made.applied)


def test_context_has_no_volatility_without_sun() -> None:
    night = Scenarios(np.full((1, 3, 96), 0.3), np.zeros((1, 3, 96)))
    context = context_of(np.full(96, -1.0), night)
    assert (context.price_spread, context.uncertainty_kwh, context.volatility) == (0.0, 0.0, 0.0)
