import numpy as np
import pytest

from env.gym.episodes import Episodes
from env.gym.home_batch import HomeBatch, Outcome, Setup
from env.gym.shaping import Shaping
from tests.builders.episodes import mixed

SELL, CHARGE = 25, 17


def lived(setup: Setup, actions: list[int]) -> tuple[Episodes, list[Outcome], HomeBatch]:
    """A day of every row, commands in turn."""
    episodes = mixed()
    batch = HomeBatch(episodes, len(episodes), state="v1", setup=setup)
    everyone = np.arange(len(episodes))
    batch.restart(everyone, [np.random.default_rng(0)] * len(everyone), rows=everyone)
    outcomes = [batch.step(np.full(len(everyone), actions[slot % len(actions)])) for slot in range(92)]
    return episodes, outcomes, batch


def test_money_is_the_same_when_the_reward_is_shaped() -> None:
    _, plain, _ = lived(Setup(), [SELL, CHARGE])
    _, shaped, _ = lived(
        Setup(shaping=Shaping(cheap_discharge=1, terminal_soc=2, potential=1, breach=5)), [SELL, CHARGE]
    )
    for one, other in zip(plain, shaped, strict=True):
        np.testing.assert_array_equal(one.cost, other.cost)
        np.testing.assert_array_equal(one.settlement, other.settlement)
        assert one.terms == {}
        added = sum(other.terms.values())
        np.testing.assert_allclose(other.reward, one.settlement - one.cost + added, atol=1e-12)
        np.testing.assert_array_equal(one.reward, one.settlement - one.cost)


def test_discharge_costs_extra_when_the_slot_is_below_four_fifths_of_the_median() -> None:
    episodes, outcomes, _ = lived(Setup(shaping=Shaping(cheap_discharge=0.5)), [SELL])
    seen = set()
    for slot, outcome in enumerate(outcomes):
        for row in range(len(episodes)):
            prices = episodes.import_price[row, : episodes.n_slots[row]]
            cheap = prices[slot] < 0.8 * np.median(prices)
            seen.add(bool(cheap))
            expected = -0.5 * outcome.flows.discharge_kwh[row] if cheap else 0.0
            assert outcome.terms["cheap_discharge"][row] == pytest.approx(expected, abs=1e-12)
    assert seen == {True, False}


def test_missing_the_start_costs_extra_when_the_day_ends() -> None:
    episodes, outcomes, batch = lived(Setup(shaping=Shaping(terminal_soc=2.0)), [CHARGE])
    ends = episodes.n_slots == 92
    last = outcomes[-1].terms["terminal_soc"]
    assert not any(outcome.terms["terminal_soc"].any() for outcome in outcomes[:-1])
    np.testing.assert_allclose(last, np.where(ends, -2.0 * np.abs(batch.soc_kwh - episodes.start_soc_kwh), 0.0))
    assert last[ends].all()


@pytest.mark.parametrize("actions", [[SELL], [CHARGE], [0, SELL, CHARGE]], ids=["sell", "charge", "mixed"])
def test_potential_adds_up_to_the_same_whatever_is_done_when_the_day_is_over(actions: list[int]) -> None:
    episodes, outcomes, _ = lived(Setup(shaping=Shaping(potential=0.7)), actions)
    total = np.sum([outcome.terms["potential"] for outcome in outcomes], axis=0)
    ends = episodes.n_slots == 92
    np.testing.assert_allclose(total[ends], -0.7 * (episodes.settlement_value * episodes.start_soc_kwh)[ends])


def test_breach_costs_extra_when_the_fuse_is_exceeded() -> None:
    _, outcomes, _ = lived(Setup(shaping=Shaping(breach=3.0)), [CHARGE])
    for outcome in outcomes:
        np.testing.assert_allclose(outcome.terms["breach"], -3.0 * outcome.flows.breach_kwh)
