"""Which version of a model is in use: one small file, replaced whole, that serving reads.

The pointer is the truth; MLflow's alias follows it (`moves`). Nothing here imports MLflow or torch.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from darkstar_pipeline.config.fingerprints import tariff_version
from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.models.version import model_folder, registered_name
from darkstar_pipeline.state.atomic_files import atomic_write
from planner.artifacts.bundle import Bundle, read_bundle
from planner.errors import PolicyMismatchError

POINTER = "champion.json"


class _Whole(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class VersionRef(_Whole):
    """A version that is or was in use."""

    version: int = Field(description="of the registered model")
    identity: str = Field(description="hash of its bundle")
    path: str = Field(description="of its bundle, from the pointer's folder")


class Pointer(VersionRef):
    """The version in use, and those before it."""

    model: str = Field(description="name of the registered model")
    previous: tuple[VersionRef, ...] = Field(default=(), description="what a rollback goes back to, the latest first")
    move: str = Field(description="id of the promotion or rollback that put it here")
    at: datetime = Field(description="when that was, UTC")

    @property
    def ref(self) -> VersionRef:
        """The version without what is around it."""
        return VersionRef(version=self.version, identity=self.identity, path=self.path)


@dataclass(frozen=True)
class Champion:
    """The bundle in use.

    Attributes:
        pointer: which it is.
        folder: where it stands.
        bundle: its contents.
    """

    pointer: Pointer
    folder: Path
    bundle: Bundle


def read_pointer(folder: Path) -> Pointer | None:
    """The pointer in a model's folder; None where no version was promoted.

    Raises:
        ConfigurationError: the file is damaged.
    """
    try:
        return Pointer.model_validate_json((folder / POINTER).read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        first = error.errors()[0]
        message = f"{folder / POINTER} is damaged: {'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
        raise ConfigurationError(
            message, "remove it and promote a version: `darkstar models promote VERSION`"
        ) from error


def champion_version(context: Context, name: str | None = None) -> int | None:
    """The version in use; None where none was promoted.

    Raises:
        ConfigurationError: the pointer is damaged.
    """
    pointer = read_pointer(model_folder(context, registered_name(context.site_name) if name is None else name))
    return None if pointer is None else pointer.version


def write_pointer(folder: Path, pointer: Pointer | None) -> None:
    """Flip the pointer: readers see the old one or the new one; None leaves no version in use."""
    path = folder / POINTER
    if pointer is None:
        path.unlink(missing_ok=True)
        return
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as temporary:
        temporary.write_text(pointer.model_dump_json(indent=1), encoding="utf-8")


def load_champion(context: Context, name: str | None = None) -> Champion | None:
    """The bundle in use; None where no version was promoted, and so `value` decides.

    Args:
        context: the site.
        name: its registered model; None is `antares-<site>`.

    Raises:
        ConfigurationError: the pointer is damaged.
        PolicyMismatchError: the bundle is missing, damaged, not the one promoted, or made for another tariff.
    """
    folder = model_folder(context, registered_name(context.site_name) if name is None else name)
    pointer = read_pointer(folder)
    if pointer is None:
        return None
    bundle = read_seat(folder, pointer, tariff=tariff_version(context.site_settings))
    return Champion(pointer, folder / pointer.path, bundle)


def read_seat(folder: Path, seat: VersionRef, *, tariff: str | None = None) -> Bundle:
    """The bundle of a version, found to be the one that was promoted.

    Raises:
        PolicyMismatchError: it is missing, damaged, another one, or made for another tariff.
    """
    bundle = read_bundle(folder / seat.path, kind=None, tariff=tariff)
    if bundle.identity != seat.identity:
        message = f"{folder / seat.path}: not the bundle that was promoted as version {seat.version}"
        raise PolicyMismatchError(message)
    return bundle
