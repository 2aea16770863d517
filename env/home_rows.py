"""Rows of one home, or of several that a column `site` tells apart: what groups and joins go by."""

import polars as pl

HOME = "site"


def by_home(rows: pl.DataFrame, *names: str) -> list[str]:
    """Return key columns, the home's in front where the rows are of several.

    >>> by_home(pl.DataFrame({"site": ["a", "b"]}), "slot_start"), by_home(pl.DataFrame({"price": [1]}), "slot_start")
    (['site', 'slot_start'], ['slot_start'])
    """
    return [HOME, *names] if HOME in rows.columns else list(names)


def with_home(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows that name their home; those of one home that do not get a name that is empty.

    >>> with_home(pl.DataFrame({"price": [1]})).columns
    ['price', 'site']
    """
    return rows if HOME in rows.columns else rows.with_columns(pl.lit("").alias(HOME))


def total(values: pl.Expr) -> pl.Expr:
    """Return the sum of a group's values, null taken for nothing, to the same bits whatever other groups there are.

    Polars adds plain sums of few groups and of many in different orders.

    >>> pl.DataFrame({"of": [1, 1, 2], "kwh": [0.1, 0.2, None]}).group_by("of", maintain_order=True).agg(
    ...     total(pl.col("kwh"))
    ... )["kwh"].to_list()
    [0.30000000000000004, 0.0]
    """
    return values.drop_nulls().sum()


def average(values: pl.Expr) -> pl.Expr:
    """Return the mean of a group's values that are not null, with the bits of `total`'s promise; null without any."""
    return values.drop_nulls().mean()
