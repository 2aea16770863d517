"""What days cost as they were lived, and what other ways of running the battery would have cost from the same start.

Everything is priced alike: on the same readings and prices, from the stored energy that the home really had at
midnight, wear included, what is left settled at the same worth (`planner.evaluation.daily_results`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.replay_inputs import protocol_of, replay_inputs
from darkstar_pipeline.evaluation.plan_history import COMMAND, in_force
from darkstar_pipeline.evaluation.range_verdict import policy_results
from darkstar_pipeline.warehouse.schemas import METER_READINGS
from env.inverter import Command, Energy
from env.simulator import World, simulate
from planner.evaluation.daily_results import daily_results
from planner.replay.daily import replay_days
from planner.replay.schedules import schedule_frame

LIVED = "lived"


@dataclass(frozen=True)
class LivedDay:
    """A graded day and where it began.

    Attributes:
        day: the local day.
        context: the site, its protocol beginning where the day did.
        slots: `slot_start, local_day, import_price, export_price, load_kwh, pv_kwh`.
        readings: `slot_start` and what meters said, null where they said nothing.
        start_read: whether the stored energy at its beginning was read; else it is the protocol's.
    """

    day: date
    context: Context
    slots: pl.DataFrame
    readings: pl.DataFrame
    start_read: bool

    @property
    def start_soc_kwh(self) -> float:
        """Stored energy at midnight [kWh]."""
        return protocol_of(self.context).start_soc_kwh


def lived_days(context: Context, days: Sequence[date]) -> list[LivedDay]:
    """Days with their readings, in order; those that are not graded, or refused, are left out."""
    if not days:
        return []
    slots = replay_inputs(context, days).slots
    read = context.lake.read(METER_READINGS, context.site_name, min(days), max(days))
    return [_lived(context, part, read) for part in slots.partition_by("local_day", maintain_order=True)]


def _lived(context: Context, slots: pl.DataFrame, read: pl.DataFrame) -> LivedDay:
    """One of the days, from its slots and everybody's readings."""
    day: date = slots["local_day"][0]
    readings = slots.select("slot_start").join(read, on="slot_start", how="left", maintain_order="left")
    percent = readings["soc_start_percent"][0]
    if percent is None:
        return LivedDay(day, context, slots, readings, start_read=False)
    settings = context.site_settings
    protocol = settings.protocol.model_copy(update={"start_soc_percent": min(max(float(percent), 0.0), 100.0)})
    began = replace(context, site_settings=settings.model_copy(update={"protocol": protocol}))
    return LivedDay(day, began, slots, readings, start_read=True)


def metered_cost(lived: LivedDay) -> float | None:
    """What the day cost by its meters, wear and settlement included [money]; None where they do not say.

    Grid meters are needed, and the state of charge at both ends; where the battery's own counters are missing, wear is
    that of the change in stored energy alone.
    """
    read, battery = lived.readings, lived.context.site.battery
    end = read["soc_end_percent"][-1]
    if not lived.start_read or end is None or read["import_kwh"].null_count() or read["export_kwh"].null_count():
        return None
    start_kwh, end_kwh = lived.start_soc_kwh, battery.soc_kwh(float(end))
    change = end_kwh - start_kwh
    counted = not read["batt_charge_kwh"].null_count() and not read["batt_discharge_kwh"].null_count()
    least = (
        np.maximum(change, 0.0) / battery.charge_efficiency,
        np.maximum(-change, 0.0) * battery.discharge_efficiency,
    )
    charge = float(read["batt_charge_kwh"].sum()) if counted else float(least[0])
    discharge = float(read["batt_discharge_kwh"].sum()) if counted else float(least[1])
    prices = lived.slots
    bought = float((read["import_kwh"] * prices["import_price"]).sum())
    sold = float((read["export_kwh"] * prices["export_price"]).sum())
    wear = charge * battery.charge_wear + discharge * battery.discharge_wear
    return bought - sold + wear - settlement(lived) * change


def settlement(lived: LivedDay) -> float:
    """Worth of a stored kWh at the day's end [money/kWh]."""
    return protocol_of(lived.context).settlement(lived.slots["import_price"].to_numpy(), lived.context.site.battery)


def told_cost(lived: LivedDay, plans: pl.DataFrame, label: str = LIVED) -> pl.DataFrame:
    """What the commands of recorded plans bring about on what was read, from the day's start.

    Args:
        lived: the day.
        plans: rows of the history of one system.
        label: name in the column `policy`.

    Returns:
        A row as `planner.evaluation.daily_results.daily_results`; slots that no plan reached leave the inverter by
        itself.
    """
    battery = lived.context.site.battery
    known = in_force(plans, lived.slots["slot_start"].to_list())
    told = lived.slots.select("slot_start").join(known, on="slot_start", how="left", maintain_order="left")
    default = {"charge_kw": 0.0, "discharge_kw": battery.discharge_kw, "export_kw": 0.0}
    powers = [told[name].fill_null(default[name]).to_numpy() for name in COMMAND]

    def decide(slot: int, _soc_kwh: Energy) -> Command:
        return Command(*(power[slot : slot + 1] for power in powers))

    world = World(
        *(lived.slots[name].to_numpy()[None] for name in ("load_kwh", "pv_kwh", "import_price", "export_price"))
    )
    replay = simulate(decide, world, lived.context.site, np.array([lived.start_soc_kwh]))
    frame = schedule_frame(label, lived.slots, replay)
    return daily_results(frame, protocol_of(lived.context), lived.context.site)


def policy_cost(lived: LivedDay, policy: str) -> pl.DataFrame:
    """What a policy would have cost from the day's start: a row as `planner.evaluation.daily_results.daily_results`.

    Raises:
        ConfigurationError: an unknown policy.
        DataMissingError: there is no such trained version.
    """
    return policy_results(lived.context, policy, [lived.day])


def reference_costs(lived: LivedDay, policies: Sequence[str]) -> dict[str, float]:
    """What policies that need no forecast would have cost from the day's start: idle, self-consumption, oracle [money].

    Where power is charged, that charge is not among it: it belongs to a month, not to a day.
    """
    site, protocol, no_forecasts = lived.context.site, protocol_of(lived.context), lived.slots.clear()
    replayed = [
        replay_days(policy, lived.slots, no_forecasts, site, protocol, workers=1).with_columns(policy=pl.lit(policy))
        for policy in policies
    ]
    results = daily_results(pl.concat(replayed), protocol, site)
    return dict(zip(results["policy"].to_list(), results["cost"].to_list(), strict=True))
