"""Versions of models that are not in use, no rollback's aim, not among the newest, and old.

A version's row, run and artifacts in MLflow go first, its bundle last, so that a killed removal is found again by the
bundle. What does not belong here: which version is in use (`models.champion_pointer`).
"""

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from darkstar_pipeline.models.aliases import CHALLENGER, alias_of
from darkstar_pipeline.models.champion_pointer import read_pointer
from darkstar_pipeline.models.promotion_journal import has_unfinished_change
from darkstar_pipeline.models.registry import evidence_file
from darkstar_pipeline.models.version import FAMILIES, RegisteredModel, reference
from darkstar_pipeline.retention.kinds import by_last_change, size_of
from darkstar_pipeline.retention.mlflow_runs import all_versions, artifacts_of, lies_within, remove_runs
from darkstar_pipeline.retention.rules import Item, Rule
from darkstar_pipeline.state.file_lock import hold_lock
from darkstar_pipeline.state.folder_names import MODELS_FOLDER
from darkstar_pipeline.tracking.mlflow_store import (
    is_local_store,
    open_store,
    store_exists,
    translate_mlflow_errors,
)

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion


@dataclass(frozen=True)
class _Version:
    """A version as MLflow has it, the state folder has it, or both."""

    model: RegisteredModel
    number: int
    folder: Path | None
    registered: "ModelVersion | None"
    run: "Run | None"


@dataclass(frozen=True, kw_only=True)
class ModelVersions:
    """Versions of the models of all sites.

    Attributes:
        home: the state folder.
        rule: how many are kept.
        newest: number of the newest versions of each model that are kept.
        named: references of versions that the configuration names.
    """

    home: Path
    rule: Rule
    newest: int
    named: frozenset[str] = frozenset()
    name: str = "models"
    batch: int = 10

    @property
    def folders(self) -> Sequence[Path]:
        """The folder of models; the artifacts in MLflow count as MLflow's."""
        return (self.home / MODELS_FOLDER,)

    def items(self) -> list[Item]:
        """Return an item a version.

        Raises:
            OutsideServiceError: MLflow's store cannot be read.
            ConfigurationError: a pointer is damaged.
        """
        return [item for model in self._models() for item, _ in self._versions(model)]

    def remove(self, items: Sequence[Item]) -> None:
        """Remove versions; those that have come into use meanwhile stay.

        Raises:
            OutsideServiceError: MLflow's store cannot be written to.
            ConfigurationError: a pointer is damaged.
        """
        chosen = {item.name for item in items}
        for model in self._models():
            if not any(name.startswith(reference(model.name, 0)[:-1]) for name in chosen):
                continue
            with hold_lock(model.lock):  # nobody registers, promotes or rolls back meanwhile
                found = self._versions(model)
                self._remove([each for item, each in found if item.name in chosen and not item.needed])

    def _models(self) -> list[RegisteredModel]:
        """Return the models that the state folder has a folder of."""
        root = self.home / MODELS_FOLDER
        sites = sorted(path.name for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
        models = [RegisteredModel(self.home, site, family) for site in sites for family in FAMILIES]
        return [model for model in models if model.folder.is_dir()]

    def _versions(self, model: RegisteredModel) -> list[tuple[Item, _Version]]:
        """Return the versions of a model, each with why it is needed."""
        found, challenger = self._found(model)
        kept = self._kept(model, challenger, sorted(each.number for each in found))
        return [(_item(each, kept.get(each.number, "")), each) for each in found]

    def _found(self, model: RegisteredModel) -> tuple[list[_Version], int | None]:
        """Return a model's versions in MLflow's local store and in the state folder, and the challenger."""
        folders = model.versions()
        registered: dict[int, ModelVersion] = {}
        runs: dict[int, Run] = {}
        challenger: int | None = None
        if is_local_store() and store_exists(self.home):
            with translate_mlflow_errors(self.home):
                client, _ = open_store(self.home)
                challenger = alias_of(client, model.name, CHALLENGER)
                registered = {int(each.version): each for each in all_versions(client) if each.name == model.name}
                runs = {number: client.get_run(str(each.run_id)) for number, each in registered.items()}
        numbers = sorted({*folders, *registered})
        versions = [_Version(model, each, folders.get(each), registered.get(each), runs.get(each)) for each in numbers]
        return versions, challenger

    def _kept(self, model: RegisteredModel, challenger: int | None, numbers: Sequence[int]) -> dict[int, str]:
        """Return why versions stay."""
        if has_unfinished_change(model):
            return dict.fromkeys(numbers, "a promotion or rollback has not ended")
        pointer = read_pointer(model.folder)
        kept = dict.fromkeys(numbers[-self.newest :], f"one of the newest {self.newest}")
        kept |= {number: "the configuration names it" for number in numbers if self._is_named(model, number)}
        if challenger is not None:
            kept[challenger] = "the challenger"
        if pointer is not None:
            kept |= {ref.version: "rollbacks return to it" for ref in pointer.previous}
            kept[pointer.version] = "in use"
        return kept

    def _is_named(self, model: RegisteredModel, number: int) -> bool:
        return reference(model.name, number) in self.named

    def _remove(self, versions: Sequence[_Version]) -> None:
        """Remove versions of a model from MLflow, then their evidence and bundles."""
        registered = [each for each in versions if each.registered is not None]
        if registered:
            with translate_mlflow_errors(self.home):
                client, _ = open_store(self.home)
                for each in registered:
                    client.delete_model_version(each.model.name, str(each.number))
            runs = [each.run for each in registered if each.run is not None and lies_within(self.home, each.run)]
            remove_runs(self.home, [str(run.info.run_id) for run in runs])
        for each in versions:
            evidence_file(each.model, each.number).unlink(missing_ok=True)
            if each.folder is not None:
                shutil.rmtree(each.folder)


def _item(version: _Version, needed: str) -> Item:
    """Return a version as what retention decides on."""
    if version.registered is not None:
        at = datetime.fromtimestamp(int(version.registered.creation_timestamp) / 1000, UTC)
    else:
        at = by_last_change(version.folder) if version.folder is not None else datetime.now(UTC)
    size = 0 if version.folder is None else size_of(version.folder)
    size += 0 if version.run is None else size_of(artifacts_of(version.run))
    return Item(name=reference(version.model.name, version.number), at=at, size=size, needed=needed)


def named_versions(texts: Iterable[str]) -> frozenset[str]:
    """Return those texts of the configuration that name a version of a model."""
    return frozenset(text for text in texts if text.startswith("models:/"))
