"""Versions of a site's registered models: their names, and their folders in the state folder.

    <state folder>/models/<site>/<family>-<site>/v<version>/    the bundle of a version, never changed

What does not belong here: which version is in use (`champion_pointer`), and what MLflow records of one (`registry`).
"""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import ConfigurationError, DataRefusedError
from darkstar_pipeline.state.folder_names import MODELS_FOLDER
from planner.artifacts.atomic_files import atomic_folder, make_folder
from planner.artifacts.bundle import MANIFEST, Bundle, read_bundle
from planner.policy_names import MODEL_REFERENCE

Family = Literal["antares", "aurora", "prices", "regressors"]
FAMILIES: tuple[Family, ...] = ("antares", "aurora", "prices", "regressors")
_FAMILY_OF_KIND: dict[str, Family] = {
    "rl": "antares",
    "lightgbm": "antares",
    "aurora": "aurora",
    "prices": "prices",
    "regressors": "regressors",
}
_FOLDER = re.compile(r"v([1-9][0-9]*)")


@dataclass(frozen=True)
class RegisteredModel:
    """A registered model of a site, and where its versions lie.

    Attributes:
        home: the state folder.
        site: name of the site.
        family: policies of every kind are versions of one model, `antares`.
    """

    home: Path
    site: str
    family: Family = "antares"

    @classmethod
    def of(cls, context: Context, family: Family = "antares") -> "RegisteredModel":
        """Return a registered model of a context's site."""
        return cls(context.home, context.site_name, family)

    @property
    def name(self) -> str:
        """The name in MLflow and in references.

        >>> RegisteredModel(Path("state"), "home").name
        'antares-home'
        """
        return registered_name(self.site, self.family)

    @property
    def folder(self) -> Path:
        """The folder of its versions and of the pointer to the one in use."""
        return models_folder(self.home, self.site) / self.name

    @property
    def lock(self) -> Path:
        """The lock of whoever registers, promotes or rolls back a version."""
        return self.folder / ".lock"

    def version_folder(self, version: int) -> Path:
        """Return the folder of a version's bundle."""
        return self.folder / f"v{version}"

    def versions(self) -> dict[int, Path]:
        """Return the folder of each version that is in the state folder, in ascending order."""
        paths = self.folder.iterdir() if self.folder.is_dir() else ()
        found = {int(match[1]): path for path in paths if (match := _FOLDER.fullmatch(path.name))}
        return dict(sorted(found.items()))


def models_folder(home: Path, site: str) -> Path:
    """Return the folder of everything that a site's trainings leave in the state folder."""
    return home / MODELS_FOLDER / site


def retrains_folder(context: Context) -> Path:
    """Return the folder of the reports of a site's retrains, each named by the day it is as of."""
    return models_folder(context.home, context.site_name) / "retrains"


def registered_name(site: str, family: Family = "antares") -> str:
    """Return the name of a site's registered model.

    >>> registered_name("home")
    'antares-home'
    """
    return f"{family}-{site}"


def family_of(kind: str) -> Family:
    """Return the family that a kind of bundle belongs to.

    Raises:
        ConfigurationError: there is no such kind.
    """
    if kind not in _FAMILY_OF_KIND:
        raise ConfigurationError(f"bundles of kind {kind!r} are not registered", f"known: {', '.join(_FAMILY_OF_KIND)}")
    return _FAMILY_OF_KIND[kind]


def find_model(context: Context, name: str | None = None) -> RegisteredModel:
    """Return the registered model of a name; None is that of the policies.

    Raises:
        ConfigurationError: the site has no model of that name.
    """
    if name is None:
        return RegisteredModel.of(context)
    models = {model.name: model for model in (RegisteredModel.of(context, family) for family in FAMILIES)}
    if name not in models:
        message = f"{name!r} is no registered model of site {context.site_name}"
        raise ConfigurationError(message, f"known: {', '.join(models)}")
    return models[name]


def parse_reference(text: str) -> tuple[str, int]:
    """Return the registered name and the version of `models:/NAME/VERSION`.

    Raises:
        ConfigurationError: it is written otherwise.

    >>> parse_reference("models:/antares-home/3")
    ('antares-home', 3)
    """
    name, _, version = text.removeprefix(MODEL_REFERENCE).rpartition("/")
    if not text.startswith(MODEL_REFERENCE) or not name or not (version.isascii() and version.isdigit()):
        raise ConfigurationError(f"{text!r} names no version of a model", "write it as models:/antares-home/3")
    return name, int(version)


def reference(name: str, version: int) -> str:
    """Return the name of a version among policies.

    >>> reference("antares-home", 3)
    'models:/antares-home/3'
    """
    return f"{MODEL_REFERENCE}{name}/{version}"


def place_bundle(target: Path, source: Path, bundle: Bundle) -> None:
    """Copy a bundle to a version's folder, whole or not at all; one that is there already is left alone.

    Args:
        target: the version's folder.
        source: the folder to copy.
        bundle: its contents.

    Raises:
        DataRefusedError: another bundle is there.
    """
    if target.exists():
        if read_bundle(target).identity != bundle.identity:
            message = f"{target} holds another bundle than the version registered under its number"
            raise DataRefusedError(message, "MLflow's store was made anew: move the old folder of models away")
        return
    make_folder(target.parent)
    with atomic_folder(target) as temporary:
        for name in (MANIFEST, *bundle.manifest.files):
            shutil.copyfile(source / name, temporary / name)
