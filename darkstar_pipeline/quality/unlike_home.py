"""Readings that a home cannot have had, by what it used itself on the same day and the day before.

One rule set, for every import and for the gate. A reading is refused where

- *stood still*: the load is zero (below 5 W) all day, or for twelve hours in a home where it else never is;
- *repeats the day before*: within three hours of midnight one reading is the total of the day before, give or take 3 %,
  and the readings beside it are ordinary: a car that charges for two hours is no total;
- *many times its own most*: readings of an hour at most are above 15 kW and eight times what nine in ten of the day's
  readings stay below (three in four, where it is not the load), or above 30 kW and three times that; longer ones where
  they are above 45 kW or, for the load, not as even as a car that charges, or more than its battery holds;
- *in the dark*: PV around midnight, on a day that was read whole, is above 500 W and a fifth of what it is at its best;
- a stretch is one that no home has: `odd_stretches`.

The first day of a range has no day before: the rules that look at another day say less of it.
"""

from functools import partial

import numpy as np
import polars as pl

from darkstar_pipeline.quality.odd_stretches import (
    LEAST_LOAD_KW,
    Rows,
    below_base,
    counted_later,
    stuck,
    times_ten,
)

STILL_HOURS = 12.0
"""A load of zero for as long is no reading in a home that else always uses something [h]."""
_RARELY_ZERO = 0.02
_TIMES_USUAL = 8.0
_LEAST_KW = 15.0
_LEAST_TOTAL_KWH = 2.0
_TOTAL_TIMES_USUAL = 3.0
_TOTAL_SHARE = 0.03
_NEAR_MIDNIGHT_H = 3
_SINGLE_HOURS = 1.0
_FAR_KW = 30.0
_FAR_TIMES_USUAL = 3.0
_MOST_KW = 45.0
_EVEN = 0.3
_CAR_KWH = 120.0
_DARK_HOURS = (23, 0, 1, 2)
_DARK_KW = 0.5
_DARK_SHARE = 0.2
_STRETCH = "_stretch"
_LIMITED = ("pv_kwh", "export_kwh")
_STICKING = ("load_kwh", "import_kwh", *_LIMITED)
_WHOLE_DAY_H = 22.0
_NATIVE = "native_minutes"
REASON = "unlike"


def unlike_home(rows: pl.DataFrame, column: str, timezone: str) -> pl.DataFrame:
    """Return the readings of a quantity that are not believed.

    Args:
        rows: `slot_start`, `native_minutes` and the column [kWh per row]; null where nothing was read.
        column: an energy.
        timezone: IANA zone of the local days.

    Returns:
        `[slot_start, unlike]`; `unlike` is the reason in words.
    """
    local = pl.col("slot_start").dt.convert_time_zone(timezone)
    hours = pl.col(_NATIVE) / 60
    read = (
        rows.select("slot_start", _NATIVE, pl.col(column).alias("kwh"))
        .drop_nulls("kwh")
        .filter(pl.col("kwh").is_finite())
        .sort("slot_start")
        .with_columns(day=local.dt.date(), clock=local.dt.hour(), hours=hours, kw=pl.col("kwh") / hours)
    )
    if read.is_empty():
        return pl.DataFrame(schema={"slot_start": rows.schema["slot_start"], REASON: pl.String})
    still = column == "load_kwh" and bool((read["kw"] < LEAST_LOAD_KW).any())
    judged = _with_stretches(_with_usual(read, column), column)
    checks = [pl.col(_STRETCH), _repeats(column), _many_times(column), _in_the_dark(column)]
    if still:
        judged = _with_standstill(judged)
        checks.insert(0, _stood_still())
    return (
        judged.with_columns(pl.coalesce(checks).alias(REASON))
        .filter(pl.col(REASON).is_not_null())
        .select("slot_start", REASON)
    )


def _with_usual(read: pl.DataFrame, column: str) -> pl.DataFrame:
    """Add what is usual on the day, the total of the day before, and how long and even runs of large readings are."""
    used = pl.col("kw").filter(pl.col("kw") > 0)
    # In a short day of sun two wrong readings must not become what is usual.
    around = used.quantile(0.9 if column == "load_kwh" else 0.75, interpolation="lower")
    days = read.group_by("day", maintain_order=True).agg(usual=used.quantile(0.9), around=around)
    if column == "load_kwh":
        # Nor must readings that are wrong for hours; but the sun may be so from one day to the next.
        beside = [pl.col("around").shift(-1), pl.col("around"), pl.col("around").shift(1)]
        middle = pl.when(beside[0].is_null() | beside[2].is_null()).then(pl.min_horizontal(beside))
        days = days.with_columns(around=middle.otherwise(pl.concat_list(beside).list.median()))
    days = days.with_columns(typical=pl.col("around").median())
    known = read.join(days, on="day", how="left", maintain_order="left")
    ordinary = pl.col("kwh").filter(pl.col("kw") <= _TOTAL_TIMES_USUAL * pl.col("usual"))
    totals = known.group_by("day").agg(ordinary=ordinary.sum(), whole=pl.col("hours").sum() >= _WHOLE_DAY_H)
    before = totals.select(pl.col("day") + pl.duration(days=1), before="ordinary", before_whole="whole")
    large = (pl.col("kw") > _LEAST_KW) & (pl.col("kw") > _TIMES_USUAL * pl.col("around"))
    far = (pl.col("kw") > _FAR_KW) & (pl.col("kw") > _FAR_TIMES_USUAL * pl.col("around"))
    beyond = (pl.col("kw") > _MOST_KW) & (pl.col("kw") > _TIMES_USUAL * pl.col("typical"))
    uneven = (pl.col("kw").max() - pl.col("kw").min()) / pl.col("kw").max() > _EVEN
    return (
        known.join(totals.select("day", "whole"), on="day", how="left", maintain_order="left")
        .join(before, on="day", how="left", maintain_order="left")
        .with_columns(
            large=large.fill_null(value=False),
            far=far.fill_null(value=False),
            beyond=beyond.fill_null(value=False),
        )
        .with_columns(_run=pl.col("large").rle_id(), _far_run=pl.col("far").rle_id())
        .with_columns(
            run_hours=pl.col("hours").sum().over("_run"),
            far_hours=pl.col("hours").sum().over("_far_run"),
            no_car=(uneven | (pl.col("kwh").sum() > _CAR_KWH)).over("_run") & pl.lit(column == "load_kwh"),
        )
        .drop("_run", "_far_run")
    )


def _with_stretches(judged: pl.DataFrame, column: str) -> pl.DataFrame:
    """Add why a reading belongs to a stretch that no home has; null where it does not."""
    number = judged["day"].rle_id().to_numpy().astype(np.int64)
    values = [judged[name].to_numpy() for name in ("kw", "hours")]
    rows = Rows(kw=values[0], hours=values[1], day=number, whole=judged["whole"].to_numpy())
    rules = {"{} repeats one value for hours: its sensor stuck": partial(stuck, limited=column in _LIMITED)}
    if column == "load_kwh":
        rules |= {
            "{} is below what this home needs to stand by": below_base,
            "{} is zero and then comes at once: it was counted later": counted_later,
            "{} is a power of ten times that of the days beside it all day: its unit is another": times_ten,
        }
    elif column not in _STICKING:
        rules = {}
    why = pl.Series(_STRETCH, [None] * judged.height, dtype=pl.String)
    for words, rule in rules.items():
        found = pl.Series(rule(rows))
        if found.any():
            why = why.zip_with(why.is_not_null() | ~found, pl.Series([words.format(column)] * judged.height))
    return judged.with_columns(why.alias(_STRETCH))


def _repeats(column: str) -> pl.Expr:
    """The total of the day before, shown once around midnight."""
    near = (pl.col("clock") < _NEAR_MIDNIGHT_H) | (pl.col("clock") >= 24 - _NEAR_MIDNIGHT_H)
    total = pl.col("before")
    same = (pl.col("kwh") - total).abs().is_between(0, _TOTAL_SHARE * total + pl.col("usual") * pl.col("hours"))
    far = pl.col("kw") > _TOTAL_TIMES_USUAL * pl.col("usual")
    alone = ~far.shift(1, fill_value=False) & ~far.shift(-1, fill_value=False)
    applies = near & same & far & alone & pl.col("before_whole") & (total >= _LEAST_TOTAL_KWH)
    words = pl.format("{} {} kWh is the total of the day before", pl.lit(column), pl.col("kwh").round(2))
    return pl.when(applies).then(words)


def _in_the_dark(column: str) -> pl.Expr:
    """PV around midnight, where even the midnight sun gives next to nothing."""
    dark = pl.col("clock").is_in(_DARK_HOURS)
    bright = pl.col("kw") > pl.max_horizontal(_DARK_KW, _DARK_SHARE * pl.col("kw").quantile(0.95))
    words = pl.format("{} {} kWh flowed around midnight", pl.lit(column), pl.col("kwh").round(2))
    return pl.when(dark & bright & pl.col("whole") & pl.lit(column == "pv_kwh")).then(words)


def _many_times(column: str) -> pl.Expr:
    times = (pl.col("kw") / pl.col("around")).round(0).cast(pl.Int64)
    words = pl.format(
        "{} {} kWh is {} kW, {} times what is usual that day",
        pl.lit(column),
        pl.col("kwh").round(2),
        pl.col("kw").round(1),
        times,
    )
    large = pl.col("large") & ((pl.col("run_hours") <= _SINGLE_HOURS) | (pl.col("kw") > _MOST_KW) | pl.col("no_car"))
    return pl.when(pl.col("beyond") | large | (pl.col("far") & (pl.col("far_hours") <= _SINGLE_HOURS))).then(words)


def _with_standstill(judged: pl.DataFrame) -> pl.DataFrame:
    """Add how long the load is zero around a row, and whether it is zero elsewhere."""
    zero = pl.col("kw") < LEAST_LOAD_KW
    runs = judged.with_columns(_zero=zero, _run=zero.rle_id()).with_columns(
        still=pl.when(pl.col("_zero")).then(pl.col("hours").sum().over("_run")).otherwise(0.0),
        all_day=(pl.col("kwh").sum().over("day") < LEAST_LOAD_KW * pl.col("hours").sum().over("day"))
        & (pl.col("hours").sum().over("day") >= _WHOLE_DAY_H),
    )
    long = pl.col("still") >= STILL_HOURS
    short = (pl.col("_zero") & ~long).sum().over("day")
    spoken = (~long).sum().over("day")
    return runs.with_columns(rare=(spoken > 0) & (short <= _RARELY_ZERO * spoken))


def _stood_still() -> pl.Expr:
    still = (pl.col("still") >= STILL_HOURS) & pl.col("rare")
    words = pl.format("load_kwh is zero for {} hours: its counter stood still", pl.col("still").round(1))
    return (
        pl.when(pl.col("all_day"))
        .then(pl.lit("load_kwh is zero or next to it all day: its counter stood still"))
        .when(still)
        .then(words)
    )
