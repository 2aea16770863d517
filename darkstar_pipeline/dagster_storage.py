"""The name under which version 0.1 wrote Dagster's storage into `dagster.yaml`; kept for one release.

Darkstar rewrites the files that it wrote. A `dagster.yaml` that a person has taken over keeps the old name: change its
`storage.custom.module` to `darkstar_pipeline.orchestration.batched_storage`.
"""

import warnings


def __getattr__(name: str) -> object:
    """Return what the new module has of that name, and say where it is now."""
    from darkstar_pipeline.orchestration import batched_storage

    if name != batched_storage.BatchedSqliteStorage.__name__:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    message = f"change storage.custom.module in dagster.yaml from {__name__} to {batched_storage.__name__}"
    warnings.warn(message, FutureWarning, stacklevel=2)
    return batched_storage.BatchedSqliteStorage
