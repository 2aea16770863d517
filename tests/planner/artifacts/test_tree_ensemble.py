"""Trees read from LightGBM's text say what LightGBM says, and nothing else is taken for trees."""

from typing import Any

import lightgbm
import numpy as np
import pytest

from planner.artifacts.tree_ensemble import parse_tree_ensemble
from planner.errors import PolicyMismatchError


def grown(rounds: int = 12, **parameters: Any) -> lightgbm.Booster:
    """Trees of a made-up relation between four columns, one of them of whole numbers."""
    rng = np.random.default_rng(4)
    rows = rng.normal(size=(2000, 4)).astype(np.float32)
    rows[:, 2] = np.rint(rows[:, 2] * 2)
    wanted = np.abs(rows[:, 0] * rows[:, 1] + rows[:, 2])
    told = {"num_threads": 1, "verbosity": -1, "num_leaves": 9, **parameters}
    return lightgbm.train(told, lightgbm.Dataset(rows, wanted), rounds)


@pytest.mark.parametrize(
    "booster",
    [
        pytest.param(grown(), id="several trees"),
        pytest.param(grown(1, num_leaves=2), id="one split"),
    ],
)
def test_trees_say_what_lightgbm_says_when_rows_are_finite(booster: lightgbm.Booster) -> None:
    rows = np.random.default_rng(1).normal(size=(300, 4)).astype(np.float32) * 3
    rows[:, 2] = np.rint(rows[:, 2])  # on the thresholds' sides of whole numbers
    trees = parse_tree_ensemble(booster.model_to_string().encode())
    assert trees.n_features == 4
    np.testing.assert_allclose(trees.predict(rows), np.asarray(booster.predict(rows)), rtol=0, atol=1e-12)
    borders = np.unique(trees.threshold[trees.left != trees.right])
    borders = borders[np.abs(borders) > 1e-30]  # what is nearer to 0 LightGBM takes for 0
    on_them = np.repeat(borders[:, None], 4, axis=1)
    np.testing.assert_allclose(trees.predict(on_them), np.asarray(booster.predict(on_them)), rtol=0, atol=1e-12)
    alone = np.array([trees.predict(rows[row : row + 1])[0] for row in range(50)])
    assert alone.tobytes() == trees.predict(rows)[:50].tobytes(), "the same whatever is asked beside it"
    assert trees.predict(rows[:0]).shape == (0,)


def test_trees_say_what_lightgbm_says_when_no_tree_splits() -> None:
    booster, rows = grown(3, min_data_in_leaf=5000), np.zeros((2, 4), dtype=np.float32)
    told = parse_tree_ensemble(booster.model_to_string().encode()).predict(rows)
    np.testing.assert_allclose(told, np.asarray(booster.predict(rows)), rtol=0, atol=1e-12)


def text(**changes: tuple[str, str]) -> bytes:
    """LightGBM's text with something replaced."""
    told = grown(2).model_to_string()
    for old, new in changes.values():
        assert old in told
        told = told.replace(old, new)
    return told.encode()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "max_feature_idx", id="nothing"),
        pytest.param(b"\xff\xfe", "cannot be read", id="no text"),
        pytest.param(text(classes=("num_class=1", "num_class=3")), "3 outputs", id="several outputs"),
        pytest.param(
            text(columns=("max_feature_idx=3", "max_feature_idx=0")), "column that there is not", id="columns"
        ),
        pytest.param(text(kind=("decision_type=2", "decision_type=1")), "by category", id="categories"),
        pytest.param(text(leaves=("num_leaves=9", "num_leaves=7")), "lacks splits or leaves", id="leaves"),
        pytest.param(text(child=("left_child=", "left_child=0 ")), "circle", id="circle"),
    ],
)
def test_trees_are_refused_when_the_text_is_wrong(content: bytes, message: str) -> None:
    with pytest.raises(PolicyMismatchError, match=message):
        parse_tree_ensemble(content)
