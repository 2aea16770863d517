"""Gathers what a plan of a site may know at a moment.

Only what was there by then: prices up to the last published day, forecasts of that day's vintage, readings before its
start. What does not belong here: who makes the plan (`planning_rungs`) and how (`planner`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.past_readings import past_readings
from darkstar_pipeline.datasets.replay_inputs import home_has_pv, protocol_of
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.planning.memo import Memo
from darkstar_pipeline.warehouse.schemas import (
    DATA_QUALITY_DAILY,
    METER_READINGS,
    METER_STATISTICS,
    RAW_SPOT_PRICES,
    SLOT_FORECASTS,
    SPOT_PRICES,
    Table,
)
from env.power_tariff import MonthState, month_state
from env.time_grid import SLOT_DTYPE, day_start, grid, local_clock, local_day, zone
from planner.forecasts.naive import naive_forecasts
from planner.optimizer.deferrable_loads import LoadRequests
from planner.plans.policy_plans import RollingState
from planner.plans.task import End, PlanTask
from planner.policies.window import PUBLISHED_MINUTE, Window
from planner.replay.usable_slots import USABLE
from planner.value.scenario_source import SCENARIO_DAYS

SLOT = timedelta(minutes=15)
LOW, MEDIAN, HIGH = 0.1, 0.5, 0.9


@dataclass(frozen=True, kw_only=True)
class PlanInputs:
    """What is known at a moment of a site.

    Attributes:
        at: the moment.
        start: start of its slot.
        task: the slots ahead that have a price, as the optimiser takes them.
        rolling: the same as a policy sees them.
        history: believed readings of the days before, which scenarios are taken from.
        quantiles: `slot_start, load_low_kwh, load_high_kwh, pv_low_kwh, pv_high_kwh` of the slots ahead, the tenth and
            ninetieth percentile, null where nobody tells.
        vintage: when its forecast was made.
        forecast: what made the forecast.
        start_soc_source: `option`, `live`, `observed`, `projected` or `protocol`.
        notes: what was not as it should be, by input.
    """

    at: datetime
    start: datetime
    task: PlanTask
    rolling: RollingState
    history: pl.DataFrame
    quantiles: pl.DataFrame
    vintage: datetime
    forecast: str
    start_soc_source: str
    notes: Mapping[str, str]


@dataclass(frozen=True)
class StartSoc:
    """Stored energy at the start, where something better is known than the lake's readings.

    Attributes:
        percent: of the capacity [%].
        source: where the figure is from.
    """

    percent: float
    source: str = "option"


def inputs_at(
    context: Context,
    at: datetime,
    *,
    soc: StartSoc | None = None,
    requests: LoadRequests | None = None,
    lookback_days: int = SCENARIO_DAYS,
    lenient: bool = False,
    memo: Memo | None = None,
) -> PlanInputs:
    """What is known from the slot of a moment to the last slot whose price was published by then.

    Args:
        context: the site.
        at: an instant.
        soc: stored energy then; None takes what was read, or else the protocol's start.
        requests: what is asked of the movable loads; None asks nothing beyond the heater's day.
        lookback_days: days before whose readings are wanted as scenarios.
        lenient: take an old forecast, or what was read weeks ago, rather than none; `notes` says so.
        memo: answers of earlier calls that may still hold.

    Raises:
        DataMissingError: there is no price, or nothing to forecast from.
        LoadRequestError: a wish that no plan can mean.
    """
    start = slot_of(at)
    today = at.astimezone(zone(context.timezone)).date()
    memory = memo if memo is not None else Memo()
    prices = _prices(context, start, at, today, memory)
    past = _past(context, today, lookback_days, lenient=lenient, memory=memory)
    forecasts, history, notes = past.forecasts, past.history, dict(past.notes)
    slots = _expected(context, prices, past, start, notes if lenient else None)
    soc_kwh, source = _start_soc(context, start, today, soc, memory)
    window = Window(
        _lived_so_far(context, slots, start, today, memory),
        context.site,
        protocol_of(context.site_settings, context.site.battery),
        history,
    )
    ahead = RollingState(
        window=window, started_slot=_opened(window, start), current_slot=int((slots["slot_start"] < start).sum())
    )
    task = PlanTask(
        slots=slots.filter(pl.col("slot_start") >= start).select(
            "slot_start", "import_price", "export_price", "load_kwh", "pv_kwh"
        ),
        site=context.site,
        start_soc_kwh=soc_kwh,
        end=End(value=window.settlement_value),
        requests=requests if requests is not None else LoadRequests(),
        month=_month_so_far(context, start, today),
    )
    return PlanInputs(
        at=at,
        start=start,
        task=task,
        rolling=ahead,
        history=history,
        quantiles=_quantiles(task.slots, forecasts),
        vintage=forecasts["vintage"][0],
        forecast=forecasts["model_version"][0],
        start_soc_source=source,
        notes=notes,
    )


@dataclass(frozen=True, kw_only=True)
class _Past:
    """What the days before today say.

    Attributes:
        has_pv: whether the home has panels.
        forecasts: of today's vintage.
        history: believed readings.
        notes: what was not as it should be.
    """

    has_pv: bool
    forecasts: pl.DataFrame
    history: pl.DataFrame
    notes: Mapping[str, str]


def _past(context: Context, today: date, reach: int, *, lenient: bool, memory: Memo) -> _Past:
    """What the days before today say; worked out anew where one of their files was replaced.

    Raises:
        DataMissingError: there is nothing to forecast from.
    """
    lake, name, yesterday = context.lake, context.site_name, today - timedelta(days=1)
    settings = context.site_settings.forecast
    since = today - timedelta(days=max(reach, settings.load_days, settings.pv_days))
    tables = (METER_READINGS, METER_STATISTICS, DATA_QUALITY_DAILY)
    key = (
        context.site_settings,
        today,
        reach,
        lenient,
        lake.identity(SLOT_FORECASTS, name, yesterday, today),
        *(lake.identity(table, name, since, yesterday) for table in tables),
    )

    def make() -> _Past:
        notes: dict[str, str] = {}
        has_pv = home_has_pv(context.lake, context.site_name, context.site_settings.has_pv)
        return _Past(
            has_pv=has_pv,
            forecasts=forecasts_of(context, today, lenient=lenient, notes=notes),
            history=past_readings(context.lake, context.site, today, yesterday, lookback_days=reach, has_pv=has_pv),
            notes=notes,
        )

    return memory.get("past", key, make)


def _opened(window: Window, start: datetime) -> int:
    """The slot at which the window's prices were all published: its first, or today's at which tomorrow's came."""
    if len(window.starts) <= 2:  # noqa: PLR2004 - one day has a beginning and an end
        return 0
    published = int(np.argmax(window.clock[: window.starts[1]] >= PUBLISHED_MINUTE))
    return min(published, int((window.slots["slot_start"] < start).sum()))


def _lived_so_far(context: Context, slots: pl.DataFrame, start: datetime, today: date, memory: Memo) -> pl.DataFrame:
    """The slots as a policy's window has them: readings of slots that are over, forecasts elsewhere."""
    read = (
        read_days(context, METER_READINGS, today - timedelta(days=1), today, memory)
        .filter((pl.col("slot_start") < start) & (pl.col("local_day") == today))
        .select("slot_start", load_read="load_kwh", pv_read="pv_kwh")
    )
    return (
        slots.join(read, on="slot_start", how="left", maintain_order="left")
        .with_columns(local_day(context.timezone))
        .select(
            "slot_start",
            "local_day",
            "import_price",
            "export_price",
            pl.coalesce("load_read", "load_kwh").alias("load_kwh"),
            pl.coalesce("pv_read", "pv_kwh").alias("pv_kwh"),
            *(
                pl.col(f"{name}_kwh").alias(f"{name}_{kind}")
                for name in ("load", "pv")
                for kind in ("forecast", "tomorrow")
            ),
        )
    )


def _quantiles(slots: pl.DataFrame, forecasts: pl.DataFrame) -> pl.DataFrame:
    """The tenth and ninetieth percentile of the slots ahead."""
    found = slots.select("slot_start")
    for name, quantile in (("low", LOW), ("high", HIGH)):
        part = forecasts.filter(pl.col("quantile") == quantile).select(
            "slot_start",
            pl.col("load_kwh").alias(f"load_{name}_kwh"),
            pl.col("pv_kwh").alias(f"pv_{name}_kwh"),
        )
        found = found.join(part, on="slot_start", how="left", maintain_order="left")
    return found


def _month_so_far(context: Context, start: datetime, today: date) -> tuple[MonthState, ...]:
    """The month's peaks before the plan, a state for each component of the charge; from readings, or net load."""
    components = context.site.tariff.in_force(today).power
    if not components:
        return ()
    read = context.lake.read(METER_READINGS, context.site_name, today.replace(day=1), today)
    net = (pl.col("load_kwh") - pl.col("pv_kwh").fill_null(0.0)).clip(lower_bound=0)
    bought = read.select("slot_start", pl.coalesce("import_kwh", net, pl.lit(0.0)).alias("import_kwh"))
    return tuple(month_state(bought, component, context.timezone, start) for component in components)


def slot_of(at: datetime) -> datetime:
    """Start of the slot that holds an instant (UTC)."""
    seconds = at.timestamp() // SLOT.total_seconds() * SLOT.total_seconds()
    return pl.Series([round(seconds * 1e6)]).cast(SLOT_DTYPE)[0]


def _prices(context: Context, start: datetime, at: datetime, today: date, memory: Memo) -> pl.DataFrame:
    """`slot_start, price` from midnight to the last published slot, repaired prices where there are.

    From `start` on there is no gap; a gap before it, which decides nothing any more, has its neighbour's price.

    Raises:
        DataMissingError: the slot at `start` has no price.
    """
    clock = at.astimezone(zone(context.timezone))
    published = clock.hour * 60 + clock.minute >= PUBLISHED_MINUTE
    last = today + timedelta(days=1) if published else today
    lake, name = context.lake, context.site_name
    repaired, raw = (
        read_days(context, table, today, last, memory).select("slot_start", pl.col("price").alias(table.name))
        for table in (SPOT_PRICES, RAW_SPOT_PRICES)
    )
    slots = (
        grid(today, last, context.timezone)
        .join(repaired, on="slot_start", how="left")
        .join(raw, on="slot_start", how="left")
        .select("slot_start", price=pl.coalesce(SPOT_PRICES.name, RAW_SPOT_PRICES.name).fill_nan(None))
        .sort("slot_start")
    )
    ahead = pl.col("slot_start") >= start
    known = slots.filter((pl.col("price").is_null() & ahead).cum_sum() == 0)
    if known.filter(ahead).is_empty():
        days = lake.days(RAW_SPOT_PRICES, name)
        there = f"prices reach from {days[0]} to {days[-1]}" if days else "there are no prices at all"
        raise DataMissingError(
            f"site {name} has no spot price for {start.isoformat()}; {there}",
            "run `darkstar import prices FILE`, or name a moment with --at",
        )
    return known.with_columns(pl.col("price").fill_null(strategy="backward"))


def forecasts_of(context: Context, today: date, *, lenient: bool, notes: dict[str, str]) -> pl.DataFrame:
    """The forecasts of today's vintage: the lake's, or made now from readings before midnight.

    Raises:
        DataMissingError: nothing was read before today.
    """
    stored = context.lake.read(SLOT_FORECASTS, context.site_name, today, today)
    if stored.height:
        return stored
    made = _made_now(context, today, today)
    if made.height:
        return made
    if lenient:
        made = _old_forecasts(context, today, notes)
    if made.is_empty():
        settings = context.site_settings.forecast
        reach = max(settings.load_days, settings.pv_days)
        raise DataMissingError(
            f"site {context.site_name} has no readings of the {reach} days before {today} to forecast from",
            "run `darkstar import observations FILE`, or name a moment with --at",
        )
    return made


def _made_now(context: Context, read_until: date, today: date) -> pl.DataFrame:
    """The naive forecast of today from the days before `read_until`, as if they were the last ones."""
    settings = context.site_settings.forecast
    reach, away = max(settings.load_days, settings.pv_days), today - read_until
    history = _history(context, read_until, reach)
    if away:  # by the wall clock, which a change of it in between would shift
        local = pl.col("slot_start").dt.convert_time_zone(context.timezone).dt.replace_time_zone(None) + away
        moved = local.dt.replace_time_zone(context.timezone, ambiguous="earliest", non_existent="null")
        history = history.with_columns(moved.dt.convert_time_zone("UTC").alias("slot_start")).drop_nulls("slot_start")
    return naive_forecasts(history, [today], context.timezone, load_days=settings.load_days, pv_days=settings.pv_days)


def _old_forecasts(context: Context, today: date, notes: dict[str, str]) -> pl.DataFrame:
    """Yesterday's forecast of today, or one from the last days that were read at all."""
    yesterday = today - timedelta(days=1)
    stored = context.lake.read(SLOT_FORECASTS, context.site_name, yesterday, yesterday)
    if stored.filter(pl.col("slot_start") >= day_start(today, context.timezone)).height:
        notes["load"] = notes["pv"] = f"the forecast is {yesterday}'s"
        return _stretched_ahead(stored, today, context.timezone)
    days = [day for day in context.lake.days(METER_READINGS, context.site_name) if day < today]
    if not days:
        return stored.clear()
    notes["load"] = notes["pv"] = f"nothing was read since {days[-1]}; the days before it stand in"
    return _made_now(context, days[-1] + timedelta(days=1), today)


def _stretched_ahead(stored: pl.DataFrame, today: date, timezone: str) -> pl.DataFrame:
    """A forecast that ends with today, said again for tomorrow by the wall clock."""
    timed = stored.filter(pl.col("slot_start") >= day_start(today, timezone)).with_columns(local_clock(timezone))
    slots = grid(today, today + timedelta(days=1), timezone).select("slot_start").with_columns(local_clock(timezone))
    by_clock = timed.drop("slot_start").unique(["local_clock", "quantile"], keep="first")
    return slots.join(by_clock, on="local_clock", how="inner").drop("local_clock").select(stored.columns)


def _history(context: Context, today: date, reach: int) -> pl.DataFrame:
    """Readings of the days before today, without the days that were graded as not to be used."""
    first, last, lake, name = today - timedelta(days=reach), today - timedelta(days=1), context.lake, context.site_name
    refused = lake.read(DATA_QUALITY_DAILY, name, first, last).filter(~pl.col("status").is_in(USABLE))
    readings = lake.read(METER_READINGS, name, first, last)
    return (
        readings.join(refused.select(local_day=pl.col("day")), on="local_day", how="anti")
        .filter(pl.col("slot_start") < day_start(today, context.timezone))
        .select("slot_start", "load_kwh", "pv_kwh")
    )


def _expected(
    context: Context, prices: pl.DataFrame, past: _Past, start: datetime, notes: dict[str, str] | None
) -> pl.DataFrame:
    """Prices with what load and PV are expected to be; where `notes` are taken, nothing is expected of what is unknown.

    Raises:
        DataMissingError: a slot has no forecast.
    """
    central = past.forecasts.filter(pl.col("quantile") == MEDIAN)
    pv = pl.col("pv_kwh") if past.has_pv else pl.col("pv_kwh").fill_null(0.0)
    slots = prices.join(central.select("slot_start", "load_kwh", pv), on="slot_start", how="left").sort("slot_start")
    ahead = slots.filter(pl.col("slot_start") >= start)
    without = ahead.filter(pl.any_horizontal(pl.col("load_kwh", "pv_kwh").is_null()))
    if without.height and notes is None:
        raise DataMissingError(
            f"{without.height} of {ahead.height} slots from {start.isoformat()} have no forecast of load or PV",
            "import readings of the days before, or run `darkstar quality` to see why they are refused",
        )
    if without.height and notes is not None:
        for name in ("load", "pv"):
            if ahead[f"{name}_kwh"].null_count():
                notes[name] = f"no forecast of {name} for {ahead[f'{name}_kwh'].null_count()} slots; taken as none"
    filled = slots.with_columns(pl.col("load_kwh", "pv_kwh").fill_null(0.0))
    return context.site.tariff.with_prices(filled, context.timezone).select(
        "slot_start", "import_price", "export_price", "load_kwh", "pv_kwh"
    )


def _start_soc(
    context: Context, start: datetime, today: date, given: StartSoc | None, memory: Memo
) -> tuple[float, str]:
    """Stored energy at the start [kWh], and where the figure is from."""
    battery = context.site.battery
    if given is not None:
        return battery.soc_kwh(given.percent), given.source
    read = observed_soc(read_days(context, METER_READINGS, today - timedelta(days=1), today, memory), start)
    if read is not None:
        return battery.soc_kwh(read), "observed"
    return protocol_of(context.site_settings, context.site.battery).start_soc_kwh, "protocol"


def observed_soc(readings: pl.DataFrame, start: datetime) -> float | None:
    """The state of charge that was read at the start of a slot [%]; None where none was."""
    now = readings.filter(pl.col("slot_start") == start)["soc_start_percent"].drop_nulls()
    before = readings.filter(pl.col("slot_start") == start - SLOT)["soc_end_percent"].drop_nulls()
    for read in (now, before):
        if len(read):
            return float(read[0])
    return None


def read_days(context: Context, table: Table, first: date, last: date, memo: Memo) -> pl.DataFrame:
    """Rows of a few days, remembered while none of their files is replaced: to open DuckDB takes 20 ms."""
    lake, name = context.lake, context.site_name
    key = (first, last, lake.identity(table, name, first, last))
    return memo.get(f"rows of {table.name}", key, lambda: lake.read(table, name, first, last))
