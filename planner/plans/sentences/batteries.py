"""The batteries of a schedule: each with its own flows, and all of them together as the house sees them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from env.battery import Battery
from env.inverter import Energy
from env.site import Site
from env.types import Mask
from planner.plans.task import PlanTask
from planner.wording.values import LEAST_SHOWN


@dataclass(frozen=True, kw_only=True)
class BatteryFlows:
    """One battery of a schedule; energies `(n_slots,)` [kWh].

    Attributes:
        number: from 1 on; 1 is the one that takes commands.
        battery: the battery.
        charge_kwh: charged.
        discharge_kwh: discharged.
        soc_start_kwh: stored at the slots' starts.
        soc_end_kwh: stored at their ends.
    """

    number: int
    battery: Battery
    charge_kwh: Energy
    discharge_kwh: Energy
    soc_start_kwh: Energy
    soc_end_kwh: Energy

    @property
    def start_soc_kwh(self) -> float:
        """Return what is stored at the start, of further batteries without what no slot ever draws on [kWh].

        They must end as they begin: energy below their lowest level stays, and is not what they give first.
        """
        start = float(self.soc_start_kwh[0])
        if self.number == 1:
            return start
        return self.battery.min_soc_kwh + max(start - float(self.soc_end_kwh.min()), 0.0)


def batteries_of(site: Site, schedule: pl.DataFrame) -> Sequence[BatteryFlows]:
    """Return the batteries of a schedule of a site, the one that takes commands first."""
    found: list[BatteryFlows] = []
    for number, battery in enumerate((site.battery, *site.extra_batteries), start=1):
        prefix = "" if number == 1 else f"battery_{number}_"
        names = ("charge_kwh", "discharge_kwh", "soc_start_kwh", "soc_end_kwh")
        flows = {name: schedule[f"{prefix}{name}"].to_numpy() for name in names}
        found.append(BatteryFlows(number=number, battery=battery, **flows))
    return found


def together(site: Site, schedule: pl.DataFrame) -> pl.DataFrame:
    """Return a schedule with the charge and discharge of all batteries together; of one battery as it is.

    What one gives and another takes in the same slot never reaches the house, and is not in them.
    """
    if not site.extra_batteries:
        return schedule
    each = batteries_of(site, schedule)
    taken = np.sum([battery.charge_kwh - battery.discharge_kwh for battery in each], axis=0)
    return schedule.with_columns(
        charge_kwh=pl.Series(np.maximum(taken, 0.0)), discharge_kwh=pl.Series(np.maximum(-taken, 0.0))
    )


@dataclass(frozen=True)
class Levels:
    """The slots in which the batteries have nothing to do by what is stored at their ends, each `(n_slots,)`.

    Attributes:
        full: all are full.
        empty: all are at their minimum.
        reserved: the same, or at the reserve for outages.
    """

    full: Mask
    empty: Mask
    reserved: Mask


def levels(task: PlanTask, batteries: Sequence[BatteryFlows]) -> Levels:
    """Return the slots in which all batteries of a task are full, empty or at their reserve."""
    floors = [task.unused_kwh if each.number == 1 else each.battery.min_soc_kwh for each in batteries]
    return Levels(
        full=_all([each.soc_end_kwh >= each.battery.max_soc_kwh - LEAST_SHOWN for each in batteries]),
        empty=_all([each.soc_end_kwh <= each.battery.min_soc_kwh + LEAST_SHOWN for each in batteries]),
        reserved=_all([each.soc_end_kwh <= floor + LEAST_SHOWN for each, floor in zip(batteries, floors, strict=True)]),
    )


def _all(masks: Sequence[Mask]) -> Mask:
    return np.logical_and.reduce(masks)


def exchanges(batteries: Sequence[BatteryFlows], part: slice) -> float:
    """Return what batteries take from each other in some slots, which never reaches the house [kWh]."""
    taken = np.sum([each.charge_kwh[part] for each in batteries], axis=0)
    given = np.sum([each.discharge_kwh[part] for each in batteries], axis=0)
    return float(np.minimum(taken, given).sum())
