"""Training of a site's Aurora, after measuring it on the last days with a model fitted on those before.

What does not belong here: registering and promoting what was fitted (`darkstar_pipeline.models`).
"""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.forecasts.inputs import panels_of
from darkstar_pipeline.forecasts.training_homes import TrainingHomes, training_homes
from env.time_grid import day_start
from env.types import Mask
from planner.artifacts.bundle import Bundle
from planner.forecasts.aurora import aurora_forecasts
from planner.forecasts.aurora_bundle import TrainingProvenance, save_aurora
from planner.forecasts.aurora_fitting import fit_aurora
from planner.forecasts.aurora_model import LEAST_DAYS, AuroraModel
from planner.forecasts.central import MEDIAN
from planner.forecasts.features import AuroraHome
from planner.forecasts.naive import naive_forecasts
from planner.forecasts.slot_series import DAY_SLOTS

HELD_OUT_SHARE = 0.25
HELD_OUT_MOST = 56  # days: eight weeks measure well enough, and the rest says more by being learned from
HELD_OUT_LEAST = 7
QUANTITIES = ("load_kwh", "pv_kwh")
LIT_SHARE = 0.03  # of the highest forecast PV, below which a slot's coverage says nothing
# What the forecasts are set against: the mean of seven days, and the same weekday of the week before.
MEAN_DAYS, SEASON_DAYS = 7, 7


@dataclass(frozen=True, kw_only=True)
class TrainedAurora:
    """A fitted model, its provenance and metrics.

    Attributes:
        model: model fitted on every accepted day.
        provenance: its window and the metrics, as in the bundle's manifest.
        days: number of accepted days that it was fitted on.
        held_out: days of the metrics; only the final model was fitted on them.
        notes: remarks for a person, such as missing weather.
    """

    model: AuroraModel
    provenance: TrainingProvenance
    days: int
    held_out: tuple[date, ...]
    notes: tuple[str, ...]

    @property
    def metrics(self) -> dict[str, float | None]:
        """Errors on the held-out days by name; None if an error could not be measured."""
        return dict(self.provenance.metrics)

    def save(self, folder: Path) -> Bundle:
        """Write the model as a bundle."""
        return save_aurora(folder, self.model, self.provenance)


def train_aurora(context: Context, first: date, last: date, *, seed: int = 0) -> TrainedAurora:
    """Fit Aurora on the accepted days of a range.

    Where there are days enough, it is fitted without the last quarter of them first (at most eight weeks, at least
    one) and measured there: coverage of the quantiles, and mean absolute error beside simpler forecasts.

    Args:
        context: the site.
        first: first local day.
        last: last local day, inclusive.
        seed: random seed of rows and trees; the same seed gives the same model.

    Raises:
        DataMissingError: there are fewer than fourteen accepted days.
    """
    settings, panels = context.site_settings.forecast, panels_of(context)
    homes = training_homes(context, first, last, panels=panels, country=settings.holidays_of)
    home = homes.learned
    days = _days_with_readings(home, first, last, context.timezone)
    if len(days) < LEAST_DAYS:
        message = f"{len(days)} days of site {context.site_name} from {first} to {last} can be learned from"
        remedy = f"Aurora needs {LEAST_DAYS}: import more readings; `darkstar quality` says why days are refused"
        raise DataMissingError(f"{message}, {LEAST_DAYS} are needed", remedy)
    held_out = held_out_days(days)
    metrics = _held_out_metrics(homes, days, held_out, context.timezone, seed) if held_out else {}
    model = fit_aurora(home, _slots_of_days(home, days, context.timezone), seed=seed)
    trained_on = TrainingProvenance(
        timezone=context.timezone,
        first_day=first,
        last_day=days[-1],
        panels=panels,
        country=settings.holidays_of,
        metrics=metrics,
        weather=homes.weather_of(days),
    )
    notes = _notes(model, trained_on)
    return TrainedAurora(model=model, provenance=trained_on, days=len(days), held_out=held_out, notes=notes)


def held_out_days(days: list[date]) -> tuple[date, ...]:
    """Return the held-out days: the last quarter; none if the rest would be too few for a fit."""
    n_days = min(int(HELD_OUT_SHARE * len(days)), HELD_OUT_MOST)
    if n_days < HELD_OUT_LEAST or len(days) - n_days < LEAST_DAYS:
        return ()
    return tuple(days[-n_days:])


def _days_with_readings(home: AuroraHome, first: date, last: date, timezone: str) -> list[date]:
    """Return the days that have readings, ascending."""
    wanted = [first + timedelta(days=by) for by in range((last - first).days + 1)]
    starts = [home.series.index(day_start(day, timezone)) for day in [*wanted, last + timedelta(days=1)]]
    read = np.isfinite(home.series.load_kwh)
    return [day for day, start, end in zip(wanted, starts[:-1], starts[1:], strict=True) if read[start:end].any()]


def _slots_of_days(home: AuroraHome, days: list[date], timezone: str) -> Mask:
    """Return the slots of some days."""
    chosen = np.zeros(len(home.series), dtype=bool)
    for day in days:
        start, end = (home.series.index(day_start(day + timedelta(days=by), timezone)) for by in (0, 1))
        chosen[start:end] = True
    return chosen


def _held_out_metrics(
    homes: TrainingHomes, days: list[date], held_out: tuple[date, ...], timezone: str, seed: int
) -> dict[str, float | None]:
    """Return the errors on held-out days of a model fitted on the days before, forecast at their midnights.

    The forecasts see the weather that was forecast at the time, and none where that was not kept.
    """
    home = homes.known
    before = [day for day in days if day < held_out[0]]
    if _slots_of_days(home, before, timezone).sum() < LEAST_DAYS * DAY_SLOTS:
        return {}
    model = fit_aurora(homes.learned, _slots_of_days(home, before, timezone), seed=seed)
    read = pl.DataFrame({"load_kwh": home.series.load_kwh, "pv_kwh": home.series.pv_kwh})
    start = pl.Series([home.series.start]).dt.cast_time_unit("us")
    read = read.with_columns(slot_start=start[0] + pl.duration(minutes=15 * pl.int_range(pl.len())))
    vintages = [day_start(day, timezone) for day in held_out]
    ends = [day_start(day + timedelta(days=1), timezone) for day in held_out]
    made = aurora_forecasts(model, home, vintages, ends, timezone)
    return forecast_metrics(made, read, held_out, timezone)


def forecast_metrics(
    made: pl.DataFrame, read: pl.DataFrame, days: tuple[date, ...], timezone: str
) -> dict[str, float | None]:
    """Return coverage of the quantiles and mean absolute errors, beside simpler forecasts, of the days' own slots.

    Args:
        made: rows of `aurora_forecasts`.
        read: readings `slot_start, load_kwh, pv_kwh`; null or nan without a reading.
        days: local days.
        timezone: time zone of the home.

    Returns:
        By name, such as `coverage_load_p90` and `mae_load_aurora` [kWh a slot]; None without PV.
    """
    known = read.with_columns(pl.col(*QUANTITIES).fill_nan(None))
    met = made.join(known, on="slot_start", suffix="_read")
    others = {
        "aurora": met.filter(pl.col("quantile") == MEDIAN),
        "seven_day_mean": _seven_day_mean(known, days, timezone, MEAN_DAYS),
        "seasonal_naive": _week_before(known, days, timezone),
    }
    found: dict[str, float | None] = {}
    for quantity in QUANTITIES:
        name = quantity.removesuffix("_kwh")
        relevant = met if quantity == "load_kwh" else met.filter(lit(met))
        for (quantile,), rows in relevant.sort("quantile").partition_by("quantile", as_dict=True).items():
            found[f"coverage_{name}_p{100 * float(quantile):.0f}"] = _coverage(rows, quantity)
        for other, rows in others.items():
            found[f"mae_{name}_{other}"] = _mean_absolute_error(rows, quantity)
    return found


def _seven_day_mean(known: pl.DataFrame, days: tuple[date, ...], timezone: str, n_days: int) -> pl.DataFrame:
    made = naive_forecasts(known, days, timezone, load_days=n_days, pv_days=n_days)
    own = made.filter(pl.col("slot_start").dt.convert_time_zone(timezone).dt.date() == pl.col("local_day"))
    return own.join(known, on="slot_start", suffix="_read")


def _week_before(known: pl.DataFrame, days: tuple[date, ...], timezone: str) -> pl.DataFrame:
    """Return the readings at the same wall clock a week before, as a forecast."""
    local = pl.col("slot_start").dt.convert_time_zone(timezone).dt.replace_time_zone(None)
    clocked = known.with_columns(local_clock=local).unique("local_clock", keep="first", maintain_order=True)
    before = clocked.select(pl.col("local_clock") + pl.duration(days=SEASON_DAYS), *QUANTITIES)
    own_slots = known.with_columns(local_clock=local).filter(pl.col("local_clock").dt.date().is_in(list(days)))
    renamed = own_slots.rename({quantity: f"{quantity}_read" for quantity in QUANTITIES})
    return renamed.join(before, on="local_clock")


def lit(met: pl.DataFrame) -> pl.Series:
    """Return whether forecasts are of slots with possible PV: by the forecast, not by the reading."""
    most = met.select(pl.col("pv_kwh").max().over("slot_start", "vintage"))["pv_kwh"]
    return most > LIT_SHARE * float(met["pv_kwh"].max() or 0.0)  # pyright: ignore[reportArgumentType] - Polars types a maximum loosely


def _coverage(rows: pl.DataFrame, quantity: str) -> float | None:
    """Return the share of the readings at or below the forecast."""
    known = rows.drop_nulls([quantity, f"{quantity}_read"])
    return None if known.is_empty() else float((known[f"{quantity}_read"] <= known[quantity]).mean())  # pyright: ignore[reportArgumentType]


def _mean_absolute_error(rows: pl.DataFrame, quantity: str) -> float | None:
    known = rows.drop_nulls([quantity, f"{quantity}_read"])
    return None if known.is_empty() else float((known[quantity] - known[f"{quantity}_read"]).abs().mean())  # pyright: ignore[reportArgumentType]


def _notes(model: AuroraModel, trained_on: TrainingProvenance) -> tuple[str, ...]:
    notes: list[str] = []
    weather = [name for name in ("temp_c", "cloud", "irradiance", "pv_expected_kwh") if name in model.lacks]
    if weather:
        remedy = "`darkstar fetch weather` or `darkstar import weather FILE` brings them"
        notes.append(f"no weather: {', '.join(weather)} are lacking; {remedy}")
    if trained_on.weather:
        notes.append(f"weather learned from: {trained_on.weather}")
    if trained_on.panels is None and model.pv is not None:
        notes.append("the panels' place is not configured: the clear sky is read from the home's own days alone")
    if model.pv is None:
        notes.append("no PV was read: the forecast of PV is 0")
    return tuple(notes)
