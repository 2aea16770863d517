"""All checks, in the order in which a person would go through them."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from darkstar_pipeline.config.settings import Settings, load_settings
from darkstar_pipeline.context import LAKE_FOLDER, tables_of, with_fleet_home
from darkstar_pipeline.doctor.days import check_days
from darkstar_pipeline.doctor.finding import CheckResult, Verdict, failed
from darkstar_pipeline.doctor.forecasts import check_forecasts
from darkstar_pipeline.doctor.installation import check_packages, check_python
from darkstar_pipeline.doctor.lake_rows import check_rows, check_strays
from darkstar_pipeline.doctor.machine import (
    check_clock,
    check_configuration,
    check_disk,
    check_privacy,
    check_state_folder,
    check_state_version,
    check_tariff,
    check_time_zone,
)
from darkstar_pipeline.doctor.models import check_aliases, check_models
from darkstar_pipeline.doctor.readings.appliances import check_appliances
from darkstar_pipeline.doctor.readings.battery import check_battery
from darkstar_pipeline.doctor.readings.panels import check_panels
from darkstar_pipeline.doctor.sizes import check_sizes
from darkstar_pipeline.doctor.sources.authority import check_authority
from darkstar_pipeline.doctor.sources.channels import check_channels
from darkstar_pipeline.doctor.sources.home_assistant import check_home_assistant
from darkstar_pipeline.doctor.sources.mqtt import check_mqtt_readings
from darkstar_pipeline.doctor.sources.prices import check_prices
from darkstar_pipeline.doctor.sources.weather import check_weather
from darkstar_pipeline.doctor.stores import check_dagster, check_mlflow
from darkstar_pipeline.doctor.tables import check_tables
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.warehouse.lake import Lake


def run_checks(
    home: Path,
    site: str | None,
    *,
    now: datetime,
    every: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> list[CheckResult]:
    """Run every check.

    Args:
        home: the state folder.
        site: the site to look at; None for all.
        now: the present, by this machine's clock.
        every: look at all days of a fleet's lake, else at the newest.
        progress: told of the work on a fleet's lake.

    Raises:
        ConfigurationError: the named site is not in a configuration that is otherwise fine.
    """
    settings, configuration = _settings()
    settings = with_fleet_home(settings, site, home)
    lake = Lake(home / LAKE_FOLDER)
    names = [settings.site_name(site)] if site is not None and settings.sites else sorted(settings.sites)
    findings = [check_python(), check_packages(Path.cwd()), check_clock(now), configuration]
    findings += [check_time_zone(name, settings.sites[name].timezone, now) for name in names]
    findings += [check_tariff(name, settings.sites[name], now, of_fleet=settings.is_of_fleet(name)) for name in names]
    findings += [check_state_folder(home), check_privacy(home), check_disk(home), check_state_version(home)]
    if findings[-1].verdict is Verdict.FAIL:
        return findings  # this release does not know the folder's layout
    findings += [check_strays(lake.root), check_tables(lake.root), check_rows(lake.root)]
    if settings.fleet is not None:
        from darkstar_pipeline.doctor.fleet.homes import check_fleet
        from darkstar_pipeline.doctor.fleet.lake import check_fleet_lake
        from darkstar_pipeline.doctor.fleet.models import check_fleet_models

        if site is None:
            findings += check_fleet(settings, home)
            findings += check_fleet_lake(settings.fleet, home, every=every, progress=progress)
            findings += check_fleet_models(settings, home)
            settings = settings.model_copy(update={"fleet": None})  # what follows is of single homes
    for name in names:
        findings += check_days(tables_of(settings, home, name), name, now, of_fleet=settings.is_of_fleet(name))
    findings += [finding for name in names for finding in check_authority(name, settings.sites[name])]
    findings += [check_prices(settings, home, name, now) for name in names]
    findings += [check_weather(settings, home, name, now) for name in names]
    findings += [finding for name in names for finding in check_home_assistant(settings, home, name, now)]
    findings += [finding for name in names for finding in check_channels(name, settings.sites[name])]
    checks = (check_panels, check_appliances, check_battery, check_mqtt_readings)
    metered = [check(settings, home, name, now) for name in names for check in checks]
    findings += [finding for finding in metered if finding is not None]
    findings += [check_forecasts(settings, home, name) for name in names]
    findings += [check_models(settings, home, name, now) for name in names]
    findings += [finding for name in names for finding in check_aliases(home, name)]
    return [*findings, check_dagster(home), check_mlflow(home), *check_sizes(home, settings, now)]


def _settings() -> tuple[Settings, CheckResult]:
    """Return the configuration, empty where it cannot be read, and the result of its check."""
    try:
        settings = load_settings()
    except ConfigurationError as error:
        return Settings(default_site=None), failed("configuration", error.message, error.hint)
    return settings, check_configuration(settings)
