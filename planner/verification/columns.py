"""A schedule as the rules read it: arrays by name, episodes, and the batteries with their columns."""

import re
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from env.battery import Battery
from env.site import Site
from planner.errors import IncompleteDayError, ScheduleColumnsError
from planner.verification.findings import Flags, Values

COMMAND = ("charge_kw", "discharge_kw", "export_kw")
IMPORT_LIMIT = "import_limit_kw"
"""Optional: commanded limit of the import, null for none; only where the inverter takes one."""
GRID_AND_HOUSE = (
    "import_price",
    "export_price",
    "load_kwh",
    "pv_kwh",
    "import_kwh",
    "export_kwh",
    "curtailed_kwh",
    "cost",
)
OF_A_BATTERY = ("charge_kwh", "discharge_kwh", "soc_start_kwh", "soc_end_kwh")
_PLANNED = re.compile(r"water_kwh|ev_kwh|appliance_.+_kwh")
_FURTHER = re.compile(r"battery_(\d+)_(?:" + "|".join(OF_A_BATTERY) + ")")


@dataclass(frozen=True)
class Store:
    """One battery and its columns in the schedule.

    Attributes:
        label: how messages name it.
        battery: its description.
        charge: into it, alternating-current side `(n_slots,)` [kWh].
        discharge: out of it, alternating-current side `(n_slots,)` [kWh].
        start: stored at the slots' starts `(n_slots,)` [kWh].
        end: stored at the slots' ends `(n_slots,)` [kWh].
    """

    label: str
    battery: Battery
    charge: Values
    discharge: Values
    start: Values
    end: Values


@dataclass(frozen=True)
class Schedule:
    """The schedule under examination.

    Attributes:
        site: the home it is for.
        values: every numeric column by name, `(n_slots,)`; null and infinite are NaN, so that no rule but `not_finite`
            speaks of them.
        stores: the batteries, the main one first.
        planned: load of planned devices `(n_slots,)` [kWh].
        starts: starts of the slots [us since 1970, UTC]; None where the schedule has no clock.
        days: local days as day numbers since 1970; None where the schedule has no `local_day`.
        homes: number of each slot's home, where they are of several one after the other; None for one.
        import_limit: commanded limit of the import, infinity for none `(n_slots,)` [kW]; None without that column.
        first: whether an episode begins in the slot `(n_slots,)`.
        tolerance_kwh: what energies may differ by.
        tolerance_money: what amounts of money may differ by.
    """

    site: Site
    values: dict[str, Values]
    stores: tuple[Store, ...]
    planned: Values
    starts: NDArray[np.int64] | None
    days: NDArray[np.int64] | None
    homes: NDArray[np.int64] | None
    import_limit: Values | None
    first: Flags
    tolerance_kwh: float
    tolerance_money: float

    @property
    def n_slots(self) -> int:
        """Slots of the schedule."""
        return len(self.first)

    def __getitem__(self, name: str) -> Values:
        """A numeric column."""
        return self.values[name]

    @property
    def other_home(self) -> Flags:
        """Slots of another home than the one before them `(n_slots,)`."""
        return _first_of_episodes(self.n_slots, self.homes)

    @property
    def main(self) -> Store:
        """The battery that commands speak to."""
        return self.stores[0]

    @property
    def episode(self) -> NDArray[np.int64]:
        """Index of the episode that each slot belongs to, from 0 `(n_slots,)`."""
        return np.cumsum(self.first) - 1

    @property
    def begins(self) -> NDArray[np.int64]:
        """Index of the first slot of each episode `(n_episodes,)`."""
        return np.flatnonzero(self.first)


def read_schedule(
    slots: pl.DataFrame, site: Site, *, tolerance_kwh: float, tolerance_money: float, daily: bool, commands: bool
) -> Schedule:
    """Take a schedule apart.

    Args:
        slots: one row a slot.
        site: the home.
        tolerance_kwh: what energies may differ by [kWh].
        tolerance_money: what amounts may differ by [money].
        daily: whether an episode begins with every `local_day`.
        commands: whether the columns of the command must be there.

    Raises:
        ScheduleColumnsError: columns are missing, or are of no battery of this site.
        IncompleteDayError: there is no slot.
    """
    if slots.is_empty():
        message = "there is no slot in the schedule; a schedule of nothing is none"
        raise IncompleteDayError(message)
    batteries = _batteries(site)
    _check_columns(slots, n_batteries=len(batteries), commands=commands)
    names = [name for name in slots.columns if _is_read(name)]
    values = finite_or_nan(slots, names)
    stores = tuple(_store(number, battery, values) for number, battery in enumerate(batteries, start=1))
    planned = [values[name] for name in names if _PLANNED.fullmatch(name)]
    days = _day_numbers(slots) if "local_day" in slots.columns else None
    homes = slots["site"].rle_id().cast(pl.Int64).to_numpy() if "site" in slots.columns else None
    return Schedule(
        site=site,
        values=values,
        stores=stores,
        planned=np.sum(planned, axis=0) if planned else np.zeros(slots.height),
        starts=_instants(slots["slot_start"]) if "slot_start" in slots.columns else None,
        days=days,
        homes=homes,
        import_limit=_import_limit(slots),
        first=_first_of_episodes(slots.height, days if daily else None, homes),
        tolerance_kwh=tolerance_kwh,
        tolerance_money=tolerance_money,
    )


def slot_start(slots: pl.DataFrame, index: int) -> datetime | None:
    """Return the start of a slot; None where the schedule has no clock, or not there."""
    return slots["slot_start"][index] if "slot_start" in slots.columns else None


def finite_or_nan(slots: pl.DataFrame, names: list[str]) -> dict[str, Values]:
    """Columns as numbers; what is null, endless or no number is NaN."""
    table = slots.select(pl.col(names).cast(pl.Float64, strict=False).fill_null(np.nan)).to_numpy().T
    finite = np.where(np.isfinite(table), table, np.nan)
    return dict(zip(names, finite, strict=True))


def _import_limit(slots: pl.DataFrame) -> Values | None:
    """Return the commanded import limits; null is none, what is no number stays NaN and is found."""
    if IMPORT_LIMIT not in slots.columns:
        return None
    return slots[IMPORT_LIMIT].cast(pl.Float64, strict=False).fill_null(np.inf).to_numpy()


def _batteries(site: Site) -> tuple[Battery, ...]:
    """The batteries of a site, the main one first."""
    return (site.battery, *site.extra_batteries)


def _prefix(number: int) -> str:
    return "" if number == 1 else f"battery_{number}_"


def _store(number: int, battery: Battery, values: dict[str, Values]) -> Store:
    charge, discharge, start, end = (values[_prefix(number) + name] for name in OF_A_BATTERY)
    label = "the battery" if number == 1 else f"battery {number}"
    return Store(label, battery, charge, discharge, start, end)


def _is_read(name: str) -> bool:
    known = (*GRID_AND_HOUSE, *OF_A_BATTERY, *COMMAND, "price")
    return name in known or bool(_PLANNED.fullmatch(name)) or bool(_FURTHER.fullmatch(name))


def _check_columns(slots: pl.DataFrame, *, n_batteries: int, commands: bool) -> None:
    """Refuse what cannot be examined, rather than examine part of it.

    Raises:
        ScheduleColumnsError: names the columns.
    """
    of_batteries = [_prefix(number) + name for number in range(1, n_batteries + 1) for name in OF_A_BATTERY]
    needed = [*GRID_AND_HOUSE, *of_batteries, *(COMMAND if commands else ())]
    if missing := [name for name in needed if name not in slots.columns]:
        message = f"the schedule lacks the columns {', '.join(missing)}"
        raise ScheduleColumnsError(message)
    found = [match for name in slots.columns if (match := _FURTHER.fullmatch(name))]
    if strange := sorted({match.string for match in found if not 1 < int(match[1]) <= n_batteries}):
        message = f"the site has {n_batteries} of the batteries, so there is none for {', '.join(strange)}"
        raise ScheduleColumnsError(message)
    if "slot_start" in slots.columns and not isinstance(slots.schema["slot_start"], pl.Datetime):
        message = f"slot_start must hold instants, got {slots.schema['slot_start']}"
        raise ScheduleColumnsError(message)


def _instants(column: pl.Series) -> NDArray[np.int64]:
    """Microseconds since 1970; a missing instant is the least number there is."""
    return column.dt.epoch("us").fill_null(np.iinfo(np.int64).min).to_numpy()


def _day_numbers(slots: pl.DataFrame) -> NDArray[np.int64]:
    """Local days as numbers; a missing day is -1 and thereby a day of its own."""
    return slots["local_day"].cast(pl.Date).to_physical().cast(pl.Int64).fill_null(-1).to_numpy()


def _first_of_episodes(n_slots: int, *numbers: NDArray[np.int64] | None) -> Flags:
    """Return whether any of some numbers is another than in the slot before."""
    first = np.zeros(n_slots, dtype=np.bool_)
    first[0] = True
    for number in numbers:
        if number is not None:
            first[1:] |= number[1:] != number[:-1]
    return first
