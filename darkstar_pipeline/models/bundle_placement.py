"""Putting a bundle into the state folder: whole or not at all, and never over another."""

import shutil
from pathlib import Path

from darkstar_pipeline.errors import DataRefusedError
from planner.artifacts.atomic_files import atomic_folder
from planner.artifacts.bundle import MANIFEST, Bundle, read_bundle


def place_bundle(target: Path, source: Path, bundle: Bundle) -> None:
    """Copy a bundle into the state folder, whole or not at all; the one that is there is left alone.

    Raises:
        DataRefusedError: another bundle is there.
    """
    if target.exists():
        if read_bundle(target).identity != bundle.identity:
            message = f"{target} holds another bundle than the version registered under its number"
            raise DataRefusedError(message, "MLflow's store was made anew: move the old folder of models away")
        return
    with atomic_folder(target) as temporary:
        for name in (MANIFEST, *bundle.manifest.files):
            shutil.copyfile(source / name, temporary / name)
