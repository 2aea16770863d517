"""Trees read from LightGBM's text predict what LightGBM predicts, and nothing else is taken for trees."""

from typing import Any

import lightgbm
import numpy as np
import pytest

from planner.artifacts.tree_ensemble import parse_tree_ensemble
from planner.errors import NonFiniteStateError, PolicyMismatchError


def fitted(rounds: int = 12, **parameters: Any) -> lightgbm.Booster:
    """Trees of a synthetic relation between four columns, one of them of whole numbers."""
    rng = np.random.default_rng(4)
    rows = rng.normal(size=(2000, 4)).astype(np.float32)
    rows[:, 2] = np.rint(rows[:, 2] * 2)
    labels = np.abs(rows[:, 0] * rows[:, 1] + rows[:, 2])
    settings = {"num_threads": 1, "verbosity": -1, "num_leaves": 9, **parameters}
    return lightgbm.train(settings, lightgbm.Dataset(rows, labels), rounds)


@pytest.mark.parametrize(
    "booster",
    [
        pytest.param(fitted(), id="several trees"),
        pytest.param(fitted(1, num_leaves=2), id="one split"),
    ],
)
def test_trees_predict_as_lightgbm_when_rows_are_finite(booster: lightgbm.Booster) -> None:
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
    assert alone.tobytes() == trees.predict(rows)[:50].tobytes(), "a row's prediction depends on the other rows"
    assert trees.predict(rows[:0]).shape == (0,)


def test_trees_predict_as_lightgbm_when_no_tree_splits() -> None:
    booster, rows = fitted(3, min_data_in_leaf=5000), np.zeros((2, 4), dtype=np.float32)
    predicted = parse_tree_ensemble(booster.model_to_string().encode()).predict(rows)
    np.testing.assert_allclose(predicted, np.asarray(booster.predict(rows)), rtol=0, atol=1e-12)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_rows_are_refused_when_a_number_is_not_finite(value: float) -> None:
    """LightGBM sends missing values by rules of its own, which the evaluator does not have."""
    rows = np.zeros((3, 4), dtype=np.float32)
    rows[1, 2] = value
    trees = parse_tree_ensemble(fitted(2).model_to_string().encode())
    with pytest.raises(NonFiniteStateError, match=f"finite numbers, got {value} in row 1, column 2"):
        trees.predict(rows)


def text(**changes: tuple[str, str]) -> bytes:
    """LightGBM's text with something replaced."""
    changed = fitted(2).model_to_string()
    for old, new in changes.values():
        assert old in changed
        changed = changed.replace(old, new)
    return changed.encode()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "max_feature_idx", id="nothing"),
        pytest.param(b"\xff\xfe", "cannot be read", id="no text"),
        pytest.param(text(classes=("num_class=1", "num_class=3")), "3 outputs", id="several outputs"),
        pytest.param(
            text(columns=("max_feature_idx=3", "max_feature_idx=0")), "column that does not exist", id="columns"
        ),
        pytest.param(text(kind=("decision_type=2", "decision_type=1")), "by category", id="categories"),
        pytest.param(text(leaves=("num_leaves=9", "num_leaves=7")), "lacks splits or leaves", id="leaves"),
        pytest.param(text(child=("left_child=", "left_child=0 ")), "circle", id="circle"),
    ],
)
def test_trees_are_refused_when_the_text_is_wrong(content: bytes, message: str) -> None:
    with pytest.raises(PolicyMismatchError, match=message):
        parse_tree_ensemble(content)


@pytest.mark.parametrize("claimed", ["400000000", "0", "-3", "3"])
def test_tree_that_claims_other_leaves_than_it_has_is_refused_before_memory_is_taken(claimed: str) -> None:
    text = (
        "tree\nnum_class=1\nmax_feature_idx=0\n\nTree=0\nnum_leaves=" + claimed + "\nsplit_feature=0\nthreshold=1\n"
        "decision_type=2\nleft_child=-1\nright_child=-2\nleaf_value=1 2\n\nend of trees\n"
    )
    assert len(parse_tree_ensemble(text.replace(f"leaves={claimed}\n", "leaves=2\n").encode()).first) == 1
    with pytest.raises(PolicyMismatchError, match="leaves"):
        parse_tree_ensemble(text.encode())
