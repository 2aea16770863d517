"""Counts of the faults of a day: missing slots, states of charge, prices, bad hours, the battery's balance.

Slots are of one home or of many, which `site` tells apart; every function gives a row a home and day.
`day_quality` decides what the counts mean for the day.
"""

from collections.abc import Sequence

import polars as pl

from darkstar_pipeline.quality.bad_hours import ATTRIBUTED, QUANTITIES, SOC_STEP_PERCENT
from darkstar_pipeline.quality.graded_homes import CAPACITY, CHARGE_EFFICIENCY, DISCHARGE_EFFICIENCY, HAS_PV
from darkstar_pipeline.quality.import_refusals import refusals, treatments
from darkstar_pipeline.quality.price_filling import ESTIMATED, LONGEST_FILL_SLOTS
from darkstar_pipeline.quality.unlike_home import REASON
from darkstar_pipeline.quality.unlike_slots import unlike_slots
from env.home_rows import HOME, total
from env.time_grid import local_day

DAY = "local_day"
HOME_DAY = (HOME, DAY)
CORE = ("load", "pv", "import", "export")
LARGEST_SOC_JUMP = 40.0
"""Between neighbouring slots [points]."""
DAY_SOC_STEPS = 2.0
"""Part of the battery's daily tolerance that comes from reading the state of charge [steps of `SOC_STEP_PERCENT`]."""
DAY_THROUGHPUT_SHARE = 0.1
"""Part of it that comes from what flowed [share of charge + discharge]."""
_WHEN = "%Y-%m-%d %H:%M local"


def _local(instant: pl.Expr, timezone: str) -> pl.Expr:
    return instant.dt.convert_time_zone(timezone).dt.strftime(_WHEN)


def _counted(flagged: pl.DataFrame, flag: str, name: str, timezone: str, *others: pl.Expr) -> pl.DataFrame:
    """Per day: how many slots are flagged, which is the first, and other figures."""
    return flagged.group_by(HOME_DAY).agg(
        pl.col(flag).sum().cast(pl.Int32).alias(name),
        _local(pl.col("slot_start").filter(pl.col(flag)).min(), timezone).alias(f"first_{name}"),
        *others,
    )


def core_issues(slots: pl.DataFrame, timezone: str, remarks: pl.DataFrame | None = None) -> pl.DataFrame:
    """Slots without load, or without PV in a home that has it; what an import refused, and altered elsewhere."""
    missing = slots.with_columns(
        _missing=pl.col("load_kwh").is_null() | (pl.col("pv_kwh").is_null() & pl.col(HAS_PV)),
    )
    told = _without_dark_pv(remarks, slots)
    counts = _counted(missing, "_missing", "missing_slots", timezone)
    counts = _with_refusals(counts, missing, told, ["load_kwh", "pv_kwh"])
    if remarks is None or remarks.is_empty():
        return counts.with_columns(treated=pl.lit(None, pl.String))
    slots_missing = missing.filter("_missing").select(HOME, "slot_start", DAY)
    return counts.join(treatments(slots_missing, remarks), on=HOME_DAY, how="left")


def _without_dark_pv(remarks: pl.DataFrame | None, slots: pl.DataFrame) -> pl.DataFrame | None:
    """Return remarks without those on PV in homes that have none."""
    if remarks is None or remarks.is_empty():
        return remarks
    dark = slots.filter(~pl.col(HAS_PV))[HOME].unique().implode()
    return remarks.filter(~(pl.col(HOME).is_in(dark) & (pl.col("quantity") == "pv_kwh")))


def _with_refusals(
    counts: pl.DataFrame, slots: pl.DataFrame, remarks: pl.DataFrame | None, quantities: Sequence[str]
) -> pl.DataFrame:
    """Add how many of the missing slots an import refused, and why: `refused_<first quantity>` and its `_why`."""
    names = {"refused": f"refused_{quantities[0]}", "refused_why": f"refused_{quantities[0]}_why"}
    if remarks is None or remarks.is_empty():
        return counts.with_columns(pl.lit(0).alias(names["refused"]), pl.lit("").alias(names["refused_why"]))
    found = refusals(slots.filter("_missing").select(HOME, "slot_start", DAY), remarks, quantities)
    return counts.join(found.rename(names), on=HOME_DAY, how="left")


def unlike_issues(slots: pl.DataFrame, timezone: str) -> pl.DataFrame:
    """Readings that the home cannot have had: how many slots, when the first is, and by which rule."""
    found = pl.concat([unlike_slots(slots, name, timezone) for name in QUANTITIES.values()])
    days = found.with_columns(local_day(timezone))
    return (
        days.sort(HOME, "slot_start", maintain_order=True)
        .group_by(HOME_DAY, maintain_order=True)
        .agg(
            unlike=pl.col("slot_start").n_unique().cast(pl.Int32),
            first_unlike=_local(pl.col("slot_start").first(), timezone),
            unlike_rule=pl.col(REASON).first(),
        )
    )


def soc_issues(slots: pl.DataFrame, timezone: str) -> pl.DataFrame:
    """Count impossible states of charge, and jumps inside a slot or from the slot before on the same day."""
    start, end = pl.col("soc_start_percent"), pl.col("soc_end_percent")
    known = start.is_not_null() | end.is_not_null()
    read = slots.filter(known.any().over(HOME_DAY)) if slots.select(known.any()).item() else slots.clear()
    before = [value.shift(1).over(HOME_DAY) for value in (pl.coalesce(end, start), start, end)]
    jumps = [end - start, pl.coalesce(start, end) - before[0], start - before[1], end - before[2]]
    outside = [~value.is_between(0, 100) for value in (start, end)]
    wrong = pl.any_horizontal(*outside, *(jump.abs() > LARGEST_SOC_JUMP for jump in jumps)).fill_null(value=False)
    return _counted(read.with_columns(_soc=wrong), "_soc", "soc_issues", timezone)


def price_issues(
    slots: pl.DataFrame,
    prices: pl.DataFrame,
    repairs: pl.DataFrame | None,
    timezone: str,
    remarks: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Count slots without a usable price, and those whose price is missing, estimated, or zero like the whole day's."""
    priced = slots.select(HOME, "slot_start", DAY).join(
        prices.select(HOME, "slot_start", "price", "repaired"),
        on=[HOME, "slot_start"],
        how="left",
        validate="1:1",
        maintain_order="left",
    )
    missing = pl.col("price").is_null() | pl.col("price").is_nan()
    all_zero = (pl.col("price") == 0).all(ignore_nulls=True).over(HOME_DAY) & ~missing.all().over(HOME_DAY)
    if not (priced["price"] == 0).any():
        all_zero = pl.lit(value=False)
    flagged = _with_estimated(priced, repairs).with_columns(_missing=missing, _zero=all_zero)
    flagged = flagged.with_columns(_price=pl.any_horizontal("_missing", "_zero", "_estimated"))
    counts = {"_missing": "missing_prices", "_estimated": "estimated_prices", "_zero": "zero_prices"}
    others = [pl.col(flag).sum().alias(name) for flag, name in counts.items()]
    issues = _counted(flagged, "_price", "price_issues", timezone, *others)
    return _with_refusals(issues, flagged, remarks, ["price"])


def no_price_issues(slots: pl.DataFrame) -> pl.DataFrame:
    """Return days whose prices nothing is said about."""
    counts = ("price_issues", "missing_prices", "estimated_prices", "zero_prices", "refused_price")
    words = ("first_price_issues", "refused_price_why")
    nothing = {name: pl.lit(0) for name in counts} | {name: pl.lit("") for name in words}
    return slots.select(HOME_DAY).unique(maintain_order=True).with_columns(**nothing)


def _with_estimated(priced: pl.DataFrame, repairs: pl.DataFrame | None) -> pl.DataFrame:
    """Mark the prices that are only estimated."""
    if repairs is not None:
        estimated = repairs.filter(pl.col("method") == ESTIMATED).select(
            HOME, "slot_start", _estimated=pl.lit(value=True)
        )
        known = priced.join(estimated.unique(), on=[HOME, "slot_start"], how="left", maintain_order="left")
        return known.with_columns(pl.col("_estimated").fill_null(value=False))
    repaired = pl.col("repaired").fill_null(value=False)
    hour = [*HOME_DAY, pl.col("slot_start").dt.truncate("1h")]
    exact = (pl.col("price") == pl.when(~repaired).then(pl.col("price")).max().over(hour)).fill_null(value=False)
    drawn = priced.with_columns(_drawn=repaired & ~exact)
    length = pl.len().over(*HOME_DAY, pl.col("_drawn").rle_id().over(HOME_DAY))
    return drawn.with_columns(_estimated=pl.col("_drawn") & (length > LONGEST_FILL_SLOTS)).drop("_drawn")


def hour_counts(hours: pl.DataFrame, timezone: str) -> pl.DataFrame:
    """Per day: bad hours of each quantity, and the distinct bad core hours with the first of them."""
    core = pl.col("quantity").is_in(CORE)
    counts = [(pl.col("quantity") == name).sum().cast(pl.Int32).alias(f"bad_hours_{name}") for name in ATTRIBUTED]
    bad = pl.col("hour_start")
    return hours.group_by(HOME_DAY).agg(
        *counts,
        core_hours=bad.filter(core).n_unique(),
        first_core_hour=_local(bad.filter(core).min(), timezone),
        first_battery_hour=_local(bad.filter(pl.col("quantity") == "battery").min(), timezone),
    )


def battery_balance(slots: pl.DataFrame) -> pl.DataFrame:
    """Return the energy gained by flows and by state of charge [kWh], and whether they contradict.

    Days without a slot in which charge and discharge were read have no row.
    """
    charge, discharge = pl.col("batt_charge_kwh"), pl.col("batt_discharge_kwh")
    known = charge.is_not_null() & discharge.is_not_null()
    read = slots.filter(known.any().over(HOME_DAY)) if slots.select(known.any()).item() else slots.clear()
    gained = pl.col(CHARGE_EFFICIENCY) * charge - discharge / pl.col(DISCHARGE_EFFICIENCY)
    stored = (pl.col("soc_end_percent").last() - pl.col("soc_start_percent").first()) * pl.col(CAPACITY).first() / 100
    slack = DAY_SOC_STEPS * SOC_STEP_PERCENT / 100 * pl.col(CAPACITY)
    apart = (pl.col("stored") - pl.col("gained")).abs() > slack + DAY_THROUGHPUT_SHARE * pl.col("through")
    return (
        read.with_columns(_gained=gained, _through=charge + discharge)
        .group_by(HOME_DAY, maintain_order=True)
        .agg(
            pl.col(CAPACITY).first(),
            checked=pl.col("_gained").is_not_null().all(),
            gained=total(pl.col("_gained")),
            stored=stored,
            through=total(pl.col("_through")),
        )
        .select(*HOME_DAY, "gained", "stored", unbalanced=(pl.col("checked") & apart).fill_null(value=False))
    )
