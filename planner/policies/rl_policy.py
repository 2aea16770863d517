"""`AntaresRLPolicyV1`: a trained network as a policy, in numbers alone; needs neither torch nor Stable-Baselines3.

In its bundle (`planner.artifacts.bundle`, kind `rl`) lie `weights.safetensors` and, among the manifest's details, the
reach of its actions and the rules of the scenario weights behind the state it sees.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from env.gym.actions import Correction
from env.gym.home_batch import Setup
from env.gym.states import State
from planner.artifacts.bundle import Bundle, Manifest, save_bundle
from planner.errors import PolicyMismatchError
from planner.value.scenario_weights import NAIVE, WeightRules

KIND = "rl"
REWARD = "cost_against_value_v1"
WEIGHTS = "weights.safetensors"
Weights = Mapping[str, NDArray[np.float32]]


class AntaresRLPolicyV1:
    """Deterministic policy of a trained network.

    Args:
        manifest: manifest of its bundle, whose details are `offset` and `scale`, the size of a correction, and
            `beliefs`.
        weights: layers `0`, `1`, …: `<n>.weight` `(n_out, n_in)` and `<n>.bias` `(n_out,)`; tanh between them.
        gated: whether the price gate stands between the policy and the inverter.

    Raises:
        PolicyMismatchError: weights and manifest contradict each other.
    """

    def __init__(self, manifest: Manifest, weights: Weights, *, gated: bool = False) -> None:
        self.manifest = manifest
        n_layers = len(weights) // 2
        try:
            self._layers = [(weights[f"{layer}.weight"], weights[f"{layer}.bias"]) for layer in range(n_layers)]
            self.setup = _setup(manifest, gated=gated)
            self.weight_rules = WeightRules.of_document(manifest.details["beliefs"])
        except (KeyError, TypeError) as error:
            message = f"the bundle lacks something, or has something unknown: {error}"
            raise PolicyMismatchError(message) from error
        if not self._layers or self._layers[0][0].shape[1] != len(manifest.columns):
            taken = self._layers[0][0].shape[1] if self._layers else 0
            message = f"the weights take {taken} columns, the manifest has {len(manifest.columns)}"
            raise PolicyMismatchError(message)

    def predict(self, state: State) -> NDArray[np.float32]:
        """Actions of states `(n_homes, n_columns)` or `(n_columns,)`, each -1 to 1, shaped `(n_homes, 1)` or `(1,)`."""
        hidden = state
        for weight, bias in self._layers[:-1]:
            hidden = np.tanh(hidden @ weight.T + bias)
        weight, bias = self._layers[-1]
        return np.clip(hidden @ weight.T + bias, -1.0, 1.0).astype(np.float32)

    def files(self) -> dict[str, bytes]:
        """Contents of the bundle's files by name."""
        from safetensors.numpy import save

        parts = ("weight", "bias")
        named = {
            f"{n}.{part}": np.ascontiguousarray(value)
            for n, layer in enumerate(self._layers)
            for part, value in zip(parts, layer, strict=True)
        }
        return {WEIGHTS: save(named)}

    def save(self, folder: Path) -> Bundle:
        """Write the bundle."""
        return save_bundle(folder, self.manifest, self.files())


def rl_manifest(
    *,
    algorithm: str,
    state: str,
    columns: tuple[str, ...],
    correction: Correction,
    weight_rules: WeightRules = NAIVE,
    tariff: str = "",
) -> Manifest:
    """Return the manifest of a policy that corrects the value of stored energy."""
    return Manifest(
        kind=KIND,
        algorithm=algorithm,
        state=state,
        columns=columns,
        action="correction",
        reward=REWARD,
        tariff=tariff,
        details={"offset": correction.offset, "scale": correction.scale, "beliefs": weight_rules.document()},
    )


def _setup(manifest: Manifest, *, gated: bool) -> Setup:
    """Return the setup of environments that run it."""
    correction = Correction(offset=float(manifest.details["offset"]), scale=float(manifest.details["scale"]))
    return Setup(action=manifest.action, correction=correction, gated=gated)


def rl_policy(bundle: Bundle, *, gated: bool = False) -> AntaresRLPolicyV1:
    """Return the policy of a bundle.

    Raises:
        PolicyMismatchError: the bundle holds something else.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    if bundle.manifest.kind != KIND or WEIGHTS not in bundle.files:
        message = f"a bundle of kind {bundle.manifest.kind} with {sorted(bundle.files)}, not {KIND} with {WEIGHTS}"
        raise PolicyMismatchError(message)
    try:
        weights = load(bundle.files[WEIGHTS])
    except SafetensorError as error:
        message = f"the weights cannot be read: {error}"
        raise PolicyMismatchError(message) from error
    return AntaresRLPolicyV1(bundle.manifest, weights, gated=gated)
