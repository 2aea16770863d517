"""The actual cost of days, and the cost of other ways of running the battery from the same start.

Everything is priced alike: on the same readings and prices, from the stored energy that the home really had at
midnight, wear included, and the energy left settled at the same value (`planner.evaluation.daily_results`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.replay_inputs import protocol_of, replay_inputs
from darkstar_pipeline.evaluation.plan_history import COMMAND, in_force
from darkstar_pipeline.quality.bad_hours import SOC_STEP_PERCENT
from darkstar_pipeline.warehouse.schemas import METER_READINGS
from env.inverter import IMPORT_LIMIT, Command, Decision, Energy, with_limit
from env.simulator import World, simulate
from env.site import Site
from planner.replay.daily import replay_days
from planner.replay.schedules import schedule_frame
from planner.value.protocol import Protocol

ACTUAL = "actual"
"""Label of what actually happened in the column `policy`."""


@dataclass(frozen=True)
class ActualDay:
    """A graded day and where it began.

    Attributes:
        day: the local day.
        site: the home.
        protocol: the measuring protocol; its start is the stored energy that the home had at midnight.
        slots: `slot_start, local_day, import_price, export_price, load_kwh, pv_kwh`.
        readings: `slot_start` and the meter readings, null where nothing was read.
        start_read: whether the stored energy at midnight was read; else it is the configured one.
        start_note: why the comparison starts elsewhere than the home did; empty where it does not.
    """

    day: date
    site: Site
    protocol: Protocol
    slots: pl.DataFrame
    readings: pl.DataFrame
    start_read: bool
    start_note: str = ""

    @property
    def start_soc_kwh(self) -> float:
        """Stored energy at midnight [kWh]."""
        return self.protocol.start_soc_kwh


def actual_days(context: Context, days: Sequence[date]) -> list[ActualDay]:
    """Return days with their readings, in order; days that are not graded, or refused, are left out."""
    if not days:
        return []
    slots = replay_inputs(context.lake, context.site, days, has_pv=context.site_settings.has_pv).slots
    readings = context.lake.read(METER_READINGS, context.site_name, min(days), max(days))
    protocol = protocol_of(context.site_settings, context.site.battery)
    parts = slots.partition_by("local_day", maintain_order=True)
    return [_actual_day(context.site, protocol, part, readings) for part in parts]


def _actual_day(site: Site, protocol: Protocol, slots: pl.DataFrame, all_readings: pl.DataFrame) -> ActualDay:
    """One day, from its slots and the readings of all days."""
    day: date = slots["local_day"][0]
    readings = slots.select("slot_start").join(all_readings, on="slot_start", how="left", maintain_order="left")
    percent = readings["soc_start_percent"][0]
    note = ""
    if percent is not None:
        protocol = replace(protocol, start_soc_kwh=site.battery.soc_kwh(float(percent)))
        note = _start_note(float(percent), site, protocol)
    return ActualDay(day, site, protocol, slots, readings, start_read=percent is not None, start_note=note)


def _start_note(percent: float, site: Site, protocol: Protocol) -> str:
    """Return in words that a day is compared from the edge of the usable range, where the home began outside it."""
    start = 100 * protocol.start_soc_kwh / site.battery.capacity_kwh
    if abs(percent - start) <= SOC_STEP_PERCENT:
        return ""
    return (
        f"the battery began the day at {percent:.3g} %, outside its usable range: every cost is from {start:.3g} % on, "
        "and the energy between counts nothing"
    )


def metered_cost(actual: ActualDay) -> float | None:
    """Return the cost of a day by its meters, wear and settlement included [money]; None where they lack a value.

    Grid meters are needed, and the state of charge at both ends. Where the battery's own counters are missing, wear is
    that of the change in stored energy alone.
    """
    read, battery = actual.readings, actual.site.battery
    end = read["soc_end_percent"][-1]
    if not actual.start_read or end is None or read["import_kwh"].null_count() or read["export_kwh"].null_count():
        return None
    change = battery.soc_kwh(float(end)) - actual.start_soc_kwh
    counted = not read["batt_charge_kwh"].null_count() and not read["batt_discharge_kwh"].null_count()
    least = (
        np.maximum(change, 0.0) / battery.charge_efficiency,
        np.maximum(-change, 0.0) * battery.discharge_efficiency,
    )
    charge = float(read["batt_charge_kwh"].sum()) if counted else float(least[0])
    discharge = float(read["batt_discharge_kwh"].sum()) if counted else float(least[1])
    prices = actual.slots
    import_cost = float((read["import_kwh"] * prices["import_price"]).sum())
    export_revenue = float((read["export_kwh"] * prices["export_price"]).sum())
    wear = charge * battery.charge_wear + discharge * battery.discharge_wear
    return import_cost - export_revenue + wear - settlement(actual) * change


def settlement(actual: ActualDay) -> float:
    """Return the settlement value of a stored kWh at the end of a day [money/kWh]."""
    return actual.protocol.settlement(actual.slots["import_price"].to_numpy(), actual.site.battery)


def planned_schedule(actual: ActualDay, plans: pl.DataFrame, label: str = ACTUAL) -> pl.DataFrame:
    """Return what following recorded plans makes of the actual readings, from the start of the day.

    In slots that no plan covers the inverter runs its default (self-consumption).

    Args:
        actual: the day.
        plans: rows of the history of one system.
        label: name in the column `policy`.
    """
    battery = actual.site.battery
    covered = in_force(plans, actual.slots["slot_start"].to_list())
    commands = actual.slots.select("slot_start").join(covered, on="slot_start", how="left", maintain_order="left")
    default = {"charge_kw": 0.0, "discharge_kw": battery.discharge_kw, "export_kw": 0.0}
    powers = [commands[name].fill_null(default[name]).to_numpy() for name in COMMAND]
    limits = commands[IMPORT_LIMIT].fill_null(np.inf).to_numpy()

    def decide(slot: int, _soc_kwh: Energy) -> Decision:
        own = slice(slot, slot + 1)
        return with_limit(Command(*(power[own] for power in powers)), limits[own], actual.site.limits)

    world = World(
        *(actual.slots[name].to_numpy()[None] for name in ("load_kwh", "pv_kwh", "import_price", "export_price"))
    )
    replay = simulate(decide, world, actual.site, np.array([actual.start_soc_kwh]))
    return schedule_frame(label, actual.slots, replay)


def reference_schedules(actual: ActualDay, policies: Sequence[str]) -> pl.DataFrame:
    """Return schedules of policies that need no forecast from a day's start, one below the other."""
    no_forecasts = actual.slots.clear()
    return pl.concat(
        replay_days(policy, actual.slots, no_forecasts, actual.site, actual.protocol, workers=1).with_columns(
            policy=pl.lit(policy)
        )
        for policy in policies
    )


def without_sun(actual: ActualDay, label: str) -> pl.DataFrame:
    """Return the schedule of a day in a home without panels whose battery is not used, under a name of its own."""
    dark = replace(actual, slots=actual.slots.with_columns(pv_kwh=pl.lit(0.0)))
    return reference_schedules(dark, ("idle",)).with_columns(policy=pl.lit(label))
