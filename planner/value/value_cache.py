"""A cache of the latest value functions of single homes.

A service plans a span anew every slot; scenarios, prices and terminal value are the same until the next prices
come out, and only scenario weights and the day's peak change. To calculate the value function again is a fifth of a
plan's time, with the day's peak in its state most of it.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Generic, TypeVar

import numpy as np

from env.fleet import Homes, one_site
from env.inverter import Energy
from env.site import Site
from env.types import Integers
from planner.byhand.commands import HandCommands
from planner.value.day_peak import DayPeak
from planner.value.peak_value import PeakValueFunction, peak_value_function
from planner.value.scenarios import Scenarios
from planner.value.slot_prices import SlotPrices
from planner.value.value_function import PERSISTENCE, SlotPenalty, ValueFunction, value_function

KEPT = 4
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class _Question(Generic[Answer]):
    """A value function to be calculated; equal where the digest of its arguments is."""

    digest: bytes
    answer: Callable[[], Answer] = field(compare=False)


def recent_value_function(  # noqa: PLR0913 - as `value_function`
    scenarios: Scenarios,
    import_price: Energy,
    export_price: Energy,
    *,
    site: Homes,
    end_value: Energy,
    persistence: float = PERSISTENCE,
    power: SlotPrices | None = None,
    targets: SlotPenalty | None = None,
    by_hand: HandCommands | None = None,
) -> ValueFunction:
    """As `planner.value.value_function.value_function`; of one home without a demand charge, cached."""
    calculate = partial(
        value_function,
        scenarios,
        import_price,
        export_price,
        site=site,
        end_value=end_value,
        persistence=persistence,
        power=power,
        targets=targets,
        by_hand=by_hand,
    )
    if len(import_price) > 1 or power is not None:
        return calculate()
    return _value_function(
        _Question(
            _digest(
                (one_site(site), persistence),
                (*_tables(scenarios), import_price, export_price, end_value, *_wished(targets, by_hand)),
            ),
            calculate,
        )
    )


def recent_peak_value_function(  # noqa: PLR0913 - as `peak_value_function`
    scenarios: Scenarios,
    import_price: Energy,
    export_price: Energy,
    *,
    site: Site,
    end_value: Energy,
    peak: DayPeak,
    others: SlotPrices,
    persistence: float = PERSISTENCE,
    targets: SlotPenalty | None = None,
    by_hand: HandCommands | None = None,
) -> PeakValueFunction:
    """As `planner.value.peak_value.peak_value_function`; of one home, cached whatever the day's peak so far is."""
    calculate = partial(
        peak_value_function,
        scenarios,
        import_price,
        export_price,
        site=site,
        end_value=end_value,
        peak=peak,
        others=others,
        persistence=persistence,
        targets=targets,
        by_hand=by_hand,
    )
    if len(import_price) > 1:
        return calculate()
    tables = (*_tables(scenarios), import_price, export_price, end_value, *_wished(targets, by_hand))
    charge = (peak.level_kw, peak.kw_per_kwh, peak.period, peak.day, others.free_kwh, others.price, others.period)
    return _peak_value_function(_Question(_digest((site, persistence, peak.rate), (*tables, *charge)), calculate))


def _tables(scenarios: Scenarios) -> tuple[Energy, Energy, Energy | None]:
    return scenarios.load_kwh, scenarios.pv_kwh, scenarios.prior


def _wished(targets: SlotPenalty | None, by_hand: HandCommands | None) -> tuple[Energy, ...]:
    return (*(() if targets is None else targets.tables), *(() if by_hand is None else by_hand.tables))


def _digest(words: tuple[Site, *tuple[float, ...]], tables: tuple[Energy | Integers | None, ...]) -> bytes:
    site, *numbers = words
    digest = hashlib.blake2b(repr((site.battery, site.limits, *numbers)).encode(), digest_size=32)
    for table in tables:
        digest.update(b"none" if table is None else repr(table.shape).encode() + np.ascontiguousarray(table).tobytes())
    return digest.digest()


@lru_cache(maxsize=KEPT)
def _value_function(question: _Question[ValueFunction]) -> ValueFunction:
    return question.answer()


@lru_cache(maxsize=KEPT)
def _peak_value_function(question: _Question[PeakValueFunction]) -> PeakValueFunction:
    return question.answer()
