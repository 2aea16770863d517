"""Of classes that are judged together, at most the stated share of those promoted is no better."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from env.inverter import Energy
from planner.errors import UnpairedCostsError
from planner.evaluation.canary_test import judge_canary
from planner.evaluation.class_test import ClassCosts, ClassFinding, assess_class, assess_classes

RATE, N_CLASSES, HOMES, DAYS = 0.05, 200, 12, 42
WEATHER = 0.1  # share of the variance of a home-day that all homes have in common
EFFECT = -0.02  # of a home-day's cost


def alike(rng: np.random.Generator, shape: tuple[int, ...], repeats: float) -> Energy:
    """Noise whose days repeat a share of the day before; a few are rare and dear."""
    draws = np.where(rng.random(shape) < 0.5, rng.normal(size=shape), rng.exponential(size=shape) - 1)
    for day in range(1, shape[-1]):
        draws[..., day] = repeats * draws[..., day - 1] + np.sqrt(1 - repeats**2) * draws[..., day]
    return draws


def drawn(rng: np.random.Generator, effect: float, weather: Energy, *, homes: int = HOMES) -> ClassCosts:
    """A class whose homes share weather with each other and with other classes, and differ in what they gain."""
    days = weather.shape[-1]
    own = np.sqrt(1 - WEATHER) * alike(rng, (homes, days), 0.3)
    gain = effect + 0.005 * rng.normal(size=(homes, 1))
    champion = rng.uniform(0.5, 2.0, size=(homes, 1)) * np.ones(days)
    return ClassCosts(champion, champion * (1 + gain + 0.04 * (np.sqrt(WEATHER) * weather + own)))


def found(
    rng: np.random.Generator, effects: Energy, *, homes: int = HOMES, days: int = DAYS
) -> dict[str, ClassFinding]:
    """The findings of classes with these true effects under one weather."""
    weather = alike(rng, (days,), 0.5)
    return {
        f"class{place}": assess_class(drawn(rng, float(effect), weather, homes=homes))
        for place, effect in enumerate(effects)
    }


def test_what_is_cheaper_is_promoted_and_what_is_not_is_told_why() -> None:
    rng = np.random.default_rng(1)
    verdicts = assess_classes(found(rng, np.array([4 * EFFECT, 0.0, -4 * EFFECT])))
    assert [each.promote for each in verdicts.values()] == [True, False, False]
    assert verdicts["class0"].reasons[0].startswith("cheaper by 0.")
    assert "over 3 classes" in verdicts["class1"].reasons[0]
    documents = [json.loads(json.dumps(each.document(), allow_nan=False)) for each in verdicts.values()]
    assert [each["promote"] for each in documents] == [True, False, False]


def test_a_breach_forbids_whatever_is_saved() -> None:
    costs = drawn(np.random.default_rng(1), 10 * EFFECT, np.zeros(DAYS))
    verdict = assess_classes({"one": assess_class(ClassCosts(costs.champion, costs.challenger, breaches=3))})["one"]
    assert not verdict.promote
    assert verdict.reasons == ("limits were exceeded in 3 slots",)


@pytest.mark.parametrize(("homes", "days"), [(4, DAYS), (HOMES, 13), (0, DAYS), (HOMES, 0)])
def test_too_little_proves_nothing(homes: int, days: int) -> None:
    costs = np.ones((homes, days))
    verdict = assess_classes({"one": assess_class(ClassCosts(costs, costs - 0.5))})["one"]
    assert not verdict.promote
    assert verdict.finding.p_better == 1
    assert "too few" in verdict.reasons[0]


def test_a_saving_of_one_home_or_of_one_day_proves_nothing() -> None:
    champion = np.ones((HOMES, DAYS))
    one_home, one_day = champion.copy(), champion.copy()
    one_home[0] -= 0.5
    one_day[:, 7] -= 0.5
    assert assess_class(ClassCosts(champion, one_home)).p_better > 0.2
    assert assess_class(ClassCosts(champion, one_day)).p_better > 0.2


def test_home_days_that_are_missing_on_both_sides_count_for_nothing() -> None:
    costs = drawn(np.random.default_rng(2), 2 * EFFECT, np.zeros(DAYS))
    whole = assess_class(costs)
    champion, challenger = (
        np.pad(each, ((0, 1), (0, 2)), constant_values=np.nan) for each in (costs.champion, costs.challenger)
    )
    more = ClassCosts(champion, challenger)
    assert assess_class(more) == whole
    half = costs.champion.copy()
    half[0, 0] = np.nan
    with pytest.raises(UnpairedCostsError, match="1 home-days"):
        assess_class(ClassCosts(half, costs.challenger))
    with pytest.raises(UnpairedCostsError, match="do not pair"):
        assess_class(ClassCosts(costs.champion[:-1], costs.challenger))


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 100.0))
def test_the_currency_changes_nothing(seed: int, factor: float) -> None:
    costs = drawn(np.random.default_rng(seed), EFFECT, np.zeros(DAYS))
    plain, scaled = assess_class(costs), assess_class(ClassCosts(costs.champion * factor, costs.challenger * factor))
    assert scaled.p_better == pytest.approx(plain.p_better, rel=1e-6, abs=1e-12)
    assert scaled.relative == pytest.approx(plain.relative)


def test_no_classes_have_no_verdict() -> None:
    assert assess_classes({}) == {}


@pytest.mark.parametrize(
    ("effect", "days", "breaches", "step"),
    [
        (-4 * EFFECT, 7, 0, "rollback"),
        (-4 * EFFECT, 6, 0, "wait"),
        (EFFECT, 13, 0, "wait"),
        (EFFECT, 14, 0, "promote"),
        (EFFECT, 3, 1, "rollback"),
    ],
)
def test_a_canary_waits_for_its_days_unless_it_is_worse(effect: float, days: int, breaches: int, step: str) -> None:
    costs = drawn(np.random.default_rng(3), effect, np.zeros(days), homes=40)
    verdict = judge_canary(ClassCosts(costs.champion, costs.challenger, breaches))
    assert verdict.step == step, verdict.reasons
    assert json.loads(json.dumps(verdict.document(), allow_nan=False))["promote"] is (step == "promote")


@pytest.mark.thorough
def test_without_improvement_hardly_any_fleet_promotes_a_class() -> None:
    """With nothing true every promotion is false, so that the rate holds the fleets in which any class is promoted."""
    rng = np.random.default_rng(4)
    promoted = [
        sum(each.promote for each in assess_classes(found(rng, np.zeros(N_CLASSES)), rate=RATE).values())
        for _ in range(40)
    ]
    assert np.mean([count > 0 for count in promoted]) <= RATE + 0.05  # 40 fleets tell 5 % from 15 %
    assert sum(promoted) / (40 * N_CLASSES) < 0.001


@pytest.mark.thorough
@pytest.mark.parametrize(("effect", "days", "power"), [(1.5 * EFFECT, 42, 0.7), (EFFECT, 90, 0.7)])
def test_improved_classes_are_found_and_few_others(effect: float, days: int, power: float) -> None:
    rng, true = np.random.default_rng(5), np.arange(N_CLASSES) < N_CLASSES // 5
    false_shares, powers = list[float](), list[float]()
    for _ in range(20):
        verdicts = assess_classes(found(rng, np.where(true, effect, 0.0), homes=50, days=days), rate=RATE)
        chosen = np.array([each.promote for each in verdicts.values()])
        false_shares.append(float((chosen & ~true).sum() / max(chosen.sum(), 1)))
        powers.append(float(chosen[true].mean()))
    assert np.mean(false_shares) <= RATE
    assert np.mean(powers) >= power
