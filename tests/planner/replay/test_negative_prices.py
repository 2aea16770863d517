"""Real days with negative prices: room is made before them, and surplus is curtailed rather than sold at a loss."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkstar_pipeline.sample.recording import SAMPLE_TIMEZONE, load_sample
from env.battery import Battery
from env.inverter import Command, apply_command
from env.site import Limits, Site
from planner.forecasts.naive import naive_forecasts
from planner.replay.daily import replay_days
from planner.value.protocol import Protocol
from tests.builders.homes import home

FIRST, LAST = date(2024, 4, 20), date(2024, 5, 5)
BATTERY = Battery.from_percent(
    capacity_kwh=10, min_soc_percent=5, max_soc_percent=100, charge_kw=5, discharge_kw=5, round_trip_efficiency=0.92,
    wear_cost=0.005,
)  # fmt: skip
HALF = Protocol(start_soc_kwh=5.0)


@pytest.fixture(scope="module")
def slots() -> pl.DataFrame:
    """The last fortnight of the sample, in quarters: three times its PV, paid the spot price for what is sold."""
    sample = load_sample()
    hours = sample.observations.join(sample.prices, on="slot_start")
    quarters = pl.concat(
        hours.with_columns(
            pl.col("slot_start") + timedelta(minutes=15 * quarter), pl.col("load_kwh") / 4, 3 * pl.col("pv_kwh") / 4
        )
        for quarter in range(4)
    ).sort("slot_start")
    local_day = pl.col("slot_start").dt.convert_time_zone(SAMPLE_TIMEZONE).dt.date()
    rows = quarters.with_columns(local_day=local_day).filter(pl.col("local_day").is_between(FIRST, LAST))
    return rows.select(
        "slot_start", "local_day", "load_kwh", "pv_kwh", import_price=pl.col("price") + 0.12, export_price="price"
    )


def replayed(policy: str, slots: pl.DataFrame, site: Site) -> pl.DataFrame:
    days = slots["local_day"].unique().sort().to_list()
    forecasts = naive_forecasts(slots, days, SAMPLE_TIMEZONE, load_days=7, pv_days=3)
    return replay_days(policy, slots, forecasts, site, HALF, workers=1).join(
        slots.select("slot_start", price="export_price"), on="slot_start"
    )


def site_of(limits: Limits) -> Site:
    return replace(home(BATTERY, limits), timezone=SAMPLE_TIMEZONE)


def stored_before(schedule: pl.DataFrame) -> float:
    """Mean stored energy at the begin of each day's first hour with a negative price and sun [kWh]."""
    firsts = schedule.filter((pl.col("price") < 0) & (pl.col("pv_kwh") > pl.col("load_kwh"))).sort("slot_start")
    return float(np.mean(firsts.group_by("local_day", maintain_order=True).first()["soc_start_kwh"].to_numpy()))


@pytest.mark.parametrize("limits", [Limits(curtailable=True), Limits()], ids=["curtailable", "sold"])
@pytest.mark.parametrize("policy", ["value", "oracle"])
def test_room_is_made_before_negative_prices(policy: str, limits: Limits, slots: pl.DataFrame) -> None:
    site = site_of(limits)
    by_itself, planned = (replayed(name, slots, site) for name in ("self_consumption", policy))
    assert stored_before(planned) < stored_before(by_itself) - 1.0
    lost = [
        frame.filter(pl.col("price") < 0).select((pl.col("export_kwh") + pl.col("curtailed_kwh")).sum()).item()
        for frame in (planned, by_itself)
    ]
    assert lost[0] < 0.9 * lost[1], "what is stored then is neither sold at a loss nor thrown away"
    assert planned["cost"].sum() < by_itself["cost"].sum()


@pytest.mark.parametrize("policy", ["value", "oracle", "self_consumption", "idle"])
def test_nothing_is_sold_at_a_loss_when_it_can_be_curtailed(policy: str, slots: pl.DataFrame) -> None:
    schedule = replayed(policy, slots, site_of(Limits(curtailable=True))).filter(pl.col("price") < 0)
    assert schedule.height > 100
    assert schedule["export_kwh"].max() == pytest.approx(0.0, abs=1e-9)


POWERS = st.floats(0.0, 9.0)


@given(POWERS, POWERS, POWERS, POWERS, POWERS, st.floats(0.5, 10.0), st.floats(-2.0, -1e-6))
def test_only_what_is_commanded_from_the_battery_is_sold_at_a_loss(
    charge: float, discharge: float, export: float, load: float, pv: float, soc: float, price: float
) -> None:
    flows = apply_command(
        Command(*(np.array(power) for power in (charge, discharge, export))),
        load_kwh=np.array(load / 4),
        pv_kwh=np.array(pv / 4),
        soc_kwh=np.array(soc),
        export_price=np.array(price),
        battery=BATTERY,
        limits=Limits(curtailable=True),
    )
    from_battery = charge == 0 and discharge > 0 and export > 0
    assert from_battery or flows.export_kwh == pytest.approx(0.0, abs=1e-12)
    assert flows.export_kwh <= flows.discharge_kwh + 1e-12
