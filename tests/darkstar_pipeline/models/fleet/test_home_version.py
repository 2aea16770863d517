"""A home of a fleet plans by its own champion, else by its class's as far as it takes it, else by `value`."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from darkstar_pipeline.config.fingerprints import tariff_version
from darkstar_pipeline.config.fleet.columns import HOMES_SCHEMA
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.fleet.homes_file import change_homes
from darkstar_pipeline.models.champion_pointer import VersionRef
from darkstar_pipeline.models.fleet.classes import class_of
from darkstar_pipeline.models.fleet.moves import MoveRequest, promote_class
from darkstar_pipeline.models.fleet.resolution import policy_for
from darkstar_pipeline.models.fleet.store import fleet_models
from darkstar_pipeline.models.promotion import promote, rollback
from darkstar_pipeline.models.version import RegisteredModel
from darkstar_pipeline.policies.trained import opened, trained_policy
from planner.artifacts.bundle import Bundle, Manifest, save_bundle
from planner.errors import PolicyMismatchError
from planner.policies.adapted_policy import (
    AS_VALUE,
    HOMES_FILE,
    WHOLE,
    Adaptation,
    AdaptedPolicy,
    adapted_bundle_parts,
)
from planner.policies.lightgbm_policy import Corrections, lightgbm_manifest
from planner.training.lightgbm import COLUMNS, STATE
from planner.value.scenario_weights import NAIVE, WeightRules

RULES = WeightRules(n_days=14)
FORCED = MoveRequest(actor="me", reason="so", force=True)
HALF = Adaptation(follows=True, share=0.5)


def fleet_context(home: Path, site: str = "home1") -> Context:
    """A home of a fleet of three."""
    rows = pl.DataFrame({"site": ["home1", "home2", "home3"], "tenant": "default"})
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in HOMES_SCHEMA.items() if name not in rows.columns]
    change_homes(home, lambda _there: rows.with_columns(missing).select(HOMES_SCHEMA.names()))
    return open_context(site, settings=Settings.model_validate({"fleet": {"buckets": 2}}), home=home)


def pooled_in(folder: Path, *, tariff: str = "", rules: WeightRules = RULES) -> Bundle:
    """A pooled policy without trees, of which home1 takes half and home2 nothing."""
    plain = lightgbm_manifest(
        state=STATE,
        columns=COLUMNS,
        among=Corrections(offset=0.1, levels=(-1.0, 1.0), margin=0.0),
        trees=False,
        weight_rules=rules,
        tariff=tariff,
    )
    details, files = adapted_bundle_parts(plain.details, WHOLE, {"home2": AS_VALUE, "home1": HALF})
    return save_bundle(folder, plain.model_copy(update={"details": details}), files)


def promoted(context: Context, folder: Path, *, tariff: str = "") -> VersionRef:
    """A pooled policy in use for a context's class."""
    pooled_in(folder, tariff=tariff)
    models = fleet_models(context.settings, context.home)
    ref = models.add_bundle(folder, 1)
    promote_class(models, class_of(context.site_settings), ref, FORCED)
    return ref


def test_homes_take_of_their_class_what_was_fitted_for_them(tmp_path: Path) -> None:
    context = fleet_context(tmp_path / "state")
    assert trained_policy(context, "champion") is None
    promoted(context, tmp_path / "bundle", tariff=tariff_version(context.site_settings))
    taken = {
        site: trained_policy(fleet_context(tmp_path / "state", site), "champion")
        for site in ("home1", "home2", "home3")
    }
    policies = {site: each.policy for site, each in taken.items() if each is not None}
    adaptations = {site: each.adaptation for site, each in policies.items() if isinstance(each, AdaptedPolicy)}
    assert adaptations == {"home1": HALF, "home2": AS_VALUE, "home3": WHOLE}
    assert [each.weight_rules for each in policies.values()] == [RULES, NAIVE, RULES]
    assert [each.is_value for each in adaptations.values()] == [False, True, False]


def test_another_tariff_is_refused(tmp_path: Path) -> None:
    context = fleet_context(tmp_path / "state")
    promoted(context, tmp_path / "bundle", tariff="other")
    with pytest.raises(PolicyMismatchError, match="under another tariff than home1 has"):
        trained_policy(context, "champion")


def test_a_home_s_own_champion_goes_before_its_class_s_on_every_machine(tmp_path: Path) -> None:
    context = fleet_context(tmp_path / "state")
    shared = promoted(context, tmp_path / "bundle")
    model = RegisteredModel.of(context)
    own = pooled_in(model.version_folder(4), rules=NAIVE)
    promote(context, 4, actor="me", reason="so", evidence=None, force=True)
    here, elsewhere = trained_policy(context, "champion"), fleet_models(context.settings, context.home)
    assert here is not None
    assert here.version == 4
    found = policy_for(elsewhere.pointer(), "home1", class_of(context.site_settings))
    assert found is not None
    assert (found.source, found.ref.identity) == ("own", own.identity)
    other = policy_for(elsewhere.pointer(), "home2", class_of(context.site_settings))
    assert other is not None
    assert other.ref == shared
    rollback(context, actor="me", reason="worse")
    again = trained_policy(context, "champion")
    assert again is not None
    assert again.version == shared.version


def test_a_share_scales_the_corrections_and_none_asks_no_trees() -> None:
    class Whole:
        manifest = Manifest(kind="lightgbm", algorithm="dagger")
        setup = opened(
            "x",
            Bundle(
                lightgbm_manifest(
                    state=STATE, columns=COLUMNS, among=Corrections(offset=0.1, levels=(), margin=0.0), trees=False
                ),
                {},
                "",
            ),
        ).policy.setup
        weight_rules = RULES

        def predict(self, state: np.ndarray) -> np.ndarray:
            assert len(state)
            return np.full((len(state), 1), 0.5, dtype=np.float32)

    states = np.zeros((3, len(COLUMNS)), dtype=np.float32)
    assert AdaptedPolicy(Whole(), HALF).predict(states).tolist() == [[0.25]] * 3
    assert AdaptedPolicy(Whole(), AS_VALUE).predict(states[:0]).shape == (0, 1)


def test_a_damaged_table_of_homes_is_refused(tmp_path: Path) -> None:
    bundle = pooled_in(tmp_path / "bundle")
    damaged = Bundle(bundle.manifest, {HOMES_FILE: b"torn"}, bundle.identity)
    with pytest.raises(PolicyMismatchError, match="cannot be read"):
        opened("champion", damaged, site="home1")
