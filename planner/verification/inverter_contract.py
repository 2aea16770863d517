"""The inverter's response to a command, written a second time from the text of "The inverter contract" (DESIGN).

The first time is `env.inverter`; a test holds the two together on random slots. All energies in kWh per slot.
"""

from dataclasses import dataclass

import numpy as np

from env.site import Limits
from env.time_grid import SLOT_HOURS
from planner.verification.findings import Flags, Values

FLOWS = ("charge_kwh", "discharge_kwh", "import_kwh", "export_kwh", "curtailed_kwh")


@dataclass(frozen=True)
class House:
    """The state of the home that the inverter meets in some slots; arrays `(n,)`.

    Attributes:
        load: used in the house, planned devices included [kWh].
        pv: what the panels could make [kWh].
        can_charge: by power and room in the store [kWh].
        can_discharge: by power and stored energy [kWh].
        export_costs: whether the export price is negative.
    """

    load: Values
    pv: Values
    can_charge: Values
    can_discharge: Values
    export_costs: Flags


def energy_limit(power_kw: float | None) -> float:
    """Return the energy that a power limit lets through in a slot; without one, everything [kWh]."""
    return float("inf") if power_kw is None else power_kw * SLOT_HOURS


def obeyed(
    command: tuple[Values, Values, Values], house: House, limits: Limits, import_limit: Values | None = None
) -> dict[str, Values]:
    """Flows that follow from `(charge_kw, discharge_kw, export_kw)`, by their names in a schedule.

    Args:
        command: as it was given [kW].
        house: the state that it meets.
        limits: of the connection.
        import_limit: commanded beside it, infinity for none; None for none at all [kW].
    """
    charge_command, discharge_command, export_command = (np.maximum(power, 0.0) * SLOT_HOURS for power in command)
    surplus = np.maximum(house.pv - house.load, 0.0)
    deficit = np.maximum(house.load - house.pv, 0.0)
    grid_takes = energy_limit(limits.export_kw)

    exported_first = np.minimum(np.minimum(surplus, export_command), grid_takes)
    charge_meant = np.maximum(surplus - exported_first, charge_command)
    covering = np.minimum(deficit, discharge_command)
    all_covered = covering >= deficit
    feeding = np.minimum(export_command - np.minimum(surplus, export_command), discharge_command - covering)
    feeding = np.where(all_covered, np.minimum(feeding, grid_takes - exported_first), 0.0)
    discharge_meant = np.where(charge_command > 0, 0.0, covering + feeding)

    charge, discharge, pv_used = _clamped(charge_meant, discharge_meant, house, limits, import_limit)
    balance = pv_used + discharge - house.load - charge
    surplus_left = np.maximum(balance, 0.0)
    from_panels_only = house.export_costs & limits.curtailable  # then the surplus of the panels is curtailed
    exportable = np.where(from_panels_only, discharge, grid_takes)
    exported = np.minimum(np.minimum(surplus_left, exportable), grid_takes)
    curtailed = house.pv - pv_used + surplus_left - exported
    return dict(zip(FLOWS, (charge, discharge, np.maximum(-balance, 0.0), exported, curtailed), strict=True))


def _clamped(
    charge_meant: Values, discharge_meant: Values, house: House, limits: Limits, import_limit: Values | None
) -> tuple[Values, Values, Values]:
    """Charge, discharge and PV taken, within battery, fuse and inverter.

    Above the fuse, or a commanded limit below it, charging gives way first, then the battery helps out, where it does
    not charge.
    """
    fuse, inverter = energy_limit(limits.import_kw), energy_limit(limits.inverter_kw)
    if import_limit is not None and limits.takes_import_limit:
        fuse = np.minimum(import_limit * SLOT_HOURS, fuse)
    left_of_fuse = np.maximum(fuse - (house.load - house.pv), 0.0)
    charge = np.minimum(np.minimum(charge_meant, house.can_charge), np.minimum(left_of_fuse, house.pv + inverter))
    pv_used = np.minimum(house.pv, inverter + charge)
    above_fuse = house.load - pv_used - fuse
    idle_inverter = np.maximum(inverter - pv_used, 0.0)
    discharge = np.minimum(np.maximum(discharge_meant, above_fuse), np.minimum(house.can_discharge, idle_inverter))
    return charge, np.where(charge > 0, 0.0, discharge), pv_used


def simplest_command(charge: Values, discharge: Values, house: House) -> tuple[Values, Values, Values]:
    """The command that says these flows [kWh] outright [kW]: what no such command brings about, none does."""
    surplus = np.maximum(house.pv - house.load, 0.0)
    deficit = np.maximum(house.load - house.pv, 0.0)
    from_grid = charge > surplus
    exported = np.maximum(surplus - charge + np.maximum(discharge - deficit, 0.0), 0.0)
    return (
        np.where(from_grid, charge, 0.0) / SLOT_HOURS,
        discharge / SLOT_HOURS,
        np.where(from_grid, 0.0, exported) / SLOT_HOURS,
    )
