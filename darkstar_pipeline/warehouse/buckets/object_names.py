"""Names of a fleet's objects: `<table>/bucket=0007/day=2026-01-01/part.parquet`, and the bucket that a home is in."""

from datetime import date
from hashlib import blake2b

from darkstar_pipeline.warehouse.day_names import PART, day_of
from darkstar_pipeline.warehouse.schemas import Table


def bucket_of(site: str, buckets: int) -> int:
    """Return the bucket of a home: the same on every machine and in every release.

    Args:
        site: name of the home.
        buckets: number of buckets of the fleet.

    >>> bucket_of("home", 16), bucket_of("home", 1)
    (3, 0)
    """
    return int.from_bytes(blake2b(site.encode(), digest_size=8).digest(), "big") % buckets


def bucket_prefix(table: Table, bucket: int) -> str:
    """Return what the keys of a table's bucket begin with, without the last slash.

    >>> from darkstar_pipeline.warehouse.schemas import SPOT_PRICES
    >>> bucket_prefix(SPOT_PRICES, 7)
    'spot_prices/bucket=0007'
    """
    return f"{table.name}/bucket={bucket:04d}"


def object_key(table: Table, bucket: int, day: date) -> str:
    """Return the key of a table's bucket and day."""
    return f"{bucket_prefix(table, bucket)}/day={day.isoformat()}/{PART}"


def day_of_key(key: str) -> date | None:
    """Return the day of an object; None where the key is no day's.

    >>> day_of_key("spot_prices/bucket=0007/day=2026-01-01/part.parquet")
    datetime.date(2026, 1, 1)
    """
    folder, _, name = key.rpartition("/")
    return day_of(folder.rpartition("/")[2]) if name == PART else None
