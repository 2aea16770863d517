"""Settings of a site as parameters of an MLflow run: what its figures are of, by dotted name."""

from datetime import date
from typing import Any, cast

from darkstar_pipeline.config.fingerprints import tariff_version
from darkstar_pipeline.config.site import SiteSettings

_SECTIONS = {"area", "timezone", "currency", "battery", "limits", "protocol", "forecast"}


def site_params(settings: SiteSettings, day: date) -> dict[str, Any]:
    """Return the settings that figures of a run depend on.

    Args:
        settings: of the site.
        day: last local day of the run, whose tariff is named.
    """
    document = settings.model_dump(mode="json", include=_SECTIONS)
    in_force = [version for version in settings.tariff if version.valid_from <= day] or list(settings.tariff)
    fees = max(in_force, key=lambda version: version.valid_from).model_dump(mode="json", exclude={"source", "unknown"})
    return {**_flat(document), **_flat({"tariff": fees}), "tariff_version": tariff_version(settings)}


def _flat(document: dict[str, Any]) -> dict[str, Any]:
    """Return settings by dotted name."""
    nested = {key: cast("dict[str, Any]", value) for key, value in document.items() if isinstance(value, dict)}
    flat = {key: value for key, value in document.items() if key not in nested}
    return flat | {f"{key}.{inner}": value for key, values in nested.items() for inner, value in values.items()}
