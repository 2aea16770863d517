"""Counts of the faults of a day: missing slots, states of charge, prices, bad hours, the battery's balance.

Every function gives a row a day. `day_quality` decides what the counts mean for the day.
"""

from collections.abc import Sequence

import polars as pl

from darkstar_pipeline.quality.bad_hours import ATTRIBUTED, QUANTITIES, SOC_STEP_PERCENT
from darkstar_pipeline.quality.import_refusals import refusals, treatments
from darkstar_pipeline.quality.price_filling import ESTIMATED, LONGEST_FILL_SLOTS
from darkstar_pipeline.quality.unlike_home import REASON
from darkstar_pipeline.quality.unlike_slots import unlike_slots
from env.battery import Battery

DAY = "local_day"
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


def _counted(flagged: pl.DataFrame, flag: str, name: str, timezone: str) -> pl.DataFrame:
    """Per day: how many slots are flagged, and which is the first."""
    return flagged.group_by(DAY).agg(
        pl.col(flag).sum().cast(pl.Int32).alias(name),
        _local(pl.col("slot_start").filter(pl.col(flag)).min(), timezone).alias(f"first_{name}"),
    )


def core_issues(
    slots: pl.DataFrame, timezone: str, *, has_pv: bool, remarks: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Slots without load, or without PV in a home that has it; what an import refused, and altered elsewhere."""
    core = ["load_kwh", "pv_kwh"] if has_pv else ["load_kwh"]
    missing = slots.with_columns(_missing=pl.any_horizontal(pl.col(name).is_null() for name in core))
    counts = _with_refusals(_counted(missing, "_missing", "missing_slots", timezone), missing, remarks, core)
    if remarks is None or remarks.is_empty():
        return counts.with_columns(treated=pl.lit(None, pl.String))
    return counts.join(treatments(missing.filter("_missing").select("slot_start", DAY), remarks), on=DAY, how="left")


def _with_refusals(
    counts: pl.DataFrame, slots: pl.DataFrame, remarks: pl.DataFrame | None, quantities: Sequence[str]
) -> pl.DataFrame:
    """Add how many of the missing slots an import refused, and why: `refused_<first quantity>` and its `_why`."""
    names = {"refused": f"refused_{quantities[0]}", "refused_why": f"refused_{quantities[0]}_why"}
    if remarks is None or remarks.is_empty():
        return counts.with_columns(pl.lit(0).alias(names["refused"]), pl.lit("").alias(names["refused_why"]))
    found = refusals(slots.filter("_missing").select("slot_start", DAY), remarks, quantities)
    return counts.join(found.rename(names), on=DAY, how="left")


def unlike_issues(slots: pl.DataFrame, timezone: str) -> pl.DataFrame:
    """Readings that the home cannot have had: how many slots, when the first is, and by which rule."""
    found = pl.concat([unlike_slots(slots, name, timezone) for name in QUANTITIES.values()])
    days = found.join(slots.select("slot_start", DAY), on="slot_start", how="left").sort("slot_start")
    return days.group_by(DAY, maintain_order=True).agg(
        unlike=pl.col("slot_start").n_unique().cast(pl.Int32),
        first_unlike=_local(pl.col("slot_start").first(), timezone),
        unlike_rule=pl.col(REASON).first(),
    )


def soc_issues(slots: pl.DataFrame, timezone: str) -> pl.DataFrame:
    """Count impossible states of charge, and jumps inside a slot or from the slot before on the same day."""
    start, end = pl.col("soc_start_percent"), pl.col("soc_end_percent")
    before = [pl.coalesce(end, start).shift(1).over(DAY), start.shift(1).over(DAY), end.shift(1).over(DAY)]
    jumps = [end - start, pl.coalesce(start, end) - before[0], start - before[1], end - before[2]]
    outside = [~value.is_between(0, 100) for value in (start, end)]
    wrong = pl.any_horizontal(*outside, *(jump.abs() > LARGEST_SOC_JUMP for jump in jumps)).fill_null(value=False)
    return _counted(slots.with_columns(_soc=wrong), "_soc", "soc_issues", timezone)


def price_issues(
    slots: pl.DataFrame,
    prices: pl.DataFrame,
    repairs: pl.DataFrame | None,
    timezone: str,
    remarks: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Count slots without a usable price, and those whose price is missing, estimated, or zero like the whole day's."""
    priced = slots.select("slot_start", DAY).join(
        prices.select("slot_start", "price", "repaired"),
        on="slot_start",
        how="left",
        validate="1:1",
        maintain_order="left",
    )
    missing = pl.col("price").is_null() | pl.col("price").is_nan()
    all_zero = (pl.col("price") == 0).all(ignore_nulls=True).over(DAY) & ~missing.all().over(DAY)
    flagged = _with_estimated(priced, repairs).with_columns(_missing=missing, _zero=all_zero)
    flagged = flagged.with_columns(_price=pl.any_horizontal("_missing", "_zero", "_estimated"))
    counts = flagged.group_by(DAY).agg(
        pl.col("_missing").sum().alias("missing_prices"),
        pl.col("_estimated").sum().alias("estimated_prices"),
        pl.col("_zero").sum().alias("zero_prices"),
    )
    issues = _counted(flagged, "_price", "price_issues", timezone).join(counts, on=DAY)
    return _with_refusals(issues, flagged, remarks, ["price"])


def _with_estimated(priced: pl.DataFrame, repairs: pl.DataFrame | None) -> pl.DataFrame:
    """Mark the prices that are only estimated."""
    if repairs is not None:
        estimated = repairs.filter(pl.col("method") == ESTIMATED)["slot_start"].implode()
        return priced.with_columns(_estimated=pl.col("slot_start").is_in(estimated))
    repaired = pl.col("repaired").fill_null(value=False)
    hour = [DAY, pl.col("slot_start").dt.truncate("1h")]
    exact = (pl.col("price") == pl.when(~repaired).then(pl.col("price")).max().over(hour)).fill_null(value=False)
    drawn = priced.with_columns(_drawn=repaired & ~exact)
    length = pl.len().over(DAY, pl.col("_drawn").rle_id().over(DAY))
    return drawn.with_columns(_estimated=pl.col("_drawn") & (length > LONGEST_FILL_SLOTS)).drop("_drawn")


def hour_counts(hours: pl.DataFrame, timezone: str) -> pl.DataFrame:
    """Per day: bad hours of each quantity, and the distinct bad core hours with the first of them."""
    core = pl.col("quantity").is_in(CORE)
    counts = [(pl.col("quantity") == name).sum().cast(pl.Int32).alias(f"bad_hours_{name}") for name in ATTRIBUTED]
    bad = pl.col("hour_start")
    return hours.group_by(DAY).agg(
        *counts,
        core_hours=bad.filter(core).n_unique(),
        first_core_hour=_local(bad.filter(core).min(), timezone),
        first_battery_hour=_local(bad.filter(pl.col("quantity") == "battery").min(), timezone),
    )


def battery_balance(slots: pl.DataFrame, battery: Battery) -> pl.DataFrame:
    """Return per day the energy gained by flows and by state of charge [kWh], and whether they contradict."""
    charge, discharge = pl.col("batt_charge_kwh"), pl.col("batt_discharge_kwh")
    soc = pl.concat_list("soc_start_percent", "soc_end_percent")
    gained = battery.charge_efficiency * charge - discharge / battery.discharge_efficiency
    whole = slots.with_columns(_gained=gained, _through=charge + discharge, _soc=soc)
    stored = (pl.col("soc_end_percent").last() - pl.col("soc_start_percent").first()) * battery.capacity_kwh / 100
    slack = DAY_SOC_STEPS * SOC_STEP_PERCENT / 100 * battery.capacity_kwh
    return (
        whole.group_by(DAY)
        .agg(
            checked=pl.col("_gained").is_not_null().all(),
            gained=pl.col("_gained").sum(),
            stored=stored,
            through=pl.col("_through").sum(),
        )
        .select(
            DAY,
            "gained",
            "stored",
            unbalanced=(
                pl.col("checked")
                & ((pl.col("stored") - pl.col("gained")).abs() > slack + DAY_THROUGHPUT_SHARE * pl.col("through"))
            ).fill_null(value=False),
        )
    )
