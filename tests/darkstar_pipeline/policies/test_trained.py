"""Trained policies are found by the names people use; what is missing, damaged or made for another home is refused."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from darkstar_pipeline.config.fingerprints import tariff_version
from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import ConfigurationError, DataMissingError
from darkstar_pipeline.models.champion_pointer import Pointer, write_pointer
from darkstar_pipeline.models.version import RegisteredModel
from darkstar_pipeline.policies.trained import newest_version, opened, trained_policy
from env.gym.actions import Correction
from env.gym.scaled_state import V2
from planner.artifacts.bundle import Bundle, Manifest, save_bundle
from planner.errors import PolicyMismatchError
from planner.policies.rl_policy import AntaresRLPolicyV1, rl_manifest
from planner.value.scenario_weights import NAIVE
from tests.builders.models import context_in

COLUMNS = tuple(column.name for column in V2)
SEEN = {"learned_from": ["2026-01-05", "2026-02-20"], "learned_until": "2026-02-28"}


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return context_in(tmp_path)


def place(context: Context, version: int, *, kind: str = "rl", tariff: str | None = None, **details: object) -> Bundle:
    """A policy in the state folder, as a registered version leaves it."""
    tensors = {"0.weight": np.zeros((1, len(COLUMNS)), np.float32), "0.bias": np.zeros(1, np.float32)}
    made = rl_manifest(
        algorithm="ppo", state="v2", columns=COLUMNS, correction=Correction(offset=0.5), weight_rules=NAIVE,
        tariff=tariff_version(context.site_settings) if tariff is None else tariff,
    )  # fmt: skip
    manifest = made.model_copy(update={"details": {**made.details, **details}, "kind": kind})
    folder = RegisteredModel.of(context).version_folder(version)
    return save_bundle(folder, manifest, AntaresRLPolicyV1(made, tensors).files())


def test_newest_version_of_a_kind_is_found_by_its_kind(context: Context) -> None:
    for version, kind in ((1, "rl"), (2, "rl"), (10, "rl"), (11, "lightgbm")):
        place(context, version, kind=kind)
    assert newest_version(context, "rl") == 10, "versions are numbers, not words"
    assert newest_version(context, "lightgbm") == 11
    found = trained_policy(context, "rl")
    assert found is not None
    assert (found.name, found.version, found.policy.manifest.kind) == ("rl", 10, "rl")


def test_version_is_found_by_its_reference(context: Context) -> None:
    place(context, 2, **SEEN)
    found = trained_policy(context, "models:/antares-home/2")
    assert found is not None
    assert (found.name, found.version) == ("models:/antares-home/2", 2)
    assert found.own_scenarios(context, [date(2026, 3, 1)]) == {}, "it has no Aurora"


def test_price_gate_stands_before_the_policy_only_when_its_name_asks_for_it(context: Context) -> None:
    place(context, 2)
    gates = {name: trained_policy(context, name) for name in ("rl", "rl+gate", "models:/antares-home/2+gate")}
    assert {name: found is not None and found.policy.setup.gated for name, found in gates.items()} == {
        "rl": False, "rl+gate": True, "models:/antares-home/2+gate": True,
    }  # fmt: skip


def test_damaged_versions_are_passed_over_when_the_newest_is_requested(context: Context) -> None:
    place(context, 1)
    place(context, 2)
    folder = RegisteredModel.of(context).folder
    (folder / "v2" / "manifest.json").write_text("{}")
    (folder / "v7").mkdir()
    (folder / "vault").mkdir()
    assert newest_version(context, "rl") == 1


def test_champion_is_the_version_in_use_or_none(context: Context) -> None:
    assert trained_policy(context, "champion") is None
    bundle, folder = place(context, 3), RegisteredModel.of(context).folder
    at = "2026-03-01T00:00:00Z"
    pointer = {"version": 3, "identity": bundle.identity, "path": "v3", "model": "antares-home", "move": "m", "at": at}
    write_pointer(folder, Pointer.model_validate(pointer))
    found = trained_policy(context, "champion")
    assert found is not None
    assert (found.name, found.version, found.bundle.identity) == ("champion", 3, bundle.identity)


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        pytest.param("rl", DataMissingError, "no trained policy of kind rl", id="never trained"),
        pytest.param("lightgbm", DataMissingError, "darkstar train lightgbm", id="the remedy"),
        pytest.param("models:/antares-home/9", DataMissingError, "has no version 9", id="no such version"),
        pytest.param("models:/antares-other/1", ConfigurationError, "antares-other", id="another site's"),
        pytest.param("models:/antares-home", ConfigurationError, "names no version", id="no version"),
        pytest.param("wizard", ConfigurationError, "names no version", id="no such name"),
    ],
)
def test_policy_that_is_not_there_is_refused(context: Context, name: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as refused:
        trained_policy(context, name)
    assert message in f"{refused.value} {getattr(refused.value, 'hint', '')}"


def test_policy_of_another_tariff_is_refused(context: Context) -> None:
    place(context, 1, tariff="another")
    for name in ("rl", "models:/antares-home/1"):
        with pytest.raises(PolicyMismatchError, match="tariff"):
            trained_policy(context, name)


def test_bundle_that_is_no_policy_is_refused() -> None:
    with pytest.raises(PolicyMismatchError, match="kind aurora is no policy"):
        opened("x", Bundle(Manifest(kind="aurora", algorithm="lightgbm"), {"a": save({"b": np.zeros(1)})}, ""))


@pytest.mark.parametrize(
    ("details", "seen"),
    [
        pytest.param(SEEN, [False, True, True, True, False], id="both ends are known"),
        pytest.param({"learned_until": "2026-02-28"}, [True, True, True, True, False], id="only the end"),
        pytest.param({}, [False] * 5, id="nothing is known"),
    ],
)
def test_policy_knows_which_days_it_has_seen(context: Context, details: dict[str, Any], seen: list[bool]) -> None:
    trained = opened("x", place(context, 1, **details))
    days = [date(2026, 1, 4), date(2026, 1, 5), date(2026, 2, 25), date(2026, 2, 28), date(2026, 3, 1)]
    assert [trained.has_seen(day) for day in days] == seen
