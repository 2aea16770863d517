"""Learning as assets of one moving window: policies, the challenger, and the champion.

Each asset is a step of `darkstar_pipeline.learning.retrain`: done once for a day and its data, found again afterwards.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import dagster as dg
import polars as pl

from assets.description import markdown_table
from assets.home import Home, Result, undated_asset
from darkstar_pipeline.errors import DataMissingError

if TYPE_CHECKING:
    from darkstar_pipeline.learning.retrain import Retrain, RetrainReport
    from darkstar_pipeline.learning.training import TrainedVersion

GROUP = "learning"
AS_OF = "at"
"""Key of the configuration that says the day; the schedule fills it in."""


class AsOf(dg.Config):
    """The day that a retrain is as of.

    Attributes:
        at: such as 2026-03-31; nothing from this day on is used. Empty is today.
    """

    at: str = ""


def learned_assets(home: Home) -> list[dg.AssetsDefinition]:
    """The assets of a home, in the order of the graph."""
    return [
        _antares_slots(home),
        _antares_regressors(home),
        _step(home, "antares_policy", ("antares_slots", "training_episodes"), ("lightgbm", "mlflow"), _lightgbm),
        _step(home, "antares_rl_policy", ("antares_slots", "training_episodes"), ("pytorch", "mlflow"), _rl),
        _step(home, "challenger", ("antares_policy", "antares_rl_policy"), ("mlflow",), _challenger),
        _step(home, "champion", ("challenger",), ("mlflow",), _champion),
    ]


SEARCH = "antares_rl_search"


class SearchConfig(dg.Config):
    """A search of hyper-parameters.

    Attributes:
        at: only days before it are used, such as 2026-03-31; empty is today.
        n_trials: number of trials, those of a killed search included.
        batch: trials drawn and trained side by side, by the configured engine; they know nothing of each other, so
            that the result depends on it.
    """

    at: str = ""
    n_trials: int = 20
    batch: int = 1


def search_asset(home: Home) -> dg.AssetsDefinition:
    """The asset `antares_rl_search` of a home: no part of the weekly retrain."""

    def antares_rl_search(context: dg.AssetExecutionContext, config: SearchConfig) -> Result:
        """Hyper-parameters of reinforcement learning, tried on training days and scored on validation days."""
        from darkstar_pipeline.learning.hyperparameter_search import search_site

        found = search_site(
            home.context,
            as_of(home, config.at, datetime.now(UTC)),
            config.n_trials,
            batch=config.batch,
            progress=lambda done, total: context.log.info("trial %d of %d", done, total),
        )
        return dg.MaterializeResult(
            metadata={
                "best": dg.MetadataValue.json(found.settings),
                "cost of a validation day": found.cost,
                "without correction": found.uncorrected,
                "trials": markdown_table(found.trials, digits=5),
                "file": str(found.file),
            }
        )

    return _asset(home, antares_rl_search, ("antares_slots",), ("optuna", "pytorch"))


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
        from planner.wording.messages import read

        now = datetime.now(UTC)
        day = as_of(home, config.at, now)
        rows = learn_day(home.context, day, as_of(home, "", now))
        if rows.is_empty():
            return dg.MaterializeResult(metadata={"day": str(day), "status": "learned or reset before"})
        run_id = log_step(home.context.home, home.name, rows, context.run.run_id)
        causes = pl.col("cause").map_elements(lambda cause: str(read(cause)), return_dtype=pl.String)
        shown = rows.select("quantity", "action", "old_value", "new_value", "shown", causes)
        return dg.MaterializeResult(
            metadata={"day": str(day), "MLflow run": run_id, "values": markdown_table(shown, digits=4)}
        )

    deps = ("raw_meter_readings", "slot_forecasts", "data_quality_daily")
    return _asset(home, learned_values, deps, ("polars", "mlflow"))


LEARNED = ("antares_slots", "antares_regressors", "antares_policy", "antares_rl_policy", "challenger", "champion")


def _antares_slots(home: Home) -> dg.AssetsDefinition:
    def antares_slots(context: dg.AssetExecutionContext) -> Result:
        """The slots of graded days that policies are trained on, as `get_antares_slots` gives them: their extent."""
        from darkstar_pipeline.datasets.antares_slots import get_antares_slots

        slots = get_antares_slots(home.context)
        days = slots["local_day"].unique().sort()
        context.log.info("%d slots of %d days", slots.height, len(days))
        extent = {"first day": str(days[0]), "last day": str(days[-1])} if len(days) else {}
        return dg.MaterializeResult(metadata={"rows": slots.height, "days": len(days), **extent})

    deps = ("slot_observations", "spot_prices", "data_quality_daily", "slot_forecasts", "policy_schedules")
    return _asset(home, antares_slots, deps, ("polars",))


def _antares_regressors(home: Home) -> dg.AssetsDefinition:
    def antares_regressors(context: dg.AssetExecutionContext, config: AsOf) -> Result:
        """Boosted trees that imitate MPC's powers in the next slot: their errors, and the cost of running them."""
        from darkstar_pipeline.learning.training import TrainingOptions, train_range

        last = as_of(home, config.at, datetime.now(UTC)) - timedelta(days=1)
        options = TrainingOptions(note=context.log.info, dagster_run_id=context.run.run_id)
        try:
            trained = train_range(home.context, "regressors", None, last, options)
        except DataMissingError as error:
            context.log.warning(str(error))
            return dg.MaterializeResult(metadata={"status": "too_little", "why": str(error)})
        return dg.MaterializeResult(metadata=_of_version(trained))

    return _asset(home, antares_regressors, ("antares_slots",), ("lightgbm", "mlflow"))


def _lightgbm(run: "Retrain") -> None:
    """Boosted trees that learn from hindsight which correction of the value function pays."""
    run.policies(("lightgbm",))


def _rl(run: "Retrain") -> None:
    """A network that reinforcement learning taught to correct the value function."""
    run.policies(("rl",))


def _challenger(run: "Retrain") -> None:
    """The policy that was cheapest on validation, tested on days that it has never seen."""
    run.policies()
    run.challenger()


def _champion(run: "Retrain") -> None:
    """The policy in use: the challenger's place where the evidence carries it, else who had it before."""
    run.champion()


def _step(
    home: Home, name: str, deps: Sequence[str], kinds: Sequence[str], step: Callable[["Retrain"], None]
) -> dg.AssetsDefinition:
    """An asset that is one step of a retrain."""

    def body(context: dg.AssetExecutionContext, config: AsOf) -> Result:
        from darkstar_pipeline.learning.retrain import Retrain  # MLflow, LightGBM and PyTorch come with it
        from darkstar_pipeline.learning.training import TrainingOptions

        options = TrainingOptions(note=context.log.info, dagster_run_id=context.run.run_id)
        run = Retrain(home.context, as_of(home, config.at, datetime.now(UTC)), options)
        for warning in run.report.warnings:
            context.log.warning(warning)
        step(run)
        return dg.MaterializeResult(metadata=_of_report(run.report))

    body.__name__, body.__doc__ = name, step.__doc__
    return _asset(home, body, deps, kinds)


def _asset(
    home: Home, function: Callable[..., Result], deps: Sequence[str], kinds: Sequence[str]
) -> dg.AssetsDefinition:
    """A learned asset of the home."""
    return undated_asset(home, function, group=GROUP, deps=deps, kinds=kinds)


def as_of(home: Home, at: str, now: datetime) -> date:
    """The local day meant."""
    return date.fromisoformat(at) if at else now.astimezone(ZoneInfo(home.timezone)).date()


def _of_version(trained: "TrainedVersion") -> dict[str, Any]:
    """Return the metadata of a training for the page."""
    figures = pl.DataFrame(
        {"figure": list(trained.metrics), "value": list(trained.metrics.values())},
        schema={"figure": pl.String, "value": pl.Float64},
    )
    return {"version": trained.version, "beliefs": trained.beliefs, "figures": markdown_table(figures, digits=4)}


def _of_report(report: "RetrainReport") -> dict[str, Any]:
    """Return the metadata of a retrain so far for the page."""
    drifted = [row["figure"] for row in report.drift if row["drifted"]]
    rows = [
        {"policy": kind, "version": step.version, "beliefs": step.beliefs, "saved": step.saved_on_validation}
        for kind, step in report.trained.items()
    ]
    return {
        "as of": str(report.at),
        "status": report.status,
        "champion": report.champion,
        "challenger": report.challenger or 0,
        "reasons": "; ".join(report.evidence.get("reasons", ())) or "none yet",
        "warnings": "; ".join(report.warnings) or "none",
        "drifted": ", ".join(drifted) or "nothing",
        **({"trained": markdown_table(pl.DataFrame(rows), digits=3)} if rows else {}),
        **{name: value for name, value in report.figures.items() if name in ("captured_share", "cost_vs_mpc_pct")},
    }
