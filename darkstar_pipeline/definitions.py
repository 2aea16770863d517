"""The one assembly point: configuration in, Dagster definitions out.

`build_definitions` is for everybody who has a configuration at hand, tests above all; `defs` is what Dagster's tools
load. The latter works without any `darkstar.yaml` too: a bare clone shows the graph of a home called `home`.
A fleet has one graph for all its homes (`jobs.fleet`); its rows are not read here.
"""

import logging
import os
from collections.abc import Mapping
from pathlib import Path

import dagster as dg

from assets.evaluation import missing_money_asset
from assets.fetched.prices import NAME, fetches_prices, raw_spot_prices_asset
from assets.fetched.readings import fetched_readings_asset, fetches_readings
from assets.fetched.weather import fetched_weather_asset
from assets.forecast_models import aurora_models_asset, price_models_asset
from assets.graph import daily_assets
from assets.home import IO_MANAGER, Home
from assets.learning import learned_assets, learned_values_asset, search_asset
from assets.raw import raw_specs
from darkstar_pipeline.config.settings import Settings, config_path, home_dir, load_settings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.context import LAKE_FOLDER, open_context
from darkstar_pipeline.orchestration.dagster_internals import UnresolvedAssetJobDefinition
from darkstar_pipeline.orchestration.resources import LakeIOManager, WarehouseResource
from jobs.backfill import backfill_job
from jobs.daily_learning import learning_job, learning_schedule
from jobs.fetch import readings_job, readings_schedule, weather_job, weather_schedule
from jobs.notification_sensor import notification_sensors
from jobs.price_sensor import price_sensors
from jobs.refresh import refresh_jobs, refresh_schedules
from jobs.retrain import retrain_job, retrain_schedule, search_job

BARE_SITE = "home"
MOST_HOMES = 300
"""Homes with assets of their own that one code location bears: each takes 30 ms whenever it is loaded."""
_log = logging.getLogger(__name__)
CHECKOUT = Path(__file__).resolve().parents[1]


def build_definitions(
    settings: Settings, home: Path, *, loggers: Mapping[str, dg.LoggerDefinition] | None = None
) -> dg.Definitions:
    """The graph, jobs, schedules and resources of every configured home.

    Args:
        settings: the configuration.
        home: the state folder.
        loggers: replace Dagster's own, which tell everything to stderr.
    """
    assets: list[dg.AssetsDefinition | dg.AssetSpec] = []
    jobs: list[UnresolvedAssetJobDefinition] = []
    schedules: list[dg.ScheduleDefinition] = []
    sensors: list[dg.SensorDefinition] = []
    for one in homes(settings, home):
        daily = daily_assets(one)
        fetched = [raw_spot_prices_asset(one)] if fetches_prices(one) else []
        assets += [*raw_specs(one, without=[NAME] if fetched else []), *fetched]
        assets += [fetched_weather_asset(one), *daily, aurora_models_asset(one), price_models_asset(one)]
        assets += [*learned_assets(one), search_asset(one), missing_money_asset(one), learned_values_asset(one)]
        jobs += [backfill_job(one, daily), *refresh_jobs(one, daily), retrain_job(one), search_job(one)]
        jobs += [weather_job(one), learning_job(one)]
        if fetches_readings(one):
            assets.append(fetched_readings_asset(one))
            jobs.append(readings_job(one))
            schedules.append(readings_schedule(one))
        sensors += [*price_sensors(one), *notification_sensors(one)]
        schedules += [*refresh_schedules(one), retrain_schedule(one), weather_schedule(one), learning_schedule(one)]
    if len(settings.sites) > MOST_HOMES:
        _log.warning(
            "%s homes under `sites` have assets of their own, which Dagster loads in 30 ms a home; make them a fleet: "
            "darkstar fleet adopt, docs/fleet.md",
            len(settings.sites),
        )
    root = str(home / LAKE_FOLDER)
    single = dg.Definitions(
        assets=assets,
        jobs=jobs,
        schedules=schedules,
        sensors=sensors,
        resources={
            IO_MANAGER: LakeIOManager(root=root),
            "warehouse": WarehouseResource(database=":memory:", root=root),
        },
        # A process a step would import everything again each time; inside a step, `map_shards` uses the cores.
        executor=dg.in_process_executor,
        loggers=loggers,
    )
    if settings.fleet is None:
        return single
    from jobs.fleet import fleet_definitions  # one home imports nothing of a fleet

    return dg.Definitions.merge(single, fleet_definitions(settings, home))


def homes(settings: Settings, home: Path) -> list[Home]:
    """The configured homes; keys of the default one, or the only one, have no prefix."""
    default = settings.default_site if settings.default_site is not None else _only(settings)
    alone = settings.model_copy(update={"fleet": None})  # else the rows of a fleet beside them are read for each
    return [
        Home(context=open_context(name, settings=alone, home=home), prefix=() if name == default else (name,))
        for name in settings.sites
    ]


def _only(settings: Settings) -> str | None:
    return next(iter(settings.sites)) if len(settings.sites) == 1 else None


def found_configuration() -> tuple[Settings, Path]:
    """The configuration and state folder that Dagster's tools work on.

    `DARKSTAR_CONFIG` and `DARKSTAR_HOME` decide where set; else the working directory, where it has a `darkstar.yaml`;
    else the checkout, since Dagster's servers may be started from anywhere; else a bare home.
    """
    if os.environ.get("DARKSTAR_CONFIG") or config_path().exists():
        return _named(load_settings()), home_dir()
    beside = CHECKOUT / config_path().name
    if beside.exists():
        return _named(load_settings(beside)), home_dir() if os.environ.get("DARKSTAR_HOME") else CHECKOUT / ".darkstar"
    return _named(Settings()), home_dir()


def _named(settings: Settings) -> Settings:
    """The settings, with a bare home where none is configured."""
    return settings if settings.sites or settings.fleet is not None else Settings(sites={BARE_SITE: SiteSettings()})


defs = build_definitions(*found_configuration())
