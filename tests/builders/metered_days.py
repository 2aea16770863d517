"""Days of a home made usable: observed, priced, graded, and metered where asked."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.warehouse.schemas import (
    DATA_QUALITY_DAILY,
    METER_READINGS,
    RAW_SPOT_PRICES,
    SLOT_OBSERVATIONS,
    SPOT_PRICES,
)


def grade(context: Context, days: Sequence[date], *, meters: bool = True) -> None:
    """Make days usable, with meters of the grid, the battery and its state of charge where asked."""
    for day in days:
        rows = context.lake.read(METER_READINGS, "home", day, day)
        if meters:
            net = pl.col("load_kwh") - pl.col("pv_kwh")
            percent = np.linspace(40.0, 60.0, rows.height + 1)
            rows = rows.with_columns(
                import_kwh=net.clip(lower_bound=0) + 0.07,
                export_kwh=(-net).clip(lower_bound=0),
                batt_charge_kwh=pl.lit(0.0725),
                batt_discharge_kwh=pl.lit(0.0),
                soc_start_percent=pl.Series(percent[:-1]),
                soc_end_percent=pl.Series(percent[1:]),
            )
            context.lake.write_day(METER_READINGS, "home", day, rows)
        context.lake.write_day(SLOT_OBSERVATIONS, "home", day, rows.select(SLOT_OBSERVATIONS.schema.names()))
        prices = context.lake.read(RAW_SPOT_PRICES, "home", day, day)
        repaired = prices.with_columns(raw_price="price", repaired=pl.lit(value=False))
        context.lake.write_day(SPOT_PRICES, "home", day, repaired.select(SPOT_PRICES.schema.names()))
        counts = {
            name: [0] for name in DATA_QUALITY_DAILY.schema.names() if name not in ("site", "day", "status", "reasons")
        }
        row = pl.DataFrame({"site": ["home"], "day": [day], "status": ["clean"], "reasons": [""], **counts})
        context.lake.write_day(DATA_QUALITY_DAILY, "home", day, row)
