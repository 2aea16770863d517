"""The pointer to the version of a model that is in use: one small file, replaced whole, that serving reads.

The pointer is the truth; MLflow's alias follows it (`aliases`). Nothing here imports MLflow or torch. Its keys are
those of version 0.1: a service of that release follows it and refuses any other key.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from darkstar_pipeline.config.fingerprints import tariff_version
from darkstar_pipeline.config.validation import describe_validation
from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.models.version import RegisteredModel, find_model
from darkstar_pipeline.state.atomic_files import atomic_write
from planner.artifacts.atomic_files import make_folder
from planner.artifacts.bundle import Bundle, read_bundle
from planner.errors import PolicyMismatchError

POINTER = "champion.json"


class VersionRef(BaseModel):
    """A version that is or was in use."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = Field(description="Number of the version of the registered model.")
    identity: str = Field(description="Content hash of its bundle.")
    path: str = Field(description="Folder of its bundle, relative to the pointer's folder.")


class Pointer(VersionRef):
    """The version in use, and those before it."""

    model: str = Field(description="Name of the registered model.")
    previous: tuple[VersionRef, ...] = Field(
        default=(), description="Versions that rollbacks return to, the latest first."
    )
    move: str = Field(description="Id of the promotion or rollback that wrote the pointer.")
    at: datetime = Field(description="Time of that promotion or rollback, UTC.")

    @property
    def ref(self) -> VersionRef:
        """Return the version without its history."""
        return VersionRef(version=self.version, identity=self.identity, path=self.path)


@dataclass(frozen=True)
class Champion:
    """The version in use, loaded.

    Attributes:
        pointer: the pointer that names it.
        folder: the folder of its bundle.
        bundle: the contents of its bundle.
    """

    pointer: Pointer
    folder: Path
    bundle: Bundle


def read_pointer(folder: Path) -> Pointer | None:
    """Return the pointer in a model's folder; None where no version was promoted.

    Raises:
        ConfigurationError: the file is damaged.
    """
    try:
        return Pointer.model_validate_json((folder / POINTER).read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        wrong = describe_validation(error, whole="the whole file")
        hint = "remove it and promote a version: `darkstar models promote VERSION`"
        raise ConfigurationError(f"{folder / POINTER} is damaged: {wrong}", hint) from error


def champion_version(context: Context) -> int | None:
    """Return the version of the policies that is in use; None where none was promoted.

    Raises:
        ConfigurationError: the pointer is damaged.
    """
    pointer = read_pointer(RegisteredModel.of(context).folder)
    return None if pointer is None else pointer.version


def write_pointer(folder: Path, pointer: Pointer | None) -> None:
    """Replace the pointer at once: readers see the old one or the new one; None leaves no version in use."""
    path = folder / POINTER
    if pointer is None:
        path.unlink(missing_ok=True)
        return
    make_folder(folder)
    with atomic_write(path) as temporary:
        temporary.write_text(pointer.model_dump_json(indent=1), encoding="utf-8")


def load_champion(context: Context, name: str | None = None) -> Champion | None:
    """Return the version in use; None where none was promoted, so that `value` decides.

    Args:
        context: the site.
        name: its registered model; None is that of the policies.

    Raises:
        ConfigurationError: the pointer is damaged.
        PolicyMismatchError: the bundle is missing, damaged, not the one promoted, or made for another tariff.
    """
    model = find_model(context, name)
    pointer = read_pointer(model.folder)
    if pointer is None:
        return None
    bundle = read_version(model.folder, pointer, tariff=tariff_version(context.site_settings))
    return Champion(pointer, model.folder / pointer.path, bundle)


def read_version(folder: Path, ref: VersionRef, *, tariff: str | None = None) -> Bundle:
    """Return the bundle of a version after checking that it is the one that was promoted.

    Args:
        folder: the model's folder.
        ref: the version.
        tariff: fingerprint of the site's tariff; None where the bundle need not fit one.

    Raises:
        PolicyMismatchError: it is missing, damaged, another one, or made for another tariff.
    """
    bundle = read_bundle(folder / ref.path, kind=None, tariff=tariff)
    if bundle.identity != ref.identity:
        message = f"{folder / ref.path}: not the bundle that was promoted as version {ref.version}"
        raise PolicyMismatchError(message)
    return bundle
