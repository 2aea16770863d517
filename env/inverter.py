"""The inverter contract: the flows of a slot under a command.

A command is `(charge_kw, discharge_kw, export_kw)` and the inverter follows the house inside the slot:

- surplus (PV above load) is exported first up to `export_kw`, the rest charges the battery, what does not fit is
  exported if allowed, else curtailed;
- deficit (load above PV) is met from the battery up to `discharge_kw`; with it met, the battery may feed the grid up to
  what is left of both `export_kw` and `discharge_kw`;
- `charge_kw > 0` charges at that power in total, surplus first and the grid for the rest (more if the surplus that is
  not to be exported is more), and then the battery does not discharge.

An inverter that can (`Limits.takes_import_limit`) takes a limit of the import with a command: above it charging from
the grid gives way and the battery helps out, also one told to hold, as far as power and stored energy go.

Limits clamp, always. Above the fuse, charging gives way first, then the battery helps out; what is still above is a
breach. All energies are kWh per slot on the alternating-current side; arrays of any one shape, or floats.
"""

from dataclasses import dataclass, fields
from typing import NamedTuple, TypeAlias, overload

import numpy as np

from env.battery import Storage
from env.site import Connection
from env.time_grid import SLOT_HOURS
from env.types import Energy, Mask

MOST_KW = 1e6  # an endless command means all there is; kept finite, so that what was clamped is a number


class Command(NamedTuple):
    """The command of an inverter for a slot; all >= 0 [kW]."""

    charge_kw: Energy
    discharge_kw: Energy
    export_kw: Energy


IMPORT_LIMIT = "import_limit_kw"
"""Column of a schedule that holds the limit beside the command; only where the inverter takes one."""


class LimitedCommand(NamedTuple):
    """A command with a limit of the import; only for inverters that take one.

    Attributes:
        command: of charge, discharge and export.
        import_limit_kw: import that is not to be exceeded, >= 0; infinity for none [kW].
    """

    command: Command
    import_limit_kw: Energy


Decision: TypeAlias = Command | LimitedCommand


def with_limit(command: Command, limit_kw: Energy, limits: Connection) -> Decision:
    """Return a command with an import limit where the inverter takes one, else alone."""
    return LimitedCommand(command, limit_kw) if np.any(limits.takes_import_limit) else command


def apart(decision: Decision) -> tuple[Command, Energy | None]:
    """Return a decision's command and its import limit; None where it says nothing of one."""
    if isinstance(decision, LimitedCommand):
        return decision.command, decision.import_limit_kw
    return decision, None


def without_discharge(decision: Decision) -> Decision:
    """Return a decision that does not discharge; what it charges, exports and limits stays."""
    command, limit = apart(decision)
    held = command._replace(discharge_kw=np.zeros_like(command.discharge_kw))
    return held if limit is None else LimitedCommand(held, limit)


@dataclass(frozen=True)
class Flows:
    """The flows of a slot; all energies >= 0 [kWh].

    `load + charge + export + curtailed = pv + discharge + import`, and neither charge and discharge nor import and
    export are both above zero.

    Attributes:
        clamped_kwh: how much less than commanded the battery charged or discharged, or the export limit let through.
        breach_kwh: import above the fuse that nothing could prevent.
    """

    import_kwh: Energy
    export_kwh: Energy
    charge_kwh: Energy
    discharge_kwh: Energy
    curtailed_kwh: Energy
    soc_end_kwh: Energy
    clamped_kwh: Energy
    breach_kwh: Energy

    @classmethod
    def stack(cls, slots: "list[Flows]") -> "Flows":
        """Join slots along a new last axis: each field becomes `(..., n_slots)`."""
        return cls(*(np.stack([getattr(slot, field.name) for slot in slots], axis=-1) for field in fields(cls)))


@overload
def slot_limit(limit_kw: float | None) -> float: ...
@overload
def slot_limit(limit_kw: Energy) -> Energy: ...
def slot_limit(limit_kw: float | Energy | None) -> float | Energy:
    """A power limit as energy per slot; no limit is infinity [kWh]."""
    return np.inf if limit_kw is None else limit_kw * SLOT_HOURS


def curtails_surplus(limits: Connection, export_price: Energy) -> Mask:
    """Return whether surplus is curtailed rather than exported: curtailable panels and a negative export price."""
    return np.logical_and(limits.curtailable, np.asarray(export_price) < 0)


def apply_command(  # noqa: PLR0913 - keyword-only, command, house and home
    command: Command,
    *,
    load_kwh: Energy,
    pv_kwh: Energy,
    soc_kwh: Energy,
    export_price: Energy,
    battery: Storage,
    limits: Connection,
    import_limit_kw: Energy | None = None,
) -> Flows:
    """Turn commands and what the house did into flows, for any number of homes at once.

    Args:
        command: sent to the inverter [kW].
        load_kwh: what the house used [kWh].
        pv_kwh: what the panels could make [kWh].
        soc_kwh: stored energy at the start [kWh].
        export_price: decides whether curtailable surplus is curtailed [money/kWh].
        battery: limits and efficiencies, of one battery or one a home.
        limits: fuse, export and inverter limits, of one home or one a home.
        import_limit_kw: commanded limit of the import, infinity for none; None where no home is commanded one [kW].
    """
    moved = _moved(command, load_kwh, pv_kwh, soc_kwh, export_price, battery, limits, import_limit_kw)
    wanted, (imported, exported, charge, discharge) = moved.wanted, moved.metered
    clamped = np.abs(wanted.charge - charge) + np.maximum(wanted.discharge - discharge, 0.0)
    return Flows(
        import_kwh=imported,
        export_kwh=exported,
        charge_kwh=charge,
        discharge_kwh=discharge,
        curtailed_kwh=moved.lost_to_inverter + moved.surplus - exported,
        soc_end_kwh=next_soc(soc_kwh, charge, discharge, battery),
        clamped_kwh=clamped + _not_fed(wanted, slot_limit(limits.export_kw)),
        breach_kwh=np.maximum(imported - slot_limit(limits.import_kw), 0.0),
    )


class Metered(NamedTuple):
    """The flows of a slot that money is paid for, as in `Flows` [kWh]."""

    import_kwh: Energy
    export_kwh: Energy
    charge_kwh: Energy
    discharge_kwh: Energy


def metered_flows(  # noqa: PLR0913 - as `apply_command`
    command: Command,
    *,
    load_kwh: Energy,
    pv_kwh: Energy,
    soc_kwh: Energy,
    export_price: Energy,
    battery: Storage,
    limits: Connection,
    import_limit_kw: Energy | None = None,
) -> Metered:
    """Return the flows of `apply_command` that money is paid for, in two thirds of its time."""
    return _moved(command, load_kwh, pv_kwh, soc_kwh, export_price, battery, limits, import_limit_kw).metered


class _Wanted(NamedTuple):
    """The flows that a command asks for in a house, before battery, fuse and inverter clamp them [kWh].

    Attributes:
        charge: charge.
        discharge: discharge.
        charges: whether the command charges.
        fed: feed to the grid were there no export limit, if the command does not charge.
    """

    charge: Energy
    discharge: Energy
    charges: Mask
    fed: Energy


class _Moved(NamedTuple):
    """All that a slot's command brings about [kWh].

    Attributes:
        metered: flows that money is paid for.
        wanted: what the command asked for.
        lost_to_inverter: PV that the inverter cannot pass on.
        surplus: what would be exported, if all may be.
    """

    metered: Metered
    wanted: _Wanted
    lost_to_inverter: Energy
    surplus: Energy


def _moved(  # noqa: PLR0913, PLR0917 - as `apply_command`
    command: Command,
    load_kwh: Energy,
    pv_kwh: Energy,
    soc_kwh: Energy,
    export_price: Energy,
    battery: Storage,
    limits: Connection,
    import_limit_kw: Energy | None,
) -> _Moved:
    """Return what commands bring about. A limit that no home has takes no time."""
    net = np.asarray(load_kwh - pv_kwh, dtype=np.float64)
    can_charge, can_discharge = battery_room(soc_kwh, battery)
    most_import = _most_import(slot_limit(limits.import_kw), import_limit_kw, limits)
    most_export = None if limits.export_kw is None else slot_limit(limits.export_kw)

    wanted = _wanted(command, net, most_export)
    charge = np.minimum(np.minimum(wanted.charge, can_charge), np.maximum(most_import - net, 0.0))
    lost_to_inverter: Energy = np.zeros_like(net)
    if limits.inverter_kw is not None:
        inverter = slot_limit(limits.inverter_kw)
        charge = np.minimum(charge, pv_kwh + inverter)
        used_pv = np.minimum(pv_kwh, charge + inverter)
        lost_to_inverter = pv_kwh - used_pv
        net = net + lost_to_inverter
        can_discharge = np.minimum(can_discharge, np.maximum(inverter - used_pv, 0.0))

    discharge_room = np.where(charge > 0, 0.0, can_discharge)
    discharge = np.minimum(np.maximum(wanted.discharge, net - most_import), discharge_room)

    grid = net + charge - discharge
    imported, surplus = np.maximum(grid, 0.0), np.maximum(-grid, 0.0)
    exported = surplus if most_export is None else np.minimum(surplus, most_export)
    if np.any(limits.curtailable):
        exported = np.where(curtails_surplus(limits, export_price), np.minimum(exported, discharge), exported)
    return _Moved(Metered(imported, exported, charge, discharge), wanted, lost_to_inverter, surplus)


def _most_import(fuse: float | Energy, limit_kw: Energy | None, limits: Connection) -> float | Energy:
    """Return the import above which charging gives way and the battery helps: the fuse, or a lower limit [kWh]."""
    if limit_kw is None:
        return fuse
    commanded = np.where(limits.takes_import_limit, slot_limit(np.maximum(limit_kw, 0.0)), np.inf)
    return np.minimum(fuse, commanded)


def battery_room(soc_kwh: Energy, battery: Storage) -> tuple[Energy, Energy]:
    """Most that can be charged and discharged in a slot, by power and by stored energy [kWh]."""
    kept = battery.retention_per_slot * soc_kwh
    can_charge = battery.charge_storing(battery.max_soc_kwh - kept)
    can_discharge = battery.discharge_drawing(kept - battery.min_soc_kwh)
    return (
        np.clip(can_charge, 0.0, battery.most_charge_kw(soc_kwh) * SLOT_HOURS),
        np.clip(can_discharge, 0.0, battery.most_discharge_kw(soc_kwh) * SLOT_HOURS),
    )


def next_soc(soc_kwh: Energy, charge_kwh: Energy, discharge_kwh: Energy, battery: Storage) -> Energy:
    """Stored energy at the slot's end [kWh], kept from drifting over the edge by rounding."""
    kept = battery.retention_per_slot * soc_kwh
    soc = kept + battery.stored_by(charge_kwh) - battery.drawn_by(discharge_kwh)
    low = np.minimum(kept, battery.min_soc_kwh)
    high = np.maximum(kept, battery.max_soc_kwh)
    return np.clip(soc, low, high)


def _wanted(command: Command, net: Energy, export_limit: float | Energy | None) -> _Wanted:
    """Return the flows that a command asks for in this house, fed to the grid no more than an export limit [kWh]."""
    charge, discharge, export = (np.clip(power, 0.0, MOST_KW) * SLOT_HOURS for power in command)
    surplus, deficit = np.maximum(-net, 0.0), np.maximum(net, 0.0)
    charges = charge > 0
    export_first = np.minimum(surplus, export)
    exported_first = export_first if export_limit is None else np.minimum(export_first, export_limit)
    to_battery = surplus - exported_first
    if charges.all():
        nothing = np.zeros_like(to_battery)
        return _Wanted(np.maximum(charge, to_battery), nothing, charges, nothing)

    for_house = np.minimum(deficit, discharge)
    left_of_both = np.minimum(export - export_first, discharge - for_house)
    feed_to_grid = np.where(for_house >= deficit, left_of_both, 0.0)
    to_grid = feed_to_grid if export_limit is None else np.minimum(feed_to_grid, export_limit - exported_first)
    wanted = _Wanted(to_battery, for_house + to_grid, charges, export_first + feed_to_grid)
    if not charges.any():
        return wanted
    return wanted._replace(
        charge=np.where(charges, np.maximum(charge, to_battery), to_battery),
        discharge=np.where(charges, 0.0, wanted.discharge),
    )


def _not_fed(wanted: _Wanted, export_limit: float | Energy) -> Energy:
    """Return what a command would have fed the grid beyond the export limit [kWh]."""
    return np.where(wanted.charges, 0.0, wanted.fed - np.minimum(wanted.fed, export_limit))
