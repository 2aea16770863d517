"""Turns planned flows into commands, which follow the house where the forecast was wrong.

A plan says "discharge 0.31 kWh"; what it means is "cover the load". Executed as fixed kilowatts a day-ahead plan caught
62 % of what hindsight saves on a real home, the same plan as commands that follow the house 92 % (DESIGN, "The inverter
contract"). What is meant follows from the plan's marginal value of stored energy: covering load pays wherever
the import price is above what the energy would bring later, storing surplus wherever it brings more than exporting.
"""

import numpy as np

from env.battery import Battery
from env.command_menu import full_export_kw
from env.inverter import Command, Energy
from env.site import Site
from env.time_grid import SLOT_HOURS
from planner.tolerances import COMMAND_ROUNDING_KWH, INDIFFERENCE


def command_for_plan(
    *,
    charge_kwh: float,
    discharge_kwh: float,
    net_load_kwh: float,
    stored_value: float,
    import_price: float,
    export_price: float,
    site: Site,
) -> tuple[float, float, float]:
    """The command `(charge_kw, discharge_kw, export_kw)` that carries out one slot of a plan.

    Args:
        charge_kwh: planned charge [kWh].
        discharge_kwh: planned discharge [kWh].
        net_load_kwh: load - PV that the plan expects [kWh].
        stored_value: marginal value of energy stored at the slot's end [money/kWh].
        import_price: of the slot [money/kWh].
        export_price: of the slot [money/kWh].
        site: battery and limits.
    """
    battery = site.battery
    surplus, deficit = max(-net_load_kwh, 0.0), max(net_load_kwh, 0.0)
    everything = full_export_kw(site)
    if charge_kwh > surplus + COMMAND_ROUNDING_KWH:
        return charge_kwh / SLOT_HOURS, 0.0, 0.0
    delivered_value = stored_value / battery.discharge_efficiency + battery.discharge_wear
    exporting_pays = export_price > delivered_value + INDIFFERENCE
    if discharge_kwh > deficit + COMMAND_ROUNDING_KWH or (discharge_kwh > COMMAND_ROUNDING_KWH and exporting_pays):
        planned = (discharge_kwh - deficit + surplus) / SLOT_HOURS
        return 0.0, battery.discharge_kw, everything if exporting_pays else planned
    discharge = _cover(import_price - delivered_value, discharge_kwh, deficit, battery)
    storing_value = stored_value * battery.charge_efficiency - battery.charge_wear
    exporting_value = max(export_price, 0.0) if site.limits.curtailable else export_price  # else it is curtailed
    only_wears = site.limits.inverter_kw is not None and storing_value < -INDIFFERENCE
    export = _sell(exporting_value - storing_value, charge_kwh, surplus, everything, only_wears=only_wears)
    if discharge > 0 and export > 0:  # together they would export from the battery, which does not pay here
        return (0.0, 0.0, export) if surplus > 0 else (0.0, discharge, 0.0)
    return 0.0, discharge, export


def _cover(gain: float, planned_kwh: float, deficit_kwh: float, battery: Battery) -> float:
    """Return how much of a deficit to cover from the battery [kW]; `gain` is what covering a kWh saves now."""
    if gain > INDIFFERENCE or (gain >= -INDIFFERENCE and planned_kwh >= deficit_kwh - COMMAND_ROUNDING_KWH):
        return battery.discharge_kw
    return 0.0 if gain < -INDIFFERENCE else planned_kwh / SLOT_HOURS


def _sell(gain: float, charge_kwh: float, surplus_kwh: float, everything_kw: float, *, only_wears: bool) -> float:
    """Return how much of a surplus to export first [kW]; `gain` is what exporting a kWh earns over storing it.

    A plan that stores although exporting would earn more cannot export it (the inverter is full): its quantity decides.
    So it does where storing a kWh behind an inverter's limit costs money (`only_wears`) and the plan stores none: what
    the inverter cannot pass is held back at no cost.
    """
    stores = charge_kwh > COMMAND_ROUNDING_KWH
    if gain < -INDIFFERENCE and (stores or not only_wears):
        return 0.0
    if gain > INDIFFERENCE and not stores:
        return everything_kw
    return max(surplus_kwh - charge_kwh, 0.0) / SLOT_HOURS


def exact_commands(*, charge_kwh: Energy, discharge_kwh: Energy, load_kwh: Energy, pv_kwh: Energy) -> Command:
    """Commands that give exactly these flows where load and PV are as known; arrays of one shape [kWh -> kW].

    The oracle's schedule as commands: nothing is left to follow.
    """
    surplus, deficit = np.maximum(pv_kwh - load_kwh, 0.0), np.maximum(load_kwh - pv_kwh, 0.0)
    from_grid = charge_kwh > surplus + COMMAND_ROUNDING_KWH
    discharging = discharge_kwh > 0
    export_kwh = np.where(discharging, discharge_kwh - deficit + surplus, surplus - charge_kwh)
    export_kwh = np.where(from_grid, 0.0, np.maximum(export_kwh, 0.0))
    return Command(
        np.where(from_grid, charge_kwh, 0.0) / SLOT_HOURS, discharge_kwh / SLOT_HOURS, export_kwh / SLOT_HOURS
    )
