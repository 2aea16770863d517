"""Policies of version 0.1 load from their bundles and decide as they did."""

import json

import numpy as np
import pytest

from planner.artifacts.bundle import read_bundle
from planner.errors import PolicyMismatchError
from planner.policies.learned_policy import learned_policy
from planner.value.scenario_weights import WeightRules
from tests.builders.version_0_1 import VERSION_0_1


@pytest.mark.parametrize("kind", ["lightgbm", "rl"])
def test_policy_of_version_0_1_decides_as_it_did(kind: str) -> None:
    policy = learned_policy(read_bundle(VERSION_0_1 / kind, kind=kind, tariff="t1"))
    state = np.random.default_rng(0).uniform(-3, 3, (6, len(policy.manifest.columns))).astype(np.float32)
    expected = json.loads((VERSION_0_1 / "predictions.json").read_text())[kind]
    np.testing.assert_allclose(policy.predict(state)[:, 0], expected, rtol=0, atol=1e-6)
    assert policy.weight_rules == WeightRules(n_days=9, forecast_share=0.25)


def test_bundle_is_refused_when_it_is_no_policy() -> None:
    with pytest.raises(PolicyMismatchError, match="a bundle of kind aurora is no policy"):
        learned_policy(read_bundle(VERSION_0_1 / "aurora"))
