"""The home of arXiv 2307.07580: its readings, its battery, its tariff, and the bill of an hourly import.

Hours, days and months are those of UTC, as in the published table. Money is NOK. Without the measured readings a seeded
home takes the place of the published one. What does not belong here: any policy.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.homes import seeded
from benchmarks.homes.measured import SHARED, present
from env.battery import Battery
from env.power_tariff import PowerTariff, Tier, power_costs

Hours: TypeAlias = NDArray[np.float64]

READINGS = SHARED / "homes" / "trondheim_home_hourly_2020_2022.parquet"
CLOCK = "UTC"
START_KWH = 20.0
GRID_KW = 20.0
BATTERY = Battery(
    capacity_kwh=40.0,
    min_soc_kwh=0.0,
    max_soc_kwh=40.0,
    charge_kw=20.0,
    discharge_kw=20.0,
    charge_efficiency=0.95,
    discharge_efficiency=0.95,
    retention_per_hour=0.99998,
)
TARIFF = PowerTariff(
    tiers=tuple(Tier(up_to_kw=kw, cost=cost) for kw, cost in ((2, 83), (5, 147), (10, 252), (15, 371), (20, 490)))
)


@dataclass(frozen=True)
class Home:
    """Hours of the home, from its first on.

    Attributes:
        slot_start: starts of the hours (UTC), whole days.
        load_kwh: load of the house `(n_hours,)` [kWh].
        spot: spot price `(n_hours,)` [NOK/kWh].
        grid_fee: grid tariff by time of use `(n_hours,)` [NOK/kWh].
    """

    slot_start: pl.Series
    load_kwh: Hours
    spot: Hours
    grid_fee: Hours

    @cached_property
    def price(self) -> Hours:
        """Price of an imported kWh [NOK/kWh]."""
        return self.spot + self.grid_fee

    @cached_property
    def month(self) -> NDArray[np.int64]:
        """Months since the year 0, of each hour."""
        return (self.slot_start.dt.year().cast(pl.Int64) * 12 + self.slot_start.dt.month()).to_numpy()

    def year(self, year: int) -> slice:
        """Return the hours of a year."""
        inside = np.flatnonzero((self.slot_start.dt.year() == year).to_numpy())
        return slice(int(inside[0]), int(inside[-1]) + 1)


def read_home(path: Path = READINGS) -> Home:
    """Read the measured home.

    Raises:
        DataMissingError: the measured data is not there.
    """
    hours = pl.read_parquet(present(path)).sort("utc_start")
    columns = ("load_kwh", "price_nok_per_kwh", "tou_grid_nok_per_kwh")
    load, spot, fee = (hours[name].cast(pl.Float64).to_numpy() for name in columns)
    return Home(hours["utc_start"].alias("slot_start"), load, spot, fee)


def seeded_home() -> Home:
    """Return the seeded home without panels, by the hour of 2020 to 2022, with a grid tariff dearer by day."""
    slots = seeded.seeded_readings("seeded_heat_pump").join(seeded.seeded_prices("SE3"), on="slot_start")
    hours = (
        slots.group_by(pl.col("slot_start").dt.truncate("1h"))
        .agg(pl.col("load_kwh").sum(), pl.col("price").mean())
        .filter(pl.col("slot_start").dt.year().is_between(2020, 2022))
        .sort("slot_start")
    )
    by_day = hours["slot_start"].dt.hour().is_between(6, 21).to_numpy()
    load, spot = hours["load_kwh"].to_numpy(), hours["price"].to_numpy()
    return Home(hours["slot_start"], np.minimum(load, GRID_KW), spot, np.where(by_day, 0.40, 0.32))


@dataclass(frozen=True)
class Cost:
    """Cost of some months [NOK].

    Attributes:
        tou: grid tariff by time of use.
        spot: spot price.
        peak: power charge.
    """

    tou: float
    spot: float
    peak: float

    @property
    def total(self) -> float:
        """Sum of the parts."""
        return self.tou + self.spot + self.peak


def cost(home: Home, hours: slice, import_kwh: Hours) -> Cost:
    """Return the cost of an hourly import, `import_kwh` one value for each of the hours [kWh]."""
    imports = pl.DataFrame({"slot_start": home.slot_start[hours], "import_kwh": import_kwh})
    return Cost(
        tou=float(home.grid_fee[hours] @ import_kwh),
        spot=float(home.spot[hours] @ import_kwh),
        peak=float(power_costs(imports, TARIFF, CLOCK)["cost"].sum()),
    )


def stored_after(stored_kwh: float, charge_kwh: float, discharge_kwh: float) -> float:
    """Return the stored energy an hour later [kWh]; flows on the alternating-current side."""
    kept = BATTERY.retention_per_hour * stored_kwh
    return kept + BATTERY.charge_efficiency * charge_kwh - discharge_kwh / BATTERY.discharge_efficiency
