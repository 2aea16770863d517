"""Values of stored energy at the end of the published prices, kept from round to round while their inputs stay.

They take several times as long as the rest of a home's plan and change twice a day: with the day, and with the prices
of the next one. A bucket's are one object beside its plans.
"""

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from darkstar_pipeline.warehouse.checksums import parquet_bytes
from darkstar_pipeline.warehouse.day_files import UNREADABLE, decoded
from planner.value.end_of_prices import EndOfPrices

PLAN_ENDS = "plan_ends"
_ROWS = pl.Schema({"site": pl.String(), "key": pl.Binary(), "basis": pl.String(), "values": pl.List(pl.Float64())})
_log = logging.getLogger(__name__)


def ends_key(bucket: int) -> str:
    """Return the key of a bucket's ends.

    >>> ends_key(7)
    'plan_ends/bucket=0007/ends.parquet'
    """
    return f"{PLAN_ENDS}/bucket={bucket:04d}/ends.parquet"


@dataclass
class KeptEnds:
    """Ends by home, each with the key that it is valid for.

    Attributes:
        known: key and end of each home.
        fresh: homes whose end was worked out since.
    """

    known: dict[str, tuple[bytes, EndOfPrices]] = field(default_factory=dict[str, tuple[bytes, EndOfPrices]])
    fresh: set[str] = field(default_factory=set[str])

    def of(
        self, keys: Mapping[str, bytes], work_out: Callable[[list[str]], list[EndOfPrices]]
    ) -> dict[str, EndOfPrices]:
        """Return the ends of homes; those whose key is another one are worked out together.

        Args:
            keys: of each home, what changes whenever its end may.
            work_out: returns the ends of some homes.
        """
        changed = [site for site, key in keys.items() if site not in self.known or self.known[site][0] != key]
        if changed:
            self.known |= {site: (keys[site], end) for site, end in zip(changed, work_out(changed), strict=True)}
            self.fresh |= {*changed}
        return {site: self.known[site][1] for site in keys}

    def read(self, data: bytes | None, name: str) -> None:
        """Add what an object holds; nothing where there is none, or it is damaged.

        Args:
            data: its bytes.
            name: the object, for the log.
        """
        if data is None:
            return
        try:
            rows = decoded([data]).select(_ROWS.names())
        except UNREADABLE as error:
            _log.warning("%s is damaged and made anew: %s", name, error)
            return
        for site, key, basis, values in rows.iter_rows():
            self.known[site] = key, EndOfPrices(np.array(values), basis)

    def encoded(self, sites: Collection[str]) -> bytes:
        """Return an object of the ends of some homes, as far as they have any."""
        own = [(site, *self.known[site]) for site in sorted(sites) if site in self.known]
        rows = [(site, key, end.basis, end.values.tolist()) for site, key, end in own]
        return parquet_bytes(pl.DataFrame(rows, schema=_ROWS, orient="row"), compression="lz4")
