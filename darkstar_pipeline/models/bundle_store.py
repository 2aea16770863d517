"""Bundles of registered versions in the state folder: put there once, fetched again where they are missing."""

from pathlib import Path

from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.models.bundle_placement import place_bundle
from darkstar_pipeline.models.registry import find_version
from darkstar_pipeline.models.training_run import BUNDLE_FOLDER
from darkstar_pipeline.models.version import LOCK, model_folder, version_folder
from darkstar_pipeline.state.file_lock import hold_lock
from darkstar_pipeline.tracking.mlflow_store import open_store, translate_mlflow_errors
from planner.artifacts.bundle import read_bundle


def stored_bundle(context: Context, name: str, version: int) -> Path:
    """The folder of a version's bundle in the state folder, fetched from MLflow where it is not there.

    Raises:
        DataMissingError: there is no such version.
        DataRefusedError: what MLflow keeps is another bundle.
        PolicyMismatchError: what MLflow keeps is damaged.
        OutsideServiceError: MLflow refused or cannot be reached.
    """
    folder = version_folder(context, name, version)
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
    with hold_lock(model_folder(context, name) / LOCK):
        place_bundle(folder, fetched, bundle)
    return folder
