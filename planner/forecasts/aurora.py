"""Aurora: forecasts of load and PV with their uncertainty, and the days that may come of them.

A vintage is a local midnight or any other slot's start; nothing newer goes into it (`slot_series`). What weather or
other outlooks are missing is left out and named by the model (`AuroraModel.lacks`).
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import numpy as np
import polars as pl

from env.inverter import Energy
from env.time_grid import SLOT_DTYPE, day_start, slot_count
from env.types import Integers
from planner.forecasts.aurora_model import MODEL_VERSION, QUANTILES, AuroraModel, FeatureFunction, TargetModel
from planner.forecasts.features import AuroraHome
from planner.forecasts.pooled_correction import corrected_days
from planner.forecasts.slot_series import DAY_SLOTS, external_forecast
from planner.value.scenarios import Scenarios

# With 10 kWh on train weeks 20 are 0.2 points worse, 80 no better; the last days as they were add nothing.
SCENARIOS = 40
SEASON_DAYS = 40.0  # days of the year between two days that are as unlike as `CLEARNESS` between them
CLEARNESS = 0.1
LOAD_SHARE = 0.3  # difference in a day's expected load that counts as much
YEAR_DAYS = 365


def aurora_forecasts(
    model: AuroraModel, home: AuroraHome, vintages: Sequence[datetime], ends: Sequence[datetime], timezone: str
) -> pl.DataFrame:
    """Return forecasts from each vintage to each end, as the table `slot_forecasts` has them, without `site`.

    Args:
        model: model of the home.
        home: home with readings up to the vintages.
        vintages: starts of slots (UTC).
        ends: first moment no longer forecast, of each vintage; eight days on at most.
        timezone: time zone of the site.
    """
    vintage, slots = _pairs(home, vintages, ends)
    load = _quantiles(model.load, home, home.load, home.series.load_kwh, vintage, slots)
    pv = np.zeros(load.shape)
    if model.pv is not None:
        pv = _quantiles(model.pv, home, home.pv, home.series.pv_kwh, vintage, slots)
    temperature = np.full(len(slots), np.nan)
    if "temp_c" in home.series.external:
        temperature = external_forecast(home.series, "temp_c", slots, vintage)
    start = pl.lit(home.series.start, dtype=SLOT_DTYPE)
    frame = pl.DataFrame({"slot": slots, "at": vintage, "temp_c": temperature})
    parts = [
        frame.with_columns(quantile=pl.lit(q), load_kwh=pl.Series(load[i]), pv_kwh=pl.Series(pv[i]))
        for i, q in enumerate(QUANTILES)
    ]
    moments = [
        (start + pl.duration(minutes=15 * pl.col(name))).cast(SLOT_DTYPE).alias(new)
        for name, new in (("slot", "slot_start"), ("at", "vintage"))
    ]
    return (
        pl.concat(parts)
        .with_columns(*moments)
        .select(
            "slot_start",
            pl.col("vintage").dt.convert_time_zone(timezone).dt.date().alias("local_day"),
            "vintage",
            "quantile",
            pl.col("load_kwh").fill_nan(None),
            "pv_kwh",
            pl.col("temp_c").fill_nan(None),
            pl.lit(MODEL_VERSION).alias("model_version"),
            pl.lit("model").alias("correction_source"),
        )
        .sort("vintage", "slot_start", "quantile")
    )


def _quantiles(
    target: TargetModel,
    home: AuroraHome,
    features_of: FeatureFunction,
    readings: Energy,
    vintage: Integers,
    slots: Integers,
) -> Energy:
    """Return the quantiles of a target, as wide as its last days ask for `(n_quantiles, n_pairs)` [kWh]."""
    made_at, row = np.unique(vintage, return_inverse=True)
    widening = target.recent_widening_at(home, features_of, readings, made_at)
    return target.predict_quantiles(features_of(vintage, slots), widening[:, row])


def _pairs(home: AuroraHome, vintages: Sequence[datetime], ends: Sequence[datetime]) -> tuple[Integers, Integers]:
    """Return every vintage with every slot from it to its end."""
    starts = [home.series.index(vintage) for vintage in vintages]
    spans = [np.arange(start, home.series.index(end)) for start, end in zip(starts, ends, strict=True)]
    vintage = np.repeat(np.array(starts, dtype=np.int64), [len(span) for span in spans])
    return vintage, np.concatenate(spans) if spans else vintage


def expected_day(model: AuroraModel, home: AuroraHome, day: date, timezone: str) -> tuple[Energy, Energy, Energy]:
    """Return the expected load and PV of a local day at its midnight, and its clear sky, each `(n_slots,)` [kWh]."""
    first = home.series.index(day_start(day, timezone))
    slots = first + np.arange(slot_count(day, timezone))
    vintage = np.full(len(slots), first)
    load = model.load.predict_mean(home.load(vintage, slots))
    pv, clear = np.zeros(len(slots)), np.zeros(len(slots))
    if model.pv is not None:
        known = home.pv(vintage, slots)
        pv, clear = model.pv.predict_mean(known), known.base
    if model.load_correction or model.pv_correction:
        pooled = corrected_days(home.series, np.array([first]), load[None], pv[None], clear[None])
        load = load + model.load_correction * (pooled[0][0] - load)
        pv = pv + model.pv_correction * (pooled[1][0] - pv)
    return np.maximum(load, 0.0), np.maximum(pv, 0.0), clear


def aurora_scenarios(
    model: AuroraModel, home: AuroraHome, days: Sequence[date], timezone: str, *, n_scenarios: int = SCENARIOS
) -> Mapping[date, Scenarios]:
    """Return scenarios of each day as of its midnight: the expectation with errors of similar days.

    Days without complete features are left out.

    Args:
        model: model of the home.
        home: home with readings up to the midnights.
        days: local days.
        timezone: time zone of the site.
        n_scenarios: paths a day; fewer if the model was fitted on fewer days.

    Returns:
        The paths of each day `(1, n_scenarios, n_slots)`, the most similar day's first.
    """
    made = {day: _day_scenarios(model, home, day, timezone, n_scenarios) for day in days}
    return {day: paths for day, paths in made.items() if _is_complete(paths)}


def _day_scenarios(model: AuroraModel, home: AuroraHome, day: date, timezone: str, n_scenarios: int) -> Scenarios:
    load, pv, clear = expected_day(model, home, day, timezone)
    clearness = pv.sum() / max(float(clear.sum()), 1e-9)
    likest = _most_alike(model, day, float(clearness), float(load.sum()))[:n_scenarios]
    first = home.series.index(day_start(day, timezone))
    clock = home.series.clock[first : first + len(load)] % DAY_SLOTS
    errors = model.errors
    paths = (load + errors.load_kwh[likest][:, clock], pv + errors.pv_share[likest][:, clock] * clear)
    return Scenarios(*(np.maximum(path, 0.0)[None] for path in paths))


def _is_complete(paths: Scenarios) -> bool:
    """Return whether there are paths, all of them finite."""
    return paths.load_kwh.shape[1] > 0 and bool(np.isfinite(paths.load_kwh).all() and np.isfinite(paths.pv_kwh).all())


def _most_alike(model: AuroraModel, day: date, clearness: float, load_day: float) -> Integers:
    """Return days with known errors, the most similar first: by expected clearness, expected load and season."""
    errors = model.errors
    apart = np.abs(errors.day_of_year - day.timetuple().tm_yday)
    season = np.minimum(apart, YEAR_DAYS - apart) / SEASON_DAYS
    usual = max(float(errors.load_day.mean()), 1e-9)
    unlike = (
        np.abs(errors.clearness - clearness) / CLEARNESS
        + season
        + np.abs(errors.load_day - load_day) / usual / LOAD_SHARE
    )
    return np.argsort(unlike, kind="stable")
