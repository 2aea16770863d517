"""The verdict on a range of days: the cheaper policy, the difference and its confidence; stored as an MLflow run."""

from datetime import UTC, datetime
from typing import Any

import dagster as dg
import polars as pl
from dagster_duckdb import DuckDBResource

from assets.description import days_of, markdown_table, picture_metadata
from assets.home import Check, Home, Result, daily_asset, undated_asset
from assets.learning import AsOf, as_of
from assets.pictures import last_day, verdict
from assets.rows.replays import shown_totals, with_oracle
from assets.rows.training_episodes import config_versions, of_configuration
from darkstar_pipeline.config.fingerprints import config_version
from darkstar_pipeline.datasets.replay_inputs import content_hash
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.evaluation.charged_days import charged_days
from darkstar_pipeline.tracking.evaluation_run import EvaluationRecord, TrackedRun, log_evaluation
from darkstar_pipeline.tracking.site_params import site_params
from darkstar_pipeline.warehouse.schemas import POLICY_SCHEDULES
from planner.evaluation.verdict import Evaluation, evaluate

MISSING = "missing_money"
JUDGED = Check(name="days_judged", description="At least one day of the range could be evaluated.")
_BY_MONTH = """
    SELECT strftime(day, '%Y-%m') AS month, policy, count(*) AS days, sum(cost) AS cost
    FROM (SELECT site, day, policy, cost, config_version FROM policy_daily_results
          UNION ALL SELECT site, day, 'oracle', cost, config_version FROM oracle_daily_results)
    WHERE site = ? AND day BETWEEN ? AND ? AND config_version IN (?, ?) GROUP BY ALL
"""


def evaluation_report_asset(home: Home) -> dg.AssetsDefinition:
    """The asset `evaluation_report` of a home."""

    @daily_asset(
        home,
        None,
        group="evaluation",
        kinds=("mlflow", "duckdb", "polars"),
        inputs=("policy_daily_results", "oracle_daily_results", "oracle_schedules"),
        checks=(JUDGED,),
    )
    def evaluation_report(
        context: dg.AssetExecutionContext,
        policy_daily_results: pl.DataFrame,
        oracle_daily_results: pl.DataFrame,
        oracle_schedules: pl.DataFrame,
        warehouse: DuckDBResource,
    ) -> Result:
        """The verdict on the days of the run, taken together: one MLflow run, linked both ways.

        Materialize the range of days to evaluate; a day's mark says which verdict it was last part of. Results of
        another configuration than the present one are left out.
        """
        results = with_oracle(
            of_configuration(home.context, policy_daily_results), of_configuration(home.context, oracle_daily_results)
        )
        check = JUDGED.result(passed=results.height > 0, days=results["day"].n_unique())
        if results.is_empty():
            return dg.MaterializeResult(metadata={"days judged": 0}, check_results=[check])
        evaluation = evaluate(charged_days(home.context, results))
        pictures = {**verdict(evaluation, home), **_last_evaluated_day(home, evaluation)}
        run = log_evaluation(home.context.home, _record(context, home, evaluation, oracle_schedules, pictures))
        context.instance.add_run_tags(context.run_id, {"mlflow/run_id": run.run_id})
        last = context.partition_keys[-1]
        by_month = _bills(evaluation) if evaluation.months.height else _by_month(context, home, warehouse)
        extras = {"by month": markdown_table(by_month)}
        context.add_asset_metadata({**_summary(evaluation, pictures), **extras}, partition_key=last)
        return dg.MaterializeResult(metadata=_link(run), check_results=[check])

    return evaluation_report


def missing_money_asset(home: Home) -> dg.AssetsDefinition:
    """The asset `missing_money` of a home."""

    def missing_money(context: dg.AssetExecutionContext, config: AsOf) -> Result:
        """Money that the policy `value` missed to perfect hindsight on the last 60 days: sun, load, prices, peaks.

        Shown on the planner's page; worked out here, since it replays those days ten times.
        """
        from darkstar_pipeline.evaluation.stored_missing_money import store_missing_money

        try:
            rows = store_missing_money(home.context, as_of(home, config.at, datetime.now(UTC)))
        except DataMissingError as error:
            context.log.warning(str(error))
            return dg.MaterializeResult(metadata={"status": "no usable day", "why": str(error)})
        shown = rows.select("what", "gain", "share", "part")
        return dg.MaterializeResult(
            metadata={"days": int(rows["days"][0]), "saved": float(rows["saved"][0]), "missing": markdown_table(shown)}
        )

    deps = ("slot_observations", "spot_prices", "data_quality_daily", "slot_forecasts")
    return undated_asset(home, missing_money, group="evaluation", deps=deps, kinds=("polars", "parquet"))


def _last_evaluated_day(home: Home, evaluation: Evaluation) -> dict[str, bytes]:
    """Picture of the last day that counts."""
    day = evaluation.days["day"].sort()[-1]
    return last_day(home.context.lake.read(POLICY_SCHEDULES, home.name, day, day), home)


def _record(
    context: dg.AssetExecutionContext,
    home: Home,
    evaluation: Evaluation,
    slots: pl.DataFrame,
    pictures: dict[str, bytes],
) -> EvaluationRecord:
    days, settings = days_of(context), home.settings
    return EvaluationRecord(
        site=home.name,
        first=days[0],
        last=days[-1],
        totals=evaluation.totals,
        days=evaluation.days,
        content_hash=content_hash(slots),
        config_version=config_version(settings, "policies"),
        params={
            "days asked for": len(days),
            "days judged": evaluation.days["day"].n_unique(),
            **site_params(settings, days[-1]),
        },
        pictures={f"{title}.png": png for title, png in pictures.items()},
        dagster_run_id=context.run_id,
    )


def _summary(evaluation: Evaluation, pictures: dict[str, bytes]) -> dict[str, Any]:
    """Return the metadata of the verdict for the page, on the last day of the run."""
    shares = {row["policy"]: row["captured_share"] for row in evaluation.totals.to_dicts()}
    plain = {f"captured share, {policy}": share for policy, share in shares.items() if share is not None}
    return {
        "days judged": evaluation.days["day"].n_unique(),
        "totals": markdown_table(shown_totals(evaluation), digits=3),
        **plain,
        **picture_metadata(pictures),
    }


def _link(run: TrackedRun) -> dict[str, Any]:
    return {"mlflow run": dg.MetadataValue.url(run.url), "mlflow run id": run.run_id}


def _bills(evaluation: Evaluation) -> pl.DataFrame:
    """Bill of each month, its demand charge included, a column a policy."""
    months = evaluation.months.with_columns(month=pl.col("month").dt.strftime("%Y-%m"))
    return months.pivot("policy", index=["month", "days"], values="total_cost").sort("month")


def _by_month(context: dg.AssetExecutionContext, home: Home, warehouse: DuckDBResource) -> pl.DataFrame:
    """Cost by month, a column a policy."""
    days = days_of(context)
    with warehouse.get_connection() as connection:
        rows = connection.execute(_BY_MONTH, [home.name, days[0], days[-1], *config_versions(home.context)]).fetchall()
    long = pl.DataFrame(rows, schema=["month", "policy", "days", "cost"], orient="row")
    return long.pivot("policy", index=["month", "days"], values="cost").sort("month")
