"""The inputs of replays of a site: the measuring protocol, graded slots, forecasts and the readings before them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.past_readings import past_readings
from darkstar_pipeline.warehouse.schemas import (
    DATA_QUALITY_DAILY,
    METER_READINGS,
    SLOT_FORECASTS,
    SLOT_OBSERVATIONS,
    SPOT_PRICES,
)
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


def protocol_of(context: Context) -> Protocol:
    """Return the configured measuring protocol of a site."""
    settings = context.site_settings.protocol
    return Protocol(
        start_soc_kwh=context.site.battery.soc_kwh(settings.start_soc_percent),
        settlement_value=settings.settlement_value,
        write_budget=WriteBudgetRules(**context.site_settings.mpc.model_dump()),
    )


def home_has_pv(context: Context) -> bool:
    """Return whether the home has panels: as configured, else whether any PV was ever read."""
    configured = context.site_settings.has_pv
    if configured is not None:
        return configured
    lake, name = context.lake, context.site_name
    recent = lake.days(METER_READINGS, name)[-RECENT_DAYS:]  # mostly enough: a year's files take 0.2 s
    if recent and lake.read(METER_READINGS, name, recent[0], recent[-1])["pv_kwh"].count():
        return True
    return lake.read(METER_READINGS, name)["pv_kwh"].count() > 0


def replay_inputs(context: Context, days: Sequence[date], *, lookback_days: int = SCENARIO_DAYS) -> ReplayInputs:
    """Return the inputs of replays of some graded days.

    Args:
        context: the site.
        days: local days; those that are not graded as usable have no slots.
        lookback_days: number of days of readings before the first day.
    """
    first, last, name = min(days), max(days), context.site_name
    lake, has_pv = context.lake, home_has_pv(context)
    chosen = pl.Series(days, dtype=pl.Date)
    slots = usable_slots(
        lake.read(SLOT_OBSERVATIONS, name, first, last),
        lake.read(SPOT_PRICES, name, first, last),
        lake.read(DATA_QUALITY_DAILY, name, first, last).filter(pl.col("day").is_in(chosen.implode())),
        context.site,
        has_pv=has_pv,
    )
    forecasts = lake.read(SLOT_FORECASTS, name, first - timedelta(days=1), last)
    return ReplayInputs(
        slots, forecasts, past_readings(context, first, last, lookback_days=lookback_days, has_pv=has_pv)
    )


def content_hash(slots: pl.DataFrame) -> str:
    """Hash of the prices and readings of slots: the same data, the same hash."""
    table = slots.select(_HASHED).sort("slot_start").write_csv(float_precision=9)
    return hashlib.sha256(table.encode()).hexdigest()[:16]
