"""`AntaresRLPolicyV1`: a trained network as a policy, in numbers alone.

A bundle is a folder: `weights.safetensors` and `manifest.json`, which says what the weights may be used with. Loading
runs no code, and needs neither torch nor Stable-Baselines3.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from env.actions import Correction
from env.home_batch import Setup
from env.states import State
from planner.errors import PolicyMismatchError

SCHEMA = 1
WEIGHTS, MANIFEST = "weights.safetensors", "manifest.json"
Weights = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a bundle's weights may be used with.

    Attributes:
        schema: version of this form.
        algorithm: what trained them, such as `ppo`.
        state: version of the state, such as `v2`.
        columns: of the state, in order.
        action: form of the actions, such as `correction`.
        offset: reach of a correction, in spreads of the day's import prices.
        scale: reach of a correction, as a share of the worth.
        weights_sha256: of the weights' file.
    """

    schema: int
    algorithm: str
    state: str
    columns: tuple[str, ...]
    action: str
    offset: float
    scale: float
    weights_sha256: str

    @property
    def setup(self) -> Setup:
        """How environments are run with it."""
        return Setup(action=self.action, correction=Correction(offset=self.offset, scale=self.scale))


class AntaresRLPolicyV1:
    """State -> action of a trained network, without chance.

    Args:
        manifest: what it may be used with.
        weights: layers `0`, `1`, …: `<n>.weight` `(n_out, n_in)` and `<n>.bias` `(n_out,)`; tanh between them.
    """

    def __init__(self, manifest: Manifest, weights: Weights) -> None:
        self.manifest = manifest
        n_layers = len(weights) // 2
        self._layers = [(weights[f"{layer}.weight"], weights[f"{layer}.bias"]) for layer in range(n_layers)]
        if self._layers[0][0].shape[1] != len(manifest.columns):
            message = (
                f"the weights take {self._layers[0][0].shape[1]} columns, the manifest has {len(manifest.columns)}"
            )
            raise PolicyMismatchError(message)

    def predict(self, state: State) -> NDArray[np.float32]:
        """Actions of states `(n_homes, n_columns)` or `(n_columns,)`, each -1 to 1, shaped `(n_homes, 1)` or `(1,)`."""
        hidden = state
        for weight, bias in self._layers[:-1]:
            hidden = np.tanh(hidden @ weight.T + bias)
        weight, bias = self._layers[-1]
        return np.clip(hidden @ weight.T + bias, -1.0, 1.0).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write the bundle; the manifest comes last, so that a folder with one is whole."""
        from safetensors.numpy import save

        folder.mkdir(parents=True, exist_ok=True)
        layers = enumerate(self._layers)
        content = save(
            {
                f"{n}.{part}": np.ascontiguousarray(value)
                for n, pair in layers
                for part, value in zip(("weight", "bias"), pair, strict=True)
            }
        )
        (folder / WEIGHTS).write_bytes(content)
        told = {**vars(self.manifest), "weights_sha256": hashlib.sha256(content).hexdigest()}
        (folder / MANIFEST).write_text(json.dumps(told, indent=1, sort_keys=True), encoding="utf-8")


def load_policy(folder: Path, *, state: str, columns: tuple[str, ...]) -> AntaresRLPolicyV1:
    """The policy of a bundle.

    Args:
        folder: where it is.
        state: version of the state it will be given.
        columns: of that state, in order.

    Raises:
        PolicyMismatchError: the bundle is damaged, or made for something else; says what.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    told: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    if told.get("schema") != SCHEMA:
        message = f"{folder}: bundles of schema {SCHEMA} can be read, this one is {told.get('schema')}"
        raise PolicyMismatchError(message)
    told["columns"] = tuple(told["columns"])
    manifest = Manifest(**told)
    if (manifest.state, manifest.columns) != (state, columns):
        message = f"{folder}: made for state {manifest.state} with {len(manifest.columns)} columns, not {state}"
        raise PolicyMismatchError(message)
    content = (folder / WEIGHTS).read_bytes()
    if hashlib.sha256(content).hexdigest() != manifest.weights_sha256:
        message = f"{folder}: the weights are not those the manifest speaks of"
        raise PolicyMismatchError(message)
    try:
        weights = load(content)
    except SafetensorError as error:
        message = f"{folder}: the weights cannot be read: {error}"
        raise PolicyMismatchError(message) from error
    return AntaresRLPolicyV1(manifest, weights)
