"""Names of a fleet's objects: `<table>/day=2026-01-01/bucket=0007/part.parquet`, and the bucket that a home is in.

The day comes first, so that a day of a table is one listing, a thousand buckets per request (ADR 0060).
"""

import re
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b

from darkstar_pipeline.warehouse.day_names import PART, day_of
from darkstar_pipeline.warehouse.schemas import TABLES, Table

_BUCKET = re.compile(r"bucket=(\d{4,})", re.ASCII)


@dataclass(frozen=True)
class ObjectName:
    """Content of an object, as its key says."""

    table: Table
    day: date
    bucket: int


def bucket_of(site: str, buckets: int) -> int:
    """Return the bucket of a home: the same on every machine and in every release.

    Args:
        site: name of the home.
        buckets: number of buckets of the fleet.

    >>> bucket_of("home", 16), bucket_of("home", 1)
    (3, 0)
    """
    return int.from_bytes(blake2b(site.encode(), digest_size=8).digest(), "big") % buckets


def day_prefix(table: Table, day: date) -> str:
    """Return what the keys of a table's day begin with, without the last slash.

    >>> from darkstar_pipeline.warehouse.schemas import SPOT_PRICES
    >>> day_prefix(SPOT_PRICES, date(2026, 1, 1))
    'spot_prices/day=2026-01-01'
    """
    return f"{table.name}/day={day.isoformat()}"


def object_key(table: Table, bucket: int, day: date) -> str:
    """Return the key of a table's bucket and day."""
    return f"{day_prefix(table, day)}/bucket={bucket:04d}/{PART}"


def name_of(key: str) -> ObjectName | None:
    """Return what a key says; None where it is none of the lake's.

    >>> name_of("spot_prices/day=2026-01-01/bucket=0007/part.parquet").bucket
    7
    >>> name_of("spot_prices/day=2026-01-01/bucket=0007 (copy)/part.parquet")
    """
    table, _, rest = key.partition("/")
    day_folder, _, rest = rest.partition("/")
    bucket_folder, _, file = rest.partition("/")
    day, bucket = day_of(day_folder), _BUCKET.fullmatch(bucket_folder)
    if table not in TABLES or day is None or bucket is None or file != PART:
        return None
    return ObjectName(TABLES[table], day, int(bucket[1]))
