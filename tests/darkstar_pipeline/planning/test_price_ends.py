"""The worth of energy left at the end of the published prices: by the forecast of the day that follows."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.planning.memo import Memo
from darkstar_pipeline.planning.plan_inputs import PlanInputs, StartSoc, inputs_at
from darkstar_pipeline.planning.plan_sources import optimizer_plan, value_plan
from darkstar_pipeline.warehouse.lake import Lake
from darkstar_pipeline.warehouse.schemas import METER_READINGS, RAW_SPOT_PRICES
from env.time_grid import days_between
from planner.forecasts.price_forecast import PriceForecaster
from planner.optimizer.warm_solver import MIP_SECONDS
from planner.value.end_of_prices import FORECAST, PAST_DAYS, SETTLEMENT
from tests.builders.small_home import FIRST, ZONE, fill_earlier_prices, small_context

TODAY = date(2025, 10, 28)
EARLIER = FIRST - timedelta(days=100)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """The small home with prices of a hundred days before its fortnight; evenings are dear."""
    context = small_context(tmp_path)
    fill_earlier_prices(context.lake, context.site_name, EARLIER)
    return context


def local(hour: int, minute: int = 0, *, day: date = TODAY) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo(ZONE))


def known_at(context: Context, at: datetime, memo: Memo | None = None) -> PlanInputs:
    return inputs_at(context, at, soc=StartSoc(50.0), memo=memo)


def end_of(context: Context, at: datetime) -> tuple[str, list[float]]:
    end = known_at(context, at).task.end
    return end.basis, [] if end.curve is None else end.curve.slopes.tolist()


def rewrite(context: Context, day: date, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    rows = context.lake.read(RAW_SPOT_PRICES, context.site_name, day, day)
    context.lake.write_day(RAW_SPOT_PRICES, context.site_name, day, change(rows))


def dearer(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(pl.col("price") + 2.0)


def test_end_is_of_the_coming_day_before_its_prices_and_of_the_day_after_behind_them(context: Context) -> None:
    morning, afternoon = end_of(context, local(9)), end_of(context, local(14))
    assert (morning[0], afternoon[0]) == (FORECAST, FORECAST)
    assert morning[1] != afternoon[1]
    tomorrow = TODAY + timedelta(days=1)
    rewrite(context, tomorrow, dearer)
    assert end_of(context, local(9)) == morning  # not known yet
    assert end_of(context, local(14))[1] != afternoon[1]
    rewrite(context, tomorrow + timedelta(days=1), dearer)
    assert end_of(context, local(9)) == morning


def test_window_and_task_have_the_same_end(context: Context) -> None:
    known = known_at(context, local(14))
    values, curve = known.rolling.window.last_values, known.task.end.curve
    assert curve is not None
    battery = context.site.battery
    worth = curve.value_of(battery.max_soc_kwh) - curve.value_of(battery.min_soc_kwh)
    assert worth == pytest.approx(float(values[-1] - values[0]), rel=1e-3)


def test_readings_of_the_days_to_come_change_nothing(context: Context) -> None:
    before = end_of(context, local(9))
    for day in days_between(TODAY, TODAY + timedelta(days=2)):
        rows = context.lake.read(METER_READINGS, context.site_name, day, day)
        context.lake.write_day(METER_READINGS, context.site_name, day, rows.with_columns(pl.col("load_kwh") + 1.0))
    assert end_of(context, local(9)) == before


def drop_day(context: Context) -> Context:
    rewrite(context, TODAY - timedelta(days=15), lambda rows: rows.clear())
    return context


def cut_today(context: Context) -> Context:
    rewrite(context, TODAY, lambda rows: rows.filter(pl.col("slot_start") < local(22).astimezone(UTC)))
    return context


def damage(context: Context) -> Context:
    Lake(context.home / "lake").path(RAW_SPOT_PRICES, context.site_name, EARLIER).write_bytes(b"no parquet")
    return context


def billed(context: Context, *versions: Mapping[str, object]) -> Context:
    """The home with other versions of its tariff."""
    fees: dict[str, object] = {"vat": 0.25, "transfer_fee": 0.2, "energy_tax": 0.4}
    settings = {**context.site_settings.model_dump(), "tariff": [{**fees, **version} for version in versions]}
    site = SiteSettings.model_validate(settings)
    return open_context(settings=Settings(sites={context.site_name: site}), home=context.home)


def settle(context: Context) -> Context:
    protocol = context.site_settings.protocol.model_copy(update={"settlement_value": 0.3})
    settings = context.site_settings.model_copy(update={"protocol": protocol})
    return Context(**{**vars(context), "site_settings": settings})


def test_end_is_as_on_the_last_days_where_a_gap_in_prices_hides_the_next(context: Context) -> None:
    known = known_at(drop_day(context), local(14))
    assert known.task.end.basis == PAST_DAYS
    assert known.rolling.window.last_value is not None


@pytest.mark.parametrize("without", [cut_today, damage, settle])
def test_end_is_settled_where_the_next_day_cannot_be_forecast(
    context: Context, without: Callable[[Context], Context]
) -> None:
    known = known_at(without(context), local(9))
    end, window = known.task.end, known.rolling.window
    assert (end.basis, end.curve, end.value) == (SETTLEMENT, None, window.settlement_value)
    assert window.last_value is None


def test_end_is_forecast_where_the_tariff_began_today(context: Context) -> None:
    """Past days that no tariff prices are left out; they once took the plan with them."""
    assert end_of(billed(context, {"valid_from": TODAY}), local(9))[0] == FORECAST


@pytest.mark.parametrize(
    ("began", "basis"), [(TODAY - timedelta(days=400), FORECAST), (TODAY - timedelta(days=2), SETTLEMENT)]
)
def test_a_months_mean_settles_only_while_its_days_count(context: Context, began: date, basis: str) -> None:
    versions = ({"valid_from": date(2020, 1, 1), "monthly_mean": True}, {"valid_from": began})
    assert end_of(billed(context, *versions), local(9))[0] == basis


POWER = {"power": [{"price_per_kw": 50.0}]}
MID_MONTH = TODAY - timedelta(days=10)


@pytest.mark.parametrize(
    ("versions", "like"),
    [
        pytest.param(({}, {"valid_from": TODAY + timedelta(days=4), **POWER}), ({},), id="charged next month"),
        pytest.param(({}, {"valid_from": MID_MONTH, **POWER}), ({},), id="charge began inside the month"),
        pytest.param((POWER, {"valid_from": MID_MONTH}), (POWER,), id="charge ended inside the month"),
        pytest.param(({"valid_from": MID_MONTH, **POWER},), (POWER,), id="tariff began inside the month"),
    ],
)
def test_value_plans_with_the_charge_of_the_month(
    context: Context, versions: tuple[dict[str, object], ...], like: tuple[dict[str, object], ...]
) -> None:
    known, same = (known_at(billed(context, *each), local(9)) for each in (versions, like))
    assert [each.standing_cost for each in known.task.peak_demands] == [
        each.standing_cost for each in same.task.peak_demands
    ]
    own, expected = (value_plan(context, each, None, each.task).schedule for each in (known, same))
    assert own["soc_end_kwh"].to_list() == pytest.approx(expected["soc_end_kwh"].to_list())


def test_end_is_worked_out_once_until_an_input_changes(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[date] = []
    paths = PriceForecaster.paths

    def counted(self: PriceForecaster, published: date) -> object:
        asked.append(published)
        return paths(self, published)

    monkeypatch.setattr(PriceForecaster, "paths", counted)
    memo = Memo()
    for at in (local(9), local(9, 15), local(12, 45)):
        known_at(context, at, memo)
    assert set(asked) == {TODAY}
    once = len(asked)
    known_at(context, local(13), memo)
    assert len(asked) == 2 * once
    rewrite(context, TODAY - timedelta(days=1), dearer)
    known_at(context, local(13, 15), memo)
    assert len(asked) == 3 * once


def test_plans_tell_what_energy_is_kept_for(context: Context) -> None:
    rewrite(context, TODAY, lambda rows: rows.with_columns(price=pl.lit(0.01)))
    known = known_at(context, local(18))
    rewrite(context, TODAY + timedelta(days=1), lambda rows: rows.clear())
    known = known_at(context, local(18))
    assert known.task.n_slots == 24
    plan = optimizer_plan(MIP_SECONDS, known.task)
    charged = plan.schedule.filter(pl.col("charge_kwh") > 0.01)["sentence"]
    worth = known.task.end.marginal_value(float(plan.schedule["soc_end_kwh"][-1]))
    assert charged.str.contains(f"kept for tomorrow, worth {worth:.2f} SEK/kWh by the forecast of its prices").any()


def test_value_and_optimiser_keep_more_where_tomorrow_is_expected_to_be_dear(context: Context) -> None:
    """The published day is cheap and flat, so that settlement would sell everything that it can."""
    tomorrow = TODAY + timedelta(days=1)
    rewrite(context, TODAY, lambda rows: rows.with_columns(price=pl.lit(0.2)))
    rewrite(context, tomorrow, lambda rows: rows.clear())
    known, settled = known_at(context, local(18)), known_at(settle(context), local(18))
    left = {
        name: (
            float(value_plan(context, inputs, None, inputs.task).schedule["soc_end_kwh"][-1]),
            float(optimizer_plan(MIP_SECONDS, inputs.task).schedule["soc_end_kwh"][-1]),
        )
        for name, inputs in {"forecast": known, "settled": settled}.items()
    }
    assert min(left["forecast"]) > max(left["settled"]) + 1.0
