"""The cheapest slot for a periodic full charge, over the published prices and against the days that may still come.

A full charge is a target of stored energy at one slot's end; its price is what the best plan costs more with it. In the
span of published prices the hour with the least price is found by trying every one, all at once. Where the deadline
lies beyond the span, waiting is worth the expected price of the best day among those left, as the last days had it
(optimal stopping with a known distribution): the fewer are left, the more is paid now. A deadline in the span is kept
whatever it costs.

What does not belong here: which readings say that a battery was full, and what planners do with targets
(`planner.care.soc_targets`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from env.inverter import Energy
from env.simulator import World
from env.site import Site
from env.types import Integers
from planner.care.soc_targets import SocTargets, soc_targets
from planner.value.protocol import Protocol
from planner.value.scenarios import Scenarios
from planner.value.slot_prices import SlotPrices
from planner.value.value_function import interpolated, soc_grid, value_function

CANDIDATE_SLOTS = 4
"""A full charge is tried at the end of every hour."""
PAST_CANDIDATE_SLOTS = 12
PAST_DAYS = 28
"""Days whose prices of a full charge say what waiting may bring."""


@dataclass(frozen=True)
class FullCharge:
    """A full charge in a span.

    Attributes:
        slot: slot at whose end the battery is full.
        price: what the best plan costs more with it [money].
        waiting: expected price of waiting for a later day [money]; infinity where the deadline forbids it.
    """

    slot: int
    price: float
    waiting: float


@dataclass(frozen=True, kw_only=True)
class Span:
    """Spans of published prices as a planner expects them, of any number of homes or days.

    Attributes:
        world: expected load and PV, and prices, `(n_homes, n_slots)`.
        end_value: value of stored energy at the end, on `soc_grid` `(n_homes, n_soc)` [money].
        soc_kwh: stored energy at the start `(n_homes,)` [kWh].
        targets: reserve and care of the slots.
        power: demand charge of the slots; None for none.
    """

    world: World
    end_value: Energy
    soc_kwh: Energy
    targets: SocTargets
    power: SlotPrices | None = None


def placed_full_charge(
    site: Site, span: Span, *, latest: int | None, days_left: int, past_prices: Energy
) -> FullCharge | None:
    """Return the full charge of a span; None where waiting is expected to cost less.

    Args:
        site: battery and limits.
        span: the slots ahead, of one home.
        latest: slot by whose end the battery must be full; None where the deadline lies beyond the span.
        days_left: whole days between the span and the deadline.
        past_prices: price of a full charge on the days before `(n_days,)` [money].
    """
    n_slots = span.world.load_kwh.shape[1]
    last = n_slots - 1 if latest is None else min(latest, n_slots - 1)
    slots = np.unique(np.append(np.arange(CANDIDATE_SLOTS - 1, last + 1, CANDIDATE_SLOTS), last))
    prices = full_charge_prices(site, span, slots)[0]
    best = int(prices.argmin())
    waiting = np.inf if latest is not None else waiting_price(past_prices, days_left)
    if latest is None and not prices[best] < waiting:
        return None
    return FullCharge(int(slots[best]), float(prices[best]), waiting)


def waiting_price(past_prices: Energy, days_left: int) -> float:
    """Return the expected price of the best day to come, each taken as soon as it beats what is expected behind it.

    Args:
        past_prices: price on the days before, of which the coming ones are taken to be [money].
        days_left: days that remain, the last of which has to do.

    Returns:
        Nothing where no day is known: then only the deadline decides.
    """
    if not len(past_prices):
        return 0.0
    expected = float(past_prices.mean())
    for _ in range(days_left - 1):
        expected = float(np.minimum(past_prices, expected).mean())
    return expected


def full_charge_prices(site: Site, span: Span, slots: Integers) -> Energy:
    """Return what the best plan costs more where the battery is full at a slot's end `(n_homes, n_slots)` [money].

    Args:
        site: battery and limits.
        span: the slots ahead.
        slots: slots that are tried `(n_slots,)`.
    """
    times, n_homes = len(slots) + 1, len(span.soc_kwh)
    wanted = np.repeat(span.targets.wanted_kwh, times, axis=0)
    tried = wanted.reshape(n_homes, times, -1)  # the first row of a home goes without
    tried[:, np.arange(1, times), slots] = site.battery.max_soc_kwh
    load, pv, import_price, export_price = (np.repeat(table, times, axis=0) for table in vars(span.world).values())
    function = value_function(
        Scenarios(load[:, None], pv[:, None]),
        import_price,
        export_price,
        site=site,
        end_value=np.repeat(span.end_value, times, axis=0),
        power=span.power,
        targets=span.targets.repeated(times).replaced(wanted_kwh=wanted),
    )
    value = interpolated(function.soc_kwh, function.value[:, 0, 0], np.repeat(span.soc_kwh, times))
    by_home = value.reshape(n_homes, times)
    return by_home[:, :1] - by_home[:, 1:]


def past_full_charge_prices(days: Sequence[World], site: Site, protocol: Protocol) -> Energy:
    """Return the price of a full charge at the best hour of past days, each by itself `(n_days,)` [money].

    Args:
        days: one world a day, `(1, n_slots)`, of any number of slots.
        site: battery and limits.
        protocol: start and settlement of a day.
    """
    prices = np.empty(len(days))
    grid = soc_grid(site.battery)
    for n_slots in sorted({day.load_kwh.shape[1] for day in days}):
        alike = [index for index, day in enumerate(days) if day.load_kwh.shape[1] == n_slots]
        world = World(*(np.concatenate([vars(days[index])[name] for index in alike]) for name in vars(days[0])))
        settled = np.array([protocol.settlement(each, site.battery) for each in world.import_price])
        floor = np.full_like(world.load_kwh, site.battery.min_soc_kwh)
        span = Span(
            world=world,
            end_value=settled[:, None] * grid,
            soc_kwh=np.full(len(alike), protocol.start_soc_kwh),
            targets=soc_targets(site, floor, world.import_price, world.export_price),
        )
        tried = np.array(range(PAST_CANDIDATE_SLOTS - 1, n_slots, PAST_CANDIDATE_SLOTS))
        prices[alike] = full_charge_prices(site, span, tried).min(axis=1)
    return prices
