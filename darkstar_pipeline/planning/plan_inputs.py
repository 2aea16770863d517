"""Assembles the inputs of a plan of a moment from what was read (`planning_data`), without reading anything itself.

What does not belong here: which source makes the plan (`plan_sources`), and how it plans (`planner`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.announcements import with_vacation
from darkstar_pipeline.datasets.month_before import metered_imports
from darkstar_pipeline.datasets.replay_inputs import protocol_of
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.planning.battery_care import NO_BATTERY_CARE, BatteryCare, TimedReserve, battery_care
from darkstar_pipeline.planning.loads.requests_in_context import requests_in_context, with_comfort
from darkstar_pipeline.planning.memo import Memo
from darkstar_pipeline.planning.planning_data import PlanningData, read_planning_data
from darkstar_pipeline.planning.price_ends import end_condition, plan_end
from env.battery import Battery
from env.power_tariff import MonthState, month_state
from env.site import Site
from env.time_grid import SLOT, SLOT_HOURS, grid, local_day
from planner.demand_charges.bills import assumed_begin
from planner.optimizer.deferrable_loads import LoadRequests
from planner.plans.policy_plans import RollingState
from planner.plans.task import PlanTask
from planner.policies.plan_before import PlanBefore
from planner.policies.window import PUBLISHED_MINUTE, Window
from planner.value.end_of_prices import SETTLEMENT
from planner.value.protocol import Protocol
from planner.value.scenario_source import SCENARIO_DAYS
from planner.wording.messages import joined, phrase

LOW, MEDIAN, HIGH = 0.1, 0.5, 0.9
MONTH_DELAY = timedelta(hours=2)
"""Readings this young may still be on their way."""


_SOC_TOLERANCE = 1e-6
"""Rounding of a state of charge at an edge of the range [points]."""


@dataclass(frozen=True, kw_only=True)
class PlanInputs:
    """The inputs of a plan of a moment.

    Attributes:
        at: the moment.
        start: start of its slot.
        task: the slots ahead that have a price, as the optimiser takes them.
        rolling: the same as a policy sees them.
        history: readings of usable days before today, which scenarios are taken from.
        quantiles: `slot_start, load_low_kwh, load_high_kwh, pv_low_kwh, pv_high_kwh` of the slots ahead, the tenth and
            ninetieth percentile; null where the forecast has none.
        vintage: instant when its forecast was made.
        forecast: model that made the forecast.
        start_soc_source: `option`, `live`, `observed`, `projected` or `protocol`.
        price_model: what the forecast of the next day's prices rests on.
        notes: notes on inputs that are not as they should be, by input (`load`, `pv`, `prices`, `peaks`, `care`).
        care: reserve and care of the battery.
        before: the plan before, whose commands are kept where others are worth next to nothing more.
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
    price_model: str
    notes: Mapping[str, str]
    care: BatteryCare = NO_BATTERY_CARE
    before: PlanBefore = field(default_factory=lambda: PlanBefore({}))


@dataclass(frozen=True)
class StartSoc:
    """Stored energy at the start, where something better is known than the lake's readings.

    Attributes:
        percent: share of the capacity [%].
        source: origin of the figure.
    """

    percent: float
    source: str = "option"


def inputs_at(  # noqa: PLR0913 - keyword-only, all that may be said of a plan
    context: Context,
    at: datetime,
    *,
    soc: StartSoc | None = None,
    requests: LoadRequests | None = None,
    reserves: Sequence[TimedReserve] = (),
    lookback_days: int = SCENARIO_DAYS,
    lenient: bool = False,
    memo: Memo | None = None,
) -> PlanInputs:
    """Return the inputs of a plan from the slot of a moment to the last slot whose price was published by then.

    Args:
        context: the site.
        at: an instant.
        soc: stored energy then; None takes what was read, or else the protocol's start.
        requests: requests of the movable loads; None requests nothing beyond the heater's day.
        reserves: reserves for outages that are asked for now, beside the calendar's.
        lookback_days: number of days before today whose readings are wanted as scenarios.
        lenient: take an old forecast, or older readings, rather than none; `notes` says so.
        memo: results of earlier calls that may still hold.

    Raises:
        DataMissingError: there is no price, or nothing to forecast from.
    """
    memo = Memo() if memo is None else memo
    data = read_planning_data(context, at, lookback_days=lookback_days, lenient=lenient, memo=memo)
    protocol = protocol_of(context.site_settings, context.site.battery)
    requests = with_vacation(context, requests, at)
    requests = with_comfort(requests, context.site_settings.devices.water_heater)
    return assembled_inputs(
        data, context.site, protocol, soc=soc, requests=requests, reserves=reserves, lenient=lenient, memo=memo
    )


def assembled_inputs(  # noqa: PLR0913 - as `inputs_at`
    data: PlanningData,
    site: Site,
    protocol: Protocol,
    *,
    soc: StartSoc | None = None,
    requests: LoadRequests | None = None,
    reserves: Sequence[TimedReserve] = (),
    lenient: bool = False,
    memo: Memo | None = None,
) -> PlanInputs:
    """Return the inputs of a plan from what was read; see `inputs_at`.

    Args:
        data: the rows of the lake.
        site: the home.
        protocol: the site's measuring protocol.
        soc: stored energy at the start; None takes what was read, or else the protocol's start.
        requests: requests of the movable loads.
        reserves: reserves for outages that are asked for now, beside the calendar's.
        lenient: take load or PV as none where there is no forecast, and note it.
        memo: results of earlier calls that may still hold.

    Raises:
        DataMissingError: a slot has no forecast.
    """
    slots, gap_notes = _expected_slots(data, site, lenient=lenient)
    soc_kwh, source = _start_soc(data, site.battery, protocol, soc)
    imported, month = metered_imports(data.month_readings), _month_so_far(data, site)
    window = Window(
        _rolling_slots(data, slots, site.timezone),
        site,
        protocol,
        data.past.history,
        month=month,
        import_kwh=_imports_of_today(imported, slots, data.start) if month else (),
    )
    kept = Memo() if memo is None else memo
    end = plan_end(data, window, kept)
    window = replace(window, last_value=None if end.basis == SETTLEMENT else end.values)
    first = int((slots["slot_start"] < data.start).sum())
    care = battery_care(data, window, soc_kwh, first=first, end_value=window.last_values, reserves=reserves, memo=kept)
    window = replace(window, targets=care.targets)
    task = PlanTask(
        slots=slots.slice(first).select("slot_start", "import_price", "export_price", "load_kwh", "pv_kwh"),
        site=site,
        start_soc_kwh=soc_kwh,
        end=end_condition(end, window.settlement_value, site.battery),
        requests=requests_in_context(requests, data, slots, site),
        month=month,
        targets=None if care.targets is None else care.targets.slots(first),
    )
    forecast = data.past.forecast
    return PlanInputs(
        at=data.at,
        start=data.start,
        task=task,
        rolling=RollingState(
            window=window,
            started_slot=_published_slot(window, data.start),
            current_slot=first,
        ),
        history=data.past.history,
        quantiles=_quantiles(task.slots, forecast.rows),
        vintage=forecast.rows["vintage"][0],
        forecast=forecast.rows["model_version"][0],
        start_soc_source=source,
        price_model=data.market.model,
        care=care,
        notes={
            **({"prices": data.price_note} if data.price_note else {}),
            **(dict.fromkeys(("load", "pv"), forecast.note) if forecast.note else {}),
            **gap_notes,
            **_month_note(data, site),
            **({"care": care.note} if care.note else {}),
        },
    )


def _expected_slots(data: PlanningData, site: Site, *, lenient: bool) -> tuple[pl.DataFrame, dict[str, str]]:
    """Return prices with expected load and PV, and a note for each of both that lacks a forecast of slots ahead.

    Raises:
        DataMissingError: a slot ahead has no forecast, and that is not to be taken leniently.
    """
    central = data.past.forecast.rows.filter(pl.col("quantile") == MEDIAN)
    pv = pl.col("pv_kwh") if data.past.has_pv else pl.col("pv_kwh").fill_null(0.0)
    slots = data.prices.join(central.select("slot_start", "load_kwh", pv), on="slot_start", how="left").sort(
        "slot_start"
    )
    ahead = slots.filter(pl.col("slot_start") >= data.start)
    without = ahead.filter(pl.any_horizontal(pl.col("load_kwh", "pv_kwh").is_null()))
    if without.height and not lenient:
        raise DataMissingError(
            f"{without.height} of {ahead.height} slots from {data.start.isoformat()} have no forecast of load or PV",
            "import readings of the days before, or run `darkstar quality` to see why they are refused",
            subject="load",
        )
    gaps = {name: ahead[f"{name}_kwh"].null_count() for name in ("load", "pv")}
    names = {"load": phrase("load"), "pv": phrase("sun")}
    notes: dict[str, str] = {
        name: phrase("no forecast of {what} for {n} slots; taken as none", what=names[name], n=count)
        for name, count in gaps.items()
        if count
    }
    filled = slots.with_columns(pl.col("load_kwh", "pv_kwh").fill_null(0.0))
    priced = site.tariff.with_prices(filled, site.timezone)
    return priced.select("slot_start", "import_price", "export_price", "load_kwh", "pv_kwh"), notes


def _rolling_slots(data: PlanningData, slots: pl.DataFrame, timezone: str) -> pl.DataFrame:
    """Return the slots as a policy's window has them: readings of slots that are over, forecasts elsewhere."""
    readings = data.readings.filter((pl.col("slot_start") < data.start) & (pl.col("local_day") == data.today)).select(
        "slot_start", load_read="load_kwh", pv_read="pv_kwh"
    )
    return (
        slots.join(readings, on="slot_start", how="left", maintain_order="left")
        .with_columns(local_day(timezone))
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


def _published_slot(window: Window, start: datetime) -> int:
    """Return the slot in which all of the window's prices were published: its first, or today's with tomorrow's."""
    if len(window.starts) <= 2:  # noqa: PLR2004 - one day has a beginning and an end
        return 0
    published = int(np.argmax(window.clock[: window.starts[1]] >= PUBLISHED_MINUTE))
    return min(published, int((window.slots["slot_start"] < start).sum()))


def _quantiles(slots: pl.DataFrame, forecasts: pl.DataFrame) -> pl.DataFrame:
    """Return the tenth and ninetieth percentile of the slots ahead."""
    quantiles = slots.select("slot_start")
    for name, quantile in (("low", LOW), ("high", HIGH)):
        part = forecasts.filter(pl.col("quantile") == quantile).select(
            "slot_start",
            pl.col("load_kwh").alias(f"load_{name}_kwh"),
            pl.col("pv_kwh").alias(f"pv_{name}_kwh"),
        )
        quantiles = quantiles.join(part, on="slot_start", how="left", maintain_order="left")
    return quantiles


def _month_so_far(data: PlanningData, site: Site) -> tuple[MonthState, ...]:
    """Return the month's peaks before the plan, a state for each demand charge; by metered import, or net load."""
    components = site.tariff.charges_of(data.today)
    imported = metered_imports(data.month_readings).with_columns(pl.col("import_kwh").fill_null(0.0))
    return tuple(month_state(imported, component, site.timezone, data.start) for component in components)


def _imports_of_today(imported: pl.DataFrame, slots: pl.DataFrame, start: datetime) -> tuple[float, ...]:
    """Return the import of the window's slots that are over, NaN where it is not known [kWh]."""
    past = slots.filter(pl.col("slot_start") < start).select("slot_start")
    known = past.join(imported, on="slot_start", how="left", maintain_order="left")["import_kwh"]
    return tuple(known.fill_null(float("nan")).to_list())


def _month_note(data: PlanningData, site: Site) -> dict[str, str]:
    """Return a note on what is not known of a charged month: unread hours, or a tariff that begins inside it."""
    if not site.tariff.charges_of(data.today):
        return {}
    assumed = assumed_begin(site, data.today)
    until = data.start - MONTH_DELAY
    expected = grid(data.today.replace(day=1), data.today, site.timezone).filter(pl.col("slot_start") < until)
    known = metered_imports(data.month_readings).drop_nulls().select("slot_start")
    missing = expected.join(known, on="slot_start", how="anti").height
    if not missing:
        return {"peaks": assumed} if assumed else {}
    unread = phrase(
        "no import was read in {missing:.4g} of {hours:.4g} hours of {month}: their peaks are taken as none; import "
        "those readings",
        missing=missing * SLOT_HOURS,
        hours=expected.height * SLOT_HOURS,
        month=f"{data.today:%Y-%m}",
    )
    return {"peaks": joined("; ", [unread, assumed]) if assumed else unread}


def _start_soc(data: PlanningData, battery: Battery, protocol: Protocol, given: StartSoc | None) -> tuple[float, str]:
    """Return stored energy at the start [kWh], and the origin of the figure."""
    if given is not None:
        return battery.stored_kwh(given.percent), given.source
    read = observed_soc(data.readings, data.start)
    if read is not None:
        return battery.stored_kwh(read), "observed"
    return protocol.start_soc_kwh, "protocol"


def outside_range_note(battery: Battery, percent: float) -> str:
    """Return what a start outside the usable range means for a plan; empty where it is inside."""
    least, most = (100 * bound / battery.capacity_kwh for bound in (battery.min_soc_kwh, battery.max_soc_kwh))
    if least - _SOC_TOLERANCE <= percent <= most + _SOC_TOLERANCE:
        return ""
    found = {"percent": percent, "least": least, "most": most}
    if percent < least:
        return phrase(
            "{percent:.3g} % is outside the usable range of {least:.3g} to {most:.3g} %: the battery is not discharged "
            "before it is back",
            **found,
        )
    return phrase(
        "{percent:.3g} % is outside the usable range of {least:.3g} to {most:.3g} %: the battery is not charged before "
        "it is back",
        **found,
    )


def observed_soc(readings: pl.DataFrame, start: datetime) -> float | None:
    """Return the state of charge that was read at the start of a slot [%]; None where none was."""
    now = readings.filter(pl.col("slot_start") == start)["soc_start_percent"].drop_nulls()
    before = readings.filter(pl.col("slot_start") == start - SLOT)["soc_end_percent"].drop_nulls()
    for read in (now, before):
        if len(read):
            return float(read[0])
    return None
