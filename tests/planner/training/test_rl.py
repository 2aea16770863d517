"""Training corrects the value function, repeats itself, survives a kill, and keeps the cheapest on validation."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from env.gym.actions import Correction
from env.gym.episodes import Episodes
from env.gym.home_batch import Setup
from env.gym.scaled_state import V2
from planner.errors import CheckpointError
from planner.training import rl
from planner.training.ppo import PpoLearner
from planner.training.rl import RlRound, TrainedRl, mean_weights, train_rl
from planner.training.scoring import PolicyFunction, episode_costs
from tests.builders.episodes import mixed, several, sites
from tests.builders.training import PPO, with_changes
from tests.builders.waiting import until

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
JUDGED = Setup(action="correction", correction=Correction(offset=PPO.offset))


def others() -> Episodes:
    """Validation days."""
    return several(sites()[0])


def uncorrected(state: np.ndarray) -> np.ndarray:
    """No correction, in every home."""
    return np.zeros((len(state), 1), dtype=np.float32)


def content(trained: TrainedRl) -> dict[str, bytes]:
    """The bundle's files."""
    return trained.policy.files()


@pytest.mark.thorough
def test_training_repeats_itself_and_starts_uncorrected() -> None:
    how = PPO
    reported: list[RlRound] = []
    first = train_rl(mixed(), others(), how, progress=reported.append)
    again = train_rl(mixed(), others(), how)
    assert first.rounds == again.rounds
    assert content(first) == content(again)
    assert [each.done for each in reported] == list(range(1, how.members * how.rounds + 1))
    assert {each.total for each in reported} == {how.members * how.rounds}
    assert reported[how.rounds - 1].steps == how.rounds * how.homes * how.slots
    starts = [each for each in first.rounds if each.number == 0]
    expected = float(episode_costs(uncorrected, others(), JUDGED).mean())
    assert [each.cost for each in starts] == pytest.approx([expected] * how.members)
    assert first.rounds[1].cost != first.rounds[0].cost
    assert first.policy.manifest.algorithm == how.algorithm


@pytest.mark.thorough
def test_another_seed_learns_something_else() -> None:
    one = train_rl(mixed(), others(), with_changes(PPO, members=1))
    other = train_rl(mixed(), others(), with_changes(PPO, members=1, seed=2))
    assert [each.cost for each in one.rounds[1:]] != [each.cost for each in other.rounds[1:]]


def test_policy_costs_what_was_reported_and_never_more_than_no_correction() -> None:
    how = PPO
    trained = train_rl(mixed(), others(), how)
    for member in range(how.members):
        costs = [each.cost for each in trained.rounds if each.member == member]
        assert trained.best[member] == int(np.argmin(costs))
    assert float(episode_costs(trained.policy.predict, others(), JUDGED).mean()) == trained.cost
    assert trained.cost <= trained.uncorrected_cost


def test_no_correction_is_kept_when_training_only_made_it_dearer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Costs of a judge that dislikes every correction."""

    def disliked(act: PolicyFunction, episodes: Episodes, setup: Setup) -> np.ndarray:
        del setup
        return np.array([float(np.abs(act(np.ones((3, len(V2)), np.float32))).sum()) + len(episodes)])

    monkeypatch.setattr(rl, "episode_costs", disliked)
    trained = train_rl(mixed(), others(), PPO)
    assert trained.best == (0, 0)
    assert trained.cost == trained.uncorrected_cost == len(others())
    state = np.random.default_rng(1).random((5, len(V2)), np.float32)
    np.testing.assert_array_equal(trained.policy.predict(state), np.zeros((5, 1), np.float32))


def test_mean_of_networks_answers_their_mean() -> None:
    rng = np.random.default_rng(3)
    shapes = {
        "0.weight": (6, 4),
        "0.bias": (6,),
        "1.weight": (5, 6),
        "1.bias": (5,),
        "2.weight": (1, 5),
        "2.bias": (1,),
    }
    members = [{name: rng.normal(0, 0.4, shape).astype(np.float32) for name, shape in shapes.items()} for _ in range(3)]

    def answer(weights: dict[str, np.ndarray], state: np.ndarray) -> np.ndarray:
        for layer in range(2):
            state = np.tanh(state @ weights[f"{layer}.weight"].T + weights[f"{layer}.bias"])
        return state @ weights["2.weight"].T + weights["2.bias"]

    state = rng.normal(0, 1, (7, 4)).astype(np.float32)
    expected = np.mean([answer(each, state) for each in members], axis=0)
    np.testing.assert_allclose(answer(mean_weights(members), state), expected, atol=1e-6)


class StoppedError(Exception):
    """Somebody pulled the plug."""


@pytest.mark.thorough
def test_training_ends_the_same_when_it_was_broken_off(tmp_path: Path) -> None:
    how = PPO

    def stop(finished: RlRound) -> None:
        if finished.done == how.members * how.rounds - 1:
            raise StoppedError

    whole = train_rl(mixed(), others(), how)
    with pytest.raises(StoppedError):
        train_rl(mixed(), others(), how, checkpoints=tmp_path, progress=stop)
    reported: list[RlRound] = []
    resumed = train_rl(mixed(), others(), how, checkpoints=tmp_path, progress=reported.append)
    assert content(resumed) == content(whole)
    assert resumed.rounds == whole.rounds
    assert [each.done for each in reported] == list(range(1, how.members * how.rounds + 1))
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"member_{n}.safetensors" for n in range(how.members)]


def test_nothing_is_learned_again_when_training_was_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = train_rl(mixed(), others(), PPO, checkpoints=tmp_path)
    monkeypatch.setattr(PpoLearner, "learn", lambda *_: pytest.fail("it learned"))
    assert content(train_rl(mixed(), others(), PPO, checkpoints=tmp_path)) == content(whole)


@pytest.mark.slow
@pytest.mark.thorough
def test_training_ends_the_same_when_its_process_was_killed(tmp_path: Path) -> None:
    """A real kill, at whatever it was doing after the first checkpoint."""
    how = with_changes(PPO, rounds=12, members=1)
    whole = train_rl(mixed(), others(), how)
    code = (
        "import sys, time; from pathlib import Path\n"
        "from tests.builders.episodes import mixed, several, sites\n"
        "from tests.builders.training import PPO, with_changes\n"
        "from planner.training.rl import train_rl\n"
        "training = with_changes(PPO, rounds=12, members=1)\n"
        "def progress(finished): finished.done == 10 and time.sleep(600)\n"  # it is never done before it is killed
        "train_rl(mixed(), several(sites()[0]), training, checkpoints=Path(sys.argv[1]), progress=progress)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", code, str(tmp_path)], cwd=Path(__file__).parents[3]
    )
    until((tmp_path / "member_0.safetensors").exists, "the first checkpoint is written", 120)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    resumed = train_rl(mixed(), others(), how, checkpoints=tmp_path)
    assert content(resumed) == content(whole)
    assert resumed.rounds == whole.rounds


def test_checkpoints_are_refused_when_they_are_of_another_training(tmp_path: Path) -> None:
    how = with_changes(PPO, rounds=1, members=1)
    train_rl(mixed(), others(), how, checkpoints=tmp_path)
    with pytest.raises(CheckpointError, match=r"member_0\.safetensors is of a training with other days or sizes"):
        train_rl(mixed(), others(), with_changes(how, seed=2), checkpoints=tmp_path)
    with pytest.raises(CheckpointError, match="other days"):
        train_rl(others(), others(), how, checkpoints=tmp_path)


@pytest.mark.parametrize("damage", ["cut short", "not ours"])
def test_checkpoints_are_refused_when_they_are_damaged(damage: str, tmp_path: Path) -> None:
    how = with_changes(PPO, rounds=1, members=1)
    train_rl(mixed(), others(), how, checkpoints=tmp_path)
    path = tmp_path / "member_0.safetensors"
    if damage == "cut short":
        path.write_bytes(path.read_bytes()[:-7])
    else:
        save_file(load_file(path), path)
    with pytest.raises(CheckpointError, match="cannot be read"):
        train_rl(mixed(), others(), how, checkpoints=tmp_path)


def test_rates_fall_and_rounds_draw_their_own_numbers() -> None:
    assert PPO.rate(1) == PPO.learning_rate
    assert PPO.rate(PPO.rounds) == pytest.approx(PPO.learning_rate / 10)
    assert with_changes(PPO, rounds=1).rate(1) == PPO.learning_rate
    drawn = {PPO.round_seed(member, number) for member in range(3) for number in range(20)}
    assert len(drawn) == 60


THREADS = (
    "import os; from planner.training.rl import set_threads; set_threads(1)\n"
    "import torch; print(os.environ['OMP_WAIT_POLICY'], torch.get_num_threads())"
)


@pytest.mark.slow
def test_threads_of_pytorch_sleep_while_they_wait_when_the_environment_does_not_say_otherwise() -> None:
    done = subprocess.run(
        [sys.executable, "-c", THREADS],
        cwd=Path(__file__).parents[3],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["PASSIVE", "1"]
