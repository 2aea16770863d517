"""A car by its departure: the minimum first, the target at least cost, and never from the house battery."""

from dataclasses import replace
from datetime import UTC, date, datetime
from math import inf

import numpy as np
import polars as pl
import pytest

from env.devices import Devices, ElectricVehicle
from env.inverter import Command, Energy, apply_command
from env.site import Limits, Site
from env.time_grid import SLOT, grid
from planner.optimizer.deferrable_loads import LoadRequests, VehicleRequest, Wish
from planner.plans.make_plan import make_plan
from planner.plans.release import PLAN, candidate, held_for_loads, simple_candidates, simulated
from planner.plans.task import End, PlanTask
from tests.builders.homes import home

DAY = date(2026, 6, 1)
NIGHT = datetime(2026, 5, 31, 22, tzinfo=UTC)
CAR = Devices(vehicle=ElectricVehicle(power_kw=8.0))


def car_task(
    price: Energy, *, wishes: tuple[Wish, ...], departs: datetime, later_price: float = 0.0, site: Site | None = None
) -> PlanTask:
    """A night and a day of slots with a car that is there from the begin."""
    slots = grid(DAY, DAY, "Europe/Stockholm").select("slot_start").head(len(price))
    frame = slots.with_columns(
        import_price=pl.Series(price, dtype=pl.Float64),
        export_price=pl.Series(0.4 * price, dtype=pl.Float64),
        load_kwh=pl.lit(0.1),
        pv_kwh=pl.lit(0.0),
    )
    request = VehicleRequest(arrives=NIGHT, departs=departs, wishes=wishes, later_price=later_price)
    chosen = replace(home() if site is None else site, devices=CAR)
    return PlanTask(
        slots=frame, site=chosen, start_soc_kwh=10.0, end=End(value=1.0), requests=LoadRequests(vehicle=request)
    )


def charged(task: PlanTask) -> Energy:
    return make_plan(task, explained=False).schedule["ev_kwh"].to_numpy()


PRICE = np.array([1.0] * 8 + [3.0] * 8 + [0.5] * 8 + [2.0] * 8)


def test_minimum_and_target_come_at_least_cost_by_departure() -> None:
    """8 kW give 2 kWh a slot: 16 kWh in the cheapest eight slots, the other 4 in the next cheapest."""
    departs = NIGHT + 24 * SLOT
    ev = charged(car_task(PRICE, wishes=(Wish(12.0), Wish(8.0)), departs=departs))
    assert ev.sum() == pytest.approx(20)
    assert ev[16:24].sum() == pytest.approx(16)
    assert ev[:8].sum() == pytest.approx(4)
    assert ev[24:].sum() == 0


def test_target_is_taken_only_while_it_is_worth_its_price() -> None:
    """Above 0.8 a kWh of the target is not wanted; the minimum is, at any price."""
    ev = charged(car_task(PRICE, wishes=(Wish(18.0), Wish(8.0, worth=0.8)), departs=NIGHT + 24 * SLOT))
    assert ev.sum() == pytest.approx(18)
    ev = charged(car_task(PRICE, wishes=(Wish(12.0), Wish(8.0, worth=0.8)), departs=NIGHT + 24 * SLOT))
    assert ev.sum() == pytest.approx(16)


def test_what_cannot_be_had_is_left_and_the_rest_comes_at_once() -> None:
    """Four slots give 8 kWh of the 20: the plan stands, at full power from the first slot on."""
    plan = make_plan(car_task(PRICE, wishes=(Wish(20.0),), departs=NIGHT + 4 * SLOT))
    assert plan.released == PLAN
    assert plan.schedule["ev_kwh"].to_list()[:5] == pytest.approx([2, 2, 2, 2, 0])


def test_fuse_is_kept_before_the_minimum() -> None:
    """A fuse of 5 kW leaves 4.6 for the car, the battery may not help; no demand is a reason to break it."""
    site = replace(home(), limits=Limits(import_kw=5.0))
    plan = make_plan(car_task(PRICE, wishes=(Wish(20.0),), departs=NIGHT + 8 * SLOT, site=site))
    assert plan.verification.valid
    assert float(plan.schedule["import_kwh"].to_numpy().max()) <= 1.25 + 1e-6
    assert plan.schedule["ev_kwh"].sum() == pytest.approx(8 * 1.25, abs=0.01)


def test_energy_waits_for_cheaper_hours_behind_the_horizon() -> None:
    """It departs 4 slots (8 kWh) behind the end, at an expected 0.4: 8 kWh wait, at an expected 0.6 only none do."""
    departs = NIGHT + 36 * SLOT
    patient = charged(car_task(PRICE, wishes=(Wish(20.0),), departs=departs, later_price=0.4))
    assert patient.sum() == pytest.approx(12)
    assert patient[16:24].sum() == pytest.approx(12)
    dear = charged(car_task(PRICE, wishes=(Wish(20.0),), departs=departs, later_price=0.6))
    assert dear.sum() == pytest.approx(16)  # the rest is cheaper later than at 1.0


def test_wide_window_uses_cheaper_slots_further_out_when_tomorrows_prices_arrive() -> None:
    """The same car and departure with 16 prices known, then with 32: it moves to the cheaper slots that appeared."""
    departs, wishes = NIGHT + 32 * SLOT, (Wish(8.0), Wish(8.0, worth=1.2))
    narrow = charged(car_task(PRICE[:16], wishes=wishes, departs=departs, later_price=1.1))
    wide = charged(car_task(PRICE, wishes=wishes, departs=departs))
    assert narrow.sum() == pytest.approx(16)  # 1.0 now is less than what later hours are expected to cost
    assert wide[:16].sum() == 0
    assert wide[16:24].sum() == pytest.approx(16)


def test_unmet_wish_counts_as_what_it_was_worth() -> None:
    """Self-consumption charges the whole target at once; the plan leaves 4 kWh at 0.8 and is charged 3.2 for that."""
    task = car_task(PRICE, wishes=(Wish(12.0), Wish(8.0, worth=0.8)), departs=NIGHT + 24 * SLOT)
    plan = make_plan(task, explained=False)
    assert task.forgone(plan.schedule) == pytest.approx(4 * 0.8)
    assert all(task.forgone(option.schedule) == 0 for option in simple_candidates(task))
    assert plan.cost <= min(option.cost for option in simple_candidates(task))


@pytest.mark.parametrize("worth", [inf, 2.0])
def test_commands_hold_the_battery_whatever_house_and_car_really_draw(worth: float) -> None:
    """A policy that covers the house all the time: while the car charges, none of it comes from the battery."""
    task = car_task(PRICE, wishes=(Wish(12.0, worth),), departs=NIGHT + 24 * SLOT)
    others = {"ev": charged(task)}
    zero = np.zeros(task.n_slots)
    cover = Command(zero, zero + task.site.battery.discharge_kw, zero)
    schedule = simulated(task, others, cover)
    assert candidate(task, PLAN, schedule).verification.valid
    draws = others["ev"] > 0
    assert schedule["discharge_kwh"].to_numpy()[draws].max() == 0
    assert schedule["discharge_kwh"].to_numpy()[~draws].max() > 0
    really = apply_command(
        held_for_loads(task, others, cover),
        load_kwh=zero + 0.05 + others["ev"],  # less than the forecast: a fixed power for the house would feed the car
        pv_kwh=zero,
        soc_kwh=zero + 10.0,
        export_price=task.arrays[1],
        battery=task.site.battery,
        limits=task.site.limits,
    )
    assert np.asarray(really.discharge_kwh)[draws].max() == 0
