"""Hot water beside a reserve, a full charge and a taper: each has its due, on both clock changes and below zero."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from env.care import Care, ReserveRule
from env.devices import Devices, WaterHeater
from env.site import Site
from env.time_grid import SLOT, day_start, grid
from planner.care.soc_targets import SocTargets, scheduled_targets
from planner.optimizer.deferrable_loads import HeaterRequest, HeatRun, LoadRequests
from planner.plans.make_plan import Plan, make_plan
from planner.plans.task import End, PlanTask
from tests.builders.homes import PAPER_BATTERY, STOCKHOLM, home

BATTERY = replace(PAPER_BATTERY, max_soc_kwh=10.0, charge_taper=((80.0, 4.0), (100.0, 0.8)))
CARE = Care(reserve=(ReserveRule(percent=30.0),), full_charge_days=7)
HEATER = WaterHeater(power_kw=3.0, energy_kwh_per_day=6.0, vacation_kwh_per_day=0.0)
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
FULL_AT = 60


def a_day(site: Site, day: date, *, below_zero: bool) -> PlanTask:
    """A day that is cheap at night and at noon, there below zero on some, with a run of three hours by slot 60."""
    slots = grid(day, day, STOCKHOLM).select("slot_start")
    hour = np.arange(slots.height) / 4
    price = 1.0 + 0.8 * np.cos((hour - 19) / 12 * np.pi) + 1e-3 * hour
    price -= np.where((hour >= 11) & (hour < 14), 2.2 if below_zero else 0.2, 0.0)
    slots = slots.with_columns(
        import_price=price, export_price=price - 0.4, load_kwh=np.full(slots.height, 0.2), pv_kwh=np.zeros(slots.height)
    )
    start = day_start(day, STOCKHOLM)
    run = HeatRun(3.0, start, start + 60 * SLOT)
    targets = scheduled_targets(site, slots["slot_start"], price[None], price[None] - 0.4)
    return PlanTask(
        slots=slots,
        site=site,
        start_soc_kwh=4.5,
        end=End(value=0.8),
        requests=LoadRequests(heater=HeaterRequest(run=run)),
        targets=None if targets is None else with_full(targets),
    )


def with_full(targets: SocTargets) -> SocTargets:
    return targets.full_at(FULL_AT, BATTERY.max_soc_kwh)


@pytest.mark.slow  # being paid to import and a run in one piece are decided by binaries
@pytest.mark.parametrize(("day", "below_zero"), [(SPRING, True), (AUTUMN, False)], ids=["92 slots", "100 slots"])
def test_water_is_as_without_care_and_care_as_without_water(day: date, *, below_zero: bool) -> None:
    site = replace(home(BATTERY), care=CARE)
    heated = replace(site, devices=Devices(water_heater=HEATER))
    both = planned(heated, day, below_zero=below_zero)
    dry = planned(site, day, below_zero=below_zero)
    water = both.schedule["water_kwh"].to_numpy()
    assert water.sum() == pytest.approx(9.0), "the run is more than the day's need"
    runs = np.convolve((water > 0.75 - 1e-6).astype(int), np.ones(12, dtype=int), mode="valid")
    assert (runs == 12).any(), "three hours in one piece"
    for plan in (both, dry):
        soc = plan.schedule["soc_end_kwh"].to_numpy()
        assert soc.min() >= 4.0 - 1e-6
        assert soc[FULL_AT] == pytest.approx(10.0, abs=1e-6)
        most = np.asarray(BATTERY.most_charge_kw(plan.schedule["soc_start_kwh"].to_numpy())) / 4
        assert (plan.schedule["charge_kwh"].to_numpy() <= most + 1e-6).all()
        assert plan.released == "plan"
    assert both.verification.valid
    bought = float(water @ both.schedule["import_price"].to_numpy())
    assert both.cost <= dry.cost + bought + 1e-6, "together no dearer than the water bought beside the same care"


def planned(site: Site, day: date, *, below_zero: bool) -> Plan:
    task = a_day(site, day, below_zero=below_zero)
    if site.devices.water_heater is None:
        task = replace(task, requests=LoadRequests())
    return make_plan(task, explained=False)
