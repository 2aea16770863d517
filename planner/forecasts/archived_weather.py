"""Weather as it was, made into what forecasts of it would have said: for days whose forecasts nobody kept.

Learning from weather as it was would trust forecasts as if they never erred. So errors are added that grow with the
lead: half of their variance is of the whole day, the other half wanders within it. Where a home has both forecasts and
what became of them, the errors are as large as its own; else as large as is usual: about 1.2 degrees a day ahead, a
quarter of the sky, and a sixth of a clear sky's irradiance. Only training uses this: no forecast is made of it.
"""

from collections.abc import Mapping
from datetime import date

import numpy as np
import polars as pl

from env.inverter import Energy
from env.time_grid import SLOT, SLOT_DTYPE, day_start
from planner.forecasts.clear_sky import PvSystem, clear_sky_kw_per_kw

NAMES = ("temp_c", "cloud", "irradiance")
LEADS = (0, 1, 2, 3)
"""Days from the midnight at which a forecast was known to the day that it is of."""
USUAL_ERRORS: Mapping[str, tuple[float, ...]] = {
    "temp_c": (1.2, 1.5, 1.9, 2.3),  # [degC]
    "cloud": (24.0, 27.0, 30.0, 32.0),  # [%]
    "irradiance": (0.15, 0.17, 0.20, 0.22),  # of a clear sky
}
ENOUGH_PAIRS = 14 * 96  # slots with a forecast and what became of it, from which errors are a home's own
DAY_SHARE, KEPT_A_SLOT = 0.5, 0.95  # share of the variance that is of the day; of an error that the next slot keeps
CLEAR_W_M2 = 1000.0  # that a level panel's rated power stands for
BRIGHTEST = 1.1  # of a clear sky: clouds' edges reflect


def measured_weather(external: pl.DataFrame) -> pl.DataFrame:
    """Return weather as it was: `slot_start` and those of `NAMES` that were ever measured."""
    names = [name for name in NAMES if name in external.columns]
    rows = external.filter(pl.col("known_at") >= pl.col("slot_start") + SLOT)
    return rows.sort("known_at").group_by("slot_start").agg(pl.col(name).drop_nulls().last() for name in names)


def issued_weather(external: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that were known when their slot began, so that some forecast may use them."""
    return external.filter(pl.col("known_at") <= pl.col("slot_start"))


def archive_as_forecasts(external: pl.DataFrame, timezone: str, panels: PvSystem | None) -> pl.DataFrame:
    """Return forecasts that might have been, of slots of which nobody kept one but which were measured.

    Args:
        external: external forecasts as `slot_series` takes them, with weather as it was among them.
        timezone: time zone of the site.
        panels: where the panels are; None if unknown: then irradiance errs as a share of itself.

    Returns:
        Rows `slot_start, known_at` and those of `NAMES` that were measured: for each slot as many as `LEADS`, known at
        the midnight that begins its day and at the ones before; null where a forecast was kept.
    """
    measured, issued = measured_weather(external), issued_weather(external)
    names = [name for name in NAMES if name in measured.columns]
    if measured.is_empty() or not names:
        return external.select("slot_start", "known_at").clear()
    sizes = {name: error_sizes(name, measured, issued, panels) for name in names}
    lacking = _without_forecast(measured, issued, names).sort("slot_start")
    local = pl.col("slot_start").dt.convert_time_zone(timezone).dt.date().alias("day")
    days = lacking.with_columns(local).partition_by("day", maintain_order=True, as_dict=True)
    made = [_day(day[0], rows, sizes, timezone, panels) for day, rows in days.items()]
    return pl.concat(made) if made else external.select("slot_start", "known_at").clear()


def error_sizes(name: str, measured: pl.DataFrame, issued: pl.DataFrame, panels: PvSystem | None) -> tuple[float, ...]:
    """Return the standard deviation of forecasts' errors by lead: the home's own where there are pairs enough."""
    if name not in issued.columns:
        return USUAL_ERRORS[name]
    lead = ((pl.col("slot_start") - pl.col("known_at")).dt.total_hours() // 24).clip(0, LEADS[-1]).alias("lead")
    both = issued.select("slot_start", lead, said=pl.col(name)).join(
        measured.select("slot_start", was=pl.col(name)), on="slot_start"
    )
    pairs = both.drop_nulls()
    if name == "irradiance":
        scale = _clear_w_m2(pairs["slot_start"], panels)
        pairs = pairs.with_columns(scale=pl.Series(scale)).filter(pl.col("scale") > CLEAR_W_M2 / 20)
        pairs = pairs.with_columns(pl.col("said", "was") / pl.col("scale"))
    found = pairs.group_by("lead").agg(((pl.col("said") - pl.col("was")) ** 2).mean().sqrt().alias("size"), pl.len())
    own: dict[int, float] = {
        row["lead"]: row["size"] for row in found.iter_rows(named=True) if row["len"] >= ENOUGH_PAIRS
    }
    return tuple(own.get(lead, usual) for lead, usual in zip(LEADS, USUAL_ERRORS[name], strict=True))


def _without_forecast(measured: pl.DataFrame, issued: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """Return what was measured, null where a forecast of it was kept."""
    kept = issued.group_by("slot_start").agg(pl.col(name).count().alias(f"_{name}") for name in names if name in issued)
    joined = measured.join(kept, on="slot_start", how="left")
    lacking = [
        pl.when(pl.col(f"_{name}").fill_null(0) == 0).then(name).alias(name)
        for name in names
        if f"_{name}" in joined.columns
    ]
    said = joined.with_columns(lacking).select("slot_start", *names)
    return said.filter(pl.any_horizontal(pl.col(name).is_not_null() for name in names))


def _day(
    day: date, rows: pl.DataFrame, sizes: Mapping[str, tuple[float, ...]], timezone: str, panels: PvSystem | None
) -> pl.DataFrame:
    """Return the forecasts of a day's slots, the same ones whatever the range that is asked for."""
    made: list[pl.DataFrame] = []
    for lead in LEADS:
        known_at = day_start(date.fromordinal(day.toordinal() - lead), timezone)
        columns = {
            name: _erring(name, rows, size[lead], np.random.default_rng([day.toordinal(), lead, order]), panels)
            for order, (name, size) in enumerate(sizes.items())
        }
        frame = rows.select("slot_start", pl.lit(known_at).cast(SLOT_DTYPE).alias("known_at"))
        made.append(frame.with_columns(pl.Series(name, values).fill_nan(None) for name, values in columns.items()))
    return pl.concat(made)


def _erring(name: str, rows: pl.DataFrame, size: float, draw: np.random.Generator, panels: PvSystem | None) -> Energy:
    """Return a quantity with a forecast's errors, within what is possible."""
    was = rows[name].cast(pl.Float64).to_numpy().astype(np.float64)
    error = size * _noise(len(was), draw)
    if name == "temp_c":
        return was + error
    if name == "cloud":
        return np.clip(was + error, 0.0, 100.0)
    clear = was if panels is None else _clear_w_m2(rows["slot_start"], panels)
    return np.clip(was + error * clear, 0.0, np.maximum(was, BRIGHTEST * clear))


def _noise(n: int, draw: np.random.Generator) -> Energy:
    """Return errors of unit variance: one of the day, and one that wanders."""
    from scipy.signal import lfilter  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType] - it is not typed

    steps = draw.standard_normal(n + 1)
    steps[1:] *= np.sqrt(1 - KEPT_A_SLOT**2)
    wandering = np.asarray(lfilter([1.0], [1.0, -KEPT_A_SLOT], steps), dtype=np.float64)[1:]
    return np.sqrt(DAY_SHARE) * draw.standard_normal() + np.sqrt(1 - DAY_SHARE) * wandering


def _clear_w_m2(slots: pl.Series, panels: PvSystem | None) -> Energy:
    """Return the irradiance of a clear sky at the middles of slots; of an unknown place that of nowhere: 1000."""
    if panels is None:
        return np.full(len(slots), CLEAR_W_M2)
    level = PvSystem(latitude=panels.latitude, longitude=panels.longitude, tilt=0.0)
    seconds = slots.dt.epoch("s").to_numpy().astype(np.float64) + SLOT.total_seconds() / 2
    return CLEAR_W_M2 * clear_sky_kw_per_kw(seconds, level)
