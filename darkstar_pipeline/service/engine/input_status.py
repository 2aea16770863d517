"""Collects the inputs of a plan in the service: the lake, the live state of charge, and substitutes where they fail."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Protocol

import polars as pl

from darkstar_pipeline.config.checks.tariff_age import tariff_doubts
from darkstar_pipeline.config.writer import SAMPLE_SITE
from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import DarkstarError, DataMissingError
from darkstar_pipeline.planning.battery_care import TimedReserve
from darkstar_pipeline.planning.memo import Memo
from darkstar_pipeline.planning.plan_inputs import PlanInputs, StartSoc, inputs_at, observed_soc, outside_range_note
from darkstar_pipeline.planning.site_tables import SiteTables
from darkstar_pipeline.service.engine.plan_documents import expected_soc_percent
from darkstar_pipeline.service.schemas.plans import Input, InputBasis, InputName, InputState, PlanDocument
from darkstar_pipeline.warehouse.lake import LakeUnreadableError
from darkstar_pipeline.warehouse.schemas import (
    METER_READINGS,
    RAW_SPOT_PRICES,
    SLOT_FORECASTS,
    SPOT_PRICES,
)
from darkstar_pipeline.warehouse.tables import Tables
from env.battery import Battery
from env.time_grid import SLOT, slot_of, zone
from planner.deadline import seconds_left
from planner.errors import SolverTimeoutError
from planner.fault_isolation import MISTAKES
from planner.optimizer.deferrable_loads import LoadRequests
from planner.wording.messages import joined, phrase

NO_SOC = phrase("no state of charge was read; the protocol's start is taken")
OLD_SOC = phrase("not read lately; the last plan's expectation is taken")
_INPUT_OF_TABLE: dict[str, InputName] = {
    RAW_SPOT_PRICES.name: "prices",
    SPOT_PRICES.name: "prices",
    SLOT_FORECASTS.name: "load",
}
_SAME_LEVEL = 0.05
"""Levels that differ by less are one [points]."""
_log = logging.getLogger(__name__)


class LiveSoc(Protocol):
    """A source that reads the battery now."""

    def soc(self) -> tuple[float, datetime] | None:
        """Return the state of charge [%] and when it was read; None where it is not available."""
        ...


@dataclass(frozen=True)
class InputStatus:
    """The inputs of a plan, or why they do not suffice.

    Attributes:
        plan_inputs: the inputs; None where they do not suffice.
        problem: why they do not suffice.
        inputs: state of each input, for people.
        soc: the state of charge that was taken; None where the protocol's is.
        slow: whether reading them took more than half of the plan's time.
    """

    plan_inputs: PlanInputs | None
    problem: str
    inputs: tuple[Input, ...]
    soc: StartSoc | None
    slow: bool = False


def collect_inputs(  # noqa: PLR0913 - keyword-only, all that a plan may rest on
    context: Context,
    at: datetime,
    *,
    live: LiveSoc | None,
    last: PlanDocument | None,
    requests: LoadRequests,
    lookback_days: int,
    reserves: Sequence[TimedReserve] = (),
    memo: Memo | None = None,
) -> InputStatus:
    """Return everything that a plan of this moment may rest on; never raises for a failure outside this process.

    Args:
        context: the site.
        at: the moment.
        live: source that reads the battery now; None where there is none.
        last: the last valid plan.
        requests: requests of the movable loads.
        lookback_days: number of days before today whose readings are wanted as scenarios.
        reserves: reserves for outages that are asked for now.
        memo: results of earlier calls that may still hold.
    """
    began, whole = time.monotonic(), seconds_left()
    status = _collected(
        context,
        at,
        live=live,
        last=last,
        requests=requests,
        lookback_days=lookback_days,
        reserves=reserves,
        memo=memo,
    )
    return replace(status, slow=whole is not None and time.monotonic() - began > whole / 2)


def _collected(  # noqa: PLR0913 - as `collect_inputs`
    context: Context,
    at: datetime,
    *,
    live: LiveSoc | None,
    last: PlanDocument | None,
    requests: LoadRequests,
    lookback_days: int,
    reserves: Sequence[TimedReserve],
    memo: Memo | None,
) -> InputStatus:
    """Return the inputs of a plan; see `collect_inputs`."""
    memo = memo if memo is not None else Memo()
    service = context.site_settings.service
    readings = _recent_readings(SiteTables(context.lake, context.site_name, memo), at, context.timezone)
    soc, soc_input = start_soc(readings, at, live, last, stale_after=timedelta(minutes=service.soc_stale_minutes))
    soc_input = _noting_range(soc_input, soc, context.site.battery)
    try:
        plan_inputs = inputs_at(
            context,
            at,
            soc=soc,
            requests=requests,
            reserves=reserves,
            lookback_days=lookback_days,
            lenient=True,
            memo=memo,
        )
    except SolverTimeoutError:
        problem = f"reading the inputs took the whole time of a plan ({service.plan_seconds:g} s, service.plan_seconds)"
        _log.warning("%s", problem)
        return InputStatus(None, problem, (soc_input, _missing("storage", problem)), soc)
    except DarkstarError as error:
        return InputStatus(None, error.message, (soc_input, _missing_input(error)), soc)
    except MISTAKES as error:  # a damaged lake or a library's bug must not leave the home without
        _log.warning("the inputs of a plan cannot be collected", exc_info=True)
        problem = f"{type(error).__name__}: {error}"
        return InputStatus(None, problem, (soc_input, _missing("storage", problem)), soc)
    day = at.astimezone(zone(context.timezone)).date()
    repaired = not context.lake.read_days(SPOT_PRICES, context.site_name, [day]).is_empty()
    price_table = SPOT_PRICES if repaired else RAW_SPOT_PRICES
    stale_after = timedelta(hours=service.forecast_stale_hours)
    inputs = (*_available_inputs(plan_inputs, price_table.name, stale_after), *_tariff_input(context, day))
    return InputStatus(plan_inputs, "", (soc_input, *inputs), soc)


def start_soc(
    readings: pl.DataFrame,
    at: datetime,
    live: LiveSoc | None,
    last: PlanDocument | None,
    *,
    stale_after: timedelta,
) -> tuple[StartSoc | None, Input]:
    """Return the state of charge to start from: read now, read at the slot's start, or as the last plan expected it.

    Args:
        readings: meter readings of yesterday and today.
        at: the moment.
        live: source that reads the battery now.
        last: the last valid plan.
        stale_after: age from which a reading is not taken any more.
    """
    now = None if live is None else live.soc()
    if now is not None and _is_possible(now[0]) and abs(at - now[1]) <= stale_after:
        return StartSoc(now[0], "live"), _soc_input("live", "measured", at=now[1], since=now[1])
    latest = _latest_soc(readings, at, stale_after)
    if latest is not None and not _is_held(latest, now):
        percent, when = latest
        return StartSoc(percent, "observed"), _soc_input("observed", "measured", at=when, since=when)
    # A home that never reads its battery is not unwell for ever; one that did a while ago is.
    state: InputState = "stale" if live is not None or readings["soc_end_percent"].count() else "assumed"
    expected = expected_soc_percent(last, slot_of(at))
    if expected is not None:
        # What rests on an assumption stays one, however often it is carried on.
        basis: InputBasis = "assumed" if _basis(last) == "assumed" else "projected"
        since = _since(last, basis, at)
        known = _soc_input("projected", basis, state=state, note=OLD_SOC, since=since)
        return StartSoc(expected, "projected"), known
    since = _since(last, "assumed", at)
    return None, _soc_input("protocol", "assumed", state=state, note=NO_SOC, since=since)


def _is_held(stored: tuple[float, datetime], live: tuple[float, datetime] | None) -> bool:
    """Return whether a stored level is a silent sensor's last one, which its history repeats up to the present."""
    return live is not None and stored[1] > live[1] and abs(stored[0] - live[0]) < _SAME_LEVEL


def _soc_input(
    source: str,
    basis: InputBasis,
    *,
    since: datetime,
    state: InputState = "fresh",
    at: datetime | None = None,
    note: str = "",
) -> Input:
    return Input(name="soc", state=state, source=source, at=at, note=note, basis=basis, since=since)


def _noting_range(soc_input: Input, soc: StartSoc | None, battery: Battery) -> Input:
    """Add a note where the battery is found outside its usable range."""
    note = "" if soc is None else outside_range_note(battery, soc.percent)
    return soc_input.model_copy(update={"note": joined("; ", [part for part in (soc_input.note, note) if part])})


def _since(last: PlanDocument | None, basis: InputBasis, at: datetime) -> datetime:
    """Return since when the state of charge has had a basis: as the last plan had it, else from this moment."""
    before = _last_soc(last)
    return before.since if before is not None and before.basis == basis and before.since is not None else at


def _basis(last: PlanDocument | None) -> InputBasis | None:
    before = _last_soc(last)
    return None if before is None else before.basis


def _last_soc(last: PlanDocument | None) -> Input | None:
    return None if last is None else next((each for each in last.inputs if each.name == "soc"), None)


def _is_possible(percent: float) -> bool:
    return 0.0 <= percent <= 100.0  # noqa: PLR2004 - percent


def _recent_readings(tables: SiteTables, at: datetime, timezone: str) -> pl.DataFrame:
    """Return readings of yesterday and today; none where the lake cannot be read."""
    try:
        today = at.astimezone(zone(timezone)).date()
        return tables.read_cached(METER_READINGS, today - timedelta(days=1), today)
    except MISTAKES:  # `collect_inputs` reports what is wrong with the lake
        return pl.DataFrame(schema=METER_READINGS.schema)


def _latest_soc(readings: pl.DataFrame, at: datetime, stale_after: timedelta) -> tuple[float, datetime] | None:
    """Return the last state of charge among readings that is not stale [%], and when it held."""
    start = slot_of(at)
    exact = observed_soc(readings, start)
    if exact is not None:
        return (exact, start) if _is_possible(exact) else None
    ended = readings.select("slot_start", "soc_end_percent").drop_nulls().filter(pl.col("slot_start") < start)
    if ended.is_empty():
        return None
    last = ended.sort("slot_start").row(-1)
    when = last[0] + SLOT
    return (float(last[1]), when) if at - when <= stale_after and _is_possible(float(last[1])) else None


def _available_inputs(plan_inputs: PlanInputs, price_table: str, stale_after: timedelta) -> Sequence[Input]:
    """Return the state of prices and forecasts."""
    until = plan_inputs.task.slots["slot_start"][-1] + SLOT
    is_old = plan_inputs.at - plan_inputs.vintage > stale_after
    names: tuple[InputName, ...] = ("load", "pv")
    forecasts = [
        Input(
            name=name,
            state="stale" if is_old or name in plan_inputs.notes else "fresh",
            source=plan_inputs.forecast,
            at=plan_inputs.vintage,
            note=plan_inputs.notes.get(name, ""),
            basis="assumed" if name in plan_inputs.notes else "projected",
            since=plan_inputs.vintage,
        )
        for name in names
    ]
    note = plan_inputs.notes.get("prices", "")
    state: InputState = "stale" if note else "fresh"
    prices = Input(name="prices", state=state, source=price_table, until=until, basis="measured", note=note)
    return [prices, *forecasts, *_peaks_input(plan_inputs)]


def _peaks_input(plan_inputs: PlanInputs) -> Sequence[Input]:
    """Return the state of the month's peaks; nothing where power is not charged."""
    if not plan_inputs.task.month:
        return ()
    note = plan_inputs.notes.get("peaks", "")
    state: InputState = "assumed" if note else "fresh"
    basis: InputBasis = "assumed" if note else "measured"
    return (Input(name="peaks", state=state, source=METER_READINGS.name, note=note, basis=basis),)


def _tariff_input(context: Context, day: date) -> Sequence[Input]:
    """Return the state of the tariff where it should be looked up again; nothing where it is of today."""
    found = [] if context.site_name == SAMPLE_SITE else tariff_doubts(context.site_settings, day)
    note = joined("; ", found)
    return (Input(name="tariff", state="assumed", source="darkstar.yaml", note=note, basis="assumed"),) if found else ()


def _missing_input(error: DarkstarError) -> Input:
    """Return the input that an error says is missing; `storage` where it names none."""
    name: InputName = "storage"
    if isinstance(error, LakeUnreadableError):
        name = _INPUT_OF_TABLE.get(error.table, "storage")
    elif isinstance(error, DataMissingError):
        name = error.subject or "storage"
    return _missing(name, error.message)


def _missing(name: InputName, note: str) -> Input:
    return Input(name=name, state="missing", source="none", note=note)


def inputs_signature(lake: Tables, site: str, timezone: str, at: datetime) -> tuple[object, ...]:
    """Return a key that changes whenever a file of the lake that a plan of a moment rests on is replaced."""
    today = at.astimezone(zone(timezone)).date()
    yesterday, tomorrow = today - timedelta(days=1), today + timedelta(days=1)
    return (
        *(lake.identity(table, site, today, tomorrow) for table in (RAW_SPOT_PRICES, SPOT_PRICES)),
        lake.identity(SLOT_FORECASTS, site, today, today),
        lake.identity(METER_READINGS, site, yesterday, today),
    )
