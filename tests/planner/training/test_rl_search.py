"""A search draws within its ranges, repeats itself, and is resumed after it was interrupted."""

from pathlib import Path

import pytest

from planner.local_engine import LocalEngine
from planner.parallel import running_on
from planner.training import rl_search
from planner.training.rl_search import Between, OneOf, SearchResult, Space, TrialResult, search
from tests.builders.episodes import mixed, several, sites
from tests.builders.training import PPO, with_changes

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
SPACE = Space(
    base=with_changes(PPO, rounds=1, members=1),
    ranges={
        "learning_rate": Between(low=1e-3, high=0.1, log=True),
        "epochs": Between(low=1, high=5),
        "offset": OneOf((0.1, 0.4)),
    },
)
TRIALS = 3


class StoppedError(Exception):
    """Somebody pulled the plug."""


@pytest.fixture(scope="module")
def undisturbed() -> SearchResult:
    return search(mixed(), several(sites()[0]), SPACE, TRIALS)


def test_best_trial_is_the_configuration_of_the_least_cost(undisturbed: SearchResult) -> None:
    assert [each.number for each in undisturbed.trials] == [1, 2, 3]
    cheapest = min(undisturbed.trials, key=lambda each: each.cost)
    assert undisturbed.cost == cheapest.cost
    assert undisturbed.best == with_changes(SPACE.base, **cheapest.values)
    for trial in undisturbed.trials:
        assert 1e-3 <= trial.values["learning_rate"] <= 0.1
        assert trial.values["epochs"] in range(1, 6)
        assert trial.values["offset"] in (0.1, 0.4)
    assert len({trial.values["learning_rate"] for trial in undisturbed.trials}) == TRIALS


def test_search_ends_the_same_when_it_was_broken_off(undisturbed: SearchResult, tmp_path: Path) -> None:
    def stop(finished: TrialResult) -> None:
        if finished.number == 2:
            raise StoppedError

    file = tmp_path / "trials.log"
    with pytest.raises(StoppedError):
        search(mixed(), several(sites()[0]), SPACE, TRIALS, storage=file, progress=stop)
    reported: list[TrialResult] = []
    resumed = search(mixed(), several(sites()[0]), SPACE, TRIALS, storage=file, progress=reported.append)
    assert resumed == undisturbed
    assert tuple(reported) == resumed.trials


def test_a_trial_that_was_broken_off_is_drawn_again(
    undisturbed: SearchResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "trials.log"
    search(mixed(), several(sites()[0]), SPACE, 1, storage=file)

    def broken(*_: object) -> None:
        raise StoppedError

    with monkeypatch.context() as patched:
        patched.setattr(rl_search, "train_rl", broken)
        with pytest.raises(StoppedError):
            search(mixed(), several(sites()[0]), SPACE, TRIALS, storage=file)
    assert search(mixed(), several(sites()[0]), SPACE, TRIALS, storage=file) == undisturbed


@pytest.mark.slow  # processes that import PyTorch
@pytest.mark.thorough
def test_trials_of_a_batch_are_the_same_side_by_side_one_by_one_and_after_a_kill(
    undisturbed: SearchResult, tmp_path: Path
) -> None:
    with running_on(LocalEngine(1)):
        whole = search(mixed(), several(sites()[0]), SPACE, 4, batch=2)
        assert whole.trials[0].values == undisturbed.trials[0].values
        file = tmp_path / "trials.log"
        search(mixed(), several(sites()[0]), SPACE, 3, batch=2, storage=file)  # half of its second batch
    assert search(mixed(), several(sites()[0]), SPACE, 4, batch=2, storage=file) == whole
    with running_on(LocalEngine(2)):
        assert search(mixed(), several(sites()[0]), SPACE, 4, batch=2) == whole


def test_search_is_refused_when_a_field_is_unknown() -> None:
    wrong = Space(base=SPACE.base, ranges={"learning_rat": Between(low=0, high=1)})
    with pytest.raises(ValueError, match=r"fields that PpoTraining has, got 3 and \['learning_rat'\]"):
        search(mixed(), several(sites()[0]), wrong, 3)
    with pytest.raises(ValueError, match="got 3 in batches of 0"):
        search(mixed(), several(sites()[0]), SPACE, 3, batch=0)
    with pytest.raises(ValueError, match="at least one trial"):
        search(mixed(), several(sites()[0]), SPACE, 0)
