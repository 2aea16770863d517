"""Scenarios that `value` and MPC plan with: Aurora's where one in use may forecast the day."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.config.tariff import PowerTariffSettings, TariffSettings
from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.forecasts.site_scenarios import replay_past, site_scenarios
from darkstar_pipeline.warehouse.schemas import METER_READINGS
from planner.value.scenario_source import SCENARIO_DAYS, day_scenarios
from tests.builders.month_home import FIRST, LAST, month_context, readings
from tests.darkstar_pipeline.forecasts.conftest import AFTER, LEARNED

NO_FORECASTS = pl.DataFrame(
    schema={"slot_start": pl.Datetime("us", "UTC"), "local_day": pl.Date, "load_kwh": pl.Float64, "pv_kwh": pl.Float64}
)


def test_scenarios_are_the_readings_themselves_where_no_aurora_is_in_use(tmp_path: Path) -> None:
    history = readings()
    assert replay_past(month_context(tmp_path), history, NO_FORECASTS, history) is history


def test_scenarios_are_auroras_after_what_it_learned_from_and_else_the_days_before(promoted: Context) -> None:
    slots = readings().filter(pl.col("local_day").is_between(LEARNED - timedelta(days=1), AFTER[0]))
    past = replay_past(promoted, slots, NO_FORECASTS, readings())
    assert isinstance(past, dict)
    assert [(day, past[day].load_kwh.shape[1] > SCENARIO_DAYS) for day in sorted(past)] == [
        (LEARNED - timedelta(days=1), False),
        (LEARNED, False),
        (AFTER[0], True),
    ]
    without = slots.filter(pl.col("local_day") == LEARNED).with_columns(
        load_forecast=pl.lit(None, pl.Float64), pv_forecast=pl.lit(None, pl.Float64)
    )
    before = day_scenarios(readings(), without, promoted.timezone)
    np.testing.assert_array_equal(past[LEARNED].load_kwh, before.load_kwh)


def test_scenarios_are_the_same_when_everything_from_their_midnight_on_is_scrambled(promoted: Context) -> None:
    day = AFTER[1]
    before = site_scenarios(promoted, [day])[day]
    rows = promoted.lake.read(METER_READINGS, "home", day, LAST)
    changed = rows.with_columns(load_kwh=9 * pl.col("load_kwh"), pv_kwh=pl.col("pv_kwh").reverse())
    promoted.lake.write_days(METER_READINGS, "home", changed["local_day"].unique().to_list(), changed)
    after = site_scenarios(promoted, [day])[day]
    np.testing.assert_array_equal(after.load_kwh, before.load_kwh)
    np.testing.assert_array_equal(after.pv_kwh, before.pv_kwh)


def test_scenarios_of_a_day_are_the_same_when_other_days_are_asked_for_too(promoted: Context) -> None:
    alone, together = site_scenarios(promoted, [AFTER[0]]), site_scenarios(promoted, AFTER)
    np.testing.assert_array_equal(alone[AFTER[0]].load_kwh, together[AFTER[0]].load_kwh)


def test_day_without_recent_readings_has_no_aurora(promoted: Context) -> None:
    late = LAST + timedelta(days=12)
    assert set(site_scenarios(promoted, [AFTER[0], late])) == {AFTER[0]}


def test_scenarios_are_the_days_before_where_power_is_charged(promoted: Context) -> None:
    tariff = TariffSettings(power=(PowerTariffSettings(price_per_kw=81.25),))
    site = SiteSettings.model_validate({"first_day": FIRST, "tariff": [tariff]})
    charged = open_context(settings=Settings(sites={"home": site}), home=promoted.home)
    assert site_scenarios(charged, AFTER) == {}
