"""Drift of the last days from the training days: readings, prices, and the forecast's errors.

Each figure is one of a day; the distance is Kolmogorov and Smirnov's, the largest difference of the two shares of days
below any value, from 0 to 1. A figure counts as drifted if chance alone would hardly bring that distance (p < 0.01,
days taken as independent, which neighbours are not: so the mean has to have moved by half a deviation besides).
"""

from collections.abc import Sequence
from datetime import date

import polars as pl

from darkstar_pipeline.datasets.replay_inputs import ReplayInputs
from planner.forecasts.central import central_forecasts

SIGNIFICANCE = 0.01
LEAST_SHIFT = 0.5  # standard deviations
LEAST_DAYS = 7
FIGURES = ("load_kwh", "pv_kwh", "import_price", "price_spread", "load_error_kwh", "pv_error_kwh")


def drift_report(inputs: ReplayInputs, learned: Sequence[date], recent: Sequence[date]) -> pl.DataFrame:
    """Return every figure on the training days and on recent ones.

    Args:
        inputs: slots and forecasts of both.
        learned: training days.
        recent: days to be compared with them.

    Returns:
        A row a figure: `figure, learned_mean, recent_mean, moved, distance, p_value, drifted`, moved in deviations of
        the training days, of the recent ones if those were all alike; no row where either has fewer than a
        week's days.
    """
    from scipy.stats import ks_2samp

    daily = day_figures(inputs)
    groups = [
        daily.filter(pl.col("local_day").is_in(pl.Series(days, dtype=pl.Date).implode())) for days in (learned, recent)
    ]
    rows: list[dict[str, object]] = []
    for figure in FIGURES:
        before, after = (group[figure].drop_nulls().drop_nans().to_numpy() for group in groups)
        if min(len(before), len(after)) < LEAST_DAYS:
            continue
        distance, p_value = (float(number) for number in ks_2samp(before, after))
        width = float(before.std()) if before.std() > 0 else float(after.std())  # new panels on a home that had none
        moved = float(after.mean() - before.mean()) / width if width > 0 else 0.0
        rows.append(
            {
                "figure": figure,
                "learned_mean": float(before.mean()),
                "recent_mean": float(after.mean()),
                "moved": moved,
                "distance": distance,
                "p_value": p_value,
                "drifted": p_value < SIGNIFICANCE and (abs(moved) > LEAST_SHIFT or width == 0),
            }
        )
    return pl.DataFrame(rows, schema=_SCHEMA)


def day_figures(inputs: ReplayInputs) -> pl.DataFrame:
    """Return a row a day: `local_day` and `FIGURES`, with mean absolute errors of the central forecast [kWh a slot]."""
    joined = inputs.slots.join(central_forecasts(inputs.forecasts), on=["slot_start", "local_day"], how="left")
    return (
        joined.group_by("local_day")
        .agg(
            pl.col("load_kwh", "pv_kwh").sum(),
            pl.col("import_price").mean(),
            (pl.col("import_price").max() - pl.col("import_price").min()).alias("price_spread"),
            (pl.col("load_kwh") - pl.col("load_forecast")).abs().mean().alias("load_error_kwh"),
            (pl.col("pv_kwh") - pl.col("pv_forecast")).abs().mean().alias("pv_error_kwh"),
        )
        .sort("local_day")
    )


_SCHEMA = {
    "figure": pl.String,
    "learned_mean": pl.Float64,
    "recent_mean": pl.Float64,
    "moved": pl.Float64,
    "distance": pl.Float64,
    "p_value": pl.Float64,
    "drifted": pl.Boolean,
}
