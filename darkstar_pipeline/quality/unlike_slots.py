"""Readings on the slot grid that a home cannot have had: those of an hourly source are judged by the hour, as it read.

An hour that was split evenly into four slots is one reading: four rows of it are no stretch, and four equal values are
no sensor that stuck. A day is hourly where nearly all of its hours have four equal slots; its other hours are not.
"""

import numpy as np
import polars as pl

from darkstar_pipeline.quality.unlike_home import REASON, unlike_home
from env.home_rows import HOME, by_home, with_home
from env.time_grid import SLOT_MINUTES

_HOURLY_SHARE = 0.95
_EQUAL_KWH = 1e-9
_SLOTS = 60 // SLOT_MINUTES
_HOUR_US, _SLOT_US = 3_600_000_000, SLOT_MINUTES * 60_000_000


def unlike_slots(slots: pl.DataFrame, column: str, timezone: str) -> pl.DataFrame:
    """Return the readings of a quantity that are not believed: `slot_start, unlike`, of many homes `site` in front.

    Args:
        slots: `slot_start` and the column [kWh per slot], of several homes with `site`; null where nothing was read.
        column: an energy.
        timezone: IANA zone of the local days.
    """
    if slots[column].null_count() == slots.height:  # most homes lack a meter or two
        return pl.DataFrame(
            schema={**{name: slots.schema[name] for name in by_home(slots, "slot_start")}, REASON: pl.String}
        )
    own = with_home(slots).select(HOME, "slot_start", column)
    read = own.filter(pl.col(column).is_finite()).sort(HOME, "slot_start")
    split = _split_hours(read, column, timezone)
    rest = read
    if split.height:
        hour = split.select(HOME, pl.col("slot_start").alias("_hour"))
        hourly = read.with_columns(pl.col("slot_start").dt.truncate("1h").alias("_hour"))
        rest = hourly.join(hour, on=[HOME, "_hour"], how="anti", maintain_order="left").drop("_hour")
    rows = [rest.with_columns(native_minutes=pl.lit(SLOT_MINUTES)), split.with_columns(native_minutes=pl.lit(60))]
    found = unlike_home(pl.concat(rows), column, timezone)
    if split.height:
        minutes = pl.DataFrame({"_minutes": [number * SLOT_MINUTES for number in range(1, _SLOTS)]})
        later = found.join(split, on=[HOME, "slot_start"], how="semi", maintain_order="left").join(minutes, how="cross")
        start = pl.col("slot_start") + pl.duration(minutes=pl.col("_minutes"))
        found = pl.concat([found, later.select(HOME, start, REASON)]).sort(HOME, "slot_start")
    return found.select(*by_home(slots, "slot_start"), REASON)


def _split_hours(read: pl.DataFrame, column: str, timezone: str) -> pl.DataFrame:
    """Return the hours that were split evenly, of the days that are hourly: `site, slot_start` and the column.

    Args:
        read: `site, slot_start` and the column, by home and time.
        column: an energy.
        timezone: IANA zone of the local days.
    """
    at, home = read["slot_start"].dt.epoch("us").to_numpy(), read[HOME].rle_id().to_numpy()
    first = np.flatnonzero(at[: read.height - _SLOTS + 1] % _HOUR_US == 0)
    last = first + _SLOTS - 1
    first = first[(at[last] - at[first] == _HOUR_US - _SLOT_US) & (home[last] == home[first])]
    quarters = read[column].to_numpy()[first[:, None] + np.arange(_SLOTS)]
    evenly = quarters.max(axis=1, initial=-np.inf) - quarters.min(axis=1, initial=np.inf) <= _EQUAL_KWH
    if not (evenly & (quarters.sum(axis=1) > 0)).any():
        return read.clear()
    local = pl.col("slot_start").dt.convert_time_zone(timezone)
    ends = (pl.col("slot_start") + pl.duration(microseconds=_HOUR_US - _SLOT_US)).dt.convert_time_zone(timezone)
    hours = (
        read.select(HOME, "slot_start")[first]
        .with_columns(
            pl.Series(column, quarters.sum(axis=1)),
            pl.Series("even", evenly),
            local.dt.date().alias("_day"),
        )
        .filter(pl.col("_day") == ends.dt.date())
    )
    used = hours.filter(pl.col(column) > 0).group_by(HOME, "_day").agg(share=pl.col("even").mean())
    hourly = used.filter(pl.col("share") >= _HOURLY_SHARE)
    split = hours.filter("even").join(hourly, on=[HOME, "_day"], how="semi", maintain_order="left")
    return split.select(HOME, "slot_start", column)
