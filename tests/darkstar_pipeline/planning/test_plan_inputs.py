"""The inputs of a plan of a moment: published prices, its day's forecast, the last reading; and no more."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.config.tariff import PowerTariffSettings, TariffSettings
from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.errors import ConfigurationError, DataMissingError
from darkstar_pipeline.planning import plan_sources
from darkstar_pipeline.planning.memo import Memo
from darkstar_pipeline.planning.plan_inputs import PlanInputs, StartSoc
from darkstar_pipeline.planning.plan_sources import (
    BLIND_CHAMPION,
    ActivePolicy,
    optimizer_plan,
    site_plan,
    site_sources,
    value_plan,
)
from darkstar_pipeline.warehouse.schemas import METER_READINGS, RAW_SPOT_PRICES, SLOT_FORECASTS, SPOT_PRICES
from env.power_tariff import peaks
from env.time_grid import slot_count
from planner.forecasts.naive import naive_forecasts
from planner.optimizer.warm_solver import MIP_SECONDS
from planner.plans.make_plan import Plan
from planner.value.scenarios import Scenarios
from tests.builders.small_home import DAYS, LAST, ZONE, fill, small_context

LONG_DAY = date(2025, 10, 26)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """A fortnight of readings and prices, nothing materialized."""
    return small_context(tmp_path)


def local(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo(ZONE))


def utc(day: date, hour: int) -> datetime:
    return local(day, hour).astimezone(UTC)


def plan_at(context: Context, at: datetime, *, soc_percent: float | None = None) -> tuple[PlanInputs, Plan]:
    """Return the inputs at a moment, and the plan that is made of them."""
    known, climbed = site_plan(context, at, soc=None if soc_percent is None else StartSoc(soc_percent))
    return known, climbed.plan


def rewrite(context: Context, name: str, day: date, column: pl.Expr) -> None:
    """Change a day of a table in the lake."""
    table = {"prices": RAW_SPOT_PRICES, "readings": METER_READINGS}[name]
    rows = context.lake.read(table, context.site_name, day, day)
    context.lake.write_day(table, context.site_name, day, rows.with_columns(column))


@pytest.mark.parametrize(
    ("at", "n_slots"),
    [
        pytest.param(local(LONG_DAY, 0), 100, id="the whole long day"),
        pytest.param(local(LONG_DAY, 12, 59), 45, id="before tomorrow is published"),
        pytest.param(local(LONG_DAY, 13), 44 + 96, id="after"),
        pytest.param(local(date(2025, 10, 25), 13), 44 + 100, id="into the long day"),
        pytest.param(local(date(2025, 10, 25), 13, 10), 44 + 100, id="within a slot"),
        pytest.param(local(LAST, 20), 16, id="tomorrow not in the lake"),
    ],
)
def test_plan_reaches_to_the_last_published_price_when_made(context: Context, at: datetime, n_slots: int) -> None:
    schedule = plan_at(context, at)[1].schedule
    assert schedule.height == n_slots
    first = schedule["slot_start"][0]
    assert first <= at < first + timedelta(minutes=15)
    assert slot_count(LONG_DAY, ZONE) == 100


def test_plan_is_verified_and_explained_when_the_home_is_small(context: Context) -> None:
    known, plan = plan_at(context, local(LONG_DAY, 14))
    assert plan.released == "plan"
    assert plan.verification.valid
    assert plan.cost <= min(plan.idle_cost, plan.self_consumption_cost)
    assert known.vintage == local(LONG_DAY, 0)
    assert (known.forecast, known.start_soc_source) == ("naive_mean_7_3", "protocol")


@pytest.mark.parametrize("later", ["prices of tomorrow", "readings of today", "readings of tomorrow"])
def test_plan_stays_the_same_when_the_future_changes(context: Context, later: str) -> None:
    at = local(LONG_DAY, 9)
    before = plan_at(context, at)[1].schedule
    day = LONG_DAY if later == "readings of today" else LONG_DAY + timedelta(days=1)
    name, column = ("prices", "price") if later.startswith("prices") else ("readings", "load_kwh")
    ahead = pl.col("slot_start") >= pl.lit(at).dt.convert_time_zone("UTC")
    rewrite(context, name, day, pl.col(column) + 5.0 * ahead)
    assert plan_at(context, at)[1].schedule.equals(before)


@pytest.mark.parametrize("earlier", ["prices of today", "readings of yesterday"])
def test_plan_changes_when_what_it_knows_changes(context: Context, earlier: str) -> None:
    at = local(LONG_DAY, 9)
    before = plan_at(context, at)[1].schedule
    if earlier == "prices of today":
        rewrite(context, "prices", LONG_DAY, pl.col("price") + 5.0)
    else:
        rewrite(context, "readings", LONG_DAY - timedelta(days=1), pl.col("load_kwh") + 5.0)
    assert not plan_at(context, at)[1].schedule.equals(before)


def test_stored_forecast_is_used_when_there_is_one(context: Context) -> None:
    history = context.lake.read(METER_READINGS, context.site_name).select("slot_start", "load_kwh", "pv_kwh")
    made = naive_forecasts(history, [LONG_DAY], ZONE, load_days=1, pv_days=1)
    rows = made.with_columns(pl.lit(context.site_name).alias("site"), pl.lit(0.77).alias("load_kwh"))
    context.lake.write_day(SLOT_FORECASTS, context.site_name, LONG_DAY, rows)
    known, plan = plan_at(context, local(LONG_DAY, 9))
    assert known.forecast == "naive_mean_1_1"
    assert set(plan.schedule["load_kwh"]) == {0.77}


def test_repaired_price_wins_when_there_is_one(context: Context) -> None:
    raw = context.lake.read(RAW_SPOT_PRICES, context.site_name, LONG_DAY, LONG_DAY)
    repaired = raw.select(
        "site", "slot_start", "local_day", "area", "native_minutes", price=pl.lit(1.5), raw_price="price"
    ).with_columns(repaired=pl.lit(value=True))
    context.lake.write_day(SPOT_PRICES, context.site_name, LONG_DAY, repaired.select(SPOT_PRICES.schema.names()))
    assert set(plan_at(context, local(LONG_DAY, 9))[1].schedule["export_price"]) == {1.5}


@pytest.mark.parametrize(
    ("column", "slots_before", "percent", "soc_percent", "source"),
    [
        pytest.param("soc_start_percent", 0, 80.0, None, "observed", id="read at the slot's start"),
        pytest.param("soc_end_percent", 1, 80.0, None, "observed", id="read at the end of the slot before"),
        pytest.param("soc_end_percent", 0, 20.0, None, "protocol", id="the slot's own end is the future"),
        pytest.param("soc_start_percent", 0, 20.0, 80.0, "option", id="named"),
    ],
)
def test_plan_starts_from_what_is_known_of_the_battery_when_made(
    context: Context, column: str, slots_before: int, percent: float, soc_percent: float | None, source: str
) -> None:
    at = local(LONG_DAY, 9)
    when = pl.lit(at - slots_before * timedelta(minutes=15)).dt.convert_time_zone("UTC")
    read = pl.when(pl.col("slot_start") == when).then(percent).alias(column)
    rewrite(context, "readings", LONG_DAY, read)
    known, plan = plan_at(context, at, soc_percent=soc_percent)
    assert known.start_soc_source == source
    expected = 50.0 if source == "protocol" else 80.0
    assert plan.schedule["soc_start_kwh"][0] == pytest.approx(0.342 * expected)


def test_plan_ends_before_the_gap_when_a_price_is_missing(context: Context) -> None:
    rows = context.lake.read(RAW_SPOT_PRICES, context.site_name, LONG_DAY, LONG_DAY)
    gap = pl.lit(local(LONG_DAY, 18)).dt.convert_time_zone("UTC")
    context.lake.write_day(RAW_SPOT_PRICES, context.site_name, LONG_DAY, rows.filter(pl.col("slot_start") != gap))
    assert plan_at(context, local(LONG_DAY, 14))[1].schedule.height == 16
    with pytest.raises(DataMissingError, match="has no spot price for 2025-10-26T17:00"):
        plan_at(context, local(LONG_DAY, 18, 5))


def test_plan_is_refused_when_the_lake_is_empty(tmp_path: Path) -> None:
    with pytest.raises(DataMissingError, match="there are no prices at all"):
        plan_at(small_context(tmp_path, filled=False), local(LONG_DAY, 9))


def test_plan_is_refused_when_nothing_was_read_before(context: Context) -> None:
    with pytest.raises(DataMissingError, match="no readings of the 7 days before 2025-10-20"):
        plan_at(context, local(date(2025, 10, 20), 9))


def test_plan_is_refused_when_the_panels_cannot_be_forecast(context: Context) -> None:
    for day in pl.date_range(date(2025, 10, 20), date(2025, 10, 25), eager=True):
        rewrite(context, "readings", day, pl.lit(None, dtype=pl.Float64).alias("pv_kwh"))
    with pytest.raises(DataMissingError, match=r"60 of 60 slots .* have no forecast"):
        plan_at(context, local(LONG_DAY, 9))
    without = context.site_settings.model_copy(update={"has_pv": False})
    assert plan_at(replace(context, site_settings=without), local(LONG_DAY, 9))[1].verification.valid


def test_plan_knows_the_months_peaks_when_power_is_charged_for(tmp_path: Path) -> None:
    """Of this month's days before, the highest hours; what the plan pays for power is among its costs."""
    tariff = TariffSettings(power=(PowerTariffSettings(price_per_kw=40.0),))
    settings = Settings(sites={"home": SiteSettings(first_day=date(2025, 1, 1), tariff=(tariff,))})
    context = open_context(settings=settings, home=tmp_path)
    fill(context.lake, "home")
    at = local(LONG_DAY, 14).astimezone(UTC)
    known, _ = site_plan(context, at)
    (month,) = known.task.month
    readings = context.lake.read(METER_READINGS, "home", DAYS[0], LONG_DAY).filter(pl.col("slot_start") < at)
    imported = readings.select("slot_start", import_kwh=(pl.col("load_kwh") - pl.col("pv_kwh")).clip(lower_bound=0))
    component = context.site.tariff.versions[0].power[0]
    billed = peaks(imported, component, ZONE).filter(pl.col("local_day") < LONG_DAY)["peak_kw"].sort(descending=True)
    assert list(month.peaks_kw) == pytest.approx(billed.head(component.top).to_list())
    made = optimizer_plan(MIP_SECONDS, known.task)
    assert made.solution is not None
    assert made.solution.power_cost >= component.cost(sum(month.peaks_kw) / component.top) - 1e-6 > 0


def test_plan_does_not_use_a_day_of_nothing_but_zeros(context: Context) -> None:
    tomorrow = LONG_DAY + timedelta(days=1)
    rewrite(context, "prices", tomorrow, pl.lit(0.0).alias("price"))
    known, plan = plan_at(context, local(LONG_DAY, 14))
    assert plan.schedule.height == 40
    assert known.notes["prices"] == f"prices of {tomorrow} are all zero, which no market pays; not planned on"
    with pytest.raises(DataMissingError, match="are all zero"):
        plan_at(context, local(tomorrow, 9))


def test_plan_uses_true_zeros_of_a_day_that_has_other_prices(context: Context) -> None:
    tomorrow = LONG_DAY + timedelta(days=1)
    zero = pl.col("slot_start") < local(tomorrow, 18).astimezone(UTC)
    rewrite(context, "prices", tomorrow, pl.when(zero).then(0.0).otherwise("price").alias("price"))
    known, plan = plan_at(context, local(LONG_DAY, 14))
    assert plan.schedule.height == 40 + 96
    assert "prices" not in known.notes


def test_value_plans_on_auroras_scenarios_of_today_where_there_are_some(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, _ = site_plan(context, local(LONG_DAY, 9), soc=StartSoc(50.0))
    before = value_plan(context, known, None, known.task).schedule
    asked: list[date] = []
    busy = Scenarios(np.full((1, 9, 100), 3.0), np.zeros((1, 9, 100)))

    def busy_days(_: Context, days: list[date]) -> dict[date, Scenarios]:
        asked.extend(days)
        return dict.fromkeys(days, busy)

    monkeypatch.setattr(plan_sources, "site_scenarios", busy_days)
    monkeypatch.setattr(plan_sources, "pointer_of", lambda _: "a version")
    memo = Memo()
    plans = [value_plan(context, known, memo, known.task).schedule for _ in range(2)]
    assert asked == [LONG_DAY], "once, while nothing changes"
    assert plans[0].equals(plans[1])
    assert not plans[0].equals(before)


def test_value_plans_on_the_days_before_and_says_so_where_aurora_is_damaged(
    context: Context, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    known, _ = site_plan(context, local(LONG_DAY, 9), soc=StartSoc(50.0))
    before = value_plan(context, known, None, known.task).schedule

    def damaged(_: Context) -> None:
        raise ConfigurationError("the Aurora in use cannot be read", "`darkstar train aurora`")

    monkeypatch.setattr(plan_sources, "pointer_of", damaged)
    assert value_plan(context, known, None, known.task).schedule.equals(before)
    assert "the Aurora in use cannot be read" in caplog.text


@pytest.fixture
def charged(tmp_path: Path) -> Context:
    """The home where power is charged, with readings from the 20th of October on."""
    tariff = TariffSettings(power=(PowerTariffSettings(price_per_kw=81.25),))
    battery = {"capacity_kwh": 10.0, "charge_kw": 5.0, "discharge_kw": 5.0}
    site = SiteSettings.model_validate({"first_day": "2025-01-01", "tariff": [tariff], "battery": battery})
    context = open_context(settings=Settings(sites={"home": site}), home=tmp_path)
    fill(context.lake, "home")
    return context


def value_rows(context: Context, at: datetime) -> pl.DataFrame:
    """Commands and imports of what `value` plans at a moment from half full."""
    known, result = site_plan(context, at, soc=StartSoc(50.0))
    assert result.source == "value", result.reason
    return value_plan(context, known, None, known.task).schedule.select(
        "slot_start", "charge_kw", "discharge_kw", "import_kwh"
    )


def test_value_plans_otherwise_after_four_hours_of_high_power(charged: Context) -> None:
    """From 6 to 10 it was 10.4 kW, by metered import alone: up to there the rest of the day costs nothing more."""
    at = local(LONG_DAY, 10)
    before = value_rows(charged, at)
    morning = pl.col("slot_start").is_between(utc(LONG_DAY, 6), utc(LONG_DAY, 10), closed="left")
    rewrite(charged, "readings", LONG_DAY, pl.when(morning).then(2.6).alias("import_kwh"))
    after = value_rows(charged, at)
    today = pl.col("slot_start") < utc(LONG_DAY + timedelta(days=1), 0)
    hour = pl.col("slot_start").dt.truncate("1h")
    peak_before, peak_after = (
        max(rows.filter(today).group_by(hour).agg(pl.col("import_kwh").sum())["import_kwh"].to_list())
        for rows in (before, after)
    )
    assert not after.equals(before)
    assert peak_before < peak_after <= 10.4 + 1e-6


def test_running_hours_energy_counts_in_a_plan_of_value(charged: Context) -> None:
    """Half an hour at 9 kW leaves the rest of the hour less than what is free in it."""
    at = local(LONG_DAY, 10, 30)
    before = value_rows(charged, at)
    hour = pl.col("slot_start").is_between(utc(LONG_DAY, 10), at.astimezone(UTC), closed="left")
    rewrite(charged, "readings", LONG_DAY, pl.when(hour).then(2.25).alias("import_kwh"))
    known, _ = site_plan(charged, at, soc=StartSoc(50.0))
    assert [state.open_kwh for state in known.task.month] == [pytest.approx(4.5)]
    after = value_plan(charged, known, None, known.task).schedule
    assert float(after["import_kwh"][:2].sum()) <= float(before["import_kwh"][:2].sum()) + 1e-9


def test_missing_readings_of_the_month_are_named_where_power_is_charged(charged: Context, context: Context) -> None:
    known, _ = site_plan(charged, local(LONG_DAY, 14))
    words = "no import was read in 467 of 613 hours of 2025-10: their peaks are taken as none"
    assert known.notes["peaks"].startswith(words)
    assert "peaks" not in site_plan(context, local(LONG_DAY, 14))[0].notes


def test_learned_champion_does_not_plan_where_power_is_charged(charged: Context, context: Context) -> None:
    policy: Any = object()
    for home, missing in ((charged, BLIND_CHAMPION), (context, "")):
        known, _ = site_plan(home, local(LONG_DAY, 14))
        champion = site_sources(home, known, ActivePolicy(policy, ""))[0]
        assert (champion.make is None, champion.missing_reason) == (bool(missing), missing)
