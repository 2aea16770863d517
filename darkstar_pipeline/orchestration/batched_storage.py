"""Dagster's own SQLite storage, with the events of many partitions written in one go.

A single-run backfill plans and materializes every day of every asset, two events each. Dagster's SQLite storage writes
an event by itself: two databases, five connections opened and closed, SQL compiled anew on each, several syncs to disk.
Dagster hands the events of a partition range over in batches when `DAGSTER_EVENT_BATCH_SIZE` is set, but that storage
unpacks them again. Here a batch is one transaction a database.

Measured, one run of 325 days x 9 assets (2 925 planned and 2 925 materialized events) on two cores, Dagster 1.13.27:

    default storage                              32 - 50 s   11 - 17 ms a day and asset
    default storage, planned events as one subset    17.6 s     6.0  ms
    ephemeral instance, nothing on disk               5.9 s     2.0  ms
    this storage                                      1.6 s     0.54 ms

The same as a backfill from the page of a running `dagster dev`, in-process executor: 22.6 s of run time, 1.1 s with
this storage (90 s and 60 s from click to done; the rest is the daemon's polling). A process that watches the run's log
slows the default storage further, to 24 ms a day and asset; this one to 1.3 ms.

Everything else is inherited, on purpose: file layout, schema, migrations, locking between processes, and log watching.
The last relies on connections being closed after use, which carries the write-ahead log into the watched file; caching
connections, the other way to be fast, would blind it. A home may be switched to this storage and back at any time.

Switched on in `dagster.yaml`; naming no path, it lets a home be moved:

    storage:
      custom:
        module: darkstar_pipeline.orchestration.batched_storage
        class: BatchedSqliteStorage
        config:
          base_dir: {env: DAGSTER_HOME}

What stays out: where the home is, how runs are launched, which runs are deleted and when (`retention`).
"""

import os
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Self

from filelock import FileLock
from sqlalchemy.engine import Connection

from darkstar_pipeline.orchestration.dagster_storage_internals import (
    ASSET_EVENTS,
    AssetCheckExecutionsTable,
    ConfigurableClassData,
    DagsterSqliteStorage,
    EventLogEntry,
    SqlEventLogStorageTable,
    SqliteEventLogStorage,
    SqliteStorageConfig,
)

BATCH_SIZE_VARIABLE = "DAGSTER_EVENT_BATCH_SIZE"
# Nearly three years of days. A batch holds the index database's write lock for about 0.2 ms an event, others wait 30 s.
DEFAULT_BATCH_SIZE = 1000
OPENING_TIMEOUT_SECONDS = 60  # creating the databases takes 0.3 s


class BatchedSqliteEventLogStorage(SqliteEventLogStorage):
    """Dagster's event log in SQLite, a batch of asset events being one transaction in each of its two databases."""

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events in order, those about assets together, others one by one as Dagster does.

        A process killed in between leaves whole batches only, at worst one in the run's log that the index lacks:
        these days count as not materialized, as they would between the two writes of Dagster's own storage.

        Args:
            events: Events of one step or of a run's plan, in the order they happened.
        """
        for (run_id, event_type), group in groupby(events, key=_run_and_type):
            if event_type in ASSET_EVENTS:
                self._store_asset_events(run_id, list(group))
                continue
            for event in group:
                self.store_event(event)

    def delete_events(self, run_id: str) -> None:
        """Delete the events of a run, and what Dagster leaves behind of them.

        That is the file that held them, at its full size, and the results of the run's asset checks, 2 KB each.

        Args:
            run_id: The run; it has ended.
        """
        super().delete_events(run_id)
        with self.index_connection() as connection:
            connection.execute(AssetCheckExecutionsTable.delete().where(AssetCheckExecutionsTable.c.run_id == run_id))
        for end in ("", "-wal", "-shm"):
            Path(f"{self.path_for_shard(run_id)}{end}").unlink(missing_ok=True)

    def _store_asset_events(self, run_id: str, events: Sequence[EventLogEntry]) -> None:
        """Write asset events of one type to the run's database, then to the index of all runs.

        Args:
            run_id: The run, empty for events outside any.
            events: At least one event, all of one run and one type.
        """
        rows = [self._event_to_row(event) for event in events]
        with self.run_connection(run_id) as connection:
            connection.execute(SqlEventLogStorageTable.insert(), rows)
        with self.index_connection() as connection:
            # The insert comes first: a transaction that begins by reading cannot wait for another process's write.
            event_ids = list(_insert_one_by_one(connection, rows))
            self._store_asset_event_tags(connection, events, event_ids)
            # An asset has one row, which every event overwrites: only its last one matters.
            newest = {event.get_dagster_event().asset_key: number for number, event in enumerate(events)}
            for number in newest.values():
                self._store_asset_event(connection, events[number], event_ids[number])


class BatchedSqliteStorage(DagsterSqliteStorage):
    """Dagster's default storage under a base directory, with batched asset events."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        """Open the storage, creating its databases where they are missing.

        Args:
            base_dir: Usually `DAGSTER_HOME`; the files lie where Dagster's default storage puts them.
            inst_data: How Dagster built this object, for handing it to other processes.
        """
        super().__init__(base_dir, inst_data)
        self._event_log_storage = BatchedSqliteEventLogStorage(str(Path(base_dir) / "history" / "runs"))

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: SqliteStorageConfig) -> Self:
        """Build the storage from `dagster.yaml`, one process at a time, and have events handed over in batches.

        Dagster reads the batch size from the environment alone. Setting it here covers every process that opens the
        home (web server, daemon, run workers, `darkstar`) however it was started; a value set outside is respected.

        The lock is for a new home: Dagster creates its databases unguarded, and of six homes opened first by four
        processes at once three stayed broken for good ("more than one head present").

        Args:
            inst_data: How Dagster built this object.
            config_value: The `config` block, `base_dir` resolved.

        Returns:
            The opened storage.

        Raises:
            filelock.Timeout: Another process has been opening the home for a minute.
        """
        os.environ.setdefault(BATCH_SIZE_VARIABLE, str(DEFAULT_BATCH_SIZE))
        base_dir = Path(config_value["base_dir"])
        base_dir.mkdir(parents=True, exist_ok=True)
        with FileLock(base_dir / ".opening.lock", timeout=OPENING_TIMEOUT_SECONDS, fallback_to_soft=False):
            return cls.from_local(inst_data=inst_data, **config_value)


def _run_and_type(event: EventLogEntry) -> tuple[str, object]:
    """Tell which run an event belongs to and what kind it is."""
    return event.run_id, event.dagster_event_type


def _insert_one_by_one(connection: Connection, rows: Sequence[dict[str, object]]) -> Iterator[int]:
    """Insert event rows, one statement each, to learn their ids without `RETURNING` (SQLite 3.35; no faster, measured).

    Args:
        connection: To the index database, in a transaction.
        rows: Column values of `event_logs`.

    Yields:
        The id of each row.
    """
    insert = SqlEventLogStorageTable.insert()
    for row in rows:
        yield connection.execute(insert, row).lastrowid
