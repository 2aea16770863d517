"""Homes with several batteries: reasons, sentences, blocks and notes are of all of them, and so is their money."""

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest

from planner.plans.make_plan import Plan, make_plan
from planner.plans.sentences.batteries import batteries_of, together
from planner.plans.task import End, PlanTask
from planner.summaries.blocks import PlanSummary, summarize
from planner.summaries.differences import ComparedPlan, difference
from planner.wording.languages import speaking
from planner.wording.messages import read, translated
from planner.wording.values import Words
from tests.builders.homes import DEFAULT_BATTERY, PAPER_BATTERY, home
from tests.planner.plans.test_explanations import DEAR, LONG_DAY, ORDINARY, SHORT_DAY, day_task, paper_task

TWO = replace(home(PAPER_BATTERY), extra_batteries=(PAPER_BATTERY,))
SUN = (0.0, 0.6, 2.0, 0.1)


def planned(task: PlanTask) -> tuple[Plan, PlanSummary]:
    plan = make_plan(task)
    return plan, summarize(task, plan.schedule)


def test_second_battery_stores_and_covers_in_sentences_and_blocks_when_the_first_is_full() -> None:
    plan, summary = planned(replace(paper_task([SUN, DEAR], start=9.0, site=TWO), end=End(value=1.8)))
    assert plan.schedule["reason"].to_list() == ["store_surplus", "cover_load"]
    store, cover = plan.schedule["sentence"]
    assert store == (
        "stores 0.60 kWh of sun that would sell at 0.10 SEK/kWh; "
        "battery 2: takes 0.60 kWh, used at 12:15 for 3.00 SEK/kWh"
    )
    assert cover.startswith("covers 1.43 kWh of load at 3.00 SEK/kWh; battery 1: gives 1.00 kWh, ")
    assert cover.endswith("; battery 2: gives 0.43 kWh")
    # Worked by hand: 0.6 * 0.9 * 0.8 = 0.432 kWh for 3.00, less what the sun would sell at and the wear.
    assert [block.sentence for block in summary.blocks] == [
        "store 0.60 kWh of sun (2.4 kW) that would sell at 0.10 SEK/kWh; used from 12:15 at 3.00 SEK/kWh: "
        "costs 0.12 SEK now and saves 1.13 SEK in all",
        "cover 1.43 kWh of load at 3.00 SEK/kWh: saves 4.15 SEK",
    ]
    with speaking("sv"):
        assert translated(read(plan.schedule["wording"][0])).endswith(
            "; batteri 2: tar 0,60 kWh, används 12:15, värd 3,00 SEK/kWh"
        )


@pytest.mark.parametrize("day", [ORDINARY, SHORT_DAY, LONG_DAY])
def test_blocks_of_two_batteries_add_up_to_the_plan(day: date) -> None:
    small = replace(DEFAULT_BATTERY, capacity_kwh=5.0, min_soc_kwh=0.5, max_soc_kwh=5.0, charge_kw=2.0)
    site = replace(home(), extra_batteries=(small,))
    task = day_task(day, site=site, cheaper=0.8)
    plan, summary = planned(task)
    assert summary.total == pytest.approx(plan.idle_cost - plan.cost, abs=1e-9)
    assert summary.loads == pytest.approx(0.0, abs=1e-9)
    assert sum(block.saving for block in summary.blocks) == pytest.approx(summary.battery, abs=1e-9)
    whole = together(task.site, plan.schedule)
    assert sum(block.charge_kwh for block in summary.blocks) == pytest.approx(whole["charge_kwh"].sum())
    moving = sum(each.charge_kwh + each.discharge_kwh for each in batteries_of(task.site, plan.schedule)) > 0.01
    rests = plan.schedule["reason"].is_in(["hold", "keep_for_later", "limited"]).to_numpy()
    assert not (np.asarray(moving) & rests & (whole["charge_kwh"] + whole["discharge_kwh"] > 0.01).to_numpy()).any()


def test_one_battery_is_told_as_before_when_flows_are_put_together() -> None:
    task = paper_task([SUN, DEAR], start=9.0)
    schedule = make_plan(task).schedule
    assert together(task.site, schedule) is schedule


def test_batteries_that_rest_are_named_together_when_nothing_is_to_do() -> None:
    plan, summary = planned(paper_task([(0.0, 0.0, 1.0, 0.1)], site=TWO))
    assert plan.schedule["sentence"][0] == "nothing to cover and nothing to store"
    assert summary.blocks[0].sentence == "leave the batteries; nothing to cover and nothing to store"


def test_battery_that_feeds_another_is_told_when_sun_alone_does_not_fill_it() -> None:
    plan, summary = planned(paper_task([SUN, DEAR], start=9.0, site=TWO))
    assert plan.schedule["sentence"][0] == (
        "stores 0.60 kWh of sun that would sell at 0.10 SEK/kWh; "
        "battery 1: gives 0.40 kWh, keeping it is worth 0.10 SEK/kWh, doing nothing here costs 0.76 SEK more; "
        "battery 2: takes 1.00 kWh, used at 12:15 for 3.00 SEK/kWh"
    )
    assert "; one battery takes 0.40 kWh from another; used from 12:15" in summary.blocks[0].sentence
    assert summary.total == pytest.approx(plan.idle_cost - plan.cost, abs=1e-9)


def test_battery_that_feeds_another_is_told_when_the_house_needs_nothing() -> None:
    task = paper_task([(0.0, 0.0, 1.0, 0.1)], start=9.0, site=TWO)
    schedule = make_plan(task).schedule.with_columns(
        discharge_kwh=pl.lit(0.5), battery_2_charge_kwh=pl.lit(0.5), reason=pl.lit("hold")
    )
    assert summarize(task, schedule).blocks[0].sentence.startswith("one battery takes 0.50 kWh from another")


def test_change_names_the_batteries_when_there_are_several() -> None:
    plan = make_plan(paper_task([SUN, DEAR], start=9.0, site=TWO))
    rows = together(TWO, plan.schedule).with_columns(soc_start_percent=pl.lit(90.0), by_hand=pl.lit(value=False))
    rests = rows.with_columns(reason=pl.lit("hold"), charge_kwh=pl.lit(0.0), discharge_kwh=pl.lit(0.0))
    plans = [ComparedPlan(slots=each, source="mpc", model="", peaks=None, several=True) for each in (rests, rows)]
    changes = difference(plans[0], plans[1], Words("SEK", "Europe/Stockholm")).changes
    assert changes[0].sentence.endswith("store sun instead of leave the batteries")
