"""The history of learned values: one step a day, resets and returns that keep it, and settings that changed."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from darkstar_pipeline.models.learned_values import LearnedHistory
from darkstar_pipeline.warehouse.lake import Lake
from env.time_grid import day_start
from planner.tuning.evidence import Evidence
from planner.tuning.quantities import FACTOR_STEP, QuantityName
from planner.wording.messages import read
from tests.builders.homes import PAPER_BATTERY, home

SITE = home(PAPER_BATTERY)
FIRST = date(2026, 3, 28)
HIGH: dict[QuantityName, Evidence] = {
    "load_evening": Evidence(name="load_evening", target=1.2, samples=28, cause="more came")
}


def at(day: date) -> datetime:
    return day_start(day, SITE.timezone)


@pytest.fixture
def history(tmp_path: Path) -> LearnedHistory:
    made = LearnedHistory(Lake(tmp_path), SITE)
    for offset in range(3):  # over the clock change in spring
        assert made.learn(HIGH, at(FIRST + timedelta(days=offset))).height == len(made.quantities)
    return made


def test_each_day_takes_one_step_and_keeps_its_cause(history: LearnedHistory) -> None:
    assert history.in_force()["load_evening"] == pytest.approx(1 + 3 * FACTOR_STEP)
    rows = history.rows().filter(quantity="load_evening")
    assert rows["new_value"].to_list() == pytest.approx([1 + step * FACTOR_STEP for step in (1, 2, 3)])
    assert rows["old_value"].to_list()[1:] == rows["new_value"].to_list()[:-1]
    assert {read(cause) for cause in rows["cause"]} == {"more came"}
    assert history.in_force()["load_night"] == 1.0


def test_a_day_that_was_learned_is_not_learned_again(history: LearnedHistory) -> None:
    last = FIRST + timedelta(days=2)
    assert history.learn(HIGH, at(last) + timedelta(hours=5)).is_empty()
    assert history.is_done(last, last)
    assert not history.is_done(last + timedelta(days=1), last + timedelta(days=1))


def test_a_day_that_a_wrong_clock_learned_ahead_keeps_no_other_from_being_learned(history: LearnedHistory) -> None:
    ahead, today = date(2040, 1, 1), FIRST + timedelta(days=3)
    assert history.learn(HIGH, at(ahead)).height
    assert not history.is_done(today, today)
    assert history.is_done(today - timedelta(days=2), today), "a later day was learned in its time"
    assert history.last_day(today) == FIRST + timedelta(days=2)
    assert history.in_force(today)["load_evening"] == pytest.approx(1 + 3 * FACTOR_STEP)


def test_a_reset_returns_to_what_is_configured_and_keeps_the_history(history: LearnedHistory) -> None:
    before = history.rows()
    now = at(FIRST + timedelta(days=2)) + timedelta(hours=9)
    added = history.reset(now, "by hand")
    assert history.in_force()["load_evening"] == 1.0
    assert added.filter(quantity="load_evening")["old_value"].item() == pytest.approx(1 + 3 * FACTOR_STEP)
    assert history.rows().head(before.height).equals(before)
    assert history.reset(now + timedelta(hours=1), "by hand").is_empty(), "nothing is left to take back"
    assert history.learn(HIGH, now + timedelta(hours=2)).is_empty(), "learning goes on tomorrow"
    assert history.learn(HIGH, at(FIRST + timedelta(days=3))).height


def test_any_earlier_day_can_be_returned_to(history: LearnedHistory) -> None:
    now = at(FIRST + timedelta(days=2)) + timedelta(hours=9)
    history.undo(FIRST + timedelta(days=1), now, "today is undone")
    assert history.in_force()["load_evening"] == pytest.approx(1 + 2 * FACTOR_STEP)
    history.undo(FIRST - timedelta(days=1), now + timedelta(hours=1), "all is undone")
    assert history.in_force()["load_evening"] == 1.0
    assert history.in_force(FIRST)["load_evening"] == pytest.approx(1 + FACTOR_STEP)
    for days in ([FIRST + timedelta(days=each) for each in (-1, 0, 1, 2, 5)], [FIRST + timedelta(days=1)], []):
        assert history.by_day(days) == {day: history.in_force(day) for day in days}


def test_what_was_learned_about_another_setting_no_longer_holds(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    evidence: dict[QuantityName, Evidence] = {
        "capacity_kwh": Evidence(name="capacity_kwh", target=1.0, samples=9, cause="less fits")
    }
    LearnedHistory(lake, SITE).learn(evidence, at(FIRST))
    assert LearnedHistory(lake, SITE).in_force()["capacity_kwh"] < PAPER_BATTERY.capacity_kwh
    larger = replace(PAPER_BATTERY, capacity_kwh=2 * PAPER_BATTERY.capacity_kwh)
    assert LearnedHistory(lake, home(larger)).in_force()["capacity_kwh"] == larger.capacity_kwh
