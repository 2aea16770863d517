"""Private name of Dagster that hands a backfill over: only its page and GraphQL make one by public ways.

- `PartitionBackfill`: a backfill as Dagster's daemon takes it. A command needs no server for it.

Apart from `dagster_internals`, since loading the definitions need not import it; that module says how a change of
Dagster is noticed.
"""

from dagster._core.execution.backfill import PartitionBackfill

__all__ = ["PartitionBackfill"]
