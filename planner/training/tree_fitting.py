"""Boosted trees fitted by LightGBM, as text that `parse_tree_ensemble` reads."""

from env.gym.states import State
from env.inverter import Energy
from planner.training.settings import TreeSettings


def fit_trees(rows: State, targets: Energy, settings: TreeSettings, *, seed: int, l2: float = 0.0) -> bytes:
    """Fit trees that predict the expected value; the same input gives the same bytes.

    Args:
        rows: features `(n, n_columns)`.
        targets: labels `(n,)`.
        settings: size and learning rate of the ensemble.
        seed: random seed of the rows and columns that each tree sees.
        l2: shrinkage of the leaves.
    """
    import lightgbm

    parameters = {
        "objective": "l2",
        "verbosity": -1,
        "num_threads": settings.threads,
        "deterministic": True,
        "force_row_wise": True,
        "seed": seed,
        "num_leaves": settings.leaves,
        "min_data_in_leaf": settings.least_rows,
        "learning_rate": settings.learning_rate,
        "feature_fraction": settings.column_share,
        "bagging_fraction": settings.row_share,
        "bagging_freq": 1,
        "lambda_l2": l2,
    }
    data = lightgbm.Dataset(rows, targets, params={"verbosity": -1})
    booster = lightgbm.train(parameters, data, settings.trees)  # pyright: ignore[reportUnknownMemberType] - loosely typed there
    return booster.model_to_string().encode()
