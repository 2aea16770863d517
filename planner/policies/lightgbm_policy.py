"""`AntaresPolicyV1`: boosted trees as a policy; needs neither LightGBM nor what it brings along to run.

For each of a few corrections of the value function the trees predict how much more the corrected command costs, in
expectation, than the uncorrected one. The cheapest is taken where it saves more than a margin, else nothing is
corrected. In its bundle (`planner.artifacts.bundle`, kind `lightgbm`) lies `trees.txt`, LightGBM's own text; a policy
that found nothing to correct has none.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from env.gym.actions import Correction
from env.gym.home_batch import Setup
from env.gym.states import State
from env.inverter import Energy
from planner.artifacts.bundle import Bundle, Manifest, save_bundle
from planner.artifacts.tree_ensemble import TreeEnsemble, parse_tree_ensemble
from planner.errors import PolicyMismatchError
from planner.value.scenario_weights import NAIVE, WeightRules

KIND = "lightgbm"
REWARD = "regret_of_hindsight_v1"
TREES = "trees.txt"


@dataclass(frozen=True, kw_only=True)
class Corrections:
    """The corrections to choose from.

    Attributes:
        offset: size of the largest correction, in spreads of the day's import prices.
        levels: corrections, -1 to 1 without 0.
        margin: least saving of a correction [money].
    """

    offset: float
    levels: tuple[float, ...]
    margin: float


class AntaresPolicyV1:
    """Policy that corrects the value function by the correction with the least expected cost.

    Args:
        manifest: manifest of its bundle, whose details are `offset`, the size of the largest correction, `levels`, the
            corrections there are (-1 to 1), `margin`, what one has to save [money], `trees`, whether there are any, and
            `beliefs`.
        trees: LightGBM's text; None corrects nothing.
        gated: whether the price gate stands between the policy and the inverter.

    Raises:
        PolicyMismatchError: trees and manifest contradict each other.
    """

    def __init__(self, manifest: Manifest, trees: bytes | None, *, gated: bool = False) -> None:
        self.manifest, self._text = manifest, trees
        try:
            correction = Correction(offset=float(manifest.details["offset"]))
            self.levels: Energy = np.array(manifest.details["levels"], dtype=np.float64)
            self.margin = float(manifest.details["margin"])
            self.weight_rules = WeightRules.of_document(manifest.details["beliefs"])
        except (KeyError, TypeError, ValueError) as error:
            message = f"the bundle lacks something, or has something unknown: {error}"
            raise PolicyMismatchError(message) from error
        self.setup = Setup(action=manifest.action, correction=correction, gated=gated)
        self._trees: TreeEnsemble | None = None if trees is None else parse_tree_ensemble(trees)
        if bool(manifest.details.get("trees")) != (trees is not None):
            message = "the manifest speaks of trees, there are none" if trees is None else "the manifest knows no trees"
            raise PolicyMismatchError(message)
        if self._trees is not None and self._trees.n_features != len(manifest.columns) + 1:
            message = (
                f"the trees see {self._trees.n_features} columns, the manifest has {len(manifest.columns)} and a level"
            )
            raise PolicyMismatchError(message)

    def predict(self, state: State) -> NDArray[np.float32]:
        """Return corrections, -1 to 1, `(n_homes, 1)` or `(1,)`, of states `(n_homes, n_columns)` or `(n_columns,)`."""
        return self.corrections(state, self.margin)

    def corrections(self, state: State, margin: float | Energy) -> NDArray[np.float32]:
        """Return corrections as `predict` does, with another margin, of all states or of each `(n_homes,)` [money]."""
        seen = np.atleast_2d(state)
        if self._trees is None or not len(self.levels):
            return np.zeros((*state.shape[:-1], 1), dtype=np.float32)
        extra_cost = self._trees.predict(with_levels(seen, self.levels)).reshape(len(seen), -1)
        best = extra_cost.argmin(axis=1)
        saved = -extra_cost[np.arange(len(seen)), best]
        chosen = np.where(saved > margin, self.levels[best], 0.0)
        return chosen.astype(np.float32).reshape(*state.shape[:-1], 1)

    def files(self) -> dict[str, bytes]:
        """Return the contents of the bundle's files by name."""
        return {} if self._text is None else {TREES: self._text}

    def save(self, folder: Path) -> Bundle:
        """Write the bundle."""
        return save_bundle(folder, self.manifest, self.files())


def with_levels(state: State, levels: Energy) -> State:
    """Return every state once with each level behind its columns `(n_homes * n_levels, n_columns + 1)`."""
    repeated = np.repeat(state, len(levels), axis=0)
    behind = np.tile(levels, len(state)).astype(np.float32)[:, None]
    return np.concatenate([repeated, behind], axis=1, dtype=np.float32)


def lightgbm_manifest(
    *,
    state: str,
    columns: tuple[str, ...],
    among: Corrections,
    trees: bool,
    weight_rules: WeightRules = NAIVE,
    tariff: str = "",
) -> Manifest:
    """Return the manifest of such a policy; `trees` says whether there are any."""
    return Manifest(
        kind=KIND,
        algorithm="lightgbm",
        state=state,
        columns=columns,
        action="correction",
        reward=REWARD,
        tariff=tariff,
        details={**asdict(among), "trees": trees, "beliefs": weight_rules.document()},
    )


def lightgbm_policy(bundle: Bundle, *, gated: bool = False) -> AntaresPolicyV1:
    """Return the policy of a bundle.

    Raises:
        PolicyMismatchError: the bundle holds something else.
    """
    if bundle.manifest.kind != KIND:
        message = f"a bundle of kind {bundle.manifest.kind}, not {KIND}"
        raise PolicyMismatchError(message)
    return AntaresPolicyV1(bundle.manifest, bundle.files.get(TREES), gated=gated)
