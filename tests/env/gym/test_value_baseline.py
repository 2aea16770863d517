"""The cost-to-go of an uncorrected day, and a slot's advantage over it."""

import numpy as np
import pytest

from env.gym.actions import Correction
from env.gym.correction_table import CorrectionTable
from env.gym.home_batch import HomeBatch, Setup
from env.gym.value_baseline import ValueBaseline
from env.inverter import Energy
from tests.builders.episodes import mixed

REACH = Correction(offset=0.4)


def gains(actions: float, *, n_soc: int = 9) -> tuple[Energy, Energy]:
    """Sum of every day's gains, and what it earned, from a start on the grid, each `(n,)`."""
    episodes = mixed()
    table = CorrectionTable(episodes, REACH, n_soc=n_soc, n_levels=9)
    prospects = ValueBaseline(episodes, table)
    everyone = np.arange(len(episodes))
    batch = HomeBatch(
        episodes, len(episodes), state="v1", setup=Setup(action="correction", correction=REACH), actions=table
    )
    batch.restart(everyone, [np.random.default_rng(0)] * len(episodes), rows=everyone)
    gained, earned = np.zeros(len(episodes)), np.zeros(len(episodes))
    for slot in range(episodes.width):
        on = slot < episodes.n_slots
        before = batch.moment
        outcome = batch.step(np.full((len(episodes), 1), actions))
        gained += np.where(on, prospects.advantage(before, outcome), 0.0)
        earned += np.where(on, outcome.settlement - outcome.cost, 0.0)
    return gained, earned


def test_gains_are_what_a_day_earns_beyond_no_correction_when_they_are_summed() -> None:
    """Exactly so from any two ways of acting: the prospects at the start are the same."""
    (low, low_earned), (high, high_earned) = gains(-1.0), gains(1.0)
    np.testing.assert_allclose(high - low, high_earned - low_earned, atol=1e-9)
    assert np.abs(high - low).min() > 1e-6


def test_gains_are_nearly_nothing_when_nothing_is_corrected() -> None:
    nothing, earned = gains(0.0, n_soc=61)
    assert np.abs(nothing).sum() < 0.05 * np.abs(gains(1.0, n_soc=61)[0]).sum()
    assert np.abs(earned).sum() > 1.0


def test_gains_of_a_single_slot_are_exact_when_it_ends_on_the_grid() -> None:
    """The last slot of a day that starts on the grid: its cost and settlement against those of no correction."""
    episodes = mixed()
    table = CorrectionTable(episodes, REACH, n_soc=9, n_levels=9)
    prospects = ValueBaseline(episodes, table)
    everyone = np.arange(len(episodes))

    def last_slot(action: float) -> tuple[Energy, Energy]:
        batch = HomeBatch(
            episodes, len(episodes), state="v1", setup=Setup(action="correction", correction=REACH), actions=table
        )
        batch.restart(everyone, [np.random.default_rng(0)] * len(episodes), rows=everyone)
        batch.slot = episodes.n_slots - 1
        before = batch.moment
        outcome = batch.step(np.full((len(episodes), 1), action))
        return prospects.advantage(before, outcome), outcome.settlement - outcome.cost

    (gain, earned), (nothing, uncorrected) = last_slot(1.0), last_slot(0.0)
    np.testing.assert_allclose(gain - nothing, earned - uncorrected, atol=1e-9)
    np.testing.assert_allclose(nothing, 0.0, atol=1e-9)
    assert pytest.approx(0.0) != np.abs(gain).max()
