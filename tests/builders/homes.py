"""Homes and days to test with: the default home, and Hypothesis strategies for odd ones.

Numbers are drawn by a seeded generator inside a drawn seed: quick for whole days, and the seed is printed on failure.
"""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl
from hypothesis import strategies as st

from env.battery import Battery
from env.inverter import Energy
from env.simulator import World
from env.site import Limits, Site
from env.tariff import Tariff, TariffVersion
from env.time_grid import grid

STOCKHOLM = "Europe/Stockholm"

# What `darkstar init --yes` writes (DESIGN, "The money").
DEFAULT_BATTERY = Battery.from_percent(
    capacity_kwh=34.2,
    min_soc_percent=12,
    max_soc_percent=100,
    charge_kw=8,
    discharge_kw=8,
    round_trip_efficiency=0.95,
    wear_cost=0.20,
)
DEFAULT_TARIFF = Tariff(
    (TariffVersion(valid_from=date(2000, 1, 1), vat=0.25, transfer_fee=0.2456, energy_tax=0.439),),
)

NO_LIMITS = Limits()

# Eight usable kWh, one kWh a slot either way, losses that are easy on paper.
PAPER_BATTERY = Battery(
    capacity_kwh=10,
    min_soc_kwh=1,
    max_soc_kwh=9,
    charge_kw=4,
    discharge_kw=4,
    charge_efficiency=0.9,
    discharge_efficiency=0.8,
    wear_cost=0.1,
)


def home(battery: Battery = DEFAULT_BATTERY, limits: Limits = NO_LIMITS, *, timezone: str = STOCKHOLM) -> Site:
    """A home with the default tariff."""
    return Site(name="home", timezone=timezone, currency="SEK", battery=battery, tariff=DEFAULT_TARIFF, limits=limits)


@dataclass(frozen=True)
class Horizon:
    """Slots of one home that need no calendar; arrays `(n_slots,)`."""

    load_kwh: Energy
    pv_kwh: Energy
    import_price: Energy
    export_price: Energy

    @property
    def n_slots(self) -> int:
        return len(self.load_kwh)

    def frame(self) -> pl.DataFrame:
        return pl.DataFrame(vars(self))

    def world(self, n_homes: int = 1) -> World:
        return World(*(np.tile(values, (n_homes, 1)) for values in vars(self).values()))


def batteries() -> st.SearchStrategy[Battery]:
    """Small and large, slow and fast, lossless and leaky, some without power or room."""
    efficiency = st.sampled_from([1.0, 0.975, 0.8])
    return st.builds(
        _battery,
        capacity=st.sampled_from([0.5, 2.0, 10.0, 40.0]),
        low=st.sampled_from([0.0, 0.12, 0.3]),
        high=st.sampled_from([0.3, 0.9, 1.0]),
        charge_kw=st.sampled_from([0.0, 3.0, 8.0]),
        discharge_kw=st.sampled_from([0.0, 3.0, 8.0]),
        charge_efficiency=efficiency,
        discharge_efficiency=efficiency,
        wear_cost=st.sampled_from([0.0, 0.05, 0.2, 1.0]),
        charge_taper=st.sampled_from([(), (), ((70.0, 5.0), (85.0, 4.0), (100.0, 0.5))]),
        discharge_taper=st.sampled_from([(), (), ((0.0, 0.5), (35.0, 4.0))]),
    )


def _battery(*, capacity: float, low: float, high: float, **rest: Any) -> Battery:
    return Battery(capacity_kwh=capacity, min_soc_kwh=low * capacity, max_soc_kwh=high * capacity, **rest)


def site_limits() -> st.SearchStrategy[Limits]:
    """All combinations of fuse, export limit or ban, inverter limit and curtailment."""
    return st.builds(
        Limits,
        import_kw=st.sampled_from([None, 5.0, 16.0]),
        export_kw=st.sampled_from([None, 0.0, 2.0]),
        inverter_kw=st.sampled_from([None, 3.0, 6.0]),
        curtailable=st.booleans(),
    )


def sites() -> st.SearchStrategy[Site]:
    return st.builds(home, batteries(), site_limits())


PRICE_KINDS = ("ordinary", "flat", "spiky", "mild_negative", "negative", "below_export", "wild")


@st.composite
def horizons(draw: st.DrawFn, *, most_slots: int = 12, kinds: tuple[str, ...] = PRICE_KINDS) -> Horizon:
    """A few slots of load, PV and prices."""
    n_slots = draw(st.integers(1, most_slots))
    kind = draw(st.sampled_from(kinds))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    load = rng.uniform(0, draw(st.sampled_from([0.5, 3.0])), n_slots) * (rng.random(n_slots) < 0.8)
    pv = rng.uniform(0, 3.0, n_slots) * (rng.random(n_slots) < 0.5)
    return Horizon(load, pv, *prices(kind, n_slots, rng))


def prices(kind: str, n_slots: int, rng: np.random.Generator) -> tuple[Energy, Energy]:
    """Import and export prices of a kind; the spot market's kinds follow the default tariff."""
    if kind == "wild":
        return rng.uniform(-3, 3, n_slots), rng.uniform(-3, 3, n_slots)
    if kind == "below_export":
        spot = rng.uniform(0, 2, n_slots)
        return spot, spot + rng.uniform(0, 1, n_slots)
    spot = {
        "ordinary": rng.uniform(0, 2, n_slots),
        "flat": np.full(n_slots, 0.5),
        "spiky": np.where(rng.random(n_slots) < 0.2, 9.0, 0.1),
        "mild_negative": rng.uniform(-0.6, 0.6, n_slots),  # exporting costs at times, importing never pays
        "negative": rng.uniform(-2, 0.2, n_slots),
    }[kind]
    return (spot + 0.6846) * 1.25, spot


def start_soc(site: Site, share: float) -> float:
    """A stored energy inside the usable range [kWh]."""
    battery = site.battery
    return battery.min_soc_kwh + share * (battery.max_soc_kwh - battery.min_soc_kwh)


def days_of_slots(first: date, last: date, *, seed: int, timezone: str = STOCKHOLM) -> pl.DataFrame:
    """Whole local days as `replay_days` takes them: daily shapes with noise, negative hours included."""
    slots = grid(first, last, timezone)
    rng = np.random.default_rng(seed)
    n_slots = slots.height
    hour = slots["slot_start"].dt.hour().to_numpy() + slots["slot_start"].dt.minute().to_numpy() / 60
    spot = 0.4 + 0.5 * np.sin((hour - 4) / 24 * 4 * np.pi) + rng.normal(0, 0.1, n_slots)
    load = 0.2 + 0.3 * rng.gamma(2.0, 0.5, n_slots) * (1 + (hour > 16))
    pv = np.maximum(np.sin((hour - 5) / 14 * np.pi), 0) * rng.uniform(0.2, 1.5, n_slots) * (hour > 5) * (hour < 19)
    return slots.with_columns(
        import_price=pl.Series((spot + 0.6846) * 1.25),
        export_price=pl.Series(spot),
        load_kwh=pl.Series(load),
        pv_kwh=pl.Series(pv),
    )


def without_limits(site: Site) -> Site:
    return replace(site, limits=Limits())
