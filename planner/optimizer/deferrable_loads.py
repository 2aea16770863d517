"""Movable loads: what a person requests of them, and their demand over a horizon as the statement takes it."""

import math
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from env.inverter import Energy


@dataclass(frozen=True, kw_only=True)
class HeaterRequest:
    """The state of the water tank.

    Attributes:
        done_today_kwh: heated already on the first local day of the horizon [kWh].
        vacation: whether nobody is at home: a day then takes the vacation minimum instead.
        running: whether a block is under way when the horizon begins.
        last_start: when the latest block started, in UTC; the next keeps its distance. None: long ago.
        comfort: energy that each local day needs by a time of it: minutes since midnight, energy [kWh].
        run: a run at full power that the horizon has to hold, against legionella; None for none.
    """

    done_today_kwh: float = 0.0
    vacation: bool = False
    running: bool = False
    last_start: datetime | None = None
    comfort: tuple[tuple[int, float], ...] = ()
    run: "HeatRun | None" = None


@dataclass(frozen=True)
class HeatRun:
    """So many hours at full power in a row [h], from `earliest` on and over by `latest`, instants in UTC."""

    hours: float
    earliest: datetime
    latest: datetime


@dataclass(frozen=True)
class Wish:
    """Energy that a load takes as far as it can be had, or while it is worth its price.

    Attributes:
        energy_kwh: how much [kWh].
        worth: most that a kWh of it may cost [money/kWh]; infinity where it is wanted at any price.
    """

    energy_kwh: float
    worth: float = math.inf


@dataclass(frozen=True, kw_only=True)
class VehicleRequest:
    """A stay of the car between `arrives` and `departs`, instants in UTC.

    Attributes:
        arrives: when the car is there; a moment before the horizon is its begin.
        departs: when it has to be charged; it may lie behind the horizon's end.
        energy_kwh: what it must get within the horizon, or there is no plan [kWh].
        wishes: what it is to get beyond that, the most urgent first.
        later_price: what a kWh behind the horizon's end is expected to cost [money/kWh]; used where it departs then.
    """

    arrives: datetime
    departs: datetime
    energy_kwh: float = 0.0
    wishes: tuple[Wish, ...] = ()
    later_price: float = 0.0


@dataclass(frozen=True, kw_only=True)
class ApplianceRequest:
    """One run of an appliance, started at or after `earliest` and finished by `latest`, instants in UTC."""

    name: str
    earliest: datetime
    latest: datetime


@dataclass(frozen=True, kw_only=True)
class LoadRequests:
    """Requests to the movable loads; nothing by default."""

    heater: HeaterRequest = field(default_factory=HeaterRequest)
    vehicle: VehicleRequest | None = None
    appliances: tuple[ApplianceRequest, ...] = ()


@dataclass(frozen=True)
class FlexibleShape:
    """The structure of a flexible load, compiled into the problem; the rest are its parameters.

    Attributes:
        name: of its column, without `_kwh`.
        from_battery: whether a battery may feed it.
        spacing_slots: least slots between the starts of two blocks; 0 or 1 for none.
        full_kwh: what a slot takes at full power; 0 without spacing and run: no part of the statement then [kWh].
        n_wishes: parts of energy that are taken as far as it can be had, or while they are worth their price.
        run_slots: slots in a row that it must once run at full power; 0 for none.
    """

    name: str
    from_battery: bool
    spacing_slots: int
    full_kwh: float
    n_wishes: int = 0
    run_slots: int = 0


@dataclass(frozen=True)
class RunShape:
    """The structure of a run, compiled in: name of its column, without `_kwh`, and its slots' energy [kWh]."""

    name: str
    energy_kwh: tuple[float, ...]


@dataclass(frozen=True)
class LoadShapes:
    """The planned loads as the statement knows them."""

    flexible: tuple[FlexibleShape, ...] = ()
    runs: tuple[RunShape, ...] = ()


NO_LOADS = LoadShapes()


@dataclass(frozen=True)
class FlexibleLoad:
    """A load that takes its energy when it likes, within windows.

    With a spacing it is on or off: it runs in blocks of slots in a row, at full power until a block's last slot, and
    blocks start at least the spacing apart. Without one it takes any part of its power.

    Attributes:
        name: of its column, without `_kwh`.
        most_kwh: per slot, 0 outside the windows `(n_slots,)` [kWh].
        windows: 0 or 1, `(n_windows, n_slots)`; each without a gap, one after the other.
        energy_kwh: of each window `(n_windows,)` [kWh].
        from_battery: whether a battery may feed it.
        spacing_slots: least slots between the starts of two blocks; 0 or 1 for none.
        may_start: with a spacing, whether a block may start in each slot `(n_slots,)`; None for anywhere.
        running: with a spacing, whether a block is under way when the horizon begins.
        wishes: energy beyond that of its only window, the most urgent first.
        floor_kwh: least that it must have taken by each slot's end, beside its windows `(n_slots,)` [kWh].
        run_slots: slots in a row that it must once run at full power; 0 for none.
        run_may_start: with such a run, 1 where it may start `(n_slots,)`.
    """

    name: str
    most_kwh: Energy
    windows: Energy
    energy_kwh: Energy
    from_battery: bool = True
    spacing_slots: int = 0
    may_start: Energy | None = None
    running: bool = False
    wishes: tuple[Wish, ...] = ()
    floor_kwh: Energy | None = None
    run_slots: int = 0
    run_may_start: Energy | None = None

    @property
    def shape(self) -> FlexibleShape:
        """The structure that is compiled into the problem."""
        full_kwh = float(self.most_kwh.max()) if self.spacing_slots > 1 or self.run_slots else 0.0
        return FlexibleShape(
            self.name, self.from_battery, self.spacing_slots, full_kwh, len(self.wishes), self.run_slots
        )

    @property
    def run_kwh(self) -> float:
        """Energy of its run [kWh]."""
        return float(self.most_kwh.max()) * self.run_slots

    @property
    def wished_kwh(self) -> float:
        """All that it may take beyond what it must [kWh]."""
        return sum((wish.energy_kwh for wish in self.wishes), start=0.0)

    @property
    def so_far(self) -> tuple[Energy, Energy]:
        """Least and most that it may have taken by each slot's end `(n_slots,)` [kWh].

        By a window's last slot its energy is there; before its first slot nothing of it.
        """
        ended, begun = self.windows_so_far
        least, most = ended @ self.energy_kwh, begun @ self.energy_kwh
        if self.floor_kwh is not None:
            least = np.maximum(least, self.floor_kwh)
        return least, most + begun[:, -1] * self.wished_kwh if self.wishes else most

    @property
    def worths(self) -> Energy:
        """Most that a kWh of each wish may cost `(n_wishes,)` [money/kWh]."""
        return np.array([wish.worth for wish in self.wishes])

    @property
    def parameters(self) -> dict[str, Energy | float]:
        """Its numbers in the statement, by name without its own; those of prices aside."""
        least, most = self.so_far
        parameters: dict[str, Energy | float] = {"most": self.most_kwh, "so_far_least": least, "so_far_most": most}
        if self.wishes:
            parameters |= {
                "wishes_kwh": np.array([wish.energy_kwh for wish in self.wishes]),
                "must": float(self.energy_kwh.sum()),
            }
        if self.spacing_slots > 1:
            may_start = 1.0 if self.may_start is None else self.may_start
            parameters |= {"running": float(self.running), "may_start": may_start}
        if self.run_may_start is not None:
            parameters["run_may_start"] = self.run_may_start
        return parameters

    def forgone(self, taken_kwh: float) -> float:
        """Return what the wishes that it does not get would have been worth, those without a limit aside [money]."""
        left, lost = max(taken_kwh - float(self.energy_kwh.sum()), 0.0), 0.0
        for wish in self.wishes:
            missing = max(wish.energy_kwh - left, 0.0)
            left -= wish.energy_kwh - missing
            lost += missing * wish.worth if math.isfinite(wish.worth) else 0.0
        return lost

    @property
    def windows_so_far(self) -> tuple[Energy, Energy]:
        """1 where by a slot's end a window has ended, and where it has begun; each `(n_slots, n_windows)`."""
        begun = np.maximum.accumulate(self.windows, axis=1)
        to_come = np.maximum.accumulate(self.windows[:, ::-1], axis=1)[:, ::-1]
        ended = np.hstack([1 - to_come[:, 1:], np.ones((len(self.windows), 1))])
        return ended.T, begun.T


@dataclass(frozen=True)
class FixedRun:
    """A run of fixed shape whose start is free.

    Attributes:
        name: of its column, without `_kwh`.
        may_start: 0 or 1, `(n_slots,)`.
        energy_kwh: of each slot of the run `(n_run,)` [kWh].
    """

    name: str
    may_start: Energy
    energy_kwh: Energy

    @property
    def shape(self) -> RunShape:
        """The structure that is compiled into the problem."""
        return RunShape(self.name, tuple(self.energy_kwh.tolist()))


@dataclass(frozen=True)
class PlannedLoads:
    """The movable loads of a horizon."""

    flexible: tuple[FlexibleLoad, ...] = ()
    runs: tuple[FixedRun, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Of all their columns, without `_kwh`."""
        return (*(load.name for load in self.flexible), *(run.name for run in self.runs))

    @property
    def shapes(self) -> LoadShapes:
        """The structure that is compiled into the problem."""
        return LoadShapes(tuple(load.shape for load in self.flexible), tuple(run.shape for run in self.runs))
