"""The algorithms by kind of policy: their settings, their training, and what it tells in one form."""

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
Chosen = TypeVar("Chosen", bound=TrainingSettings)


@dataclass(frozen=True, kw_only=True)
class TrainingResult:
    """What an algorithm learned.

    Attributes:
        manifest: of the policy.
        files: of the policy, by name.
        metrics: by plain name.
        curves: cost on validation days by round, a curve a learner [money].
        params: every hyper-parameter.
        seed: that everything was drawn from.
    """

    manifest: Manifest
    files: Mapping[str, bytes]
    metrics: Mapping[str, float]
    curves: Mapping[str, Curve]
    params: Mapping[str, Any]
    seed: int


@dataclass(frozen=True, kw_only=True)
class TrainingSplit:
    """What an algorithm is given.

    Attributes:
        training: days to learn from.
        validation: days to choose on.
        beliefs: rules behind both.
        changes: settings that differ from the configured ones, by name.
        slots: what MPC told, for those that learn from it (`planner.training.antares_slots`); None for the others.
        checkpoints: folder where a training that was killed goes on; None keeps none.
        progress: told (done, total).
    """

    training: Episodes
    validation: Episodes
    beliefs: WeightRules
    changes: Mapping[str, Any]
    slots: pl.DataFrame | None = None
    checkpoints: Path | None = None
    progress: Callable[[int, int], None] | None = None


def learn(context: Context, kind: str, lesson: TrainingSplit) -> TrainingResult:
    """Train one kind of policy.

    Raises:
        ConfigurationError: a setting that the algorithm does not have, or a value that it cannot take.
    """
    if kind == "rl":
        return _rl(context, lesson)
    if kind == "lightgbm":
        return _lightgbm(context, lesson)
    if kind == "regressors" and lesson.slots is not None:
        return _regressors(context, lesson, lesson.slots)
    raise ConfigurationError(f"no policy of kind {kind!r} can be trained", f"kinds: {', '.join(KINDS)}")


def check_changes(context: Context, kind: str, changes: Mapping[str, Any]) -> None:
    """Refuse settings that the algorithm does not have, before anything long is begun.

    Raises:
        ConfigurationError: names the setting, and those that there are.
    """
    settings = context.site_settings
    known: dict[str, TrainingSettings] = {
        "rl": settings.rl,
        "lightgbm": settings.lightgbm,
        "regressors": settings.regressors,
    }
    changed(known[kind], changes)


def changed(settings: Chosen, changes: Mapping[str, Any]) -> Chosen:
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


def _rl(context: Context, lesson: TrainingSplit) -> TrainingResult:
    from planner.training.rl import RlRound, train_rl
    from planner.training.rl_config import PpoTraining

    settings = changed(context.site_settings.rl, lesson.changes)
    how = PpoTraining.of(settings, seed=context.site_settings.learning.seed)

    def told(each: RlRound) -> None:
        if lesson.progress is not None:
            lesson.progress(each.done, each.total)

    trained = train_rl(
        lesson.training,
        lesson.validation,
        how,
        checkpoints=lesson.checkpoints,
        progress=told,
        beliefs=lesson.beliefs,
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
            "steps": float(sum(each.steps for each in trained.rounds if each.number == how.rounds)),
        },
        curves={name: tuple(curve) for name, curve in curves.items()},
        params=settings.model_dump(mode="json"),
        seed=how.seed,
    )


def _lightgbm(context: Context, lesson: TrainingSplit) -> TrainingResult:
    from planner.training.lightgbm import LightgbmRound, LightgbmTraining, train_lightgbm

    settings = changed(context.site_settings.lightgbm, lesson.changes)
    how = LightgbmTraining.of(
        settings,
        seed=context.site_settings.learning.seed,
        weight_rules=lesson.beliefs,
        tariff=tariff_version(context.site_settings),
    )

    def told(each: LightgbmRound) -> None:
        if lesson.progress is not None:
            lesson.progress(each.number, each.total)

    trained = train_lightgbm(lesson.training, lesson.validation, how, progress=told)
    return TrainingResult(
        manifest=trained.policy.manifest,
        files=trained.policy.files(),
        metrics=trained.metrics,
        curves={"cheapest margin": tuple((each.number, each.cost) for each in trained.rounds)},
        params=settings.model_dump(mode="json"),
        seed=how.seed,
    )


def _regressors(context: Context, lesson: TrainingSplit, slots: pl.DataFrame) -> TrainingResult:
    from planner.training.imitation import RegressorTraining, train_regressors

    settings = changed(context.site_settings.regressors, lesson.changes)
    how = RegressorTraining.of(
        settings,
        seed=context.site_settings.learning.seed,
        weight_rules=lesson.beliefs,
        tariff=tariff_version(context.site_settings),
    )
    trained = train_regressors(lesson.training, lesson.validation, slots, how, progress=lesson.progress)
    return TrainingResult(
        manifest=trained.regressors.manifest,
        files=trained.regressors.files(),
        metrics=trained.metrics,
        curves={},
        params=settings.model_dump(mode="json"),
        seed=how.seed,
    )
