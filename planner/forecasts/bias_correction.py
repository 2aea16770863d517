"""Bias correction of the naive forecasts of a home whose history is too short for a model.

Under four days nothing is corrected; up to two weeks the mean ratio of reading to forecast by weekday and hour, at most
half as much again or half as little. From fourteen days on Aurora learns the rest (`aurora_model.LEAST_DAYS`). On train
weeks of six homes the mean ratio made things worse, load by 8 to 17 % and PV by 3 to 18 % (of few days it is noise),
hence it is off unless `forecast.correct_bias` asks for it.
"""

from datetime import timedelta

import polars as pl

from env.time_grid import local_day

FIRST_DAYS = 4
MAX_CORRECTION = 0.5  # share of a forecast that a correction may move it by
_QUANTITIES = ("load_kwh", "pv_kwh")


def bias_corrected(forecasts: pl.DataFrame, history: pl.DataFrame, timezone: str) -> pl.DataFrame:
    """Return central forecasts, corrected by the errors of those of earlier midnights.

    Args:
        forecasts: rows of `naive_forecasts`, of any number of vintages, all from before there is a model.
        history: readings `slot_start, load_kwh, pv_kwh`; rows from a vintage on do not reach that vintage.
        timezone: time zone of the site.

    Returns:
        The same rows; `correction_source` is `mean` where one was corrected, else `none`.
    """
    read = history.select("slot_start", *(pl.col(name).fill_nan(None).alias(f"{name}_read") for name in _QUANTITIES))
    # Each vintage's own day: what was expected of it at its midnight, and what came.
    past = (
        forecasts.filter(local_day(timezone) == pl.col("local_day"))
        .join(read, on="slot_start")
        .drop_nulls([f"{name}_read" for name in _QUANTITIES])
    )
    vintages = forecasts["local_day"].unique().sort().to_list()
    made = [_one(forecasts.filter(pl.col("local_day") == day), past, timezone) for day in vintages]
    return pl.concat(made) if made else forecasts


def _one(forecast: pl.DataFrame, past: pl.DataFrame, timezone: str) -> pl.DataFrame:
    """One vintage's forecast, corrected by days that had ended at it."""
    day = forecast["local_day"][0]
    known = past.filter(pl.col("local_day").is_between(day - timedelta(days=14), day, closed="left"))
    if known["local_day"].n_unique() < FIRST_DAYS:
        return forecast
    corrected = _keyed(forecast, timezone)
    for name in _QUANTITIES:
        corrected = _scaled(corrected, _keyed(known, timezone), name)
    return corrected.select(forecast.columns).with_columns(correction_source=pl.lit("mean"))


def _scaled(forecast: pl.DataFrame, known: pl.DataFrame, name: str) -> pl.DataFrame:
    """Return a quantity scaled by weekday and hour; the hour's mean over all days counts as one more day."""
    sums = [pl.col(name, f"{name}_read").sum()]
    days = pl.col("local_day").n_unique().alias("days")
    by_hour = known.group_by("hour").agg(*sums, days).select("hour", *(pl.col(n) / pl.col("days") for n in _pair(name)))
    by_both = known.group_by("weekday", "hour").agg(*sums)
    ratios = (
        forecast.join(by_hour, on="hour", how="left", suffix="_hour", maintain_order="left")
        .join(by_both, on=["weekday", "hour"], how="left", suffix="_both", maintain_order="left")
    )  # fmt: skip
    expected = pl.col(f"{name}_hour").fill_null(0.0) + pl.col(f"{name}_both").fill_null(0.0)
    came = _read(ratios, name)
    ratio = pl.when(expected > 0).then(came / expected).otherwise(1.0).clip(1 - MAX_CORRECTION, 1 + MAX_CORRECTION)
    return ratios.with_columns((pl.col(name) * ratio).alias(name)).select(forecast.columns)


def _pair(name: str) -> tuple[str, str]:
    return name, f"{name}_read"


def _read(ratios: pl.DataFrame, name: str) -> pl.Expr:
    """Return the sum of the readings: the hour's mean and the weekday's sum, as the joins named them."""
    columns = [column for column in (f"{name}_read", f"{name}_read_both") if column in ratios.columns]
    return pl.sum_horizontal(pl.col(column).fill_null(0.0) for column in columns)


def _keyed(rows: pl.DataFrame, timezone: str) -> pl.DataFrame:
    local = pl.col("slot_start").dt.convert_time_zone(timezone)
    return rows.with_columns(weekday=local.dt.weekday(), hour=local.dt.hour())
