"""Rows of simulated homes for every daily table: as many and as hard to compress as real ones, drawn from a seed."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from darkstar_pipeline.warehouse.schemas import RUN_TABLES, TABLES, Table
from env.time_grid import grid

TIMEZONE = "Europe/Stockholm"
DAILY_TABLES = tuple(
    table
    for table in TABLES.values()
    if table not in RUN_TABLES and table.name not in {"meter_statistics", "import_provenance", "import_remarks"}
)
"""Those that a day's backfill of a fleet writes."""
_SLOTS = {"slot_start", "hour_start"}


def rows_of(table: Table, sites: Sequence[str], day: date, seed: int = 0) -> pl.DataFrame:
    """Return a day of homes: a row per slot where the table has slots, else one."""
    draw = np.random.default_rng([seed, len(table.name), day.toordinal()])
    slots = grid(day, day, TIMEZONE).select("slot_start")
    per_home = slots if _SLOTS & set(table.key) else slots.head(1)
    homes = pl.DataFrame({"site": sorted(sites)}, schema={"site": pl.String})
    rows = homes.join(per_home, how="cross")

    def column(name: str, dtype: pl.DataType) -> pl.Series:
        if name in rows.columns:
            return rows[name]
        if isinstance(dtype, pl.Date):
            return pl.Series(name, [day], dtype=dtype).new_from_index(0, rows.height)
        if isinstance(dtype, pl.Float64):
            return pl.Series(name, np.round(draw.gamma(1.0, 0.2, rows.height), 4))
        if isinstance(dtype, pl.Datetime):
            return rows["slot_start"].alias(name)
        plain = {pl.String: "value", pl.Boolean: False}.get(type(dtype), 15)
        return pl.Series(name, [plain], dtype=dtype).new_from_index(0, rows.height)

    return pl.DataFrame([column(name, dtype) for name, dtype in table.schema.items()])
