"""The central forecast of each vintage, ready to be joined to slots."""

from collections.abc import Sequence

import polars as pl

MEDIAN = 0.5


def central_forecasts(forecasts: pl.DataFrame, keys: Sequence[str] = ("slot_start", "local_day")) -> pl.DataFrame:
    """Return the median of each forecast as `slot_start, local_day, load_forecast, pv_forecast`.

    Args:
        forecasts: `slot_start, local_day` (of the vintage)`, load_kwh, pv_kwh`, with `quantile` or without.
        keys: columns that tell forecasts apart; of several homes with `site`.
    """
    central = forecasts.filter(pl.col("quantile") == MEDIAN) if "quantile" in forecasts.columns else forecasts
    return central.select(*keys, load_forecast="load_kwh", pv_forecast="pv_kwh")
