from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from env.gym.actions import Correction
from env.gym.antares_mpc import AntaresMPCEnv
from env.gym.autoreset_batch import AutoresetBatch
from env.gym.home_batch import Setup
from env.site import Limits, Site
from env.time_grid import slot_count
from planner.errors import UnknownPolicyError
from planner.evaluation.daily_results import daily_results
from planner.forecasts.naive import naive_forecasts
from planner.replay.daily import replay_days
from planner.replay.episodes import mpc_planners, rl_episodes, row_scenarios
from planner.value.protocol import Protocol
from planner.value.value_function import GRID_POINTS
from tests.builders.episodes import TIGHT
from tests.builders.homes import STOCKHOLM, days_of_slots, home

SPRING, AUTUMN = date(2026, 3, 29), date(2025, 10, 26)
PROTOCOL = Protocol(start_soc_kwh=17.1)
VALUE = Setup(action="correction", correction=Correction(offset=0.5, scale=0.2))


def days_around(day: date, *, seed: int) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Slots of three days with forecasts, and the readings before."""
    everything = days_of_slots(day - timedelta(days=8), day + timedelta(days=1), seed=seed)
    slots = everything.filter(pl.col("local_day") >= day - timedelta(days=1))
    days = slots["local_day"].unique().sort().to_list()
    forecasts = naive_forecasts(everything, days, STOCKHOLM, load_days=7, pv_days=3)
    return slots, forecasts, everything


def costs(frame: pl.DataFrame, site: Site) -> dict[str, float]:
    """Evaluation cost of each day of a replay."""
    results = daily_results(frame, PROTOCOL, site)
    return {str(day): cost for day, cost in results.select("day", "cost").iter_rows()}


@pytest.mark.parametrize("limits", [Limits(), TIGHT], ids=["no limits", "tight limits"])
@pytest.mark.parametrize("day", [SPRING, AUTUMN], ids=["92 slots", "100 slots"])
def test_uncorrected_value_is_the_value_policy_to_the_bit_when_days_are_batched(day: date, limits: Limits) -> None:
    site, (slots, forecasts, history) = home(limits=limits), days_around(day, seed=3)
    replayed = replay_days("value", slots, forecasts, site, PROTOCOL, history=history, workers=1)
    episodes = rl_episodes(slots, forecasts, site, PROTOCOL, history=history, n_soc=GRID_POINTS)
    lives = AutoresetBatch(episodes, len(episodes), state="v1_1", setup=VALUE)
    lives.reset(rows=list(range(len(episodes))))

    paid: dict[str, float] = {}
    commands: list[np.ndarray] = []
    for _ in range(episodes.width):
        _, outcome, ended = lives.step(np.zeros((len(episodes), 1)))
        commands.append(np.stack(outcome.command, axis=1))
        if ended is not None:
            for home_index, cost in zip(ended.homes, ended.cost, strict=True):
                paid.setdefault(episodes.labels[home_index], float(cost))

    for (own,), frame in replayed.partition_by("local_day", as_dict=True).items():
        first_day = np.stack(commands)[: frame.height, episodes.labels.index(str(own))]
        np.testing.assert_array_equal(first_day, frame.select("charge_kw", "discharge_kw", "export_kw").to_numpy())
    assert paid == pytest.approx(costs(replayed, site), abs=1e-9)
    assert set(episodes.n_slots.tolist()) == {96, slot_count(day, STOCKHOLM)}


def test_a_correction_changes_what_is_done_when_it_is_not_zero() -> None:
    site, (slots, forecasts, history) = home(), days_around(SPRING, seed=3)
    episodes = rl_episodes(slots, forecasts, site, PROTOCOL, history=history)
    ends: list[float] = []
    for action in (-1.0, 0.0, 1.0):
        lives = AutoresetBatch(episodes, 1, state="v2", setup=VALUE)
        lives.reset(rows=[0])
        for _ in range(90):
            lives.step(np.full((1, 1), action))
        ends.append(float(lives.batch.soc_kwh[0]))
    assert ends[0] < ends[1] < ends[2], "stored energy that is worth more is kept"


@pytest.mark.slow
def test_mpc_environment_is_the_replay_when_it_is_not_overruled() -> None:
    site, (slots, forecasts, history) = home(), days_around(SPRING, seed=4)
    slots = slots.filter(pl.col("local_day") == SPRING)
    replayed = replay_days("mpc", slots, forecasts, site, PROTOCOL, history=history, workers=1)
    episodes = rl_episodes(slots, forecasts, site, PROTOCOL, history=history)
    scenarios = row_scenarios(slots, forecasts, site, history=history)
    env = AntaresMPCEnv(episodes, mpc_planners(episodes, PROTOCOL, scenarios=scenarios))
    row = episodes.labels.index(str(SPRING))
    env.reset(seed=0, options={"row": row})
    total, rewards, over = 0.0, 0.0, False
    while not over:
        _, reward, over, _, info = env.step(None)
        total += info["cost"] - info["settlement"]
        rewards += reward
        assert reward == -info["cost"]
        assert not info["overridden"]
    assert total == pytest.approx(costs(replayed, site)[str(SPRING)], abs=1e-9)
    own = replayed.filter(pl.col("local_day") == SPRING)
    assert rewards == pytest.approx(-own["cost"].sum(), abs=1e-9)


def test_outlook_knows_nothing_of_a_slot_when_its_readings_are_scrambled() -> None:
    site, (slots, forecasts, history) = home(), days_around(SPRING, seed=5)
    base = rl_episodes(slots, forecasts, site, PROTOCOL, history=history)
    row, at = base.labels.index(str(SPRING)), 40
    later = (pl.col("local_day") == SPRING) & (pl.int_range(pl.len()).over("local_day") >= at)
    other_slots = slots.with_columns(pl.when(later).then(3.3).otherwise("load_kwh").alias("load_kwh"))
    other = rl_episodes(other_slots, forecasts, site, PROTOCOL, history=history)
    assert base.outlook is not None
    assert other.outlook is not None
    for name, table in vars(base.outlook).items():
        scrambled = getattr(other.outlook, name)
        np.testing.assert_array_equal(table[row, : at + 1], scrambled[row, : at + 1])
    assert not np.array_equal(base.outlook.load_kwh[row], other.outlook.load_kwh[row]), "scrambling did nothing"


def test_baseline_is_what_the_policy_pays_when_rewards_are_measured_against_it() -> None:
    site, (slots, forecasts, history) = home(), days_around(AUTUMN, seed=6)
    episodes = rl_episodes(slots, forecasts, site, PROTOCOL, history=history, baseline="self_consumption", n_soc=5)
    replayed = replay_days("self_consumption", slots, forecasts, site, PROTOCOL, workers=1)
    assert episodes.baseline_cost is not None
    sums = dict(zip(episodes.labels, episodes.baseline_cost.sum(axis=1), strict=True))
    assert sums == pytest.approx(costs(replayed, site), abs=1e-9)
    lives = AutoresetBatch(episodes, 3, state="v1", setup=Setup(against_baseline=True))
    lives.reset(rows=[0, 1, 2])
    for _ in range(91):
        _, outcome, _ = lives.step(np.zeros(3, dtype=int))  # self-consumption
        assert outcome.reward == pytest.approx(0.0, abs=1e-12)


def test_baseline_is_refused_when_there_is_no_such_policy() -> None:
    slots, forecasts, history = days_around(SPRING, seed=6)
    with pytest.raises(UnknownPolicyError, match="'wizard' is not known"):
        rl_episodes(slots, forecasts, home(), PROTOCOL, history=history, baseline="wizard")
