"""The learned forecasters of a home, of load and PV and of prices: a version in the registry each, with its errors."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import polars as pl

from assets.description import markdown_table
from assets.home import Home, Result
from darkstar_pipeline.errors import DataMissingError

AURORA_MODELS = "aurora_models"
PRICE_MODELS = "price_models"


class AuroraTraining(dg.Config):
    """Configuration of a training.

    Attributes:
        last_day: last local day, such as 2026-03-31; empty is yesterday.
        seed: random seed of rows and trees.
    """

    last_day: str = ""
    seed: int = 0


def aurora_models_asset(home: Home) -> dg.AssetsDefinition:
    """The asset `aurora_models` of a home."""
    shown = home.presentation(None, group="forecasts", kinds=("lightgbm", "mlflow"))
    del shown["partitions_def"]  # a model is of a window that moves, not of a day

    def aurora_models(context: dg.AssetExecutionContext, config: AuroraTraining) -> Result:
        """Aurora fitted on the home's last days, measured first on those it then had not seen.

        It becomes a version of the registered model, and goes into use where its error on the days held out is below
        the seven-day mean's.
        """
        from darkstar_pipeline.forecasts.registration import train_and_register  # MLflow and LightGBM come with it

        first, last = training_window(home, config.last_day, datetime.now(UTC))
        try:
            done = train_and_register(
                home.context, first, last, seed=config.seed, actor="aurora_models", dagster_run_id=context.run.run_id
            )
        except DataMissingError as error:  # a new home: nothing to learn from is no failure of the night's run
            context.log.warning(str(error))
            return dg.MaterializeResult(metadata={"in use": False, "why": str(error)})
        return dg.MaterializeResult(
            metadata=_training_metadata(done.version, done.verdict, done.trained.metrics, done.trained.notes)
        )

    return dg.asset(  # pyright: ignore[reportUnknownVariableType] - partly untyped in Dagster
        key_prefix=list(home.prefix) or None,
        deps=[home.key(name) for name in ("raw_meter_readings", "meter_statistics", "raw_weather")],
        **shown,
    )(aurora_models)


def training_window(home: Home, last_day: str, now: datetime) -> tuple[date, date]:
    """First and last local day to learn from: as many days as configured, up to the one named or yesterday."""
    yesterday = now.astimezone(ZoneInfo(home.timezone)).date() - timedelta(days=1)
    last = date.fromisoformat(last_day) if last_day else yesterday
    first = last - timedelta(days=home.settings.forecast.training_days - 1)
    return max(first, home.settings.first_day), last


def _training_metadata(
    version: int, verdict: dict[str, Any], metrics: dict[str, float | None], notes: tuple[str, ...]
) -> dict[str, Any]:
    """Return the metadata of a training for the page."""
    figures = pl.DataFrame(
        {"figure": list(metrics), "value": list(metrics.values())}, {"figure": pl.String, "value": pl.Float64}
    )
    return {
        "version": version,
        "in use": bool(verdict["promote"]),
        "why": "; ".join(verdict["reasons"]),
        "figures": markdown_table(figures, digits=4),
        "notes": "; ".join(notes) or "none",
    }


class PriceFitting(dg.Config):
    """Configuration of a fit.

    Attributes:
        at: a local day of the month to fit for, such as 2026-03-31; empty is today.
    """

    at: str = ""


def price_models_asset(home: Home) -> dg.AssetsDefinition:
    """The asset `price_models` of a home."""
    shown = home.presentation(None, group="forecasts", kinds=("numpy", "mlflow"))
    del shown["partitions_def"]  # a fit is of a month that moves, not of a day

    def price_models(context: dg.AssetExecutionContext, config: PriceFitting) -> Result:
        """Ridge regressions of the next day's prices, fitted on the days before this month.

        Their errors are of the last year's forecasts, each made by the fit of its own month. Plans value the energy
        left at the end of the published prices by them.
        """
        from darkstar_pipeline.forecasts.price_versions import fit_and_register  # MLflow comes with it

        day = (
            date.fromisoformat(config.at) if config.at else datetime.now(UTC).astimezone(ZoneInfo(home.timezone)).date()
        )
        try:
            done = fit_and_register(home.context, day, actor=PRICE_MODELS, dagster_run_id=context.run.run_id)
        except DataMissingError as error:  # a new home: nothing to learn from is no failure of the night's run
            context.log.warning(str(error))
            return dg.MaterializeResult(metadata={"in use": False, "why": str(error)})
        metrics = done.summary.metrics
        figures = pl.DataFrame(
            {"figure": list(metrics), "value": list(metrics.values())}, {"figure": pl.String, "value": pl.Float64}
        )
        return dg.MaterializeResult(
            metadata={
                "version": done.version,
                "in use": True,
                "month": f"{done.summary.month:%Y-%m}",
                "prices": f"{done.summary.first_day} to {done.summary.last_day}",
                "figures": markdown_table(figures, digits=4),
            }
        )

    return dg.asset(  # pyright: ignore[reportUnknownVariableType] - partly untyped in Dagster
        key_prefix=list(home.prefix) or None, deps=[home.key("spot_prices"), home.key("raw_spot_prices")], **shown
    )(price_models)
