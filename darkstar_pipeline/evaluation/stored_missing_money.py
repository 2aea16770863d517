"""The money missing to perfect hindsight on the last days, worked out once a week and stored for the page."""

from datetime import date, timedelta

import polars as pl

from darkstar_pipeline.config.fingerprints import config_version
from darkstar_pipeline.context import Context
from darkstar_pipeline.evaluation.missing_money import NEEDED, missing_money, missing_rows
from darkstar_pipeline.evaluation.range_verdict import evaluate_range
from darkstar_pipeline.forecasts.replay_forecasts import forecasts_made_once
from darkstar_pipeline.warehouse.schemas import MISSING_MONEY

LAST_DAYS = 60
"""Days before the day it is worked out: whole months of peaks; where power is charged they take minutes."""


@forecasts_made_once()
def store_missing_money(context: Context, at: date) -> pl.DataFrame:
    """Work out what is missing on the usable ones of the last days, stored energy carried through, and store it.

    Args:
        context: the site.
        at: day that it is worked out; only days before it are used.

    Returns:
        Rows of `missing_money`.

    Raises:
        DataMissingError: none of those days is usable.
    """
    verdict = evaluate_range(
        context, at - timedelta(days=LAST_DAYS), at - timedelta(days=1), ("value",), continuous=True, references=NEEDED
    )
    found = missing_money(context, verdict.paid, continuous=True)
    days = verdict.paid["day"]
    rows = (
        pl.DataFrame(missing_rows(found))
        .with_row_index("place")
        .with_columns(
            pl.lit(context.site_name).alias("site"),
            pl.lit(at).alias("local_day"),
            pl.lit(days.min()).alias("first_day"),
            pl.lit(days.max()).alias("last_day"),
            pl.lit(days.n_unique(), pl.Int32).alias("days"),
            pl.lit(found.saved).alias("saved"),
            pl.lit(config_version(context.site_settings, "policies")).alias("config_version"),
        )
    )
    stored = rows.select(pl.col(name).cast(dtype) for name, dtype in MISSING_MONEY.schema.items())
    context.lake.write_day(MISSING_MONEY, context.site_name, at, stored)
    return stored
