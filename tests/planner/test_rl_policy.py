"""A trained network as a bundle: the same numbers as its trainer's, refused where it does not fit."""

import json
from pathlib import Path

import numpy as np
import pytest

from env.actions import Correction
from env.home_batch import Setup
from planner.errors import PolicyMismatchError
from planner.rl_policy import MANIFEST, WEIGHTS, AntaresRLPolicyV1, Manifest, load_policy

COLUMNS = ("soc", "price", "load")


def bundle(folder: Path) -> AntaresRLPolicyV1:
    """A saved policy of two layers."""
    random = np.random.default_rng(3)
    shapes = {"0.weight": (4, 3), "0.bias": (4,), "1.weight": (1, 4), "1.bias": (1,)}
    weights = {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    manifest = Manifest(
        schema=1, algorithm="ppo", state="v2", columns=COLUMNS, action="correction", offset=0.3, scale=0.0,
        weights_sha256="",
    )  # fmt: skip
    policy = AntaresRLPolicyV1(manifest, weights)
    policy.save(folder)
    return policy


def test_bundle_predicts_the_same_when_it_was_saved_and_loaded(tmp_path: Path) -> None:
    policy, states = bundle(tmp_path), np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32)
    loaded = load_policy(tmp_path, state="v2", columns=COLUMNS)
    assert loaded.predict(states).tobytes() == policy.predict(states).tobytes()
    assert loaded.predict(states[5]) == pytest.approx(policy.predict(states)[5], abs=1e-6)
    assert loaded.manifest.setup == Setup(action="correction", correction=Correction(offset=0.3, scale=0.0))
    assert np.abs(loaded.predict(100 * states)).max() <= 1


def test_bundle_is_refused_when_it_does_not_fit(tmp_path: Path) -> None:
    bundle(tmp_path)
    with pytest.raises(PolicyMismatchError, match="made for state v2 with 3 columns, not v1"):
        load_policy(tmp_path, state="v1", columns=COLUMNS)
    with pytest.raises(PolicyMismatchError, match="made for state v2"):
        load_policy(tmp_path, state="v2", columns=("soc", "load", "price"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"schema": 2}, "bundles of schema 1 can be read, this one is 2", id="later schema"),
        pytest.param({"weights_sha256": "0"}, "not those the manifest speaks of", id="other weights"),
        pytest.param({"columns": ["soc"]}, "made for state v2 with 1 columns", id="other columns"),
    ],
)
def test_bundle_is_refused_when_its_manifest_says_otherwise(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    bundle(tmp_path)
    path = tmp_path / MANIFEST
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(PolicyMismatchError, match=message):
        load_policy(tmp_path, state="v2", columns=COLUMNS)


def test_bundle_is_refused_when_its_weights_are_damaged(tmp_path: Path) -> None:
    bundle(tmp_path)
    content = (tmp_path / WEIGHTS).read_bytes()
    (tmp_path / WEIGHTS).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(PolicyMismatchError, match="not those"):
        load_policy(tmp_path, state="v2", columns=COLUMNS)


def test_policy_is_refused_when_columns_and_weights_differ(tmp_path: Path) -> None:
    manifest = bundle(tmp_path).manifest
    with pytest.raises(PolicyMismatchError, match="the weights take 2 columns, the manifest has 3"):
        AntaresRLPolicyV1(manifest, {"0.weight": np.zeros((1, 2), np.float32), "0.bias": np.zeros(1, np.float32)})
