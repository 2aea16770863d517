"""A trained model as a folder that runs no code: files in plain formats, and a manifest that says what they fit.

The manifest holds a hash of every file and is hashed itself for the bundle's identity. A bundle is written aside and
moved in whole, and never changed afterwards. What does not belong here: what the files mean (`rl_policy`,
`lightgbm_policy`, `aurora_bundle`), and which bundle is in use (`darkstar_pipeline.models`).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from planner.artifacts.atomic_files import atomic_folder
from planner.errors import PolicyMismatchError

SCHEMA = 2
MANIFEST = "manifest.json"


class Manifest(BaseModel):
    """Manifest of a bundle: its content, and the state, tariff and form that it fits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = Field(default=SCHEMA, description="Version of the manifest's form.")
    kind: str = Field(
        description="Kind of model, which decides how the files are read: `rl`, `lightgbm`, `regressors`, `aurora` "
        "or `prices`."
    )
    algorithm: str = Field(description="Training algorithm, such as `ppo`.")
    state: str = Field(default="", description="Version of the observed state; empty without one.")
    columns: tuple[str, ...] = Field(default=(), description="Columns of that state, in order.")
    action: str = Field(default="", description="Form of the actions (`env.gym.actions.ACTIONS`).")
    reward: str = Field(default="", description="Version of the reward of training.")
    tariff: str = Field(default="", description="Version of the tariff of training; empty fits every tariff.")
    details: dict[str, Any] = Field(default_factory=dict, description="Further values that the kind needs.")
    files: dict[str, str] = Field(default_factory=dict, description="SHA-256 of each file by name.")


@dataclass(frozen=True)
class Bundle:
    """A bundle that was read and checked.

    Attributes:
        manifest: manifest.
        files: contents of the files by name.
        identity: hash of the manifest, and so of all files.
    """

    manifest: Manifest
    files: Mapping[str, bytes]
    identity: str


def save_bundle(folder: Path, manifest: Manifest, files: Mapping[str, bytes]) -> Bundle:
    """Write a bundle atomically; an existing one is replaced.

    Args:
        folder: folder of the bundle; its parents are created.
        manifest: manifest, whose `files` are filled in here.
        files: contents of the files by plain name.
    """
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    whole = manifest.model_copy(update={"files": hashes})
    text = whole.model_dump_json(indent=1).encode()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with atomic_folder(folder) as temporary:
        for name, content in {**files, MANIFEST: text}.items():
            (temporary / name).write_bytes(content)
    return Bundle(whole, dict(files), hashlib.sha256(text).hexdigest())


def read_bundle(folder: Path, *, kind: str | None = None, tariff: str | None = None) -> Bundle:
    """Read a bundle and check that it is complete and fits.

    Args:
        folder: folder of the bundle.
        kind: kind that it must have; None accepts any.
        tariff: version of the tariff that it must fit; None accepts any.

    Raises:
        PolicyMismatchError: the bundle is missing or damaged, or does not fit.
    """
    try:
        text = (folder / MANIFEST).read_bytes()
        manifest = Manifest.model_validate_json(text)
    except OSError as error:
        message = f"{folder}: no bundle can be read there: {error}"
        raise PolicyMismatchError(message) from error
    except ValidationError as error:
        places = [
            (".".join(str(part) for part in each["loc"]) or "the whole file", each["msg"]) for each in error.errors()
        ]
        wrong = "; ".join(f"{place}: {reason}" for place, reason in places)
        message = f"{folder}: the manifest cannot be read: {wrong}"
        raise PolicyMismatchError(message) from error
    if manifest.schema_version != SCHEMA:
        message = f"{folder}: bundles of schema {SCHEMA} can be read, this one is {manifest.schema_version}; train anew"
        raise PolicyMismatchError(message)
    if kind is not None and manifest.kind != kind:
        message = f"{folder}: a bundle of kind {manifest.kind}, not {kind}"
        raise PolicyMismatchError(message)
    if tariff is not None and manifest.tariff not in ("", tariff):
        message = (
            f"{folder}: trained under tariff {manifest.tariff}, the site's is {tariff}; train anew under this tariff"
        )
        raise PolicyMismatchError(message)
    return Bundle(manifest, _files(folder, manifest), hashlib.sha256(text).hexdigest())


def _files(folder: Path, manifest: Manifest) -> dict[str, bytes]:
    """Return the contents of the files that the manifest names.

    Raises:
        PolicyMismatchError: a file is missing, or has another hash.
    """
    contents: dict[str, bytes] = {}
    for name, expected in manifest.files.items():
        if Path(name).name != name:
            message = f"{folder}: {name!r} is no plain file name"
            raise PolicyMismatchError(message)
        try:
            contents[name] = (folder / name).read_bytes()
        except OSError as error:
            message = f"{folder}: {name} cannot be read: {error}"
            raise PolicyMismatchError(message) from error
        if hashlib.sha256(contents[name]).hexdigest() != expected:
            message = f"{folder}: {name} is not the file that the manifest speaks of"
            raise PolicyMismatchError(message)
    return contents


def check_state(manifest: Manifest, *, state: str, columns: tuple[str, ...]) -> None:
    """Refuse a bundle of another state.

    Raises:
        PolicyMismatchError: the bundle was made for another state.
    """
    if (manifest.state, manifest.columns) != (state, columns):
        message = f"made for state {manifest.state} with {len(manifest.columns)} columns, not {state}"
        raise PolicyMismatchError(message)
