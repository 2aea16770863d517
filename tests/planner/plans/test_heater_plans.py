"""A water heater: a run against legionella at the cheapest time, comfort by the hour, and vacation."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from env.devices import Devices, WaterHeater
from env.inverter import Energy
from env.time_grid import SLOT, day_start, grid
from planner.loads.load_costs import load_costs
from planner.optimizer.deferrable_loads import HeaterRequest, HeatRun, LoadRequests
from planner.plans.make_plan import make_plan
from planner.plans.release import default_loads
from planner.plans.task import End, PlanTask
from tests.builders.homes import home

ZONE = "Europe/Stockholm"
HEATER = WaterHeater(power_kw=3.0, energy_kwh_per_day=6.0, vacation_kwh_per_day=0.0)
FULL = 0.75


def heater_task(request: HeaterRequest, *, day: date = date(2026, 6, 1), n_days: int = 1) -> PlanTask:
    """Days with a cheap night (02:00 to 05:00, by slots) at 0.2 and a cheaper half hour at 20:00; else 1 to 2."""
    slots = grid(day, day + timedelta(days=n_days - 1), ZONE).select("slot_start")
    n = slots.height
    price = 1.0 + np.arange(n) / n
    price[8:20] = 0.2
    price[80:82] = 0.05
    frame = slots.with_columns(
        import_price=pl.Series(price), export_price=pl.Series(0.3 * price), load_kwh=pl.lit(0.1), pv_kwh=pl.lit(0.0)
    )
    site = replace(home(), devices=Devices(water_heater=HEATER))
    return PlanTask(
        slots=frame, site=site, start_soc_kwh=10.0, end=End(value=0.5), requests=LoadRequests(heater=request)
    )


def run_of(hours: float = 3.0, *, day: date = date(2026, 6, 1), first: int = 0, last: int = 96) -> HeatRun:
    start = day_start(day, ZONE)
    return HeatRun(hours, start + first * SLOT, start + last * SLOT)


def heated(task: PlanTask) -> Energy:
    return make_plan(task, explained=False).schedule["water_kwh"].to_numpy()


def longest_full(water: Energy) -> tuple[int, int]:
    """First slot and length of the longest stretch at full power."""
    full = np.concatenate([[0], (water > FULL - 1e-6).astype(int), [0]])
    edges = np.flatnonzero(np.diff(full))
    lengths = edges[1::2] - edges[::2]
    return int(edges[::2][np.argmax(lengths)]), int(lengths.max())


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 6, 1), date(2026, 10, 25)])
def test_run_lies_at_its_cheapest_time_and_serves_the_days_need(day: date) -> None:
    """Three hours at 3 kW are 9 kWh, more than the day's 6: nothing else is heated, on short and long days too."""
    water = heated(heater_task(HeaterRequest(run=run_of(day=day)), day=day))
    assert longest_full(water) == (8, 12)
    assert water.sum() == pytest.approx(9.0)


def test_run_keeps_its_deadline_though_it_is_cheaper_after_it() -> None:
    water = heated(heater_task(HeaterRequest(run=run_of(last=14))))
    first, length = longest_full(water)
    assert length >= 12
    assert first <= 2


def test_vacation_keeps_the_run_and_nothing_else() -> None:
    water = heated(heater_task(HeaterRequest(vacation=True, run=run_of())))
    assert longest_full(water) == (8, 12)
    assert water.sum() == pytest.approx(9.0)
    assert heated(heater_task(HeaterRequest(vacation=True))).sum() == pytest.approx(0.0)


def test_run_goes_on_where_it_is_when_it_has_begun() -> None:
    """One hour is left of it, now: it runs now, and the rest of the day's need at its cheapest."""
    water = heated(heater_task(HeaterRequest(done_today_kwh=2.0, run=run_of(1.0, first=0, last=4))))
    assert water[:4].tolist() == pytest.approx([FULL] * 4)
    assert water.sum() == pytest.approx(4.0)


def test_comfort_is_there_by_its_time_though_it_is_cheaper_later() -> None:
    """Two kWh by 01:30 of each day; what is done already counts, full power bounds what can be asked for."""
    water = heated(heater_task(HeaterRequest(comfort=((90, 2.0),)), n_days=2))
    assert water[:6].sum() == pytest.approx(2.0)
    assert water[96:102].sum() >= 2.0 - 1e-6
    assert water[:96].sum() == pytest.approx(6.0)
    assert heated(heater_task(HeaterRequest(done_today_kwh=1.5, comfort=((90, 2.0),))))[:6].sum() == pytest.approx(0.5)
    assert heated(heater_task(HeaterRequest(comfort=((30, 5.0),))))[:2].sum() == pytest.approx(1.5)


def test_run_that_the_horizon_cannot_hold_is_left_out() -> None:
    late = datetime(2026, 6, 9).astimezone()
    assert heated(heater_task(HeaterRequest(run=HeatRun(3.0, late, late + timedelta(hours=4))))).sum() == pytest.approx(
        6
    )


def test_home_without_plans_has_its_run_too_and_pays_more() -> None:
    task = heater_task(HeaterRequest(run=run_of()))
    at_once = default_loads(task)["water"]
    assert longest_full(at_once) == (0, 12)
    assert at_once.sum() == pytest.approx(9.0)
    cost = load_costs(task, {"water": heated(task)})["water"]
    assert cost.energy_kwh == pytest.approx(cost.unplanned_kwh)
    assert cost.unplanned_cost is not None
    assert cost.cost < cost.unplanned_cost


def test_run_and_blocks_that_keep_their_distance_go_together() -> None:
    heater = replace(HEATER, spacing_hours=6.0)
    task = heater_task(HeaterRequest(run=run_of()))
    task = replace(task, site=replace(task.site, devices=Devices(water_heater=heater)))
    assert longest_full(heated(task)) == (8, 12)
