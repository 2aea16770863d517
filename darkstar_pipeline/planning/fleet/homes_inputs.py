"""The inputs of the plans of many homes, read once for all of them.

As `planning_data` and `plan_inputs` of one home: prices published so far, the days before as scenarios, the stored
forecast or the mean of recent days, the last reading of the battery. What a fleet leaves out is listed in
`docs/fleet.md`. What does not belong here: the planning itself (`planner.fleet`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

import numpy as np
import polars as pl

from darkstar_pipeline.planning.fleet.home_classes import HomeClass
from darkstar_pipeline.planning.fleet.slot_tables import Moment, SlotTables
from darkstar_pipeline.warehouse.schemas import (
    DATA_QUALITY_DAILY,
    METER_READINGS,
    RAW_SPOT_PRICES,
    SLOT_FORECASTS,
    SPOT_PRICES,
    Table,
)
from env.inverter import Energy
from planner.fleet.past_days import mean_forecast, readings_by_clock
from planner.value.scenario_source import SCENARIO_DAYS, filled_gaps
from planner.value.scenario_weights import NAIVE, WeightRules
from planner.value.scenarios import Scenarios

HALF_A_DAY = 46
"""Zeros of a day that are no market's price, as `planning_data` has it [slots]."""


class HomesRows(Protocol):
    """The tables of the homes that are planned together."""

    def read(self, table: Table, first: date, last: date) -> pl.DataFrame:
        """Return the rows of local days, both ends included."""
        ...


@dataclass(frozen=True, eq=False)
class HomesInputs:
    """The inputs of homes of one time zone; arrays `(n_homes, n_slots)` over the moment's calendar.

    Attributes:
        moment: the moment and its calendar.
        names: of the homes.
        spot: prices published so far, NaN elsewhere [money/kWh].
        load_read: usable readings [kWh].
        pv_read: usable readings, 0 in homes without panels [kWh].
        load_ahead: forecast of today and tomorrow `(n_homes, n_slots of them)`, NaN where nothing was ever read [kWh].
        pv_ahead: the same of PV [kWh].
        load_past: readings by the clock of today's slots `(n_homes, n_days, n_slots of today)` [kWh].
        pv_past: the same of PV [kWh].
        soc_percent: last state of charge that was read, not older than the settings allow `(n_homes,)`; NaN for none.
    """

    moment: Moment
    names: Sequence[str]
    spot: Energy
    load_read: Energy
    pv_read: Energy
    load_ahead: Energy
    pv_ahead: Energy
    load_past: Energy
    pv_past: Energy
    soc_percent: Energy


def read_inputs(
    rows: HomesRows, homes: Mapping[str, HomeClass], at: datetime, *, lookback_days: int = SCENARIO_DAYS
) -> list[HomesInputs]:
    """Return the inputs of homes at a moment, by time zone.

    Args:
        rows: the tables of the homes.
        homes: the homes by name.
        at: the moment.
        lookback_days: number of days before today whose readings are wanted as scenarios.

    Raises:
        LakeUnreadableError: a table cannot be read.
    """
    by_zone: dict[str, dict[str, HomeClass]] = {}
    for name, own in homes.items():
        by_zone.setdefault(own.site.timezone, {})[name] = own
    return [
        _read_zone(rows, own, _moment(own.values(), at, timezone, lookback_days)) for timezone, own in by_zone.items()
    ]


def _moment(homes: Iterable[HomeClass], at: datetime, timezone: str, lookback_days: int) -> Moment:
    spans = [max(own.settings.forecast.load_days, own.settings.forecast.pv_days) for own in homes]
    return Moment(at, timezone, max(SCENARIO_DAYS, lookback_days, *spans))


def _read_zone(rows: HomesRows, homes: Mapping[str, HomeClass], moment: Moment) -> HomesInputs:
    today, names = moment.today, list(homes)
    first = today - timedelta(days=moment.days_back)
    slots = SlotTables(moment, names)
    readings = rows.read(METER_READINGS, first, today)
    grades = rows.read(DATA_QUALITY_DAILY, first, today - timedelta(days=1))
    columns = ("load_kwh", "pv_kwh", "soc_end_percent")
    load, pv, soc_end = slots.tables(readings.filter(pl.col("slot_start") < moment.start), columns)
    (soc_now,) = slots.tables(readings.filter(pl.col("slot_start") == moment.start), ["soc_start_percent"])
    has_pv = np.array([_has_pv(own, bool(np.isfinite(pv[home]).any())) for home, own in enumerate(homes.values())])
    pv = np.where(has_pv[:, None], pv, 0.0)
    refused = slots.refused(grades)
    load_ahead, pv_ahead = _forecasts(rows, homes, slots, load + refused, pv + refused)
    by_clock = [days_by_clock(moment, read + refused, SCENARIO_DAYS) for read in (load, pv)]
    stale = np.array([own.settings.service.soc_stale_minutes for own in homes.values()])
    return HomesInputs(
        moment=moment,
        names=names,
        spot=_spot(rows, slots, first),
        load_read=load + refused,
        pv_read=pv + refused,
        load_ahead=load_ahead,
        pv_ahead=pv_ahead,
        load_past=by_clock[0],
        pv_past=by_clock[1],
        soc_percent=_last_soc(moment, soc_now, soc_end, stale),
    )


def days_by_clock(moment: Moment, read: Energy, n_days: int) -> Energy:
    """Return readings of the days before today by the clock of today's slots `(n_homes, n_days, n_slots of today)`.

    Args:
        moment: the moment and its calendar.
        read: readings over the calendar `(n_homes, n_slots)`, NaN where there is none.
        n_days: number of days, the last one first.
    """
    past, wanted = moment.slots.head(moment.midnight), _today(moment)
    return readings_by_clock(read[:, : moment.midnight], past, wanted, moment.today, n_days)


def todays_scenarios(inputs: HomesInputs, homes: Sequence[int], rules: WeightRules = NAIVE) -> Scenarios:
    """Return the days before today as scenarios of today from its midnight on.

    Args:
        inputs: of homes.
        homes: places of those that are wanted.
        rules: number of days back that are scenarios, and their prior probabilities.
    """
    moment, places = inputs.moment, list(homes)
    n_today = moment.tomorrow - moment.midnight
    if rules.n_days == SCENARIO_DAYS:
        pasts = inputs.load_past[places], inputs.pv_past[places]
    else:
        pasts = tuple(days_by_clock(moment, read[places], rules.n_days) for read in (inputs.load_read, inputs.pv_read))
    load, pv = (
        filled_gaps(past, np.nan_to_num(ahead[places, None, :n_today]))
        for past, ahead in zip(pasts, (inputs.load_ahead, inputs.pv_ahead), strict=True)
    )
    prior = rules.prior()
    return Scenarios(load, pv, None if prior is None else np.broadcast_to(prior, load.shape[:2]))


def _has_pv(home: HomeClass, was_read: bool) -> bool:  # noqa: FBT001 - one of two states
    return was_read if home.settings.has_pv is None else home.settings.has_pv


def _today(moment: Moment) -> pl.DataFrame:
    return moment.slots.slice(moment.midnight, moment.tomorrow - moment.midnight)


def _spot(rows: HomesRows, slots: SlotTables, first: date) -> Energy:
    """Return the prices published so far: repaired ones over raw ones, days of nothing but zeros left out."""
    moment = slots.moment
    (repaired,), (raw,) = (
        slots.tables(rows.read(table, first, moment.last_day), ["price"]) for table in (SPOT_PRICES, RAW_SPOT_PRICES)
    )
    spot = np.where(np.isfinite(repaired), repaired, raw)
    spot[:, moment.published_end :] = np.nan
    for begin, end in ((moment.midnight, moment.tomorrow), (moment.tomorrow, moment.published_end)):
        day = spot[:, begin:end]
        known = np.isfinite(day)
        zeros = (known.sum(axis=1) >= HALF_A_DAY) & (np.where(known, day, 0.0) == 0).all(axis=1)
        spot[zeros, begin:end] = np.nan
    return spot


def _forecasts(
    rows: HomesRows, homes: Mapping[str, HomeClass], slots: SlotTables, load: Energy, pv: Energy
) -> tuple[Energy, Energy]:
    """Return the forecasts of today and tomorrow: the stored ones, else the mean of recent days."""
    moment = slots.moment
    stored = rows.read(SLOT_FORECASTS, moment.today, moment.today).filter(pl.col("quantile") == 0.5)  # noqa: PLR2004
    known = slots.tables(stored, ["load_kwh", "pv_kwh"])
    past, ahead = moment.slots.head(moment.midnight), moment.slots.slice(moment.midnight)
    made: list[Energy] = []
    for name, read, given in zip(("load", "pv"), (load, pv), known, strict=True):
        n_days = np.array([getattr(own.settings.forecast, f"{name}_days") for own in homes.values()])
        longest = np.array(
            [max(own.settings.forecast.load_days, own.settings.forecast.pv_days) for own in homes.values()]
        )
        forecast = np.full((len(homes), ahead.height), np.nan)
        for days, most in sorted({*zip(n_days.tolist(), longest.tolist(), strict=True)}):
            own = (n_days == days) & (longest == most)
            by_clock = readings_by_clock(read[own, : moment.midnight], past, ahead, moment.today, most)
            forecast[own] = mean_forecast(by_clock, days)
        own_day = given[:, moment.midnight :]
        there = np.isfinite(own_day).any(axis=1)
        forecast[there] = own_day[there]
        made.append(forecast)
    return made[0], made[1]


def _last_soc(moment: Moment, soc_now: Energy, soc_end: Energy, stale_minutes: Energy) -> Energy:
    """Return the state of charge as it was read last: at the slot's start, or at the end of one not long before."""
    current = moment.current
    found = soc_now[:, current].copy()
    for back in range(1, current + 1):
        age = 15.0 * (back - 1)
        if age > stale_minutes.max():
            break
        usable = ~np.isfinite(found) & (age <= stale_minutes)
        found = np.where(usable, soc_end[:, current - back], found)
    return found
