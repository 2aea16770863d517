"""Which settings and code a stored result holds for, as one short hash."""

import hashlib
import json
from typing import Literal

from darkstar_pipeline.settings import SiteSettings

Stage = Literal["oracle", "policies"]

# Raise a number when its stage would give other figures for the same settings.
_CODE: dict[Stage, int] = {"oracle": 1, "policies": 6}
_SHARED = ("timezone", "area", "has_pv", "battery", "limits", "tariff", "protocol")
_FIELDS: dict[Stage, tuple[str, ...]] = {"oracle": _SHARED, "policies": (*_SHARED, "forecast", "mpc")}


def config_version(settings: SiteSettings, stage: Stage) -> str:
    """Hash of everything in the configuration that changes the stage's figures, twelve hexadecimal digits."""
    document = {
        "stage": stage,
        "code": _CODE[stage],
        "settings": settings.model_dump(mode="json", include=set(_FIELDS[stage])),
    }
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]
