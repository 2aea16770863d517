"""The floor that the inverter itself keeps to (a reserve, a depth of discharge), followed where a person changes it.

A command may raise it for a while, and the default restores it. What it is then is the person's: who sets another one
while Darkstar leaves it alone means it to stay, and so does the maker before a storm.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.service.home_assistant.profiles import Write
from darkstar_pipeline.service.home_assistant.translation import Translated, Translator
from darkstar_pipeline.state.atomic_files import atomic_write
from planner.artifacts.atomic_files import make_folder

if TYPE_CHECKING:
    from darkstar_pipeline.service.schemas.plans import CommandDocument

FLOOR_FILE = "own_floor.json"
_log = logging.getLogger(__name__)


class _Floor(BaseModel):
    """A floor that a person has set, and the one of the settings that it replaces."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    configured: float
    value: float


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    floors: dict[str, _Floor] = {}


class FollowedInverter:
    """An inverter whose own floor is what the person has set last, in the settings or on the inverter.

    Args:
        translator: of the settings.
        folder: of the service.
    """

    def __init__(self, translator: Translator, folder: Path) -> None:
        self._translator = translator
        self._path = folder / FLOOR_FILE
        self._floors = _read(self._path)
        self.settles_seconds = translator.settles_seconds
        self.lacks, self.throttles = translator.lacks, translator.throttles

    def default(self) -> list[Write]:
        """Return the writes that make the inverter run its own default."""
        return self._followed(self._translator.default())

    def command(self, command: "CommandDocument") -> Translated:
        """Return the writes that carry out a command in force."""
        translated = self._translator.command(command)
        return replace(translated, writes=tuple(self._followed(translated.writes)))

    def adopt(self, write: Write, value: float) -> None:
        """Take a floor that somebody else has set as the one that the default restores."""
        configured = next(each.value for each in self._translator.default() if each.entity == write.entity)
        self._floors = {**self._floors, write.entity: _Floor(configured=float(configured), value=value)}
        try:
            make_folder(self._path.parent)
            with atomic_write(self._path) as temporary:
                temporary.write_text(_Kept(floors=self._floors).model_dump_json(indent=1), encoding="utf-8")
        except (OSError, ConfigurationError) as error:
            _log.warning("%s cannot be kept on disk: %s", self._path.name, error)
        _log.warning("%s was set to %g: the default restores that from now on", write.entity, value)

    def note(self) -> str:
        """Return which floors are others than in the settings; empty where none is."""
        floors = {write.entity: write for write in self.default() if write.floor}
        told = self._floors
        changed = [name for name in told if name in floors and floors[name].value != told[name].configured]
        return "; ".join(f"{name} was set to {told[name].value:g}: the default keeps that" for name in changed)

    def _followed(self, writes: Sequence[Write]) -> list[Write]:
        """Return writes with the floors that were set since; one that the settings have changed since is theirs."""
        floors = self._floors
        return [
            replace(write, value=floor.value)
            if write.floor and (floor := floors.get(write.entity)) is not None and floor.configured == write.value
            else write
            for write in writes
        ]


def _read(path: Path) -> dict[str, _Floor]:
    """Return the floors in a file; none where there is none, or it cannot be read: the settings hold then."""
    try:
        return _Kept.model_validate_json(path.read_bytes()).floors
    except (OSError, ValidationError):
        return {}
