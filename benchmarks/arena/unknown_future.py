"""A home's schedule without knowing its future: planned anew in every slot, carried out as commands.

Prices are known over the whole case, as the market publishes them; load and panels only up to the slot before. What is
expected is the same time of the day before where the case holds it. Otherwise the load so far in the mean, and panels
that fade from what they give to nothing within six hours. Of the first slot its own reading stands in for the one
before it, which no case holds.
"""

import numpy as np

from benchmarks.arena.known_future import Checked, verify
from benchmarks.arena.quarter_hour_homes import HomeCase
from env.inverter import Command, apply_command
from env.types import Energy
from planner.optimizer.home_program import HomeProgram
from planner.optimizer.plan_commands import command_for_plan
from planner.optimizer.slot_arrays import needed_arrays
from planner.optimizer.solution import CHARGE, DISCHARGE, KINDS
from planner.plans.schedule import schedule_frame
from planner.plans.task import PlanTask

FADES_HOURS = 6.0


def followed_schedule(case: HomeCase) -> Checked:
    """Return what happens where the planner learns of load and panels only as they come."""
    import_price, export_price, load, pv = needed_arrays(case.slots)
    battery, limits = case.site.battery, case.site.limits
    program = HomeProgram(case.site, case.slots.height)
    program.set_prices(import_price, export_price, case.settled_value)
    soc, flows, commands = case.start_kwh, np.zeros((case.slots.height, KINDS)), list[tuple[float, float, float]]()
    for slot in range(case.slots.height):
        load_ahead, pv_ahead = expected(load, pv, slot, case.slot_hours)
        program.set_house(load_ahead, pv_ahead, export_price[slot:], first=slot)
        program.start_at(slot, soc)
        plan = program.solve()
        command = command_for_plan(
            charge_kwh=float(plan.flows[slot, CHARGE]),
            discharge_kwh=float(plan.flows[slot, DISCHARGE]),
            net_load_kwh=float(load_ahead[0] - pv_ahead[0]),
            stored_value=float(plan.stored_value[slot]),
            import_price=float(import_price[slot]),
            export_price=float(export_price[slot]),
            site=case.site,
        )
        happened = apply_command(
            Command(*(np.array(power) for power in command)),
            load_kwh=load[slot],
            pv_kwh=pv[slot],
            soc_kwh=np.array(soc),
            export_price=export_price[slot],
            battery=battery,
            limits=limits,
        )
        soc = float(happened.soc_end_kwh)
        moved = (happened.charge_kwh, happened.discharge_kwh, happened.import_kwh, happened.export_kwh)
        flows[slot] = [float(each) for each in (*moved, happened.curtailed_kwh, happened.soc_end_kwh)]
        commands.append(command)
    task = PlanTask(slots=case.slots, site=case.site, start_soc_kwh=case.start_kwh)
    return verify(case, schedule_frame(task, flows, {}, Command(*np.array(commands).T)))


def expected(load: Energy, pv: Energy, slot: int, slot_hours: float) -> tuple[Energy, Energy]:
    """Return load and PV expected from a slot on, reading only what lies before it `(n_slots - slot,)` [kWh]."""
    n_ahead, day = len(load) - slot, max(round(24 / slot_hours), 1)
    known = max(slot, 1)
    last = pv[known - 1]
    hours = (np.arange(n_ahead) + 1) * slot_hours
    load_ahead = np.full(n_ahead, load[:known].mean())
    pv_ahead = last * np.maximum(1 - hours / FADES_HOURS, 0.0)
    for at in range(n_ahead):
        before = slot + at - day * (at // day + 1)
        if before >= 0:
            load_ahead[at], pv_ahead[at] = load[before], pv[before]
    return load_ahead, pv_ahead
