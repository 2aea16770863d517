"""The ledger of what is broken, and who was told of it: a small file a site, written whole, so that nothing repeats."""

import logging
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from darkstar_pipeline.state.atomic_files import atomic_write
from darkstar_pipeline.state.folder_names import FETCHING_FOLDER
from planner.artifacts.atomic_files import make_folder

_log = logging.getLogger(__name__)


class Trouble(BaseModel):
    """Something that is broken, or that is mended and not everybody knows it.

    Attributes:
        cause: name of the check that found it.
        since: instant of the first look that found it.
        detail: what the last look found.
        remedy: what to do.
        mended_at: instant of the first look that found it mended; None while it is broken.
        told: names of the channels that know it is broken.
    """

    model_config = ConfigDict(frozen=True)

    cause: str
    since: datetime
    detail: str
    remedy: str = ""
    mended_at: datetime | None = None
    told: tuple[str, ...] = ()


_SHAPE = TypeAdapter(list[Trouble])


def ledger_file(home: Path, site: str) -> Path:
    """Return the ledger of a site."""
    return home / FETCHING_FOLDER / f"notifications_{site}.json"


def read_ledger(path: Path) -> dict[str, Trouble]:
    """Return the troubles by cause; none, with a warning, where the file cannot be read."""
    try:
        troubles = _SHAPE.validate_json(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValidationError):
        _log.warning("%s cannot be read: what is broken is told anew", path)
        return {}
    return {trouble.cause: trouble for trouble in troubles}


def write_ledger(path: Path, troubles: dict[str, Trouble]) -> None:
    """Replace the ledger."""
    make_folder(path.parent)
    with atomic_write(path) as temporary:
        temporary.write_bytes(_SHAPE.dump_json(list(troubles.values()), indent=1))
