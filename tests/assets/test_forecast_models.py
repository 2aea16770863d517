"""The asset that trains: its window, and one whole training through to the version in use."""

from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import pytest

from assets.forecast_models import aurora_models_asset, training_window
from assets.home import Home
from darkstar_pipeline.forecasts.promoted import promoted_versions
from darkstar_pipeline.forecasts.site_forecasts import site_forecasts
from planner.forecasts.aurora_model import MODEL_VERSION
from tests.builders.month_home import FIRST, LAST, month_context, write_outlook

# MLflow's own, as in the tests of the registry.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
NIGHT = datetime(2025, 11, 4, 23, 30, tzinfo=UTC)  # half past midnight of the fifth in Stockholm


@pytest.mark.parametrize(
    ("last_day", "window"),
    [
        pytest.param("", (FIRST, date(2025, 11, 4)), id="yesterday, not before the first day"),
        pytest.param("2025-10-28", (FIRST, date(2025, 10, 28)), id="as named"),
        pytest.param("2025-11-20", (date(2025, 10, 16), date(2025, 11, 20)), id="as many days as configured"),
    ],
)
def test_training_window_is_of_the_last_days(tmp_path: Path, last_day: str, window: tuple[date, date]) -> None:
    home = Home(context=month_context(tmp_path, training_days=36))
    assert training_window(home, last_day, NIGHT) == window


@pytest.mark.slow
def test_aurora_forecasts_when_its_asset_was_materialized(tmp_path: Path) -> None:
    home = Home(context=month_context(tmp_path))
    write_outlook(home.context)  # with a PV forecast that is right it beats any mean
    asset = aurora_models_asset(home)
    done = dg.materialize([asset], run_config={"ops": {"aurora_models": {"config": {"last_day": "2025-10-30"}}}})
    metadata = done.asset_materializations_for_node("aurora_models")[0].metadata
    assert metadata["in use"].value is True
    assert "below the seven-day mean's" in str(metadata["why"].value)
    (promoted,) = promoted_versions(home.context)
    assert (promoted.version, promoted.loaded.summary.last_day) == (1, date(2025, 10, 30))
    made = site_forecasts(home.context, [date(2025, 10, 30), LAST])
    assert dict(made.select("local_day", "model_version").unique().iter_rows()) == {
        date(2025, 10, 30): "naive_mean_7_3",
        LAST: f"{MODEL_VERSION}_v1",
    }
