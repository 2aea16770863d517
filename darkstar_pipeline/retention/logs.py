"""Logs that other programs append to: the older half of one that is too long goes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from darkstar_pipeline.retention.kinds import size_of
from darkstar_pipeline.retention.rules import Item, Rule
from darkstar_pipeline.state.folder_names import LOGS_FOLDER, SERVICE_FOLDER
from darkstar_pipeline.state.log_files import shorten_log


@dataclass(frozen=True, kw_only=True)
class LongLogs:
    """Log files that are too long.

    Attributes:
        home: the state folder.
        most_bytes: size from which on a log is shortened [B].
        rule: says the setting.
    """

    home: Path
    most_bytes: int
    rule: Rule
    name: str = "logs"
    batch: int = 1

    @property
    def folders(self) -> Sequence[Path]:
        """All logs, also those that are not too long."""
        return [*self._logs(), *(path.with_name(f"{path.name}.1") for path in self._logs())]

    def items(self) -> list[Item]:
        """Return an item a log that is too long; what goes of it is its size less what is kept of its end."""
        sizes = {path: size_of(path) for path in self._logs()}
        return [
            Item(name=str(path), at=datetime.fromtimestamp(0, UTC), size=size - self.most_bytes // 2)
            for path, size in sizes.items()
            if size > self.most_bytes
        ]

    def remove(self, items: Sequence[Item]) -> None:
        """Shorten logs."""
        for item in items:
            shorten_log(Path(item.name), self.most_bytes)

    def _logs(self) -> list[Path]:
        """Return the logs of the pages' programs and of guards."""
        return sorted([*(self.home / LOGS_FOLDER).glob("*.log"), *(self.home / SERVICE_FOLDER).glob("*/*.log")])
