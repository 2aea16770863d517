"""Regressors of MPC's powers: feasible commands, the same after a bundle, refused where unfit."""

from pathlib import Path

import lightgbm
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from env.gym.home_batch import Setup
from planner.artifacts.bundle import Bundle, Manifest, read_bundle
from planner.errors import PolicyMismatchError
from planner.policies.imitation_policy import (
    TARGETS,
    AntaresRegressors,
    antares_regressors,
    file_name,
    projected,
    regressors_manifest,
)
from planner.policies.learned_policy import learned_policy
from planner.value.scenario_weights import WeightRules

COLUMNS = ("soc", "price")
RULES = WeightRules(n_days=9)


def trees(column: int, n_columns: int = 2) -> bytes:
    """A share that is a column."""
    rows = np.random.default_rng(column).uniform(-0.5, 1.5, (2000, n_columns)).astype(np.float32)
    parameters = {"num_threads": 1, "verbosity": -1, "num_leaves": 31}
    return lightgbm.train(parameters, lightgbm.Dataset(rows, rows[:, column].copy()), 40).model_to_string().encode()


TEXTS = {target: trees(place % 2) for place, target in enumerate(TARGETS)}


def manifest(columns: tuple[str, ...] = COLUMNS) -> Manifest:
    """Of two columns."""
    return regressors_manifest(state="v2", columns=columns, floor=0.4, weight_rules=RULES, tariff="t1")


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        pytest.param((0.0, 0.9, 0.0), (0.0, 1.0, 0.0), id="covers"),
        pytest.param((0.0, 0.5, 0.1), (0.0, 0.5, 0.0), id="covers half"),
        pytest.param((0.0, 0.3, 0.95), (0.0, 0.0, 1.0), id="sells surplus"),
        pytest.param((0.0, 0.45, 0.5), (0.0, 0.0, 0.5), id="covers or sells: the likelier"),
        pytest.param((0.0, 0.55, 0.42), (0.0, 0.55, 0.0), id="sells or covers: the likelier"),
        pytest.param((0.1, 1.0, 0.9), (0.0, 1.0, 1.0), id="sells from the battery"),
        pytest.param((0.45, 0.2, 0.7), (0.45, 0.0, 0.0), id="charges by so much, exports nothing"),
        pytest.param((0.9, 0.8, 0.0), (0.0, 1.0, 0.0), id="as much of both: discharges"),
        pytest.param((0.3, 0.2, 0.1), (0.0, 0.0, 0.0), id="holds"),
    ],
)
def test_shares_become_what_an_inverter_can_mean_when_they_are_means(
    shares: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    assert projected(np.array([shares]), 0.4)[0].tolist() == pytest.approx(expected)


@given(st.tuples(*[st.floats(0, 1)] * 3), st.floats(0.05, 0.5))
def test_projection_never_charges_and_discharges_when_shares_are_any(
    shares: tuple[float, float, float], floor: float
) -> None:
    charge, discharge, export = projected(np.array([shares]), floor)[0].tolist()
    assert charge == 0 or discharge == export == 0
    assert 0 <= min(charge, discharge, export) <= max(charge, discharge, export) <= 1


def test_regressors_tell_the_same_when_they_were_saved_and_loaded(tmp_path: Path) -> None:
    states = np.random.default_rng(0).uniform(0, 1, (64, 2)).astype(np.float32)
    made = AntaresRegressors(manifest(), TEXTS)
    made.save(tmp_path / "bundle")
    loaded = learned_policy(read_bundle(tmp_path / "bundle", kind="regressors", tariff="t1"))
    assert isinstance(loaded, AntaresRegressors)
    assert loaded.predict(states).tobytes() == made.predict(states).tobytes()
    assert loaded.predict(states[3]).tolist() == made.predict(states)[3].tolist()
    assert loaded.shares(states) == pytest.approx(states[:, [0, 1, 0]], abs=0.05)
    assert np.abs(loaded.predict(states)).max() <= 1
    assert (loaded.setup, loaded.weight_rules, loaded.floor) == (Setup(action="powers"), RULES, 0.4)


@pytest.mark.parametrize(
    ("bundle", "message"),
    [
        pytest.param(Bundle(manifest().model_copy(update={"kind": "rl"}), {}, ""), "kind rl, not regr", id="kind"),
        pytest.param(Bundle(manifest(), {}, ""), "lacks something.*battery_charge_kw", id="no trees"),
        pytest.param(
            Bundle(manifest().model_copy(update={"details": {}}), {}, ""), "lacks something.*floor", id="none"
        ),
        pytest.param(
            Bundle(manifest(columns=("a",)), {file_name(target): TEXTS[target] for target in TARGETS}, ""),
            r"see \[2\] columns, the manifest has 1",
            id="columns",
        ),
    ],
)
def test_regressors_are_refused_when_their_bundle_is_wrong(bundle: Bundle, message: str) -> None:
    with pytest.raises(PolicyMismatchError, match=message):
        antares_regressors(bundle)
