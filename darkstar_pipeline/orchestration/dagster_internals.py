"""Private names of Dagster that definitions, jobs and the backfill use, and why no public one would do.

`dagster` is pinned to one release (`pyproject.toml`); `tests/darkstar_pipeline/orchestration/test_dagster_internals.py`
says in a sentence what is missing when another release has moved or changed one of these. Those of the storage stand in
`dagster_storage_internals`: importing them takes a second, which loading the definitions need not pay.

- `UnresolvedAssetJobDefinition`: the type that the public `dg.define_asset_job` returns; needed in signatures only.
- `ASSET_PARTITION_RANGE_START_TAG`, `ASSET_PARTITION_RANGE_END_TAG`: make one run cover a range of days. The page and
  backfills set them; a job that is launched from Python or by a schedule has no public way to.
- `DagsterAssetCheckFailedError`: raised by a blocking check. `dagster` exports its base class alone, and the backfill
  has to tell missing data from a fault.
- `NOOP_COMPUTE_LOGS`: the module of `NoOpComputeLogManager`, named in `dagster.yaml`, which has no public path.
"""

from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition
from dagster._core.errors import DagsterAssetCheckFailedError
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG

NOOP_COMPUTE_LOGS = "dagster._core.storage.noop_compute_log_manager"

__all__ = [
    "ASSET_PARTITION_RANGE_END_TAG",
    "ASSET_PARTITION_RANGE_START_TAG",
    "NOOP_COMPUTE_LOGS",
    "DagsterAssetCheckFailedError",
    "UnresolvedAssetJobDefinition",
]
