"""Fitting of a site's price forecast for a month, its registration, and the version in use.

A fit follows from the prices before its month, so that every version goes into use; its errors are told and not judged.
Plans of another month than the version's have the weights fitted where they are needed.
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import numpy as np
import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.price_forecaster import LEARNED_DAYS, known_prices
from darkstar_pipeline.errors import ConfigurationError, DataMissingError
from darkstar_pipeline.models.champion_pointer import read_pointer, read_version
from darkstar_pipeline.models.version import RegisteredModel, registered_name
from darkstar_pipeline.warehouse.schemas import RAW_SPOT_PRICES, SPOT_PRICES
from env.time_grid import days_between
from planner.errors import PolicyMismatchError
from planner.forecasts.price_bundle import (
    FIT_VERSION,
    LoadedPriceFit,
    PriceFitSummary,
    load_price_fit,
    save_price_fit,
)
from planner.forecasts.price_forecast import PriceFit, PriceForecaster, mean_absolute_errors, path_coverage

MEASURED_DAYS = 365
COVERAGE = 0.8
"""Share of hours that should lie between the tenth and the ninetieth percentile of the paths."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class PriceVersion:
    """A version in use.

    Attributes:
        version: version of the registered model.
        loaded: the fit of its bundle.
    """

    version: int
    loaded: LoadedPriceFit

    @property
    def words(self) -> str:
        """Return the version in words."""
        return f"version {self.version}, fitted for {self.loaded.summary.month:%Y-%m}"

    def fits_for(self, published: date, timezone: str) -> Mapping[date, PriceFit]:
        """Return the weights by month for forecasts from a last published day; none where they are of another month."""
        month, summary = published.replace(day=1), self.loaded.summary
        return {month: self.loaded.fit} if (summary.month, summary.timezone) == (month, timezone) else {}


@dataclass(frozen=True)
class FittedPrices:
    """A registered fit.

    Attributes:
        version: version of the registered model.
        summary: month, prices and errors.
    """

    version: int
    summary: PriceFitSummary


def price_version_in_use(context: Context) -> PriceVersion | None:
    """Return the version in use; None where there is none, or it cannot be read, which is logged."""
    folder = RegisteredModel.of(context, "prices").folder
    try:
        pointer = read_pointer(folder)
        return None if pointer is None else PriceVersion(pointer.version, load_price_fit(read_version(folder, pointer)))
    except (ConfigurationError, PolicyMismatchError) as error:
        _log.warning("the price forecast in use cannot be read, and is fitted anew: %s", error)
        return None


def fit_and_register(
    context: Context, day: date, *, actor: str = "darkstar", dagster_run_id: str | None = None
) -> FittedPrices:
    """Fit the price forecast for the month of a day on the days before that month, register it, and use it.

    Args:
        context: the site.
        day: a local day of the month.
        actor: name of the person or job, for the record.
        dagster_run_id: Dagster run that fits, for the link back.

    Raises:
        DataMissingError: there are too few prices before the month, or they end before it begins.
        OutsideServiceError: MLflow refused or cannot be reached.
    """
    from darkstar_pipeline.models.promotion import promote  # MLflow comes with it
    from darkstar_pipeline.models.registry import register_model
    from darkstar_pipeline.models.training_run import TrainingRun

    month, site = day.replace(day=1), context.site
    before = month - timedelta(days=1)
    prices = known_prices(context.lake, site.name, month - timedelta(days=LEARNED_DAYS), before)
    _check_reach(context, month)
    forecaster = PriceForecaster(prices.select("slot_start", "price"), site.timezone)
    fit = forecaster.fit(month)
    if fit is None:
        n_days = prices["local_day"].n_unique()
        message = f"prices of {n_days} days before {month} are too few to forecast from for site {site.name}"
        raise DataMissingError(message, "import some three months without a gap: `darkstar import prices FILE`")
    first, last = cast("date", prices["local_day"][0]), cast("date", prices["local_day"][-1])
    measured = [*days_between(max(first, before - timedelta(days=MEASURED_DAYS)), before - timedelta(days=1))]
    months = vintage_errors(forecaster, measured)
    metrics = _metrics(forecaster, measured)
    summary = PriceFitSummary(timezone=site.timezone, month=month, first_day=first, last_day=last, metrics=metrics)
    run = TrainingRun(
        train=(first, last),
        test=(measured[0], measured[-1]) if metrics else None,
        content_hash=_content_hash(prices),
        params={"model": FIT_VERSION, "month": f"{month:%Y-%m}", "days": len(fit.errors), "paths": "28 past errors"},
        metrics=metrics,
        artifacts={"vintages.csv": months.write_csv().encode()},
        dagster_run_id=dagster_run_id,
    )
    with TemporaryDirectory(prefix="prices-") as folder:
        bundle = Path(folder) / "bundle"
        save_price_fit(bundle, fit, summary)
        version = register_model(context, bundle, run)
    reason = f"fitted for {month:%Y-%m} on prices of {first} to {last}"
    evidence = {"promote": True, "reasons": [reason], **metrics}
    promote(context, version, actor=actor, reason=reason, evidence=evidence, name=registered_name(site.name, "prices"))
    return FittedPrices(version, summary)


def _check_reach(context: Context, month: date) -> None:
    """Refuse a month that the prices do not reach yet: its fit would lack the days before it for good.

    Raises:
        DataMissingError: says where they end.
    """
    days = {*context.lake.days(RAW_SPOT_PRICES, context.site_name), *context.lake.days(SPOT_PRICES, context.site_name)}
    if days and max(days) < month - timedelta(days=1):
        message = f"prices of site {context.site_name} end on {max(days)}, before {month:%Y-%m} begins"
        raise DataMissingError(message, "import later ones, or name a day of an earlier month with --to")


def vintage_errors(forecaster: PriceForecaster, days: Sequence[date]) -> pl.DataFrame:
    """Return errors of forecasts as they were made, by the month whose weights made them.

    Returns:
        `month, mae, mae_mean_of_7_days, coverage`, of the months in which something could be forecast [money/kWh].
    """
    rows: list[dict[str, object]] = []
    for month in dict.fromkeys(day.replace(day=1) for day in days):
        found = _metrics(forecaster, [day for day in days if day.replace(day=1) == month])
        if found:
            rows.append({"month": f"{month:%Y-%m}", **found})
    return pl.DataFrame(rows)


def _metrics(forecaster: PriceForecaster, days: Sequence[date]) -> dict[str, float]:
    """Return the errors of forecasts from days, each by the weights of its own month; nothing where none was made."""
    made = [day for day in days if forecaster.forecast(day, 1) is not None]
    own, naive = mean_absolute_errors(forecaster, made) if made else (np.nan, np.nan)
    if not np.isfinite(own):
        return {}
    return {"mae": own, "mae_mean_of_7_days": naive, "coverage": path_coverage(forecaster, made, COVERAGE)}


def _content_hash(prices: pl.DataFrame) -> str:
    """Return a hash of the prices: the same data, the same hash."""
    table = prices.select("slot_start", "price").sort("slot_start").write_csv(float_precision=9)
    return hashlib.sha256(table.encode()).hexdigest()[:16]
