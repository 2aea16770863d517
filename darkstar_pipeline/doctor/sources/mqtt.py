"""Check of readings that come by MQTT: whether they have come lately; the service itself listens to the broker."""

from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.context import tables_of
from darkstar_pipeline.doctor.finding import CheckResult, found_by, passed, warned
from darkstar_pipeline.warehouse.schemas import METER_READINGS
from env.time_grid import SLOT, zone

LATE = timedelta(hours=1)
"""Readings are stored every quarter of an hour."""


def check_mqtt_readings(settings: Settings, home: Path, site: str, now: datetime) -> CheckResult | None:
    """Check when readings came last; None where no topic is configured.

    Args:
        settings: the configuration.
        home: the state folder.
        site: name of the site.
        now: the present instant.
    """
    if not settings.sites[site].sources.mqtt.topics:
        return None
    check = f"readings by MQTT, {site}"
    return found_by(check, lambda: _checked(check, settings, home, site, now))


def _checked(check: str, settings: Settings, home: Path, site: str, now: datetime) -> CheckResult:
    broker = settings.sites[site].home_assistant.mqtt
    remedy = (
        f"look at mqtt_broker and mqtt_readings in the service's health, at the broker {broker.host}:{broker.port}, "
        "and at sources.mqtt.topics"
    )
    today = now.astimezone(zone(settings.sites[site].timezone)).date()
    rows = tables_of(settings, home, site).read(METER_READINGS, site, today - timedelta(days=1), today)
    last = rows.filter(pl.col("load_kwh").is_not_null())["slot_start"].max()
    if not isinstance(last, datetime):
        return warned(check, "none of today or yesterday", f"let `darkstar serve` run, which listens; {remedy}")
    age = now - last - SLOT
    told = f"the last one ended {age / timedelta(minutes=1):.0f} min ago"
    return warned(check, told, remedy) if age > LATE else passed(check, told)
