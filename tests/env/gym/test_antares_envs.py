import inspect
from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import env.registration
from env.command_menu import command_menu
from env.errors import ActionError, EpisodeError
from env.gym.actions import Correction
from env.gym.antares_mpc import AntaresMPCEnv, override
from env.gym.antares_rl import AntaresRLEnv
from env.gym.antares_vector import AntaresVectorEnv
from env.gym.home_batch import HomeBatch, Setup
from env.inverter import Command
from env.simulator import World, simulate
from tests.builders.episodes import SPRING, day_episode, mixed, sites

SETUPS = {
    "powers": Setup(action="powers", random_start=True),
    "commands": Setup(gated=True, against_baseline=True),
    "correction": Setup(action="correction", correction=Correction(offset=0.5), max_slots=20),
}
OUT_OF_DATE = "ignore:.*is out of date.*:DeprecationWarning"  # Gymnasium's word for any version but the last


class SelfConsumption:
    """Decides alike in every slot and records its inputs."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, float, float | None, float | None]] = []

    def command(self, slot: int, soc_kwh: float, last_load: float | None, last_pv: float | None) -> Command:
        self.calls.append((slot, soc_kwh, last_load, last_pv))
        return Command(np.asarray(0.0), np.asarray(8.0), np.asarray(0.0))


@pytest.mark.filterwarnings(OUT_OF_DATE)
@pytest.mark.parametrize("setup", SETUPS.values(), ids=SETUPS.keys())
@pytest.mark.parametrize("name", env.registration.RL_STATES)
def test_gymnasium_checker_passes_when_made_by_name(name: str, setup: Setup) -> None:
    made = gymnasium.make(name, episodes=mixed(), setup=setup)
    check_env(made.unwrapped)
    batch = gymnasium.make_vec(name, num_envs=3, episodes=mixed(), setup=setup)
    assert isinstance(batch.unwrapped, AntaresVectorEnv)
    assert batch.single_observation_space == made.observation_space


def test_gymnasium_checker_passes_when_mpc_is_replayed() -> None:
    planner = SelfConsumption()
    made = gymnasium.make("darkstar/AntaresMPC-v1", episodes=mixed(), planner=lambda _: planner)
    check_env(made.unwrapped, skip_render_check=True)
    assert planner.calls, "the checker stepped it"


def test_registering_twice_changes_nothing() -> None:
    before = dict(gymnasium.registry)
    env.registration.register_environments()
    assert gymnasium.registry == before


@pytest.mark.parametrize("setup", SETUPS.values(), ids=SETUPS.keys())
def test_batch_is_the_scalar_environment_to_the_bit_when_seeds_are_the_same(setup: Setup) -> None:
    batch = AntaresVectorEnv(mixed(), 5, state="v1_1", setup=setup)
    seen, infos = batch.reset(seed=21)
    alone = [AntaresRLEnv(mixed(), state="v1_1", setup=setup) for _ in range(5)]
    for home, each in enumerate(alone):
        own, info = each.reset(seed=21 + home)
        np.testing.assert_array_equal(own, seen[home])
        assert info == {"row": infos["row"][home], "soc_kwh": infos["soc_kwh"][home]}
    batch.action_space.seed(2)
    finished, costs = 0, np.zeros(5)
    for _ in range(110 if setup.max_slots else 205):
        actions = batch.action_space.sample()
        seen, rewards, terminated, truncated, infos = batch.step(actions)
        for home, each in enumerate(alone):
            own, reward, over, cut, info = each.step(actions[home])
            assert (rewards[home], terminated[home], truncated[home]) == (reward, over, cut)
            assert (infos["cost"][home], infos["settlement"][home]) == (info["cost"], info["settlement"])
            costs[home] += info["cost"] - info["settlement"]
            if over or cut:
                finished += 1
                assert infos["_final_obs"][home]
                np.testing.assert_array_equal(infos["final_obs"][home], own)
                assert infos["final_info"]["cost"][home] == pytest.approx(costs[home], abs=1e-9)
                costs[home] = 0.0
                own, _ = each.reset()
            np.testing.assert_array_equal(own, seen[home])
    assert finished >= 10


def rollout(environment: AntaresRLEnv, actions: list[Any], **options: Any) -> list[tuple[Any, ...]]:
    """Steps up to the episode's end."""
    environment.reset(seed=4, options=options or None)
    steps: list[tuple[Any, ...]] = []
    while not steps or not (steps[-1][2] or steps[-1][3]):
        steps.append(environment.step(actions[len(steps) % len(actions)]))
    return steps


@pytest.mark.parametrize("row", range(12))
def test_day_costs_what_the_simulator_says_when_commands_are_the_same(row: int) -> None:
    """Also on the days the clock changes, at negative prices, behind tight limits."""
    episodes, actions = mixed(), [17, 0, 25, 1]
    steps = rollout(AntaresRLEnv(episodes, state="v1"), actions, row=row)
    n, site = int(episodes.n_slots[row]), episodes.sites[int(episodes.home[row])]
    assert len(steps) == n
    menu = command_menu(site)
    world = World(
        *(getattr(episodes, name)[row : row + 1, :n] for name in ("load_kwh", "pv_kwh", "import_price", "export_price"))
    )
    replay = simulate(
        lambda slot, _: Command(*(power[actions[slot % 4]].reshape(1) for power in menu)),
        world,
        site,
        episodes.start_soc_kwh[row : row + 1],
    )
    assert [step[4]["cost"] for step in steps] == replay.cost[0].tolist()
    assert [step[4]["soc_kwh"] for step in steps] == replay.soc_kwh[0, 1:].tolist()
    settlement = episodes.settlement_value[row] * (replay.soc_kwh[0, -1] - replay.soc_kwh[0, 0])
    assert steps[-1][4]["settlement"] == pytest.approx(settlement)
    assert sum(step[1] for step in steps) == pytest.approx(settlement - replay.cost.sum())
    assert [step[2] for step in steps] == [False] * (n - 1) + [True], "terminated with the day's last slot"
    assert not any(step[3] for step in steps)


def test_episode_is_truncated_and_unsettled_when_it_is_cut_off() -> None:
    steps = rollout(AntaresRLEnv(mixed(), state="v1", setup=Setup(max_slots=7)), [0])
    assert len(steps) == 7
    assert (steps[-1][2], steps[-1][3]) == (False, True)
    assert steps[-1][4]["settlement"] == 0.0


def test_episode_is_terminated_when_it_is_cut_off_where_the_day_ends() -> None:
    steps = rollout(AntaresRLEnv(mixed(), state="v1", setup=Setup(max_slots=92)), [0], row=0)
    assert (len(steps), steps[-1][2], steps[-1][3]) == (92, True, False)


def test_episodes_are_the_same_when_the_seed_is_the_same_and_others_when_it_is_not() -> None:
    def starts(seed: int) -> list[tuple[int, float]]:
        environment = AntaresRLEnv(mixed(), state="v1", setup=Setup(random_start=True))
        infos = [environment.reset(seed=seed)[1], *(environment.reset()[1] for _ in range(9))]
        return [(info["row"], info["soc_kwh"]) for info in infos]

    assert starts(1) == starts(1)
    assert starts(1) != starts(2)
    assert len({row for row, _ in starts(1)}) > 3


def test_start_lies_in_the_batterys_range_when_it_is_random() -> None:
    episodes = mixed()
    batch = HomeBatch(episodes, 60, state="v1", setup=Setup(random_start=True))
    batch.restart(range(60), [np.random.default_rng(home) for home in range(60)])
    for row, soc in zip(batch.row, batch.soc_kwh, strict=True):
        battery = episodes.sites[episodes.home[row]].battery
        assert battery.min_soc_kwh <= soc <= battery.max_soc_kwh


def test_rows_come_in_turn_when_so_configured() -> None:
    batch = HomeBatch(mixed(), 5, state="v1", setup=Setup(in_turn=True))
    randoms = [np.random.default_rng(0)] * 5
    rows: list[int] = []
    for _ in range(3):
        batch.restart(range(5), randoms)
        rows += batch.row.tolist()
    assert rows == [place % 12 for place in range(15)]
    batch.reset_turns(range(5))
    batch.restart(range(5), randoms)
    assert batch.row.tolist() == [0, 1, 2, 3, 4]


def test_returned_arrays_stay_unchanged_when_stepping_goes_on() -> None:
    batch = AntaresVectorEnv(mixed(), 3, state="v1", setup=Setup(max_slots=1))
    seen, infos = batch.reset(seed=1, options={"rows": [0, 5, 9]})
    assert infos["row"].tolist() == [0, 5, 9]
    kept = seen.copy(), infos["soc_kwh"].copy(), infos["row"].copy()
    _, reward, *_, after = batch.step(np.array([17, 17, 17]))
    earlier = reward.copy(), after["soc_kwh"].copy()
    batch.step(np.array([25, 25, 25]))
    np.testing.assert_array_equal(seen, kept[0])
    np.testing.assert_array_equal(infos["soc_kwh"], kept[1])
    np.testing.assert_array_equal(infos["row"], kept[2])
    np.testing.assert_array_equal(reward, earlier[0])
    np.testing.assert_array_equal(after["soc_kwh"], earlier[1])


def test_homes_go_on_with_their_own_numbers_when_only_some_are_seeded() -> None:
    one, two = (AntaresVectorEnv(mixed(), 2, state="v1", setup=Setup(random_start=True)) for _ in range(2))
    one.reset(seed=[5, 6])
    two.reset(seed=[5, 6])
    first, _ = one.reset(seed=[None, 9])
    second, _ = two.reset()
    np.testing.assert_array_equal(first[0], second[0])
    assert not np.array_equal(first[1], second[1])
    with pytest.raises(EpisodeError, match="one seed a home: 2 homes, got 3"):
        one.reset(seed=[1, 2, 3])


def test_unseeded_batches_differ() -> None:
    starts = [AntaresVectorEnv(mixed(), 2, state="v1", setup=Setup(random_start=True)).reset()[0] for _ in range(2)]
    assert not np.array_equal(starts[0], starts[1])


def test_step_is_refused_when_no_episode_is_running() -> None:
    alone, batch = AntaresRLEnv(mixed(), state="v1"), AntaresVectorEnv(mixed(), 2, state="v1")
    mpc = AntaresMPCEnv(mixed(), lambda _: SelfConsumption())
    for stepping in (lambda: alone.step(0), lambda: batch.step(np.zeros(2, dtype=int)), lambda: mpc.step(None)):
        with pytest.raises(EpisodeError, match=r"call reset\(\) before step\(\)"):
            stepping()
    rollout(alone, [0])
    with pytest.raises(EpisodeError, match=r"call reset\(\) before step\(\)"):
        alone.step(0)


def planner(_: int) -> SelfConsumption:
    return SelfConsumption()


REFUSED = {
    "nothing is drawn": (lambda: AntaresRLEnv(mixed(), state="v1", render_mode="human"), "render_mode must be None"),
    "nor of MPC": (
        lambda: AntaresMPCEnv(mixed(), lambda _: SelfConsumption(), render_mode="human"),
        "render_mode must be None",
    ),
    "no homes": (lambda: HomeBatch(mixed(), 0, state="v1"), "at least one home and one slot"),
    "no slots": (lambda: HomeBatch(mixed(), 1, state="v1", setup=Setup(max_slots=0)), "at least one home and one"),
    "no such row": (lambda: AntaresRLEnv(mixed(), state="v1").reset(options={"row": 12}), r"there are rows 0\.\.11"),
    "no baseline": (
        lambda: HomeBatch(replace(mixed(), baseline_cost=None), 1, state="v1", setup=Setup(against_baseline=True)),
        "rewards against a baseline need one",
    ),
}


@pytest.mark.parametrize(("making", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_environment_is_refused_when_it_cannot_be_run(making: Any, message: str) -> None:
    with pytest.raises(EpisodeError, match=message):
        making()


def test_mpc_decides_in_every_slot_on_the_readings_when_it_is_overridden() -> None:
    planner, episodes = SelfConsumption(), day_episode(sites()[0], SPRING, 3)
    environment = AntaresMPCEnv(episodes, lambda _: planner)
    environment.reset(seed=1)
    charge = {"battery_charge_kw": 6.0, "battery_discharge_kw": 0.0, "export_kw": np.float32(0.0)}
    infos = []
    for slot in range(92):
        _, reward, over, cut, info = environment.step(charge if slot < 4 else None)
        infos.append(info)
        assert reward == -info["cost"]
        assert (over, cut) == (slot == 91, False)
    assert [info["overridden"] for info in infos] == [True] * 4 + [False] * 88
    assert infos[0]["command"] == (6.0, 0.0, 0.0)
    assert infos[0]["mpc_command"] == (0.0, 8.0, 0.0)
    assert infos[4]["command"] == (0.0, 8.0, 0.0)
    assert planner.calls[0] == (0, episodes.start_soc_kwh[0], None, None)
    assert planner.calls[5] == (5, infos[4]["soc_kwh"], episodes.load_kwh[0, 4], episodes.pv_kwh[0, 4])
    assert infos[0]["soc_kwh"] > episodes.start_soc_kwh[0]
    assert infos[-1]["settlement"] == pytest.approx(0.8 * (infos[-1]["soc_kwh"] - episodes.start_soc_kwh[0]))
    environment.reset(options={"row": 0})
    assert environment.home.slot.tolist() == [0]


BAD = {
    "a power is missing": (
        {"battery_charge_kw": 1.0},
        "an override has battery_charge_kw, battery_discharge_kw, export_kw",
    ),
    "a name is wrong": ({"charge": 1, "battery_discharge_kw": 0, "export_kw": 0}, "got charge,"),
    "negative": ({"battery_charge_kw": -1, "battery_discharge_kw": 0, "export_kw": 0}, "battery_charge_kw must be one"),
    "not a number": ({"battery_charge_kw": 0, "battery_discharge_kw": 0, "export_kw": np.nan}, "export_kw must be one"),
    "two powers": ({"battery_charge_kw": [0, 1], "battery_discharge_kw": 0, "export_kw": 0}, "must be one finite"),
}


@pytest.mark.parametrize(("action", "message"), BAD.values(), ids=BAD.keys())
def test_override_is_refused_when_it_is_no_command(action: dict[str, Any], message: str) -> None:
    with pytest.raises(ActionError, match=message):
        override(action)


def test_docstrings_are_specifications_when_read() -> None:
    for environment, words in (
        (AntaresRLEnv, ("Box(float32", "v2, 52 columns", "Discrete(26)", "Terminated", "Truncated", "money", "Reward")),
        (AntaresMPCEnv, ("Box(float32, (8,))", "battery_charge_kw", "kW", "Reward")),
    ):
        sheet = inspect.getdoc(environment) or ""
        assert not [word for word in words if word not in sheet]
