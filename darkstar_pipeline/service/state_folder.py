"""The folder in which the service of a site keeps its state: plans, overrides, lease, write budget."""

from pathlib import Path

from darkstar_pipeline.state.folder_names import SERVICE_FOLDER

SERVING_LOCK = ".serving.lock"
"""Lock that a running service holds in its folder."""


def service_folder(home: Path, site: str) -> Path:
    """Return the folder of the service of a site.

    Args:
        home: the state folder.
        site: name of the site.
    """
    return home / SERVICE_FOLDER / site
