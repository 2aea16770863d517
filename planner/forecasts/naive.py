"""Forecasts of load and PV: for now the mean of the same slot over the last days.

The leakage rule: a forecast of vintage v uses nothing that ended after v. Vintages here are local midnights, and the
days averaged end at the latest at that midnight.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from env.home_rows import average, by_home
from env.time_grid import SLOT_DTYPE, grid, local_clock, local_day

MODEL_VERSION = "naive_mean"
_COLUMNS = (
    "slot_start", "local_day", "vintage", "quantile", "load_kwh", "pv_kwh", "temp_c", "model_version",
    "correction_source",
)  # fmt: skip


def naive_forecasts(
    history: pl.DataFrame, days: Sequence[date], timezone: str, *, load_days: int, pv_days: int
) -> pl.DataFrame:
    """Return forecasts made at the start of each day for the slots of that day and the next.

    Args:
        history: `slot_start`, `load_kwh`, `pv_kwh`, of several homes with `site`; rows on or after a vintage do not
            reach that vintage.
        days: local days of the vintages.
        timezone: time zone of the site.
        load_days: days averaged for the load.
        pv_days: days averaged for PV. A time of day that none of the averaged days read is taken from the last day
            that did, within the longer of the two spans.

    Returns:
        `slot_start, local_day` (of the vintage)`, vintage, quantile, load_kwh, pv_kwh, temp_c, model_version,
        correction_source`, of several homes `site` in front; a vintage without any history has no rows.
    """
    if not days:
        return _empty()
    daily = history.select(
        *by_home(history),
        local_day(timezone),
        local_clock(timezone),
        pl.col("load_kwh").fill_nan(None),
        pl.col("pv_kwh").fill_nan(None),
    )
    longest = max(load_days, pv_days)
    wanted = pl.DataFrame({"vintage_day": list(days)}, schema={"vintage_day": pl.Date}).unique()
    spans = {"load_kwh": load_days, "pv_kwh": pv_days}
    load, pv = (_profile(daily, name, wanted, n_days, longest) for name, n_days in spans.items())
    targets, keys = _targets(wanted, timezone), by_home(daily, "vintage_day", "local_clock")
    if homes := by_home(daily):
        targets = targets.join(daily.select(homes).unique(), how="cross")
    joined = (
        targets.join(load, on=keys, how="left")
        .join(pv, on=keys, how="left")
        .sort(by_home(daily, "vintage_day", "slot_start"))
        # A wall-clock time that none of the days had (the hour skipped in spring, at first): its neighbour's.
        .with_columns(
            pl.col("load_kwh", "pv_kwh")
            .fill_null(strategy="forward")
            .fill_null(strategy="backward")
            .over(by_home(daily, "vintage_day"))
        )
        .filter(pl.col("load_kwh").is_not_null() | pl.col("pv_kwh").is_not_null())
    )
    return joined.select(
        *homes,
        "slot_start",
        pl.col("vintage_day").alias("local_day"),
        "vintage",
        pl.lit(0.5).alias("quantile"),
        "load_kwh",
        "pv_kwh",
        pl.lit(None, dtype=pl.Float64).alias("temp_c"),
        pl.lit(f"{MODEL_VERSION}_{load_days}_{pv_days}").alias("model_version"),
        pl.lit("none").alias("correction_source"),
    )


def _profile(daily: pl.DataFrame, quantity: str, wanted: pl.DataFrame, n_days: int, longest: int) -> pl.DataFrame:
    """Return the mean by `vintage_day` and `local_clock` over the `n_days` before each vintage.

    A time that none of these was read at has the value of the last day before them that was, up to `longest` days back.
    """
    per_day = (
        daily.group_by(by_home(daily, "local_day", "local_clock"))
        .agg(pl.col(quantity).mean())
        # Sorted, since a floating-point sum depends on its order and the same input must give the same bytes.
        .sort("local_day", descending=True)
    )
    keys = by_home(daily, "vintage_day", "local_clock")
    near = _of_days_before(per_day, wanted, 1, n_days)
    averaged = near.group_by(keys, maintain_order=True).agg(average(pl.col(quantity)))
    if longest == n_days:
        return averaged
    far = _of_days_before(per_day, wanted, n_days + 1, longest)
    older = far.group_by(keys, maintain_order=True).agg(pl.col(quantity).drop_nulls().first().alias("older"))
    return averaged.join(older, on=keys, how="full", coalesce=True).select(
        *keys, pl.coalesce(quantity, "older").alias(quantity)
    )


def _of_days_before(per_day: pl.DataFrame, wanted: pl.DataFrame, first: int, last: int) -> pl.DataFrame:
    """Return the days `first` to `last` before each wanted vintage, the last of them first."""
    shifts = pl.DataFrame({"shift": range(first, last + 1)})
    ahead = wanted.join(shifts, how="cross").with_columns(local_day=pl.col("vintage_day") - pl.duration(days="shift"))
    return per_day.join(ahead.drop("shift"), on="local_day", maintain_order="left")


def _targets(wanted: pl.DataFrame, timezone: str) -> pl.DataFrame:
    """Return every slot of each day and the next, with the vintage it is forecast from."""
    days = wanted["vintage_day"].to_list()
    slots = grid(min(days), max(days) + timedelta(days=1), timezone).with_columns(local_clock(timezone))
    starts = slots.group_by("local_day").agg(pl.col("slot_start").min().alias("vintage"))
    spans = [
        wanted.with_columns((pl.col("vintage_day") + pl.duration(days=ahead)).alias("local_day")) for ahead in (0, 1)
    ]
    return (
        pl.concat(spans)
        .join(slots, on="local_day")
        .join(starts.rename({"local_day": "vintage_day"}), on="vintage_day")
        .drop("local_day")
    )


def _empty() -> pl.DataFrame:
    types = {
        "slot_start": SLOT_DTYPE, "local_day": pl.Date, "vintage": SLOT_DTYPE, "quantile": pl.Float64,
        "load_kwh": pl.Float64, "pv_kwh": pl.Float64, "temp_c": pl.Float64, "model_version": pl.String,
        "correction_source": pl.String,
    }  # fmt: skip
    return pl.DataFrame(schema={name: types[name] for name in _COLUMNS})
