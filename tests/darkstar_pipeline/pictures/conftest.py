"""Schedules of three real days of the embedded sample: both clock changes, and an ordinary one."""

from datetime import date

import polars as pl
import pytest

from darkstar_pipeline.sample import SAMPLE_TIMEZONE, load_sample
from env.battery import Battery
from env.site import Site
from env.tariff import Tariff, TariffVersion
from env.time_grid import grid
from planner.evaluation.daily_results import daily_results
from planner.forecasts.naive import naive_forecasts
from planner.replay.daily import replay_days
from planner.value.protocol import Protocol

AUTUMN, ORDINARY, SPRING = date(2023, 10, 29), date(2024, 4, 6), date(2024, 3, 31)
POLICIES = ("idle", "self_consumption", "mpc", "oracle")
BATTERY = Battery.from_percent(
    capacity_kwh=10.0,
    min_soc_percent=10.0,
    max_soc_percent=100.0,
    charge_kw=5.0,
    discharge_kw=5.0,
    round_trip_efficiency=0.92,
    wear_cost=0.02,
)
FEES = TariffVersion(valid_from=date(2000, 1, 1), vat=0.21, transfer_fee=0.018, energy_tax=0.12)
SITE = Site(name="sample", timezone=SAMPLE_TIMEZONE, currency="EUR", battery=BATTERY, tariff=Tariff((FEES,)))
PROTOCOL = Protocol(start_soc_kwh=5.0)


@pytest.fixture(scope="package")
def schedules() -> pl.DataFrame:
    """Schedules of each policy, with the columns of `planner.replay.daily.replay_days`."""
    sample = load_sample()
    quarter = pl.col("load_kwh", "pv_kwh") / 4
    history = (
        grid(date(2023, 10, 23), date(2024, 5, 5), SAMPLE_TIMEZONE)
        .with_columns(hour=pl.col("slot_start").dt.truncate("1h"))
        .join(sample.observations.rename({"slot_start": "hour"}).with_columns(quarter), on="hour", how="left")
        .join(sample.prices.rename({"slot_start": "hour"}), on="hour", how="left")
    )
    days = sorted((AUTUMN, ORDINARY, SPRING))
    forecasts = naive_forecasts(history, days, SAMPLE_TIMEZONE, load_days=7, pv_days=3)
    slots = SITE.tariff.with_prices(history.filter(pl.col("local_day").is_in(days)), SAMPLE_TIMEZONE)
    return pl.concat([replay_days(policy, slots, forecasts, SITE, PROTOCOL, workers=1) for policy in POLICIES])


@pytest.fixture(scope="package")
def results(schedules: pl.DataFrame) -> pl.DataFrame:
    """Daily costs of each policy, with the columns of `planner.evaluation.daily_results.daily_results`."""
    return daily_results(schedules, PROTOCOL, SITE)
