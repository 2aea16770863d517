"""A cache of the latest value functions of single homes.

A service plans a span anew every slot; scenarios, prices and terminal value are the same until the next prices
come out, and only scenario weights change. To calculate the value function again is a fifth of a plan's time.
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
class _Arguments:
    """Arguments of a value function; equal where their digest is."""

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
    """As `planner.value.value_function.value_function`; of one home without a demand charge, cached."""
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
    digest = hashlib.blake2b(repr((site.battery, site.limits, persistence)).encode(), digest_size=32)
    for table in (scenarios.load_kwh, scenarios.pv_kwh, scenarios.prior, import_price, export_price, end_value):
        digest.update(b"none" if table is None else repr(table.shape).encode() + np.ascontiguousarray(table).tobytes())
    return _computed(_Arguments(digest.digest(), scenarios, import_price, export_price, site, end_value, persistence))


@lru_cache(maxsize=KEPT)
def _computed(arguments: _Arguments) -> ValueFunction:
    return value_function(
        arguments.scenarios,
        arguments.import_price,
        arguments.export_price,
        site=arguments.site,
        end_value=arguments.end_value,
        persistence=arguments.persistence,
    )
