"""Learning from hindsight: prices are actual costs, the same seed gives the same bytes, nothing gets dearer."""

from dataclasses import replace

import numpy as np
import pytest

from env.errors import EpisodeError
from env.gym.actions import Commands
from env.gym.episodes import Episodes
from env.gym.home_batch import HomeBatch, Setup
from planner.policies.lightgbm_policy import AntaresPolicyV1
from planner.training.lightgbm import (
    Labeler,
    LightgbmRound,
    LightgbmTraining,
    hindsight,
    train_lightgbm,
)
from planner.training.scoring import episode_costs
from planner.value.value_function import interpolated, soc_grid
from tests.builders.episodes import AUTUMN, PLAIN_DAY, SPRING, several, sites
from tests.builders.training import with_changes

HOW = LightgbmTraining(
    rounds=2, passes=2,
    trees=6, leaves=4, least_rows=30, learning_rate=0.3, column_share=0.5, row_share=0.5, l2=1.0,
    offset=0.5, levels=(-1.0, 1.0), margins=(0.0, 0.5), confidence_z=1.0, seed=3,
)  # fmt: skip


def training() -> Episodes:
    """Two homes, both days the clock changes."""
    return several(*sites()[:2], days=(SPRING, AUTUMN))


def validation() -> Episodes:
    """One day."""
    return several(sites()[0], days=(PLAIN_DAY,))


@pytest.mark.slow
def test_training_repeats_itself_to_the_byte_when_the_seed_is_the_same() -> None:
    reported: list[LightgbmRound] = []
    first = train_lightgbm(training(), validation(), HOW, progress=reported.append)
    again = train_lightgbm(training(), validation(), HOW)
    assert list(first.rounds) == reported
    assert [(each.number, each.total) for each in reported] == [(0, 2), (1, 2), (2, 2)]
    assert first.rounds == again.rounds
    assert first.policy.files() == again.policy.files()
    assert first.policy.manifest == again.policy.manifest
    other = train_lightgbm(training(), validation(), with_changes(HOW, seed=4, rounds=1))
    assert other.rounds[1] != replace(first.rounds[1], total=1)


@pytest.mark.parametrize("confidence_z", [0.0, 1.0])
def test_round_that_surely_saves_most_is_kept_when_training_drifts(confidence_z: float) -> None:
    validation_days, how = (
        several(sites()[0], days=(PLAIN_DAY, PLAIN_DAY)),
        with_changes(HOW, confidence_z=confidence_z),
    )
    trained = train_lightgbm(training(), validation_days, how)
    assert trained.best == int(np.argmax([each.saving for each in trained.rounds]))
    assert trained.best > 0, "made-up outlooks are wrong: hindsight knows better"
    found = episode_costs(trained.policy.predict, validation_days, trained.policy.setup)
    saved = episode_costs(_nothing().predict, validation_days, _nothing().setup) - found
    kept = trained.rounds[trained.best]
    assert kept.saving == pytest.approx(saved.mean() - confidence_z * saved.std(ddof=1) / np.sqrt(2))
    assert kept.cost == trained.metrics["validation_cost"] == pytest.approx(found.mean())
    assert trained.metrics["validation_cost_uncorrected"] == trained.rounds[0].cost
    assert 0 < trained.metrics["corrected_share"] <= 1


@pytest.mark.parametrize(
    "how",
    [with_changes(HOW, rounds=0), with_changes(HOW, margins=(1e9,)), with_changes(HOW, confidence_z=1e6)],
    ids=["no round", "no gain", "no certainty"],
)
def test_nothing_is_corrected_when_nothing_helps(how: LightgbmTraining) -> None:
    trained = train_lightgbm(validation(), several(sites()[0], days=(PLAIN_DAY, PLAIN_DAY)), how)
    assert trained.best == 0
    assert trained.policy.files() == {}
    assert not trained.policy.predict(np.ones((3, len(trained.policy.manifest.columns)), np.float32)).any()


def known_cost(days: Episodes, row: int, slot: int, soc_kwh: float, command: int) -> float:
    """Return the cost of a command, less the value that hindsight gives to the energy left [money]."""
    batch = HomeBatch(days, 1, state="v1", setup=Setup(action="commands"))
    batch.restart([0], [np.random.default_rng(0)], rows=[row])
    batch.slot[:], batch.soc_kwh = slot, np.array([soc_kwh])
    outcome = batch.step(np.array([command]))
    grid = soc_grid(days.sites[int(days.home[row])].battery)
    value = hindsight(days).value[row, slot]
    return float(outcome.cost[0] - interpolated(grid, value[None], outcome.flows.soc_end_kwh[:, None])[0, 0])


def test_prices_are_what_the_environment_charges_when_corrections_differ() -> None:
    days = several(sites()[1], days=(SPRING, PLAIN_DAY))
    rows = Labeler(days, HOW).label(AntaresPolicyV1(_nothing().manifest, None), 1)
    n_slots = int(days.n_slots.sum())
    assert len(rows.state) == HOW.passes * n_slots
    assert not rows.extra_cost[~rows.differs].any()
    assert rows.differs.any()
    assert rows.extra_cost[rows.differs].min() < 0 < rows.extra_cost[rows.differs].max()
    # the first pass's first states, in order of days' lengths: the protocol's start
    row = int(np.flatnonzero(days.n_slots == days.n_slots.min())[0])
    commands = [_command(days, row, level) for level in (-1.0, 0.0, 1.0)]
    soc = float(days.start_soc_kwh[row])
    down, none, up = (known_cost(days, row, 0, soc, command) for command in commands)
    assert rows.extra_cost[0] == pytest.approx([down - none, up - none], abs=1e-9)


def _nothing() -> AntaresPolicyV1:
    return train_lightgbm(validation(), validation(), with_changes(HOW, rounds=0)).policy


def _command(days: Episodes, row: int, level: float) -> int:
    """Number of the command that a correction means in a row's first slot."""
    batch = HomeBatch(days, 1, state="v1", setup=_nothing().setup)
    batch.restart([0], [np.random.default_rng(0)], rows=[row])
    meant = batch.actions.command(np.array([[level]]), batch.moment)
    menu = [Commands(days).command(np.array([command]), batch.moment) for command in range(26)]
    return next(number for number, each in enumerate(menu) if np.array_equal(np.array(each), np.array(meant)))


def test_training_is_refused_when_days_have_no_outlook() -> None:
    with pytest.raises(EpisodeError, match="outlook"):
        train_lightgbm(replace(validation(), outlook=None), validation(), HOW)


def test_hindsight_is_worth_what_the_day_then_costs_when_it_is_followed() -> None:
    days = several(sites()[0])
    outlook = hindsight(days)
    knowing = replace(days, outlook=outlook)
    followed = episode_costs(_nothing().predict, knowing, _nothing().setup)
    uncorrected = episode_costs(_nothing().predict, days, _nothing().setup)
    assert (followed <= uncorrected + 1e-9).all()
    assert (followed < uncorrected - 0.1).any()
    assert set(days.n_slots.tolist()) == {92, 96, 100}
    for row, last in enumerate(days.n_slots - 1):
        settled = days.settlement_value[row] * soc_grid(days.sites[0].battery)
        np.testing.assert_allclose(outlook.value[row, last], settled, err_msg="worth is that at the slot's end")
