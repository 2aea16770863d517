"""Plans with adjustments: told with cause and money, in the reader's language, and `value`'s own where none is on."""

from dataclasses import replace
from datetime import UTC, datetime

import polars as pl
import pytest

from darkstar_pipeline.config.household.heater import WaterHeaterSettings
from darkstar_pipeline.config.household.strategy import StrategySettings
from darkstar_pipeline.context import Context
from darkstar_pipeline.planning.plan_sources import site_plan
from darkstar_pipeline.warehouse.schemas import RAW_WEATHER
from env.time_grid import SLOT_DTYPE, grid
from planner.strategy.beliefs import ADJUSTMENTS, AdjustmentName
from planner.wording.messages import translated
from tests.builders.graded_home import graded_context
from tests.builders.small_home import LAST, ZONE, as_imported

AT = datetime(2025, 10, 28, 13, 20, tzinfo=UTC)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Context:
    """The graded fortnight with a water heater; nobody is at home and a warning holds, as is said the day before."""
    context = graded_context(tmp_path_factory.mktemp("strategic"))
    slots = grid(AT.date(), LAST, ZONE)
    said = slots.with_columns(
        known_at=pl.lit(datetime(2025, 10, 27, tzinfo=UTC)).cast(SLOT_DTYPE), vacation=pl.lit(1.0), alarm=pl.lit(1.0)
    )
    rows = as_imported(RAW_WEATHER, said, context.site_name)
    context.lake.write_days(RAW_WEATHER, context.site_name, slots["local_day"].unique().sort().to_list(), rows)
    return context


def planned(context: Context, names: tuple[AdjustmentName, ...]) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """The plan's schedule and remarks with these adjustments allowed."""
    own = context.site_settings
    heater = WaterHeaterSettings(power_kw=2.0, energy_kwh_per_day=6.0, vacation_kwh_per_day=1.0)
    settings = own.model_copy(
        update={
            "household": own.household.model_copy(update={"strategy": StrategySettings(adjustments=names)}),
            "devices": own.devices.model_copy(update={"water_heater": heater}),
        }
    )
    changed = replace(context, site_settings=settings, site=settings.site(context.site_name))
    plan = site_plan(changed, AT)[1].plan
    return plan.schedule, plan.remarks


def test_each_adjustment_is_told_with_its_cause_and_its_money(home: Context) -> None:
    schedule, remarks = planned(home, ADJUSTMENTS)
    names = [remark.partition(" ")[0] for remark in remarks]
    assert names[-2:] == ["alarm_reserve", "vacation_water"]
    assert set(names) <= set(ADJUSTMENTS)
    assert all(", since " in remark and " SEK on this forecast" in remark for remark in remarks)
    assert "eftersom ingen är hemma" in translated(remarks[-1], "sv")
    off, none = planned(home, ())
    assert none == ()
    assert schedule["water_kwh"].sum() < off["water_kwh"].sum(), "the least hot water that vacation needs"


def test_what_is_not_allowed_is_not_done_whatever_is_announced(home: Context) -> None:
    assert planned(home, ("learned_forecast",))[1] == (), "nothing was learned yet"
