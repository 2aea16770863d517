"""Another house behind the same meter: load and PV scaled, and a load added at hours of the day."""

import math
from dataclasses import dataclass

import polars as pl

from env.time_grid import SLOT_HOURS, SLOT_MINUTES, local_clock
from planner.errors import PlannerError

MINUTES_OF_DAY = 24 * 60
_GRID = ("import_kwh", "export_kwh")


@dataclass(frozen=True, kw_only=True)
class AddedLoad:
    """A load that comes every day at the same hours by the wall clock.

    Attributes:
        kw: power while it runs [kW].
        start_minute: minute of the local day that it begins in [min].
        end_minute: minute that it ends before; not after the start means over midnight [min].
    """

    kw: float
    start_minute: int
    end_minute: int

    def __post_init__(self) -> None:
        """Refuse what is no load, or no whole slots.

        Raises:
            PlannerError: it is one of both.
        """
        minutes = (self.start_minute, self.end_minute)
        if not (math.isfinite(self.kw) and self.kw > 0):
            message = f"an added load needs a power above 0 kW, got {self.kw:g}"
            raise PlannerError(message)
        if any(minute % SLOT_MINUTES or not 0 <= minute <= MINUTES_OF_DAY for minute in minutes):
            message = f"an added load begins and ends at whole quarter-hours of the day, got minutes {minutes}"
            raise PlannerError(message)

    def energy_kwh(self) -> pl.Expr:
        """Expression over `local_clock`: the energy that it draws in a slot [kWh]."""
        clock = pl.col("local_clock")
        if self.start_minute < self.end_minute:
            runs = (clock >= self.start_minute) & (clock < self.end_minute)
        else:
            runs = (clock >= self.start_minute) | (clock < self.end_minute)
        return pl.when(runs).then(self.kw * SLOT_HOURS).otherwise(0.0)


@dataclass(frozen=True, kw_only=True)
class HouseChange:
    """Difference of a house from the one that was read.

    Attributes:
        load_scale: factor of the load.
        pv_scale: factor of the PV.
        added: loads that come on top, after the factor.
    """

    load_scale: float = 1.0
    pv_scale: float = 1.0
    added: tuple[AddedLoad, ...] = ()

    def __post_init__(self) -> None:
        """Refuse factors that are none.

        Raises:
            PlannerError: a factor is negative or not finite.
        """
        for name in ("load_scale", "pv_scale"):
            factor: float = getattr(self, name)
            if not (math.isfinite(factor) and factor >= 0):
                message = f"{name} must be a number of at least 0, got {factor:g}"
                raise PlannerError(message)

    @property
    def is_none(self) -> bool:
        """Return whether the house is as it was read."""
        return self == HouseChange()

    def applied(self, slots: pl.DataFrame, timezone: str) -> pl.DataFrame:
        """Return slots with the other house's load and PV, and with the import and export that follow from them.

        The battery's flows stay as they were read, so that the energy balance holds as well as before.

        Args:
            slots: `slot_start, load_kwh, pv_kwh` and perhaps `import_kwh, export_kwh` [kWh], null where not read.
            timezone: IANA zone whose wall clock added loads go by.
        """
        added = sum((load.energy_kwh() for load in self.added), start=pl.lit(0.0))
        timed = slots.with_columns(local_clock(timezone))
        changed = timed.with_columns(
            load_kwh=pl.col("load_kwh") * self.load_scale + added, pv_kwh=pl.col("pv_kwh") * self.pv_scale
        )
        if set(_GRID) <= set(slots.columns):
            more_load = (changed["load_kwh"] - slots["load_kwh"]).fill_null(0.0)
            less_pv = (slots["pv_kwh"] - changed["pv_kwh"]).fill_null(0.0)
            grid = slots["import_kwh"] - slots["export_kwh"].fill_null(0.0) + more_load + less_pv
            metered = slots["export_kwh"].is_not_null()
            exported = pl.select(pl.when(metered).then((-grid).clip(lower_bound=0.0))).to_series()
            changed = changed.with_columns(import_kwh=grid.clip(lower_bound=0.0), export_kwh=exported)
        return changed.select(slots.columns)
