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

Readings of many homes are judged in one frame, each home by its own rows. What is cheap is asked of all rows, and what
takes runs and words only of those that may be refused.
"""

from functools import partial

import numpy as np
import polars as pl

from darkstar_pipeline.quality.odd_stretches import LEAST_LOAD_KW, below_base, counted_later, stuck, times_ten
from darkstar_pipeline.quality.series_rows import Rows
from env.home_rows import HOME, by_home, total, with_home
from planner.wording.columns import worded

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
_LIMITED = ("pv_kwh", "export_kwh")
_STICKING = ("load_kwh", "import_kwh", *_LIMITED)
_WHOLE_DAY_H = 22.0
_NATIVE = "native_minutes"
REASON = "unlike"
_ROW, _OF_HOME, _OF_DAY = "_row", "_home", "_day"


def unlike_home(rows: pl.DataFrame, column: str, timezone: str) -> pl.DataFrame:
    """Return the readings of a quantity that are not believed.

    Args:
        rows: `slot_start`, `native_minutes` and the column [kWh per row], of several homes with `site`; null where
            nothing was read.
        column: an energy.
        timezone: IANA zone of the local days.

    Returns:
        `[slot_start, unlike]`, of several homes `site` in front, by home and time; `unlike` is the reason in words.
    """
    nothing = pl.DataFrame(
        schema={**{name: rows.schema[name] for name in by_home(rows, "slot_start")}, REASON: pl.String}
    )
    read = _read(rows, column, timezone)
    if read.is_empty():
        return nothing
    judged = pl.concat([read, _days(read, column)[read[_OF_DAY]]], how="horizontal")
    found = _stood_still(judged) if column == "load_kwh" else []
    found += [*_stretches(judged, column), *_repeats(judged, column), *_many_times(judged, column)]
    if column == "pv_kwh":
        found += _in_the_dark(judged)
    if not found:
        return nothing
    refused = pl.concat(found).unique(_ROW, keep="first", maintain_order=True).sort(_ROW)
    return refused.select(*by_home(rows, "slot_start"), REASON)


def _read(rows: pl.DataFrame, column: str, timezone: str) -> pl.DataFrame:
    """Return what was read, by home and time, with power, local day and clock, and numbers of row, home and day."""
    local = pl.col("slot_start").dt.convert_time_zone(timezone)
    hours = pl.col(_NATIVE) / 60
    read = (
        with_home(rows)
        .select(HOME, "slot_start", _NATIVE, pl.col(column).alias("kwh"))
        .filter(pl.col("kwh").is_finite())
        .sort(HOME, "slot_start")
        .with_columns(day=local.dt.date(), clock=local.dt.hour(), hours=hours, kw=pl.col("kwh") / hours)
    )
    home, day = (read[name].rle_id().to_numpy() for name in (HOME, "day"))
    begins = np.append(0, (home[1:] != home[:-1]) | (day[1:] != day[:-1]))
    numbers = {_OF_HOME: home, _OF_DAY: begins[: read.height].cumsum(), _ROW: np.arange(read.height)}
    return read.with_columns(pl.Series(name, values.astype(np.int64)) for name, values in numbers.items())


def _changes(*names: str) -> pl.Expr:
    """Return a number that grows wherever one of the columns changes."""
    return pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in names).cum_sum()


def _days(read: pl.DataFrame, column: str) -> pl.DataFrame:
    """Return by number of the day what is usual on it, whether it was read whole, and the total of the day before."""
    used = pl.col("kw").filter(pl.col("kw") > 0)
    usual = used.quantile(0.9)
    days = read.group_by(_OF_DAY, maintain_order=True).agg(
        pl.col(_OF_HOME, "day").first(),
        usual=usual,
        # In a short day of sun two wrong readings must not become what is usual.
        around=used.quantile(0.9 if column == "load_kwh" else 0.75, interpolation="lower"),
        ordinary=total(pl.col("kwh").filter(pl.col("kw") <= _TOTAL_TIMES_USUAL * usual)),
        whole=total(pl.col("hours")) >= _WHOLE_DAY_H,
    )
    if column == "load_kwh":
        # Nor must readings that are wrong for hours; but the sun may be so from one day to the next.
        around = pl.col("around")
        beside = days.select(
            _of_neighbour(around, -1).alias("after"), "around", _of_neighbour(around, 1).alias("before")
        )
        edge = pl.any_horizontal(pl.col("after", "before").is_null())
        middle = pl.concat_list(beside.columns).list.median()
        days = days.with_columns(
            beside.select(around=pl.when(edge).then(pl.min_horizontal(beside.columns)).otherwise(middle))
        )
    follows = pl.col("day") - _of_neighbour(pl.col("day"), 1) == pl.duration(days=1)
    return days.select(
        "usual",
        "around",
        "whole",
        typical=pl.col("around").median().over(_OF_HOME),
        before=pl.when(follows).then(pl.col("ordinary").shift()),
        before_whole=pl.when(follows).then(pl.col("whole").shift()),
    )


def _of_neighbour(value: pl.Expr, step: int) -> pl.Expr:
    """Return the value of the row so many before in the same home, null where there is none."""
    return pl.when(pl.col(_OF_HOME) == pl.col(_OF_HOME).shift(step)).then(value.shift(step))


def _refused(rows: pl.DataFrame, words: pl.Expr) -> list[pl.DataFrame]:
    """Return rows with the reason for which they are not believed; no frame where there are none."""
    return [] if rows.is_empty() else [rows.select(HOME, "slot_start", _ROW, words.cast(pl.String).alias(REASON))]


def _stretches(judged: pl.DataFrame, column: str) -> list[pl.DataFrame]:
    """Return the readings that belong to a stretch that no home has."""
    rules = {"{} repeats one value for hours: its sensor stuck": partial(stuck, limited=column in _LIMITED)}
    if column == "load_kwh":
        rules |= {
            "{} is below what this home needs to stand by": below_base,
            "{} is zero and then comes at once: it was counted later": counted_later,
            "{} is a power of ten times that of the days beside it all day: its unit is another": times_ten,
        }
    elif column not in _STICKING:
        rules = {}
    values = [judged[name].to_numpy() for name in ("kw", "hours", "whole")]
    day, home = (judged[name].to_numpy() for name in (_OF_DAY, _OF_HOME))
    rows = Rows(kw=values[0], hours=values[1], day=day, whole=values[2], home=home)
    found: list[pl.DataFrame] = []
    for words, rule in rules.items():
        mask = rule(rows)
        if mask.any():
            found += _refused(judged.filter(pl.Series(mask)), pl.lit(words.format(column)))
    return found


def _repeats(judged: pl.DataFrame, column: str) -> list[pl.DataFrame]:
    """Return the total of the day before, shown once around midnight."""
    if not (judged["kw"] > _TOTAL_TIMES_USUAL * judged["usual"]).any():
        return []
    near = (pl.col("clock") < _NEAR_MIDNIGHT_H) | (pl.col("clock") >= 24 - _NEAR_MIDNIGHT_H)
    before = pl.col("before")
    same = (pl.col("kwh") - before).abs().is_between(0, _TOTAL_SHARE * before + pl.col("usual") * pl.col("hours"))
    far = pl.col("kw") > _TOTAL_TIMES_USUAL * pl.col("usual")
    alone = ~_beside(far, 1) & ~_beside(far, -1)
    applies = near & same & far & alone & pl.col("before_whole") & (before >= _LEAST_TOTAL_KWH)
    words = worded("{} {} kWh is the total of the day before", pl.lit(column), pl.col("kwh").round(2))
    return _refused(judged.filter(applies), words)


def _beside(flag: pl.Expr, step: int) -> pl.Expr:
    """Return the flag of a neighbouring row of the same home, false where there is none."""
    other = pl.col(_OF_HOME).ne_missing(pl.col(_OF_HOME).shift(step))
    return pl.when(other).then(pl.lit(value=False)).otherwise(flag.shift(step))


def _many_times(judged: pl.DataFrame, column: str) -> list[pl.DataFrame]:
    """Return readings that are many times what the home else has, by how long and how even their runs are."""
    kw = pl.col("kw")
    if not (judged["kw"] > _LEAST_KW).any():
        return []
    flagged = judged.with_columns(
        large=((kw > _LEAST_KW) & (kw > _TIMES_USUAL * pl.col("around"))).fill_null(value=False),
        far=((kw > _FAR_KW) & (kw > _FAR_TIMES_USUAL * pl.col("around"))).fill_null(value=False),
        beyond=((kw > _MOST_KW) & (kw > _TIMES_USUAL * pl.col("typical"))).fill_null(value=False),
    )
    runs = flagged.with_columns(_run=_changes(_OF_HOME, "large"), _far_run=_changes(_OF_HOME, "far"))
    some = runs.filter(pl.any_horizontal("large", "far", "beyond"))
    uneven = (kw.max() - kw.min()) / kw.max() > _EVEN
    no_car = (uneven | (pl.col("kwh").sum() > _CAR_KWH)).over("_run") & pl.lit(column == "load_kwh")
    short, far_short = (pl.col("hours").sum().over(run) <= _SINGLE_HOURS for run in ("_run", "_far_run"))
    large = pl.col("large") & (short | (kw > _MOST_KW) | no_car)
    words = worded(
        "{} {} kWh is {} kW, {} times what is usual that day",
        pl.lit(column),
        pl.col("kwh").round(2),
        kw.round(1),
        (kw / pl.col("around")).round(0).cast(pl.Int64),
    )
    return _refused(some.filter(pl.col("beyond") | large | (pl.col("far") & far_short)), words)


def _in_the_dark(judged: pl.DataFrame) -> list[pl.DataFrame]:
    """Return PV around midnight, where even the midnight sun gives next to nothing."""
    dark = pl.col("clock").is_in(_DARK_HOURS) & (pl.col("kw") > _DARK_KW) & pl.col("whole")
    bright = pl.col("kw") > _DARK_SHARE * pl.col("kw").quantile(0.95).over(_OF_HOME)
    words = worded("pv_kwh {} kWh flowed around midnight", pl.col("kwh").round(2))
    return _refused(judged.filter(dark & bright), words) if judged.select(dark.any()).item() else []


def _stood_still(judged: pl.DataFrame) -> list[pl.DataFrame]:
    """Return loads of zero that last all day, or for hours in a home that else is never at zero."""
    zero = pl.col("kw") < LEAST_LOAD_KW
    if not (judged["kw"] < LEAST_LOAD_KW).any():
        return []
    homes = judged.filter(zero)[_OF_HOME].unique().implode()
    runs = judged.filter(pl.col(_OF_HOME).is_in(homes)).with_columns(_zero=zero)
    all_day = pl.col("kwh").sum() < LEAST_LOAD_KW * pl.col("hours").sum()
    judged_runs = runs.with_columns(_run=_changes(_OF_HOME, "_zero")).with_columns(
        still=pl.when("_zero").then(pl.col("hours").sum().over("_run")).otherwise(0.0),
        all_day=(all_day & pl.col("_zero").any() & (pl.col("hours").sum() >= _WHOLE_DAY_H)).over(_OF_DAY),
    )
    long = pl.col("still") >= STILL_HOURS
    short, spoken = (pl.col("_zero") & ~long).sum().over(_OF_DAY), (~long).sum().over(_OF_DAY)
    rare = (spoken > 0) & (short <= _RARELY_ZERO * spoken)
    for_hours = worded("load_kwh is zero for {} hours: its counter stood still", pl.col("still").round(1))
    every = pl.lit("load_kwh is zero or next to it all day: its counter stood still")
    words = pl.when("all_day").then(every).otherwise(for_hours)
    return _refused(judged_runs.filter(pl.col("all_day") | (long & rare)), words)
