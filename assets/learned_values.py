"""Drifting quantities of a home, learned from its readings a small step a day: the asset `learned_values`."""

from datetime import UTC, datetime

import dagster as dg

from assets.description import markdown_table
from assets.home import Home, Result, undated_asset
from assets.learning import GROUP, AsOf, as_of

LEARNED_VALUES = "learned_values"


def learned_values_asset(home: Home) -> dg.AssetsDefinition:
    """The asset `learned_values` of a home."""

    def learned_values(context: dg.AssetExecutionContext, config: AsOf) -> Result:
        """Quantities that drift, such as the forecasts' error by hours: a bounded step a day, with its cause.

        A day that was learned or reset before is not learned again. Plans use what
        `household.strategy.adjustments` allows.
        """
        from darkstar_pipeline.learning.tuning.daily import learn_day
        from darkstar_pipeline.learning.tuning.tracked import log_step  # MLflow comes with it

        day = as_of(home, config.at, datetime.now(UTC))
        rows = learn_day(home.context, day)
        if rows.is_empty():
            return dg.MaterializeResult(metadata={"day": str(day), "status": "learned or reset before"})
        run_id = log_step(home.context.home, home.name, rows, context.run.run_id)
        shown = rows.select("quantity", "action", "old_value", "new_value", "shown", "cause")
        return dg.MaterializeResult(
            metadata={"day": str(day), "MLflow run": run_id, "values": markdown_table(shown, digits=4)}
        )

    deps = ("raw_meter_readings", "slot_forecasts", "data_quality_daily")
    return undated_asset(home, learned_values, group=GROUP, deps=deps, kinds=("polars", "mlflow"))
