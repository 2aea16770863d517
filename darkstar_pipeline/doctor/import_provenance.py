"""The provenance of a stored quantity: as what each of its sources was read."""

from collections.abc import Collection
from dataclasses import dataclass

import polars as pl

_NAMES = {"soc_start_percent": "soc_percent"}


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """The way in which a source of a quantity was read.

    Attributes:
        source: file or service.
        format: what it was recognised as.
        sensor: sensor in it; empty where it has one of each quantity.
        unit: unit as stated, or by size.
        treatment: how its values were converted; empty where they were taken as they are.
    """

    source: str
    format: str
    sensor: str
    unit: str
    treatment: str


def provenance_of(rows: pl.DataFrame, quantity: str, sources: Collection[str]) -> tuple[Provenance, ...]:
    """Return how the sources of a quantity were read, of each sensor the latest; those of older releases are unknown.

    Args:
        rows: rows of `import_provenance` of the site.
        quantity: column of the readings, or `price`.
        sources: the sources of what is stored.
    """
    mine = rows.filter(pl.col("quantity") == _NAMES.get(quantity, quantity), pl.col("source").is_in(list(sources)))
    latest = mine.sort("imported_at", "first_slot").unique(["source", "sensor"], keep="last", maintain_order=True)
    told = latest.select("source", "format", "sensor", "unit", "treatment").to_dicts()
    return tuple(Provenance(**row) for row in told)
