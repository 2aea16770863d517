"""The learning engine's step of a day: what the last weeks' readings show, and each quantity a little towards it."""

from datetime import date, timedelta

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.past_readings import past_readings
from darkstar_pipeline.datasets.replay_inputs import home_has_pv
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.evaluation.strategy_effects import strategy_replay
from darkstar_pipeline.learning.battery_offers import BATTERY_DAYS
from darkstar_pipeline.models.learned_values import LearnedHistory
from darkstar_pipeline.warehouse.schemas import METER_READINGS, SLOT_FORECASTS
from env.time_grid import day_start, local_day
from planner.forecasts.naive import naive_forecasts
from planner.tuning.evidence import Evidence, battery_evidence, forecast_evidence, share_evidence
from planner.tuning.quantities import FOLLOWED, QuantityName

FORECAST_DAYS = 28
"""Days whose forecasts are compared with what came: a season's drift shows, a week of guests does not."""
_MEDIAN = 0.5


def learn_day(context: Context, day: date, today: date | None = None) -> pl.DataFrame:
    """Take a day's step, from what was read before that local day.

    Args:
        context: the site.
        day: local day; it counts as learned at its first slot.
        today: present local day; None where that is the day.

    Returns:
        The rows of `learned_values` that were added; none where the day, or a later one, was learned or reset before.
    """
    history = LearnedHistory(context.lake, context.site)
    if history.is_done(day, today or day):  # the readings of months need not be read again
        return history.rows(day, day).clear()
    return history.learn(evidence_before(context, day), day_start(day, context.timezone))


def evidence_before(context: Context, today: date) -> dict[QuantityName, Evidence]:
    """Return what readings before a local day show, by quantity."""
    battery = context.lake.read(
        METER_READINGS, context.site_name, today - timedelta(days=BATTERY_DAYS), today - timedelta(days=1)
    )
    found = [*_of_forecasts(context, today), *battery_evidence(battery), *_of_margin(context, today)]
    return {each.name: each for each in found}


def _of_forecasts(context: Context, today: date) -> list[Evidence]:
    """Return what forecasts were off by, as they were made on the morning of each day."""
    site, forecast = context.site, context.site_settings.forecast
    first, last = today - timedelta(days=FORECAST_DAYS), today - timedelta(days=1)
    back = max(forecast.load_days, forecast.pv_days)
    has_pv = home_has_pv(context.lake, site.name, context.site_settings.has_pv)
    readings = past_readings(context.lake, site, first, last, lookback_days=back, has_pv=has_pv)
    own = (pl.col("slot_start"), pl.col("load_kwh"), pl.col("pv_kwh"))
    stored = context.lake.read(SLOT_FORECASTS, site.name, first, last).filter(pl.col("quantile") == _MEDIAN)
    known = stored["local_day"].unique().to_list()
    missing = [day for day in pl.date_range(first, last, eager=True).to_list() if day not in known]
    made = naive_forecasts(readings, missing, site.timezone, load_days=forecast.load_days, pv_days=forecast.pv_days)
    morning = pl.concat(
        table.rename({"local_day": "vintage_day"})
        .with_columns(local_day(site.timezone))
        .filter(pl.col("local_day") == pl.col("vintage_day"))
        .select(own)
        for table in (stored, made)
    )
    return forecast_evidence(morning, readings, site.timezone)


def _of_margin(context: Context, today: date) -> list[Evidence]:
    """Return which margin of the S-index would have cost least: a step less, as it is, or a step more."""
    if "s_index" not in context.site_settings.household.strategy.adjustments:
        return []
    try:
        replay = strategy_replay(context, today - timedelta(days=FORECAST_DAYS), today - timedelta(days=1))
    except DataMissingError:
        return []
    history = LearnedHistory(context.lake, context.site)
    share, now = history.quantities["s_share"], history.in_force(today)["s_share"]
    shares = {share.clamped(now + way * share.most_step / FOLLOWED) for way in (-1, 0, 1)}
    days = {each: replay.daily(("s_index",), {"s_share": each}) for each in shares}
    return share_evidence({each: float(table["cost"].sum()) for each, table in days.items()}, days[now].height)
