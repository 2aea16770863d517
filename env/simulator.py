"""Runs commands through the inverter, slot after slot, for any number of homes or days at once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from env.battery import Storage
from env.errors import ShapeError
from env.fleet import Homes, along
from env.inverter import Command, Decision, Energy, Flows, Metered, apart, apply_command

Decide: TypeAlias = Callable[[int, Energy], Decision]
"""(slot index, stored energy now `(n_homes,)` [kWh]) -> command for that slot, each `(n_homes,)` [kW].

A policy that commands an import limit does so in every slot, infinity where it wants none.
"""


@dataclass(frozen=True)
class World:
    """The exogenous series, independent of the battery: house and market; each `(n_homes, n_slots)`.

    Attributes:
        load_kwh: what the house uses [kWh].
        pv_kwh: what the panels could make [kWh].
        import_price: what the home pays [money/kWh].
        export_price: what the home gets [money/kWh].
    """

    load_kwh: Energy
    pv_kwh: Energy
    import_price: Energy
    export_price: Energy

    def __post_init__(self) -> None:
        """Refuse arrays that do not fit together."""
        shapes = {name: np.shape(value) for name, value in vars(self).items()}
        n_slots = self.load_kwh.shape[1] if self.load_kwh.ndim == 2 else 0  # noqa: PLR2004 - homes x slots
        if len(set(shapes.values())) > 1 or n_slots == 0:
            message = f"a world needs four arrays of one shape (n_homes, n_slots) with at least a slot, got {shapes}"
            raise ShapeError(message)


@dataclass(frozen=True)
class Replay:
    """A simulation's result; flows and cost `(n_homes, n_slots)`, stored energy `(n_homes, n_slots + 1)`.

    Attributes:
        import_limit_kw: commanded with each slot, infinity for none; None where the policy commands none.
    """

    commands: Command
    flows: Flows
    soc_kwh: Energy
    cost: Energy
    import_limit_kw: Energy | None = None


def simulate(decide: Decide, world: World, site: Homes, start_soc_kwh: Energy) -> Replay:
    """Run a policy through the world.

    Args:
        decide: called at the start of each slot, knowing only the stored energy and what it knew before.
        world: the actual load, PV and prices.
        site: battery and limits, of all homes or of each.
        start_soc_kwh: stored energy at the start `(n_homes,)` [kWh].

    Returns:
        Flows, stored energy at the fence posts and the cost of each slot, wear included.

    Raises:
        ShapeError: not one start per home.
    """
    soc = np.asarray(start_soc_kwh, dtype=np.float64)
    homes = world.load_kwh.shape[:1]
    if soc.shape != homes:
        message = f"start_soc_kwh must be {homes}, got {soc.shape}"
        raise ShapeError(message)
    (battery, limits), (worn, _) = along(site, 1), along(site, 2)
    commanded: list[Command] = []
    limited: list[Energy] = []
    happened: list[Flows] = []
    posts = [soc]
    for slot in range(world.load_kwh.shape[1]):
        command, limit_kw = apart(decide(slot, soc))
        flows = apply_command(
            command,
            load_kwh=world.load_kwh[:, slot],
            pv_kwh=world.pv_kwh[:, slot],
            soc_kwh=soc,
            export_price=world.export_price[:, slot],
            battery=battery,
            limits=limits,
            import_limit_kw=limit_kw,
        )
        soc = flows.soc_end_kwh
        commanded.append(command)
        limited += [] if limit_kw is None else [np.broadcast_to(limit_kw, soc.shape)]
        happened.append(flows)
        posts.append(soc)
    flows = Flows.stack(happened)
    commands = Command(
        *(np.stack([np.broadcast_to(each[i], soc.shape) for each in commanded], axis=-1) for i in range(3))
    )
    limits_kw = np.stack(limited, axis=-1) if limited else None
    return Replay(commands, flows, np.stack(posts, axis=-1), slot_cost(flows, world, worn), limits_kw)


def slot_cost(flows: Flows, world: World, battery: Storage) -> Energy:
    """Cost of each slot: import - export + wear of charging and discharging [money]."""
    return flows_cost(flows, world.import_price, world.export_price, battery)


def flows_cost(flows: Flows | Metered, import_price: Energy, export_price: Energy, battery: Storage) -> Energy:
    """Cost of flows at prices of their shape: import - export + wear of charging and discharging [money]."""
    return (
        flows.import_kwh * import_price
        - flows.export_kwh * export_price
        + flows.charge_kwh * battery.charge_wear
        + flows.discharge_kwh * battery.discharge_wear
    )
