"""Reads the home from Home Assistant: the battery's state of charge now, and once a slot what was recorded since.

What was recorded goes through the same reader and the same merge as a file that a person imports, so duplicates, late
and disordered states, counters that reset, W beside kW and lists of prices that repeat are met where they always were.
Nothing here is in the way of planning: what fails is told and tried again.
"""

import json
import logging
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import DarkstarError, DataMissingError, DataRefusedError
from darkstar_pipeline.ingest.home_assistant import import_home_assistant
from darkstar_pipeline.ingest.report import ImportReport
from darkstar_pipeline.ingest.target import ImportTarget
from darkstar_pipeline.planning.known_inputs import slot_of
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.schemas import Component

FURTHEST_BACK = timedelta(hours=48)
"""What the first look fetches, and the most after Home Assistant was away: more is a person's `darkstar import ha`."""
OVERLAP = timedelta(hours=1)
"""Fetched again each time: states that came late, and slots that were not whole."""
AFTER_SLOT = timedelta(seconds=20)
"""A recorder writes what it heard some seconds later."""
RETRY = timedelta(minutes=1)
SUBJECTS = {
    "soc": "soc_percent",
    "load": "load_kwh",
    "pv": "pv_kwh",
    "grid_import": "import_kwh",
    "grid_export": "export_kwh",
    "battery_charge": "batt_charge_kwh",
    "battery_discharge": "batt_discharge_kwh",
}
"""What each configured sensor is about, in the words of `sources.ha_names`."""
_ABSENT = ("unavailable", "unknown", "none", "")
_log = logging.getLogger(__name__)


class HomeReader(Protocol):
    """Somebody who can ask Home Assistant; raises `OutsideServiceError` where it does not answer."""

    def state(self, entity: str) -> Mapping[str, Any] | None:
        """The state of an entity, attributes and instants included; None where there is no such entity."""
        ...

    def history(self, entities: Sequence[str], since: datetime, until: datetime) -> list[Any]:
        """The recorded states of entities, a list each, as `/api/history/period` gives them."""
        ...


class HomeFeed:
    """Reads a home, in a thread of its own.

    Args:
        context: the site.
        clock: what time it is.
        client: asks Home Assistant.
    """

    def __init__(self, context: Context, *, clock: Clock, client: HomeReader) -> None:
        self._context, self._clock, self._client = context, clock, client
        self._sensors = context.site_settings.home_assistant.sensors
        self._soc: tuple[float, datetime] | None = None
        self._troubles: dict[str, str] = {}
        self._fetched_to: datetime | None = None
        self._next_sync: datetime | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to read."""
        self._thread = threading.Thread(target=self._run, name="home feed", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Read no more."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def soc(self) -> tuple[float, datetime] | None:
        """State of charge as last read [%], and when Home Assistant last heard it; from memory.

        None where the sensor is not there, not available or no percentage. Whether it is too old is for the caller.
        """
        return self._soc

    def status(self) -> Component:
        """How it is."""
        troubles = "; ".join(f"{name}: {trouble}" for name, trouble in sorted(self._troubles.items()))
        return Component(name="home_assistant", ok=not troubles, note=troubles)

    def _run(self) -> None:
        """Look again and again until told to stop."""
        pause = self._context.site_settings.service.poll_seconds
        while not self._stop.is_set():
            self.look()
            if self._due():
                self.sync()
            self._stop.wait(pause)

    def look(self) -> None:
        """Read the state of charge now."""
        entity = self._sensors.soc
        if entity is None:
            return
        with _Told(self._troubles, "soc"):
            self._soc = read_soc(self._client.state(entity), entity)

    def _due(self) -> bool:
        """Whether a slot has begun since it was last fetched."""
        now = self._clock.now()
        if self._next_sync is None or self._next_sync - now > timedelta(minutes=15) + AFTER_SLOT:
            return True  # the first time; or the clock was set back
        return now >= self._next_sync

    def sync(self) -> list[ImportReport]:
        """Bring what was recorded since the last time, and the prices, into the lake.

        Returns:
            What was brought in; nothing where it failed, which `status` tells.
        """
        now = self._clock.now()
        reports: list[ImportReport] = []
        with _Told(self._troubles, "readings"):
            reports += self._sync_readings(now)
        with _Told(self._troubles, "prices"):
            reports += self._sync_prices(now)
        failed = self._troubles.keys() & {"readings", "prices"}
        self._next_sync = now + RETRY if failed else slot_of(now) + timedelta(minutes=15) + AFTER_SLOT
        return reports

    def _sync_readings(self, now: datetime) -> list[ImportReport]:
        """Fetch and merge the states of the sensors."""
        subjects = {
            entity: subject
            for name, subject in SUBJECTS.items()
            if (entity := getattr(self._sensors, name)) is not None
        }
        if not subjects:
            return []
        since = slot_of(
            max(self._fetched_to - OVERLAP, now - FURTHEST_BACK) if self._fetched_to else now - FURTHEST_BACK
        )
        lists = [states for states in self._client.history(sorted(subjects), since, now) if states]
        there = {str(states[0].get("entity_id")) for states in lists}
        if not there:
            raise DataMissingError(
                "Home Assistant has recorded no state of the sensors", "check home_assistant.sensors"
            )
        mapping = {entity: subject for entity, subject in subjects.items() if entity in there}
        report = self._merged("home_assistant_history.json", lists, mapping, now)
        self._fetched_to = now
        if missing := sorted(subjects.keys() - there):
            raise DataMissingError(f"nothing is recorded of {', '.join(missing)}", "check home_assistant.sensors")
        return [report]

    def _sync_prices(self, now: datetime) -> list[ImportReport]:
        """Fetch and merge the lists of the price sensor."""
        entity = self._sensors.price
        if entity is None:
            return []
        state = self._client.state(entity)
        if state is None or str(state.get("state")).lower() in _ABSENT:
            raise DataMissingError(f"{entity} has no state", "check home_assistant.sensors.price")
        return [self._merged("home_assistant_prices.json", {"attributes": state.get("attributes")}, {}, now)]

    def _merged(self, name: str, document: object, mapping: Mapping[str, str], now: datetime) -> ImportReport:
        """Import a document as if it were a person's file."""
        with TemporaryDirectory(prefix="darkstar-") as folder:
            file = Path(folder) / name
            file.write_text(json.dumps(document), encoding="utf-8")
            return import_home_assistant(ImportTarget.of(self._context), [file], mapping=mapping, now=now)


class _Told:
    """Whatever fails within is told under a name and forgotten once it works again.

    Args:
        troubles: what is told, by name.
        name: of what is tried.
    """

    def __init__(self, troubles: dict[str, str], name: str) -> None:
        self._troubles, self._name = troubles, name

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        """Keep the trouble; let only what ends the program through."""
        if error is None:
            self._troubles.pop(self._name, None)
            return False
        if not isinstance(error, Exception):
            return False
        trouble = error.message if isinstance(error, DarkstarError) else f"{type(error).__name__}: {error}"
        if self._troubles.get(self._name) != trouble:
            _log.warning("home assistant, %s: %s", self._name, trouble)
        self._troubles[self._name] = trouble
        return True


def read_soc(state: Mapping[str, Any] | None, entity: str) -> tuple[float, datetime] | None:
    """The state of charge that a state of Home Assistant tells [%], and when it was last heard.

    `last_reported` moves with every message of a sensor, `last_updated` only with a changed one, so a full battery that
    is still heard of does not look stale.

    Args:
        state: as Home Assistant gives it; None where there is no such entity.
        entity: its id, for messages.

    Returns:
        None where it is unavailable or unknown.

    Raises:
        DataMissingError: there is no such entity.
        DataRefusedError: it is no percentage.
    """
    if state is None:
        raise DataMissingError(f"there is no {entity}", "check home_assistant.sensors.soc")
    told = str(state.get("state", "")).strip()
    if told.lower() in _ABSENT:
        return None
    attributes: Mapping[str, Any] = state.get("attributes") or {}
    unit = attributes.get("unit_of_measurement", "%")
    if unit != "%":
        raise DataRefusedError(
            f"{entity} is in {unit}, not in %", "name the sensor that tells the state of charge in %"
        )
    try:
        percent = float(told)
        heard = datetime.fromisoformat(str(state.get("last_reported") or state["last_updated"]))
    except (ValueError, KeyError) as error:
        raise DataRefusedError(f"{entity} says {told!r:.40}, which is no percentage with a time") from error
    if not 0.0 <= percent <= 100.0 or heard.tzinfo is None:  # noqa: PLR2004 - percent
        raise DataRefusedError(f"{entity} says {told!r:.40}, which is no percentage with a time")
    return percent, heard
