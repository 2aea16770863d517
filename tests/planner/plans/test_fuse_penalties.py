"""Penalties of the solvers are nobody's money: no sentence and no figure shows one (case c22)."""

import math
import re
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from env.battery import Battery
from env.power_tariff import PowerTariff, Tier
from env.site import Limits, Site
from planner.plans.explanations import PolicyValuation, explain
from planner.plans.fuse_penalties import most_saved, without_penalties
from planner.plans.make_plan import make_plan
from planner.plans.task import PlanTask
from planner.verification.notices import notice_sentences
from tests.builders.homes import home
from tests.planner.plans.test_make_plan import LONG_DAY, SHORT_DAY, day_task

MONEY = re.compile(r"(\d+(?:\.\d+)?) SEK")


def tight(site: Site, *, fuse_kw: float = 1.0) -> Site:
    """A home whose fuse is below its evening load, with a small battery."""
    battery: Battery = replace(
        site.battery, capacity_kwh=10.0, min_soc_kwh=1.5, max_soc_kwh=9.0, charge_kw=3.0, discharge_kw=3.0
    )
    return replace(site, battery=battery, limits=Limits(import_kw=fuse_kw))


def empty_at(task: PlanTask) -> PlanTask:
    return replace(task, start_soc_kwh=task.site.battery.min_soc_kwh)


def money_in(sentences: pl.Series) -> list[float]:
    """Every sum of money that sentences name."""
    return [float(found) for sentence in sentences for found in MONEY.findall(sentence)]


def with_power(site: Site, **terms: object) -> Site:
    """The home with a charge for power."""
    versions = tuple(replace(version, power=(PowerTariff(**terms),)) for version in site.tariff.versions)  # pyright: ignore[reportArgumentType]
    return replace(site, tariff=replace(site.tariff, versions=versions))


@pytest.mark.parametrize("day", [SHORT_DAY, LONG_DAY], ids=["92 slots", "100 slots"])
def test_no_sentence_shows_a_penalty_when_the_fuse_cannot_be_kept(day: object) -> None:
    task = empty_at(day_task(day, site=tight(home())))  # pyright: ignore[reportArgumentType]
    plan = make_plan(task)
    assert plan.verification.notices
    highest = most_saved(task)
    assert max(money_in(plan.schedule["sentence"])) <= highest
    assert plan.schedule["idle_costs"].fill_null(0.0).to_numpy().max() <= highest


def test_policys_penalties_are_left_out_and_the_fuse_is_named() -> None:
    task = empty_at(day_task(site=tight(home())))
    plan = make_plan(task, explained=False)
    penalized = PolicyValuation(np.full(task.n_slots, 2300.0), np.full(task.n_slots, 230.0))
    explained = explain(task, plan.schedule, None, valuation=penalized)
    assert max(money_in(explained["sentence"])) <= most_saved(task)
    moving = explained.filter((explained["charge_kwh"] + explained["discharge_kwh"]) > 1e-3)
    assert moving["sentence"].str.contains("risks the fuse").all()
    assert explained["idle_costs"].null_count() >= moving.height


@pytest.mark.parametrize(
    ("site", "most"),
    [
        pytest.param(home(), math.inf, id="no fuse"),
        pytest.param(with_power(tight(home()), tiers=(Tier(up_to_kw=5.0, cost=100.0),)), math.inf, id="tiers of power"),
    ],
)
def test_bound_is_infinite_where_nothing_bounds_a_kwh(site: Site, most: float) -> None:
    assert most_saved(day_task(site=site)) == most


def test_bound_holds_the_demand_charge() -> None:
    plain, charged = tight(home()), with_power(tight(home()), price_per_kw=50.0)
    assert most_saved(day_task(site=charged)) == pytest.approx(most_saved(day_task(site=plain)) + 1.5 * 200)


def test_values_above_the_bound_are_unknown() -> None:
    found = without_penalties(np.array([1.0, 3.0, np.nan]), 2.0)
    assert np.array_equal(found, np.array([1.0, np.nan, np.nan]), equal_nan=True)


def test_notices_say_how_often_and_when_it_is_worst() -> None:
    plan = make_plan(empty_at(day_task(site=tight(home()))), explained=False)
    (sentence,) = notice_sentences(plan.verification.notices, "Europe/Stockholm")
    assert re.match(r"in \d+ slots, most at \w{3} \d\d:\d\d: the load exceeds the fuse by", sentence)
    (alone,) = notice_sentences(plan.verification.notices[:1], "Europe/Stockholm")
    assert re.match(r"\w{3} \d\d:\d\d: the load exceeds", alone)
    assert notice_sentences((), "Europe/Stockholm") == []
