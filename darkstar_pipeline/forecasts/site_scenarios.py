"""A site's scenarios of days: Aurora's where a promoted model may forecast the day, else the days before it.

Where power is charged, scenarios are the days before: the month's level and the peak in the state (ADR 0030) were
chosen on them.
"""

from collections.abc import Sequence
from datetime import date

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.forecasts.site_forecasts import site_aurora_home, usable_versions
from planner.demand_charges.bills import has_demand_charge
from planner.forecasts.aurora import aurora_scenarios
from planner.forecasts.central import central_forecasts
from planner.value.scenario_source import Past, past_with_forecast_days
from planner.value.scenarios import Scenarios


def site_scenarios(context: Context, days: Sequence[date]) -> dict[date, Scenarios]:
    """Return the scenarios of the days that a promoted Aurora may forecast, as known at their midnights.

    Args:
        context: the site; its `forecast.model` says whether there is an Aurora.
        days: local days.

    Raises:
        DataMissingError: `forecast.model` is Aurora and none is promoted.
        ConfigurationError: the promoted model is damaged.
    """
    made: dict[date, Scenarios] = {}
    open_days = [] if has_demand_charge(context.site) else list(days)
    if not open_days:
        return made
    for promoted in usable_versions(context):
        if own_days := [day for day in open_days if promoted.may_forecast(day)]:
            home = site_aurora_home(context, promoted, max(own_days))
            made |= aurora_scenarios(promoted.loaded.model, home, own_days, context.timezone)
        open_days = [day for day in open_days if not promoted.may_forecast(day)]
        if not open_days:
            break
    return made


def replay_past(context: Context, slots: pl.DataFrame, forecasts: pl.DataFrame, history: pl.DataFrame) -> Past:
    """Return what planners take the scenarios of replayed days from; arguments as `ReplayInputs` has them."""
    days: list[date] = slots["local_day"].unique().sort().to_list()
    planned = slots.sort("slot_start").join(
        central_forecasts(forecasts), on=["slot_start", "local_day"], how="left", maintain_order="left"
    )
    return past_with_forecast_days(history, site_scenarios(context, days), planned, context.timezone)
