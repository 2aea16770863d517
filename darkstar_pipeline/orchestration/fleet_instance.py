"""A fleet's part of `dagster.yaml`: a launcher of runs, limits of pools, storage on another machine."""

from importlib.util import find_spec
from typing import Any

import yaml

from darkstar_pipeline.config.fleet.runs import RunsSettings
from darkstar_pipeline.errors import ConfigurationError

_ENVIRONMENT = ("DAGSTER_HOME", "DARKSTAR_HOME", "DARKSTAR_CONFIG")
"""Variables that a run on another machine of the cluster needs, with the values that they have here."""
QUEUE = {"max_user_code_failure_retries": 3, "user_code_failure_retry_delay": 60}
"""A run whose code location does not answer in time is queued again [times, s]; Dagster itself drops it."""
_PACKAGES = {"ray": "dagster_ray", "kubernetes": "dagster_k8s"}


def fleet_config(plain: str, runs: RunsSettings) -> str:
    """Return the text of `dagster.yaml` for a fleet.

    Args:
        plain: the text for single homes.
        runs: the fleet's settings.

    Raises:
        ConfigurationError: the package of the launcher is not installed.
    """
    document: dict[str, Any] = yaml.safe_load(plain)
    document["concurrency"] = {
        "runs": {"max_concurrent_runs": runs.at_once},
        "pools": {"default_limit": runs.steps_per_pool, "granularity": "run"},
    }
    document["run_queue"] = QUEUE
    if runs.storage is not None:
        document["storage"] = runs.storage
    if runs.launcher != "local":
        document["run_launcher"] = _launcher(runs)
        # A pod or node that goes away takes its run along: the daemon sees it, and starts the run again.
        document["run_monitoring"] = {"enabled": True, "max_resume_run_attempts": 0}
        document["run_retries"] = {"enabled": True, "max_retries": 2, "retry_on_asset_or_op_failure": False}
    return yaml.safe_dump(document, sort_keys=False)


def _launcher(runs: RunsSettings) -> dict[str, Any]:
    """Return the block of the launcher."""
    package = _PACKAGES[runs.launcher]
    if find_spec(package) is None:
        message = f"fleet.runs.launcher is {runs.launcher}, and {package} is not installed"
        raise ConfigurationError(message, "pip install 'darkstar-pipeline[fleet]'")
    if runs.launcher == "kubernetes":
        return {"module": "dagster_k8s", "class": "K8sRunLauncher", "config": runs.options}
    from darkstar_pipeline.orchestration.ray_launcher import QuotedRayRunLauncher  # needs the extra

    return {
        "module": QuotedRayRunLauncher.__module__,
        "class": QuotedRayRunLauncher.__name__,
        "config": {"ray": {"env_vars": list(_ENVIRONMENT), **runs.options}},
    }
