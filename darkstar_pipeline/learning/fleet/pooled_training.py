"""A pooled training of a class: learned from a sample of its homes, adapted to each, registered as a version."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from darkstar_pipeline.config.fingerprints import tariff_version
from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import OutsideServiceError
from darkstar_pipeline.learning.algorithms import with_changes
from darkstar_pipeline.learning.dataset import LearningData, learning_data
from darkstar_pipeline.learning.fleet.class_homes import ClassHome, Fleet, UsableHomes, class_windows, in_drawn_order
from darkstar_pipeline.learning.fleet.left_out import left_out_tag
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
from planner.errors import HomeDaysError, TooFewHomesError
from planner.fault_isolation import MISTAKES
from planner.parallel import Progress, part_of
from planner.policies.adapted_policy import adapted_bundle_parts
from planner.training.home_days import KeptDays, keep_only
from planner.training.lightgbm import LightgbmTraining
from planner.training.pooled_lightgbm import (
    PooledTraining,
    ValuedHome,
    class_rules,
    n_steps,
    train_pooled,
    uncorrected_costs,
)
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
        left_out: why other homes are no part of it, by name.
        learned_from: number of homes that it learned from.
        beliefs: name of the rules of scenario weights.
        metrics: figures on validation days, by name.
    """

    class_name: str
    ref: VersionRef
    windows: Windows
    homes: Sequence[ClassHome]
    left_out: Mapping[str, str]
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
        """Read them.

        Raises:
            HomeDaysError: they cannot be read, for whatever is wrong with the home.
            OutsideServiceError: the fleet's store failed.
        """
        try:
            context = self.home.open_context()
            return ReadDays(learning_data(context, self.windows, with_aurora=False, seed=0, note=ignore))
        except OutsideServiceError:
            raise
        except MISTAKES as error:  # one bad home never ends the training of the others
            raise HomeDaysError(str(error) or type(error).__name__) from error


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
    fleet: Fleet, class_name: str, usable: UsableHomes, n_homes: int, options: TrainingOptions
) -> TrainedClass:
    """Train a class's policy on a sample of its homes, find out what each home takes, and register it.

    A home whose days cannot be read or used is left out by name.

    Args:
        fleet: the fleet.
        class_name: the class.
        usable: its homes with usable days.
        n_homes: homes to learn from at most.
        options: settings that differ, progress and notes.

    Raises:
        TooFewHomesError: fewer than `LEAST_HOMES` have enough days that can be read.
        DataMissingError: there are too few days.
        OutsideServiceError: MLflow or the fleet's store failed.
    """
    homes = usable.homes
    _refuse_few([home.name for home in homes], usable.left_out)
    windows = class_windows(homes)
    parts = [_learned(home, windows) for home in homes]
    enough = [each for each in parts if isinstance(each, LearnedDays)]
    few = {home.name: each for home, each in zip(homes, parts, strict=True) if isinstance(each, str)}
    left_out = {**usable.left_out, **few}
    _refuse_few([each.name for each in enough], left_out)
    own = enough[0].home.own
    learned = _learn(class_name, enough, n_homes, options, left_out)
    left_out = learned.left_out
    trained, config = learned.trained, learned.config
    metrics = {
        **trained.metrics,
        **{f"beliefs_cost_{name}": cost for name, cost in learned.beliefs_costs.items()},
        "homes_left_out": float(len(left_out)),
    }
    run = TrainingRun(
        train=(windows.train[0], windows.train[-1]),
        validation=(windows.validation[0], windows.validation[-1]),
        test=(windows.test[0], windows.test[-1]),
        seeds=(config.seed,),
        params={
            **config.model_dump(mode="json", exclude={"weight_rules"}),
            "beliefs": learned.beliefs,
            "class": class_name,
            "homes": len(homes),
            "learned from homes": learned.n_homes,
        },
        metrics=metrics,
        curves={"validation_saving": trained.curve},
        tags={"class": class_name, "figures_of": "validation", **left_out_tag(left_out), **options.tags},
        dagster_run_id=options.dagster_run_id,
    )
    context = fleet.class_context(class_name, own)
    ref = _registered(fleet, class_name, context, trained, run, learned.beliefs, windows)
    return TrainedClass(
        class_name=class_name,
        ref=ref,
        windows=windows,
        homes=homes,
        left_out=left_out,
        learned_from=learned.n_homes,
        beliefs=learned.beliefs,
        metrics=metrics,
    )


@dataclass(frozen=True, kw_only=True)
class _Learned:
    """A training from a sample of homes, and why others of it could not be learned from, by name."""

    trained: PooledTraining
    config: LightgbmTraining
    n_homes: int
    beliefs: str
    beliefs_costs: Mapping[str, float]
    left_out: Mapping[str, str]


def _learn(
    class_name: str, homes: Sequence[LearnedDays], n_homes: int, options: TrainingOptions, before: Mapping[str, str]
) -> _Learned:
    """Learn from a sample of homes, besides those left out before; in the place of one that fails another is drawn.

    Raises:
        TooFewHomesError: see `train_class`.
    """
    own = homes[0].home.own
    settings = with_changes(own.lightgbm, options.changes)
    most = min(n_homes, len(homes))
    total = most + n_steps(most, len(homes), settings.rounds)
    with TemporaryDirectory(prefix="class-days-") as folder:
        kept = [KeptDays(each, Path(folder)) for each in in_drawn_order(homes, salt=class_name)]
        valued, left_out = _valued(kept, most, part_of(options.progress, 0, total), before)
        beliefs, costs = class_rules(valued, WITHOUT_AURORA)
        options.note(f"{class_name}: {len(valued)} of {len(homes)} homes, beliefs: {beliefs}")
        keep_only(Path(folder), CANDIDATES[beliefs])
        config = LightgbmTraining.of(
            settings, seed=own.learning.seed, weight_rules=CANDIDATES[beliefs], tariff=tariff_version(own)
        )
        trained = train_pooled(
            list(valued.values()),
            [valued.get(each.name, each) for each in homes if each.name not in left_out],
            config,
            progress=part_of(options.progress, most, total),
        )
    left_out |= trained.left_out
    learned = [name for name in valued if name not in trained.left_out]
    _refuse_few(learned, left_out)
    return _Learned(
        trained=trained,
        config=config,
        n_homes=len(learned),
        beliefs=beliefs,
        beliefs_costs=costs,
        left_out=left_out,
    )


def _valued(
    waiting: Sequence[KeptDays], most: int, progress: Progress | None, before: Mapping[str, str]
) -> tuple[dict[str, ValuedHome], dict[str, str]]:
    """Return the first homes whose days can be read and used, in order of their names, and why others cannot.

    Raises:
        TooFewHomesError: see `train_class`.
    """
    valued, left_out = dict[str, ValuedHome](), dict(before)
    while waiting and len(valued) < most:
        now, waiting = waiting[: most - len(valued)], waiting[most - len(valued) :]
        found = uncorrected_costs(now, WITHOUT_AURORA, progress=part_of(progress, len(valued), most))
        valued |= {each.name: ValuedHome(each, found.answers[each.name]) for each in now if each.name in found.answers}
        left_out |= found.left_out
    _refuse_few(valued, left_out)
    return dict(sorted(valued.items())), left_out


def _refuse_few(homes: Collection[str], left_out: Mapping[str, str]) -> None:
    if len(homes) < LEAST_HOMES:
        raise TooFewHomesError(len(homes), LEAST_HOMES, left_out)


def _learned(home: ClassHome, windows: Windows) -> LearnedDays | str:
    """Return a home's part of the windows; why it is left out where that is too little to learn from."""
    rules = home.own.learning
    own = Windows(train=home.inside(windows.train), validation=home.inside(windows.validation))
    if len(own.train) >= rules.least_train_days and len(own.validation) >= rules.least_judged_days:
        return LearnedDays(home, own)
    needed = f"{rules.least_train_days} and {rules.least_judged_days} are needed"
    return f"too few usable days: {len(own.train)} to learn from and {len(own.validation)} to choose on, {needed}"


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
