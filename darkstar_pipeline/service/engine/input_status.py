"""What a plan is made on in the service: the lake, the live state of charge, and what to do where either fails."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import DarkstarError
from darkstar_pipeline.planning.memo import Memo
from darkstar_pipeline.planning.plan_inputs import (
    SLOT,
    PlanInputs,
    StartSoc,
    inputs_at,
    observed_soc,
    read_days,
    slot_of,
)
from darkstar_pipeline.service.engine.plan_documents import expected_soc_percent
from darkstar_pipeline.service.schemas.plans import Input, PlanDocument
from darkstar_pipeline.warehouse.schemas import (
    METER_READINGS,
    RAW_SPOT_PRICES,
    SLOT_FORECASTS,
    SPOT_PRICES,
)
from env.time_grid import zone
from planner.optimizer.deferrable_loads import LoadRequests

NOTHING_READ = "no state of charge was read; the protocol's start is taken"
SOC_SOURCES = {"live": "fresh", "observed": "fresh", "projected": "stale", "protocol": "assumed"}
_log = logging.getLogger(__name__)


class LiveSoc(Protocol):
    """Somebody who reads the battery now."""

    def soc(self) -> tuple[float, datetime] | None:
        """State of charge [%] and when it was read; None where nobody can say."""
        ...


@dataclass(frozen=True)
class InputStatus:
    """What is known, or why nothing is.

    Attributes:
        plan_inputs: the inputs of a plan; None where too little is known.
        problem: why too little is known.
        inputs: each input and how good it is.
        soc: the state of charge that was taken; None where the protocol's is.
    """

    plan_inputs: PlanInputs | None
    problem: str
    inputs: tuple[Input, ...]
    soc: StartSoc | None


def collect_inputs(
    context: Context,
    at: datetime,
    *,
    live: LiveSoc | None,
    last: PlanDocument | None,
    requests: LoadRequests,
    reach: int,
    remembered: Memo | None = None,
) -> InputStatus:
    """Everything a plan of this moment may rest on; never raises for what the outside does wrong."""
    memory = remembered if remembered is not None else Memo()
    soc, soc_input = start_soc(context, at, live, last, memory)
    known, trouble = None, ""
    try:
        known = inputs_at(context, at, soc=soc, requests=requests, lookback_days=reach, lenient=True, memo=memory)
    except DarkstarError as error:
        trouble = error.message
    except Exception as error:  # noqa: BLE001 - a damaged lake or a library's mistake must not leave the home without
        _log.warning("what is known cannot be gathered", exc_info=True)
        trouble = f"{type(error).__name__}: {error}"
    told = [soc_input, *(_told(context, known) if known is not None else _missing(trouble))]
    return InputStatus(known, trouble, tuple(told), soc)


def start_soc(
    context: Context, at: datetime, live: LiveSoc | None, last: PlanDocument | None, memory: Memo
) -> tuple[StartSoc | None, Input]:
    """The state of charge to start from: read now, read at the slot's start, or as the last plan expected it."""
    stale_after = timedelta(minutes=context.site_settings.service.soc_stale_minutes)
    read = None if live is None else live.soc()
    if read is not None and _possible(read[0]) and abs(at - read[1]) <= stale_after:
        return StartSoc(read[0], "live"), Input(name="soc", state="fresh", source="live", at=read[1])
    rows = _lately(context, at, memory)
    found = _last_read(rows, at, stale_after)
    if found is not None:
        percent, when = found
        return StartSoc(percent, "observed"), Input(name="soc", state="fresh", source="observed", at=when)
    # A home that never reads its battery is not unwell for ever; one that did a while ago is.
    state = "stale" if live is not None or rows["soc_end_percent"].count() else "assumed"
    expected = expected_soc_percent(last, slot_of(at))
    if expected is not None:
        note = "not read lately; the last plan's expectation is taken"
        return StartSoc(expected, "projected"), Input(name="soc", state=state, source="projected", note=note)
    return None, Input(name="soc", state=state, source="protocol", note=NOTHING_READ)


def _possible(percent: float) -> bool:
    return 0.0 <= percent <= 100.0  # noqa: PLR2004 - percent


def _lately(context: Context, at: datetime, memory: Memo) -> pl.DataFrame:
    """Readings of yesterday and today; none where the lake cannot say."""
    try:
        today = at.astimezone(zone(context.timezone)).date()
        return read_days(context, METER_READINGS, today - timedelta(days=1), today, memory)
    except Exception:  # noqa: BLE001 - as in `gather`, which tells what is wrong with the lake
        return pl.DataFrame(schema=METER_READINGS.schema)


def _last_read(rows: pl.DataFrame, at: datetime, stale_after: timedelta) -> tuple[float, datetime] | None:
    """The last state of charge among readings that is not stale [%], and when it held."""
    start = slot_of(at)
    exact = observed_soc(rows, start)
    if exact is not None:
        return (exact, start) if _possible(exact) else None
    ended = rows.select("slot_start", "soc_end_percent").drop_nulls().filter(pl.col("slot_start") < start)
    if ended.is_empty():
        return None
    last = ended.sort("slot_start").row(-1)
    when = last[0] + SLOT
    return (float(last[1]), when) if at - when <= stale_after and _possible(float(last[1])) else None


def _told(context: Context, known: PlanInputs) -> list[Input]:
    """Prices and forecasts as they are."""
    until = known.task.slots["slot_start"][-1] + SLOT
    age = known.at - known.vintage
    old = age > timedelta(hours=context.site_settings.service.forecast_stale_hours)
    inputs = [Input(name="prices", state="fresh", source=_price_source(context, known), until=until)]
    for name in ("load", "pv"):
        note = known.notes.get(name, "")
        state = "stale" if old or note else "fresh"
        inputs.append(Input(name=name, state=state, source=known.forecast, at=known.vintage, note=note))  # pyright: ignore[reportArgumentType]
    return inputs


def _price_source(context: Context, known: PlanInputs) -> str:
    """Whether the prices have been through repair."""
    day = known.start.astimezone(zone(context.timezone)).date()
    repaired = context.lake.path(SPOT_PRICES, context.site_name, day).exists()
    return SPOT_PRICES.name if repaired else RAW_SPOT_PRICES.name


def _missing(trouble: str) -> list[Input]:
    """What is missing, as far as it can be told from the complaint."""
    name = "prices" if "price" in trouble else "load" if "forecast" in trouble else "storage"
    return [Input(name=name, state="missing", source="none", note=trouble)]


def inputs_signature(context: Context, at: datetime) -> tuple[object, ...]:
    """Changes whenever a file of the lake that a plan of now rests on is replaced."""
    today = at.astimezone(zone(context.timezone)).date()
    yesterday, tomorrow = today - timedelta(days=1), today + timedelta(days=1)
    lake, name = context.lake, context.site_name
    return (
        *(lake.identity(table, name, today, tomorrow) for table in (RAW_SPOT_PRICES, SPOT_PRICES)),
        lake.identity(SLOT_FORECASTS, name, today, today),
        lake.identity(METER_READINGS, name, yesterday, today),
    )
