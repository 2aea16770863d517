"""The training of several classes of a fleet, one after the other, and their judgement, all together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from darkstar_pipeline.errors import DataMissingError, DataRefusedError
from darkstar_pipeline.learning.fleet.class_homes import Fleet, class_homes
from darkstar_pipeline.learning.fleet.judging import judge_classes
from darkstar_pipeline.learning.fleet.pooled_training import TrainedClass, train_class
from darkstar_pipeline.learning.training import OnProgress, TrainingOptions, ignore
from darkstar_pipeline.models.fleet.classes import PREFIX, pays_for_power
from darkstar_pipeline.models.version import registered_name
from planner.errors import TooFewHomesError
from planner.evaluation.class_test import ClassVerdict

Bars = Callable[[str, int, int], None]
"""Takes the name of a part of the work, how much of it is done, and of how much."""


@dataclass(frozen=True)
class JudgedClass:
    """A trained class with its verdict.

    Attributes:
        trained: the class.
        verdict: on it.
        left_out: homes that it was trained or judged without, with the reason, by name.
    """

    trained: TrainedClass
    verdict: ClassVerdict
    left_out: Mapping[str, str]

    @property
    def model(self) -> str:
        """Return the name of its registered model."""
        return registered_name(f"{PREFIX}{self.trained.class_name}")


@dataclass(frozen=True)
class RetrainedClasses:
    """Classes that were trained and judged, and those that were left out.

    Attributes:
        judged: trained and judged classes.
        left_out: why others were not, by class.
    """

    judged: Sequence[JudgedClass]
    left_out: Mapping[str, str]


def retrain_classes(
    fleet: Fleet,
    by_class: Mapping[str, Sequence[str]],
    n_homes: int,
    *,
    last: date | None = None,
    note: OnProgress = ignore,
    progress: Bars | None = None,
) -> RetrainedClasses:
    """Train classes and judge them together; a class that cannot be trained stops no other.

    Args:
        fleet: the fleet.
        by_class: names of the homes of each class.
        n_homes: homes of a class to learn from at most.
        last: last local day; None for the last there is.
        note: called with sentences about long steps.
        progress: told of the work on each class, and of the judgement.

    Raises:
        OutsideServiceError: MLflow or the fleet's store failed.
    """
    homes, left_out, trained = fleet.homes(), dict[str, str](), list[TrainedClass]()
    for name, sites in by_class.items():
        if not sites:
            left_out[name] = "no home is of this class"
            continue
        if pays_for_power(homes[sites[0]]):  # so do all of its homes
            left_out[name] = "pays for power, which pooled policies do not see: its homes keep `value`"
            continue
        options = TrainingOptions(progress=_bar(progress, name), note=note)
        try:
            usable = class_homes(fleet, {site: homes[site] for site in sites}, last)
            trained.append(train_class(fleet, name, usable, n_homes, options))
        except (DataMissingError, DataRefusedError, TooFewHomesError) as error:
            left_out[name] = str(error)
    found = judge_classes(fleet, trained, progress=_bar(progress, "judged homes"))
    judged = [
        JudgedClass(each, own.verdict, {**each.left_out, **own.left_out})
        for each in trained
        if (own := found[each.class_name])
    ]
    return RetrainedClasses(judged, left_out)


def _bar(progress: Bars | None, name: str) -> Callable[[int, int], None] | None:
    return None if progress is None else lambda done, total: progress(name, done, total)
