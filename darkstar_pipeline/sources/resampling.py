"""From the resolution of a source to 15-minute slots, by overlap in time. Energy is conserved.

Missing readings are not estimated. A slot that its readings cover only in part stays out and is counted. Prices are
repeated, not split.
"""

from collections.abc import Sequence

import polars as pl

from darkstar_pipeline.sources.resolution import NATIVE
from env.time_grid import SLOT_MINUTES

_FINE = 5
_MICROS = 60_000_000
_PIECE, _PIECES = "_piece", "_pieces"
SOC_START, SOC_END = "soc_start_percent", "soc_end_percent"


def _unit_minutes(rows: pl.DataFrame) -> int:
    """The longest unit that every reading is made of whole: 15 min, else 5 min."""
    start_minutes = pl.col("slot_start").dt.timestamp("us") // _MICROS
    aligned = (pl.col(NATIVE) % SLOT_MINUTES == 0) & (start_minutes % SLOT_MINUTES == 0)
    return SLOT_MINUTES if rows.select(aligned.all()).item() else _FINE


def _cut(rows: pl.DataFrame, unit: int) -> pl.DataFrame:
    """One row per unit of every reading, with `_piece` (from 0) and `_pieces` (their number in the reading)."""
    pieces = rows.with_columns((pl.col(NATIVE) // unit).cast(pl.Int64).alias(_PIECES))
    listed = pieces.with_columns(pl.int_ranges(0, pl.col(_PIECES)).alias(_PIECE)).explode(_PIECE)
    return listed.with_columns(pl.col("slot_start") + pl.duration(minutes=pl.col(_PIECE) * unit))


def split_energy(rows: pl.DataFrame, energy: Sequence[str], *, soc: bool) -> tuple[pl.DataFrame, int]:
    """Return readings on the slot grid.

    Args:
        rows: `slot_start`, `native_minutes`, the energy columns [kWh] and, if `soc`, both SoC columns [%]; one row an
            instant.
        energy: names of the energy columns.
        soc: whether the SoC columns are there.

    Returns:
        The slots in order, and how many slots were left out because readings cover them only in part.
    """
    unit = _unit_minutes(rows)
    columns = [*energy, *((SOC_START, SOC_END) if soc else ())]
    joined = _joined_soc(rows.sort("slot_start")) if soc else rows.sort("slot_start")
    if unit == SLOT_MINUTES and joined.select((pl.col(NATIVE) == SLOT_MINUTES).all()).item():
        return joined.select("slot_start", *columns, NATIVE), 0
    units = _cut(joined, unit).with_columns(pl.col(name) / pl.col(_PIECES) for name in energy)
    if soc:
        slope = (pl.col(SOC_END) - pl.col(SOC_START)) / pl.col(_PIECES)
        start = pl.col(SOC_START)
        exact = pl.col(_PIECE) + 1 == pl.col(_PIECES)
        units = units.with_columns(
            pl.when(pl.col(_PIECE) == 0).then(start).otherwise(start + slope * pl.col(_PIECE)).alias(SOC_START),
            pl.when(exact).then(pl.col(SOC_END)).otherwise(start + slope * (pl.col(_PIECE) + 1)).alias(SOC_END),
        )
    if unit == SLOT_MINUTES:
        return units.select("slot_start", *columns, NATIVE).sort("slot_start"), 0
    return _gather(units, energy, soc=soc)


def _gather(units: pl.DataFrame, energy: Sequence[str], *, soc: bool) -> tuple[pl.DataFrame, int]:
    """Five-minute units into slots; a column of a slot needs all three of its units."""
    whole = SLOT_MINUTES // _FINE
    sums = [pl.when(pl.col(name).count() == whole).then(pl.col(name).sum()).alias(name) for name in energy]
    socs = [pl.col(SOC_START).first(), pl.col(SOC_END).last()] if soc else []
    slots = (
        units.sort("slot_start")
        .with_columns(pl.col("slot_start").dt.truncate(f"{SLOT_MINUTES}m"))
        .group_by("slot_start", maintain_order=True)
        .agg(*sums, *socs, pl.col(NATIVE).max(), pl.len().alias(_PIECES))
    )
    covered = slots.filter(pl.col(_PIECES) == whole).drop(_PIECES)
    return covered, slots.height - covered.height


def _joined_soc(rows: pl.DataFrame) -> pl.DataFrame:
    """Fill a missing start or end from the neighbour that touches it: both are the same instant."""
    following = pl.col("slot_start").shift(-1) == pl.col("slot_start") + pl.duration(minutes=pl.col(NATIVE))
    next_start = pl.when(following).then(pl.col(SOC_START).shift(-1))
    previous_end = pl.when(following.shift(1)).then(pl.col(SOC_END).shift(1))
    return rows.with_columns(
        pl.coalesce(SOC_START, previous_end).alias(SOC_START), pl.coalesce(SOC_END, next_start).alias(SOC_END)
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
