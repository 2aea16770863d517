"""The gate lets luck through at most one time in twenty, and sees what is really cheaper."""

import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from env.inverter import Energy
from planner.evaluation.promotion_test import LEAST_DAYS, Shadow, assess_challenger, upper_bound

TRIALS = 200
LUCKY = 1000  # trials of challengers that are no better, so that 3 % and 5 % differ clearly
Draw = Callable[[np.random.Generator, tuple[int, int]], Energy]

NOISES: dict[str, Draw] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "heavy tails": lambda rng, shape: rng.standard_t(3, size=shape) / np.sqrt(3),
    "dear days rare": lambda rng, shape: rng.exponential(size=shape) - 1,
    "cheap days rare": lambda rng, shape: 1 - rng.exponential(size=shape),
}


def like_the_day_before(draws: Energy, share: float) -> Energy:
    """Days `(…, n)` each of which repeats a share of the day before, with the variance of the draws."""
    days = draws.copy()
    for day in range(1, days.shape[-1]):
        days[..., day] = share * days[..., day - 1] + np.sqrt(1 - share**2) * draws[..., day]
    return days


def costs(rng: np.random.Generator, n: int, trials: int = TRIALS) -> Energy:
    """A champion's days `(trials, n)`: about 30 a day, dearer in winter, some weeks alike."""
    season = 30 + 10 * np.cos(2 * np.pi * np.arange(n) / 365)
    return season + like_the_day_before(rng.normal(size=(trials, n)), 0.7) * 6


def promoted(champion: Energy, challenger: Energy) -> int:
    """Return how many of the trials `(trials, n)` the gate lets through."""
    return sum(assess_challenger(*pair, breaches=0).promote for pair in zip(champion, challenger, strict=True))


@pytest.mark.parametrize("n", [28, 60, 120])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.5])
@pytest.mark.parametrize("noise", NOISES)
def test_gate_promotes_at_most_one_in_twenty_when_the_challenger_is_no_better(noise: str, share: float, n: int) -> None:
    rng = np.random.default_rng([n, round(10 * share), list(NOISES).index(noise)])
    champion = costs(rng, n, LUCKY)
    daily = like_the_day_before(NOISES[noise](rng, (LUCKY, n + 30)), share)[:, 30:]
    assert promoted(champion, champion + 1.5 * daily) <= 0.05 * LUCKY


def test_gate_promotes_at_most_one_in_twenty_when_all_trials_are_counted() -> None:
    rng = np.random.default_rng(1)
    daily = like_the_day_before(rng.standard_t(3, size=(3000, 90)), 0.4)[:, 30:]
    assert np.mean([upper_bound(days) < 0 for days in daily]) <= 0.04


@pytest.mark.parametrize("n", [14, 28, 60, 120])
@pytest.mark.parametrize("scatter", [0.0, 0.02, 0.06])
def test_gate_blocks_when_the_challenger_is_two_percent_dearer(scatter: float, n: int) -> None:
    rng = np.random.default_rng([n, round(100 * scatter)])
    champion = costs(rng, n)
    challenger = champion * 1.02 + scatter * 30 * like_the_day_before(rng.normal(size=champion.shape), 0.3)
    assert promoted(champion, challenger) <= TRIALS // 20


@pytest.mark.parametrize(
    ("scatter", "share", "least"),
    [
        pytest.param(0.0, 0.0, 0.99, id="without noise"),
        pytest.param(0.02, 0.3, 0.95, id="alike policies"),
        pytest.param(0.03, 0.3, 0.75, id="3 %"),
        pytest.param(0.04, 0.0, 0.8, id="4 %"),
    ],
)
def test_gate_promotes_when_the_challenger_is_two_percent_cheaper(scatter: float, share: float, least: float) -> None:
    rng = np.random.default_rng([7, round(100 * scatter)])
    champion = costs(rng, 60)
    challenger = champion * 0.98 + scatter * 30 * like_the_day_before(rng.normal(size=champion.shape), share)
    assert promoted(champion, challenger) >= least * TRIALS


def cheaper(n: int = 60) -> tuple[Energy, Energy]:
    """A pair that passes."""
    rng = np.random.default_rng(3)
    champion = costs(rng, n, 1)[0]
    return champion, champion - 1 + 0.1 * rng.normal(size=n)


def test_verdict_tells_the_evidence_when_it_promotes() -> None:
    champion, challenger = cheaper()
    verdict = assess_challenger(champion, challenger, breaches=0)
    assert verdict.promote
    assert verdict.difference is not None
    assert verdict.bound is not None
    assert verdict.difference == pytest.approx(np.mean(challenger - champion))
    assert verdict.difference < verdict.bound < 0
    assert verdict.relative == pytest.approx(verdict.difference / champion.mean())
    document = json.loads(json.dumps(verdict.document(), allow_nan=False))
    assert (document["promote"], document["days"], document["breaches"]) == (True, 60, 0)
    assert "Lazarus" in document["method"]
    assert document["reasons"] == list(verdict.reasons)
    assert verdict.reasons[0].startswith("cheaper by")


@pytest.mark.parametrize(
    ("n", "change", "breaches", "reason"),
    [
        pytest.param(60, 0.0, 1, "limits were exceeded in 1 slots", id="a breach"),
        pytest.param(LEAST_DAYS - 1, 0.0, 0, "too few test days: 13, at least 14", id="too few days"),
        pytest.param(1, 0.0, 0, "too few test days: 1,", id="one day"),
        pytest.param(0, 0.0, 0, "too few test days: 0,", id="no day"),
        pytest.param(60, 2.0, 0, "not cheaper: +0.99", id="dearer"),
    ],
)
def test_gate_blocks_with_the_reason(n: int, change: float, breaches: int, reason: str) -> None:
    champion, challenger = cheaper(n)
    verdict = assess_challenger(champion, challenger + change, breaches=breaches)
    assert not verdict.promote
    assert any(given.startswith(reason) for given in verdict.reasons), verdict.reasons
    json.dumps(verdict.document(), allow_nan=False)


@pytest.mark.parametrize("offset", [0.0, -1e-9])
def test_gate_blocks_when_costs_are_the_same(offset: float) -> None:
    champion, _ = cheaper()
    verdict = assess_challenger(champion, champion + offset, breaches=0)
    assert (verdict.promote, verdict.reasons) == (False, ("costs the same on every day",))


def test_gate_names_the_doubt_when_days_disagree() -> None:
    champion, _ = cheaper()
    challenger = champion - 0.01 + np.random.default_rng(0).normal(size=60)
    verdict = assess_challenger(champion, challenger - (challenger - champion).mean() - 0.01, breaches=0)
    assert not verdict.promote
    assert "it may as well be dearer by" in verdict.reasons[0]


@pytest.mark.parametrize(
    ("daily", "breaches", "passes"),
    [
        pytest.param([-1.0, -0.5] * 7, 0, True, id="cheaper"),
        pytest.param([0.5, -0.4] * 7, 0, True, id="much the same"),
        pytest.param([1.0, 0.8] * 7, 0, False, id="surely dearer"),
        pytest.param([1.0, 0.8], 0, False, id="two dear days"),
        pytest.param([-1.0] * 7, 3, False, id="a breach"),
        pytest.param([], 0, True, id="no days yet"),
    ],
)
def test_shadow_period_decides_when_it_goes_wrong(daily: list[float], breaches: int, passes: bool) -> None:  # noqa: FBT001 - a table's column
    base = np.full(len(daily), 30.0)
    shadow = Shadow(base, base + np.array(daily), breaches)
    champion, challenger = cheaper()
    verdict = assess_challenger(champion, challenger, breaches=0, shadow=shadow)
    assert verdict.promote is passes
    assert verdict.shadow_days == len(daily)
    assert verdict.breaches == breaches


@pytest.mark.parametrize(
    ("champion", "challenger", "message"),
    [
        pytest.param(np.ones(3), np.ones(4), "do not pair", id="lengths"),
        pytest.param(np.ones((3, 2)), np.ones((3, 2)), "do not pair", id="a table"),
        pytest.param(np.ones(3), np.array([1.0, np.nan, 1.0]), "1 of 3 days", id="no number"),
    ],
)
def test_gate_refuses_what_is_no_pair_of_days(champion: Energy, challenger: Energy, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        assess_challenger(champion, challenger, breaches=0)


@given(daily=st.lists(st.integers(-1000, 1000), min_size=14, max_size=60), scale=st.floats(0.01, 100))
def test_bound_keeps_to_the_currency_and_never_flatters(daily: list[int], scale: float) -> None:
    days = np.array(daily, dtype=float)
    bound = upper_bound(days)
    assert bound >= days.mean() - 1e-9
    assert upper_bound(days * scale) == pytest.approx(bound * scale, abs=1e-6 * scale)


@given(seed=st.integers(0, 10_000), n=st.integers(14, 120))
def test_verdict_is_the_same_when_asked_twice_and_never_promotes_both_ways(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = costs(rng, n, 1)[0], costs(rng, n, 1)[0]
    first, back = assess_challenger(one, other, breaches=0), assess_challenger(other, one, breaches=0)
    assert assess_challenger(one, other, breaches=0) == first
    assert not (first.promote and back.promote)
