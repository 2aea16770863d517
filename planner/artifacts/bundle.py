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
    """What a bundle is, and what it may be used with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = Field(default=SCHEMA, description="of this form")
    kind: str = Field(description="`rl`, `lightgbm`, `regressors` or `aurora`: says how the files are read")
    algorithm: str = Field(description="what trained it, such as `ppo`")
    state: str = Field(default="", description="version of the state it sees; empty where it sees none")
    columns: tuple[str, ...] = Field(default=(), description="of that state, in order")
    action: str = Field(default="", description="form of its actions (`env.gym.actions.ACTIONS`)")
    reward: str = Field(default="", description="version of the reward it was trained on")
    tariff: str = Field(default="", description="version of the tariff it was trained under; empty fits every tariff")
    details: dict[str, Any] = Field(default_factory=dict, description="figures that the kind needs besides")
    files: dict[str, str] = Field(default_factory=dict, description="SHA-256 of each file by name")


@dataclass(frozen=True)
class Bundle:
    """A bundle that has been read and found whole.

    Attributes:
        manifest: what it is.
        files: contents by name.
        identity: hash of the manifest, and so of everything.
    """

    manifest: Manifest
    files: Mapping[str, bytes]
    identity: str


def save_bundle(folder: Path, manifest: Manifest, files: Mapping[str, bytes]) -> Bundle:
    """Write a bundle whole or not at all; what stands there already is replaced.

    Args:
        folder: where; its parents are made.
        manifest: its `files` are filled in here.
        files: contents by plain name.
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
    """Read a bundle and check that it is whole and fits.

    Args:
        folder: where it is.
        kind: what it has to be; None for anything.
        tariff: version of the tariff it will be used under; None does not ask.

    Raises:
        PolicyMismatchError: it is missing or damaged, or made for something else; says what.
    """
    try:
        text = (folder / MANIFEST).read_bytes()
        manifest = Manifest.model_validate_json(text)
    except OSError as error:
        message = f"{folder}: no bundle can be read there: {error}"
        raise PolicyMismatchError(message) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole file"
        message = f"{folder}: the manifest cannot be read: {place}: {first['msg']}"
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
    """Contents of the files that the manifest names.

    Raises:
        PolicyMismatchError: one is missing, or not the one meant.
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
    """Refuse a bundle that sees another state.

    Raises:
        PolicyMismatchError: says which it was made for.
    """
    if (manifest.state, manifest.columns) != (state, columns):
        message = f"made for state {manifest.state} with {len(manifest.columns)} columns, not {state}"
        raise PolicyMismatchError(message)
