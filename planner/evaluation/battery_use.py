"""Battery use of each policy on a day: in how many slots, how much energy, at what prices, in cheap and in dear slots.

What does not belong here: what the day cost, which `daily_results` calculates.
"""

from typing import TypeAlias

import polars as pl

from env.site import Site
from planner.tolerances import VISIBLE_KWH

CHEAP_QUANTILE = 0.25
DEAR_QUANTILE = 0.75
BANDS = ("cheap", "middle", "dear")
_MOVES = ("charge", "discharge")

Columns: TypeAlias = list[pl.Expr]


def day_statistics(schedules: pl.DataFrame, *, site: Site) -> pl.DataFrame:
    """Statistics of every policy over a day.

    A slot is cheap at or below the lower quartile of its day's import prices, dear at or above the upper one; where
    the two are the same price, only what lies beyond it is cheap or dear, so that a flat day has middle slots only.

    Args:
        schedules: `slot_start, local_day, policy, import_price` [money/kWh], `import_kwh, export_kwh, charge_kwh,
            discharge_kwh` [kWh a slot]; more than one day is added up, each with its own quartiles.
        site: the battery whose capacity cycles are counted in.

    Returns:
        A row per policy, in the order they come: `policy, slots, charge_slots, discharge_slots, export_slots,
        import_kwh, export_kwh, charge_kwh, discharge_kwh, cycles, mean_price, charge_price, discharge_price`
        (energy-weighted import price [money/kWh], null where nothing moved), and for charge and discharge
        `<move>_slots_<band>` and `<move>_share_<band>` (share of the energy, 0-1, null where nothing moved) of the
        bands cheap, middle and dear.
    """
    banded = schedules.with_columns(_band().alias("band"))
    energies = ("import_kwh", "export_kwh", "charge_kwh", "discharge_kwh")
    return banded.group_by("policy", maintain_order=True).agg(
        pl.len().cast(pl.Int64).alias("slots"),
        *(_used(move).sum().cast(pl.Int64).alias(f"{move}_slots") for move in (*_MOVES, "export")),
        *(pl.col(name).sum() for name in energies),
        _cycles(site),
        pl.col("import_price").cast(pl.Float64).mean().alias("mean_price"),
        *(_mean_price(move) for move in _MOVES),
        *(column for move in _MOVES for column in _by_band(move)),
    )


def _band() -> pl.Expr:
    """Return the band (cheap, middle or dear) of a slot among the slots of its policy's day."""
    price = pl.col("import_price")
    low, high = (
        price.quantile(quantile, interpolation="linear").over("policy", "local_day")
        for quantile in (CHEAP_QUANTILE, DEAR_QUANTILE)
    )
    cheap, dear = (price <= low) & (price < high), (price >= high) & (price > low)
    return pl.when(cheap).then(pl.lit("cheap")).when(dear).then(pl.lit("dear")).otherwise(pl.lit("middle"))


def _used(move: str) -> pl.Expr:
    """Return whether a slot charged, discharged or exported; rounding of solvers does not count."""
    return pl.col(f"{move}_kwh") > VISIBLE_KWH


def _moved(move: str) -> pl.Expr:
    """Energy of the slots that count [kWh]."""
    return pl.col(f"{move}_kwh").filter(_used(move))


def _or_null(share: pl.Expr, move: str) -> pl.Expr:
    """A ratio of the moved energy; null where nothing moved."""
    return pl.when(_used(move).any()).then(share)


def _mean_price(move: str) -> pl.Expr:
    """Import price weighted by the energy charged or discharged [money/kWh]."""
    paid = (pl.col("import_price") * pl.col(f"{move}_kwh")).filter(_used(move)).sum()
    return _or_null(paid / _moved(move).sum(), move).alias(f"{move}_price")


def _by_band(move: str) -> Columns:
    """Slots and shares of the energy in each band."""
    slots = [(_used(move) & (pl.col("band") == band)).sum().cast(pl.Int64) for band in BANDS]
    energy = [pl.col(f"{move}_kwh").filter(_used(move) & (pl.col("band") == band)).sum() for band in BANDS]
    return [
        *(count.alias(f"{move}_slots_{band}") for count, band in zip(slots, BANDS, strict=True)),
        *(
            _or_null(kwh / _moved(move).sum(), move).alias(f"{move}_share_{band}")
            for kwh, band in zip(energy, BANDS, strict=True)
        ),
    ]


def _cycles(site: Site) -> pl.Expr:
    """Energy taken out of the store in capacities; null for a battery without any."""
    battery = site.battery
    if battery.capacity_kwh == 0:
        return pl.lit(None, dtype=pl.Float64).alias("cycles")
    stored = pl.col("discharge_kwh").sum() / battery.discharge_efficiency
    return (stored / battery.capacity_kwh).alias("cycles")
