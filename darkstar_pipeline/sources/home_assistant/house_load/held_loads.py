"""A load whose sensor holds planned loads that are read apart: a car or a water heater behind the same meter.

Plans schedule those by themselves, so what they drew is taken out of the load, slot by slot and with a remark. Only
where the person says so: a load that does not hold them would lose what it never had.
"""

from collections.abc import Sequence

import polars as pl

from darkstar_pipeline.sources.home_assistant.sensor_names import Subject
from darkstar_pipeline.sources.remarks import ALTERED, MISSING, REFUSED, remarks_on

HELD = "held in load"
"""Stands in a mapping for the loads that the load's sensor holds, their columns with spaces between."""
NAMES = {Subject.EV.value: "car", Subject.WATER.value: "water heater"}
_LOAD = Subject.LOAD.value
_WORTH_TELLING_KWH = 0.005
_SLACK_KWH, _SLACK_SHARE = 0.02, 0.1
"""Two meters are read at different moments: by so much the load may be below what it holds."""
_WHY = "_why"


def held_in(mapping: str) -> list[str]:
    """Return the columns of the loads that a mapping says the load's sensor holds."""
    return mapping.split()


def without_held_loads(
    slots: pl.DataFrame, held: Sequence[str], timezone: str
) -> tuple[pl.DataFrame, list[str], list[pl.DataFrame]]:
    """Return readings whose load leaves out what it held, a note, and remarks on each kind of slot.

    Where a held load was not read the load is unknown; before its first reading here it stays as it was measured.

    Args:
        slots: `[slot_start, <columns>, native_minutes]`.
        held: columns of the loads that the load's sensor holds.
        timezone: IANA zone of the local days.
    """
    if _LOAD not in slots.columns or slots[_LOAD].count() == 0:
        return slots, [], []
    absent = [pl.lit(None, dtype=pl.Float64).alias(name) for name in held if name not in slots.columns]
    ordered = slots.sort("slot_start").with_columns(absent)
    begun = [pl.col(name).is_not_null().cum_max() for name in held]
    drawn = pl.sum_horizontal(
        (pl.when(is_read).then(name).otherwise(0.0) for name, is_read in zip(held, begun, strict=True)),
        ignore_nulls=False,
    )
    rest, slack = pl.col(_LOAD) - pl.col("_drawn"), _SLACK_KWH + _SLACK_SHARE * pl.col("_drawn")
    names = " and the ".join(NAMES[name] for name in held)
    why = (
        pl.when(pl.col(_LOAD).is_null())
        .then(None)
        .when(pl.col("_drawn").is_null())
        .then(pl.lit(f"{MISSING}: the {names}, which its sensor holds, was not read"))
        .when(rest < -slack)
        .then(pl.lit(f"{REFUSED}: less than the {names}, which its sensor is said to hold"))
        .when(~pl.all_horizontal(begun))
        .then(pl.lit(f"{MISSING} apart: the {names} was not read yet, and what it drew is in the load"))
        .when(pl.col("_drawn") > _WORTH_TELLING_KWH)
        .then(pl.lit(f"{ALTERED}: the {names}, which its sensor holds, is subtracted"))
    )
    told = ordered.with_columns(drawn.alias("_drawn")).with_columns(why.alias(_WHY))
    unknown = pl.col("_drawn").is_null() | (rest < -slack)
    left = told.with_columns(pl.when(~unknown).then(rest.clip(lower_bound=0.0)).alias(_LOAD))
    gone = float(ordered[_LOAD].sum()) - float(left[_LOAD].sum())
    notes = [f"the {names}, which the load's sensor holds, is subtracted from it: {gone:.2f} kWh"]
    return left.select(slots.columns), notes, _remarks(told, held, timezone)


def _remarks(told: pl.DataFrame, held: Sequence[str], timezone: str) -> list[pl.DataFrame]:
    """Return remarks on the slots that have a reason."""
    found: list[pl.DataFrame] = []
    parts = pl.col(_WHY).str.split_exact(": ", 1).struct
    reasons = told.select("slot_start", parts.field("field_0").alias("kind"), parts.field("field_1").alias("reason"))
    for (kind,), rows in reasons.drop_nulls("kind").partition_by("kind", as_dict=True).items():
        quantity = held[0] if kind == f"{MISSING} apart" else _LOAD
        found.append(remarks_on(rows.drop("kind"), quantity, str(kind).split()[0], timezone))
    return found


def hours_without_held(hours: pl.DataFrame, by_hours: pl.DataFrame) -> pl.DataFrame:
    """Return an independent series whose load is that of hourly readings from which held loads were taken out.

    Args:
        hours: `[hour_start, quantity, energy_kwh]`.
        by_hours: `[slot_start, load_kwh, …]`, a row an hour.
    """
    if _LOAD not in by_hours.columns:
        return hours
    load = by_hours.select(pl.col("slot_start").alias("hour_start"), pl.col(_LOAD).alias("_left"))
    is_load = pl.col("quantity") == "load"
    joined = hours.join(load, on="hour_start", how="left", maintain_order="left")
    energy = pl.when(is_load).then("_left").otherwise("energy_kwh").alias("energy_kwh")
    return joined.with_columns(energy).drop("_left").drop_nulls("energy_kwh")
