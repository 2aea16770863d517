"""A real Home Assistant that has recorded a home: its sensors, and statistics of years in its own database.

Home Assistant is told each sensor by one statistic over its own interface; the rest is written where it keeps them.
"""

import sqlite3
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fault_injection.real_home_assistant import RealHomeAssistant
from benchmarks.recorded_home.statistics_home import FINE_HOURS, StatisticsHome
from darkstar_pipeline.home_assistant_api.connection import Connection

_WAIT_SECONDS = 30.0
DATABASE = "home-assistant_v2.db"


@contextmanager
def recorded_assistant(folder: Path, home: StatisticsHome) -> Generator[RealHomeAssistant]:
    """Run a Home Assistant that has a home's sensors and statistics."""
    assistant = RealHomeAssistant(folder)
    configuration = folder / "configuration.yaml"
    text = configuration.read_text()
    sensors = "".join(_sensor(entity) for entity in home.sensors.values() if entity != "sensor.battery_soc")
    configuration.write_text(text.replace("logger:", f"{sensors}logger:"))
    try:
        assistant.start()
        _introduce(assistant, home)
        _record(folder / DATABASE, home)
        yield assistant
    finally:
        assistant.kill()


def _sensor(entity: str) -> str:
    """A template sensor, as configuration."""
    name = entity.removeprefix("sensor.").replace("_", " ")
    return (
        f"      - name: {name}\n        unit_of_measurement: kWh\n        device_class: energy\n"
        '        state_class: total_increasing\n        state: "{{ 1000 }}"\n'
    )


def _introduce(assistant: RealHomeAssistant, home: StatisticsHome) -> None:
    """Tell Home Assistant one statistic of each sensor, so that it knows the sensor."""
    connection = Connection(assistant.url, assistant.token, ca_file=None, seconds=10)
    try:
        for number, entity in enumerate(home.sensors.values(), start=1):
            counts = home.counts(entity)
            metadata = {
                "has_mean": not counts,
                "has_sum": counts,
                "name": None,
                "source": "recorder",
                "statistic_id": entity,
                "unit_of_measurement": "kWh" if counts else "%",
            }
            row = {"start": home.start.isoformat(), **({"sum": 0.0, "state": 0.0} if counts else {"mean": 50.0})}
            connection.send({"id": number, "type": "recorder/import_statistics", "metadata": metadata, "stats": [row]})
            answer = connection.receive(time.monotonic() + _WAIT_SECONDS)
            if not answer.get("success"):
                raise RuntimeError(answer)
    finally:
        connection.close()


def _record(database: Path, home: StatisticsHome) -> None:
    """Write all statistics into the database, once Home Assistant has written the first of them."""
    deadline = time.monotonic() + _WAIT_SECONDS
    with closing(sqlite3.connect(database, timeout=30)) as connection:
        while len(known := _known(connection, home)) < len(home.sensors) and time.monotonic() < deadline:
            time.sleep(0.1)
        for quantity, entity in home.sensors.items():
            for table, minutes in (("statistics", 60), ("statistics_short_term", 5)):
                rows = _rows(home, quantity, entity, minutes)
                connection.execute(f"DELETE FROM {table} WHERE metadata_id = ?", (known[entity],))  # noqa: S608 - ours
                columns = "created_ts, metadata_id, start_ts, mean, min, max, state, sum"
                insert = f"INSERT INTO {table} ({columns}) VALUES (?, {known[entity]}, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - ours
                connection.executemany(insert, rows)
        connection.commit()


def _known(connection: sqlite3.Connection, home: StatisticsHome) -> dict[str, int]:
    """The numbers of the sensors of which Home Assistant has stored a statistic."""
    query = "SELECT DISTINCT m.statistic_id, m.id FROM statistics_meta m JOIN statistics s ON s.metadata_id = m.id"
    return {name: number for name, number in connection.execute(query) if name in home.sensors.values()}


def _rows(home: StatisticsHome, quantity: str, entity: str, minutes: int) -> list[tuple[Any, ...]]:
    """The rows of a sensor in the columns of Home Assistant's tables."""
    parts = 60 // minutes
    hours = home.flows[quantity]
    kept = max(0, len(hours) - FINE_HOURS) if parts > 1 else 0
    level = np.repeat(hours, parts)
    total = np.cumsum(level / parts)
    at = home.start.timestamp() + 60 * minutes * np.arange(len(level))
    rows: list[tuple[Any, ...]] = []
    for number in range(kept * parts, len(level)):
        now = float(at[number])
        if home.counts(entity):
            rows.append((now, now, None, None, None, float(total[number]) + 1000, float(total[number])))
        else:
            value = float(level[number])
            rows.append((now, now, value, value, value, None, None))
    return rows
