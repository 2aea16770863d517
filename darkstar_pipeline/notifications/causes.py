"""Causes to tell a person: what `darkstar doctor` finds of a site's sources, without asking the sources themselves."""

from datetime import datetime

from darkstar_pipeline.context import Context
from darkstar_pipeline.doctor.finding import CheckResult
from darkstar_pipeline.doctor.sources.home_assistant import check_home_assistant
from darkstar_pipeline.doctor.sources.mqtt import check_mqtt_readings
from darkstar_pipeline.doctor.sources.prices import check_prices
from darkstar_pipeline.doctor.sources.weather import check_weather

_EVERY_NIGHT = "entities"
"""Their check is for a person who looks: an inverter without sun has no value until the morning."""


def findings_of_sources(context: Context, now: datetime) -> list[CheckResult]:
    """Return what the checks of a site's prices, weather, Home Assistant and MQTT find now."""
    settings, home, site = context.settings, context.home, context.site_name
    findings = [check_prices(settings, home, site, now), check_weather(settings, home, site, now)]
    findings += check_home_assistant(settings, home, site, now)
    by_mqtt = check_mqtt_readings(settings, home, site, now)
    findings += [] if by_mqtt is None else [by_mqtt]
    return [found for found in findings if not found.check.startswith(f"{_EVERY_NIGHT}, ")]
