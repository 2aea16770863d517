"""Readings of a home fetched from Home Assistant and imported: hours of years, the last days by five minutes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import ConfigurationError, DarkstarError, DataMissingError
from darkstar_pipeline.fetching.log import Fetch, FetchLog
from darkstar_pipeline.fetching.readings.pieces import MonthlyPieces
from darkstar_pipeline.home_assistant_api.failures import TOKEN_VARIABLE, HomeAssistantError
from darkstar_pipeline.home_assistant_api.socket import HomeAssistantSocket
from darkstar_pipeline.ingest.home_assistant import import_exports
from darkstar_pipeline.ingest.report import ImportReport
from darkstar_pipeline.ingest.target import ImportTarget
from darkstar_pipeline.sources.home_assistant.formats.fetched_statistics import exports_of, rows_of
from darkstar_pipeline.sources.home_assistant.naming.configured_sensors import (
    configured_mapping,
    entities_of,
    mapping_of_known,
)
from darkstar_pipeline.state.folder_names import FETCHING_FOLDER
from darkstar_pipeline.state.secrets import secret
from darkstar_pipeline.warehouse.schemas import METER_READINGS
from env.time_grid import zone

SOURCE = "home_assistant"
FINE_DAYS = timedelta(days=10)
"""Home Assistant keeps statistics by five minutes for so long, unless it is told otherwise."""
_NAME = "Home Assistant"
_ENERGY_UNIT, _POWER_UNIT = "kWh", "kW"
Progress = Callable[[str, int, int], None]
"""Called with what is done, how much of it is done and how much there is."""


@dataclass(frozen=True, kw_only=True)
class FetchedReadings:
    """The result of a fetch.

    Attributes:
        first_day: first local day that was asked for.
        last_day: last one.
        report: what the import did.
        notes: what Home Assistant does not have.
    """

    first_day: date
    last_day: date
    report: ImportReport
    notes: tuple[str, ...] = ()


def open_socket(context: Context) -> HomeAssistantSocket:
    """Return a connection to the site's Home Assistant.

    Raises:
        ConfigurationError: its address or token is missing.
    """
    home = context.site_settings.home_assistant
    token = secret(TOKEN_VARIABLE, home.token_file)
    if home.url is None or token is None:
        raise ConfigurationError(
            f"home_assistant.url or the token of {context.site_name} is missing",
            f"run `darkstar init --home-assistant URL`, or set them ({TOKEN_VARIABLE} or home_assistant.token_file)",
        )
    return HomeAssistantSocket(home.url, token, ca_file=context.site_settings.sources.ca_file)


def fetch_readings(
    context: Context,
    socket: HomeAssistantSocket,
    *,
    first: date | None,
    last: date | None,
    now: datetime,
    progress: Progress | None = None,
) -> FetchedReadings:
    """Fetch readings of some days and import them; the log of sources has the outcome.

    Args:
        context: the site and its lake.
        socket: asks Home Assistant.
        first: first local day; None goes on where the stored readings end, or begins with the site's first day.
        last: last local day; None is today.
        now: the present instant.
        progress: called as it goes on.

    Raises:
        ConfigurationError: no sensor is configured.
        HomeAssistantError: Home Assistant does not answer; the next fetch goes on where this one ended.
        DataMissingError: it has no statistics of the sensors.
        DataRefusedError: a sensor cannot be used; the lake is as it was.
    """
    today = now.astimezone(zone(context.timezone)).date()
    days = (first or _next_day(context, today), min(last or today, today))
    log, entry = FetchLog(context.home), _entry(context, days, now)
    try:
        fetched = _fetched(context, socket, days, now, progress)
    except DarkstarError as error:
        cause = error.cause if isinstance(error, HomeAssistantError) else "wrong"
        outcome = "failed" if isinstance(error, HomeAssistantError | DataMissingError) else "refused"
        log.add(entry(outcome=outcome, cause=cause, reason=error.message, remedy=error.hint))
        raise
    report = fetched.report
    stored = report.slots_new + report.slots_changed
    log.add(entry(outcome="stored" if stored else "unchanged", rows=report.rows_accepted))
    return fetched


def _entry(context: Context, days: tuple[date, date], now: datetime) -> Callable[..., Fetch]:
    """Return what makes the log's entry of a fetch."""

    def make(**outcome: object) -> Fetch:
        known = {"site": context.site_name, "kind": "readings", "source": SOURCE, "asked_at": now}
        return Fetch(**known, first_day=days[0], last_day=days[1], **outcome)  # pyright: ignore[reportArgumentType]

    return make


def _next_day(context: Context, today: date) -> date:
    """Return the last day with stored readings, which may be unfinished; the site's first day where there are none."""
    stored = context.lake.days(METER_READINGS, context.site_name)
    return min(max(stored), today) if stored else context.site_settings.first_day


def _fetched(
    context: Context, socket: HomeAssistantSocket, days: tuple[date, date], now: datetime, progress: Progress | None
) -> FetchedReadings:
    """Fetch and import."""
    mapping = configured_mapping(context.site_settings.home_assistant.sensors)
    if not mapping:
        message = f"no sensor of {context.site_name} is configured"
        raise ConfigurationError(message, "run `darkstar init --home-assistant URL`, or name home_assistant.sensors")
    kept = {each.statistic_id: each for each in socket.statistic_ids()}
    wanted = entities_of(mapping)
    entities = [entity for entity in wanted if entity in kept]
    missing = [entity for entity in wanted if entity not in kept]
    if not entities:
        message = f"Home Assistant keeps no long-term statistics of {', '.join(missing)}"
        raise DataMissingError(message, "see Developer tools, Statistics: such a sensor needs a state_class")
    start, end = _instant(days[0], context.timezone), min(_instant(days[1] + timedelta(days=1), context.timezone), now)
    pieces = MonthlyPieces(socket, context.home / FETCHING_FOLDER / "statistics" / context.site_name, entities)
    hourly = pieces.fetch(start, end, now, _named(progress, "months"))
    fine_start = max(start, now - FINE_DAYS)
    fine = rows_of(socket.statistics(entities, fine_start, end, "5minute") if fine_start < end else {})
    units = {entity: _unit(kept[entity].unit_class, kept[entity].statistics_unit_of_measurement) for entity in entities}
    exports = exports_of(hourly, fine, units, _NAME)
    present = {entity for export in exports for entity in export.entities}
    if not present:
        message = f"Home Assistant has no statistics from {days[0]} to {days[1]}"
        raise DataMissingError(message, "name days on which its sensors existed: --from DAY --to DAY")
    report = import_exports(
        ImportTarget.of(context),
        exports,
        mapping=mapping_of_known(mapping, present),
        now=now,
        source=_NAME,
        progress=_named(progress, "days"),
    )
    pieces.forget()
    notes = [
        f"{entity}: Home Assistant keeps no long-term statistics of it, so it is not fetched" for entity in missing
    ]
    notes += [f"{entity}: no statistics of these days" for entity in entities if entity not in present]
    return FetchedReadings(first_day=days[0], last_day=days[1], report=report, notes=tuple(notes))


def _unit(unit_class: str | None, unit: str | None) -> str:
    """Return the unit in which statistics come: energies and powers are asked for in one unit."""
    return {"energy": _ENERGY_UNIT, "power": _POWER_UNIT}.get(unit_class or "", unit or "")


def _named(progress: Progress | None, name: str) -> Callable[[int, int], None] | None:
    """Return a progress that says what it counts."""
    return None if progress is None else lambda done, total: progress(name, done, total)


def _instant(day: date, timezone: str) -> datetime:
    """Return the beginning of a local day."""
    return datetime.combine(day, time(), zone(timezone)).astimezone(UTC)
