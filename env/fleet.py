"""Many homes' batteries and limits as arrays, so that one call of the inverter moves them all.

The arithmetic is `env.battery`'s and `env.inverter`'s; what stands here only says whose figures go with which home.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from env.battery import Battery, Energy, Storage
from env.errors import ShapeError
from env.site import Connection, Site
from env.types import Index, Mask


@dataclass(frozen=True, kw_only=True)
class Batteries:
    """A battery a home; figures as `Battery`'s, each `(n_homes,)` or shaped to broadcast.

    Attributes:
        kinds: the different batteries.
        which: whose is which `(n_homes,)`; curves and tapers are looked up through it.
        curved: whether the efficiency of any depends on its power.
        tapered: whether the power of any depends on its state of charge.
    """

    kinds: tuple[Battery, ...]
    which: Index
    curved: bool
    tapered: bool
    min_soc_kwh: Energy
    max_soc_kwh: Energy
    charge_kw: Energy
    discharge_kw: Energy
    charge_efficiency: Energy
    discharge_efficiency: Energy
    retention_per_slot: Energy
    charge_wear: Energy
    discharge_wear: Energy

    def most_charge_kw(self, soc_kwh: Energy) -> Energy:
        """Return the most charging power of a slot that begins with so much stored energy [kW]."""
        return self._each("most_charge_kw", soc_kwh) if self.tapered else self.charge_kw

    def most_discharge_kw(self, soc_kwh: Energy) -> Energy:
        """Return the most discharging power of a slot that begins with so much stored energy [kW]."""
        return self._each("most_discharge_kw", soc_kwh) if self.tapered else self.discharge_kw

    def stored_by(self, charge_kwh: Energy) -> Energy:
        """Return the energy that a slot's charge adds to the store [kWh]."""
        return self._each("stored_by", charge_kwh) if self.curved else self.charge_efficiency * charge_kwh

    def charge_storing(self, stored_kwh: Energy) -> Energy:
        """The charge of a slot that adds this much to the store [kWh]."""
        return self._each("charge_storing", stored_kwh) if self.curved else stored_kwh / self.charge_efficiency

    def drawn_by(self, discharge_kwh: Energy) -> Energy:
        """Return the energy that a slot's discharge takes out of the store [kWh]."""
        return self._each("drawn_by", discharge_kwh) if self.curved else discharge_kwh / self.discharge_efficiency

    def discharge_drawing(self, drawn_kwh: Energy) -> Energy:
        """The discharge of a slot that takes this much out of the store [kWh]."""
        return self._each("discharge_drawing", drawn_kwh) if self.curved else drawn_kwh * self.discharge_efficiency

    def _each(self, conversion: str, energy: Energy) -> Energy:
        """Return every battery's own answer, where efficiency or power depend on the energy."""
        converted = np.empty_like(energy)
        for kind, battery in enumerate(self.kinds):
            own = self.which == kind
            converted[own] = getattr(battery, conversion)(energy[own])
        return converted


@dataclass(frozen=True, kw_only=True)
class Connections:
    """Limits of every home `(n_homes,)`; where a home has none it is infinity, where no home has one None."""

    import_kw: Energy | None
    export_kw: Energy | None
    inverter_kw: Energy | None
    curtailable: Mask
    takes_import_limit: Mask


class Fleet:
    """Batteries and limits of some sites, to be dealt out to homes.

    Args:
        sites: the different ones.
    """

    def __init__(self, sites: Sequence[Site]) -> None:
        self.sites: tuple[Site, ...] = tuple(sites)
        self._figures = {name: self._column(name) for name in _FIGURES}
        self._limits = {name: self._limit(name) for name in ("import_kw", "export_kw", "inverter_kw")}
        self._kinds = tuple(site.battery for site in self.sites)
        self._curved = any(battery.charge_curve or battery.discharge_curve for battery in self._kinds)
        self._tapered = any(battery.charge_taper or battery.discharge_taper for battery in self._kinds)
        self._switches = tuple(
            np.array([getattr(site.limits, name) for site in self.sites], dtype=np.bool_)
            for name in ("curtailable", "takes_import_limit")
        )

    def of(self, which: Index, *, axes: int = 1, rows: int = 1) -> tuple[Storage, Connection]:
        """Return batteries and limits of homes.

        Args:
            which: index of each home's site `(n_homes,)`.
            axes: of the arrays that it shall go with; the homes are the first.
            rows: length of the second of these axes, which figures are repeated along; 1 leaves it to broadcasting,
                which takes longer where the first two lie side by side in memory.

        Returns:
            One battery and its limits where all homes are alike by having only one site, else a figure a home.
        """
        if len(self.sites) == 1:
            return self.sites[0].battery, self.sites[0].limits
        shape = (-1, *(1,) * (axes - 1)) if rows == 1 else (-1, rows, *(1,) * (axes - 2))
        own = np.repeat(which, rows)
        figures = {name: column[own].reshape(shape) for name, column in self._figures.items()}
        limits = {name: None if column is None else column[own].reshape(shape) for name, column in self._limits.items()}
        curtailable, takes_import_limit = (column[own].reshape(shape) for column in self._switches)
        batteries = Batteries(kinds=self._kinds, which=which, curved=self._curved, tapered=self._tapered, **figures)
        return batteries, Connections(**limits, curtailable=curtailable, takes_import_limit=takes_import_limit)

    def _column(self, name: str) -> Energy:
        found: list[float] = [getattr(site.battery, name) for site in self.sites]
        return np.array(found, dtype=np.float64)

    def _limit(self, name: str) -> Energy | None:
        found = [getattr(site.limits, name) for site in self.sites]
        if all(limit is None for limit in found):
            return None
        return np.array([np.inf if limit is None else limit for limit in found], dtype=np.float64)


@dataclass(frozen=True)
class SiteRows:
    """The homes of the rows of some arrays, where they differ in their figures.

    They have the same limits, of whatever size, and batteries without curves, tapers and care, which keep energy for
    ever or none does: `rows_form` is the same.

    Attributes:
        kinds: the different homes.
        which: index of each row's home `(n_rows,)`.
    """

    kinds: tuple[Site, ...]
    which: Index

    def part(self, rows: slice) -> "SiteRows":
        """Return the homes of some of the rows."""
        return SiteRows(self.kinds, self.which[rows])

    def of_kinds(self, change: Callable[[Site], Site]) -> "SiteRows":
        """Return the rows with every home changed."""
        return SiteRows(tuple(change(kind) for kind in self.kinds), self.which)


Homes: TypeAlias = Site | SiteRows
"""The home of all rows of some arrays, or the homes of each of them."""


def along(homes: Homes, axes: int, *, rows: int = 1) -> tuple[Storage, Connection]:
    """Return batteries and limits to go with arrays, whose first axis is of the homes: as `Fleet.of`."""
    if isinstance(homes, Site):
        return homes.battery, homes.limits
    return Fleet(homes.kinds).of(homes.which, axes=axes, rows=rows)


def by_row(homes: Homes, figures: Callable[[Site], Energy]) -> Energy:
    """Return figures that follow from a home: of one home as they are, of several `(n_rows, …)`."""
    if isinstance(homes, Site):
        return figures(homes)
    return np.stack([figures(kind) for kind in homes.kinds])[homes.which]


def one_site(homes: Homes) -> Site:
    """Return the home of all rows.

    Raises:
        ShapeError: they differ.
    """
    if isinstance(homes, Site):
        return homes
    message = f"this is for one home at a time, and here are {len(homes.kinds)} that differ"
    raise ShapeError(message)


def part_of(homes: Homes, rows: slice) -> Homes:
    """Return the homes of some of the rows."""
    return homes if isinstance(homes, Site) else homes.part(rows)


def rows_form(site: Site) -> tuple[object, ...]:
    """Return what homes have in common that may be the rows of arrays."""
    battery, limits = site.battery, site.limits
    figures = (battery.charge_curve, battery.discharge_curve, battery.charge_taper, battery.discharge_taper)
    alone = site.battery if any(figures) or site.care.wanted or battery.max_soc_kwh <= battery.min_soc_kwh else None
    existing = tuple(limit is None for limit in (limits.import_kw, limits.export_kw, limits.inverter_kw))
    switches = (limits.curtailable, limits.takes_import_limit, battery.retention_per_hour < 1)
    return alone, site.care, limits if alone else None, existing, switches


_FIGURES = (
    "min_soc_kwh",
    "max_soc_kwh",
    "charge_kw",
    "discharge_kw",
    "charge_efficiency",
    "discharge_efficiency",
    "retention_per_slot",
    "charge_wear",
    "discharge_wear",
)
