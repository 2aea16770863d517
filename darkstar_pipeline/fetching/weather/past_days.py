"""Weather of past days, for training: what had been forecast of them where that is kept, and what it was.

A day that is in the lake is not asked for again, so a backfill that was stopped goes on where it was.
"""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import date, timedelta

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.fetching.client import SourceClient, open_client
from darkstar_pipeline.fetching.clock_skew import refuse_skew
from darkstar_pipeline.fetching.errors import FetchError
from darkstar_pipeline.fetching.log import FetchLog
from darkstar_pipeline.fetching.weather.believed import all_parsed, believed_past
from darkstar_pipeline.fetching.weather.forecasts import Clock, entry, present
from darkstar_pipeline.fetching.weather.services import PAST, past_request, place_of
from darkstar_pipeline.ingest.imports import WEATHER, import_parsed
from darkstar_pipeline.ingest.merge import Progress
from darkstar_pipeline.ingest.report import ImportReport
from darkstar_pipeline.ingest.target import ImportTarget
from darkstar_pipeline.sources.weather_services.open_meteo import SERVICE, read_open_meteo
from darkstar_pipeline.warehouse.schemas import RAW_WEATHER
from env.time_grid import SLOT, days_between, slot_count

FIRST_KEPT_FORECAST = date(2024, 2, 1)
"""Open-Meteo keeps what its forecasts said since January 2024."""
DAYS_BEFORE = (1, 2, 3)
RUN_DELAY = timedelta(hours=8)
"""A run of a model is published some hours after the measurements that it begins with; no model takes longer."""
CHUNK_DAYS = 28
ENOUGH = 0.9  # of a day's slots whose weather is known, beyond which the day is not asked for again


@dataclass(frozen=True, kw_only=True)
class PastFetched:
    """The outcome of a backfill.

    Attributes:
        reports: reports of what was imported.
        days: days that were asked for.
        had: days of the range that the lake had already.
        notes: what a person should know.
    """

    reports: tuple[ImportReport, ...] = ()
    days: int = 0
    had: int = 0
    notes: tuple[str, ...] = ()


def fetch_past_weather(
    context: Context,
    first: date,
    last: date,
    *,
    clock: Clock = present,
    client: SourceClient | None = None,
    progress: Progress | None = None,
) -> PastFetched:
    """Fetch the weather of past days and import it.

    Args:
        context: the site.
        first: first local day.
        last: last local day; today and later have no past.
        clock: gives the present instant.
        client: client to ask with, which stays open; by default one with the settings of the site.
        progress: called after every part with the number of days done and in total.

    Raises:
        ConfigurationError: the place of the panels is not configured.
        FetchError: the source gives nothing that can be used; what was fetched until then is kept.
    """
    place_of(context.site_settings)
    yesterday = (clock() - timedelta(days=1)).date()
    wanted = list(days_between(first, min(last, yesterday)))
    lacking = _lacking(context, wanted)
    reports, notes, done = list[ImportReport](), list[str](), len(wanted) - len(lacking)
    had = done
    with nullcontext(client) if client is not None else open_client(context) as asked:
        for part in _parts(lacking):
            reports.append(_import_part(context, asked, part, clock))
            notes += [note for note in reports[-1].notes if note not in notes]
            done += len(part)
            if progress is not None:
                progress(done, len(wanted))
    return PastFetched(reports=tuple(reports), days=len(lacking), had=had, notes=tuple(notes))


def _import_part(context: Context, client: SourceClient, days: list[date], clock: Clock) -> ImportReport:
    """Ask for some days, as they were and as they had been forecast, and import them.

    Raises:
        FetchError: the source gives nothing that can be used.
    """
    log, asked_at, site = FetchLog(context.home), clock(), context.site_settings
    if (until := log.left_alone("weather", asked_at).get(PAST)) is not None:
        reason = f"it wants to be left alone until {until:%Y-%m-%d %H:%MZ}"
        raise FetchError(PAST, "refused", reason, "run it again then: what was fetched is kept")
    days_before = DAYS_BEFORE if days[0] >= FIRST_KEPT_FORECAST else ()
    first, last = days[0] - timedelta(days=1), min(days[-1] + timedelta(days=1), asked_at.date())  # in UTC
    try:
        answer = client.ask(past_request(site, first, last, days_before))
        refuse_skew(PAST, answer.server_time, answer.asked_at)
        now, read = clock(), [read_open_meteo(answer.body, days_before=before) for before in (0, *days_before)]
        said = [replace(one, service=PAST) for one in read]
        known_after = [SLOT, *(RUN_DELAY - timedelta(days=before) for before in days_before)]
        parsed = all_parsed(believed_past(one, site, now, by) for one, by in zip(said, known_after, strict=True))
        report = import_parsed(WEATHER, ImportTarget.of(context), parsed, source=SERVICE, now=now)
    except FetchError as error:
        log.failed(context.site_name, "weather", error, asked_at=asked_at, days=(days[0], days[-1]))
        raise
    except DataRefusedError as error:
        failure = FetchError(
            PAST, "wrong", error.message.removeprefix(f"{PAST}: ").removeprefix(f"{SERVICE}: "), error.hint
        )
        log.failed(context.site_name, "weather", failure, asked_at=asked_at, days=(days[0], days[-1]))
        raise failure from error
    log.add(entry(context, asked_at, said[0], answer, parsed, report))
    return report


def _lacking(context: Context, days: list[date]) -> list[date]:
    """Return the days whose weather, as it was, is not in the lake."""
    if not days:
        return []
    measured = pl.col("known_at") >= pl.col("slot_start") + SLOT
    rows = context.lake.read(RAW_WEATHER, context.site_name, days[0], days[-1])
    known = rows.filter(measured).group_by("local_day").agg(pl.col("slot_start").n_unique().alias("slots"))
    slots: dict[date, int] = dict(known.iter_rows())
    return [day for day in days if slots.get(day, 0) < ENOUGH * slot_count(day, context.timezone)]


def _parts(days: list[date]) -> Iterator[list[date]]:
    """Yield runs of days that follow each other, so many at most, all with kept forecasts or all without."""
    part: list[date] = []
    for day in days:
        follows = bool(part) and day == part[-1] + timedelta(days=1) and day != FIRST_KEPT_FORECAST
        if part and (not follows or len(part) == CHUNK_DAYS):
            yield part
            part = []
        part.append(day)
    if part:
        yield part
