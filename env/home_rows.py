"""Rows of one home, or of several that a column `site` tells apart: what groups and joins go by."""

import polars as pl

HOME = "site"


def by_home(rows: pl.DataFrame, *names: str) -> list[str]:
    """Return key columns, the home's in front where the rows are of several.

    >>> by_home(pl.DataFrame({"site": ["a", "b"]}), "slot_start"), by_home(pl.DataFrame({"price": [1]}), "slot_start")
    (['site', 'slot_start'], ['slot_start'])
    """
    return [HOME, *names] if HOME in rows.columns else list(names)
