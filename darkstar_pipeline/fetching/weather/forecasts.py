"""Forecasts of weather and of the panels as they are now: one source after the other until one gives them."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime

from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import ConfigurationError, DataRefusedError
from darkstar_pipeline.fetching.answers import Answer
from darkstar_pipeline.fetching.client import Retries, SourceClient, open_client
from darkstar_pipeline.fetching.clock_skew import refuse_skew
from darkstar_pipeline.fetching.errors import FetchError
from darkstar_pipeline.fetching.log import Fetch, FetchLog
from darkstar_pipeline.fetching.weather.believed import believed_forecast
from darkstar_pipeline.fetching.weather.services import WeatherService, panel_service, place_of, weather_service
from darkstar_pipeline.forecasts.storms import keep_storms
from darkstar_pipeline.ingest.imports import WEATHER, import_parsed
from darkstar_pipeline.ingest.report import ImportReport
from darkstar_pipeline.ingest.target import ImportTarget
from darkstar_pipeline.sources.parsed import Parsed
from darkstar_pipeline.sources.weather_services.answer import WeatherAnswer
from darkstar_pipeline.state.file_lock import hold_lock
from darkstar_pipeline.state.folder_names import FETCHING_FOLDER

LOCK_FILE = "weather.lock"
COUNTED_CALLS = Retries(attempts=1)
"""A source that counts calls counts repeated ones too."""
Clock = Callable[[], datetime]


@dataclass(frozen=True, kw_only=True)
class WeatherFetched:
    """The outcome of asking for forecasts.

    Attributes:
        reports: reports of what was imported.
        notes: what a person should know, such as a source that was passed over.
        failures: what sources could not give, in the order in which they were asked.
        missing: what no source gave: weather, or a forecast of the panels.
    """

    reports: tuple[ImportReport, ...] = ()
    notes: tuple[str, ...] = ()
    failures: tuple[FetchError, ...] = ()
    missing: tuple[str, ...] = ()


def present() -> datetime:
    """Return the present instant."""
    return datetime.now(UTC)


def fetch_forecasts(
    context: Context,
    *,
    clock: Clock = present,
    client: SourceClient | None = None,
) -> WeatherFetched:
    """Fetch the forecasts of a site as they are now, and import them.

    Args:
        context: the site.
        clock: gives the present instant.
        client: client to ask with, which stays open; by default one with the settings of the site.

    Raises:
        ConfigurationError: the place of the panels, or a key, is missing.
    """
    site = context.site_settings
    place_of(site)
    weather = [weather_service(name) for name in site.sources.weather.order]
    offered = [panel_service(name, site) for name in site.sources.weather.panels]
    panels = [service for service in offered if service is not None]
    with (
        hold_lock(context.home / FETCHING_FOLDER / LOCK_FILE),  # two at once would both spend the last call of a day
        nullcontext(client) if client is not None else open_client(context) as usual,
        nullcontext(client) if client is not None else open_client(context, retries=COUNTED_CALLS) as counted,
    ):
        outcomes = [
            _first_that_gives("weather", weather, context, usual, clock),
            _first_that_gives("a forecast of the panels", panels, context, counted, clock),
        ]
    return WeatherFetched(
        reports=tuple(report for outcome in outcomes for report in outcome.reports),
        notes=tuple(note for outcome in outcomes for note in outcome.notes),
        failures=tuple(failure for outcome in outcomes for failure in outcome.failures),
        missing=tuple(name for outcome in outcomes for name in outcome.missing),
    )


def _first_that_gives(
    what: str, services: Sequence[WeatherService], context: Context, client: SourceClient, clock: Clock
) -> WeatherFetched:
    """Ask services in turn until one gives what is wanted."""
    log, failures, notes = FetchLog(context.home), list[FetchError](), list[str]()
    for service in services:
        now = clock()
        if (until := log.left_alone("weather", now).get(service.source)) is not None:
            notes.append(f"{service.source} wants to be left alone until {until:%Y-%m-%d %H:%MZ}")
            continue
        last = last_question(log, context, service.source, now)
        if last is not None and _too_early(last, service, now):
            again = (last.asked_at + service.interval).astimezone(UTC)
            notes.append(
                f"{service.source} was asked at {last.asked_at:%H:%MZ} and is asked again from {again:%H:%MZ} on"
            )
            if last.succeeded and last.site == context.site_name:
                return WeatherFetched(notes=tuple(notes), failures=tuple(failures))
            continue
        try:
            report = ask_and_import(service, context, client, clock, log)
        except FetchError as error:
            failures.append(error)
        else:
            return WeatherFetched(reports=(report,), notes=(*notes, *report.notes), failures=tuple(failures))
    return WeatherFetched(notes=tuple(notes), failures=tuple(failures), missing=(what,) if services else ())


def _too_early(last: Fetch, service: WeatherService, now: datetime) -> bool:
    """Return whether a service was asked so recently that it is spared."""
    return (service.counted or last.succeeded) and now - last.asked_at < service.interval


def last_question(log: FetchLog, context: Context, source: str, now: datetime) -> Fetch | None:
    """Return the last question to a source, whichever home asked it: its calls are counted together."""
    every = (fetch for site in context.settings.sites for fetch in log.entries(site, "weather", limit=500, until=now))
    asked = [fetch for fetch in every if fetch.source == source]
    return max(asked, key=lambda fetch: fetch.asked_at, default=None)


def ask_and_import(
    service: WeatherService, context: Context, client: SourceClient, clock: Clock, log: FetchLog
) -> ImportReport:
    """Ask a service, import what it gives and log the question.

    Raises:
        FetchError: it gave nothing that can be used.
    """
    asked_at = clock()
    if service.counted:
        log.begin(context.site_name, "weather", service.source, asked_at=asked_at)
    try:
        answers = [client.ask(request) for request in service.requests(context.site_settings, asked_at)]
        for answer in answers:
            refuse_skew(service.source, answer.server_time, answer.asked_at)
        said = [service.read(answer.body) for answer in answers]
        now = clock()
        parsed = believed_forecast(said, context.site_settings, now)
        report = import_parsed(WEATHER, ImportTarget.of(context), parsed, source=service.source, now=now)
        keep_storms(context.home, context.site_name, service.source, said[0].storms, now)
    except FetchError as error:
        log.failed(context.site_name, "weather", error, asked_at=asked_at)
        raise
    except (DataRefusedError, ConfigurationError) as error:
        cause = "wrong" if isinstance(error, DataRefusedError) else "refused"
        failure = FetchError(service.source, cause, error.message.removeprefix(f"{service.source}: "), error.hint)
        log.failed(context.site_name, "weather", failure, asked_at=asked_at)
        raise failure from error
    log.add(entry(context, asked_at, said[0], answers[0], parsed, report))
    return report


def entry(
    context: Context, asked_at: datetime, said: WeatherAnswer, answer: Answer, parsed: Parsed, report: ImportReport
) -> Fetch:
    """Return the entry of the log for an answer that was imported."""
    days = parsed.rows["slot_start"].dt.convert_time_zone(context.timezone).dt.date()
    return Fetch(
        site=context.site_name,
        kind="weather",
        source=said.service,
        asked_at=asked_at,
        first_day=days.min(),  # pyright: ignore[reportArgumentType] - Polars types an extreme loosely
        last_day=days.max(),  # pyright: ignore[reportArgumentType]
        outcome="stored" if report.slots_new or report.slots_changed else "unchanged",
        reason="; ".join(parsed.notes),
        rows=report.rows_accepted,
        sha256=answer.sha256,
        published_at=said.issued_at,
    )
