"""A list of prices as a service writes it, before its unit, area and instants are understood."""

from dataclasses import dataclass, field

import polars as pl

from darkstar_pipeline.sources.price_lists.stated import Stated

ROWS = pl.Schema({"stamp": pl.String(), "end": pl.String(), "price": pl.String(), "list": pl.String()})
"""A price, its start and end as text, and the name of the list it stood in."""


@dataclass(frozen=True, kw_only=True)
class PriceList:
    """Prices of one area in one unit.

    Attributes:
        rows: `ROWS`, in the file's order.
        stated: what the file says of them.
        zone: zone of stamps without offset; None where the file does not say.
    """

    rows: pl.DataFrame
    stated: Stated
    zone: str | None = None


@dataclass(frozen=True, kw_only=True)
class PriceOffer:
    """A file whose price lists were recognised.

    Attributes:
        file: its name.
        format: what it was recognised as, as a noun.
        lists: its lists, by area and unit; only those of the site are used.
        notes: remarks for the person who imports.
    """

    file: str
    format: str
    lists: tuple[PriceList, ...]
    notes: tuple[str, ...] = field(default=())
