"""A pooled training of a class: learned from a sample of its homes, adapted to each, registered as a version."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from darkstar_pipeline.config.fingerprints import tariff_version
from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.learning.algorithms import with_changes
from darkstar_pipeline.learning.dataset import LearningData, learning_data
from darkstar_pipeline.learning.fleet.class_homes import ClassHome, Fleet, class_windows, drawn
from darkstar_pipeline.learning.scenario_rules import CANDIDATES
from darkstar_pipeline.learning.splits import Windows
from darkstar_pipeline.learning.training import TrainingOptions, ignore
from darkstar_pipeline.models.champion_pointer import VersionRef
from darkstar_pipeline.models.fleet.store import fleet_models
from darkstar_pipeline.models.registry import register_model
from darkstar_pipeline.models.training_run import TrainingRun
from darkstar_pipeline.models.version import RegisteredModel
from env.gym.episodes import Episodes
from planner.artifacts.bundle import save_bundle
from planner.policies.adapted_policy import adapted_bundle_parts
from planner.training.lightgbm import LightgbmTraining
from planner.training.pooled_lightgbm import PooledTraining, choose_rules, train_pooled
from planner.value.scenario_weights import WeightRules

LEAST_HOMES = 5
"""Homes with enough days to learn from, below which a class has no model of its own."""
WITHOUT_AURORA = {name: rules for name, rules in CANDIDATES.items() if not rules.forecast_share}


@dataclass(frozen=True, kw_only=True)
class TrainedClass:
    """A trained and registered version of a class.

    Attributes:
        class_name: the class.
        ref: the version, as the fleet's pointer would name it.
        windows: the class's days.
        homes: homes with usable days.
        learned_from: number of homes that it learned from.
        beliefs: name of the rules of scenario weights.
        metrics: figures on validation days, by name.
    """

    class_name: str
    ref: VersionRef
    windows: Windows
    homes: Sequence[ClassHome]
    learned_from: int
    beliefs: str
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class LearnedDays:
    """A home's days of the class's windows, read in whichever process works on them (`HomeDays`)."""

    home: ClassHome
    windows: Windows

    @property
    def name(self) -> str:
        """Return the name of the home."""
        return self.home.name

    def open(self) -> "ReadDays":
        """Read them."""
        return ReadDays(learning_data(self.home.context, self.windows, with_aurora=False, seed=0, note=ignore))


@dataclass(frozen=True)
class ReadDays:
    """A home's days that were read."""

    data: LearningData

    def training(self, rules: WeightRules) -> Episodes:
        """Return training days with the outlook that follows from rules."""
        return self.data.episodes(self.data.windows.train, rules)

    def validation(self, rules: WeightRules) -> Episodes:
        """Return validation days, alike."""
        return self.data.episodes(self.data.windows.validation, rules)


def train_class(
    fleet: Fleet, class_name: str, homes: Sequence[ClassHome], n_homes: int, options: TrainingOptions
) -> TrainedClass:
    """Train a class's policy on a sample of its homes, find out what each home takes, and register it.

    Args:
        fleet: the fleet.
        class_name: the class.
        homes: its homes with usable days.
        n_homes: homes to learn from at most.
        options: settings that differ, progress and notes.

    Raises:
        DataMissingError: there are too few homes or days.
        OutsideServiceError: MLflow or the fleet's store failed.
    """
    windows = class_windows(homes)
    enough = [found for home in homes if (found := _learned(home, windows)) is not None]
    if len(enough) < LEAST_HOMES:
        message = f"{len(enough)} homes have enough days to learn from, {LEAST_HOMES} are needed"
        raise DataMissingError(message, "its homes keep the version in use, or `value`; backfill more days")
    own = enough[0].home.own
    chosen = {home.name for home in drawn([each.home for each in enough], n_homes, salt=class_name)}
    sample = [each for each in enough if each.name in chosen]
    beliefs, costs = choose_rules(sample, WITHOUT_AURORA)
    options.note(f"{class_name}: {len(sample)} of {len(homes)} homes, beliefs: {beliefs}")
    config = LightgbmTraining.of(
        with_changes(own.lightgbm, options.changes),
        seed=own.learning.seed,
        weight_rules=CANDIDATES[beliefs],
        tariff=tariff_version(own),
    )
    trained = train_pooled(sample, enough, config, progress=options.progress)
    metrics = {**trained.metrics, **{f"beliefs_cost_{name}": cost for name, cost in costs.items()}}
    run = TrainingRun(
        train=(windows.train[0], windows.train[-1]),
        validation=(windows.validation[0], windows.validation[-1]),
        test=(windows.test[0], windows.test[-1]),
        seeds=(config.seed,),
        params={
            **config.model_dump(mode="json", exclude={"weight_rules"}),
            "beliefs": beliefs,
            "class": class_name,
            "homes": len(homes),
            "learned from homes": len(sample),
        },
        metrics=metrics,
        curves={"validation_saving": trained.curve},
        tags={"class": class_name, "figures_of": "validation", **options.tags},
        dagster_run_id=options.dagster_run_id,
    )
    ref = _registered(fleet, class_name, fleet.class_context(class_name, own), trained, run, beliefs, windows)
    return TrainedClass(
        class_name=class_name,
        ref=ref,
        windows=windows,
        homes=homes,
        learned_from=len(sample),
        beliefs=beliefs,
        metrics=metrics,
    )


def _learned(home: ClassHome, windows: Windows) -> LearnedDays | None:
    """Return a home's part of the windows; None where that is too little to learn from."""
    rules = home.own.learning
    own = Windows(train=home.inside(windows.train), validation=home.inside(windows.validation))
    enough = len(own.train) >= rules.least_train_days and len(own.validation) >= rules.least_judged_days
    return LearnedDays(home, own) if enough else None


def _registered(
    fleet: Fleet,
    class_name: str,
    context: Context,
    trained: PooledTraining,
    run: TrainingRun,
    beliefs: str,
    windows: Windows,
) -> VersionRef:
    """Make a training a version in MLflow, and put its bundle where every machine finds it."""
    manifest = trained.policy.manifest
    details, files = adapted_bundle_parts(manifest.details, trained.usual, trained.homes)
    details |= {
        "learned_from": [windows.train[0].isoformat(), windows.train[-1].isoformat()],
        "learned_until": windows.validation[-1].isoformat(),
        "beliefs_name": beliefs,
        "class": class_name,
    }
    with TemporaryDirectory(prefix="class-") as folder:
        place = Path(folder) / "bundle"
        save_bundle(place, manifest.model_copy(update={"details": details}), {**trained.policy.files(), **files})
        version = register_model(context, place, run)
    return stored_version(fleet, context, version)


def stored_version(fleet: Fleet, context: Context, version: int) -> VersionRef:
    """Return how the fleet's pointer names a registered version of a class, its bundle in the fleet's store."""
    folder = RegisteredModel.of(context).version_folder(version)
    return fleet_models(fleet.settings, fleet.home).add_bundle(folder, version)
