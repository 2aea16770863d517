"""Reads the home from Home Assistant or a broker: the present state of charge, and once a slot what was told since.

Recorded states go through the same reader and merge as an imported file, which handles duplicates, late and disordered
states, counters that reset, W beside kW and repeated lists of prices. Nothing here holds up planning: a failure is
reported and retried.
"""

import json
import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from darkstar_pipeline.config.home_assistant import HomeAssistantSensors
from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import DarkstarError, DataMissingError, DataRefusedError
from darkstar_pipeline.home_assistant_api.failures import HomeAssistantError
from darkstar_pipeline.ingest.home_assistant import import_home_assistant
from darkstar_pipeline.ingest.report import ImportReport
from darkstar_pipeline.ingest.target import ImportTarget
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.home_assistant.believable_soc import BelievableSoc, Level
from darkstar_pipeline.service.schemas.health import Component
from darkstar_pipeline.sources.home_assistant.formats.window_starts import WindowStarts
from darkstar_pipeline.sources.home_assistant.naming.configured_sensors import (
    configured_mapping,
    entities_of,
    mapping_of_known,
)
from darkstar_pipeline.warehouse.schemas import METER_READINGS
from env.time_grid import SLOT, slot_of, zone

MAX_LOOKBACK = timedelta(hours=48)
"""Period of the first fetch, and the longest after Home Assistant was away; `darkstar import ha` reads older states."""
OVERLAP = timedelta(hours=1)
"""Period that every fetch repeats, for states that arrived late and slots that were incomplete."""
RECORDER_DELAY = timedelta(seconds=20)
"""Wait after the end of a slot: the recorder writes a state some seconds after it arrived."""
RETRY = timedelta(minutes=1)
MAX_SILENCE = timedelta(hours=4)
"""Period of the longest window in which no sensor of a home has anything to say, its hour of overlap included."""
REFUSED_SECONDS = 60.0
"""Pause where the token is not accepted: Home Assistant may ban who tries it too often [s]."""
STUCK_SECONDS = 300.0
"""A feed that has completed no look for so long is stuck; fetching and importing two days takes some seconds."""
_NOT_TAKEN = ("rows were refused", "are not believed")
"""Words of an import's notes on what it left out."""
_ABSENT = ("unavailable", "unknown", "none", "")
_log = logging.getLogger(__name__)


class StateReader(Protocol):
    """A source of Home Assistant's states; raises `OutsideServiceError` where Home Assistant does not answer."""

    def state(self, entity: str) -> Mapping[str, Any] | None:
        """Return the state of an entity with its attributes and timestamps; None where there is no such entity."""
        ...

    def history(self, entities: Sequence[str], since: datetime, until: datetime) -> list[Any]:
        """Return the recorded states of entities, one list each, as `/api/history/period` returns them."""
        ...


@dataclass(frozen=True, kw_only=True)
class FeedSource:
    """The source of a feed in words.

    Attributes:
        sensors: what is read of the home.
        component: name of the feed among the service's components.
        speaker: who tells of the sensors.
        settings: where they are configured.
    """

    sensors: HomeAssistantSensors
    component: str = "home_assistant"
    speaker: str = "Home Assistant"
    settings: str = "home_assistant.sensors"


class HomeFeed:
    """Reads a home in a thread of its own.

    Args:
        context: the site and its lake.
        clock: the service's clock.
        client: reads the states.
        source: what is read; None for the sensors of Home Assistant.
    """

    def __init__(
        self, context: Context, *, clock: Clock, client: StateReader, source: FeedSource | None = None
    ) -> None:
        self._context, self._clock, self._client = context, clock, client
        self._source = source or FeedSource(sensors=context.site_settings.home_assistant.sensors)
        self._sensors = self._source.sensors
        self._soc = BelievableSoc(context.site.battery)
        self._seeded = self._soc_is_absent = self._is_refused = False
        self._problems: dict[str, str] = {}
        self._refused: dict[str, str] = {}
        self._fetched_to: datetime | None = None
        self._starts = WindowStarts()
        self._next_sync: datetime | None = None
        self._looked: float | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def reads_battery(self) -> bool:
        """Return whether it reads the state of charge."""
        return self._sensors.soc is not None

    def start(self) -> None:
        """Start reading."""
        self._looked = self._clock.monotonic()
        self._thread = threading.Thread(target=self._run, name="home feed", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop reading."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def soc(self) -> tuple[float, datetime] | None:
        """Return the state of charge that was read last [%], and when the sensor last reported it; without a request.

        None where the sensor is missing or unavailable. A level that the battery cannot have reached is not taken: the
        last believable one stays, with its age. The caller decides whether it is too old.
        """
        level = self._soc.level
        return None if level is None or self._soc_is_absent else (level.percent, level.at)

    def status(self) -> Component:
        """Return the state of the feed as a component of the service."""
        problems = "; ".join(f"{name}: {problem}" for name, problem in sorted(self._problems.items()))
        note = "; ".join(part for part in (problems, *self._refused.values()) if part)
        if self._looked is None:
            return Component(name=self._source.component, ok=not problems, note=note)
        quiet = max(self._clock.monotonic() - self._looked, 0.0)
        if quiet > STUCK_SECONDS:
            problems = note = f"{self._source.speaker} has not been looked at for {quiet:.0f} s"
        return Component(name=self._source.component, ok=not problems, note=note, age_seconds=round(quiet, 1))

    def _run(self) -> None:
        """Poll until stopped."""
        pause = self._context.site_settings.service.poll_seconds
        while not self._stop.is_set():
            self.poll()
            if self._due():
                self.sync()
            self._looked = self._clock.monotonic()
            self._stop.wait(max(pause, REFUSED_SECONDS) if self._is_refused else pause)

    def poll(self) -> None:
        """Read the state of charge."""
        entity = self._sensors.soc
        if entity is None:
            return
        with self._problems_of("soc"):
            self._take_soc(entity, parse_soc(self._state(entity), entity))

    def _state(self, entity: str) -> Mapping[str, Any] | None:
        """Return the state of an entity, and remember whether the token was accepted."""
        try:
            state = self._client.state(entity)
        except HomeAssistantError as error:
            self._is_refused = error.cause == "refused"
            raise
        self._is_refused = False
        return state

    def _take_soc(self, entity: str, read: tuple[float, datetime] | None) -> None:
        """Take a state of charge if the battery can have got there from the last one, live or stored.

        Raises:
            DataRefusedError: it cannot; the last believable one stays.
        """
        self._soc_is_absent = read is None
        if read is None:
            return
        if not self._seeded:
            self._soc.seed(self._stored_soc(), self._clock.now())
            self._seeded = True
        if refused := self._soc.take(*read, self._clock.now()):
            raise DataRefusedError(f"{entity} {refused}", "check the sensor and the battery's powers in darkstar.yaml")

    def _problems_of(self, what: str) -> "_ProblemsOf":
        """Return what keeps the error of a step."""
        return _ProblemsOf(self._problems, what, self._source.speaker)

    def _stored_soc(self) -> Level | None:
        """Return the last state of charge among the readings of yesterday and today; None where there is none."""
        today = self._clock.now().astimezone(zone(self._context.timezone)).date()
        lake, site = self._context.lake, self._context.site_name
        readings = lake.read(METER_READINGS, site, today - timedelta(days=1), today)
        known = readings.select("slot_start", "soc_end_percent").drop_nulls()
        if known.is_empty():
            return None
        start, percent = known.sort("slot_start").row(-1)
        return Level(float(percent), start + SLOT)

    def _due(self) -> bool:
        """Return whether a slot has begun since the last fetch."""
        now = self._clock.now()
        if self._next_sync is None or self._next_sync - now > SLOT + RECORDER_DELAY:
            return True  # the first time; or the clock was set back
        return now >= self._next_sync

    def sync(self) -> list[ImportReport]:
        """Import the states recorded since the last time, and the prices, into the lake.

        Returns:
            A report of each import; none where it failed, which `status` reports.
        """
        now = self._clock.now()
        reports: list[ImportReport] = []
        with self._problems_of("readings"):
            reports += self._sync_readings(now)
        with self._problems_of("prices"):
            reports += self._sync_prices(now)
        failed = self._problems.keys() & {"readings", "prices"}
        self._next_sync = now + RETRY if failed else slot_of(now) + SLOT + RECORDER_DELAY
        return reports

    def _sync_readings(self, now: datetime) -> list[ImportReport]:
        """Fetch and import the states of the sensors."""
        columns = configured_mapping(self._sensors)
        if not columns:
            return []
        entities = entities_of(columns)
        if self._fetched_to is not None and self._fetched_to > now:
            self._fetched_to = None  # the clock was ahead and was set back: what came since is not known
        since = slot_of(max(self._fetched_to - OVERLAP, now - MAX_LOOKBACK) if self._fetched_to else now - MAX_LOOKBACK)
        answered = [states for states in self._client.history(entities, since, now) if any(map(_is_known, states))]
        lists = self._starts.placed(answered, since)
        recorded = {str(states[0].get("entity_id")) for states in lists}
        if not recorded:
            raise self._silent("the sensors")
        if not WindowStarts.has_news(lists, since):
            if now - since > MAX_SILENCE:
                raise self._silent(f"the sensors since {since:%Y-%m-%d %H:%MZ}")
            return []
        report = self._imported(
            f"{self._source.component}_history.json", lists, mapping_of_known(columns, recorded), now
        )
        self._tell_refused("readings", report)
        self._fetched_to = now
        if missing := sorted(set(entities) - recorded):
            raise self._silent(", ".join(missing))
        return [report]

    def _silent(self, sensors: str) -> DataMissingError:
        """Return the error of sensors of which nothing is known."""
        message = f"{self._source.speaker} has recorded no state of {sensors}"
        return DataMissingError(message, f"check {self._source.settings}")

    def _sync_prices(self, now: datetime) -> list[ImportReport]:
        """Fetch and import the lists of the price sensor."""
        entity = self._sensors.price
        if entity is None:
            return []
        state = self._state(entity)
        if state is None or str(state.get("state")).lower() in _ABSENT:
            raise DataMissingError(f"{entity} has no state", "check home_assistant.sensors.price")
        listed = {"entity_id": entity, "state": state.get("state"), "attributes": state.get("attributes")}
        report = self._imported("home_assistant_prices.json", listed, {}, now)
        self._tell_refused("prices", report)
        return [report]

    def _tell_refused(self, what: str, report: ImportReport) -> None:
        """Keep what the last import did not believe for the status, and log it when it is new."""
        refused = "; ".join(note for note in report.notes if any(words in note for words in _NOT_TAKEN))
        if refused and refused != self._refused.get(what):
            _log.warning("%s, %s: %s", self._source.speaker, what, refused)
        self._refused[what] = refused

    def _imported(self, name: str, document: object, mapping: Mapping[str, str], now: datetime) -> ImportReport:
        """Import a document as a file that a person imports."""
        with TemporaryDirectory(prefix="darkstar-") as folder:
            file = Path(folder) / name
            file.write_text(json.dumps(document), encoding="utf-8")
            return import_home_assistant(ImportTarget.of(self._context), [file], mapping=mapping, now=now)


class _ProblemsOf:
    """A context that keeps the error of its block under a name, until the block succeeds again.

    Args:
        problems: problems by name.
        name: what the block does.
        speaker: who tells of the sensors, for the log.
    """

    def __init__(self, problems: dict[str, str], name: str, speaker: str) -> None:
        self._problems, self._name, self._speaker = problems, name, speaker

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        """Keep the error; let only exceptions that end the program pass."""
        if error is None:
            self._problems.pop(self._name, None)
            return False
        if not isinstance(error, Exception):
            return False
        problem = error.message if isinstance(error, DarkstarError) else f"{type(error).__name__}: {error}"
        if self._problems.get(self._name) != problem:
            _log.warning("%s, %s: %s", self._speaker, self._name, problem)
        self._problems[self._name] = problem
        return True


def _is_known(state: Mapping[str, Any]) -> bool:
    """Return whether a state says anything: a sensor that was away all the time must not keep the others out."""
    return str(state.get("state", "")).strip().lower() not in _ABSENT


def parse_soc(state: Mapping[str, Any] | None, entity: str) -> tuple[float, datetime] | None:
    """Return the state of charge in a state of Home Assistant [%], and when the sensor last reported it.

    `last_reported` moves with every message of a sensor, `last_updated` only with a changed one, so a full battery
    whose sensor still reports does not look stale.

    Args:
        state: the entity's state; None where there is no such entity.
        entity: the entity's id, for messages.

    Returns:
        None where the state is unavailable or unknown.

    Raises:
        DataMissingError: there is no such entity.
        DataRefusedError: the state is not a percentage with a time.
    """
    if state is None:
        raise DataMissingError(f"Home Assistant has no entity {entity}", "check home_assistant.sensors.soc")
    text = str(state.get("state", "")).strip()
    if text.lower() in _ABSENT:
        return None
    attributes: Mapping[str, Any] = state.get("attributes") or {}
    unit = attributes.get("unit_of_measurement", "%")
    if unit != "%":
        raise DataRefusedError(f"{entity} is in {unit}, not in %", "name a sensor of the state of charge in %")
    try:
        percent = float(text)
        reported_at = datetime.fromisoformat(str(state.get("last_reported") or state["last_updated"]))
    except (ValueError, KeyError) as error:
        raise DataRefusedError(f"{entity} has the state {text!r:.40}, which is not a percentage with a time") from error
    if not 0.0 <= percent <= 100.0 or reported_at.tzinfo is None:  # noqa: PLR2004 - percent
        raise DataRefusedError(f"{entity} has the state {text!r:.40}, which is not a percentage with a time")
    return percent, reported_at
