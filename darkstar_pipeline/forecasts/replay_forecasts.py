"""The inputs of replays with a forecast of every day: what is not stored is made, never taken for nothing."""

import logging
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.replay_inputs import ReplayInputs, replay_inputs
from darkstar_pipeline.forecasts.site_forecasts import site_forecasts
from planner.value.scenario_source import SCENARIO_DAYS

_log = logging.getLogger(__name__)


@dataclass
class _Made:
    """Forecasts made so far in one call, and the days that were asked for."""

    days: set[date] = field(default_factory=set[date])
    rows: list[pl.DataFrame] = field(default_factory=list[pl.DataFrame])


_MADE: ContextVar[dict[tuple[object, ...], _Made] | None] = ContextVar("forecasts made", default=None)


@contextmanager
def forecasts_made_once() -> Generator[None]:
    """Make and name a missing forecast once, however many policies of the block need it."""
    token = _MADE.set({})
    try:
        yield
    finally:
        _MADE.reset(token)


def forecast_replay_inputs(
    context: Context, days: Sequence[date], *, lookback_days: int = SCENARIO_DAYS
) -> ReplayInputs:
    """Return the inputs of replays of graded days; forecasts that are not stored are made from the days before.

    Args:
        context: the site.
        days: local days.
        lookback_days: number of days of readings before the first day.

    Raises:
        DataMissingError: `forecast.model` is Aurora and none is promoted.
        ConfigurationError: the promoted model is damaged.
    """
    settings = context.site_settings
    inputs = replay_inputs(context.lake, context.site, days, has_pv=settings.has_pv, lookback_days=lookback_days)
    stored = set(inputs.forecasts["local_day"].unique().to_list())
    missing = sorted({*days, min(days) - timedelta(days=1)} - stored)
    if not missing:
        return inputs
    made = _made(context, missing, named=set(days) - stored)
    columns = inputs.forecasts.schema
    rows = made.with_columns(site=pl.lit(context.site_name)).select(
        pl.col(name).cast(dtype) if name in (*made.columns, "site") else pl.lit(None, dtype).alias(name)
        for name, dtype in columns.items()
    )
    return replace(inputs, forecasts=pl.concat([inputs.forecasts, rows]).sort("vintage", "slot_start", "quantile"))


def _made(context: Context, days: Sequence[date], *, named: set[date]) -> pl.DataFrame:
    """Return forecasts of days that are not stored; those of `named` are told when they are made."""
    known = _MADE.get()
    memo = _Made() if known is None else known.setdefault((context.home, context.site_name), _Made())
    if fresh := [day for day in days if day not in memo.days]:
        rows = site_forecasts(context, fresh)
        foreseen = set(rows["local_day"].unique().to_list())
        if unforeseen := sorted(named & set(fresh) - foreseen):
            _log.warning(
                "no readings come before %s: nothing is expected there but what was read last", _named(unforeseen)
            )
        if remade := sorted(named & set(fresh) & foreseen):
            _log.warning("no forecast of %s is stored: made now from the days before", _named(remade))
        memo.days.update(fresh)
        memo.rows.append(rows)
    return pl.concat(memo.rows).filter(pl.col("local_day").is_in(days)).sort("vintage", "slot_start", "quantile")


def _named(days: Sequence[date]) -> str:
    return f"{days[0]}" if len(days) == 1 else f"{len(days)} days from {days[0]} to {days[-1]}"
