"""The asset that fits the price forecast: a version in use, and plans that rest on it within its month alone."""

from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from assets.forecast_models import price_models_asset
from assets.home import Home
from darkstar_pipeline.datasets.price_forecaster import known_prices, price_forecaster
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.forecasts.price_versions import fit_and_register, price_version_in_use, vintage_errors
from darkstar_pipeline.models.version import RegisteredModel
from darkstar_pipeline.planning.plan_inputs import inputs_at
from env.time_grid import days_between
from planner.forecasts.price_forecast import PriceForecaster
from tests.builders.graded_home import graded_context
from tests.builders.small_home import FIRST, ZONE, fill_earlier_prices, small_context

# MLflow's own, as in the tests of the registry.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
TODAY = date(2025, 10, 28)
MORNING = datetime(2025, 10, 28, 9, tzinfo=ZoneInfo(ZONE))


@pytest.mark.thorough
@pytest.mark.slow  # MLflow's store is made and written
def test_plans_rest_on_the_version_of_their_month_and_end_as_without_it(tmp_path: Path) -> None:
    context = small_context(tmp_path)
    fill_earlier_prices(context.lake, context.site_name, FIRST - timedelta(days=130))
    before = inputs_at(context, MORNING)
    assert before.price_model == "fitted on the prices in the lake"
    asset = price_models_asset(Home(context=context))
    done = dg.materialize([asset], run_config={"ops": {"price_models": {"config": {"at": "2025-10-05"}}}})
    metadata = done.asset_materializations_for_node("price_models")[0].metadata
    assert (metadata["version"].value, metadata["month"].value) == (1, "2025-10")
    used = price_version_in_use(context)
    assert used is not None
    assert used.loaded.summary.last_day == date(2025, 9, 30)
    assert used.loaded.summary.metrics["mae"] > 0
    assert 0 < used.loaded.summary.metrics["coverage"] < 1
    after = inputs_at(context, MORNING)
    assert after.price_model == "version 1, fitted for 2025-10"
    curves = [each.task.end.curve for each in (before, after)]
    assert curves[0] is not None
    assert curves[1] is not None
    assert curves[0].slopes.tolist() == curves[1].slopes.tolist()
    assert fit_and_register(context, TODAY).version == 1  # the same prices, the same fit
    assert inputs_at(context, MORNING + timedelta(days=5)).price_model == "fitted on the prices in the lake"
    folder = RegisteredModel.of(context, "prices").version_folder(1)
    (folder / "arrays.safetensors").write_bytes(b"")
    assert price_version_in_use(context) is None


def test_home_without_prices_of_some_months_has_nothing_to_fit(tmp_path: Path) -> None:
    with pytest.raises(DataMissingError, match="days before 2025-11-01 are too few"):
        fit_and_register(small_context(tmp_path), date(2025, 11, 2))


def test_month_that_the_prices_do_not_reach_is_not_fitted(tmp_path: Path) -> None:
    """It would be in use once the month comes, without the days before it."""
    context = small_context(tmp_path)
    fill_earlier_prices(context.lake, context.site_name, FIRST - timedelta(days=130))
    with pytest.raises(DataMissingError, match=r"end on 2025-11-\d\d, before 2026-03 begins"):
        fit_and_register(context, date(2026, 3, 2))


def test_prices_are_in_order_where_only_the_last_days_were_repaired(tmp_path: Path) -> None:
    """The first one is the first that was learned from, as a version says."""
    context = graded_context(tmp_path)
    earlier = FIRST - timedelta(days=3)
    fill_earlier_prices(context.lake, context.site_name, earlier)
    prices = known_prices(context.lake, context.site_name, earlier, TODAY)
    assert (prices["local_day"][0], prices["local_day"][-1]) == (earlier, TODAY)
    assert prices["slot_start"].is_sorted()


def test_errors_are_told_by_the_month_whose_weights_made_them(tmp_path: Path) -> None:
    context = small_context(tmp_path)
    fill_earlier_prices(context.lake, context.site_name, FIRST - timedelta(days=130))
    forecaster: PriceForecaster = price_forecaster(context.lake, context.site, TODAY)
    found = vintage_errors(forecaster, [*days_between(date(2025, 6, 20), date(2025, 10, 20))])
    assert found["month"].to_list() == ["2025-09", "2025-10"]
    assert set(found.columns) == {"month", "mae", "mae_mean_of_7_days", "coverage"}
