"""All assets of a home, imported ones included: the graph as `DESIGN.md` draws it, as far as it exists."""

import dagster as dg

from assets.evaluation import evaluation_report_asset
from assets.forecasts import slot_forecasts_asset
from assets.home import Home
from assets.observations import data_quality_asset, slot_observations_asset
from assets.oracle import oracle_daily_results_asset, oracle_schedules_asset
from assets.policies import policy_daily_results_asset, policy_schedules_asset
from assets.prices import spot_prices_asset
from assets.raw import raw_specs

# In the order of the graph. Adding a stage is adding a line.
STAGES = (
    spot_prices_asset,
    slot_observations_asset,
    data_quality_asset,
    slot_forecasts_asset,
    oracle_schedules_asset,
    oracle_daily_results_asset,
    policy_schedules_asset,
    policy_daily_results_asset,
    evaluation_report_asset,
)


def home_assets(home: Home) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """The home's imported tables and daily assets."""
    return [*raw_specs(home), *daily_assets(home)]


def daily_assets(home: Home) -> list[dg.AssetsDefinition]:
    """What a run of days materializes."""
    return [stage(home) for stage in STAGES]
