"""The inputs of replays of a site: the measuring protocol, graded slots, forecasts and the readings before them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.datasets.month_prices import with_month_prices
from darkstar_pipeline.datasets.past_readings import past_readings
from darkstar_pipeline.warehouse.schemas import (
    DATA_QUALITY_DAILY,
    METER_READINGS,
    SLOT_FORECASTS,
    SLOT_OBSERVATIONS,
    SPOT_PRICES,
)
from darkstar_pipeline.warehouse.tables import Tables
from env.battery import Battery
from env.site import Site
from planner.replay.schedules import READINGS
from planner.replay.usable_slots import usable_slots
from planner.value.protocol import Protocol, WriteBudgetRules
from planner.value.scenario_source import SCENARIO_DAYS

RECENT_DAYS = 7
_HASHED = ("slot_start", "import_price", "export_price", "load_kwh", "pv_kwh")


@dataclass(frozen=True)
class ReplayInputs:
    """The inputs that days are replayed on.

    Attributes:
        slots: prices and readings of graded days, as `planner.replay.daily.replay_days` takes them.
        forecasts: made from the morning before the first day on.
        history: usable readings from some days before the first day on.
    """

    slots: pl.DataFrame
    forecasts: pl.DataFrame
    history: pl.DataFrame


def protocol_of(settings: SiteSettings, battery: Battery) -> Protocol:
    """Return the configured measuring protocol of a site with this battery."""
    return Protocol(
        start_soc_kwh=battery.soc_kwh(settings.protocol.start_soc_percent),
        settlement_value=settings.protocol.settlement_value,
        write_budget=WriteBudgetRules(**settings.mpc.model_dump()),
    )


def home_has_pv(lake: Tables, site_name: str, configured: bool | None) -> bool:  # noqa: FBT001 - a setting of three states
    """Return whether the home has panels: as configured, or where that is None, whether any PV was ever read."""
    if configured is not None:
        return configured
    recent = lake.days(METER_READINGS, site_name)[-RECENT_DAYS:]  # mostly enough: a year's files take 0.2 s
    if recent and lake.read(METER_READINGS, site_name, recent[0], recent[-1])["pv_kwh"].count():
        return True
    return lake.read(METER_READINGS, site_name)["pv_kwh"].count() > 0


def replay_inputs(
    lake: Tables, site: Site, days: Sequence[date], *, has_pv: bool | None, lookback_days: int | None = SCENARIO_DAYS
) -> ReplayInputs:
    """Return the inputs of replays of some graded days.

    Args:
        lake: the tables that are read.
        site: the home.
        days: local days; those that are not graded as usable have no slots.
        has_pv: whether the home has panels, as configured; None finds out from the readings.
        lookback_days: number of days of readings before the first day; None for no history at all.
    """
    first, last, name = min(days), max(days), site.name
    panels = home_has_pv(lake, name, has_pv)
    chosen = pl.Series(days, dtype=pl.Date)
    slots = usable_slots(
        lake.read(SLOT_OBSERVATIONS, name, first, last),
        with_month_prices(lake.read(SPOT_PRICES, name, first, last), lake, site),
        lake.read(DATA_QUALITY_DAILY, name, first, last).filter(pl.col("day").is_in(chosen.implode())),
        site,
        has_pv=panels,
    )
    forecasts = lake.read(SLOT_FORECASTS, name, first - timedelta(days=1), last)
    if lookback_days is None:
        return ReplayInputs(slots, forecasts, slots.select(READINGS).clear())
    history = past_readings(lake, site, first, last, lookback_days=lookback_days, has_pv=panels)
    return ReplayInputs(slots, forecasts, history)


def content_hash(slots: pl.DataFrame) -> str:
    """Hash of the prices and readings of slots: the same data, the same hash."""
    table = slots.select(_HASHED).sort("slot_start").write_csv(float_precision=9)
    return hashlib.sha256(table.encode()).hexdigest()[:16]
