"""The daily assets of a home: the graph as `DESIGN.md` draws it, as far as it exists; imported tables are in `raw`."""

from collections.abc import Callable

import dagster as dg

from assets.evaluation import evaluation_report_asset
from assets.forecasts import slot_forecasts_asset
from assets.home import Home
from assets.observations import data_quality_asset, slot_observations_asset
from assets.oracle import oracle_daily_results_asset, oracle_schedules_asset
from assets.policies import policy_daily_results_asset, policy_schedules_asset
from assets.prices import spot_prices_asset
from assets.training_episodes import training_episodes_asset

# In the order of the graph. Adding a stage is adding a line.
STAGES: dict[str, Callable[[Home], dg.AssetsDefinition]] = {
    "spot_prices": spot_prices_asset,
    "slot_observations": slot_observations_asset,
    "data_quality_daily": data_quality_asset,
    "slot_forecasts": slot_forecasts_asset,
    "oracle_schedules": oracle_schedules_asset,
    "oracle_daily_results": oracle_daily_results_asset,
    "policy_schedules": policy_schedules_asset,
    "policy_daily_results": policy_daily_results_asset,
    "training_episodes": training_episodes_asset,
    "evaluation_report": evaluation_report_asset,
}
ASSET_NAMES = tuple(STAGES)


def daily_assets(home: Home) -> list[dg.AssetsDefinition]:
    """Assets that a run of days materializes."""
    return [stage(home) for stage in STAGES.values()]
