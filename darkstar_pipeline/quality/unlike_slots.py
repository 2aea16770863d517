"""Readings on the slot grid that a home cannot have had: those of an hourly source are judged by the hour, as it read.

An hour that was split evenly into four slots is one reading: four rows of it are no stretch, and four equal values are
no sensor that stuck. A day is hourly where nearly all of its hours have four equal slots; its other hours are not.
"""

import polars as pl

from darkstar_pipeline.quality.unlike_home import REASON, unlike_home
from env.time_grid import SLOT_MINUTES

_HOURLY_SHARE = 0.95
_EQUAL_KWH = 1e-9
_SLOTS = 60 // SLOT_MINUTES


def unlike_slots(slots: pl.DataFrame, column: str, timezone: str) -> pl.DataFrame:
    """Return the readings of a quantity that are not believed: `[slot_start, unlike]`.

    Args:
        slots: `slot_start` and the column [kWh per slot]; null where nothing was read.
        column: an energy.
        timezone: IANA zone of the local days.
    """
    if slots[column].null_count() == slots.height:  # most homes lack a meter or two
        return pl.DataFrame(schema={"slot_start": slots.schema["slot_start"], REASON: pl.String})
    value = pl.col(column)
    day = pl.col("slot_start").dt.convert_time_zone(timezone).dt.date().alias("_day")
    hour = pl.col("slot_start").dt.truncate("1h").alias("_hour")
    read = slots.select("slot_start", column).filter(value.is_finite()).with_columns(day, hour)
    hours = (
        read.group_by("_day", "_hour")
        .agg(value.sum(), count=pl.len(), even=value.max() - value.min() <= _EQUAL_KWH)
        .filter(pl.col("count") == _SLOTS)
    )
    used = hours.filter(value > 0).group_by("_day").agg(share=pl.col("even").mean())
    hourly = used.filter(pl.col("share") >= _HOURLY_SHARE)
    split = hours.filter("even").join(hourly, on="_day", how="semi")
    rest = read.join(split, on="_hour", how="anti")
    rows = pl.concat(
        [
            split.select(pl.col("_hour").alias("slot_start"), column, pl.lit(60).alias("native_minutes")),
            rest.select("slot_start", column, pl.lit(SLOT_MINUTES).alias("native_minutes")),
        ]
    ).sort("slot_start")
    found = unlike_home(rows, column, timezone)
    if found.is_empty():
        return found
    offsets = pl.DataFrame({"_minutes": [number * SLOT_MINUTES for number in range(_SLOTS)]})
    native = found.join(rows.select("slot_start", "native_minutes"), on="slot_start", how="left")
    each = native.join(offsets, how="cross").filter(pl.col("_minutes") < pl.col("native_minutes"))
    start = pl.col("slot_start") + pl.duration(minutes=pl.col("_minutes"))
    return each.select(start, REASON).sort("slot_start")
