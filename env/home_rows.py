"""Rows of one home, or of several that a column `site` tells apart: what groups and joins go by."""

from collections.abc import Iterator

import polars as pl

HOME = "site"
ALONE = ""
"""The name of the home whose rows carry none."""


def by_home(rows: pl.DataFrame, *names: str) -> list[str]:
    """Return key columns, the home's in front where the rows are of several.

    >>> by_home(pl.DataFrame({"site": ["a", "b"]}), "slot_start"), by_home(pl.DataFrame({"price": [1]}), "slot_start")
    (['site', 'slot_start'], ['slot_start'])
    """
    return [HOME, *names] if HOME in rows.columns else list(names)


def with_home(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows that name their home, `ALONE` where they are of one.

    >>> with_home(pl.DataFrame({"price": [1]})).columns, with_home(pl.DataFrame({"site": ["a"]}))["site"][0]
    (['price', 'site'], 'a')
    """
    return rows if HOME in rows.columns else rows.with_columns(pl.lit(ALONE).alias(HOME))


def within_home(rows: pl.DataFrame, value: pl.Expr) -> pl.Expr:
    """Return a value that looks at the rows of the same home only.

    >>> rows = pl.DataFrame({"site": ["a", "a", "b"], "kwh": [1, 2, 3]})
    >>> rows.select(within_home(rows, pl.col("kwh").shift(1)))["kwh"].to_list()
    [None, 1, None]
    """
    return value.over(HOME) if HOME in rows.columns else value


def per_home(rows: pl.DataFrame, *values: pl.Expr, **named: pl.Expr) -> pl.DataFrame:
    """Return aggregates of rows, a row a home that has any: `site` and the values.

    >>> per_home(pl.DataFrame({"kwh": [1, 2]}), pl.col("kwh").sum()).rows()
    [('', 3)]
    """
    return with_home(rows).group_by(HOME, maintain_order=True).agg(*values, **named)


def homes_of(rows: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yield the homes of rows, each with its own in their order.

    >>> [(home, own.height) for home, own in homes_of(pl.DataFrame({"site": ["b", "a", "b"]}))]
    [('b', 2), ('a', 1)]
    """
    for (home,), own in with_home(rows).partition_by(HOME, as_dict=True, maintain_order=True).items():
        yield str(home), own


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
