"""Panels that were held back teach nothing of the sun; panels that were not do."""

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.context import open_context
from darkstar_pipeline.forecasts.available_pv import held_back, with_available_pv
from darkstar_pipeline.forecasts.inputs import history_between
from darkstar_pipeline.warehouse.schemas import METER_READINGS, RAW_SPOT_PRICES
from env.battery import Battery
from env.site import Limits
from tests.builders.month_home import FIRST, month_context, readings
from tests.builders.small_home import as_imported

BATTERY = Battery(
    capacity_kwh=10.0,
    min_soc_kwh=1.0,
    max_soc_kwh=9.5,
    charge_kw=4.0,
    discharge_kw=4.0,
    charge_efficiency=1.0,
    discharge_efficiency=1.0,
    wear_cost=0.0,
)
LIMITED, BANNED, CURTAILABLE = Limits(export_kw=4.0), Limits(export_kw=0.0), Limits(curtailable=True)
FULL, HALF = {"soc_end_percent": 94.0, "batt_charge_kwh": 0.0}, {"soc_end_percent": 50.0, "batt_charge_kwh": 0.3}


@pytest.mark.parametrize(
    ("limits", "slot", "held"),
    [
        pytest.param(LIMITED, {**FULL, "export_kwh": 0.99}, True, id="full and export at its limit"),
        pytest.param(LIMITED, {**FULL, "export_kwh": 0.9}, False, id="full and export below its limit"),
        pytest.param(LIMITED, {**HALF, "export_kwh": 1.0}, False, id="room in the battery"),
        pytest.param(LIMITED, {**HALF, "batt_charge_kwh": 1.0, "export_kwh": 1.0}, True, id="charging at its limit"),
        pytest.param(LIMITED, {"export_kwh": 1.0}, True, id="battery not read"),
        pytest.param(BANNED, {**FULL, "export_kwh": 0.0}, True, id="full and export banned"),
        pytest.param(BANNED, {**HALF, "export_kwh": 0.0}, False, id="room and export banned"),
        pytest.param(BANNED, {"export_kwh": 0.0}, False, id="banned and battery not read"),
        pytest.param(CURTAILABLE, {**FULL, "export_kwh": 0.0, "export_price": -0.1}, True, id="export would cost"),
        pytest.param(CURTAILABLE, {**FULL, "export_kwh": 0.0, "export_price": 0.1}, False, id="export would pay"),
        pytest.param(CURTAILABLE, {**FULL, "export_kwh": 0.4, "export_price": -0.1}, False, id="exported all the same"),
        pytest.param(CURTAILABLE, {**FULL, "export_kwh": 0.0}, False, id="no price known"),
        pytest.param(LIMITED, {**FULL, "export_kwh": 1.0, "pv_kwh": 0.0}, False, id="no sun"),
        pytest.param(LIMITED, {**FULL, "export_kwh": 1.0, "pv_kwh": None}, False, id="PV not read"),
        pytest.param(Limits(), {**FULL, "export_kwh": 2.0, "export_price": -1.0}, False, id="no limit"),
    ],
)
def test_panels_are_held_back_when_the_surplus_has_nowhere_to_go(
    limits: Limits, slot: dict[str, float | None], *, held: bool
) -> None:
    columns = ("pv_kwh", "export_kwh", "batt_charge_kwh", "soc_end_percent", "export_price")
    row = dict.fromkeys(columns) | {"pv_kwh": 1.2} | slot
    frame = pl.DataFrame([row], schema=dict.fromkeys(columns, pl.Float64))
    assert frame.select(held_back(limits, BATTERY).alias("held"))["held"].to_list() == [held]


def test_history_is_the_same_when_nothing_can_be_held_back(tmp_path: Path) -> None:
    context = month_context(tmp_path)
    last = FIRST.replace(day=20)
    assert history_between(context, FIRST, last)["pv_kwh"].null_count() == 0


def test_slots_in_which_the_panels_were_held_back_are_unread(tmp_path: Path) -> None:
    """Noon of one day, at a price below zero and with a full battery; the same noon a day later is as it was."""
    limits = {"curtailable": True}
    site = SiteSettings.model_validate({"first_day": FIRST, "has_pv": True, "limits": limits})
    context = open_context(settings=Settings(sites={"home": site}), home=tmp_path)
    noon = pl.col("local_clock").is_between(12 * 60, 12 * 60 + 45)
    full = noon & (pl.col("local_day") == FIRST)
    read = readings().filter(pl.col("local_day") <= FIRST + timedelta(days=1))
    read = read.with_columns(
        pv_kwh=pl.when(noon).then(0.4).otherwise("pv_kwh"),
        export_kwh=pl.lit(0.0),
        batt_charge_kwh=pl.lit(0.0),
        soc_end_percent=pl.when(full).then(100.0).otherwise(60.0),
    )
    prices = read.select("slot_start", "local_day", price=pl.lit(-0.5))
    days = read["local_day"].unique().sort().to_list()
    rows = as_imported(METER_READINGS, read.drop("local_clock"), "home")
    context.lake.write_days(METER_READINGS, "home", days, rows)
    context.lake.write_days(RAW_SPOT_PRICES, "home", days, as_imported(RAW_SPOT_PRICES, prices, "home"))
    available = with_available_pv(context, read.select("slot_start", "load_kwh", "pv_kwh"), days[0], days[1])
    unread = available.filter(pl.col("pv_kwh").is_null()).join(read, on="slot_start")
    assert unread["local_day"].to_list() == [FIRST] * 4
    assert unread["local_clock"].to_list() == [720, 735, 750, 765]
    assert available["load_kwh"].null_count() == 0
