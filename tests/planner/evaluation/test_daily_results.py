from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from env.site import Limits
from env.time_grid import grid
from planner.evaluation.daily_results import breached, daily_results
from planner.replay.daily import replay_days
from planner.value.protocol import Protocol
from tests.builders.homes import PAPER_BATTERY, STOCKHOLM, days_of_slots, home

DAY = date(2026, 6, 1)
FIVE = Protocol(start_soc_kwh=5.0)


def schedule(first: date = DAY, last: date = DAY, **columns: Any) -> pl.DataFrame:
    """Days of a policy that does nothing, but for the columns that are named."""
    nothing = {
        "policy": "idle", "import_price": 1.0, "cost": 0.0, "import_kwh": 0.0, "export_kwh": 0.0, "charge_kwh": 0.0,
        "discharge_kwh": 0.0, "curtailed_kwh": 0.0, "soc_start_kwh": 5.0, "soc_end_kwh": 5.0, "pv_kwh": 0.0,
    }  # fmt: skip
    slots = grid(first, last, STOCKHOLM)
    values = {
        name: pl.Series(value) if isinstance(value, list | np.ndarray) else pl.lit(value)
        for name, value in (nothing | columns).items()
    }
    return slots.with_columns(**values)


def test_day_is_added_up_when_it_is_worked_on_paper() -> None:
    """96 slots of 0.25: 24; 2 kWh more stored at 1.0 x 0.8 - 0.1 = 0.7 each: 24 - 1.4."""
    soc = np.linspace(5, 7, 97)
    row = daily_results(
        schedule(cost=0.25, import_kwh=np.arange(96) / 100, export_kwh=0.1, charge_kwh=0.2, discharge_kwh=0.3,
                 curtailed_kwh=0.4, soc_start_kwh=soc[:-1], soc_end_kwh=soc[1:]),
        FIVE,
        home(PAPER_BATTERY),
    ).row(0, named=True)  # fmt: skip
    assert row == pytest.approx(
        {
            "day": DAY, "policy": "idle", "cost": 22.6, "import_kwh": 45.6, "export_kwh": 9.6, "charge_kwh": 19.2,
            "discharge_kwh": 28.8, "curtailed_kwh": 38.4, "start_soc_kwh": 5.0, "end_soc_kwh": 7.0,
            "settlement_value": 0.7, "peak_kw": 3.8, "breaches": 0, "writes": None,
        }
    )  # fmt: skip


def test_writes_are_changes_of_command_within_the_day() -> None:
    """Three changes on the first day; midnight is none, and a day whose command stands has none."""
    charge_kw_commanded = [0.0] * 10 + [2.0] * 10 + [0.0] * 10 + [1.0] * (96 - 30) + [3.0] * 96
    frame = schedule(DAY, DAY + timedelta(days=1), charge_kw=charge_kw_commanded, discharge_kw=0.0, export_kw=0.0)
    assert daily_results(frame, FIVE, home(PAPER_BATTERY))["writes"].to_list() == [3, 0]


def test_days_and_policies_stay_apart_when_given_together_in_any_order() -> None:
    both = [schedule(DAY, DAY + timedelta(days=1), policy=policy, cost=cost) for policy, cost in (("b", 2), ("a", 1))]
    shuffled = pl.concat(both).sample(fraction=1.0, shuffle=True, seed=3)
    results = daily_results(shuffled, FIVE, home(PAPER_BATTERY))
    assert results.select("day", "policy", "cost").rows() == [
        (DAY, "a", 96.0),
        (DAY, "b", 192.0),
        (DAY + timedelta(days=1), "a", 96.0),
        (DAY + timedelta(days=1), "b", 192.0),
    ]


@pytest.mark.parametrize(("day", "slots"), [(date(2026, 3, 29), 92), (date(2026, 10, 25), 100)])
def test_every_slot_counts_when_the_clock_moves(day: date, slots: int) -> None:
    assert daily_results(schedule(day, day, cost=1.0), FIVE, home())["cost"][0] == slots


@given(
    prices=st.lists(st.floats(-5, 5), min_size=96, max_size=96),
    value=st.sampled_from([None, 0.0, 0.4]),
)
def test_settlement_is_that_of_the_protocol_when_prices_are_any(prices: list[float], value: float | None) -> None:
    """Bit for bit: the oracle plans with the one and is billed by the other."""
    protocol = Protocol(start_soc_kwh=5.0, settlement_value=value)
    results = daily_results(schedule(import_price=np.array(prices)), protocol, home())
    assert results["settlement_value"][0] == protocol.settlement(np.array(prices), home().battery)


def test_settlement_is_bit_for_bit_that_of_the_protocol_when_days_have_92_or_100_slots() -> None:
    slots = days_of_slots(date(2026, 3, 28), date(2026, 3, 30), seed=1)
    autumn = days_of_slots(date(2026, 10, 24), date(2026, 10, 26), seed=2)
    for part in (slots, autumn):
        replayed = replay_days("idle", part, no_forecasts(), home(), FIVE)
        for day, value in daily_results(replayed, FIVE, home()).select("day", "settlement_value").rows():
            prices = part.filter(pl.col("local_day") == day)["import_price"].to_numpy()
            assert value == FIVE.settlement(prices, home().battery)


def no_forecasts() -> pl.DataFrame:
    return days_of_slots(DAY, DAY - timedelta(days=1), seed=0)


def test_results_do_not_depend_on_the_days_beside_them_when_many_are_given() -> None:
    """Bit for bit: a day backfilled alone is the day backfilled in a year."""
    slots = days_of_slots(date(2026, 1, 1), date(2026, 4, 30), seed=4)
    schedules = pl.concat([replay_days(name, slots, no_forecasts(), home(), FIVE) for name in ("idle", "oracle")])
    together = daily_results(schedules, FIVE, home())
    for day in (date(2026, 1, 1), date(2026, 2, 14), date(2026, 3, 29), date(2026, 4, 30)):
        alone = daily_results(schedules.filter(pl.col("local_day") == day), FIVE, home())
        assert alone.equals(together.filter(pl.col("day") == day))


LIMITED = home(PAPER_BATTERY, Limits(import_kw=4, export_kw=2, inverter_kw=3))


@pytest.mark.parametrize(
    ("columns", "broken"),
    [
        pytest.param({"import_kwh": 1.0}, 0, id="the fuse itself"),
        pytest.param({"import_kwh": 1.00001}, 96, id="above the fuse"),
        pytest.param({"import_kwh": 1.0 + 1e-9}, 0, id="above it by rounding"),
        pytest.param({"export_kwh": 0.50001}, 96, id="above the export limit"),
        pytest.param({"charge_kwh": 0.7, "import_kwh": 0.7}, 0, id="charging within the inverter"),
        pytest.param({"charge_kwh": 1.00001, "pv_kwh": 0.5}, 96, id="charging above its power"),
        pytest.param({"discharge_kwh": 1.00001, "charge_kwh": 0.9}, 96, id="discharging above its power"),
        pytest.param({"soc_end_kwh": 0.99}, 96, id="below the usable range"),
        pytest.param({"soc_end_kwh": 9.01}, 96, id="above the usable range"),
        pytest.param({"soc_start_kwh": 0.5, "soc_end_kwh": 0.7}, 0, id="coming up from below"),
        pytest.param({"soc_start_kwh": 0.5, "soc_end_kwh": 0.4}, 96, id="going further down"),
        pytest.param({"discharge_kwh": 0.4, "pv_kwh": 0.4}, 96, id="more through the inverter than it takes"),
        pytest.param({"discharge_kwh": 0.4, "pv_kwh": 0.4, "curtailed_kwh": 0.05}, 0, id="what is curtailed is not"),
        pytest.param({"charge_kwh": 0.9}, 96, id="more from the grid than the inverter takes"),
        pytest.param({"charge_kwh": 0.9, "pv_kwh": 0.2}, 0, id="panels charge on their own side"),
    ],
)
def test_breaches_are_counted_by_slot_when_a_limit_is_exceeded(columns: dict[str, Any], broken: int) -> None:
    assert daily_results(schedule(**columns), FIVE, LIMITED)["breaches"][0] == broken


def test_nothing_is_a_breach_when_there_are_no_limits() -> None:
    wild = schedule(import_kwh=99.0, export_kwh=99.0, pv_kwh=99.0)
    assert wild.select(breached(home(PAPER_BATTERY)).any()).item() is False
    assert daily_results(wild, FIVE, home(PAPER_BATTERY))["breaches"].dtype == pl.Int32


def test_results_are_empty_when_there_are_no_schedules() -> None:
    assert daily_results(schedule(DAY, DAY - timedelta(days=1)), FIVE, home()).is_empty()
