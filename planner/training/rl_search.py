"""Search for hyper-parameters: trains with many configurations and scores each on validation days.

Trials are drawn by Optuna's tree-structured Parzen estimator (Bergstra et al., 2011), each from a seed of its own, so
that a search that was killed and goes on from its file ends as the undisturbed one. Trials of a batch know the costs of
the batches before it and nothing of each other, so that they are trained side by side, on whichever engine.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from env.gym.episodes import Episodes
from planner.errors import SearchSpaceError
from planner.parallel import map_shards
from planner.training.rl import train_rl
from planner.training.rl_config import PpoTraining

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.trial import FrozenTrial

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
    batch: int = 1,
    storage: Path | None = None,
    progress: Callable[[TrialResult], None] | None = None,
) -> SearchResult:
    """Train with configurations drawn from the space; all random numbers come from the seed of the base.

    Args:
        training: days with an outlook.
        validation: other days with an outlook; none that anything is reported on.
        space: search space.
        n_trials: number of trials, those found in the file included; at least 1.
        batch: trials drawn and trained side by side; the result depends on it, and not on the engine.
        storage: file of trials, of this search alone; None keeps no file.
        progress: called after every trial, those found in the file included.

    Raises:
        SearchSpaceError: no trials, or a field that the configuration does not have.
    """
    _check(space, n_trials, batch)
    study = _study(storage)
    costs = partial(_cost, training, validation)
    results: list[TrialResult] = []
    while len(results) < n_trials:
        first = len(results) + 1
        numbers = range(first, min(first + batch, n_trials + 1))
        for number, trial in zip(numbers, _trained(study, space, numbers, costs), strict=True):
            found = TrialResult(number=number, total=n_trials, values=dict(trial.params), cost=float(trial.values[0]))
            results.append(found)
            if progress is not None:
                progress(found)
    best = min(results, key=lambda each: each.cost)
    return SearchResult(best=_with(space.base, best.values), cost=best.cost, trials=tuple(results))


def _with(base: PpoTraining, values: Mapping[str, Any]) -> PpoTraining:
    """Return a configuration with some fields replaced, validated."""
    return PpoTraining.model_validate({**base.model_dump(), **values})


def _check(space: Space, n_trials: int, batch: int) -> None:
    unknown = sorted(name for name in space.ranges if not hasattr(space.base, name))
    if unknown or n_trials < 1 or batch < 1:
        asked = f"{n_trials} in batches of {batch}" if batch != 1 else n_trials
        message = f"at least one trial of fields that {type(space.base).__name__} has, got {asked} and {unknown}"
        raise SearchSpaceError(message)


def _study(storage: Path | None) -> "Study":
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    journal = None if storage is None else JournalStorage(JournalFileBackend(str(storage)))
    return optuna.create_study(storage=journal, study_name=STUDY, load_if_exists=True)


def _finished_trials(study: "Study") -> "list[FrozenTrial]":
    """Return the completed trials, in order."""
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def _trained(
    study: "Study", space: Space, numbers: range, costs: Callable[[PpoTraining], float]
) -> "list[FrozenTrial]":
    """Return the trials of a batch; those that the study lacks are drawn, trained with and stored in it."""
    from optuna.trial import create_trial

    done = _finished_trials(study)
    known, missing = done[: numbers.start - 1], range(len(done) + 1, numbers.stop)
    drawn = [_drawn(space, number, known) for number in missing]
    for trial, cost in zip(drawn, map_shards(costs, [_with(space.base, each.params) for each in drawn]), strict=True):
        study.add_trial(create_trial(params=trial.params, distributions=trial.distributions, value=cost))
    return _finished_trials(study)[numbers.start - 1 : numbers.stop - 1]


def _drawn(space: Space, number: int, known: "Sequence[FrozenTrial]") -> "Trial":
    """Draw the configuration of a trial, knowing the trials before its batch."""
    import optuna

    seed = int(np.random.SeedSequence([space.base.seed, number]).generate_state(1)[0])
    # A seed a trial: a resumed search draws what it would have drawn.
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    study.add_trials(known)
    trial = study.ask()
    for name, each in space.ranges.items():
        _suggest(trial, name, each, getattr(space.base, name))
    return trial


def _cost(training: Episodes, validation: Episodes, config: PpoTraining) -> float:
    """Train with a configuration, and return its cost."""
    return train_rl(training, validation, config).cost


def _suggest(trial: "Trial", name: str, choices: Range, default: object) -> float | int | str | None:
    """Return a value for a field; an integer if the default is one."""
    if isinstance(choices, OneOf):
        return trial.suggest_categorical(name, choices.options)
    if isinstance(default, int):
        return trial.suggest_int(name, int(choices.low), int(choices.high), log=choices.log)
    return trial.suggest_float(name, choices.low, choices.high, log=choices.log)
