"""Training algorithms by kind of policy, with their settings and results in one form."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import polars as pl
from pydantic import ValidationError

from darkstar_pipeline.config.fingerprints import tariff_version
from darkstar_pipeline.config.validation import describe_validation
from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import ConfigurationError
from env.gym.episodes import Episodes
from planner.artifacts.bundle import Manifest
from planner.training.settings import TrainingSettings
from planner.value.scenario_weights import WeightRules

Curve = tuple[tuple[int, float], ...]
KINDS = ("rl", "lightgbm", "regressors")
SettingsT = TypeVar("SettingsT", bound=TrainingSettings)


@dataclass(frozen=True, kw_only=True)
class TrainingResult:
    """Result of a training.

    Attributes:
        manifest: manifest of the policy.
        files: files of the policy by name.
        metrics: metrics by plain name.
        curves: cost on validation days by round, a curve a learner [money].
        params: hyper-parameters.
        seed: random seed of the training.
    """

    manifest: Manifest
    files: Mapping[str, bytes]
    metrics: Mapping[str, float]
    curves: Mapping[str, Curve]
    params: Mapping[str, Any]
    seed: int


@dataclass(frozen=True, kw_only=True)
class TrainingSplit:
    """Data of a training.

    Attributes:
        training: training days.
        validation: validation days.
        weight_rules: scenario weights behind both.
        changes: settings that differ from the configured ones, by name.
        slots: slots with MPC's powers, for imitation (`planner.training.antares_slots`); None for the others.
        checkpoints: folder from which a killed training is resumed; None keeps no checkpoints.
        progress: called with (done, total).
    """

    training: Episodes
    validation: Episodes
    weight_rules: WeightRules
    changes: Mapping[str, Any]
    slots: pl.DataFrame | None = None
    checkpoints: Path | None = None
    progress: Callable[[int, int], None] | None = None


def train_policy(context: Context, kind: str, split: TrainingSplit) -> TrainingResult:
    """Train one kind of policy.

    Raises:
        ConfigurationError: the algorithm does not have a setting, or a value is invalid.
    """
    if kind == "rl":
        return _rl(context, split)
    if kind == "lightgbm":
        return _lightgbm(context, split)
    if kind == "regressors" and split.slots is not None:
        return _regressors(context, split, split.slots)
    raise ConfigurationError(f"no policy of kind {kind!r} can be trained", f"kinds: {', '.join(KINDS)}")


def check_changes(context: Context, kind: str, changes: Mapping[str, Any]) -> None:
    """Refuse settings that the algorithm does not have, before a long training begins.

    Raises:
        ConfigurationError: names the setting, and the settings that exist.
    """
    settings = context.site_settings
    known: dict[str, TrainingSettings] = {
        "rl": settings.rl,
        "lightgbm": settings.lightgbm,
        "regressors": settings.regressors,
    }
    with_changes(known[kind], changes)


def with_changes(settings: SettingsT, changes: Mapping[str, Any]) -> SettingsT:
    """Return settings with some of them replaced, validated like those of the file.

    Raises:
        ConfigurationError: names every wrong setting, and the settings that exist.
    """
    replaced = {settings.OLD_NAMES.get(name, name) for name in changes}
    kept = {name: value for name, value in settings.model_dump().items() if name not in replaced}
    try:
        return type(settings).model_validate({**kept, **changes})
    except ValidationError as error:
        message = describe_validation(error, whole="--set", prefix="--set ")
        raise ConfigurationError(message, f"settings: {', '.join(type(settings).model_fields)}") from error


def _rl(context: Context, split: TrainingSplit) -> TrainingResult:
    from planner.training.rl import RlRound, train_rl
    from planner.training.rl_config import PpoTraining

    settings = with_changes(context.site_settings.rl, split.changes)
    config = PpoTraining.of(settings, seed=context.site_settings.learning.seed)

    def report(each: RlRound) -> None:
        if split.progress is not None:
            split.progress(each.done, each.total)

    trained = train_rl(
        split.training,
        split.validation,
        config,
        checkpoints=split.checkpoints,
        progress=report,
        weight_rules=split.weight_rules,
        tariff=tariff_version(context.site_settings),
    )
    curves: dict[str, list[tuple[int, float]]] = {}
    for each in trained.rounds:
        curves.setdefault(f"member {each.member}", []).append((each.number, each.cost))
    return TrainingResult(
        manifest=trained.policy.manifest,
        files=trained.policy.files(),
        metrics={
            "validation_cost": trained.cost,
            "validation_cost_uncorrected": trained.uncorrected_cost,
            "steps": float(sum(each.steps for each in trained.rounds if each.number == config.rounds)),
        },
        curves={name: tuple(curve) for name, curve in curves.items()},
        params=settings.model_dump(mode="json"),
        seed=config.seed,
    )


def _lightgbm(context: Context, split: TrainingSplit) -> TrainingResult:
    from planner.training.lightgbm import LightgbmRound, LightgbmTraining, train_lightgbm

    settings = with_changes(context.site_settings.lightgbm, split.changes)
    config = LightgbmTraining.of(
        settings,
        seed=context.site_settings.learning.seed,
        weight_rules=split.weight_rules,
        tariff=tariff_version(context.site_settings),
    )

    def report(each: LightgbmRound) -> None:
        if split.progress is not None:
            split.progress(each.number, each.total)

    trained = train_lightgbm(split.training, split.validation, config, progress=report)
    return TrainingResult(
        manifest=trained.policy.manifest,
        files=trained.policy.files(),
        metrics=trained.metrics,
        curves={"cheapest margin": tuple((each.number, each.cost) for each in trained.rounds)},
        params=settings.model_dump(mode="json"),
        seed=config.seed,
    )


def _regressors(context: Context, split: TrainingSplit, slots: pl.DataFrame) -> TrainingResult:
    from planner.training.imitation import RegressorTraining, train_regressors

    settings = with_changes(context.site_settings.regressors, split.changes)
    config = RegressorTraining.of(
        settings,
        seed=context.site_settings.learning.seed,
        weight_rules=split.weight_rules,
        tariff=tariff_version(context.site_settings),
    )
    trained = train_regressors(split.training, split.validation, slots, config, progress=split.progress)
    return TrainingResult(
        manifest=trained.regressors.manifest,
        files=trained.regressors.files(),
        metrics=trained.metrics,
        curves={},
        params=settings.model_dump(mode="json"),
        seed=config.seed,
    )
