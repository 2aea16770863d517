"""A trained network as a bundle: the same numbers as its trainer's, refused where it does not fit."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from env.gym.actions import Correction
from env.gym.home_batch import Setup
from planner.artifacts.bundle import Bundle, check_state, read_bundle
from planner.errors import PolicyMismatchError
from planner.policies.rl_policy import WEIGHTS, AntaresRLPolicyV1, rl_manifest, rl_policy
from planner.value.scenario_weights import WeightRules

COLUMNS = ("soc", "price", "load")
RULES = WeightRules(n_days=14, age_days=5.0, together=False)


def policy() -> AntaresRLPolicyV1:
    """A policy of two layers."""
    random = np.random.default_rng(3)
    shapes = {"0.weight": (4, 3), "0.bias": (4,), "1.weight": (1, 4), "1.bias": (1,)}
    weights = {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    manifest = rl_manifest(
        algorithm="ppo", state="v2", columns=COLUMNS, correction=Correction(offset=0.3), weight_rules=RULES
    )
    return AntaresRLPolicyV1(manifest, weights)


def test_policy_predicts_the_same_when_it_was_saved_and_loaded(tmp_path: Path) -> None:
    states = np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32)
    policy().save(tmp_path / "bundle")
    loaded = rl_policy(read_bundle(tmp_path / "bundle", kind="rl"))
    assert loaded.predict(states).tobytes() == policy().predict(states).tobytes()
    assert loaded.predict(states[5]) == pytest.approx(policy().predict(states)[5], abs=1e-6)
    assert loaded.setup == Setup(action="correction", correction=Correction(offset=0.3, scale=0.0))
    assert loaded.weight_rules == RULES
    assert np.abs(loaded.predict(100 * states)).max() <= 1


def changed(**details: Any) -> Bundle:
    """The policy's bundle with other details; None takes one away."""
    manifest = policy().manifest
    changed = {name: value for name, value in {**manifest.details, **details}.items() if value is not None}
    return Bundle(manifest.model_copy(update={"details": changed}), policy().files(), "")


@pytest.mark.parametrize(
    ("bundle", "message"),
    [
        pytest.param(changed(offset=None), "lacks something.*offset", id="no reach"),
        pytest.param(changed(beliefs={"n_days": 7, "moon": 1}), "lacks something.*moon", id="unknown belief"),
        pytest.param(Bundle(policy().manifest, {}, ""), "not rl with weights", id="no weights"),
        pytest.param(Bundle(policy().manifest, {WEIGHTS: b"x"}, ""), "cannot be read", id="damaged weights"),
    ],
)
def test_policy_is_refused_when_its_bundle_is_wrong(bundle: Bundle, message: str) -> None:
    with pytest.raises(PolicyMismatchError, match=message):
        rl_policy(bundle)


def test_policy_is_refused_when_columns_and_weights_differ() -> None:
    one = {"0.weight": np.zeros((1, 2), np.float32), "0.bias": np.zeros(1, np.float32)}
    for weights, taken in ((one, 2), ({}, 0)):
        with pytest.raises(PolicyMismatchError, match=f"the weights take {taken} columns, the manifest has 3"):
            AntaresRLPolicyV1(policy().manifest, weights)


def test_state_is_refused_when_it_is_another() -> None:
    check_state(policy().manifest, state="v2", columns=COLUMNS)
    for state, columns in (("v1", COLUMNS), ("v2", ("soc", "load", "price"))):
        with pytest.raises(PolicyMismatchError, match=f"made for state v2 with 3 columns, not {state}"):
            check_state(policy().manifest, state=state, columns=columns)
