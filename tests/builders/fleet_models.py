"""Pooled versions that homes of a fleet have in use: small hand-made trees, put into use without a training."""

from collections.abc import Mapping
from pathlib import Path

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.models.champion_pointer import VersionRef
from darkstar_pipeline.models.fleet.moves import MoveRequest, promote_class
from darkstar_pipeline.models.fleet.store import fleet_models
from planner.artifacts.bundle import save_bundle
from planner.policies.adapted_policy import WHOLE, Adaptation, adapted_bundle_parts
from planner.policies.lightgbm_policy import TREES, Corrections, lightgbm_manifest
from planner.training.lightgbm import COLUMNS, STATE
from planner.value.scenario_weights import NAIVE, WeightRules

FORCED = MoveRequest(actor="me", reason="so", force=True)
LEVEL = len(COLUMNS)
BY_STORE = (
    "tree\nversion=v4\nnum_class=1\nmax_feature_idx={level}\n\nTree=0\nnum_leaves=4\nsplit_feature=0 {level} {level}\n"
    "threshold=0.5 0 0\ndecision_type=2 2 2\nleft_child=1 -1 -3\nright_child=2 -2 -4\nleaf_value={leaves}\n\n"
    "end of trees\n"
)


def trees(leaves: str = "1 -1 -1 1") -> bytes:
    """Corrections cost what the leaves say: of a battery up to half full down, up, then of a fuller one down, up."""
    return BY_STORE.format(level=LEVEL, leaves=leaves).encode()


def pooled_bundle(
    folder: Path,
    homes: Mapping[str, Adaptation],
    *,
    rules: WeightRules = NAIVE,
    offset: float = 0.2,
    leaves: str = "1 -1 -1 1",
    tariff: str = "",
) -> Path:
    """A version that moves the value of stored energy by its offset, up or down as its leaves say."""
    plain = lightgbm_manifest(
        state=STATE,
        columns=COLUMNS,
        among=Corrections(offset=offset, levels=(-1.0, 1.0), margin=0.0),
        trees=True,
        weight_rules=rules,
        tariff=tariff,
    )
    details, files = adapted_bundle_parts(plain.details, WHOLE, homes)
    save_bundle(folder, plain.model_copy(update={"details": details}), {TREES: trees(leaves), **files})
    return folder


def put_into_use(
    settings: Settings, state: Path, class_name: str, folder: Path, *, version: int = 1, share: float = 1.0
) -> VersionRef:
    """Put a bundle into use for a class, or for a share of its homes."""
    models = fleet_models(settings, state)
    ref = models.add_bundle(folder, version)
    promote_class(models, class_name, ref, FORCED, share=share)
    return ref
