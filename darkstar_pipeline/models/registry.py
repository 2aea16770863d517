"""Versions of a site's models in MLflow, each with its evidence, and their bundles in the state folder.

MLflow knows what versions there are and what speaks for them; the bundle in the state folder is what runs. A version's
source is its run's folder of plain files: nothing that is loaded runs code.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import DataMissingError, DataRefusedError
from darkstar_pipeline.models.aliases import CHALLENGER, CHAMPION, alias_of, set_challenger_alias
from darkstar_pipeline.models.champion_pointer import read_pointer
from darkstar_pipeline.models.run_tables import add_run, json_text
from darkstar_pipeline.models.training_run import BUNDLE_FOLDER, IDENTITY, TrainingRun, log_training, run_tags
from darkstar_pipeline.models.version import RegisteredModel, family_of, find_model, place_bundle
from darkstar_pipeline.state.atomic_files import atomic_write
from darkstar_pipeline.state.file_lock import hold_lock
from darkstar_pipeline.tracking.mlflow_store import (
    TRAININGS,
    open_store,
    run_url,
    store_exists,
    translate_mlflow_errors,
)
from planner.artifacts.atomic_files import make_folder
from planner.artifacts.bundle import read_bundle

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

EVIDENCE = "evidence"
FIGURES = ("captured_share", "cost_vs_mpc", "cost_vs_mpc_low", "cost_vs_mpc_high", "cost_vs_mpc_pct", "breaches")
_PAGE = 1000


@dataclass(frozen=True, kw_only=True)
class ModelVersionRecord:
    """One version of a registered model.

    Attributes:
        model: name of the registered model.
        version: its number.
        kind: kind of its bundle.
        algorithm: what trained it.
        identity: hash of its bundle.
        created: when it was registered (UTC).
        window: days it learned from, in words.
        run_id: its run in MLflow.
        url: the page of that run.
        figures: of its test window by name.
        evidence: the last verdict of the gate; None where it was not judged.
        aliases: `challenger` and `champion`; the latter as the pointer says, which is what is served.
        tags: all that the version is tagged with.
    """

    model: str
    version: int
    kind: str
    algorithm: str
    identity: str
    created: datetime
    window: str
    run_id: str
    url: str
    figures: Mapping[str, float]
    evidence: Mapping[str, Any] | None
    aliases: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict[str, str])


def register_model(context: Context, bundle_folder: Path, run: TrainingRun, *, name: str | None = None) -> int:
    """Log a training and make its bundle a version of a registered model; the newest policy is the challenger.

    Registering a bundle again gives the version it already is, and mends what a kill left undone. Processes of one
    state folder wait for each other.

    Args:
        context: the site.
        bundle_folder: a bundle; it is copied.
        run: what to remember of the training.
        name: the registered model; None follows from the bundle's kind.

    Returns:
        The version.

    Raises:
        PolicyMismatchError: the bundle is damaged.
        ConfigurationError: bundles of that kind, or a model of that name, are not registered.
        DataRefusedError: the state folder holds another bundle under the version's number.
        OutsideServiceError: MLflow refused or cannot be reached.
    """
    bundle = read_bundle(bundle_folder)
    family = family_of(bundle.manifest.kind)
    model = RegisteredModel.of(context, family) if name is None else find_model(context, name)
    chosen, tags = model.name, run_tags(context, model.name, bundle, run)
    with translate_mlflow_errors(context.home), hold_lock(model.lock):
        client, experiments = open_store(context.home)
        _ensure_model(client, chosen)
        found = _with_identity(client, chosen, bundle.identity)
        if found is None:
            _close_abandoned(client, experiments[TRAININGS], bundle.identity)
            run_id = log_training(client, experiments[TRAININGS], bundle_folder, run, tags)
            found = _create_version(client, chosen, run_id, _version_tags(tags, run))
        version = int(found.version)
        place_bundle(model.version_folder(version), bundle_folder, bundle)
        if family == "antares":
            set_challenger_alias(client, model, version)
    identified = {"run_id": str(found.run_id), "model": chosen, "version": version, "artifact_path": str(found.source)}
    versions = {key: tags[key] for key in ("config_version", "code_version", IDENTITY)}
    created = _instant(found)
    add_run(context, bundle.manifest, run, {**identified, **versions, "created_at": created})
    return version


def list_versions(context: Context, name: str | None = None) -> list[ModelVersionRecord]:
    """Return the versions of a registered model, the newest first; none where nothing was ever registered.

    Raises:
        OutsideServiceError: MLflow refused or cannot be reached.
    """
    model = find_model(context, name)
    if not store_exists(context.home):
        return []
    pointer = read_pointer(model.folder)
    with translate_mlflow_errors(context.home):
        client, experiments = open_store(context.home)
        challenger = alias_of(client, model.name, CHALLENGER)
        versions = _search(client, f"name = '{model.name}'")
    champion = None if pointer is None else pointer.version
    holders = {CHAMPION: champion, CHALLENGER: challenger}
    records = [_record(each, holders, experiments[TRAININGS]) for each in versions]
    return sorted(records, key=lambda each: -each.version)


def find_version(context: Context, name: str, version: int) -> ModelVersionRecord:
    """Return one version.

    Raises:
        DataMissingError: it does not exist.
        OutsideServiceError: MLflow refused or cannot be reached.
    """
    versions = list_versions(context, name)
    for each in versions:
        if each.version == version:
            return each
    version_list = ", ".join(str(each.version) for each in reversed(versions)) or "none"
    raise DataMissingError(f"{name} has no version {version}; it has: {version_list}", "`darkstar models` lists them")


def stored_bundle(context: Context, name: str, version: int) -> Path:
    """Return the folder of a version's bundle, fetched from MLflow where the state folder lacks it.

    Raises:
        DataMissingError: there is no such version.
        DataRefusedError: what MLflow keeps is another bundle.
        PolicyMismatchError: what MLflow keeps is damaged.
        OutsideServiceError: MLflow refused or cannot be reached.
    """
    model = find_model(context, name)
    folder = model.version_folder(version)
    if folder.is_dir():
        return folder
    record = find_version(context, name, version)
    with translate_mlflow_errors(context.home):
        client, _ = open_store(context.home)
        fetched = Path(client.download_artifacts(record.run_id, BUNDLE_FOLDER))
    bundle = read_bundle(fetched)
    if bundle.identity != record.identity:
        message = f"MLflow keeps another bundle for {name} version {version} than was registered"
        raise DataRefusedError(message, "train anew")
    with hold_lock(model.lock):
        place_bundle(folder, fetched, bundle)
    return folder


def attach_evidence(context: Context, name: str, version: int, evidence: Mapping[str, Any]) -> None:
    """Keep the gate's verdict on a version, in the state folder and as its tag in MLflow; the last one counts.

    The verdict is a `planner.evaluation.promotion_test.Verdict.document()`.

    Raises:
        OutsideServiceError: MLflow refused or cannot be reached.
    """
    path = evidence_file(find_model(context, name), version)
    make_folder(path.parent)
    with atomic_write(path) as temporary:
        temporary.write_text(json_text(evidence), encoding="utf-8")
    with translate_mlflow_errors(context.home):
        client, _ = open_store(context.home)
        client.set_model_version_tag(name, str(version), EVIDENCE, json_text(evidence))


def kept_evidence(model: RegisteredModel, version: int) -> Mapping[str, Any] | None:
    """Return the gate's verdict on a version as the state folder keeps it; None where it has none that can be read."""
    try:
        document: Any = json.loads(evidence_file(model, version).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", document) if isinstance(document, dict) else None


def evidence_file(model: RegisteredModel, version: int) -> Path:
    """Return the file of the gate's verdict on a version."""
    return model.folder / EVIDENCE / f"v{version}.json"


def _ensure_model(client: "MlflowClient", name: str) -> None:
    """Make the registered model where it is missing; the caller holds the lock, a server may have other callers."""
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _search(client: "MlflowClient", condition: str) -> list["ModelVersion"]:
    """Return every version that meets a condition."""
    versions: list[ModelVersion] = []
    token: str | None = None
    while True:
        page = client.search_model_versions(condition, max_results=_PAGE, page_token=token)
        versions.extend(page)
        token = cast("str | None", page.token)  # pyright: ignore[reportUnknownMemberType] - untyped
        if not token:
            return versions


def _with_identity(client: "MlflowClient", name: str, identity: str) -> "ModelVersion | None":
    """Return the first version of a bundle, None where it is not registered."""
    versions = _search(client, f"name = '{name}' and tags.`{IDENTITY}` = '{identity}'")
    return min(versions, key=lambda each: int(each.version), default=None)


def _close_abandoned(client: "MlflowClient", experiment_id: str, identity: str) -> None:
    """End the runs of a killed registration of the same bundle: nobody will."""
    condition = f"tags.`{IDENTITY}` = '{identity}' and attributes.status = 'RUNNING'"
    for run in client.search_runs([experiment_id], condition):
        client.set_terminated(run.info.run_id, "KILLED")


def _create_version(client: "MlflowClient", name: str, run_id: str, tags: Mapping[str, str]) -> "ModelVersion":
    source = f"{client.get_run(run_id).info.artifact_uri}/{BUNDLE_FOLDER}"
    return client.create_model_version(name, source, run_id=run_id, tags=dict(tags))


def _version_tags(tags: Mapping[str, str], run: TrainingRun) -> dict[str, str]:
    """Return the tags of a version: those of its run, and the figures that decide."""
    own = {key: value for key, value in tags.items() if not key.startswith("mlflow.")}
    return {**own, **{name: repr(float(run.metrics[name])) for name in FIGURES if name in run.metrics}}


def _instant(found: "ModelVersion") -> datetime:
    """Return when a version was created (UTC)."""
    return datetime.fromtimestamp(int(found.creation_timestamp) / 1000, UTC)


def _record(found: "ModelVersion", holders: Mapping[str, int | None], experiment_id: str) -> ModelVersionRecord:
    """Return a version of MLflow as a record."""
    tags: dict[str, str] = dict(found.tags)
    version, run_id = int(found.version), str(found.run_id)
    return ModelVersionRecord(
        model=str(found.name),
        version=version,
        kind=tags.get("kind", ""),
        algorithm=tags.get("algorithm", ""),
        identity=tags.get(IDENTITY, ""),
        created=_instant(found),
        window=tags.get("data_window", ""),
        run_id=run_id,
        url=run_url(experiment_id, run_id),
        figures={name: float(tags[name]) for name in FIGURES if name in tags},
        evidence=json.loads(tags[EVIDENCE]) if EVIDENCE in tags else None,
        aliases=tuple(alias for alias, holder in holders.items() if holder == version),
        tags=tags,
    )
