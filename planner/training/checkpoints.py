"""Checkpoints of reinforcement learning: one file a member, replaced atomically after every round; it runs no code.

A round begins with random numbers and environments of its own, drawn from the seed and the round's number; so weights,
the optimisers' moments and the rounds' costs are all there is to keep, and a resumed training is the undisturbed one
to the bit.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from env.gym.episodes import Episodes
from planner.artifacts.atomic_files import atomic_file, make_folder
from planner.errors import CheckpointError
from planner.training.rl_config import PpoTraining

SCHEMA = 1
Tensors = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class MemberCheckpoint:
    """State of a member after a round.

    Attributes:
        costs: validation cost of every round, that before training first [money].
        best: number of the cheapest round.
        weights: weights of the policy in that round.
        parameters: parameters of networks and optimisers after the last round.
    """

    costs: tuple[float, ...]
    best: int
    weights: Tensors
    parameters: Tensors


class Checkpoints:
    """A folder of one training's checkpoints.

    Args:
        folder: folder of the files; created if missing.
        fingerprint: fingerprint of the training; files of another training are refused.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self._folder, self._fingerprint = folder, fingerprint
        make_folder(folder)

    def path(self, member: int) -> Path:
        """Return the file of a member."""
        return self._folder / f"member_{member}.safetensors"

    def save(self, member: int, checkpoint: MemberCheckpoint) -> None:
        """Replace the checkpoint of a member atomically."""
        metadata = {
            "schema": SCHEMA,
            "fingerprint": self._fingerprint,
            "costs": checkpoint.costs,
            "best": checkpoint.best,
        }
        tensors = {f"best/{name}": value for name, value in checkpoint.weights.items()}
        tensors |= {f"now/{name}": value for name, value in checkpoint.parameters.items()}
        content = save({n: np.ascontiguousarray(v) for n, v in tensors.items()}, {"training": json.dumps(metadata)})
        with atomic_file(self.path(member)) as temporary:
            temporary.write_bytes(content)

    def load(self, member: int) -> MemberCheckpoint | None:
        """Return the checkpoint of a member; None if there is none.

        Raises:
            CheckpointError: the file is damaged, or of another training.
        """
        path = self.path(member)
        if not path.exists():
            return None
        remedy = "train into another folder, or remove this one"
        try:
            with cast("Any", safe_open)(path, "np") as file:  # its own types say nothing
                metadata: dict[str, Any] = json.loads(file.metadata()["training"])
                tensors: Tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            message = f"{path} cannot be read: {error}; {remedy}"
            raise CheckpointError(message) from error
        if (metadata.get("schema"), metadata.get("fingerprint")) != (SCHEMA, self._fingerprint):
            message = f"{path} is of a training with other days or sizes; {remedy}"
            raise CheckpointError(message)
        return MemberCheckpoint(
            costs=tuple(metadata["costs"]),
            best=metadata["best"],
            weights=_under("best/", tensors),
            parameters=_under("now/", tensors),
        )


def _under(prefix: str, tensors: Tensors) -> Tensors:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def fingerprint(config: PpoTraining, *sets: Episodes) -> str:
    """Return the fingerprint of a training: a hash of its settings and of every number of the days."""
    digest = hashlib.sha256(f"{config!r} {torch.__version__}".encode())
    for episodes in sets:
        outlook = episodes.outlook
        for part in (episodes, outlook) if outlook is not None else (episodes,):
            for field in fields(part):
                value: object = getattr(part, field.name)
                content = cast("NDArray[Any]", value).tobytes() if isinstance(value, np.ndarray) else b""
                digest.update(field.name.encode() + content)
        digest.update(repr((episodes.sites, episodes.labels)).encode())
    return digest.hexdigest()


def parameters(model: Any) -> Tensors:  # noqa: ANN401 - any of Stable-Baselines3's learners
    """Return copies of every tensor in a learner's networks and optimisers, by path."""
    found: dict[str, NDArray[Any]] = {}
    for name, state in model.get_parameters().items():
        for path, tensor in _tensors(state, name):
            found[path] = tensor.detach().numpy().copy()
    return found


def restore(model: Any, tensors: Tensors) -> None:  # noqa: ANN401 - any of Stable-Baselines3's learners
    """Restore `parameters` in a learner of the same configuration."""
    states: dict[str, dict[str, Any]] = model.get_parameters()
    for name, state in states.items():
        own = {
            path.removeprefix(f"{name}/"): torch.tensor(v) for path, v in tensors.items() if path.startswith(f"{name}/")
        }
        if "param_groups" not in state:
            states[name] = own
            continue
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for path, value in own.items():
            _, place, moment = path.split("/")
            moments.setdefault(int(place), {})[moment] = value
        states[name] = {**state, "state": moments}
    model.set_parameters(states, exact_match=True)


def _tensors(state: object, path: str) -> list[tuple[str, torch.Tensor]]:
    if isinstance(state, torch.Tensor):
        return [(path, state)]
    if not isinstance(state, dict):
        return []
    entries = cast("dict[Any, object]", state).items()
    return [found for key, value in entries for found in _tensors(value, f"{path}/{key}")]
