"""Rules on money: each slot costs what its flows cost, at the prices the tariff gives."""

from collections.abc import Callable, Iterator

import holidays
import numpy as np
import polars as pl

from env.tariff import TariffVersion, TimeOfUse
from env.time_grid import SLOT_MINUTES
from planner.verification.columns import Schedule
from planner.verification.findings import Finding, Flags, Values
from planner.verification.store_physics import wear

_PRICES = ("import_price", "export_price")
_SLOTS_PER_HOUR = 60 // SLOT_MINUTES
_MICROSECONDS_PER_HOUR = 3_600_000_000


def slot_costs(schedule: Schedule) -> Values:
    """Return the cost of each slot: import less export, plus the wear of every battery `(n_slots,)` [money]."""
    import_cost = schedule["import_kwh"] * schedule["import_price"]
    export_revenue = schedule["export_kwh"] * schedule["export_price"]
    return (
        import_cost
        - export_revenue
        + sum(wear(store.charge, store.discharge, store.battery) for store in schedule.stores)
    )


def cost(schedule: Schedule) -> Iterator[Finding]:
    """The cost of a slot is import x its price - export x its price + wear."""
    given, worked_out = schedule["cost"], slot_costs(schedule)
    off = np.abs(given - worked_out)
    yield Finding(
        "cost",
        off > schedule.tolerance_money,
        off,
        "money",
        lambda i: f"cost is stated as {given[i]:.6g}, but flows, prices and wear make {worked_out[i]:.6g}",
    )


def price(schedule: Schedule) -> Iterator[Finding]:
    """Import and export prices are what the tariff makes of the spot price, where the schedule holds it.

    An hour's mean is judged where the schedule holds the whole hour, a month's mean not at all: its days are elsewhere.
    """
    if "price" not in schedule.values or schedule.starts is None:
        return
    expected = dict(zip(_PRICES, _priced(schedule, schedule["price"]), strict=True))
    moved = {"import_price": schedule["import_kwh"], "export_price": schedule["export_kwh"]}
    for name, of_tariff in expected.items():
        given = schedule[name]
        off = np.abs(given - of_tariff)
        wrong = (off > schedule.tolerance_money) | (off * np.abs(moved[name]) > schedule.tolerance_money)
        yield Finding("price", wrong, off, "money/kWh", _misquoted(name, given, of_tariff))


def _misquoted(name: str, given: Values, of_tariff: Values) -> Callable[[int], str]:
    return lambda i: f"{name} is stated as {given[i]:.6g}, but the tariff makes {of_tariff[i]:.6g} of the spot price"


def _priced(schedule: Schedule, spot: Values) -> tuple[Values, Values]:
    """Import and export price of every slot; NaN before the first tariff version [money/kWh]."""
    clock = _Clock(schedule)
    import_price = export_price = np.full(schedule.n_slots, np.nan)
    for version in schedule.site.tariff.versions:  # oldest first: the newest that has begun stays
        begun = clock.day >= np.datetime64(version.valid_from)
        fees = _fee(version, "transfer_fee", clock) + _fee(version, "energy_tax", clock)
        settled = spot if version.settlement_minutes == SLOT_MINUTES else _hour_means(schedule, spot)
        bought = np.full(schedule.n_slots, np.nan) if version.monthly_mean else settled
        import_price = np.where(begun, (bought + fees) * (1 + version.vat), import_price)
        export_price = np.where(
            begun, settled * version.export_share + version.export_bonus - version.export_fee, export_price
        )
    return import_price, export_price


def _hour_means(schedule: Schedule, spot: Values) -> Values:
    """Mean spot price of each slot's hour; NaN where the schedule lacks a slot of it [money/kWh]."""
    hours = np.asarray(schedule.starts) // _MICROSECONDS_PER_HOUR
    _, place, count = np.unique(hours, return_inverse=True, return_counts=True)
    means = np.bincount(place, weights=spot) / count
    return np.where(count == _SLOTS_PER_HOUR, means, np.nan)[place]


def _fee(version: TariffVersion, name: str, clock: "_Clock") -> Values:
    """A fee of a version in every slot: the first exception that names it and holds, else the version's own."""
    fee = np.full(len(clock.day), float(getattr(version, name)))
    undecided = np.ones(len(clock.day), dtype=np.bool_)
    for window in version.time_of_use:
        other = getattr(window, name)
        if other is not None:
            inside = undecided & clock.inside(window)
            fee = np.where(inside, float(other), fee)
            undecided &= ~inside
    return fee


class _Clock:
    """Day, month, weekday and minute by the wall clock of the home, of every slot."""

    def __init__(self, schedule: Schedule) -> None:
        instants = pl.Series(schedule.starts).cast(pl.Datetime("us", "UTC"))
        local = instants.dt.convert_time_zone(schedule.site.timezone)
        self.day = local.dt.date().to_numpy()
        self.month = local.dt.month().to_numpy()
        self.weekday = local.dt.weekday().to_numpy()
        self.minute = local.dt.hour().to_numpy().astype(np.int32) * 60 + local.dt.minute().to_numpy()

    def inside(self, window: TimeOfUse) -> Flags:
        """Return whether each slot is inside a window; one that ends before it starts runs over midnight."""
        after, before = self.minute >= window.start_minute, self.minute < window.end_minute
        held = after & before if window.start_minute < window.end_minute else after | before
        if window.months:
            held = held & np.isin(self.month, window.months)
        if window.weekdays:
            held = held & np.isin(self.weekday, window.weekdays)
        if window.not_on_holidays_of is not None:
            calendar = holidays.country_holidays(window.not_on_holidays_of)
            held = held & np.array([day not in calendar for day in self.day.tolist()], dtype=np.bool_)
        return held
