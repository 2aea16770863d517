"""What a site's registered models are called, and where their bundles stand."""

from pathlib import Path
from typing import Literal

from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import ConfigurationError

MODELS_FOLDER = "models"
LOCK = ".lock"
Family = Literal["antares", "aurora", "regressors"]

_FAMILIES: dict[str, Family] = {"rl": "antares", "lightgbm": "antares", "aurora": "aurora", "regressors": "regressors"}
FAMILIES: tuple[Family, ...] = ("antares", "aurora", "regressors")
_REFERENCE = "models:/"


def registered_name(site: str, family: Family = "antares") -> str:
    """Name of a site's registered model: policies of every kind are versions of one.

    >>> registered_name("home")
    'antares-home'
    """
    return f"{family}-{site}"


def family_of(kind: str) -> Family:
    """The registered model that a kind of bundle belongs to.

    Raises:
        ConfigurationError: no such kind.
    """
    if kind not in _FAMILIES:
        raise ConfigurationError(f"bundles of kind {kind!r} are not registered", f"known: {', '.join(_FAMILIES)}")
    return _FAMILIES[kind]


def model_folder(context: Context, name: str) -> Path:
    """Where the versions of a registered model of the site stand.

    Raises:
        ConfigurationError: the name is not one of the site's.
    """
    known = [registered_name(context.site_name, family) for family in FAMILIES]
    if name not in known:
        message = f"{name!r} is no registered model of site {context.site_name}"
        raise ConfigurationError(message, f"known: {', '.join(known)}")
    return context.home / MODELS_FOLDER / context.site_name / name


def retrains_folder(context: Context) -> Path:
    """Where the reports of the site's retrains stand, each named by the day it is as of."""
    return context.home / MODELS_FOLDER / context.site_name / "retrains"


def version_folder(context: Context, name: str, version: int) -> Path:
    """Where the bundle of a version stands; it is never changed.

    Raises:
        ConfigurationError: the name is not one of the site's.
    """
    return model_folder(context, name) / f"v{version}"


def parse_reference(text: str) -> tuple[str, int]:
    """Registered name and version of `models:/NAME/VERSION`.

    Raises:
        ConfigurationError: it is written otherwise.

    >>> parse_reference("models:/antares-home/3")
    ('antares-home', 3)
    """
    name, _, version = text.removeprefix(_REFERENCE).rpartition("/")
    if not text.startswith(_REFERENCE) or not name or not (version.isascii() and version.isdigit()):
        raise ConfigurationError(f"{text!r} names no version of a model", "write it as models:/antares-home/3")
    return name, int(version)


def reference(name: str, version: int) -> str:
    """How a version is named among policies.

    >>> reference("antares-home", 3)
    'models:/antares-home/3'
    """
    return f"{_REFERENCE}{name}/{version}"
