"""Sentences of many rows at once, as expressions of Polars."""

import polars as pl


def worded(template: str, *parts: pl.Expr | str) -> pl.Expr:
    """Return texts with a row's values in the places `{}`, null where one of the values is.

    Does what `pl.format` does, which in Polars 2.1 panics on columns that a filter left with empty chunks
    (`assertion failed: i < self.len()`): a few wrong readings of one home ended the process.

    Args:
        template: the text; each `{}` is the place of a part.
        parts: columns by name, or expressions.

    Raises:
        ValueError: there are not as many places as parts.

    >>> pl.DataFrame({"kwh": [0.5, None]}).select(worded("{} {} kWh", pl.lit("load"), "kwh")).to_series().to_list()
    ['load 0.5 kWh', None]
    """
    first, *others = template.split("{}")
    pieces: list[pl.Expr] = [pl.lit(first)]
    for part, text in zip(parts, others, strict=True):
        pieces += [pl.col(part) if isinstance(part, str) else part, pl.lit(text)]
    return pl.concat_str(pieces)
