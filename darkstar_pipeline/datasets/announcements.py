"""Knowledge of days beside prices and forecasts: who is at home, warnings, and what was learned of the home."""

from dataclasses import replace
from datetime import date, datetime

import numpy as np
import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.models.learned_values import LearnedHistory
from darkstar_pipeline.warehouse.schemas import RAW_WEATHER
from env.time_grid import grid, slot_of, zone
from env.types import Mask
from planner.optimizer.deferrable_loads import LoadRequests
from planner.strategy.beliefs import VACATION_WATER
from planner.strategy.strategic_value import Announcements


def announcements(
    context: Context, slots: pl.DataFrame, *, vacation: bool = False, alarm: bool = False
) -> Announcements:
    """Return what is known of a window's slots.

    Vacation and warnings are the flags of imported forecasts (`darkstar import weather`), as announced last.

    Args:
        context: the site.
        slots: `slot_start, local_day`, in order.
        vacation: true: nobody is at home in any of them.
        alarm: true: a warning holds in all of them.
    """
    every = np.ones(slots.height, dtype=np.bool_)
    return Announcements(
        vacation=every if vacation else flagged(context, slots, "vacation"),
        alarm=every if alarm else flagged(context, slots, "alarm"),
        learned=LearnedHistory(context.lake, context.site).by_day(slots["local_day"].unique().sort().to_list()),
    )


def flagged(context: Context, slots: pl.DataFrame, name: str) -> Mask:
    """Return the slots in which a flag of the imported forecasts is set `(n_slots,)`."""
    first, last = slots["local_day"].min(), slots["local_day"].max()
    if not isinstance(first, date) or not isinstance(last, date):
        return np.zeros(0, dtype=np.bool_)
    rows = context.lake.read(RAW_WEATHER, context.site_name, first, last).drop_nulls(name)
    in_time = rows.filter(pl.col("known_at") <= pl.col("slot_start"))  # what was said afterwards nobody knew
    newest = in_time.sort("known_at").unique("slot_start", keep="last").select("slot_start", name)
    joined = slots.select("slot_start").join(newest, on="slot_start", how="left", maintain_order="left")
    return (joined[name].fill_null(0.0) > 0).to_numpy()


def with_vacation(context: Context, requests: LoadRequests | None, at: datetime) -> LoadRequests | None:
    """Return requests with hot water at its minimum, where the site allows it and nobody is at home at a moment."""
    heater = context.site_settings.devices.water_heater
    if heater is None or VACATION_WATER not in context.site_settings.household.strategy.adjustments:
        return requests
    today = at.astimezone(zone(context.timezone)).date()
    now = grid(today, today, context.timezone).filter(pl.col("slot_start") == slot_of(at))
    if not flagged(context, now, "vacation").any():
        return requests
    made = LoadRequests() if requests is None else requests
    return replace(made, heater=replace(made.heater, vacation=True))
