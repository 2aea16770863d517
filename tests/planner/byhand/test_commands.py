"""Blocks by hand: kept by every source, within all limits, with the rest planned around them, before and behind."""

from dataclasses import replace
from datetime import date, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from env.devices import Devices, ElectricVehicle, WaterHeater
from env.inverter import Energy
from env.power_tariff import PowerTariff
from env.site import Limits, Site
from env.time_grid import SLOT, grid
from planner.byhand.commands import BATTERY_MODES, HandBlock, HandCommands, hand_commands
from planner.optimizer.deferrable_loads import LoadRequests, VehicleRequest, Wish
from planner.plans.make_plan import make_plan
from planner.plans.release import PLAN, candidate, simple_candidates
from planner.plans.task import End, PlanTask
from planner.summaries.hand_notes import block_notes
from planner.verification.verifier import verify_schedule
from tests.builders.homes import PAPER_BATTERY, home

DAY = date(2026, 6, 1)
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
CHEAP_THEN_DEAR = np.array([1.0] * 4 + [2.0] * 4 + [3.0] * 4)


def task_of(
    price: Energy, *, site: Site | None = None, load: float = 0.2, pv: float = 0.0, start: float = 5.0, day: date = DAY
) -> PlanTask:
    """A day's first slots, with the price of export below that of import."""
    slots = grid(day, day, "Europe/Stockholm").select("slot_start").head(len(price))
    frame = slots.with_columns(
        import_price=pl.Series(price, dtype=pl.Float64),
        export_price=pl.Series(0.5 * price, dtype=pl.Float64),
        load_kwh=pl.lit(load),
        pv_kwh=pl.lit(pv),
    )
    return PlanTask(
        slots=frame, site=home(PAPER_BATTERY) if site is None else site, start_soc_kwh=start, end=End(value=1.0)
    )


def block(
    task: PlanTask, mode: str, first: int, end: int, power_kw: float | None = None, target: float | None = None
) -> HandBlock:
    starts = task.slots["slot_start"]
    until: datetime = starts[end - 1] + SLOT
    return HandBlock(
        mode=mode,  # pyright: ignore[reportArgumentType]
        start=starts[first],
        end=until,
        power_kw=power_kw,
        target_percent=target,
    )


def around(task: PlanTask, *blocks: HandBlock) -> PlanTask:
    """A task with blocks, bounded by the plan without them."""
    by_hand = hand_commands(task.site, task.slots, blocks)
    assert by_hand is not None
    plain = make_plan(task, explained=False).schedule["soc_start_kwh"].to_numpy()
    return replace(task, by_hand=by_hand.within(plain, task.site))


def planned(task: PlanTask) -> pl.DataFrame:
    return make_plan(task, explained=False).schedule


def test_charge_waits_for_its_block_when_the_hours_before_are_cheaper() -> None:
    task = task_of(CHEAP_THEN_DEAR, start=1.0)
    assert planned(task)["charge_kwh"][:4].sum() > 2
    schedule = planned(around(task, block(task, "charge", 4, 8, 4.0)))
    assert schedule["charge_kwh"][4:8].to_list() == pytest.approx([1.0] * 4)


def test_a_block_that_sells_where_nothing_may_be_exported_says_so() -> None:
    task = task_of(CHEAP_THEN_DEAR, site=home(PAPER_BATTERY, Limits(export_kw=0.0)))
    wish = block(task, "export", 4, 8)
    assert block_notes(around(task, wish), planned(around(task, wish)), wish) == ["nothing may be exported here"]


def test_notes_name_the_battery_when_there_are_several() -> None:
    task = task_of(CHEAP_THEN_DEAR, site=replace(home(PAPER_BATTERY), extra_batteries=(PAPER_BATTERY,)))
    wish = block(task, "charge", 0, 2, 6.0)
    [first, *_] = block_notes(around(task, wish), planned(around(task, wish)), wish)
    assert first == "battery 1: 6 kW is asked for; the battery charges at most 4 kW"


def test_a_charge_that_the_taper_bounds_is_not_laid_upon_the_inverter() -> None:
    battery = replace(PAPER_BATTERY, charge_taper=((50.0, PAPER_BATTERY.charge_kw), (100.0, 0.5)))
    task = task_of(CHEAP_THEN_DEAR, site=home(battery), start=0.8 * battery.max_soc_kwh)
    wish = block(task, "charge", 0, 2)
    notes = block_notes(around(task, wish), planned(around(task, wish)), wish)
    assert any(note.startswith("so full, the battery takes no more (from ") for note in notes), notes


def test_battery_is_not_emptied_to_make_room_for_a_charge() -> None:
    task = task_of(CHEAP_THEN_DEAR, start=9.0)
    schedule = planned(around(task, block(task, "charge", 4, 8)))
    plain = planned(task)
    assert schedule["soc_start_kwh"][4] >= plain["soc_start_kwh"][:5].to_numpy().min() - 0.01
    assert schedule["export_kwh"][:4].sum() == pytest.approx(0.0, abs=1e-6)
    [first, *_] = block_notes(task, schedule, block(task, "charge", 4, 8))
    assert "of 4.00 kWh can be charged" in first


def test_sale_is_not_evaded_and_not_stocked_up_for() -> None:
    """At half the price nothing is sold by itself; what the battery has is kept for the block, and no more bought."""
    task = task_of(CHEAP_THEN_DEAR[::-1].copy(), start=3.0)
    schedule = planned(around(task, block(task, "export", 4, 12, 4.0)))
    assert schedule["charge_kwh"].sum() == pytest.approx(0.0, abs=1e-4)
    assert schedule["export_kwh"][4:].sum() > 0.5
    notes = block_notes(task, schedule, block(task, "export", 4, 12, 4.0))
    assert any("at its minimum" in note for note in notes)


@pytest.mark.parametrize(("mode", "target", "start"), [("charge", 60.0, 2.0), ("export", 30.0, 9.0)])
def test_block_ends_at_its_target_and_the_battery_rests_behind_it(mode: str, target: float, start: float) -> None:
    task = task_of(np.full(12, 2.0), start=start)
    asked = block(task, mode, 2, 12, target=target)
    schedule = planned(around(task, asked))
    soc = schedule["soc_end_kwh"].to_list()
    assert soc[-1] == pytest.approx(target / 10)
    assert soc[8:] == pytest.approx([target / 10] * 4)
    assert (schedule["charge_kw"][-1], schedule["discharge_kw"][-1]) == (0, 0)
    assert block_notes(around(task, asked), schedule, asked) == []
    far = block(task, mode, 2, 3, target=target)
    assert block_notes(around(task, far), planned(around(task, far)), far) != []


def test_car_is_not_fed_by_a_block_and_the_note_says_so() -> None:
    site = replace(home(PAPER_BATTERY), devices=Devices(vehicle=ElectricVehicle(power_kw=4.0)))
    task = task_of(np.full(8, 2.0), site=site, start=9.0)
    starts = task.slots["slot_start"]
    request = VehicleRequest(arrives=starts[0], departs=starts[4], energy_kwh=4.0)
    task = replace(task, requests=LoadRequests(vehicle=request))
    asked = block(task, "export", 0, 4, 2.0)
    schedule = planned(around(task, asked))
    assert schedule["discharge_kwh"][:4].sum() == pytest.approx(0.0, abs=1e-9)
    assert any("the car charges" in note for note in block_notes(around(task, asked), schedule, asked))


def test_water_and_car_take_their_energy_in_their_blocks() -> None:
    devices = Devices(
        water_heater=WaterHeater(power_kw=2.0, energy_kwh_per_day=20.0), vehicle=ElectricVehicle(power_kw=4.0)
    )
    site = replace(home(PAPER_BATTERY), devices=devices)
    task = task_of(CHEAP_THEN_DEAR, site=site)
    starts = task.slots["slot_start"]
    stay = VehicleRequest(arrives=starts[0], departs=starts[-1], wishes=(Wish(2.0, 5.0),))
    task = replace(task, requests=LoadRequests(vehicle=stay))
    assert planned(task)["ev_kwh"][8:10].sum() == pytest.approx(0.0, abs=1e-6)
    hot, driven = block(task, "heat_water", 8, 12), block(task, "charge_car", 8, 10)
    asked = around(task, hot, driven)
    schedule = planned(asked)
    assert schedule["ev_kwh"][8:10].sum() == pytest.approx(2.0)
    assert schedule["water_kwh"][8:12].sum() == pytest.approx(min(2.0, schedule["water_kwh"].sum()))
    assert block_notes(asked, schedule, driven) == []


@pytest.mark.parametrize("day", [SPRING, AUTUMN])
def test_block_keeps_its_slots_over_a_change_of_the_clocks(day: date) -> None:
    task = task_of(np.full(24, 2.0), day=day, start=1.0)
    task = around(task, block(task, "charge", 6, 14, 2.0))
    assert task.by_hand is not None
    assert np.flatnonzero(task.by_hand.fixed).tolist() == list(range(6, 14))
    assert planned(task)["charge_kwh"][6:14].to_list() == pytest.approx([0.5] * 8)


def test_demand_charge_puts_a_charge_ahead_and_no_discharge() -> None:
    """A discharge raises no peak: put ahead by its charge, a watt-hour more of it would outweigh a whole plan."""
    task = task_of(np.full(8, 2.0))
    tariff = PowerTariff(price_per_kw=80.0)
    asked = [block(task, "charge", 0, 2), block(task, "export", 4, 6)]
    plain, charged = (hand_commands(task.site, task.slots, asked, each) for each in ((), (tariff,)))
    assert plain is not None
    assert charged is not None
    assert charged.charge_price[0] == pytest.approx(plain.charge_price[0] + 320)
    assert charged.discharge_price[4] == plain.discharge_price[4] == plain.charge_price[0]


def test_blocks_overlapping_slots_only_in_part_have_them_whole_and_the_first_wins() -> None:
    task = task_of(np.full(8, 2.0))
    starts = task.slots["slot_start"]
    late = HandBlock(mode="hold", start=starts[2] + SLOT / 3, end=starts[4] + SLOT / 3)
    whole = HandBlock(mode="charge", start=starts[0], end=starts[7] + SLOT)
    by_hand = hand_commands(task.site, task.slots, [late, whole])
    assert by_hand is not None
    assert (by_hand.command.charge_kw > 0).tolist() == [True, True, False, False, False, True, True, True]
    assert hand_commands(task.site, task.slots.head(0), [whole]) is None


@st.composite
def asked_days(draw: st.DrawFn) -> tuple[PlanTask, list[HandBlock]]:
    """A home with limits, odd prices, and some blocks that do not overlap."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    limits = Limits(
        import_kw=draw(st.sampled_from([None, 5.0])),
        export_kw=draw(st.sampled_from([None, 0.0, 2.0])),
        inverter_kw=draw(st.sampled_from([None, 3.0])),
        curtailable=True,
    )
    n_slots = 24
    slots = grid(DAY, DAY, "Europe/Stockholm").select("slot_start").head(n_slots)
    price = rng.normal(1.0, 1.0, n_slots)
    frame = slots.with_columns(
        import_price=pl.Series(price),
        export_price=pl.Series(price - 0.3),
        load_kwh=pl.Series(rng.uniform(0.0, 1.2, n_slots)),
        pv_kwh=pl.Series(np.maximum(rng.normal(0.0, 1.0, n_slots), 0.0)),
    )
    start = draw(st.floats(PAPER_BATTERY.min_soc_kwh, PAPER_BATTERY.max_soc_kwh))
    task = PlanTask(slots=frame, site=home(PAPER_BATTERY, limits), start_soc_kwh=start, end=End(value=1.0))
    edges = sorted(draw(st.sets(st.integers(0, n_slots), min_size=2, max_size=6)))
    blocks = [
        block(
            task,
            draw(st.sampled_from(BATTERY_MODES)),
            first,
            end,
            draw(st.sampled_from([None, 0.5, 3.0, 50.0])),
            draw(st.sampled_from([None, None, 0.0, 45.0, 100.0])),
        )
        for first, end in zip(edges[::2], edges[1::2], strict=False)
    ]
    return task, blocks


@settings(max_examples=25, deadline=None)
@given(asked_days())
def test_plan_keeps_blocks_and_all_limits_whatever_is_asked(asked: tuple[PlanTask, list[HandBlock]]) -> None:
    task, blocks = asked
    around_blocks = around(task, *blocks)
    schedule = planned(around_blocks)
    by_hand = around_blocks.by_hand
    assert isinstance(by_hand, HandCommands)
    verification = verify_schedule(
        schedule.drop("local_day"), task.site, start_soc_kwh=task.start_soc_kwh, end_soc_kwh=None
    )
    assert verification.valid, verification.violations
    soc = schedule["soc_start_kwh"].to_numpy()
    as_asked = by_hand.until_target(by_hand.command, slice(None), soc, task.site)
    for name in ("charge_kw", "discharge_kw", "export_kw"):
        commanded, own = schedule[name].to_numpy(), getattr(as_asked, name)
        assert commanded[by_hand.fixed] == pytest.approx(own[by_hand.fixed]), "every block is commanded as asked"
    assert schedule["charge_kwh"].to_numpy().max() <= 1.0 + 1e-9
    assert schedule["discharge_kwh"].to_numpy().max() <= 1.0 + 1e-9
    whole = candidate(around_blocks, PLAN, schedule)
    simple = simple_candidates(around_blocks)
    assert whole.weight <= min(each.weight for each in simple) + 1e-6, "the rest is the best there is around them"
    for each in blocks:
        assert all(isinstance(note, str) for note in block_notes(around_blocks, schedule, each))
