"""What readings show: the error of forecasts by band of the local day, on clock-change days too, and of the battery."""

from datetime import date

import polars as pl
import pytest

from env.time_grid import grid
from planner.tuning.evidence import LEAST_DAYS, battery_evidence, forecast_evidence, share_evidence
from planner.tuning.quantities import BANDS

ZONE = "Europe/Stockholm"


def slots(first: date, last: date, *, load: float, pv: float) -> pl.DataFrame:
    return grid(first, last, ZONE).select("slot_start", load_kwh=pl.lit(load), pv_kwh=pl.lit(pv))


@pytest.mark.parametrize("first", [date(2026, 3, 20), date(2026, 10, 14)], ids=["spring", "autumn"])
def test_forecasts_that_are_off_in_the_evening_are_corrected_in_the_evening_alone(first: date) -> None:
    last = date(first.year, first.month + 1, 10)
    forecast = slots(first, last, load=0.2, pv=0.1)
    hour = pl.col("slot_start").dt.convert_time_zone(ZONE).dt.hour()
    read = forecast.with_columns(load_kwh=pl.when(hour >= 16).then(0.22).otherwise(pl.col("load_kwh")))
    found = {each.name: each for each in forecast_evidence(forecast, read, ZONE)}
    assert set(found) == set(BANDS)
    assert found["load_evening"].target == pytest.approx(1.1)
    assert [found[name].target for name in BANDS if name != "load_evening"] == pytest.approx([1.0] * 6)
    assert found["load_evening"].samples == (last - first).days + 1


def test_too_few_days_and_bands_without_energy_show_nothing() -> None:
    few = slots(date(2026, 5, 1), date(2026, 5, LEAST_DAYS - 1), load=0.2, pv=0.1)
    assert forecast_evidence(few, few, ZONE) == []
    dark = slots(date(2026, 5, 1), date(2026, 5, 20), load=0.2, pv=0.0)
    assert {each.name.partition("_")[0] for each in forecast_evidence(dark, dark, ZONE)} == {"load"}


def test_a_battery_that_is_not_read_shows_nothing() -> None:
    names = ("soc_start_percent", "soc_end_percent", "batt_charge_kwh", "batt_discharge_kwh")
    assert battery_evidence(pl.DataFrame(schema=dict.fromkeys(names, pl.Float64))) == []


def test_the_share_that_cost_least_is_shown_and_of_equal_ones_the_smallest() -> None:
    assert share_evidence({0.25: 10.0, 0.23: 9.0, 0.27: 11.0}, 28)[0].target == 0.23
    assert share_evidence({0.25: 10.0, 0.23: 10.0}, 28)[0].target == 0.23
    assert share_evidence({0.25: 10.0}, LEAST_DAYS - 1) == []
