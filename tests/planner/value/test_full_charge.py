"""Full charges: placed where they cost least, put off while waiting is expected to be cheaper, never late."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from env.care import Care
from env.simulator import World
from env.time_grid import SLOT, grid
from planner.care.soc_targets import soc_targets
from planner.policies.full_charges import latest_slot
from planner.policies.window import open_window
from planner.replay.continuous import replay_in
from planner.value.full_charge import Span, full_charge_prices, placed_full_charge, waiting_price
from planner.value.protocol import Protocol
from planner.value.value_function import soc_grid
from tests.builders.homes import PAPER_BATTERY, STOCKHOLM, home

SITE = replace(home(PAPER_BATTERY), care=Care(full_charge_days=4))
FULL_KWH = PAPER_BATTERY.max_soc_kwh


def span_of(import_price: np.ndarray, *, soc_kwh: float = 3.0) -> Span:
    """A house that draws 0.3 kWh a slot without sun, at prices that never make filling the battery pay."""
    prices = import_price[None]
    load = np.full_like(prices, 0.3)
    return Span(
        world=World(load, 0 * load, prices, prices - 0.5),
        end_value=0.0 * soc_grid(PAPER_BATTERY)[None],
        soc_kwh=np.array([soc_kwh]),
        targets=soc_targets(SITE, np.full_like(prices, PAPER_BATTERY.min_soc_kwh), prices, prices - 0.5),
    )


DIP = np.where((np.arange(96) >= 40) & (np.arange(96) < 52), 1.0, 1.4)


def test_full_charge_is_placed_behind_the_cheapest_hours() -> None:
    placed = placed_full_charge(SITE, span_of(DIP), latest=95, days_left=0, past_prices=np.zeros(0))
    assert placed is not None
    assert 44 <= placed.slot < 60
    assert placed.price > 0


def test_full_charge_that_cannot_wait_is_placed_before_its_deadline_however_dear() -> None:
    placed = placed_full_charge(SITE, span_of(DIP), latest=30, days_left=0, past_prices=np.zeros(5))
    assert placed is not None
    assert placed.slot <= 30


@pytest.mark.parametrize(("past", "n_placed"), [(100.0, 1), (0.0, 0)], ids=["dear days", "free days"])
def test_full_charge_waits_where_other_days_are_expected_to_be_cheaper(past: float, n_placed: int) -> None:
    found = placed_full_charge(SITE, span_of(DIP), latest=None, days_left=3, past_prices=np.full(10, past))
    assert (found is not None) == n_placed


def test_waiting_is_expected_to_cost_less_the_more_days_are_left() -> None:
    past = np.array([1.0, 2.0, 6.0])
    assert waiting_price(past, 1) == pytest.approx(3.0)
    assert waiting_price(past, 2) == pytest.approx((1 + 2 + 3) / 3)
    assert waiting_price(past, 30) == pytest.approx(1.0, abs=0.01)
    assert waiting_price(np.zeros(0), 5) == 0.0


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1), st.floats(1.0, 9.0))
def test_placed_hour_costs_no_more_than_any_other_hour(seed: int, soc_kwh: float) -> None:
    prices = np.random.default_rng(seed).normal(1.0, 0.8, 96)
    span = span_of(prices, soc_kwh=soc_kwh)
    placed = placed_full_charge(SITE, span, latest=95, days_left=0, past_prices=np.zeros(0))
    assert placed is not None
    hours = full_charge_prices(SITE, span, np.arange(3, 96, 4))[0]
    assert placed.price <= hours.min() + 1e-9
    assert placed.price >= -1e-9, "a wish never earns anything"


def test_latest_slot_ends_by_the_deadline() -> None:
    starts = [datetime(2026, 3, 28, 23, tzinfo=UTC) + SLOT * each for each in range(92)]
    assert latest_slot(starts, starts[4]) == 3
    assert latest_slot(starts, starts[4] + timedelta(minutes=5)) == 4
    assert latest_slot(starts, starts[-1] + SLOT) is None
    assert latest_slot(starts, starts[0] - timedelta(days=2)) == 91, "late: made up for where it is cheapest"


@pytest.mark.parametrize(
    ("policy", "first"),
    [("value", date(2026, 3, 24)), ("value", date(2026, 10, 20)), ("oracle_published", date(2026, 3, 24))],
    ids=["spring", "autumn", "known home"],
)
def test_no_more_days_than_wished_lie_between_full_charges_of_a_replay(policy: str, first: date) -> None:
    """A house that would never fill its battery: a flat price does not pay for the losses."""
    slots = grid(first, first + timedelta(days=9), STOCKHOLM)
    hour = slots["slot_start"].dt.hour()
    slots = slots.with_columns(
        import_price=1.0 + 0.01 * hour, export_price=pl.lit(0.2), load_kwh=pl.lit(0.3), pv_kwh=pl.lit(0.0)
    )
    history = slots.select("slot_start", "load_kwh", "pv_kwh")
    forecasts = slots.select("slot_start", "local_day", "load_kwh", "pv_kwh").with_columns(quantile=pl.lit(0.5))
    window = open_window(slots, forecasts, history, SITE, Protocol(start_soc_kwh=3.0))
    done = replay_in(policy, window)
    full = done.filter(pl.col("soc_end_kwh") >= FULL_KWH - 0.06)["slot_start"]
    posts = [slots["slot_start"][0], *full.to_list()]
    gaps = [later - before for before, later in pairwise(posts)]
    assert max(gaps) <= timedelta(days=4)
    assert slots["slot_start"][-1] - posts[-1] <= timedelta(days=4)
    assert len({each.date() for each in full}) <= 5, "and not more often than needed"
