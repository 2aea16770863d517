"""Trees as a policy: the cheapest correction that saves its margin, the same after a bundle, refused where unfit."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest

from env.gym.actions import Correction
from env.gym.home_batch import Setup
from planner.artifacts.bundle import Bundle, Manifest, read_bundle, save_bundle
from planner.errors import PolicyMismatchError
from planner.policies.learned_policy import learned_policy
from planner.policies.lightgbm_policy import (
    TREES,
    AntaresPolicyV1,
    Corrections,
    lightgbm_manifest,
    lightgbm_policy,
    with_levels,
)
from planner.value.scenario_weights import WeightRules

COLUMNS = ("soc", "price", "load")
LEVELS = (-1.0, -0.5, 0.5, 1.0)
RULES = WeightRules(n_days=14, age_days=5.0, together=False)


def trees() -> bytes:
    """A correction by `price` would be free, whatever differs from it dear."""
    rng = np.random.default_rng(2)
    states = rng.uniform(-1, 1, (3000, 3)).astype(np.float32)
    rows = with_levels(states, np.array(LEVELS))
    extra_cost = (rows[:, 3] - rows[:, 1]) ** 2 - rows[:, 1] ** 2
    parameters = {"num_threads": 1, "verbosity": -1, "num_leaves": 15}
    return lightgbm.train(parameters, lightgbm.Dataset(rows, extra_cost), 60).model_to_string().encode()


TEXT = trees()


def manifest(margin: float = 0.0, columns: tuple[str, ...] = COLUMNS, *, trees: bool = True) -> Manifest:
    """Of three columns."""
    return lightgbm_manifest(
        state="v2",
        columns=columns,
        among=Corrections(offset=0.2, levels=LEVELS, margin=margin),
        trees=trees,
        weight_rules=RULES,
        tariff="t1",
    )


NONE = AntaresPolicyV1(manifest(trees=False), None)


def test_policy_takes_the_cheapest_correction_when_it_saves_more_than_its_margin() -> None:
    states = np.zeros((5, 3), dtype=np.float32)
    states[:, 1] = (-0.95, -0.6, 0.0, 0.55, 0.9)
    corrections = AntaresPolicyV1(manifest(), TEXT).predict(states)
    assert corrections[:, 0].tolist() == [-1.0, -0.5, 0.0, 0.5, 1.0]
    assert corrections.dtype == np.float32
    sure = AntaresPolicyV1(manifest(margin=0.5), TEXT).predict(states)
    assert sure[:, 0].tolist() == [-1.0, 0.0, 0.0, 0.0, 1.0]
    assert not NONE.predict(states).any()
    assert AntaresPolicyV1(manifest(), TEXT).predict(states[4]).tolist() == [1.0]
    assert NONE.predict(states[4]).tolist() == [0.0]


@pytest.mark.parametrize("text", [TEXT, None], ids=["with trees", "without"])
def test_policy_predicts_the_same_when_it_was_saved_and_loaded(text: bytes | None, tmp_path: Path) -> None:
    states = np.random.default_rng(0).uniform(-1, 1, (64, 3)).astype(np.float32)
    policy = AntaresPolicyV1(manifest(trees=text is not None), text)
    policy.save(tmp_path / "bundle")
    loaded = learned_policy(read_bundle(tmp_path / "bundle", kind="lightgbm", tariff="t1"))
    assert isinstance(loaded, AntaresPolicyV1)
    assert loaded.predict(states).tobytes() == policy.predict(states).tobytes()
    assert loaded.setup == Setup(action="correction", correction=Correction(offset=0.2))
    assert loaded.weight_rules == RULES
    with pytest.raises(PolicyMismatchError, match="trained under tariff t1, the site's is t2"):
        read_bundle(tmp_path / "bundle", tariff="t2")


def changed(**details: Any) -> Bundle:
    """The policy's bundle with other details; None takes one away."""
    changed = {name: value for name, value in {**manifest().details, **details}.items() if value is not None}
    return Bundle(manifest().model_copy(update={"details": changed}), {TREES: TEXT}, "")


@pytest.mark.parametrize(
    ("bundle", "message"),
    [
        pytest.param(changed(offset=None), "lacks something.*offset", id="no reach"),
        pytest.param(changed(levels=["much"]), "lacks something.*much", id="levels are no numbers"),
        pytest.param(changed(beliefs={"moon": 1}), "lacks something.*moon", id="unknown belief"),
        pytest.param(Bundle(manifest(), {TREES: b"x"}, ""), "trees cannot be read", id="damaged trees"),
        pytest.param(Bundle(manifest(), {"w": b"x"}, ""), "speaks of trees, there are none", id="other files"),
        pytest.param(Bundle(manifest(trees=False), {TREES: TEXT}, ""), "knows no trees", id="too many files"),
        pytest.param(Bundle(manifest().model_copy(update={"kind": "rl"}), {}, ""), "kind rl, not", id="other kind"),
        pytest.param(
            Bundle(manifest(columns=("soc",)), {TREES: TEXT}, ""), "see 4 columns, the manifest has 1", id="columns"
        ),
    ],
)
def test_policy_is_refused_when_its_bundle_is_wrong(bundle: Bundle, message: str) -> None:
    with pytest.raises(PolicyMismatchError, match=message):
        lightgbm_policy(bundle)


@pytest.mark.slow
def test_policy_starts_without_lightgbm_when_it_is_loaded_from_a_bundle(tmp_path: Path) -> None:
    save_bundle(tmp_path / "bundle", manifest(), {TREES: TEXT})
    code = (
        "import sys; from pathlib import Path; from planner.artifacts.bundle import read_bundle\n"
        "from planner.policies.learned_policy import learned_policy\n"
        "learned_policy(read_bundle(Path(sys.argv[1])))\n"
        "sys.exit(' '.join({'lightgbm', 'torch', 'mlflow', 'pandas', 'sklearn', 'scipy'} & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "bundle")], capture_output=True, text=True, check=False
    )
    assert answer.stderr.strip() == ""


def test_decision_takes_less_than_a_millisecond_when_processor_time_is_counted() -> None:
    policy, state = AntaresPolicyV1(manifest(), TEXT), np.zeros((1, 3), dtype=np.float32)
    spent: list[float] = []
    for _ in range(200):
        start = time.thread_time()
        policy.predict(state)
        spent.append(time.thread_time() - start)
    assert float(np.median(spent)) < 1e-3
