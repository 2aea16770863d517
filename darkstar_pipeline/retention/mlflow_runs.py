"""Runs of MLflow that nothing needs: of evaluations, and of trainings that became no version of a model.

Runs are deleted by MLflow's client and then removed with their files by its command `mlflow gc`. A store on a server is
its owner's: nothing of it is removed here.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote, urlsplit

from darkstar_pipeline.context import MLFLOW_FOLDER
from darkstar_pipeline.errors import OutsideServiceError
from darkstar_pipeline.retention.kinds import size_of
from darkstar_pipeline.retention.rules import Item, Rule
from darkstar_pipeline.tracking.mlflow_store import (
    DATABASE,
    LOCAL_ADDRESS,
    check_local_store,
    is_local_store,
    open_store,
    store_exists,
    translate_mlflow_errors,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

GC_SECONDS = 300.0
ABANDONED_DAYS = 7
_PAGE = 1000


@dataclass(frozen=True, kw_only=True)
class MlflowRuns:
    """Runs of MLflow that no version of a model was made of.

    Attributes:
        home: the state folder.
        rule: how many are kept.
        now: the present instant (UTC).
    """

    home: Path
    rule: Rule
    now: datetime
    name: str = "mlflow"
    batch: int = 100

    @property
    def folders(self) -> Sequence[Path]:
        """MLflow's folder."""
        return (self.home / MLFLOW_FOLDER,)

    def items(self) -> list[Item]:
        """Return an item a run; those of versions are needed, and so are those that have not ended.

        Raises:
            OutsideServiceError: the store cannot be read.
        """
        if not is_local_store() or not store_exists(self.home):
            return []
        with translate_mlflow_errors(self.home):
            client, experiments = open_store(self.home)
            runs = list(_runs(client, list(experiments.values())))
            used = {str(version.run_id) for version in all_versions(client)}
        share = size_of(self.home / MLFLOW_FOLDER / DATABASE) // max(1, len(runs))
        return [self._item(run, used, share) for run in runs]

    def _item(self, run: "Run", used: set[str], share: int) -> Item:
        run_id, info = str(run.info.run_id), run.info
        at = datetime.fromtimestamp(int(info.start_time) / 1000, UTC)
        needed = "a version of a model was made of it" if run_id in used else ""
        if str(info.status) == "RUNNING" and (self.now - at).days < ABANDONED_DAYS:
            needed = "it has not ended"
        elif not lies_within(self.home, run):
            needed = "its files lie outside this state folder"
        return Item(name=run_id, at=at, size=share + size_of(artifacts_of(run)), needed=needed)

    def remove(self, items: Sequence[Item]) -> None:
        """Delete runs with their artifacts; those that a version was made of meanwhile stay.

        Raises:
            OutsideServiceError: the store cannot be written to, or `mlflow gc` failed.
        """
        check_local_store(self.home, write=True)
        with translate_mlflow_errors(self.home):
            client, _ = open_store(self.home)
            used = {str(version.run_id) for version in all_versions(client)}
        remove_runs(self.home, [item.name for item in items if item.name not in used])


def remove_runs(home: Path, run_ids: Sequence[str]) -> None:
    """Delete runs of the local store, and have `mlflow gc` remove them with their artifacts.

    In a process of its own, because that command sets the address of the store for the whole process.

    Raises:
        OutsideServiceError: the store cannot be written to, or `mlflow gc` failed or took too long.
    """
    if not run_ids:
        return
    with translate_mlflow_errors(home):
        client, _ = open_store(home)
        runs = [client.get_run(run_id) for run_id in run_ids]
        for run in runs:
            if run.info.lifecycle_stage != "deleted":
                client.delete_run(str(run.info.run_id))
    address = LOCAL_ADDRESS.format(home / MLFLOW_FOLDER / DATABASE)
    options = ["--backend-store-uri", address, "--tracking-uri", address, "--run-ids", ",".join(run_ids)]
    command = [sys.executable, "-P", "-m", "mlflow", "gc", *options]
    try:
        done = subprocess.run(  # noqa: S603 - our own command, no shell
            command, capture_output=True, text=True, timeout=GC_SECONDS, check=False, env=_environment()
        )
    except subprocess.TimeoutExpired as error:
        raise OutsideServiceError(f"`mlflow gc` took more than {GC_SECONDS:.0f} s", "it is tried again") from error
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise OutsideServiceError(f"`mlflow gc` failed: {lines[-1] if lines else 'no output'}", "it is tried again")
    for run in runs:
        with suppress(OSError):
            artifacts_of(run).rmdir()  # it leaves the empty folder


def _environment() -> Mapping[str, str]:
    return {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "PYTHONWARNINGS": "ignore"}


def artifacts_of(run: "Run") -> Path:
    """Return the folder of a run's files."""
    return Path(unquote(urlsplit(str(run.info.artifact_uri or "")).path)).parent


def lies_within(home: Path, run: "Run") -> bool:
    """Return whether the files of a run lie in the state folder; after a copy or a restore they may be another's."""
    return artifacts_of(run).resolve().is_relative_to((home / MLFLOW_FOLDER).resolve())


def _runs(client: "MlflowClient", experiments: list[str]) -> Iterator["Run"]:
    """Return all runs, those too that were deleted and not yet removed."""
    from mlflow.entities import ViewType

    token: str | None = None
    while True:
        page = client.search_runs(experiments, run_view_type=ViewType.ALL, max_results=_PAGE, page_token=token)
        yield from page
        token = cast("str | None", page.token)  # pyright: ignore[reportUnknownMemberType] - untyped
        if not token:
            return


def all_versions(client: "MlflowClient") -> Iterator["ModelVersion"]:
    """Return all versions of all models."""
    token: str | None = None
    while True:
        page = client.search_model_versions(max_results=_PAGE, page_token=token)
        yield from page
        token = cast("str | None", page.token)  # pyright: ignore[reportUnknownMemberType] - untyped
        if not token:
            return
