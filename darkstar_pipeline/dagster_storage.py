"""The name under which version 0.1 wrote Dagster's storage into `dagster.yaml`; kept for one release.

Darkstar rewrites the files that it wrote. A `dagster.yaml` that a person has taken over keeps the old name: change its
`storage.custom.module` to `darkstar_pipeline.orchestration.batched_storage`.
"""

import warnings

from darkstar_pipeline.orchestration.batched_storage import BatchedSqliteStorage

__all__ = ["BatchedSqliteStorage"]

warnings.warn(
    "darkstar_pipeline.dagster_storage is now darkstar_pipeline.orchestration.batched_storage; "
    "change storage.custom.module in dagster.yaml",
    FutureWarning,
    stacklevel=2,
)
