"""The money of a policy over some days, split by where it goes, and the difference between two of them.

The cost is that of `planner.evaluation.daily_results`, the demand charge that of `planner.demand_charges`; here they
are only taken apart and added up.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date

import polars as pl

from env.battery import Battery

IDLE = "idle"


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Money and energies of a policy over some days; of two cases also their difference.

    Attributes:
        cost: of energy, wear and demand charge, less the settlement [money].
        saving: cost of idle in the same case, less this cost; None where idle is not known [money].
        energy: import at its price less export at its price [money].
        wear: of the battery [money].
        demand_charge: what the days add to the charges of their months [money].
        settlement: value of the energy that the days left in the battery above what they began with [money].
        import_kwh: from the grid [kWh].
        export_kwh: to the grid [kWh].
        charge_kwh: into the battery, alternating-current side [kWh].
        discharge_kwh: out of the battery, alternating-current side [kWh].
        curtailed_kwh: PV that was not used [kWh].
        cycles: energy taken out of the store in capacities; 0 for a battery without any.
        peak_kw: highest import of a slot [kW].
    """

    cost: float
    saving: float | None
    energy: float
    wear: float
    demand_charge: float
    settlement: float
    import_kwh: float
    export_kwh: float
    charge_kwh: float
    discharge_kwh: float
    curtailed_kwh: float
    cycles: float
    peak_kw: float

    def less(self, other: "Figures") -> "Figures":
        """Return each figure less that of another case."""
        differences: dict[str, float | None] = {}
        for name in (field.name for field in fields(self)):
            own, others = getattr(self, name), getattr(other, name)
            differences[name] = None if own is None or others is None else own - others
        return Figures(**differences)  # pyright: ignore[reportArgumentType] - only `saving` may be None


def figures_of(results: pl.DataFrame, battery: Battery, policies: Sequence[str]) -> dict[str, Figures]:
    """Return the figures of policies over the days that are there.

    Args:
        results: rows of `planner.evaluation.daily_results`, with `power_cost` where power is charged; of the same days
            for every policy.
        battery: the one that the results are of.
        policies: whose figures are wanted; `idle` among the results gives their savings.
    """
    found = {policy: _figures(results.filter(pl.col("policy") == policy), battery) for policy in policies}
    idle = results.filter(pl.col("policy") == IDLE)
    if idle.is_empty():
        return found
    idle_cost = _figures(idle, battery).cost
    return {policy: _with_saving(each, idle_cost) for policy, each in found.items()}


def _with_saving(figures: Figures, idle_cost: float) -> Figures:
    values = {field.name: getattr(figures, field.name) for field in fields(figures)}
    return Figures(**{**values, "saving": idle_cost - figures.cost})


def _figures(own: pl.DataFrame, battery: Battery) -> Figures:
    """Return the figures of one policy, without its saving."""
    days = own.sort("day")  # sums round by their order
    total = {name: float(days[name].sum()) for name in _SUMS}
    capacity = battery.capacity_kwh
    wear = total["charge_kwh"] * battery.charge_wear + total["discharge_kwh"] * battery.discharge_wear
    left = days["settlement_value"] * (days["end_soc_kwh"] - days["start_soc_kwh"])
    settlement = float(left.sum())
    charge = float(days["power_cost"].sum()) if "power_cost" in days.columns else 0.0
    return Figures(
        cost=total["cost"] + charge,
        saving=None,
        energy=total["cost"] - wear + settlement,
        wear=wear,
        demand_charge=charge,
        settlement=settlement,
        import_kwh=total["import_kwh"],
        export_kwh=total["export_kwh"],
        charge_kwh=total["charge_kwh"],
        discharge_kwh=total["discharge_kwh"],
        curtailed_kwh=total["curtailed_kwh"],
        cycles=total["discharge_kwh"] / battery.discharge_efficiency / capacity if capacity else 0.0,
        peak_kw=_highest(days),
    )


def _highest(days: pl.DataFrame) -> float:
    peak = days["peak_kw"].max()
    return float(peak) if isinstance(peak, (int, float)) else 0.0


def common(first: pl.DataFrame, second: pl.DataFrame) -> list[date]:
    """Return the days that both results have, ascending."""
    shared = set(first["day"].to_list()) & set(second["day"].to_list())
    return sorted(shared)


_SUMS = ("cost", "import_kwh", "export_kwh", "charge_kwh", "discharge_kwh", "curtailed_kwh")
