"""Training of a policy on a site's days, and its registration as a version (`darkstar train`, the retrain).

Training starts from the policy `value` with the scenario weights that suit the home, and is only kept where it saves
money on validation days.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.antares_slots import get_antares_slots
from darkstar_pipeline.learning.algorithms import TrainingResult, TrainingSplit, check_changes, train_policy
from darkstar_pipeline.learning.augmentation import augmented_episodes
from darkstar_pipeline.learning.dataset import LearningData, learning_data, usable_days
from darkstar_pipeline.learning.policy_maps import policy_map
from darkstar_pipeline.learning.scenario_rules import CANDIDATES, choose_scenario_rules
from darkstar_pipeline.learning.scoring import policy_metrics, score_on_days
from darkstar_pipeline.learning.splits import Windows, split
from darkstar_pipeline.models.registry import register_model
from darkstar_pipeline.models.training_run import TrainingRun
from darkstar_pipeline.models.version import models_folder
from darkstar_pipeline.pictures.canvas import policy_name
from darkstar_pipeline.pictures.learning import cost_over_oracle_png, learning_curve_png
from darkstar_pipeline.policies.trained import TrainedPolicy, opened
from darkstar_pipeline.tracking.site_params import site_params
from env.gym.episodes import joined
from planner.artifacts.bundle import Bundle, save_bundle
from planner.evaluation.verdict import Evaluation
from planner.forecasts.embedded_aurora import with_aurora

Progress = Callable[[int, int], None]
UNREGISTERED = "learned"  # name of a version without a number yet


class OnProgress(Protocol):
    """Reports progress to a person."""

    def __call__(self, text: str, /) -> None:
        """Report a sentence."""
        ...


def ignore(text: str, /) -> None:
    """Report nothing."""
    del text


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """Options of a training.

    Attributes:
        changes: settings of the algorithm that differ from the configured ones, by name.
        progress: called with (done, total).
        note: called with sentences about long steps and missing inputs.
        tags: additional tags of the run.
        dagster_run_id: Dagster run that trains, for the link back.
    """

    changes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    progress: Progress | None = None
    note: OnProgress = ignore
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    dagster_run_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class TrainedVersion:
    """A trained and registered version.

    Attributes:
        kind: kind of policy: `rl`, `lightgbm` or `regressors`.
        version: version of the registered model.
        windows: training and validation days.
        beliefs: name of the scenario weights.
        metrics: metrics on validation days by name.
        verdict: verdict on validation days, beside the references.
    """

    kind: str
    version: int
    windows: Windows
    beliefs: str
    metrics: Mapping[str, float]
    verdict: Evaluation

    @property
    def totals(self) -> list[dict[str, Any]]:
        """Return the verdict's rows, the version under the name of its kind."""
        rows = self.verdict.totals.to_dicts()
        return [{**row, "policy": self.kind if row["policy"] == UNREGISTERED else row["policy"]} for row in rows]


def train_range(
    context: Context, kind: str, first: date | None, last: date | None, options: TrainingOptions | None = None
) -> TrainedVersion:
    """Train on the usable days of a range, the last of them for validation.

    Args:
        context: the site.
        kind: `rl` or `lightgbm`.
        first: first local day; None takes the first usable one.
        last: last local day, inclusive; None takes the last usable one.
        options: further options.

    Raises:
        DataMissingError: there are too few days.
        ConfigurationError: the algorithm does not have a setting.
        OutsideServiceError: MLflow refused or cannot be reached.
    """
    chosen = options or TrainingOptions()
    check_changes(context, kind, chosen.changes)
    windows = split(usable_days(context, first, last), context.site_settings.learning)
    return train_version(prepare_data(context, windows, chosen.note), kind, chosen)


def prepare_data(context: Context, windows: Windows, note: OnProgress = ignore) -> LearningData:
    """Return the data of the windows' days, for trainings of any kind."""
    rules = context.site_settings.learning
    return learning_data(context, windows, with_aurora=rules.aurora_scenarios, seed=rules.seed, note=note)


def train_version(data: LearningData, kind: str, options: TrainingOptions) -> TrainedVersion:
    """Train on prepared days, score on their validation days, and register."""
    context, windows = data.context, data.windows
    name, costs = choose_scenario_rules(data)
    options.note(f"beliefs: {name}")
    rules = CANDIDATES[name]
    imitates = kind == "regressors"  # MPC was replayed on the home's own days alone
    further = [] if imitates else augmented_episodes(data, rules)
    split_data = TrainingSplit(
        training=joined([data.episodes(windows.train, rules), *further]),
        validation=data.episodes(windows.validation, rules),
        weight_rules=rules,
        changes=options.changes,
        slots=get_antares_slots(context, windows.train[0], windows.validation[-1]) if imitates else None,
        checkpoints=_checkpoints(data, kind, options),
        progress=options.progress,
    )
    learned = train_policy(context, kind, split_data)
    with TemporaryDirectory(prefix=f"{kind}-") as folder:
        place = Path(folder) / "bundle"
        trained = opened(UNREGISTERED, _save_bundle(learned, data, name, place))
        verdict = score_on_days(context, [trained], windows.validation)
        metrics = {**policy_metrics(verdict, UNREGISTERED), **learned.metrics}
        beliefs = {"beliefs": name, **{f"beliefs_cost_{each}": cost for each, cost in costs.items()}}
        run = TrainingRun(
            train=(windows.train[0], windows.train[-1]),
            validation=(windows.validation[0], windows.validation[-1]),
            content_hash=data.content_hash,
            seeds=(learned.seed,),
            params={
                **site_params(context.site_settings, windows.validation[-1]),
                **learned.params,
                **beliefs,
                "train days": len(windows.train),
            },
            metrics=metrics,
            curves={f"validation_cost {each}": curve for each, curve in learned.curves.items()},
            days=verdict.days.with_columns(pl.col("policy").replace({UNREGISTERED: kind})),
            artifacts=_pictures(context, learned, trained, verdict, windows),
            tags={"figures_of": "validation", **options.tags},
            dagster_run_id=options.dagster_run_id,
        )
        version = register_model(context, place, run)
    _remove_checkpoints(split_data.checkpoints)
    return TrainedVersion(kind=kind, version=version, windows=windows, beliefs=name, metrics=metrics, verdict=verdict)


def _save_bundle(learned: TrainingResult, data: LearningData, beliefs: str, place: Path) -> Bundle:
    """Write the policy with its windows, and with the Aurora that its scenario weights count on."""
    windows = data.windows
    details = {
        **learned.manifest.details,
        "learned_from": [windows.train[0].isoformat(), windows.train[-1].isoformat()],
        "learned_until": windows.validation[-1].isoformat(),
        "beliefs_name": beliefs,
    }
    manifest, files = learned.manifest.model_copy(update={"details": details}), dict(learned.files)
    if CANDIDATES[beliefs].forecast_share and data.aurora is not None:
        manifest, further = with_aurora(manifest, data.aurora)
        files |= further
    return save_bundle(place, manifest, files)


def _checkpoints(data: LearningData, kind: str, options: TrainingOptions) -> Path | None:
    """Return the folder from which a killed training of the same days and settings is resumed."""
    context = data.context
    settings = context.site_settings.model_dump(
        mode="json", include={"rl", "lightgbm", "learning", "battery", "limits"}
    )
    document = json.dumps(
        [data.content_hash, settings, dict(options.changes), str(data.windows)], sort_keys=True, default=str
    )
    name = hashlib.sha256(document.encode()).hexdigest()[:16]
    return models_folder(context.home, context.site_name) / "unfinished" / f"{kind}-{name}"


def _remove_checkpoints(checkpoints: Path | None) -> None:
    """Remove the checkpoints of a training that became a version."""
    if checkpoints is not None:
        shutil.rmtree(checkpoints, ignore_errors=True)


def _pictures(
    context: Context, learned: TrainingResult, trained: TrainedPolicy, verdict: Evaluation, windows: Windows
) -> dict[str, bytes]:
    """Return plots of the learning curve, the costs, and the policy's map on its validation days."""
    kind, currency = learned.manifest.kind, context.site_settings.currency
    named = verdict.days.with_columns(pl.col("policy").replace({UNREGISTERED: kind}))
    pictures = {
        "policy_map.png": policy_map(context, trained, windows.validation),
        "against_oracle.png": cost_over_oracle_png(
            named,
            (kind, "value", "mpc"),
            title=f"{policy_name(kind)} on its validation days, site {context.site_name}",
            currency=currency,
        ),
    }
    if learned.curves:
        title = f"Learning curve of {kind} ({learned.manifest.algorithm}), site {context.site_name}"
        pictures["learning_curve.png"] = learning_curve_png(learned.curves, title=title, currency=currency)
    return pictures
