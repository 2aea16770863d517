"""Which Aurora forecasts which day: the promoted one, for the days after those it learned from.

A model that has seen a day, or what came after it, would be praised for its memory. Days inside or before a model's
window are therefore forecast naively, and `model_version` says so.
"""

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import ConfigurationError
from planner.aurora_bundle import LoadedAurora, load_aurora
from planner.errors import PolicyMismatchError

MODELS_FOLDER = "models"
CHAMPION = "champion.json"


@dataclass(frozen=True)
class PromotedAurora:
    """The promoted model of a site.

    Attributes:
        version: of the registered model.
        loaded: its bundle.
    """

    version: int
    loaded: LoadedAurora

    @property
    def name(self) -> str:
        """What `model_version` says of its forecasts."""
        return f"{self.loaded.learned.version}_v{self.version}"

    def may_forecast(self, day: date) -> bool:
        """Whether a midnight comes after everything the model learned from."""
        return day > self.loaded.learned.last_day


def registered_name(site: str) -> str:
    """Name of a site's registered Aurora."""
    return f"aurora-{site}"


def aurora_folder(context: Context) -> Path:
    """Where the versions of the site's Aurora stand."""
    return context.home / MODELS_FOLDER / context.site_name / registered_name(context.site_name)


def promoted_aurora(context: Context) -> PromotedAurora | None:
    """The site's promoted model; None where there is none.

    Raises:
        ConfigurationError: the pointer or the bundle is damaged; says what to do.
    """
    folder = aurora_folder(context)
    try:
        pointer = json.loads((folder / CHAMPION).read_text(encoding="utf-8"))
        version = int(pointer["version"])
        return PromotedAurora(version, load_aurora(folder / f"v{version}"))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, PolicyMismatchError) as error:
        message = f"the promoted Aurora of site {context.site_name} cannot be used: {error}"
        raise ConfigurationError(message, "`darkstar models` lists versions; train anew or roll back") from error
