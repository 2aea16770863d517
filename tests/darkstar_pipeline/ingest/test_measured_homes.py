"""Measured data: the fixtures beside the project, against the published slots and the counters themselves."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from darkstar_pipeline.ingest.report import ImportReport
from darkstar_pipeline.sources.home_assistant.energy_curve import as_seconds
from darkstar_pipeline.sources.home_assistant.export_reader import read_exports
from darkstar_pipeline.sources.home_assistant.formats.exports import read_export
from darkstar_pipeline.warehouse.lake import Lake
from darkstar_pipeline.warehouse.schemas import METER_READINGS, RAW_SPOT_PRICES
from tests.builders.home_assistant_exports import NOW, SITE, import_files


@pytest.fixture(scope="module")
def week(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, ImportReport, list[Path]]:
    """The week of the home in SE4 in a lake, from every file of its folder."""
    folder = tmp_path_factory.mktemp("week")
    lake = Lake(folder / "lake")
    files = sorted((shared_data / "fixtures" / "ha_history_se4").iterdir())
    return lake, import_files(lake, folder / "q", files), files


def test_measured_week_equals_the_published_slots(week: tuple[Lake, ImportReport, list[Path]], shared_data: Path):
    lake, report, _ = week
    published = pl.read_parquet(shared_data / "homes" / "se4_home_battery_15min_2025w41.parquet")
    ours = published.join(lake.read(METER_READINGS, "home"), left_on="utc_start", right_on="slot_start", suffix="_ours")
    assert (ours.height, report.rows_rejected) == (671, 0)
    pairs = {
        "load_kwh": "load_kwh_ours",
        "pv_kwh": "pv_kwh_ours",
        "grid_import_kwh": "import_kwh",
        "grid_export_kwh": "export_kwh",
        "batt_charge_kwh": "batt_charge_kwh_ours",
        "batt_discharge_kwh": "batt_discharge_kwh_ours",
        "soc_pct_start": "soc_start_percent",
    }
    for theirs, mine in pairs.items():
        difference = (ours[theirs] - ours[mine]).abs()
        assert (difference <= 5.1e-5).all(), theirs  # they are rounded to four decimals
        assert difference.null_count() <= 1, theirs
    assert any("sensor.emma_supply_from_grid_today is left out" in note for note in report.notes)


COUNTERS = {
    "historic_EV_total_charged_energy.csv.gz": "ev_kwh",
    "historic_feed_in_to_grid_today.csv.gz": "export_kwh",
    "historic_today_energy_supply_from_grid.csv.gz": "import_kwh",
    "historic_total_charged_energy_to_batteries.csv.gz": "batt_charge_kwh",
    "historic_total_discharge_from_batteries.csv.gz": "batt_discharge_kwh",
    "historic_total_energy_from_pv.csv.gz": "pv_kwh",
    "historic_total_energy_supply_from_grid.csv.gz": "import_kwh",
    "historic_total_feed_in_to_grid.csv.gz": "export_kwh",
    "historic_total_house_energy_consumption.csv.gz": "load_kwh",
}


@pytest.mark.parametrize("name", COUNTERS)
def test_energy_is_conserved_between_every_measured_counter_and_its_slots(name: str, shared_data: Path):
    file = shared_data / "fixtures" / "ha_history_se4" / name
    data = read_exports([read_export(file)], site=SITE, mapping={}, now=NOW)
    raw = pl.read_csv(file, has_header=False, new_columns=["entity", "state", "at"], infer_schema=False)
    states = raw.with_columns(
        pl.col("state").cast(pl.Float64, strict=False), pl.col("at").str.to_datetime(time_zone="UTC", strict=False)
    )
    known = states.drop_nulls()
    values, seconds = known["state"].to_numpy(), as_seconds(known["at"])
    steps = np.diff(values)
    counted = np.concatenate(([0.0], np.cumsum(np.where(steps < 0, values[1:], steps))))
    slots = data.readings["slot_start"]
    edges = as_seconds(slots)
    covered = np.interp(edges[-1] + 900, seconds, counted) - np.interp(edges[0], seconds, counted)
    assert data.readings[COUNTERS[name]].sum() == pytest.approx(covered, rel=1e-3)
    # And nothing but the last, unfinished slot is missing of the whole.
    assert counted[-1] - covered <= 3.0
    assert slots.len() >= (seconds[-1] - seconds[0]) // 900 - 1


def test_battery_power_and_its_counters_agree(shared_data: Path):
    folder = shared_data / "fixtures" / "ha_history_se4"
    file = folder / "historic_batteries_power_in_out.csv.gz"
    power = read_exports([read_export(file)], site=SITE, mapping={}, now=NOW).readings
    counters = [folder / name for name in COUNTERS if "batteries" in name]
    counted = read_exports([read_export(file) for file in counters], site=SITE, mapping={}, now=NOW).readings
    both = power.join(counted, on="slot_start", suffix="_counted")
    # The power is measured on the battery's side of the inverter, so the sums differ by its losses; the signs agree.
    for name in ("batt_charge_kwh", "batt_discharge_kwh"):
        assert both.select(pl.corr(name, f"{name}_counted")).item() > 0.99


def test_measured_prices_are_the_markets(week: tuple[Lake, ImportReport, list[Path]], shared_data: Path):
    lake, _, _ = week
    prices = lake.read(RAW_SPOT_PRICES, "home").filter(pl.col("slot_start") >= datetime(2025, 10, 11, 22, tzinfo=UTC))
    market = pl.read_parquet(shared_data / "spot_prices_se.parquet").filter(pl.col("area") == "SE4")
    both = prices.join(market, on="slot_start")
    assert (both.height, prices["native_minutes"].unique().to_list()) == (288, [15])
    assert (
        (both["price"] - both["sek_per_kwh"]).abs() < 0.01
    ).all()  # the sensor rounds, and has its own exchange rate


def test_measured_statistics_conserve_energy_in_both_layouts(shared_data: Path):
    folder = shared_data / "fixtures" / "ha_lts"
    long = read_exports([read_export(folder / "ha_hourly_cumulative_5days.csv")], site=SITE, mapping={}, now=NOW)
    wide = read_exports([read_export(folder / "ha_hourly_deltas_5days.csv")], site=SITE, mapping={}, now=NOW)
    raw = pl.read_csv(folder / "ha_hourly_cumulative_5days.csv")
    for quantity, sensor, scale in (("import", "import_kwh", 1), ("export", "export_kwh", 1), ("pv", "solar_wh", 1000)):
        values = raw.filter(pl.col("sensor") == sensor)["cumulative"]
        counted = (values[-1] - values[0]) / scale
        for data in (long, wide):
            hours = data.statistics.filter(pl.col("quantity") == quantity)
            assert hours["energy_kwh"].sum() == pytest.approx(counted, rel=1e-3)
            assert hours.height == 118
    deltas = pl.read_csv(folder / "ha_hourly_deltas_5days.csv", try_parse_dates=True).drop_nulls("import_kwh_delta")
    ours = wide.statistics.filter(pl.col("quantity") == "import")["energy_kwh"]
    assert ours.to_list() == pytest.approx(deltas["import_kwh_delta"].to_list(), abs=6e-3)
    assert any("but then the PV centres +2.6 h from noon" in note for note in wide.notes)


def test_measured_period_of_the_api_is_integrated(shared_data: Path):
    file = shared_data / "fixtures" / "api" / "ha_history_period_emhass.json.gz"
    data = read_exports([read_export(file)], site=SITE, mapping={}, now=NOW)
    assert data.readings.height == 96
    assert data.readings["slot_start"][0].date() == date(2022, 10, 19)
    assert data.readings["load_kwh"].sum() == pytest.approx(16.26, abs=0.01)


def test_measured_folder_changes_nothing_when_imported_again(
    week: tuple[Lake, ImportReport, list[Path]], tmp_path: Path
):
    lake, first, files = week
    before = {path: path.read_bytes() for path in lake.root.rglob("*.parquet")}
    again = import_files(lake, tmp_path, files, now=NOW + timedelta(days=1))
    assert (first.slots_new, again.slots_new, again.slots_changed, again.slots_unchanged) == (767, 0, 0, 767)
    assert {path: path.read_bytes() for path in lake.root.rglob("*.parquet")} == before
