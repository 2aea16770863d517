"""Boosted trees grown by LightGBM from sizes and rates, as the text that `boosted_trees` reads."""

from typing import TYPE_CHECKING

from env.inverter import Energy
from env.states import State

if TYPE_CHECKING:
    from planner.lightgbm_training import LightgbmTraining
    from planner.regressors_training import RegressorTraining


def grown_trees(rows: State, wanted: Energy, how: "LightgbmTraining | RegressorTraining", *, l2: float = 0.0) -> bytes:
    """Trees that tell the expected value, the same input to the same bytes.

    Args:
        rows: what is seen `(n, n_columns)`.
        wanted: what is to be told `(n,)`.
        how: sizes and rates.
        l2: shrinkage of the leaves.
    """
    import lightgbm

    parameters = {
        "objective": "l2",
        "verbosity": -1,
        "num_threads": how.threads,
        "deterministic": True,
        "force_row_wise": True,
        "seed": how.seed,
        "num_leaves": how.leaves,
        "min_data_in_leaf": how.least_rows,
        "learning_rate": how.learning_rate,
        "feature_fraction": how.column_share,
        "bagging_fraction": how.row_share,
        "bagging_freq": 1,
        "lambda_l2": l2,
    }
    data = lightgbm.Dataset(rows, wanted, params={"verbosity": -1})
    booster = lightgbm.train(parameters, data, how.trees)  # pyright: ignore[reportUnknownMemberType] - loosely typed there
    return booster.model_to_string().encode()
