"""Blocks of a plan: they cover it, their money adds up to the plan's, and they say why."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from env.devices import Devices, ElectricVehicle
from env.site import Limits
from env.time_grid import SLOT
from planner.care.soc_targets import soc_targets
from planner.optimizer.deferrable_loads import LoadRequests, VehicleRequest
from planner.plans.make_plan import make_plan
from planner.plans.reasons import PLAN_REASONS
from planner.plans.task import End, PlanTask
from planner.summaries.blocks import PlanSummary, summarize
from planner.summaries.intents import CHARGE, COVER, INTENTS, REST, STORE, intent_of, runs
from tests.builders.homes import home
from tests.planner.plans.test_demand_charge_plans import TARIFFS, charging_home, evening_peaks
from tests.planner.plans.test_explanations import CHEAP, DEAR, LONG_DAY, SHORT_DAY, day_task, paper_task

TOLERANCE = 1e-9  # money


def with_car() -> PlanTask:
    task = day_task(site=replace(home(), devices=Devices(vehicle=ElectricVehicle(power_kw=11.0))))
    starts = task.slots["slot_start"]
    return replace(
        task, requests=LoadRequests(vehicle=VehicleRequest(arrives=starts[30], departs=starts[80], energy_kwh=20.0))
    )


TASKS = {
    "92 slots": day_task(SHORT_DAY),
    "100 slots": day_task(LONG_DAY),
    "export prices below zero": day_task(SHORT_DAY, cheaper=0.8),
    "import prices below zero": day_task(LONG_DAY, cheaper=1.5),
    "demanded end": day_task(end=End(return_soc_kwh=30.0)),
    "every limit": day_task(site=home(limits=Limits(import_kw=9.0, export_kw=2.0, inverter_kw=5.0, curtailable=True))),
    "a car": with_car(),
}


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_blocks_add_up_to_the_plan_when_a_day_is_planned(task: PlanTask) -> None:
    plan = make_plan(task)
    summary = summarize(task, plan.schedule)
    assert summary.total == pytest.approx(plan.idle_cost - plan.cost, abs=TOLERANCE)
    assert sum(block.saving for block in summary.blocks) == pytest.approx(summary.battery, abs=TOLERANCE)
    for flow in ("charge", "discharge", "import", "export"):
        whole = plan.schedule[f"{flow}_kwh"].sum()
        assert sum(getattr(block, f"{flow}_kwh") for block in summary.blocks) == pytest.approx(whole)


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_blocks_cover_every_slot_once_when_a_day_is_planned(task: PlanTask) -> None:
    blocks = summarize(task, make_plan(task).schedule).blocks
    starts = task.slots["slot_start"]
    assert (blocks[0].start, blocks[-1].end) == (starts[0], starts[-1] + SLOT)
    for one, following in pairwise(blocks):
        assert one.end == following.start
        assert one.soc_end_kwh == following.soc_start_kwh
        assert one.intent != following.intent
    assert len(blocks) < len(starts) / 3
    for block in blocks:
        assert "nan" not in block.sentence


def summary_of(task: PlanTask) -> PlanSummary:
    return summarize(task, make_plan(task).schedule)


def test_charging_names_its_use_and_what_it_saves_in_all_when_the_evening_is_dear() -> None:
    charge, _, cover = summary_of(paper_task([CHEAP, (0.0, 0.0, 3.5, 0.1), DEAR])).blocks
    assert charge.sentence == (
        "charge 1.00 kWh (4 kW) at 0.20 SEK/kWh; used from 12:30 at 3.00 SEK/kWh: "
        "costs 0.30 SEK now and saves 1.79 SEK in all"
    )
    assert (charge.intent, charge.saving, charge.gain) == (CHARGE, pytest.approx(-0.3), pytest.approx(1.788))
    assert cover.sentence == "cover 0.72 kWh of load at 3.00 SEK/kWh: saves 2.09 SEK"
    assert (cover.intent, cover.saving, cover.gain) == (COVER, pytest.approx(2.088), 0.0)


CASES = {
    "paid": ([(0.0, 0.0, -0.5, -0.6), DEAR], "charge 1.00 kWh (4 kW), paid 0.50 SEK/kWh; used from 12:15 at 3.00"),
    "sun": ([(0.0, 0.6, 2.0, 0.1), DEAR], "store 0.60 kWh of sun (2.4 kW) that would sell at 0.10 SEK/kWh; used from"),
    "costly sun": (
        [(0.0, 0.6, 2.0, -0.1), DEAR],
        "store 0.60 kWh of sun (2.4 kW) that would cost 0.10 SEK/kWh to sell",
    ),
    "sold": ([(0.0, 0.6, 2.0, 1.5), (0.0, 0.0, 1.0, 0.1)], "leave the battery; sell 0.60 kWh of sun at 1.50 SEK/kWh"),
    "nothing": ([(0.0, 0.0, 1.0, 0.1)], "leave the battery; nothing to cover and nothing to store"),
    "empty": (
        [(0.5, 0.0, 1.0, 0.1)],
        "leave the battery; the house takes 0.50 kWh from the grid at 1.00 SEK/kWh; the battery is empty",
    ),
}


@pytest.mark.parametrize(("hours", "beginning"), CASES.values(), ids=CASES)
def test_first_block_is_told_in_these_words_when_worked_by_hand(
    hours: list[tuple[float, float, float, float]], beginning: str
) -> None:
    assert summary_of(paper_task(hours)).blocks[0].sentence.startswith(beginning)


def test_rest_at_a_reserve_is_told_as_such_in_blocks_and_slots() -> None:
    task = paper_task([DEAR, DEAR], start=3.0)
    import_price, export_price, _, _ = (values[None] for values in task.arrays)
    task = replace(task, targets=soc_targets(task.site, np.full_like(import_price, 3.0), import_price, export_price))
    plan = make_plan(task)
    assert all(sentence.endswith("; what is stored is kept for outages") for sentence in plan.schedule["sentence"])
    (block,) = summarize(task, plan.schedule).blocks
    assert (block.intent, block.sentence[-36:]) == (REST, "; what is stored is kept for outages")


def test_energy_left_at_the_end_is_a_part_of_the_saving_when_nothing_uses_it() -> None:
    summary = summary_of(replace(paper_task([CHEAP]), end=End(value=2.0)))
    assert summary.left == pytest.approx(1.8)
    assert summary.blocks[0].gain == pytest.approx(1.5)
    assert "kept beyond the plan's end, worth 2.00 SEK/kWh there" in summary.blocks[0].sentence


def test_demand_charge_is_a_part_of_the_saving_when_power_is_charged() -> None:
    slots = evening_peaks(SHORT_DAY)
    task = PlanTask(slots=slots, site=charging_home(TARIFFS["per kW"]), start_soc_kwh=17.1, end=End(value=1.0))
    plan = make_plan(task)
    summary = summarize(task, plan.schedule)
    assert summary.peaks > 10
    assert summary.total == pytest.approx(plan.idle_cost - plan.cost, abs=TOLERANCE)


def test_short_interruption_belongs_to_its_neighbours_when_it_moves_a_crumb() -> None:
    schedule = make_plan(paper_task([DEAR, DEAR, DEAR], start=9.0)).schedule
    reasons = ["cover_load", "store_surplus", "cover_load"]
    moved = {"charge_kwh": [0.0, 0.01, 0.0], "discharge_kwh": [0.3, 0.0, 0.3]}
    changed = schedule.with_columns(reason=pl.Series(reasons), **{k: pl.Series(v) for k, v in moved.items()})
    assert [(run.intent, run.first, run.end) for run in runs(changed)] == [(COVER, 0, 3)]
    more = changed.with_columns(charge_kwh=pl.Series([0.0, 0.5, 0.0]))
    assert [run.intent for run in runs(more)] == [COVER, STORE, COVER]
    assert [run.by_hand for run in runs(changed, by_hand=np.array([True, False, False]))] == [True, False, False]


def test_intents_of_all_reasons_are_known_when_a_plan_is_explained() -> None:
    assert {intent_of(reason) for reason in PLAN_REASONS} == set(INTENTS)
    resting = {reason for reason in PLAN_REASONS if intent_of(reason) == REST}
    assert resting == {"hold", "keep_for_later", "limited"}
    assert intent_of("a word of version 0.1") == REST
