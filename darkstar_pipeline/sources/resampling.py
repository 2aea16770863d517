"""From the resolution of a source to 15-minute slots, by overlap in time. Energy is conserved.

Missing readings are not estimated. A slot that its readings cover only in part stays out and is counted. Prices are
repeated, not split.
"""

from collections.abc import Sequence
from functools import reduce
from operator import add

import polars as pl

from darkstar_pipeline.sources.resolution import NATIVE
from env.home_rows import by_home, within_home
from env.time_grid import SLOT_MINUTES

_FINE = 5
_MICROS = 60_000_000
_PIECE, _PIECES = "_piece", "_pieces"
_IS_SLOTS, _IS_WHOLE = "_is_slots", "_is_whole"
SOC_START, SOC_END = "soc_start_percent", "soc_end_percent"


def _cut(rows: pl.DataFrame, unit: int) -> pl.DataFrame:
    """One row per unit of every reading, with `_piece` (from 0) and `_pieces` (their number in the reading)."""
    pieces = rows.with_columns((pl.col(NATIVE) // unit).cast(pl.Int64).alias(_PIECES))
    listed = pieces.with_columns(pl.int_ranges(0, pl.col(_PIECES)).alias(_PIECE)).explode(_PIECE)
    return listed.with_columns(pl.col("slot_start") + pl.duration(minutes=pl.col(_PIECE) * unit))


def split_energy(rows: pl.DataFrame, energy: Sequence[str], *, soc: bool) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return readings on the slot grid.

    Args:
        rows: `slot_start`, `native_minutes`, the energy columns [kWh] and, if `soc`, both SoC columns [%]; one row an
            instant of a home.
        energy: names of the energy columns.
        soc: whether the SoC columns are there.

    Returns:
        The slots in order, and the starts of those that were left out because readings cover them only in part.
    """
    columns = by_home(rows, "slot_start", *energy, *((SOC_START, SOC_END) if soc else ()), NATIVE)
    keys = by_home(rows, "slot_start")
    ordered = rows.sort(keys)
    joined = (_joined_soc(ordered) if soc else ordered).select(columns)
    whole = (pl.col(NATIVE) % SLOT_MINUTES == 0) & _on_slots()
    in_units = joined.with_columns(
        within_home(joined, ((pl.col(NATIVE) == SLOT_MINUTES) & _on_slots()).all()).alias(_IS_SLOTS),
        within_home(joined, whole.all()).alias(_IS_WHOLE),
    )
    slots = in_units.filter(_IS_SLOTS).select(columns)
    coarse = in_units.filter(pl.col(_IS_WHOLE) & ~pl.col(_IS_SLOTS)).select(columns)
    fine = in_units.filter(~pl.col(_IS_WHOLE)).select(columns)
    split = _pieces_of(coarse, SLOT_MINUTES, energy, soc=soc).select(columns)
    covered, partial = _gather(_pieces_of(fine, _FINE, energy, soc=soc), energy, soc=soc)
    return pl.concat([slots, split, covered.select(columns)]).sort(keys), partial


def _on_slots() -> pl.Expr:
    return pl.col("slot_start").dt.timestamp("us") // _MICROS % SLOT_MINUTES == 0


def _pieces_of(rows: pl.DataFrame, unit: int, energy: Sequence[str], *, soc: bool) -> pl.DataFrame:
    """Readings cut into units of some minutes: energy in equal parts, a state of charge along a line."""
    units = _cut(rows, unit).with_columns(pl.col(name) / pl.col(_PIECES) for name in energy)
    if not soc:
        return units
    slope = (pl.col(SOC_END) - pl.col(SOC_START)) / pl.col(_PIECES)
    start = pl.col(SOC_START)
    exact = pl.col(_PIECE) + 1 == pl.col(_PIECES)
    return units.with_columns(
        pl.when(pl.col(_PIECE) == 0).then(start).otherwise(start + slope * pl.col(_PIECE)).alias(SOC_START),
        pl.when(exact).then(pl.col(SOC_END)).otherwise(start + slope * (pl.col(_PIECE) + 1)).alias(SOC_END),
    )


def _gather(units: pl.DataFrame, energy: Sequence[str], *, soc: bool) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Five-minute units into slots, and the slots left out; a column of a slot needs all three of its units."""
    whole = SLOT_MINUTES // _FINE
    # Added in their order: a sum of a group may round otherwise beside other homes.
    sums = [reduce(add, (pl.col(name).get(unit, null_on_oob=True) for unit in range(whole))) for name in energy]
    socs = [pl.col(SOC_START).first(), pl.col(SOC_END).last()] if soc else []
    keys = by_home(units, "slot_start")
    slots = (
        units.sort(keys)
        .with_columns(pl.col("slot_start").dt.truncate(f"{SLOT_MINUTES}m"))
        .group_by(keys, maintain_order=True)
        .agg(*sums, *socs, pl.col(NATIVE).max(), pl.len().alias(_PIECES))
    )
    covered = pl.col(_PIECES) == whole
    return slots.filter(covered).drop(_PIECES), slots.filter(~covered).select(keys)


def _joined_soc(rows: pl.DataFrame) -> pl.DataFrame:
    """Fill a missing start or end from the neighbour that touches it: both are the same instant."""
    ends = pl.col("slot_start") + pl.duration(minutes=pl.col(NATIVE))
    following = pl.col("slot_start").shift(-1) == ends
    next_start = pl.when(following).then(pl.col(SOC_START).shift(-1))
    previous_end = pl.when(following.shift(1)).then(pl.col(SOC_END).shift(1))
    return rows.with_columns(
        pl.coalesce(SOC_START, within_home(rows, previous_end)).alias(SOC_START),
        pl.coalesce(SOC_END, within_home(rows, next_start)).alias(SOC_END),
    )


def repeat_prices(rows: pl.DataFrame) -> pl.DataFrame:
    """Return prices on the slot grid: a half hour gives two equal slots, an hour four.

    Args:
        rows: `slot_start` on the quarter hour, `native_minutes` of 15, 30 or 60, `price`.
    """
    return repeat_values(rows, ["price"]).sort("slot_start")


def repeat_values(rows: pl.DataFrame, columns: Sequence[str], *, energy: Sequence[str] = ()) -> pl.DataFrame:
    """Return rows on the slot grid: an hourly value holds for its four slots, an hourly energy is split evenly.

    Args:
        rows: `slot_start` on the quarter hour, `native_minutes` of 15, 30 or 60, and the columns.
        columns: columns to keep.
        energy: those of them whose value is split.
    """
    pieces = _cut(rows, SLOT_MINUTES).with_columns(pl.col(name) / pl.col(_PIECES) for name in energy)
    return pieces.select("slot_start", *columns, NATIVE)
