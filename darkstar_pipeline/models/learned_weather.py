"""The weather that a version of a site's Aurora learned from, as its bundle says."""

from pydantic import ValidationError

from darkstar_pipeline.context import Context
from darkstar_pipeline.models.version import RegisteredModel
from planner.artifacts.bundle import MANIFEST, Manifest


def learned_weather(context: Context, version: int) -> str | None:
    """Return it in words, `none` for a version without weather; None where its bundle is not in the state folder."""
    manifest = RegisteredModel.of(context, "aurora").version_folder(version) / MANIFEST
    try:
        details = Manifest.model_validate_json(manifest.read_bytes()).details
    except (OSError, ValidationError):
        return None
    return str(details.get("weather") or "none")
