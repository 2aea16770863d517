"""An Aurora inside a policy's bundle, so that the policy sees the same scenarios wherever it goes.

Its files stand among the policy's, under names that begin with `aurora.`; its manifest among the details.
"""

from typing import Any

from planner.artifacts.bundle import Bundle, Manifest
from planner.forecasts.aurora_bundle import KIND, LoadedAurora, load_aurora

PREFIX = "aurora."
DETAIL = "aurora"
N_SCENARIOS = 16  # paths a day: 10, 20 and 40 came out within 0.04 points of each other (train weeks)


def with_aurora(manifest: Manifest, aurora: Bundle) -> tuple[Manifest, dict[str, bytes]]:
    """Return a policy's manifest with an Aurora in it, and the files to add to the policy's."""
    detail = aurora.manifest.model_dump(mode="json", exclude={"files"})
    files = {f"{PREFIX}{name}": content for name, content in aurora.files.items()}
    return manifest.model_copy(update={"details": {**manifest.details, DETAIL: detail}}), files


def embedded_aurora(bundle: Bundle) -> LoadedAurora | None:
    """Return the Aurora of a policy's bundle; None if it has none.

    Raises:
        PolicyMismatchError: the Aurora is damaged, or of another version.
    """
    detail: dict[str, Any] | None = bundle.manifest.details.get(DETAIL)
    if detail is None:
        return None
    files = {name.removeprefix(PREFIX): content for name, content in bundle.files.items() if name.startswith(PREFIX)}
    return load_aurora(Bundle(Manifest.model_validate({**detail, "kind": KIND}), files, bundle.identity))
