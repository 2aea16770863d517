"""Homes in slots as the value function sees them, with a battery that no single slot fills or empties, and costs."""

from dataclasses import replace
from typing import Protocol, TypedDict, TypeVar

import numpy as np
from numpy.typing import NDArray

from env.battery import Battery, Storage
from env.fleet import Batteries, Homes, along
from env.inverter import Command, Energy, Flows, Metered, apply_command, metered_flows, slot_limit
from env.site import Connection
from planner.value.scenarios import Scenarios

Number = TypeVar("Number", np.float64, np.bool_)
OVER_FUSE = 1e3  # times the highest price, per kWh above the fuse: as the optimiser counts it
ROOMY_SLOTS = 8.0  # a battery of so many slots' energy never clamps a single slot


class PowerCost(Protocol):
    """The charge of imports of slots by their power."""

    @property
    def price(self) -> Energy:
        """Price of imports above what is free `(n_components, n_slots)` [money/kWh]."""
        ...

    @property
    def free_of_all(self) -> Energy:
        """Import of a slot that no component charges, of a shape that goes with `(..., n_slots, 1)` [kWh]."""
        ...

    def cost_of_slots(self, import_kwh: Energy) -> Energy:
        """Return the charge of imports `(..., n_slots, n_actions)` [money]."""
        ...


class _House(TypedDict):
    """Arguments of `env.inverter.apply_command` that say what a command meets."""

    load_kwh: Energy
    pv_kwh: Energy
    soc_kwh: Energy
    export_price: Energy
    battery: Storage
    limits: Connection


class World:
    """Homes `(n_homes, n_scenarios, n_slots, 1)` with a battery that no single slot fills or empties.

    In memory slots and actions lie outermost (`slots_first`), so that loops run over all homes and scenarios at once.

    Args:
        scenarios: load and PV.
        import_price: `(n_homes, n_slots)` [money/kWh].
        export_price: `(n_homes, n_slots)` [money/kWh].
        site: battery and limits, of all homes or of each.
        power: demand charge; None for none.
        rows: rows of the charge that each scenario has: the house is the same in all of them.
    """

    def __init__(
        self,
        scenarios: Scenarios,
        import_price: Energy,
        export_price: Energy,
        site: Homes,
        *,
        power: PowerCost | None = None,
        rows: int = 1,
    ) -> None:
        self.site, self.power, self.rows = site, power, rows
        self._times = scenarios.load_kwh.shape[1] if rows == 1 else 1
        self.own_battery, self.limits = along(site, 4, rows=self._times)
        self.fused = bool(np.isfinite(slot_limit(self.limits.import_kw)).all())
        self.load_kwh, self.pv_kwh = (slots_first(table[..., None]) for table in (scenarios.load_kwh, scenarios.pv_kwh))
        self.import_price, self.export_price = (
            self.of_scenarios(price[:, None, :, None]) for price in (import_price, export_price)
        )
        battery = self.own_battery
        room = ROOMY_SLOTS * np.maximum(np.maximum(1.0, slot_limit(battery.charge_kw)), most_drawn(battery))
        self.battery = _roomy(battery, room)
        self.soc_kwh = np.asarray(room)
        dearest = np.maximum(np.abs(import_price), np.abs(export_price)).max(axis=1)
        self.over_fuse = self.of_scenarios((OVER_FUSE * np.maximum(dearest, 1.0))[:, None, None, None])

    def of_scenarios(self, by_home: NDArray[Number]) -> NDArray[Number]:
        """Return `(n_homes, 1, ...)` laid out as scenarios are, where there is one row of each."""
        return repeated(by_home, self._times)

    def run(self, command: Command, *, of_rows: bool = False) -> tuple[Energy, Energy]:
        """Change of stored energy [kWh] and cost, wear included [money], of commands `(..., n_actions)`.

        Args:
            command: the same for all rows of a scenario.
            of_rows: the command differs by row.

        Returns:
            Each by row.
        """
        flows = metered_flows(command, **self._house(self.battery, self.soc_kwh, of_rows=of_rows))
        battery = self.own_battery
        moved = battery.stored_by(flows.charge_kwh) - battery.drawn_by(flows.discharge_kwh)
        return repeated(moved, 1 if of_rows else self.rows), self.cost(flows, of_rows=of_rows)

    def run_from(self, command: Command, soc_kwh: Energy, *, of_rows: bool = False) -> tuple[Energy, Energy]:
        """Stored energy at the end [kWh] and cost [money] of commands given with the battery itself, at one level."""
        flows = self.flows(command, self.own_battery, soc_kwh, of_rows=of_rows)
        return repeated(flows.soc_end_kwh, 1 if of_rows else self.rows), self.cost(flows, of_rows=of_rows)

    def flows(self, command: Command, battery: Storage, soc_kwh: Energy, *, of_rows: bool = False) -> Flows:
        """Return the flows of commands at levels of stored energy, by scenario or by row."""
        return apply_command(command, **self._house(battery, soc_kwh, of_rows=of_rows))

    def _house(self, battery: Storage, soc_kwh: Energy, *, of_rows: bool) -> _House:
        """Return what commands meet, by scenario or by row."""
        load, pv = (repeated(table, self.rows if of_rows else 1) for table in (self.load_kwh, self.pv_kwh))
        return _House(
            load_kwh=load,
            pv_kwh=pv,
            soc_kwh=soc_kwh,
            export_price=self.export_price,
            battery=battery,
            limits=self.limits,
        )

    def cost(self, flows: Flows | Metered, *, of_rows: bool = False) -> Energy:
        """Return the cost of flows, wear included, by row [money]."""
        battery, times = self.own_battery, 1 if of_rows else self.rows
        cost = (
            flows.import_kwh * self.import_price
            - flows.export_kwh * self.export_price
            + flows.charge_kwh * battery.charge_wear
            + flows.discharge_kwh * battery.discharge_wear
        )
        if self.limits.import_kw is not None:
            cost += np.maximum(flows.import_kwh - slot_limit(self.limits.import_kw), 0.0) * self.over_fuse
        cost = repeated(cost, times)
        if self.power is not None:
            cost = cost + self.power.cost_of_slots(repeated(flows.import_kwh, times))
        return cost


def repeated(by_scenario: NDArray[Number], rows: int) -> NDArray[Number]:
    """Return what scenarios have as what their rows have `(n_homes, n_scenarios x rows, n_slots, n_actions)`."""
    if rows == 1:
        return by_scenario
    return np.repeat(by_scenario.transpose(2, 3, 0, 1), rows, axis=3).transpose(2, 3, 0, 1)


def slots_first(table: Energy) -> Energy:
    """Return `(n_homes, n_rows, n_slots, n_actions)` with slots and then actions outermost in memory."""
    return np.ascontiguousarray(table.transpose(2, 3, 0, 1)).transpose(2, 3, 0, 1)


def most_stored(battery: Storage) -> Energy:
    """Most that a slot can add to the store [kWh]."""
    return np.asarray(battery.stored_by(np.asarray(slot_limit(battery.charge_kw))))


def most_drawn(battery: Storage) -> Energy:
    """Most that a slot can take out of the store [kWh]."""
    return np.asarray(battery.drawn_by(np.asarray(slot_limit(battery.discharge_kw))))


def _roomy(battery: Storage, room_kwh: Energy) -> Storage:
    """Return a battery, or one a home, that a half is so much of and that neither loses energy nor tapers."""
    if isinstance(battery, Battery):
        capacity = float(2 * room_kwh)
        return replace(
            battery,
            capacity_kwh=capacity,
            min_soc_kwh=0.0,
            max_soc_kwh=capacity,
            retention_per_hour=1.0,
            charge_taper=(),
            discharge_taper=(),
        )
    if not isinstance(battery, Batteries):
        raise TypeError(type(battery))
    nothing = np.zeros_like(room_kwh)
    return replace(battery, min_soc_kwh=nothing, max_soc_kwh=2 * room_kwh, retention_per_slot=nothing + 1.0)
