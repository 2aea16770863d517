"""Cases of the strategy benchmark: what is announced or learned of a pair's days, and the world they are replayed in.

Learned values take the learning engine's own steps, each from the days before it alone, beginning inside the window.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import polars as pl

from darkstar_pipeline.learning.tuning.daily import FORECAST_DAYS
from env.site import Site
from env.types import Mask
from planner.policies.window import Window
from planner.strategy.beliefs import AdjustmentName, LearnedNow
from planner.strategy.strategic_value import NOTHING_ANNOUNCED, Announcements
from planner.tuning.evidence import forecast_evidence
from planner.tuning.quantities import QuantityName, quantities_of

ALARM_EVERY, ALARM_ON = 14, 6
"""A warning holds all day on one day in so many."""
AWAY_EVERY, AWAY_FROM, AWAY_DAYS = 28, 14, 7
"""Nobody is at home for a week in every four: the load is what follows."""
AWAY_LOAD = 0.4
TRUE_ROUND_TRIP, SET_ROUND_TRIP = 0.90, 0.95


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """A case: an adjustment in a world, against the same world without it.

    Attributes:
        figure: its name.
        names: the adjustments that are on.
        window: the days as they are.
        announced: what is known of them with the adjustments on.
        off_names: adjustments of the plan that it is compared with; none is `value` itself.
        off_announced: what that plan knows.
    """

    figure: str
    names: tuple[AdjustmentName, ...]
    window: Window
    announced: Announcements = NOTHING_ANNOUNCED
    off_names: tuple[AdjustmentName, ...] = ()
    off_announced: Announcements = NOTHING_ANNOUNCED


def cases(window: Window, names: Sequence[AdjustmentName]) -> list[Case]:
    """Return a case for each adjustment; vacations and losses have a world of their own.

    Args:
        window: the days, with the readings before them as their history.
        names: the adjustments.
    """
    days = window.slots["local_day"].unique().sort().to_list()
    learned = Announcements(learned=learned_forecasts(window))
    alarm = Announcements(alarm=_on_days(window, days[ALARM_ON::ALARM_EVERY]))
    found: list[Case] = []
    for name in names:
        if name == "vacation_load":
            away = [day for at, day in enumerate(days) if 0 <= at % AWAY_EVERY - AWAY_FROM < AWAY_DAYS]
            known = Announcements(vacation=_on_days(window, away))
            found.append(Case(figure=name, names=(name,), window=_without_people(window, away), announced=known))
        elif name == "learned_losses":
            found.append(_losses(window, days))
        else:
            known = {"learned_forecast": learned, "alarm_reserve": alarm}.get(name, NOTHING_ANNOUNCED)
            found.append(Case(figure=name, names=(name,), window=window, announced=known))
    return found


def learned_forecasts(window: Window) -> dict[date, LearnedNow]:
    """Return the forecasts' learned errors by day, learned from the days of the window before it."""
    quantities = quantities_of(window.site.battery)
    values: dict[QuantityName, float] = {name: each.configured for name, each in quantities.items()}
    read = window.slots.select("slot_start", "local_day", "load_kwh", "pv_kwh")
    forecast = window.slots.select("slot_start", "local_day", load_kwh="load_forecast", pv_kwh="pv_forecast")
    found: dict[date, LearnedNow] = {}
    for day in window.slots["local_day"].unique().sort().to_list():
        past = pl.col("local_day").is_between(day - timedelta(days=FORECAST_DAYS), day - timedelta(days=1))
        shown = forecast_evidence(
            forecast.filter(past).drop("local_day"), read.filter(past).drop("local_day"), window.site.timezone
        )
        values |= {each.name: quantities[each.name].stepped(values[each.name], each.target) for each in shown}
        found[day] = dict(values)
    return found


def _losses(window: Window, days: list[date]) -> Case:
    """Return a home whose battery loses more than is set, which its readings show."""
    steps: dict[date, LearnedNow] = {}
    value, quantity = SET_ROUND_TRIP, quantities_of(_with_round_trip(window.site, SET_ROUND_TRIP).battery)
    for day in days:
        value = quantity["round_trip_efficiency"].stepped(value, TRUE_ROUND_TRIP)
        steps[day] = {"round_trip_efficiency": value}
    return Case(
        figure="learned_losses",
        names=("learned_losses",),
        window=replace(window, site=_with_round_trip(window.site, TRUE_ROUND_TRIP)),
        announced=Announcements(learned=steps),
        off_names=("learned_losses",),
        off_announced=Announcements(learned={day: {"round_trip_efficiency": SET_ROUND_TRIP} for day in days}),
    )


def _with_round_trip(site: Site, round_trip: float) -> Site:
    each_way = float(np.sqrt(round_trip))
    battery = replace(site.battery, charge_efficiency=each_way, discharge_efficiency=each_way)
    return replace(site, battery=battery)


def _without_people(window: Window, away: list[date]) -> Window:
    """Return the window with the load of an empty house on some days, in its history, too."""
    if not isinstance(window.history, pl.DataFrame):
        message = "readings are needed to empty the house on paper"
        raise TypeError(message)
    empty = window.slots.filter(pl.col("local_day").is_in(pl.Series(away, dtype=pl.Date).implode()))["slot_start"]
    load = pl.when(pl.col("slot_start").is_in(empty.implode())).then(AWAY_LOAD).otherwise(1.0) * pl.col("load_kwh")
    return replace(
        window, slots=window.slots.with_columns(load_kwh=load), history=window.history.with_columns(load_kwh=load)
    )


def _on_days(window: Window, days: list[date]) -> Mask:
    return window.slots["local_day"].is_in(pl.Series(days, dtype=pl.Date).implode()).to_numpy()
