"""The reserve and care of a plan from the lake: full charges by readings, reserves by hand, and their price."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.planning import plan_sources
from darkstar_pipeline.planning.battery_care import TimedReserve
from darkstar_pipeline.planning.care_values import care_sentences, care_values
from darkstar_pipeline.planning.plan_inputs import PlanInputs, StartSoc
from darkstar_pipeline.planning.plan_sources import ActivePolicy, site_plan, site_sources
from darkstar_pipeline.warehouse.schemas import METER_READINGS
from env.inverter import Command
from planner.plans.fallback_chain import FallbackResult, first_usable_plan
from planner.plans.policy_plans import PolicySchedule
from planner.plans.release import default_loads, simulated
from planner.wording.values import Words
from tests.builders.small_home import DAYS, LAST, ZONE, fill

AT = datetime(2025, 10, 31, 14, tzinfo=ZoneInfo(ZONE))
FULL_KWH = 34.2
READ_PERCENT = 50.0


def cared(folder: Path, care: dict[str, Any], *, full_on: date | None = None, read: bool = True) -> Context:
    """The small home with care, its battery read at 50 % but for one evening."""
    site = SiteSettings.model_validate({"first_day": date(2025, 1, 1), "household": {"care": care}})
    context = open_context(settings=Settings(sites={"home": site}), home=folder)
    fill(context.lake, "home")
    for day in DAYS if read else []:
        rows = context.lake.read(METER_READINGS, "home", day, day)
        percent = pl.lit(100.0 if day == full_on else READ_PERCENT)
        context.lake.write_day(METER_READINGS, "home", day, rows.with_columns(soc_end_percent=percent))
    return context


def planned(context: Context, reserves: list[TimedReserve] | None = None) -> tuple[PlanInputs, FallbackResult]:
    return site_plan(context, AT, soc=StartSoc(READ_PERCENT), reserves=reserves or [])


@pytest.mark.parametrize(
    ("full_on", "late"),
    [(date(2025, 10, 24), False), (None, True)],
    ids=["deadline in the plan", "nothing full in all the days"],
)
def test_full_charge_that_is_due_is_in_the_plan(tmp_path: Path, full_on: date | None, late: bool) -> None:  # noqa: FBT001 - a case's answer
    inputs, result = planned(cared(tmp_path, {"full_charge_every_days": 8}, full_on=full_on))
    status = inputs.care.full_charge
    assert status is not None
    assert status.placed is not None
    assert status.late is late
    assert ("late" in inputs.notes.get("care", "")) is late
    if not late:
        assert status.placed <= status.deadline
    end = result.plan.schedule.filter(pl.col("slot_start") == status.placed - timedelta(minutes=15))
    assert end["soc_end_kwh"][0] == pytest.approx(FULL_KWH, abs=0.2)
    assert result.plan.verification.valid
    assert result.plan.released == "plan"


def test_full_charge_that_is_young_is_left_alone(tmp_path: Path) -> None:
    inputs, _ = planned(cared(tmp_path, {"full_charge_every_days": 14}, full_on=date(2025, 10, 30)))
    assert inputs.care.full_charge is not None
    assert inputs.care.full_charge.placed is None
    assert inputs.task.targets is not None
    assert inputs.task.targets.wanted_kwh.max() < FULL_KWH


def test_full_charges_need_a_state_of_charge_and_say_so(tmp_path: Path) -> None:
    inputs, _ = planned(cared(tmp_path, {"full_charge_every_days": 8}, read=False))
    assert "no state of charge was read" in inputs.notes["care"]
    assert inputs.care.full_charge is None


def test_reserve_that_is_asked_for_ends_when_it_was_said_to(tmp_path: Path) -> None:
    until = datetime(2025, 10, 31, 19, tzinfo=UTC)
    asked = TimedReserve(percent=30, cause="asked for by hand", until=until.astimezone(ZoneInfo(ZONE)))
    inputs, result = planned(cared(tmp_path, {}), [asked])
    before = result.plan.schedule.filter(pl.col("slot_start") < until)
    assert before["soc_end_kwh"].to_numpy().min() >= 0.42 * FULL_KWH - 1e-6
    assert inputs.task.targets is not None
    assert inputs.task.targets.floor_kwh.min() == pytest.approx(0.12 * FULL_KWH)
    values = care_values(inputs.task, inputs.care)
    assert values is not None
    assert values["min_soc_percent"] == pytest.approx(42)
    assert values["reserve_price"] >= -1e-6
    lines = care_sentences(values, Words("SEK", ZONE))
    assert lines[0].startswith("kept for outages: not used below 42 % (asked for by hand)")


def test_reserve_that_the_battery_no_longer_holds_is_kept_as_far_as_it_goes_and_told(tmp_path: Path) -> None:
    inputs, _ = planned(cared(tmp_path, {}), [TimedReserve(percent=95, cause="asked for by hand")])
    assert "at most 88" in inputs.notes["care"]
    assert inputs.task.targets is not None
    assert inputs.task.targets.floor_kwh.max() == pytest.approx(FULL_KWH)


def test_site_without_care_has_none_and_the_same_plan_as_one_whose_reserve_is_nothing(tmp_path: Path) -> None:
    inputs, result = planned(cared(tmp_path, {}))
    assert inputs.task.targets is None
    assert care_values(inputs.task, inputs.care) is None
    context = cared(tmp_path / "other", {"reserve": [{"percent": 0}]})
    other_inputs, other = planned(context)
    assert other_inputs.task.targets is not None
    assert other.plan.cost == pytest.approx(result.plan.cost, abs=1e-6)
    assert replace(other_inputs.task, targets=None).slots.equals(inputs.task.slots)
    assert AT.date() < LAST


@pytest.mark.parametrize("holds", [False, True])
def test_champion_plans_where_care_is_set_unless_it_leaves_undone_what_value_keeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, holds: bool
) -> None:
    context = cared(tmp_path, {"full_charge_every_days": 8}, full_on=date(2025, 10, 24))
    inputs, _ = planned(context)
    task, nothing = inputs.task, np.zeros(inputs.task.n_slots)
    held = PolicySchedule(simulated(task, default_loads(task), Command(nothing, nothing, nothing)), nothing[:, None])
    made = held if holds else plan_sources.value_plan(context, inputs, None, task)
    monkeypatch.setattr(plan_sources, "learned_plan", lambda *_: made)
    policy: Any = object()
    champion = site_sources(context, inputs, ActivePolicy(policy, ""))[0]
    result = first_usable_plan(task, [champion, *site_sources(context, inputs, ActivePolicy())[1:]])
    assert result.source == ("value" if holds else "champion")
    assert ("reserve and care" in result.reason) is holds
