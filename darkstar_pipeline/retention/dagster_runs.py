"""Runs of Dagster that have ended, with their events: removed through Dagster's own `delete_run`.

Dagster then shows the days of a removed run as never materialized; the lake has them, and nothing here asks Dagster.
Runs are those of whatever storage `dagster.yaml` names; of any but SQLite nobody can say what a run takes: 0 bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

from darkstar_pipeline.errors import OutsideServiceError
from darkstar_pipeline.orchestration.instance import dagster_folder, open_instance, other_storage
from darkstar_pipeline.retention.kinds import by_last_change, size_of
from darkstar_pipeline.retention.rules import Item, Rule

if TYPE_CHECKING:
    from dagster import DagsterInstance, RunRecord

RUNS_FOLDER = Path("history") / "runs"
INDEX = "index"
_PAGE = 500


@dataclass(frozen=True, kw_only=True)
class DagsterRuns:
    """Runs of Dagster that have ended.

    Attributes:
        home: the state folder.
        rule: how many are kept.
    """

    home: Path
    rule: Rule
    name: str = "dagster"
    batch: int = 5

    @property
    def folders(self) -> Sequence[Path]:
        """Dagster's folder."""
        return (dagster_folder(self.home),)

    def items(self) -> list[Item]:
        """Return ended runs, and what a killed removal left of one.

        Raises:
            OutsideServiceError: Dagster's store cannot be read.
            ConfigurationError: its `dagster.yaml` cannot.
        """
        folder = dagster_folder(self.home)
        elsewhere = other_storage(folder)
        if not elsewhere and not (folder / "history").is_dir():
            return []
        try:
            with open_instance(self.home) as instance:
                records = _records(instance)
        except Exception as error:  # of Dagster, SQLAlchemy or SQLite; told as one of ours
            raise _refused(error) from error
        known = {record.dagster_run.run_id for record in records}
        files = () if elsewhere else (folder / RUNS_FOLDER).glob("*.db")
        shards = {path.stem: path for path in files if path.stem != INDEX}
        shared = sum(size_of(path) for path in (folder / RUNS_FOLDER / f"{INDEX}.db", folder / "history" / "runs.db"))
        total = sum(size_of(path) for path in shards.values())

        def size(run_id: str) -> int:
            own = size_of(shards[run_id]) if run_id in shards else 0
            return own + (shared * own // total if total else 0)

        items = [
            Item(
                name=record.dagster_run.run_id,
                at=record.create_timestamp.astimezone(UTC),
                size=size(record.dagster_run.run_id),
                needed="" if record.dagster_run.is_finished else "it has not ended",
            )
            for record in records
        ]
        left = [(run_id, path) for run_id, path in shards.items() if run_id not in known]
        return items + [Item(name=run_id, at=by_last_change(path), size=size(run_id)) for run_id, path in left]

    def remove(self, items: Sequence[Item]) -> None:
        """Delete runs and their events; one that has begun again meanwhile stays.

        Raises:
            OutsideServiceError: Dagster's store cannot be written to.
        """
        try:
            with open_instance(self.home) as instance:
                for item in items:
                    run = instance.get_run_by_id(item.name)
                    if run is None or run.is_finished:
                        instance.delete_run(item.name)
        except Exception as error:  # as above
            raise _refused(error) from error


def _records(instance: "DagsterInstance") -> list["RunRecord"]:
    """Return the records of all runs."""
    records: list[RunRecord] = []
    while True:
        cursor = records[-1].dagster_run.run_id if records else None
        page = instance.get_run_records(limit=_PAGE, cursor=cursor)
        records.extend(page)
        if len(page) < _PAGE:
            return records


def _refused(error: Exception) -> OutsideServiceError:
    """Return an error of Dagster's store, which raises those of its database, its files and its own."""
    message = f"Dagster's store refused: {' '.join(str(error).split())[:300]}"
    return OutsideServiceError(message, "`darkstar doctor` says what is wrong with it")


def databases(home: Path) -> list[Path]:
    """Return Dagster's own databases that all runs share, in which removed runs leave free pages."""
    folder = dagster_folder(home)
    return [folder / RUNS_FOLDER / f"{INDEX}.db", folder / "history" / "runs.db", folder / "schedules" / "schedules.db"]
