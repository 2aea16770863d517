"""The asset of the learning engine: a day's step in the lake and in MLflow, once."""

from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from assets.home import Home
from assets.learning import learned_values_asset
from darkstar_pipeline.models.learned_values import LearnedHistory
from darkstar_pipeline.tracking.mlflow_store import open_store
from jobs.daily_learning import learning_schedule
from planner.tuning.quantities import QUANTITIES
from tests.builders.small_home import ZONE, small_context
from tests.builders.tracking import with_empty_store

# MLflow's own, as in the tests of the registry.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
DAY = date(2025, 10, 30)


@pytest.mark.thorough  # MLflow's store is made and written
def test_a_day_is_learned_once_and_its_values_are_metrics(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with_empty_store(tmp_path_factory, tmp_path)
    home = Home(context=small_context(tmp_path))
    config = {"ops": {"learned_values": {"config": {"at": str(DAY)}}}}
    done = dg.materialize([learned_values_asset(home)], run_config=config)
    metadata = done.asset_materializations_for_node("learned_values")[0].metadata
    run = open_store(tmp_path)[0].get_run(str(metadata["MLflow run"].value))
    rows = LearnedHistory(home.context.lake, home.site).rows(DAY, DAY)
    assert set(QUANTITIES) <= set(run.data.metrics)
    assert run.data.metrics["load_evening"] == rows.filter(quantity="load_evening")["new_value"].item()
    again = dg.materialize([learned_values_asset(home)], run_config=config)
    assert "MLflow run" not in again.asset_materializations_for_node("learned_values")[0].metadata


def test_the_schedule_asks_for_the_day_that_it_fires_on(tmp_path: Path) -> None:
    home = Home(context=small_context(tmp_path, filled=False), prefix=("garden-house",))
    at = datetime(2025, 10, 26, 1, 50, tzinfo=ZoneInfo(ZONE))
    tick = learning_schedule(home).evaluate_tick(dg.build_schedule_context(scheduled_execution_time=at))
    assert tick.run_requests is not None
    steps = tick.run_requests[0].run_config["ops"]
    assert steps == {"garden_house__learned_values": {"config": {"at": "2025-10-26"}}}
