"""Gusts and thunder of the last forecast, kept as a small document beside the lake: they warn, and train nothing."""

from datetime import datetime
from pathlib import Path

import polars as pl
from pydantic import BaseModel, ConfigDict, ValidationError

from darkstar_pipeline.state.atomic_files import atomic_write
from darkstar_pipeline.state.folder_names import FETCHING_FOLDER
from planner.artifacts.atomic_files import make_folder
from planner.care.storms import StormHour


class StormForecast(BaseModel):
    """Gusts and thunder of a forecast.

    Attributes:
        source: service that made it.
        known_at: when it was received.
        hours: its hours, ascending.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    known_at: datetime
    hours: tuple[StormHour, ...]


def keep_storms(home: Path, site: str, source: str, storms: pl.DataFrame, known_at: datetime) -> None:
    """Keep the gusts and thunder of a forecast, if it says anything of them, in the place of those before.

    Args:
        home: the state folder.
        site: name of the site.
        source: service that made the forecast.
        storms: `at, gust_ms, thunder`: of the hour that ends then.
        known_at: when it was received.

    Raises:
        ConfigurationError: the disk does not take it.
    """
    if storms.is_empty():
        return
    hours = tuple(StormHour(**row) for row in storms.rename({"at": "ends"}).to_dicts())
    path = _path(home, site)
    make_folder(path.parent)
    with atomic_write(path) as temporary:
        document = StormForecast(source=source, known_at=known_at, hours=hours)
        temporary.write_text(document.model_dump_json(indent=1), encoding="utf-8")


def kept_storms(home: Path, site: str) -> StormForecast | None:
    """Return the last gusts and thunder; None where there are none, or they cannot be read: the next fetch mends it."""
    try:
        return StormForecast.model_validate_json(_path(home, site).read_bytes())
    except (OSError, ValidationError):
        return None


def _path(home: Path, site: str) -> Path:
    return home / FETCHING_FOLDER / f"storms_{site}.json"
