"""Settings of how long each kind of state is kept, and of how much room it may take."""

import logging
from typing import Any, cast

from pydantic import Field

from darkstar_pipeline.config.base import Frozen

OLD_PLANS_DAYS = "keep_plans_days"
_log = logging.getLogger(__name__)


class BudgetSettings(Frozen):
    """Size from which on a kind of state is told, and the oldest of what may go goes [MiB]."""

    lake: int = Field(default=4096, ge=1, description="readings, prices and results: told only, nothing is removed")
    dagster: int = Field(default=2048, ge=1, description="runs of Dagster")
    mlflow: int = Field(default=4096, ge=1, description="runs of MLflow")
    models: int = Field(default=2048, ge=1, description="versions of models")
    plans: int = Field(default=2048, ge=1, description="plans of the service")
    other: int = Field(default=512, ge=1, description="each other kind")


class RetentionSettings(Frozen):
    """Times for which each kind of state is kept; readings, prices, results and models in use are kept for ever.

    A kind whose age is set is removed once it is older. Where a kind is above its budget, the oldest of it go earlier.
    """

    automatic: bool = Field(
        default=True, description="the service and the weekly retrain remove what is past its time, once a day"
    )
    plans_days: int = Field(default=45, ge=1, le=3650, description="plans of the service [days]")
    dagster_days: int = Field(default=180, ge=7, le=3650, description="finished runs of Dagster with their logs [days]")
    runs_days: int = Field(
        default=180, ge=7, le=3650, description="runs of MLflow that became no version of a model [days]"
    )
    versions: int = Field(
        default=12, ge=3, le=1000, description="newest versions of each model that are kept whatever their age"
    )
    versions_days: int = Field(
        default=90, ge=14, le=3650, description="other versions that are neither in use nor a rollback's aim [days]"
    )
    checkpoints_days: int = Field(
        default=30, ge=2, le=3650, description="unfinished trainings and searches, after their last change [days]"
    )
    quarantine_days: int = Field(default=365, ge=1, le=3650, description="refused rows of imports [days]")
    pictures_days: int = Field(default=365, ge=1, le=3650, description="drawn pictures [days]")
    log_mib: int = Field(default=20, ge=1, le=10_000, description="size of a log file; its older half goes [MiB]")
    budget_mib: BudgetSettings = Field(default_factory=BudgetSettings)


def read_keep_plans_days(values: object) -> object:
    """Return a configuration with `service.keep_plans_days`, the name of version 0.1, as `retention.plans_days`.

    The longest time of all sites counts, since all share a state folder.
    """
    document, sites = _mapping(values), _mapping(_mapping(values).get("sites"))
    services = {name: _mapping(_mapping(site).get("service")) for name, site in sites.items()}
    old = {name: service for name, service in services.items() if OLD_PLANS_DAYS in service}
    if not old:
        return values
    _log.warning(
        "service.%s is now called retention.plans_days; the old name is read until the next release", OLD_PLANS_DAYS
    )
    moved = {name: {**_mapping(sites[name]), "service": _without_old_name(service)} for name, service in old.items()}
    days = [service[OLD_PLANS_DAYS] for service in old.values()]
    longest: object = max(days) if all(isinstance(each, int) for each in days) else days[0]
    retention = {"plans_days": longest, **_mapping(document.get("retention"))}
    return {**document, "sites": {**sites, **moved}, "retention": retention}


def _mapping(value: object) -> dict[str, Any]:
    """Return a mapping of a configuration; an empty one where something else stands there."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _without_old_name(service: dict[str, Any]) -> dict[str, Any]:
    return {key: each for key, each in service.items() if key != OLD_PLANS_DAYS}
