"""The weekly retrain: forecasts, policies, challenger, champion, and what is missing, in the night to Monday.

The schedule is stopped until it is turned on. What does not belong here: what a retrain does
(`darkstar_pipeline.learning.retrain`).
"""

from datetime import date, timedelta
from typing import Any

import dagster as dg

from assets.evaluation import MISSING
from assets.forecast_models import AURORA_MODELS, PRICE_MODELS
from assets.home import Home
from assets.learning import LEARNED, SEARCH
from darkstar_pipeline.orchestration.dagster_internals import UnresolvedAssetJobDefinition
from jobs.names import job_name
from jobs.schedules import home_schedule

WEEKLY_RETRAIN = "weekly_retrain"
RL_SEARCH = "rl_search"
MONDAY_NIGHT = "20 2 * * 1"  # after the nightly run of late readings
_DATED = (PRICE_MODELS, "antares_regressors", "antares_policy", "antares_rl_policy", "challenger", "champion", MISSING)


def retrain_job(home: Home) -> UnresolvedAssetJobDefinition:
    """Return the weekly retrain job of a home."""
    names = (AURORA_MODELS, PRICE_MODELS, *LEARNED, MISSING)
    return dg.define_asset_job(  # pyright: ignore[reportUnknownMemberType] - partly untyped in Dagster
        job_name(home, WEEKLY_RETRAIN),
        selection=dg.AssetSelection.assets(*(home.key(name) for name in names)),
        description=(
            "Trains forecasts and policies, moves the champion where the evidence carries it, stores what is missing."
        ),
    )


def search_job(home: Home) -> UnresolvedAssetJobDefinition:
    """Return the job that searches hyperparameters, started by hand."""
    return dg.define_asset_job(  # pyright: ignore[reportUnknownMemberType] - partly untyped in Dagster
        job_name(home, RL_SEARCH),
        selection=dg.AssetSelection.assets(home.key(SEARCH)),
        description="Looks for hyper-parameters of reinforcement learning; what it finds is for darkstar.yaml.",
    )


def retrain_schedule(home: Home) -> dg.ScheduleDefinition:
    """Return the schedule of the weekly retrain, in the home's own time zone, stopped until turned on."""

    def request(run_key: str, today: date) -> dg.RunRequest:
        config = {_op(home, asset): {"config": {"at": today.isoformat()}} for asset in _DATED}
        yesterday = today - timedelta(days=1)
        config[_op(home, AURORA_MODELS)] = {"config": {"last_day": yesterday.isoformat()}}
        run_config: dict[str, Any] = {"ops": config}
        return dg.RunRequest(run_key=run_key, run_config=run_config)

    return home_schedule(home, WEEKLY_RETRAIN, MONDAY_NIGHT, request)


def _op(home: Home, asset: str) -> str:
    """Name of an asset's step in a run's configuration."""
    return "__".join((*home.prefix, asset)).replace("-", "_")
