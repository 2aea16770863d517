"""Evaluator of gradient-boosted trees, read from LightGBM's text; needs NumPy alone.

Importing LightGBM takes seconds (it brings pandas and scikit-learn), and the service starts within one; walking a few
dozen small trees takes a tenth of a millisecond. For finite rows the predictions are LightGBM's; LightGBM's rules for
missing values are not implemented, so other rows are refused.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from env.inverter import Energy
from env.types import Index
from planner.errors import NonFiniteStateError, PolicyMismatchError

CATEGORICAL = 1  # bit of a decision's type
CACHE_ELEMENTS = 1 << 16  # rows x trees walked together: their arrays stay in the processor's cache


class _Tree:
    """A tree's inner nodes, then its leaves; a leaf leads to itself, so that walking on stays there."""

    def __init__(self, fields: dict[str, str]) -> None:
        n_leaves = int(fields["num_leaves"])
        leaf_value = np.array(fields["leaf_value"].split(), dtype=np.float64)
        if n_leaves != len(leaf_value) or not n_leaves:  # before arrays of that size are made: 6.4 GB were asked for
            message = f"a tree lacks splits or leaves: it claims {n_leaves} leaves and has {len(leaf_value)}"
            raise ValueError(message)
        inner = n_leaves - 1

        def numbers(name: str) -> Energy:
            return np.array(fields.get(name, "").split(), dtype=np.float64)[:inner]

        if np.any(numbers("decision_type").astype(np.int64) & CATEGORICAL):
            raise ValueError("splits by category are not supported")
        itself = np.arange(inner, inner + n_leaves)
        left, right = (numbers(f"{side}_child").astype(np.intp) for side in ("left", "right"))
        self.feature = np.concatenate([numbers("split_feature"), np.zeros(n_leaves)]).astype(np.intp)
        self.threshold = np.concatenate([numbers("threshold"), np.zeros(n_leaves)])
        # a child below 0 is a leaf, -1 the first
        self.left: Index = np.concatenate([np.where(left < 0, inner - 1 - left, left), itself])
        self.right: Index = np.concatenate([np.where(right < 0, inner - 1 - right, right), itself])
        self.leaf_value = np.concatenate([np.zeros(inner), leaf_value])
        if {len(self.feature), len(self.threshold), len(self.left), len(self.right), len(self.leaf_value)} != {
            inner + n_leaves
        }:
            raise ValueError("a tree lacks splits or leaves")

    def depth(self) -> int:
        """Return the largest number of splits before a leaf."""
        level, depth = np.zeros(1, dtype=np.intp), 0
        while (level < len(self.left) // 2).any():
            level = np.unique(np.concatenate([self.left[level], self.right[level]]))
            depth += 1
            if depth > len(self.left):
                raise ValueError("a tree leads in a circle")
        return depth


@dataclass(frozen=True)
class TreeEnsemble:
    """Trees whose nodes stand one behind the other in arrays `(n_nodes,)`.

    Attributes:
        n_features: number of columns of a row.
        first: root of every tree `(n_trees,)`.
        depth: largest number of splits before a leaf, of any tree.
        feature: column that a node compares.
        threshold: largest value that goes left.
        left: next node of values up to the threshold.
        right: next node of larger values.
        leaf_value: contribution of a leaf to the prediction; 0 for inner nodes.
    """

    n_features: int
    first: Index
    depth: int
    feature: Index
    threshold: Energy
    left: Index
    right: Index
    leaf_value: Energy

    def predict(self, rows: NDArray[np.float32] | Energy) -> Energy:
        """Return the sums of the trees' leaf values for rows `(n_rows, n_features)`: `(n_rows,)`.

        Raises:
            NonFiniteStateError: a row has nan or an infinity.
        """
        if not np.isfinite(rows).all():
            row, column = np.argwhere(~np.isfinite(rows))[0].tolist()
            message = f"the trees need finite numbers, got {rows[row, column]} in row {row}, column {column}"
            raise NonFiniteStateError(message)
        together = max(1, CACHE_ELEMENTS // max(1, len(self.first)))
        parts = [self._predict(rows[at : at + together]) for at in range(0, len(rows), together)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _predict(self, rows: NDArray[np.float32] | Energy) -> Energy:
        flat = np.ascontiguousarray(rows).reshape(-1)
        own: Index = (np.arange(len(rows)) * self.n_features)[:, None]
        node = np.broadcast_to(self.first, (len(rows), len(self.first)))
        for _ in range(self.depth):
            values = flat.take(own + self.feature.take(node))
            node = np.where(values <= self.threshold.take(node), self.left.take(node), self.right.take(node))
        return self.leaf_value.take(node).sum(axis=1)


def parse_tree_ensemble(content: bytes) -> TreeEnsemble:
    """Return the trees of LightGBM's text (version 4, numeric splits, one output).

    Raises:
        PolicyMismatchError: the content is no such text.
    """
    try:
        head, *parts = content.decode().split("end of trees")[0].split("\nTree=")
        fields = _pairs(head)
        trees = [_Tree(_pairs(part)) for part in parts]
        return _together(trees, int(fields["max_feature_idx"]) + 1, n_outputs=int(fields["num_class"]))
    except (KeyError, ValueError, IndexError) as error:
        message = f"the trees cannot be read: {error}"
        raise PolicyMismatchError(message) from error


def _pairs(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def _together(trees: list[_Tree], n_features: int, *, n_outputs: int) -> TreeEnsemble:
    """Return the trees in common arrays.

    Raises:
        ValueError: there are several outputs, or a split compares a column that does not exist.
    """
    if n_outputs != 1:
        message = f"{n_outputs} outputs, only one is supported"
        raise ValueError(message)
    sizes = [len(tree.feature) for tree in trees]
    starts = np.cumsum([0, *sizes]).astype(np.intp)
    no_nodes, no_values = np.zeros(0, dtype=np.intp), np.zeros(0)
    feature = np.concatenate([no_nodes, *(tree.feature for tree in trees)])
    if len(feature) and not 0 <= feature.min() <= feature.max() < n_features:
        message = f"a split compares a column that does not exist: {feature.min()}..{feature.max()} of {n_features}"
        raise ValueError(message)
    shifted = list(zip(trees, starts[:-1], strict=True))
    return TreeEnsemble(
        n_features=n_features,
        first=starts[:-1],
        depth=max((tree.depth() for tree in trees), default=0),
        feature=feature,
        threshold=np.concatenate([no_values, *(tree.threshold for tree in trees)]),
        left=np.concatenate([no_nodes, *(tree.left + start for tree, start in shifted)]),
        right=np.concatenate([no_nodes, *(tree.right + start for tree, start in shifted)]),
        leaf_value=np.concatenate([no_values, *(tree.leaf_value for tree in trees)]),
    )
