"""The central forecast of each vintage, ready to be joined to slots."""

import polars as pl

MEDIAN = 0.5


def central_forecasts(forecasts: pl.DataFrame) -> pl.DataFrame:
    """Return the median of each forecast as `slot_start, local_day, load_forecast, pv_forecast`.

    Args:
        forecasts: `slot_start, local_day` (of the vintage)`, load_kwh, pv_kwh`, with `quantile` or without.
    """
    central = forecasts.filter(pl.col("quantile") == MEDIAN) if "quantile" in forecasts.columns else forecasts
    return central.select("slot_start", "local_day", load_forecast="load_kwh", pv_forecast="pv_kwh")
