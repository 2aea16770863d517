"""The strategy engine's adjustments: bounded, with a cause, and nothing where the context asks for nothing."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.strategy.adjustments import OF_THE_BATTERY, adjusted
from planner.strategy.beliefs import AdjustmentName, Beliefs, Circumstances
from planner.strategy.context import context_of
from planner.strategy.rules import ALARM_PERCENT, MOST_S_PERCENT, MOST_TILT, MOST_WEAR_TIMES
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


@pytest.mark.parametrize("name", OF_THE_BATTERY)
def test_nothing_is_adjusted_where_all_is_certain_and_prices_spread(name: AdjustmentName) -> None:
    beliefs = beliefs_of()
    assert adjusted(beliefs, [name]) is beliefs


def test_an_adjustment_that_is_not_allowed_is_not_made() -> None:
    beliefs = beliefs_of(spread_kwh=0.4, price_spread=0.1)
    assert adjusted(beliefs, []) is beliefs
    assert [each.name for each in adjusted(beliefs, ["high_load"]).applied] == ["high_load"]
    around = Circumstances(
        hours=np.arange(96) // 4,
        vacation=np.ones(96, dtype=np.bool_),
        alarm=np.ones(96, dtype=np.bool_),
        learned={"load_evening": 1.1, "round_trip_efficiency": 0.9},
    )
    everything = adjusted(replace(beliefs, around=around), OF_THE_BATTERY)
    assert [each.name for each in everything.applied] == list(OF_THE_BATTERY)


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
    made = adjusted(beliefs_of(spread_kwh=spread_kwh, price_spread=price_spread, n_slots=n_slots), OF_THE_BATTERY)
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


def around_of(
    n_slots: int = 96, *, vacation: bool = False, alarm: slice | None = None, **learned: float
) -> Circumstances:
    """Circumstances of a day; a warning in some of its slots."""
    warned = np.zeros(n_slots, dtype=np.bool_)
    warned[slice(0) if alarm is None else alarm] = True
    away = np.full(n_slots, vacation)
    return Circumstances(hours=np.arange(n_slots) // 4 % 24, vacation=away, alarm=warned, learned={**learned})  # pyright: ignore[reportArgumentType]


def test_learned_errors_correct_the_scenarios_at_their_hours_alone() -> None:
    around = around_of(load_evening=1.1, pv_morning=0.9)
    made = adjusted(replace(beliefs_of(), around=around), ["learned_forecast"])
    ratio = made.scenarios.load_kwh / beliefs_of().scenarios.load_kwh
    assert ratio[..., 64:] == pytest.approx(1.1)
    assert ratio[..., :64] == pytest.approx(1.0)
    assert (made.scenarios.pv_kwh / beliefs_of().scenarios.pv_kwh)[..., :40] == pytest.approx(0.9)
    assert made.applied[0].amount == pytest.approx(10.0)


def test_learned_losses_change_what_stored_energy_is_worth_and_no_more_than_their_range() -> None:
    own = PAPER_BATTERY.charge_efficiency * PAPER_BATTERY.discharge_efficiency
    made = adjusted(replace(beliefs_of(), around=around_of(round_trip_efficiency=0.0)), ["learned_losses"]).site.battery
    assert made.charge_efficiency * made.discharge_efficiency == pytest.approx(own - 0.15)
    assert (
        replace(
            made,
            charge_efficiency=PAPER_BATTERY.charge_efficiency,
            discharge_efficiency=PAPER_BATTERY.discharge_efficiency,
        )
        == PAPER_BATTERY
    )


def test_a_warning_keeps_a_reserve_until_it_is_over_and_buys_nothing() -> None:
    made = adjusted(replace(beliefs_of(), around=around_of(alarm=slice(40, 60))), ["alarm_reserve"])
    assert made.targets is not None
    kept = made.targets.floor_kwh[0] - PAPER_BATTERY.min_soc_kwh
    assert kept[:60] == pytest.approx(PAPER_BATTERY.stored_kwh(ALARM_PERCENT))
    assert kept[60:].max() == 0.0
    assert made.targets.wanted_kwh.max() == PAPER_BATTERY.min_soc_kwh


def test_vacation_gives_days_of_low_net_load_more_weight() -> None:
    made = adjusted(replace(beliefs_of(spread_kwh=0.2), around=around_of(vacation=True)), ["vacation_load"])
    prior = made.scenarios.prior
    assert prior is not None
    assert prior[0, 0] < prior[0, 1] < prior[0, 2]
    assert made.applied[0].amount == -MOST_TILT
