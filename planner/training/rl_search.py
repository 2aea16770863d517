"""Search for hyper-parameters: trains with many configurations and scores each on validation days.

Trials are drawn by Optuna's tree-structured Parzen estimator (Bergstra et al., 2011), each from a seed of its own, so
that a search that was killed and goes on from its file ends as the undisturbed one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from env.gym.episodes import Episodes
from planner.errors import SearchSpaceError
from planner.training.rl import train_rl
from planner.training.rl_config import PpoTraining

if TYPE_CHECKING:
    from optuna import Study, Trial

STUDY = "rl"


@dataclass(frozen=True, kw_only=True)
class Between:
    """A range of numbers.

    Attributes:
        low: lower end.
        high: upper end.
        log: whether to draw on a logarithmic scale.
    """

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True)
class OneOf:
    """A choice among a few values.

    Attributes:
        options: numbers or strings.
    """

    options: tuple[float | int | str, ...]


Range: TypeAlias = Between | OneOf


@dataclass(frozen=True, kw_only=True)
class Space:
    """The search space.

    Attributes:
        base: configuration of all that is not searched; fewer rounds and one member are quicker.
        ranges: ranges of the searched fields of `base`, by name.
    """

    base: PpoTraining
    ranges: Mapping[str, Range]


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """Result of a trial.

    Attributes:
        number: number of the trial, from 1.
        total: number of trials of the search.
        values: values of the searched fields.
        cost: mean cost of the trained policy over the validation days [money].
    """

    number: int
    total: int
    values: Mapping[str, Any]
    cost: float


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """Result of a search.

    Attributes:
        best: configuration of the cheapest trial.
        cost: cost of that trial [money].
        trials: trials in order.
    """

    best: PpoTraining
    cost: float
    trials: tuple[TrialResult, ...]


def search(
    training: Episodes,
    validation: Episodes,
    space: Space,
    n_trials: int,
    *,
    storage: Path | None = None,
    progress: Callable[[TrialResult], None] | None = None,
) -> SearchResult:
    """Train with configurations drawn from the space; all random numbers come from the seed of the base.

    Args:
        training: days with an outlook.
        validation: other days with an outlook; none that anything is reported on.
        space: search space.
        n_trials: number of trials, those found in the file included; at least 1.
        storage: file of trials, of this search alone; None keeps no file.
        progress: called after every trial, those found in the file included.

    Raises:
        SearchSpaceError: no trials, or a field that the configuration does not have.
    """
    _check(space, n_trials)
    study = _study(storage)
    results: list[TrialResult] = []
    for number in range(1, n_trials + 1):
        done = _finished_trials(study)
        if number > len(done):
            _run_trial(study, space, number, training, validation)
            done = _finished_trials(study)
        values, cost = done[number - 1]
        results.append(TrialResult(number=number, total=n_trials, values=values, cost=cost))
        if progress is not None:
            progress(results[-1])
    best = min(results, key=lambda each: each.cost)
    return SearchResult(best=_with(space.base, best.values), cost=best.cost, trials=tuple(results))


def _with(base: PpoTraining, values: Mapping[str, Any]) -> PpoTraining:
    """Return a configuration with some fields replaced, validated."""
    return PpoTraining.model_validate({**base.model_dump(), **values})


def _check(space: Space, n_trials: int) -> None:
    unknown = sorted(name for name in space.ranges if not hasattr(space.base, name))
    if unknown or n_trials < 1:
        message = f"at least one trial of fields that {type(space.base).__name__} has, got {n_trials} and {unknown}"
        raise SearchSpaceError(message)


def _study(storage: Path | None) -> "Study":
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    journal = None if storage is None else JournalStorage(JournalFileBackend(str(storage)))
    return optuna.create_study(storage=journal, study_name=STUDY, load_if_exists=True)


def _finished_trials(study: "Study") -> list[tuple[dict[str, Any], float]]:
    """Return values and cost of the completed trials, in order."""
    from optuna.trial import TrialState

    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return [(dict(trial.params), float(trial.values[0])) for trial in trials]


def _run_trial(study: "Study", space: Space, number: int, training: Episodes, validation: Episodes) -> None:
    """Draw a configuration, train with it, and store its cost."""
    from optuna.samplers import TPESampler

    seed = int(np.random.SeedSequence([space.base.seed, number]).generate_state(1)[0])
    study.sampler = TPESampler(seed=seed)  # a seed a trial: a resumed search draws what it would have drawn
    trial = study.ask()
    drawn = {name: _suggest(trial, name, each, getattr(space.base, name)) for name, each in space.ranges.items()}
    study.tell(trial, train_rl(training, validation, _with(space.base, drawn)).cost)


def _suggest(trial: "Trial", name: str, choices: Range, default: object) -> float | int | str | None:
    """Return a value for a field; an integer if the default is one."""
    if isinstance(choices, OneOf):
        return trial.suggest_categorical(name, choices.options)
    if isinstance(default, int):
        return trial.suggest_int(name, int(choices.low), int(choices.high), log=choices.log)
    return trial.suggest_float(name, choices.low, choices.high, log=choices.log)
