"""Home Assistant exports to import in tests."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.ingest.home_assistant import import_home_assistant
from darkstar_pipeline.ingest.report import ImportReport
from darkstar_pipeline.ingest.target import ImportTarget
from darkstar_pipeline.sources.home_assistant.export_reader import HomeAssistantData, read_exports
from darkstar_pipeline.sources.home_assistant.formats.exports import read_export
from darkstar_pipeline.warehouse.tables import Tables

NOW = datetime(2026, 11, 22, tzinfo=UTC)
START = datetime(2026, 1, 9, 23, tzinfo=UTC)
SITE = SiteSettings.model_validate({"area": "SE4"})
HEADER = "entity_id,state,last_changed\n"


def stamp(minutes: float) -> str:
    return (START + timedelta(minutes=minutes)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def history(entity: str, states: Sequence[tuple[float, object]], *, header: bool = True) -> str:
    """History CSV of states given as (minutes, state)."""
    return (HEADER if header else "") + "".join(f"{entity},{state},{stamp(minutes)}\n" for minutes, state in states)


def counting(entity: str, per_slot: float = 0.25, slots: int = 8, start: float = 100.0, unit: float = 1.0) -> str:
    """A counter read every five minutes."""
    return history(entity, [(5 * n, round((start + per_slot * n / 3) * unit, 6)) for n in range(3 * slots + 1)])


def read(
    folder: Path, files: Mapping[str, str | bytes], mapping: Mapping[str, str] | None = None, site: SiteSettings = SITE
) -> HomeAssistantData:
    paths: list[Path] = []
    for name, content in files.items():
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        paths.append(path)
    exports = [read_export(path) for path in paths]
    return read_exports(exports, site=site, mapping={} if mapping is None else mapping, now=NOW)


def import_files(
    lake: Tables,
    quarantine_dir: Path,
    files: Sequence[Path],
    *,
    mapping: Mapping[str, str] | None = None,
    now: datetime = NOW,
) -> ImportReport:
    target = ImportTarget(lake=lake, quarantine_dir=quarantine_dir, site_name="home", site=SITE)
    return import_home_assistant(target, files, mapping={} if mapping is None else mapping, now=now)


def column(data: HomeAssistantData, name: str) -> list[float]:
    return [round(value, 9) for value in data.readings[name].to_list()]


FORECAST_SOLAR = json.dumps({"2025-10-15 07:41:06": 0, "2025-10-15 07:45:00": 5})
WEATHER = "weather.met_no:\n  forecast:\n    - condition: cloudy\n"
NORD_POOL = {
    "region": "SE4",
    "currency": "SEK",
    "unit": "kWh",
    "raw_today": [
        {"start": (START + timedelta(minutes=15 * n)).isoformat(), "end": "", "value": round(0.01 * (n % 50), 3)}
        for n in range(96)
    ],
}


def nord_pool(**changes: object) -> str:
    return json.dumps({**NORD_POOL, **changes})
