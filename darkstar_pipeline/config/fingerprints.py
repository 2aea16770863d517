"""Fingerprints of the settings and the code that a stored result holds for: short hashes."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal

from darkstar_pipeline.config.site import SiteSettings

Stage = Literal["oracle", "policies"]

# Raise a number when its stage would give other figures for the same settings.
_CODE: dict[Stage, int] = {"oracle": 1, "policies": 6}
_TARIFF_CODE = 1  # raise where the same tariff settings would give other prices
_SHARED = ("timezone", "area", "has_pv", "battery", "limits", "tariff", "protocol")
_LATER = {"settlement_minutes": 15, "monthly_mean": False}
_FIELDS: dict[Stage, tuple[str, ...]] = {"oracle": _SHARED, "policies": (*_SHARED, "forecast", "mpc")}


def config_version(settings: SiteSettings, stage: Stage) -> str:
    """Return the hash of all settings that change the figures of a stage, twelve hexadecimal digits."""
    changing = settings.model_dump(mode="json", include=set(_FIELDS[stage]))
    if not settings.limits.takes_import_limit:
        del changing["limits"]["takes_import_limit"]  # results from before there was one hold on
    for name in ("charge_taper", "discharge_taper"):
        if not changing["battery"][name]:
            del changing["battery"][name]
    if "forecast" in changing:
        del changing["forecast"]["panels_kw"]  # limits what is imported, not what is computed from it
        if not settings.forecast.panels:
            del changing["forecast"]["panels"]
    _drop_unused(changing["tariff"])
    if settings.household.care.care().wanted:
        changing["care"] = settings.household.care.model_dump(mode="json", exclude={"weather_warning"})
    document = {"stage": stage, "code": _CODE[stage], "settings": changing}
    return _short_hash(document)


def tariff_version(settings: SiteSettings) -> str:
    """Return the hash of a site's tariff settings, which trained models have to fit, twelve hexadecimal digits."""
    document = settings.model_dump(mode="json", include={"tariff", "currency"})
    _drop_unused(document["tariff"])
    return _short_hash({"stage": "tariff", "code": _TARIFF_CODE, "settings": document})


def _drop_unused(tariff: list[dict[str, Any]]) -> None:
    """Take settings out that came later and are not used, so that results from before them hold on."""
    for version in tariff:
        for name, usual in _LATER.items():
            if version[name] == usual:
                del version[name]
        del version["valid_until"], version["source"], version["unknown"]  # which change no price
        for window in version["time_of_use"]:
            if window["not_on_holidays_of"] is None:
                del window["not_on_holidays_of"]
        for component in version["power"]:
            if component["rolling_months"] == 1:
                del component["rolling_months"]


def _short_hash(document: Mapping[str, object]) -> str:
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]
