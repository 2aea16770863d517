"""The days of many homes, worked on one home a shard: one that fails is left out by name, the others go on.

A training comes back to a home's days again and again. `KeptDays` reads and values them once, and keeps them as files
that every process of the machine reads; on another machine, where the folder is not, they are made anew.
"""

import logging
import pickle
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from hashlib import blake2b
from pathlib import Path
from typing import Generic, Protocol, TypeVar, cast

from env.errors import EnvError
from env.gym.episodes import Episodes
from planner.artifacts.atomic_files import atomic_file
from planner.errors import PlannerError
from planner.parallel import Progress, map_shards
from planner.value.scenario_weights import WeightRules

Answer = TypeVar("Answer")
Home = TypeVar("Home", bound="HomeDays")
_log = logging.getLogger(__name__)


class OpenedDays(Protocol):
    """The days of a home, read once for a shard."""

    def training(self, rules: WeightRules) -> Episodes:
        """Return training days with the outlook that follows from rules."""
        ...

    def validation(self, rules: WeightRules) -> Episodes:
        """Return validation days, alike."""
        ...


class HomeDays(Protocol):
    """The days of a home before they are read; it can be sent to another process.

    Attributes:
        name: name of the home.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - see the class

    def open(self) -> OpenedDays:
        """Read them.

        Raises:
            HomeDaysError: they cannot be read; the home is left out.
        """
        ...


@dataclass(frozen=True)
class Worked(Generic[Answer]):
    """Outcome of work on homes.

    Attributes:
        answers: of the homes that did not fail, by name, in their order.
        left_out: why others failed, by name.
    """

    answers: Mapping[str, Answer]
    left_out: Mapping[str, str]


@dataclass(frozen=True)
class _Failed:
    reason: str


def map_homes(
    work: Callable[[Home], Answer], homes: Sequence[Home], *, progress: Progress | None = None
) -> Worked[Answer]:
    """Work on every home; one whose days cannot be read or used is left out, and told.

    Args:
        work: as for `map_shards`.
        homes: the homes.
        progress: told after every home.
    """
    found = map_shards(partial(_attempted, work), homes, progress=progress)
    named = list(zip([home.name for home in homes], found, strict=True))
    return Worked(
        answers={name: each for name, each in named if not isinstance(each, _Failed)},
        left_out={name: each.reason for name, each in named if isinstance(each, _Failed)},
    )


def _attempted(work: Callable[[Home], Answer], home: Home) -> Answer | _Failed:
    try:
        return work(home)
    except (EnvError, PlannerError) as error:
        _log.info("home %s is left out", home.name, exc_info=error)
        return _Failed(str(error) or type(error).__name__)


@dataclass(frozen=True)
class KeptDays:
    """The days of a home, kept as files once they are made.

    Attributes:
        home: the days.
        folder: folder of the files, of all homes of a training; where it is missing nothing is kept.
    """

    home: HomeDays
    folder: Path

    @property
    def name(self) -> str:
        """Return the name of the home."""
        return self.home.name

    def open(self) -> "_KeptOpened":
        """Return the days; they are read where they are asked for and not kept yet."""
        return _KeptOpened(self.home, self.folder)


class _KeptOpened:
    """The days of a home, read from the files or made (`OpenedDays`)."""

    def __init__(self, home: HomeDays, folder: Path) -> None:
        self._home, self._folder = home, folder

    @cached_property
    def _opened(self) -> OpenedDays:
        return self._home.open()

    def training(self, rules: WeightRules) -> Episodes:
        """Return training days."""
        return self._kept("training", rules, lambda: self._opened.training(rules))

    def validation(self, rules: WeightRules) -> Episodes:
        """Return validation days."""
        return self._kept("validation", rules, lambda: self._opened.validation(rules))

    def _kept(self, part: str, rules: WeightRules, make: Callable[[], Episodes]) -> Episodes:
        path = _rules_folder(self._folder, rules) / f"{_digest(self._home.name)}-{part}"
        try:
            return cast("Episodes", pickle.loads(path.read_bytes()))  # noqa: S301 - written below
        except FileNotFoundError:
            made = make()
        if self._folder.is_dir():
            try:
                path.parent.mkdir(exist_ok=True)
                with atomic_file(path) as temporary:
                    temporary.write_bytes(pickle.dumps(made, protocol=pickle.HIGHEST_PROTOCOL))
            except OSError as error:  # a full disk: it takes longer, no more
                _log.info("days of %s are not kept", self._home.name, exc_info=error)
        return made


def keep_only(folder: Path, rules: WeightRules) -> None:
    """Remove what is kept of days by other rules."""
    for other in set(folder.iterdir()) - {_rules_folder(folder, rules)}:
        shutil.rmtree(other)


def _rules_folder(folder: Path, rules: WeightRules) -> Path:
    return folder / _digest(repr(rules))


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=8).hexdigest()
