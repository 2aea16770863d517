"""Gradient-boosted trees read from LightGBM's text, evaluated in numbers alone.

Importing LightGBM takes seconds (it brings pandas and scikit-learn), which a service that starts within one has not;
walking a few dozen small trees takes a tenth of a millisecond. Whatever LightGBM would say, this says too.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from env.inverter import Energy
from planner.errors import PolicyMismatchError

Index: TypeAlias = NDArray[np.intp]

CATEGORICAL = 1  # bit of a decision's type
CACHED = 1 << 16  # rows x trees walked together: their arrays stay in the processor's cache


class _Tree:
    """A tree's nodes, then its leaves: a leaf leads to itself whatever is asked."""

    def __init__(self, told: dict[str, str]) -> None:
        n_leaves = int(told["num_leaves"])
        inner = n_leaves - 1

        def numbers(name: str) -> Energy:
            return np.array(told.get(name, "").split(), dtype=np.float64)[:inner]

        if np.any(numbers("decision_type").astype(np.int64) & CATEGORICAL):
            raise ValueError("splits by category are not known here")
        itself = np.arange(inner, inner + n_leaves)
        left, right = (numbers(f"{side}_child").astype(np.intp) for side in ("left", "right"))
        self.feature = np.concatenate([numbers("split_feature"), np.zeros(n_leaves)]).astype(np.intp)
        self.threshold = np.concatenate([numbers("threshold"), np.zeros(n_leaves)])
        # a child below 0 is a leaf, -1 the first
        self.left: Index = np.concatenate([np.where(left < 0, inner - 1 - left, left), itself])
        self.right: Index = np.concatenate([np.where(right < 0, inner - 1 - right, right), itself])
        self.leaf_value = np.concatenate([np.zeros(inner), np.array(told["leaf_value"].split(), dtype=np.float64)])
        if {len(self.feature), len(self.threshold), len(self.left), len(self.right), len(self.leaf_value)} != {
            inner + n_leaves
        }:
            raise ValueError("a tree lacks splits or leaves")

    def depth(self) -> int:
        """Most questions before a leaf."""
        level, depth = np.zeros(1, dtype=np.intp), 0
        while (level < len(self.left) // 2).any():
            level = np.unique(np.concatenate([self.left[level], self.right[level]]))
            depth += 1
            if depth > len(self.left):
                raise ValueError("a tree leads in a circle")
        return depth


@dataclass(frozen=True)
class TreeEnsemble:
    """Trees side by side, each in its own stretch of the arrays.

    Attributes:
        n_features: columns that are seen.
        first: node of every tree that is asked first `(n_trees,)`.
        depth: most questions before a leaf, of any tree.
        feature: column asked about, by node.
        threshold: what goes left is at most this, by node.
        left: node after yes, by node.
        right: node after no, by node.
        worth: what a leaf adds, by node.
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
        """What the trees add up to, of finite rows `(n_rows, n_features)`: `(n_rows,)`."""
        together = max(1, CACHED // max(1, len(self.first)))
        parts = [self._predict(rows[at : at + together]) for at in range(0, len(rows), together)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _predict(self, rows: NDArray[np.float32] | Energy) -> Energy:
        flat = np.ascontiguousarray(rows).reshape(-1)
        own: Index = (np.arange(len(rows)) * self.n_features)[:, None]
        node = np.broadcast_to(self.first, (len(rows), len(self.first)))
        for _ in range(self.depth):
            asked = flat.take(own + self.feature.take(node))
            node = np.where(asked <= self.threshold.take(node), self.left.take(node), self.right.take(node))
        return self.leaf_value.take(node).sum(axis=1)


def parse_tree_ensemble(content: bytes) -> TreeEnsemble:
    """Trees from LightGBM's text (version 4, numeric splits, one output).

    Raises:
        PolicyMismatchError: it is no such text.
    """
    try:
        head, *parts = content.decode().split("end of trees")[0].split("\nTree=")
        told = _pairs(head)
        trees = [_Tree(_pairs(part)) for part in parts]
        return _together(trees, int(told["max_feature_idx"]) + 1, n_outputs=int(told["num_class"]))
    except (KeyError, ValueError, IndexError) as error:
        message = f"the trees cannot be read: {error}"
        raise PolicyMismatchError(message) from error


def _pairs(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def _together(trees: list[_Tree], n_features: int, *, n_outputs: int) -> TreeEnsemble:
    """Trees one behind the other.

    Raises:
        ValueError: several outputs, or a split that asks about a column that there is not.
    """
    if n_outputs != 1:
        message = f"{n_outputs} outputs, one is known here"
        raise ValueError(message)
    sizes = [len(tree.feature) for tree in trees]
    starts = np.cumsum([0, *sizes]).astype(np.intp)
    nowhere, nothing = np.zeros(0, dtype=np.intp), np.zeros(0)
    feature = np.concatenate([nowhere, *(tree.feature for tree in trees)])
    if len(feature) and not 0 <= feature.min() <= feature.max() < n_features:
        message = f"a split asks about a column that there is not: {feature.min()}..{feature.max()} of {n_features}"
        raise ValueError(message)
    shifted = list(zip(trees, starts[:-1], strict=True))
    return TreeEnsemble(
        n_features=n_features,
        first=starts[:-1],
        depth=max((tree.depth() for tree in trees), default=0),
        feature=feature,
        threshold=np.concatenate([nothing, *(tree.threshold for tree in trees)]),
        left=np.concatenate([nowhere, *(tree.left + start for tree, start in shifted)]),
        right=np.concatenate([nowhere, *(tree.right + start for tree, start in shifted)]),
        leaf_value=np.concatenate([nothing, *(tree.leaf_value for tree in trees)]),
    )
