"""The value functions of single homes that were worked out last, kept for whoever asks the same again.

A service plans a span anew every slot; what the house may do, the prices and the end are the same until the next prices
come out, and only beliefs change. To work the value function out again is a fifth of a plan's time.
"""

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from env.inverter import Energy
from env.site import Site
from planner.value.scenarios import Scenarios
from planner.value.value_function import PERSISTENCE, ValueFunction, value_function

if TYPE_CHECKING:
    from planner.value.slot_prices import SlotPrices

KEPT = 4


@dataclass(frozen=True)
class _Asked:
    """What is asked; equal where its digest is."""

    digest: bytes
    scenarios: Scenarios = field(compare=False)
    import_price: Energy = field(compare=False)
    export_price: Energy = field(compare=False)
    site: Site = field(compare=False)
    end_value: Energy = field(compare=False)
    persistence: float = field(compare=False)


def recent_value_function(
    scenarios: Scenarios,
    import_price: Energy,
    export_price: Energy,
    *,
    site: Site,
    end_value: Energy,
    persistence: float = PERSISTENCE,
    power: "SlotPrices | None" = None,
) -> ValueFunction:
    """As `planner.value.value_function.value_function`; of one home, and without a charge for power, remembered."""
    if len(import_price) > 1 or power is not None:
        return value_function(
            scenarios,
            import_price,
            export_price,
            site=site,
            end_value=end_value,
            persistence=persistence,
            power=power,
        )
    told = hashlib.blake2b(repr((site.battery, site.limits, persistence)).encode(), digest_size=32)
    for table in (scenarios.load_kwh, scenarios.pv_kwh, scenarios.prior, import_price, export_price, end_value):
        told.update(b"none" if table is None else repr(table.shape).encode() + np.ascontiguousarray(table).tobytes())
    return _known(_Asked(told.digest(), scenarios, import_price, export_price, site, end_value, persistence))


@lru_cache(maxsize=KEPT)
def _known(asked: _Asked) -> ValueFunction:
    return value_function(
        asked.scenarios,
        asked.import_price,
        asked.export_price,
        site=asked.site,
        end_value=asked.end_value,
        persistence=asked.persistence,
    )
