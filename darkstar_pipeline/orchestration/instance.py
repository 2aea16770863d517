"""Dagster's state folder: `<home>/dagster`, with a `dagster.yaml` of ours.

A `DAGSTER_HOME` that is set already is respected, whatever it is. What does not belong here: what is run, and what a
fleet's runs add to `dagster.yaml` (`fleet_instance`).
"""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from darkstar_pipeline.config.settings import config_path, home_dir, load_settings
from darkstar_pipeline.context import DAGSTER_FOLDER
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.state.atomic_files import atomic_write
from planner.artifacts.atomic_files import make_folder

if TYPE_CHECKING:
    from dagster import DagsterInstance

VARIABLE = "DAGSTER_HOME"
CONFIG_NAME = "dagster.yaml"
_MARK = "# Written by darkstar, and kept up to date by it. Remove this line to keep your own changes."
CONFIG = f"""{_MARK}
telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  runs:
    max_concurrent_runs: 2
retention:
  schedule:
    purge_after_days: 90
storage:
  custom:
    module: darkstar_pipeline.orchestration.batched_storage
    class: BatchedSqliteStorage
    config:
      base_dir: {{env: {VARIABLE}}}
# Nothing here prints; capturing output costs two processes a step and would swallow progress bars.
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
"""


def ensure_dagster_home(home: Path) -> Path:
    """Make Dagster's folder and configuration under the state folder, and point `DAGSTER_HOME` there unless it is set.

    Args:
        home: the state folder.

    Returns:
        The folder that Dagster will use.
    """
    folder = _prepared(home)
    return Path(os.environ.setdefault(VARIABLE, str(folder)))


def dagster_folder(home: Path) -> Path:
    """Return the folder that Dagster uses, whether it is there or not."""
    return Path(os.environ.get(VARIABLE) or home / DAGSTER_FOLDER)


def other_storage(folder: Path) -> str:
    """Return the kind of storage that a `dagster.yaml` names; empty for SQLite below its folder, Dagster's default.

    Raises:
        ConfigurationError: the file cannot be read.
    """
    import yaml

    try:
        named = yaml.safe_load((folder / CONFIG_NAME).read_text(encoding="utf-8"))["storage"]
        kind, block = next(iter(named.items()))
    except (FileNotFoundError, KeyError, TypeError):  # no file, an empty one, or one that leaves storage out
        return ""
    except (OSError, ValueError, yaml.YAMLError, AttributeError, StopIteration) as error:
        message = f"{folder / CONFIG_NAME} cannot be read: {' '.join(str(error).split())[:300]}"
        raise ConfigurationError(message, "correct it, or move it away: it is written anew") from error
    own = kind == "custom" and "Sqlite" in str(block.get("class"))
    return "" if kind == "sqlite" or own else str(kind)


def dagster_environment(home: Path) -> dict[str, str]:
    """Variables a child process needs to find the same configuration, lake and Dagster state from any directory."""
    chosen = os.environ.get(VARIABLE) or str(_prepared(home))
    config = {"DARKSTAR_CONFIG": str(config_path())} if config_path().exists() else {}
    return {"DARKSTAR_HOME": str(home), VARIABLE: chosen, **config}


@contextmanager
def open_instance(home: Path) -> Generator["DagsterInstance"]:
    """Dagster's state, opened for as long as the block lasts; the environment is as before afterwards."""
    from dagster import DagsterInstance  # half a second, paid only where Dagster is used

    folder, unset = _prepared(home), not os.environ.get(VARIABLE)
    if unset:
        os.environ[VARIABLE] = str(folder)
    try:
        with DagsterInstance.get() as instance:
            yield instance
    finally:
        if unset:
            del os.environ[VARIABLE]


def _prepared(home: Path) -> Path:
    """The folder with its configuration; a configuration that a person has taken over is left alone."""
    folder = home / DAGSTER_FOLDER
    make_folder(folder)
    config = folder / CONFIG_NAME
    current = config.read_text(encoding="utf-8") if config.exists() else _MARK
    if current.startswith(_MARK) and current != (wanted := _wanted()):
        with atomic_write(config) as temporary:
            temporary.write_text(wanted, encoding="utf-8")
    return folder


def _wanted() -> str:
    """The configuration of one home, or the one that the fleet of `darkstar.yaml` asks for."""
    fleet = load_settings().fleet if config_path().exists() else None
    if fleet is None:
        return CONFIG
    from darkstar_pipeline.orchestration.fleet_instance import fleet_config

    return f"{_MARK}\n{fleet_config(CONFIG, fleet.runs)}"


if __name__ == "__main__":
    ensure_dagster_home(home_dir())
