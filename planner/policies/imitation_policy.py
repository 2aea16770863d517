"""`AntaresRegressors`: boosted trees that imitate the commands of MPC (behaviour cloning), one ensemble a power.

Trees predict the mean of MPC's commands in similar states, such as half a discharge where MPC commands all or none:
predictions are projected onto commands that an inverter can follow. In the bundle
(`planner.artifacts.bundle`, kind `regressors`) lies LightGBM's own text of each.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from env.gym.home_batch import Setup
from env.gym.states import State
from env.inverter import Energy
from planner.artifacts.bundle import Bundle, Manifest, save_bundle
from planner.artifacts.tree_ensemble import TreeEnsemble, parse_tree_ensemble
from planner.errors import PolicyMismatchError
from planner.value.scenario_weights import NAIVE, WeightRules

KIND = "regressors"
TARGETS = ("battery_charge_kw", "battery_discharge_kw", "export_kw")
CHARGE, DISCHARGE, EXPORT = range(len(TARGETS))


def file_name(target: str) -> str:
    """Return the file name of a target's trees in the bundle."""
    return f"{target}.txt"


class AntaresRegressors:
    """Policy that imitates MPC: three powers as shares of the largest.

    Args:
        manifest: manifest of its bundle, whose details are `floor`, the share below which a power counts as 0,
            `beliefs` and, where known, `metrics`.
        trees: LightGBM's text by target.
        gated: whether the price gate stands between the policy and the inverter.

    Raises:
        PolicyMismatchError: trees and manifest contradict each other.
    """

    def __init__(self, manifest: Manifest, trees: dict[str, bytes], *, gated: bool = False) -> None:
        self.manifest, self._text = manifest, trees
        try:
            self.floor = float(manifest.details["floor"])
            self.weight_rules = WeightRules.of_document(manifest.details["beliefs"])
            self._trees: list[TreeEnsemble] = [parse_tree_ensemble(trees[target]) for target in TARGETS]
        except (KeyError, TypeError, ValueError) as error:
            message = f"the bundle lacks something, or has something unknown: {error}"
            raise PolicyMismatchError(message) from error
        self.setup = Setup(action=manifest.action, gated=gated)
        taken = {each.n_features for each in self._trees}
        if taken != {len(manifest.columns)}:
            message = f"the trees see {sorted(taken)} columns, the manifest has {len(manifest.columns)}"
            raise PolicyMismatchError(message)

    def shares(self, state: State) -> Energy:
        """Predict powers of states `(n_homes, n_columns)` as shares of the largest power, 0-1 `(n_homes, 3)`."""
        return np.clip(np.stack([trees.predict(state) for trees in self._trees], axis=1), 0.0, 1.0)

    def predict(self, state: State) -> NDArray[np.float32]:
        """Powers to run, each -1 (none) to 1 (all): `(n_homes, 3)`, or `(3,)` of one state `(n_columns,)`."""
        shares = projected(self.shares(np.atleast_2d(state)), self.floor)
        return (2.0 * shares - 1.0).astype(np.float32).reshape(*state.shape[:-1], len(TARGETS))

    def files(self) -> dict[str, bytes]:
        """Contents of the bundle's files by name."""
        return {file_name(target): self._text[target] for target in TARGETS}

    def save(self, folder: Path) -> Bundle:
        """Write the bundle."""
        return save_bundle(folder, self.manifest, self.files())


def projected(shares: Energy, floor: float) -> Energy:
    """Project shares `(n_homes, 3)` onto commands that an inverter can follow.

    What is below the floor is none, what is within it of all is all. Charging from the grid and discharging exclude
    each other, the larger counts; charging exports nothing. Discharge with export sells from the battery, which MPC
    commands with both: where one of them is the weaker half of a mixture of covering and selling surplus, it goes.
    """
    feasible = np.where(shares < floor, 0.0, np.where(shares > 1.0 - floor, 1.0, shares))
    charging = feasible[:, CHARGE] > feasible[:, DISCHARGE]
    charge = np.where(charging, shares[:, CHARGE], 0.0)
    discharge = np.where(charging, 0.0, feasible[:, DISCHARGE])
    export = np.where(charging, 0.0, feasible[:, EXPORT])
    mixed = shares[:, DISCHARGE] + shares[:, EXPORT] <= 1.0  # of either one or the other: both would add up to more
    weaker = shares[:, DISCHARGE] < shares[:, EXPORT]
    discharge = np.where(mixed & (export > 0) & weaker, 0.0, discharge)
    export = np.where(mixed & (discharge > 0) & ~weaker, 0.0, export)
    return np.stack([charge, discharge, export], axis=1)


def regressors_manifest(
    *,
    state: str,
    columns: tuple[str, ...],
    floor: float,
    weight_rules: WeightRules = NAIVE,
    tariff: str = "",
) -> Manifest:
    """Return the manifest of such regressors."""
    return Manifest(
        kind=KIND,
        algorithm="lightgbm",
        state=state,
        columns=columns,
        action="powers",
        tariff=tariff,
        details={"floor": floor, "beliefs": weight_rules.document()},
    )


def antares_regressors(bundle: Bundle, *, gated: bool = False) -> AntaresRegressors:
    """Return the regressors of a bundle.

    Raises:
        PolicyMismatchError: the bundle holds something else.
    """
    if bundle.manifest.kind != KIND:
        message = f"a bundle of kind {bundle.manifest.kind}, not {KIND}"
        raise PolicyMismatchError(message)
    named = {target: bundle.files[file_name(target)] for target in TARGETS if file_name(target) in bundle.files}
    return AntaresRegressors(bundle.manifest, named, gated=gated)
