"""Values for prices that are missing or rejected, from the same local day or from a second source.

In order: the price of the slot's own market hour, which is exact; the second source (for a rejected zero,
and for a gap longer than two hours); else a straight line between the neighbouring prices of the day, hour by hour
where the market is hourly. Up to two hours that line is a repair. A longer run of rejected zeros gets the same line
as an `estimated` price, so that nobody plans on zeros, but its day does not count; a longer gap stays missing.
"""

import polars as pl

from darkstar_pipeline.quality.market_hours import DAY

LONGEST_FILL_SLOTS = 8
"""Two hours: longer runs are not filled from their neighbours [slots]."""
ESTIMATED = "estimated"
"""Method of a price that is good enough to plan with and not good enough to evaluate on."""


def with_filled_prices(frame: pl.DataFrame) -> pl.DataFrame:
    """Add the new price and the method it comes from.

    Args:
        frame: `with_recorder_zeros` of whole days, ascending.

    Returns:
        The frame with `filled` [money/kWh]: the price, repaired where it was missing or rejected and a value could
        be found; and `method`: null where nothing was changed.
    """
    missing = pl.col("price").is_null()
    rest = missing & pl.col("hour_price").is_null()
    runs = frame.with_columns(_missing=missing, _rest=rest).with_columns(_gap=_run_length("_rest"))
    long_gap = pl.col("_rest") & (pl.col("_gap") > LONGEST_FILL_SLOTS)
    based = runs.with_columns(_long=long_gap).with_columns(_from_source())
    return _interpolated(based).drop("_missing", "_rest", "_gap", "_long", "_source", "_base", "_span", "_line")


def _run_length(flag: str) -> pl.Expr:
    """Length of the run of equal values of a flag that each slot is in, inside its day [slots]."""
    return pl.len().over(DAY, pl.col(flag).rle_id().over(DAY))


def _from_source() -> list[pl.Expr]:
    """Return prices known without interpolation: `_base` is the price, `_source` its origin."""
    zero, second, hour = pl.col("recorder_zero"), pl.col("second"), pl.col("hour_price")
    source = (
        pl.when(zero & second.is_not_null())
        .then(pl.lit("second_source"))
        .when((zero | pl.col("_missing")) & hour.is_not_null())
        .then(pl.lit("market_hour"))
        .when(pl.col("_long") & second.is_not_null())
        .then(pl.lit("second_source"))
    )
    value = pl.when(source == "second_source").then(second).when(source == "market_hour").then(hour)
    known = pl.when(~zero).then(pl.col("price"))
    return [source.alias("_source"), pl.coalesce(value, known).alias("_base")]


def _interpolated(frame: pl.DataFrame) -> pl.DataFrame:
    """Interpolate, and record the method of each slot."""
    drawn = frame.with_columns(_span=_run_length_of_unknown(), _line=_line())
    allowed = pl.col("_base").is_null() & ~pl.col("_long") & pl.col("_line").is_not_null()
    between = pl.col("_base").forward_fill().over(DAY).is_not_null() & (
        pl.col("_base").backward_fill().over(DAY).is_not_null()
    )
    interpolation = (
        pl.when(pl.col("_span") > LONGEST_FILL_SLOTS)
        .then(pl.lit(ESTIMATED))
        .when(between)
        .then(pl.lit("interpolated"))
        .otherwise(pl.lit("nearest"))
    )
    line = pl.when(allowed).then(pl.col("_line"))
    return drawn.with_columns(
        filled=pl.coalesce("_base", line),
        method=pl.coalesce(pl.col("_source"), pl.when(allowed).then(interpolation)),
    )


def _run_length_of_unknown() -> pl.Expr:
    return pl.len().over(DAY, pl.col("_base").is_null().rle_id().over(DAY))


def _line() -> pl.Expr:
    """Straight line between the nearest known prices of the day; level where only one side has any."""
    moment = pl.when(pl.col("hourly")).then(pl.col("slot_start").dt.truncate("1h")).otherwise(pl.col("slot_start"))
    at = moment.to_physical()
    base = pl.col("_base")
    known_at = pl.when(base.is_not_null()).then(at)
    before, after = base.forward_fill().over(DAY), base.backward_fill().over(DAY)
    before_at, after_at = known_at.forward_fill().over(DAY), known_at.backward_fill().over(DAY)
    # Inside one hour of an hourly market there is no line to draw: its prices disagree, the earlier one is kept.
    share = pl.when(after_at > before_at).then((at - before_at) / (after_at - before_at)).otherwise(0.0)
    return pl.coalesce(before + (after - before) * share, before, after)
