"""Targets of stored energy in every slot: not below a floor, at its end at least what is wanted, not long above.

The floor bounds commands: above it the battery is used, below it not (`kept_above`), so that every inverter keeps it.
What is wanted may be out of reach, after an outage or at a plan's start, and is therefore no constraint but a price per
kWh and slot that is missing. The price is twice the dearest kWh: charging later never pays, while a demand charge of
many times that may delay the way back. Above the ceiling a kWh costs a share of the mean price in every hour: energy
may be there where it earns more than that, which is shortly before its use.

No money that is reported contains these prices.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from env.battery import Battery
from env.care import Care, ReserveRule
from env.inverter import Command, Decision, LimitedCommand, apart
from env.site import Site
from env.time_grid import SLOT_HOURS, local_clock, local_day
from env.types import Energy
from planner.currencies import worth

SHORTFALL_TIMES = 2.0
"""Price of a missing kWh in a slot, as a multiple of the dearest kWh with its wear."""
LEAST_PRICE = 1.0
"""Price of energy where all prices are lower, which is what a missing kWh costs then at least [SEK/kWh]."""
RESTING_SHARE = 0.02
"""Price of a kWh above the resting ceiling for an hour, as a share of the mean import price."""
FULL_TOLERANCE = 0.005
"""Share of the capacity that a full battery may lack: readings round."""
_ROUNDING_KWH = 1e-9


@dataclass(frozen=True, kw_only=True, eq=False)
class SocTargets:
    """The targets of stored energy, of any number of homes or days.

    Attributes:
        floor_kwh: stored energy that is not used in a slot `(n_homes, n_slots)` [kWh].
        wanted_kwh: stored energy wanted at a slot's end, at least the floor `(n_homes, n_slots)` [kWh].
        ceiling_kwh: stored energy above which it should not rest; infinity for none [kWh].
        shortfall_price: of a missing kWh in a slot `(n_homes,)` [money/kWh].
        resting_price: of a kWh above the ceiling in a slot `(n_homes,)` [money/kWh].
    """

    floor_kwh: Energy
    wanted_kwh: Energy
    ceiling_kwh: float
    shortfall_price: Energy
    resting_price: Energy

    def penalty(self, slot: int, soc_kwh: Energy) -> Energy:
        """Return the price of what a slot ends with, `(n_homes, ...)` as the stored energy [money]."""
        missing = np.maximum(_along(self.wanted_kwh[:, slot], soc_kwh) - soc_kwh, 0.0)
        resting = np.maximum(soc_kwh - self.ceiling_kwh, 0.0)
        return _along(self.shortfall_price, soc_kwh) * missing + _along(self.resting_price, soc_kwh) * resting

    def total_penalty(self, soc_end_kwh: Energy) -> float:
        """Return the price of the slots of one home, which end with that much stored energy `(n_slots,)` [money]."""
        return sum((float(self.penalty(slot, soc[None])[0]) for slot, soc in enumerate(soc_end_kwh)), start=0.0)

    def penalty_on(self, grid_kwh: Energy, slot: int, homes: slice) -> Energy:
        """Return the price of ending a slot at each point of a grid, of some homes `(n_homes, n_soc)` [money].

        What is wanted counts at the grid point below it: between two points the value function is linear, so that a
        target there would be felt above it. Where a command is chosen, it counts in full.
        """
        part = self.homes(homes)
        low = np.searchsorted(grid_kwh, part.wanted_kwh[:, slot] + _ROUNDING_KWH, side="right") - 1
        wanted = grid_kwh[np.maximum(low, 0)]
        soc = np.broadcast_to(grid_kwh, (len(wanted), len(grid_kwh)))
        return part.replaced(wanted_kwh=wanted[:, None]).penalty(0, soc)

    @property
    def tables(self) -> tuple[Energy, ...]:
        """Return all that the prices follow from."""
        return (
            self.floor_kwh,
            self.wanted_kwh,
            np.array([self.ceiling_kwh]),
            self.shortfall_price,
            self.resting_price,
        )

    def replaced(self, *, floor_kwh: Energy | None = None, wanted_kwh: Energy | None = None) -> "SocTargets":
        """Return the targets with another floor or other wishes."""
        return SocTargets(
            floor_kwh=self.floor_kwh if floor_kwh is None else floor_kwh,
            wanted_kwh=self.wanted_kwh if wanted_kwh is None else wanted_kwh,
            ceiling_kwh=self.ceiling_kwh,
            shortfall_price=self.shortfall_price,
            resting_price=self.resting_price,
        )

    def slots(self, first: int, end: int | None = None) -> "SocTargets":
        """Return the targets of slots `first` to `end`."""
        return self.replaced(floor_kwh=self.floor_kwh[:, first:end], wanted_kwh=self.wanted_kwh[:, first:end])

    def homes(self, part: slice) -> "SocTargets":
        """Return the targets of some of the homes."""
        return SocTargets(
            floor_kwh=self.floor_kwh[part],
            wanted_kwh=self.wanted_kwh[part],
            ceiling_kwh=self.ceiling_kwh,
            shortfall_price=self.shortfall_price[part],
            resting_price=self.resting_price[part],
        )

    def repeated(self, times: int) -> "SocTargets":
        """Return the targets of every home so many times, one after the other."""
        return SocTargets(
            floor_kwh=np.repeat(self.floor_kwh, times, axis=0),
            wanted_kwh=np.repeat(self.wanted_kwh, times, axis=0),
            ceiling_kwh=self.ceiling_kwh,
            shortfall_price=np.repeat(self.shortfall_price, times),
            resting_price=np.repeat(self.resting_price, times),
        )

    def full_at(self, slot: int, full_kwh: float) -> "SocTargets":
        """Return the targets of one home with a full battery wanted at a slot's end."""
        wanted = self.wanted_kwh.copy()
        wanted[:, slot] = full_kwh
        return self.replaced(wanted_kwh=wanted)

    def kept_above(self, decision: Decision, slot: int, soc_kwh: Energy, battery: Battery) -> Decision:
        """Return a decision that leaves the floor in the store, of `(n_homes, ...)` commands [kW]."""
        command, limit_kw = apart(decision)
        kept = leaving(command, soc_kwh, _along(self.floor_kwh[:, slot], soc_kwh), battery)
        return kept if limit_kw is None else LimitedCommand(kept, limit_kw)


def is_full(battery: Battery, soc_kwh: float) -> bool:
    """Return whether so much stored energy counts as a full charge."""
    return 100 * soc_kwh >= full_percent(battery) * battery.capacity_kwh


def full_percent(battery: Battery) -> float:
    """Return the state of charge from which on a battery counts as full [%]."""
    return 100 * (battery.max_soc_kwh / battery.capacity_kwh - FULL_TOLERANCE)


def leaving(command: Command, soc_kwh: Energy, floor_kwh: Energy, battery: Battery) -> Command:
    """Return a command that leaves a floor in the store, all of shapes that go together [kW, kWh].

    Above the fuse or a commanded import limit the battery helps the house all the same.
    """
    room = np.maximum(battery.retention_per_slot * soc_kwh - floor_kwh, 0.0)
    most_kw = battery.discharge_drawing(room) / SLOT_HOURS
    return Command(command.charge_kw, np.minimum(command.discharge_kw, most_kw), command.export_kw)


def _along(by_home: Energy, like: Energy) -> Energy:
    """Return values by home, shaped to go with an array `(n_homes, ...)`."""
    return by_home.reshape(-1, *(1,) * (np.ndim(like) - 1))


def least_price(currency: str) -> float:
    """Return `LEAST_PRICE` in a currency; as it is in one whose worth is not known [money/kWh].

    >>> least_price("SEK"), least_price("EUR")
    (1.0, 0.091)
    """
    known = worth(LEAST_PRICE, currency)
    return LEAST_PRICE if known is None else known


def soc_targets(
    site: Site, floor_kwh: Energy, import_price: Energy, export_price: Energy, *, wanted_kwh: Energy | None = None
) -> SocTargets:
    """Return the targets of a site whose floors are known.

    Args:
        site: battery and care.
        floor_kwh: as `SocTargets.floor_kwh`.
        import_price: of the slots `(n_homes, n_slots)` [money/kWh].
        export_price: of the slots `(n_homes, n_slots)` [money/kWh].
        wanted_kwh: wanted at the slots' ends beside the floor `(n_homes, n_slots)` [kWh].
    """
    battery, resting = site.battery, site.care.resting_soc_percent
    dearest = np.maximum(np.abs(import_price), np.abs(export_price)).max(axis=1)
    moved = np.maximum(dearest, least_price(site.currency)) + battery.charge_wear + battery.discharge_wear
    ceiling = np.inf if resting is None else battery.stored_kwh(resting)
    mean = np.abs(import_price).mean(axis=1)
    return SocTargets(
        floor_kwh=floor_kwh,
        wanted_kwh=floor_kwh if wanted_kwh is None else np.maximum(floor_kwh, wanted_kwh),
        ceiling_kwh=ceiling,
        shortfall_price=SHORTFALL_TIMES * moved / battery.charge_efficiency,
        resting_price=RESTING_SHARE * SLOT_HOURS * mean if resting is not None else np.zeros(len(import_price)),
    )


def scheduled_targets(
    site: Site, slot_starts: pl.Series, import_price: Energy, export_price: Energy
) -> SocTargets | None:
    """Return the targets that follow from the calendar; None for a site without care.

    Args:
        site: battery, care and time zone.
        slot_starts: of all homes or days, one after the other (UTC).
        import_price: of the slots `(n_homes, n_slots)` [money/kWh].
        export_price: of the slots `(n_homes, n_slots)` [money/kWh].
    """
    if not site.care.wanted:
        return None
    floor = reserve_kwh(site.care, slot_starts, site).reshape(import_price.shape)
    return soc_targets(site, floor, import_price, export_price)


def no_targets(site: Site, n_slots: int) -> SocTargets | None:
    """Return targets that ask for nothing, of one home, to be set later; None for a site without care."""
    if not site.care.wanted:
        return None
    nothing = np.zeros((1, n_slots))
    return soc_targets(site, nothing + site.battery.min_soc_kwh, nothing, nothing)


def reserve_kwh(care: Care, slot_starts: pl.Series, site: Site) -> Energy:
    """Return the stored energy that is kept for outages in each slot, the minimum included `(n_slots,)` [kWh]."""
    battery = site.battery
    percent = reserve_percent(care.reserve, slot_starts, site.timezone)
    return np.minimum(battery.min_soc_kwh + battery.capacity_kwh * percent / 100, battery.max_soc_kwh)


def reserve_percent(rules: tuple[ReserveRule, ...], slot_starts: pl.Series, timezone: str) -> Energy:
    """Return the highest share of the rules that hold in each slot `(n_slots,)` [%]."""
    if not rules or slot_starts.is_empty():
        return np.zeros(len(slot_starts))
    slots = pl.DataFrame({"slot_start": slot_starts}).with_columns(local_day(timezone), local_clock(timezone))
    years = slots["local_day"].dt.year().unique().sort().to_list()
    shares = [pl.when(rule.window.applies(years)).then(rule.percent).otherwise(0.0) for rule in rules]
    return slots.select(percent=pl.max_horizontal(shares).cast(pl.Float64))["percent"].to_numpy()
