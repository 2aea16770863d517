"""Columns of numbers turned into float64, with checks that refuse what is not a finite number."""

from collections.abc import Iterable, Sequence

import polars as pl

from darkstar_pipeline.sources.parsed import reason_if
from planner.wording.columns import worded

_FLOAT32_DIGITS = 7
"""A float32 carries seven decimal digits; 0.1 must not become 0.10000000149."""


def original(name: str) -> str:
    """Return the name of the column that keeps a value as the file has it."""
    return f"_raw_{name}"


def with_numbers(frame: pl.DataFrame, names: Iterable[str]) -> pl.DataFrame:
    """Turn columns into float64, keeping the original text under `original(name)`; null stays null."""
    columns: list[pl.Expr] = []
    for name in names:
        dtype = frame.schema[name]
        value = pl.col(name)
        if dtype == pl.String:
            text = value.str.strip_chars()
            number = pl.when(text != "").then(text).cast(pl.Float64, strict=False)
        elif dtype == pl.Float32:
            number = value.cast(pl.Float64).round_sig_figs(_FLOAT32_DIGITS)
        elif dtype.is_numeric() or dtype == pl.Null:
            number = value.cast(pl.Float64)
        else:
            number = pl.lit(None, dtype=pl.Float64)
        columns += [number.alias(name), value.cast(pl.String, strict=False).alias(original(name))]
    return frame.with_columns(columns)


def number_checks(names: Sequence[str]) -> list[pl.Expr]:
    """Return checks that every value is a finite number."""
    checks: list[pl.Expr] = []
    for name in names:
        raw = pl.col(original(name))
        present = raw.is_not_null() & (raw.str.strip_chars() != "")
        checks += [
            reason_if(pl.col(name).is_null() & present, worded("{} {} is not a number", pl.lit(name), raw)),
            reason_if(pl.col(name).is_nan(), worded("{} is NaN", pl.lit(name))),
            reason_if(pl.col(name).is_infinite(), worded("{} is infinite", pl.lit(name))),
        ]
    return checks
