from collections.abc import Generator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from benchmarks.recorded_home.statistics_home import StatisticsHome, statistics_home
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.errors import ConfigurationError, DataMissingError
from darkstar_pipeline.fetching.log import FetchLog
from darkstar_pipeline.fetching.readings.home_assistant import FetchedReadings, fetch_readings, open_socket
from darkstar_pipeline.home_assistant_api.failures import TOKEN_VARIABLE, HomeAssistantError
from darkstar_pipeline.home_assistant_api.socket import HomeAssistantSocket
from darkstar_pipeline.warehouse.schemas import METER_READINGS, METER_STATISTICS
from tests.builders.home_assistant_socket import TOKEN, SocketAnswers, home_assistant_socket
from tests.builders.statistics_answers import answers_of, asked_spans

START = datetime(2026, 2, 22, 23, tzinfo=UTC)
HOURS = 24 * 20
SENSORS = {
    "load": "sensor.house_load_energy",
    "pv": "sensor.pv_energy",
    "grid_import": "sensor.grid_import_energy",
    "grid_export": "sensor.grid_export_energy",
    "battery_charge": "sensor.battery_charge_energy",
    "battery_discharge": "sensor.battery_discharge_energy",
    "soc": "sensor.battery_soc",
}


@pytest.fixture
def house() -> StatisticsHome:
    return statistics_home(START, HOURS)


@pytest.fixture
def answers(house: StatisticsHome) -> Generator[SocketAnswers]:
    with home_assistant_socket(answers_of(house)) as running:
        yield running


def context_of(folder: Path, url: str, sensors: dict[str, str] = SENSORS) -> Context:
    site: dict[str, Any] = {"first_day": "2026-02-01", "home_assistant": {"url": url, "sensors": sensors}}
    return open_context("home", settings=Settings.model_validate({"sites": {"home": site}}), home=folder)


def fetch(context: Context, house: StatisticsHome, **days: date) -> FetchedReadings:
    url = context.site_settings.home_assistant.url or ""
    with HomeAssistantSocket(url, TOKEN, seconds=10, pauses=()) as socket:
        return fetch_readings(
            context, socket, first=days.get("first"), last=days.get("last"), now=house.end + timedelta(minutes=12)
        )


def stored(context: Context) -> pl.DataFrame:
    return context.lake.read(METER_READINGS, "home").sort("slot_start")


def test_years_come_by_the_hour_and_the_last_days_by_quarters(
    tmp_path: Path, house: StatisticsHome, answers: SocketAnswers
):
    context = context_of(tmp_path, answers.url)
    fetched = fetch(context, house)

    readings = stored(context)
    assert fetched.first_day == date(2026, 2, 1)
    assert readings.height == HOURS * 4
    for column, quantity in (("load_kwh", "load"), ("pv_kwh", "pv"), ("batt_charge_kwh", "charge")):
        assert readings[column].sum() == pytest.approx(float(house.flows[quantity].sum()))
    fine = readings.filter(pl.col("native_minutes") == 15)
    assert fine.height == 4 * (24 * 10 - 2)
    assert fine["slot_start"].max() == readings["slot_start"].max()
    assert readings["soc_start_percent"].null_count() <= 8
    statistics = context.lake.read(METER_STATISTICS, "home")
    assert statistics.filter(pl.col("quantity") == "load")["energy_kwh"].sum() == pytest.approx(
        float(house.flows["load"].sum())
    )
    (state,) = FetchLog(tmp_path).states("home")
    assert (state.last.source, state.last.outcome) == ("home_assistant", "stored")


def test_a_second_fetch_changes_nothing_and_asks_for_what_may_be_new(
    tmp_path: Path, house: StatisticsHome, answers: SocketAnswers
):
    context = context_of(tmp_path, answers.url)
    fetch(context, house)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.parquet")}
    answers.asked.clear()

    again = fetch(context, house)
    assert again.report.slots_new + again.report.slots_changed == 0
    assert again.first_day == date(2026, 3, 14)
    assert asked_spans(answers.asked, "hour") == [("2026-03-13", "2026-03-14")]
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.parquet")} == before
    assert FetchLog(tmp_path).states("home")[0].last.outcome == "unchanged"


def test_a_fetch_that_is_stopped_goes_on_where_it_was(tmp_path: Path, house: StatisticsHome, answers: SocketAnswers):
    context = context_of(tmp_path / "stopped", answers.url)

    def breaks_in_march(question: dict[str, Any]) -> Any:
        if question["start_time"].startswith("2026-03"):
            raise ConnectionAbortedError
        return house.statistics(question)

    answers.results["recorder/statistics_during_period"] = breaks_in_march
    with pytest.raises(HomeAssistantError, match="lost"):
        fetch(context, house)
    assert stored(context).is_empty()
    assert FetchLog(context.home).states("home")[0].last.cause == "unreachable"
    assert asked_spans(answers.asked, "hour")[-1][0] == "2026-03-01"

    answers.results["recorder/statistics_during_period"] = house.statistics
    answers.asked.clear()
    fetch(context, house)
    assert asked_spans(answers.asked, "hour") == [("2026-03-01", "2026-03-14")]
    whole = context_of(tmp_path / "whole", answers.url)
    fetch(whole, house)
    without = pl.exclude("imported_at")
    assert stored(context).select(without).equals(stored(whole).select(without))
    assert not list(context.home.glob("fetching/statistics/home/*"))


def test_powers_come_as_means_and_a_signed_one_as_two_flows(tmp_path: Path):
    house = statistics_home(START, 24 * 20, load="sensor.load_power", pv="sensor.pv_power")
    sensors = {"load": "sensor.load_power", "pv": "sensor.pv_power", "grid_import": "sensor.grid_import_energy"}
    with home_assistant_socket(answers_of(house)) as answers:
        context = context_of(tmp_path, answers.url, sensors)
        fetch(context, house)
    readings = stored(context)
    for column, quantity in (("load_kwh", "load"), ("pv_kwh", "pv"), ("import_kwh", "import")):
        assert readings[column].sum() == pytest.approx(float(house.flows[quantity].sum()), rel=0.01)
    assert readings.filter(pl.col("native_minutes") == 15).height == pytest.approx(4 * 24 * 10, abs=8)


def test_hours_never_replace_quarters_that_were_there(tmp_path: Path):
    house = statistics_home(START, 24 * 20, load="sensor.load_power")
    with home_assistant_socket(answers_of(house)) as answers:
        context = context_of(tmp_path, answers.url, {"load": "sensor.load_power"})
        fetch(context, house)
        fine = stored(context).filter(pl.col("native_minutes") == 15)
        later = statistics_home(START, 24 * 32, load="sensor.load_power")
        answers.results.update(answers_of(later))
        fetch(context, later, first=date(2026, 2, 23))
    kept = stored(context).filter(pl.col("slot_start").is_in(fine["slot_start"].implode()))
    assert kept["native_minutes"].to_list()[:-4] == [15] * (fine.height - 4)


def test_parts_are_summed_and_what_is_not_kept_is_told(tmp_path: Path):
    house = statistics_home(START, 24 * 12, discharge="sensor.import_tariff_2")
    sensors = {"grid_import": "sensor.grid_import_energy+sensor.import_tariff_2", "load": "sensor.house_load_energy"}
    with home_assistant_socket(answers_of(house)) as answers:
        context = context_of(tmp_path, answers.url, {**sensors, "pv": "sensor.roof"})
        fetched = fetch(context, house)
    total = float((house.flows["import"] + house.flows["discharge"]).sum())
    assert stored(context)["import_kwh"].sum() == pytest.approx(total)
    assert fetched.notes == ("sensor.roof: Home Assistant keeps no long-term statistics of it, so it is not fetched",)


def test_what_cannot_be_fetched_is_told_and_logged(tmp_path: Path, house: StatisticsHome, answers: SocketAnswers):
    with pytest.raises(ConfigurationError, match="no sensor of home"):
        fetch(context_of(tmp_path, answers.url, {}), house)
    with pytest.raises(DataMissingError, match=r"no long-term statistics of sensor\.other"):
        fetch(context_of(tmp_path, answers.url, {"load": "sensor.other"}), house)
    context = context_of(tmp_path, answers.url)
    with pytest.raises(DataMissingError, match="no statistics from 2025-01-01 to 2025-01-02"):
        fetch(context, house, first=date(2025, 1, 1), last=date(2025, 1, 2))
    reasons = [entry.reason for entry in FetchLog(tmp_path).entries("home", "readings")]
    assert len(reasons) == 3


def test_a_socket_needs_address_and_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    with pytest.raises(ConfigurationError, match="url or the token of home is missing"):
        open_socket(context_of(tmp_path, "http://127.0.0.1:9"))
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    assert open_socket(context_of(tmp_path, "http://127.0.0.1:9")).url == "http://127.0.0.1:9"


def test_a_load_that_no_sensor_measures_is_what_the_flows_leave_over(tmp_path: Path):
    house = statistics_home(START, 24 * 12)
    sensors = {**SENSORS, "load": "balance"}
    with home_assistant_socket(answers_of(house)) as answers:
        context = context_of(tmp_path, answers.url, sensors)
        fetch(context, house)
        without = {sensor: 0 for sensor in house.sensors.values() if "export" not in sensor}
        answers.results["recorder/list_statistic_ids"] = [{"statistic_id": sensor} for sensor in without]
        other = context_of(tmp_path / "other", answers.url, sensors)
        fetch(other, house)
    assert stored(context)["load_kwh"].sum() == pytest.approx(float(house.flows["load"].sum()))
    assert stored(other)["load_kwh"].null_count() == stored(other).height
