"""Grades of days: usable, usable without the battery's own readings, or excluded, with the reasons.

- `exclude`: a core slot is missing (load, and PV in a home that has it), a reading is one that the home cannot have had
  (`unlike_home`), a state of charge is outside 0-100 % or jumps by more than 40 points between neighbouring slots,
  three or more hours have a bad core reading (load, PV, import or export; `bad_hours` says when an hour is bad), or a
  price is missing, only estimated, or all of them are zero;
- `mask_battery`: otherwise, an hour has a bad battery reading, or the battery's day does not balance;
- `clean`: the rest.

A day's battery balances when what its state of charge gained from the first to the last slot equals efficiency *
charge - discharge / efficiency, give or take two percent of the capacity (whole percents at both ends) and a tenth of
what went through it (losses that the data sheet leaves out: standby, heating, the meter). It is checked where charge,
discharge and both states of charge were read.
"""

from collections.abc import Mapping
from datetime import date

import polars as pl

from darkstar_pipeline.quality.bad_hours import ATTRIBUTED, QUANTITIES, bad_hours
from darkstar_pipeline.quality.day_issues import (
    CORE,
    DAY,
    HOME_DAY,
    battery_balance,
    core_issues,
    hour_counts,
    no_price_issues,
    price_issues,
    soc_issues,
    unlike_issues,
)
from darkstar_pipeline.quality.graded_homes import GradedHome, facts_of
from env.battery import Battery
from env.home_rows import HOME, with_home
from env.time_grid import SLOT_DTYPE, grid
from planner.wording.columns import worded

MOST_CORE_HOURS = 2
"""More bad core hours than this exclude a day."""
_MEASURED = (*QUANTITIES.values(), "water_kwh", "ev_kwh", "soc_start_percent", "soc_end_percent")


def grade_days(  # noqa: PLR0913 - three tables, a range and its clock
    observations: pl.DataFrame,
    prices: pl.DataFrame,
    statistics: pl.DataFrame,
    first: date,
    last: date,
    timezone: str,
    *,
    battery: Battery,
    has_pv: bool,
    repairs: pl.DataFrame | None = None,
    remarks: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Grade the local days `first` to `last`, both included.

    Args:
        observations: `slot_observations` less site; slots and columns may be absent, NaN is taken for null.
        prices: `Repaired.prices`.
        statistics: an independent hourly series: `hour_start`, `quantity`, `energy_kwh`; may be empty.
        first: first local day.
        last: last local day.
        timezone: IANA zone of the local days.
        battery: capacity and efficiencies of the home's battery.
        has_pv: whether PV is a core reading.
        repairs: `Repaired.repairs`; marks prices that are only estimated. Without it, a run of more than two hours of
            repaired prices is taken for estimated, as it is where no second source is configured.
        remarks: `import_remarks` of the days; says why slots are missing.

    Returns:
        The columns of `data_quality_daily` less site, a row a day, ascending.
    """
    graded = grade_homes(
        _unnamed(observations),
        _unnamed(prices),
        _unnamed(statistics),
        first,
        last,
        timezone,
        homes={"": GradedHome(battery, has_pv)},
        repairs=None if repairs is None else _unnamed(repairs),
        remarks=None if remarks is None else _unnamed(remarks),
    )
    return graded.drop(HOME)


def _unnamed(table: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of one home, whatever its name."""
    return with_home(table.drop(HOME, strict=False))


def grade_homes(  # noqa: PLR0913 - the tables of many homes, a range and its clock
    observations: pl.DataFrame,
    prices: pl.DataFrame | None,
    statistics: pl.DataFrame,
    first: date,
    last: date,
    timezone: str,
    *,
    homes: Mapping[str, GradedHome],
    repairs: pl.DataFrame | None = None,
    remarks: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Grade days of homes of one time zone: a home's grades are those that it gets alone.

    Args:
        observations: as in `grade_days`, with `site`.
        prices: the same; None: days are graded on their readings alone.
        statistics: the same.
        first: first local day.
        last: last local day.
        timezone: IANA zone of the local days.
        homes: the homes by name; rows of others are not looked at.
        repairs: as in `grade_days`, with `site`.
        remarks: the same.

    Returns:
        The columns of `data_quality_daily`, `site` in front, by home and day.
    """
    slots = _on_grid(observations, first, last, timezone, homes)
    issues = [
        core_issues(slots, timezone, remarks),
        unlike_issues(slots, timezone),
        soc_issues(slots, timezone),
        hour_counts(bad_hours(slots, statistics, timezone), timezone),
        battery_balance(slots),
        no_price_issues(slots) if prices is None else price_issues(slots, prices, repairs, timezone, remarks),
    ]
    graded = slots.select(HOME_DAY).unique(maintain_order=True)
    for found in issues:
        graded = graded.join(found, on=HOME_DAY, how="left", maintain_order="left")
    graded = graded.with_columns(pl.selectors.numeric().exclude("gained", "stored").fill_null(0))
    return _with_status(graded).select(HOME, *_COLUMNS).sort(HOME, "day")


_COLUMNS = (
    "day",
    "status",
    *(f"bad_hours_{name}" for name in ATTRIBUTED),
    "missing_slots",
    "soc_issues",
    "price_issues",
    "reasons",
)


def _on_grid(
    observations: pl.DataFrame, first: date, last: date, timezone: str, homes: Mapping[str, GradedHome]
) -> pl.DataFrame:
    """Return the whole slot grid of the days of each home, by home and time, with every measured column."""
    absent = [pl.lit(None, pl.Float64).alias(name) for name in _MEASURED if name not in observations.columns]
    known = observations.with_columns(absent).select(
        HOME, pl.col("slot_start").cast(SLOT_DTYPE), pl.col(_MEASURED).cast(pl.Float64).fill_nan(None)
    )
    slots, keys = grid(first, last, timezone), [HOME, "slot_start"]
    every = facts_of(homes).sort(HOME).join(slots, how="cross", maintain_order="left_right")
    if known.select(keys).equals(every.select(keys)):  # mostly; joins of a bucket's week are a fifth of its grading
        return pl.concat([every, known.drop(keys)], how="horizontal")
    return every.join(known, on=keys, how="left", validate="m:1", maintain_order="left")


def _with_status(graded: pl.DataFrame) -> pl.DataFrame:
    """Add status and reasons."""
    counts = ("missing_slots", "unlike", "soc_issues", "price_issues")
    refused = pl.any_horizontal(*(pl.col(name) > 0 for name in counts), pl.col("core_hours") > MOST_CORE_HOURS)
    masked = (pl.col("bad_hours_battery") > 0) | pl.col("unbalanced")
    status = pl.when(refused).then(pl.lit("exclude")).when(masked).then(pl.lit("mask_battery"))
    reasons = pl.concat_str(_reasons(), separator="; ", ignore_nulls=True)
    return graded.with_columns(status=status.otherwise(pl.lit("clean")), reasons=reasons).rename({DAY: "day"})


def _reasons() -> list[pl.Expr]:
    """Return the reasons of a day, each null where it does not apply."""
    zero = pl.col("zero_prices") > 0
    reasons = (
        (
            pl.col("missing_slots") > 0,
            worded(
                "missing {} core {} (first {}){}",
                "missing_slots",
                _many("missing_slots"),
                "first_missing_slots",
                _refused("missing_slots", "refused_load_kwh"),
            ),
        ),
        (
            pl.col("unlike") > 0,
            worded("{} unlike this home (first {}: {})", _slots("unlike"), "first_unlike", "unlike_rule"),
        ),
        (
            pl.col("soc_issues") > 0,
            worded(
                "state of charge impossible in {} {} (first {})", "soc_issues", _many("soc_issues"), "first_soc_issues"
            ),
        ),
        (pl.col("core_hours") > 0, _core_hours()),
        (
            (pl.col("missing_prices") > 0) & ~zero,
            worded(
                "prices missing in {} {} (first {}){}",
                "missing_prices",
                _many("missing_prices"),
                "first_price_issues",
                _refused("missing_prices", "refused_price"),
            ),
        ),
        (
            (pl.col("estimated_prices") > 0) & ~zero,
            worded("prices only estimated in {} slots (first {})", "estimated_prices", "first_price_issues"),
        ),
        (zero, pl.lit("prices all zero")),
        (pl.col("bad_hours_battery") > 0, _battery_hours()),
        (pl.col("unbalanced"), _balance()),
        (pl.col("treated").is_not_null(), pl.col("treated")),
    )
    return [pl.when(applies).then(words) for applies, words in reasons]


def _refused(missing: str, refused: str) -> pl.Expr:
    """Return why the import refused missing slots, and how many of them; empty where it refused none."""
    some = pl.when(pl.col(refused) == pl.col(missing)).then(pl.lit("")).otherwise(worded("{} of them ", refused))
    words = worded(", {}{}", some, f"{refused}_why")
    return pl.when(pl.col(refused) > 0).then(words).otherwise(pl.lit(""))


def _core_hours() -> pl.Expr:
    parts = [
        pl.when(pl.col(f"bad_hours_{name}") > 0).then(worded(f"{name} {{}}", f"bad_hours_{name}")) for name in CORE
    ]
    split = pl.concat_str(parts, separator=", ", ignore_nulls=True)
    return worded("{} bad core {}: {} (first {})", "core_hours", _many("core_hours", "hour"), split, "first_core_hour")


def _battery_hours() -> pl.Expr:
    count = "bad_hours_battery"
    return worded("bad battery readings in {} {} (first {})", count, _many(count, "hour"), "first_battery_hour")


def _balance() -> pl.Expr:
    gained, stored = pl.col("gained").round(2), pl.col("stored").round(2)
    return worded("battery does not balance: its flows say {} kWh, its state of charge {} kWh", gained, stored)


def _slots(count: str) -> pl.Expr:
    """Return a number of slots in words."""
    return worded("{} {}", count, _many(count))


def _many(count: str, noun: str = "slot") -> pl.Expr:
    """Return the noun, in the plural unless the count is one."""
    return pl.when(pl.col(count) == 1).then(pl.lit(noun)).otherwise(pl.lit(f"{noun}s"))
