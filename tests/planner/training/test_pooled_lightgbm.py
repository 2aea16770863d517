"""One policy from the days of many homes: the same bytes whatever works on them, and nothing that costs a home more."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from env.gym.episodes import TABLES, Episodes
from env.inverter import Energy
from env.site import Site
from planner.errors import HomeDaysError, TooFewHomesError
from planner.policies.adapted_policy import AS_VALUE, WHOLE, Adaptation
from planner.training.adaptation import SHARES, HomeSavings, fit_adaptations
from planner.training.home_days import HomeDays, KeptDays, keep_only
from planner.training.pooled_lightgbm import ValuedHome, class_rules, n_steps, train_pooled, uncorrected_costs
from planner.value.scenario_weights import NAIVE, WeightRules
from tests.builders.episodes import AUTUMN, PLAIN_DAY, SPRING, several, sites
from tests.builders.training import with_changes
from tests.planner.training.test_lightgbm import HOW


@dataclass(frozen=True)
class Days:
    """Both days the clock changes to learn from, and one to choose on; scenarios do not depend on the rules."""

    name: str
    site: Site

    def open(self) -> "Days":
        return self

    def training(self, rules: WeightRules) -> Episodes:
        del rules
        return several(self.site, days=(SPRING, AUTUMN))

    def validation(self, rules: WeightRules) -> Episodes:
        del rules
        return replace(several(self.site, days=(PLAIN_DAY, PLAIN_DAY)), labels=("2026-01-01", "2026-01-02"))


def homes() -> list[Days]:
    return [Days(f"home{number}", site) for number, site in enumerate(sites()[:2])]


@dataclass(frozen=True)
class Broken(Days):
    """A home that can be read so many times, and then no more."""

    folder: Path
    times: int

    def open(self) -> "Broken":
        tries = len(list(self.folder.iterdir()))
        (self.folder / str(tries)).touch()
        if tries >= self.times:
            raise HomeDaysError(f"{self.name} is damaged")
        return self


def valued(homes: Sequence[HomeDays]) -> list[ValuedHome]:
    found = uncorrected_costs(homes, {"naive": NAIVE}).answers
    return [ValuedHome(home, found[home.name]) for home in homes]


@pytest.mark.thorough
@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_and_adapts_homes_it_did_not_learn_from() -> None:
    reported: list[tuple[int, int]] = []
    learned, every = valued(homes()[:1]), homes()
    first = train_pooled(learned, every, HOW, progress=lambda done, total: reported.append((done, total)))
    again = train_pooled(learned, [*learned, every[1]], HOW)
    steps = n_steps(1, 2, HOW.rounds)
    assert reported == [(done, steps) for done in range(1, steps + 1)]
    assert first.policy.files() == again.policy.files()
    assert (first.policy.manifest, first.usual, first.homes, first.metrics, first.left_out) == (
        again.policy.manifest,
        again.usual,
        again.homes,
        again.metrics,
        {},
    )
    assert list(first.homes) == ["home0", "home1"]
    assert first.metrics["homes"] == 1
    assert first.metrics["rows"] == 2 * 2 * (92 + 100)
    other = train_pooled(learned, every, with_changes(HOW, seed=4))
    assert other.curve != first.curve


def test_a_home_that_breaks_at_any_time_is_left_out_by_name_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    good, how = valued(homes()[:1]), with_changes(HOW, rounds=1, passes=1)
    for times, of_a_round in ((0, True), (1, True), (0, False)):
        folder = tmp_path / f"{times}-{of_a_round}"
        folder.mkdir()
        bad = Broken("bad", sites()[1], folder, times)
        learned = [*good, ValuedHome(bad, good[0].uncorrected)] if of_a_round else good
        trained = train_pooled(learned, [*good, bad], how)
        assert trained.left_out == {"bad": "bad is damaged"}
        assert list(trained.homes) == ["home0"]
        assert trained.metrics["homes"] == 1
    found = uncorrected_costs([bad, homes()[0]], {"naive": NAIVE})
    assert (list(found.answers), found.left_out) == (["home0"], {"bad": "bad is damaged"})
    with pytest.raises(TooFewHomesError, match="left out: bad: bad is damaged"):
        train_pooled([ValuedHome(bad, good[0].uncorrected)], [], how)


def test_days_are_made_once_for_all_passes_and_where_nothing_can_be_kept_each_time(tmp_path: Path) -> None:
    kept, counts = tmp_path / "kept", tmp_path / "counts"
    kept.mkdir()
    counts.mkdir()
    home = KeptDays(Broken("home", sites()[0], counts, times=2), kept)
    plain = homes()[0].training(NAIVE)
    for _ in range(3):
        read = home.open().training(NAIVE)
        assert (read.sites, read.labels) == (plain.sites, plain.labels)
        assert all(np.array_equal(getattr(read, name), getattr(plain, name)) for name in TABLES)
        assert read.outlook is not None
        assert plain.outlook is not None
        assert np.array_equal(read.outlook.value, plain.outlook.value)
    assert len(list(counts.iterdir())) == 1
    keep_only(kept, WeightRules(n_days=3))
    assert not list(kept.iterdir())
    elsewhere = KeptDays(home.home, tmp_path / "not there")
    assert elsewhere.open().validation(NAIVE).labels == ("2026-01-01", "2026-01-02")
    with pytest.raises(HomeDaysError):
        elsewhere.open().validation(NAIVE)


def test_rules_that_change_nothing_are_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    known = {"naive": NAIVE, "other": WeightRules(n_days=14)}
    found = uncorrected_costs(homes(), known).answers
    name, costs = class_rules({home.name: ValuedHome(home, found[home.name]) for home in homes()}, known)
    assert name == "naive"
    assert costs["naive"] == costs["other"]


def savings(rules: Energy, half: Energy, whole: Energy) -> HomeSavings:
    return HomeSavings(rules=rules, shares=dict(zip(SHARES, (half, whole), strict=True)))


def days(rng: np.random.Generator, mean: float, *, n: int = 30, scatter: float = 0.05) -> Energy:
    return mean + scatter * rng.normal(size=n)


def test_alike_homes_take_what_suits_the_class_whatever_their_own_luck() -> None:
    rng = np.random.default_rng(1)
    fleet = {f"home{n}": savings(days(rng, 0.02), days(rng, 0.01), days(rng, 0.03)) for n in range(40)}
    usual, own = fit_adaptations(fleet)
    assert usual == WHOLE
    assert sum(each == WHOLE for each in own.values()) >= 38
    assert min(float(each.shares[1.0].mean()) for each in fleet.values()) < 0.015  # by luck half is better for some


def test_homes_that_really_differ_take_what_suits_them() -> None:
    rng = np.random.default_rng(2)
    gains = {f"home{n}": 0.05 if n % 4 else -0.2 for n in range(40)}
    fleet = {name: savings(days(rng, gain), days(rng, 0.0), days(rng, -0.05)) for name, gain in gains.items()}
    _, own = fit_adaptations(fleet)
    assert {name: each.follows for name, each in own.items()} == {name: gain > 0 for name, gain in gains.items()}
    assert all(each.share < 1 for each in own.values())


def test_a_home_without_enough_days_takes_what_is_usual() -> None:
    rng = np.random.default_rng(3)
    few = savings(np.full(4, -9.0), np.full(4, -9.0), np.full(4, -9.0))
    fleet = {f"home{n}": savings(days(rng, 0.02), days(rng, 0.0), days(rng, 0.05)) for n in range(9)}
    usual, own = fit_adaptations({**fleet, "new": few})
    assert own["new"] == usual == WHOLE
    assert fit_adaptations({"new": few}) == (AS_VALUE, {"new": AS_VALUE})
    assert fit_adaptations({}) == (AS_VALUE, {})


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=6), st.integers(0, 99))
def test_what_is_taken_is_a_share_and_never_without_the_rules(means: list[float], seed: int) -> None:
    rng = np.random.default_rng(seed)
    fleet = {f"home{n}": savings(days(rng, m), days(rng, -m), days(rng, m / 2)) for n, m in enumerate(means)}
    usual, own = fit_adaptations(fleet)
    for each in (usual, *own.values()):
        assert isinstance(each, Adaptation)
        assert each.share in (0.0, *SHARES)
        assert each.follows or each.share == 0


def test_days_that_never_differ_are_no_reason_to_divide_by_nothing() -> None:
    same = savings(np.zeros(10), np.zeros(10), np.zeros(10))
    assert fit_adaptations({"one": same, "two": same}) == (AS_VALUE, {"one": AS_VALUE, "two": AS_VALUE})
