"""From the spans of a service to quarter-hours: by the sun's position and a clear sky, the energy of each span kept.

An hour at dawn gives most of its energy in its last quarter; an even split would give the dark quarter as much. Where
no sun shines on a span, it is split evenly. Values at instants are interpolated to the middles of the slots.
"""

import numpy as np
import polars as pl

from darkstar_pipeline.sources.weather_services.answer import MOMENT_VALUES, WeatherAnswer
from env.inverter import Energy
from env.time_grid import SLOT_DTYPE, SLOT_HOURS, SLOT_MINUTES
from env.types import Integers
from planner.forecasts.clear_sky import PvSystem, clear_sky_kw_per_kw

SLOT_SECONDS = 60 * SLOT_MINUTES
STEP_SECONDS = 60  # of the clear sky's sum: a minute, as the spans of Forecast.Solar begin at any
FARTHEST_SECONDS = 6 * 3600  # between two instants that are interpolated
W_PER_KW = 1000.0
NIGHT = 1e-6  # of a clear hour's energy per kW below which the sun says nothing about a span


def quarter_hours(answer: WeatherAnswer, panels: PvSystem) -> pl.DataFrame:
    """Return what a service said, slot by slot.

    Args:
        answer: the service's answer.
        panels: location and orientation of the panels.

    Returns:
        `slot_start` and `temp_c, cloud_percent, irradiance_w_m2, pv_expected_kwh`, those that it said anything of;
        null where it did not.
    """
    level = PvSystem(latitude=panels.latitude, longitude=panels.longitude, tilt=0.0)
    parts = [_at_middles(answer.moments, name) for name in MOMENT_VALUES]
    parts.append(_mean_irradiance(answer.irradiance, level))
    parts.append(_energies(answer.pv, panels).select("slot_start", pv_expected_kwh="energy"))
    said = [part for part in parts if part.height]
    if not said:
        return pl.DataFrame(schema={"slot_start": SLOT_DTYPE})
    whole = said[0]
    for part in said[1:]:
        whole = whole.join(part, on="slot_start", how="full", coalesce=True)
    return whole.sort("slot_start")


def _mean_irradiance(spans: pl.DataFrame, level: PvSystem) -> pl.DataFrame:
    """Return the mean irradiance of the slots that spans cover wholly."""
    hours = (pl.col("end") - pl.col("start")).dt.total_seconds() / 3600
    pieces = _energies(spans.with_columns(pl.col("value") * hours), level)
    whole = pieces.filter(pl.col("seconds") == SLOT_SECONDS)
    return whole.select("slot_start", irradiance_w_m2=pl.col("energy") / SLOT_HOURS)


def _energies(spans: pl.DataFrame, panels: PvSystem) -> pl.DataFrame:
    """Return the energy of each slot, `slot_start, energy, seconds`: how much of it is covered."""
    start, end = (_seconds(spans[name]) for name in ("start", "end"))
    first, past = start // SLOT_SECONDS, -(-end // SLOT_SECONDS)
    n_pieces = past - first
    row = np.repeat(np.arange(len(start)), n_pieces)
    slot = first[row] + np.arange(len(row)) - np.repeat(np.cumsum(n_pieces) - n_pieces, n_pieces)
    lower = np.maximum(slot * SLOT_SECONDS, start[row])
    upper = np.minimum((slot + 1) * SLOT_SECONDS, end[row])
    share = _shares(lower, upper, start[row], end[row], panels)
    pieces = pl.DataFrame(
        {"slot": slot, "energy": spans["value"].to_numpy()[row] * share, "seconds": upper - lower},
        schema={"slot": pl.Int64, "energy": pl.Float64, "seconds": pl.Int64},
    )
    slots = pieces.group_by("slot").agg(pl.col("energy", "seconds").sum()).sort("slot")
    return slots.select(_instant(pl.col("slot")), "energy", "seconds")


def _shares(lower: Integers, upper: Integers, start: Integers, end: Integers, panels: PvSystem) -> Energy:
    """Return the share of each span's energy that its piece gets: as a clear sky would give, evenly in the dark."""
    if not len(lower):
        return np.empty(0)
    edges = STEP_SECONDS * np.arange(int(start.min()) // STEP_SECONDS, -(-int(end.max()) // STEP_SECONDS) + 1)
    power = clear_sky_kw_per_kw((edges[:-1] + STEP_SECONDS // 2).astype(np.float64), panels)
    summed = np.concatenate([[0.0], np.cumsum(power)]) * STEP_SECONDS / 3600

    def between(one: Integers, other: Integers) -> Energy:
        return np.interp(other, edges, summed) - np.interp(one, edges, summed)

    whole = between(start, end)
    even = (upper - lower) / (end - start)
    return np.where(whole > NIGHT, between(lower, upper) / np.maximum(whole, NIGHT), even)


def _at_middles(moments: pl.DataFrame, name: str) -> pl.DataFrame:
    """Return the value at the middle of each slot between two instants that are not too far apart."""
    known = moments.select("at", name).drop_nulls()
    at, values = _seconds(known["at"]), known[name].to_numpy()
    if len(at) < 2:  # noqa: PLR2004 - one instant is between no two
        return pl.DataFrame(schema={"slot_start": SLOT_DTYPE, name: pl.Float64})
    slot = np.arange(int(at[0]) // SLOT_SECONDS, int(at[-1]) // SLOT_SECONDS + 1)
    middle = slot * SLOT_SECONDS + SLOT_SECONDS / 2
    after = np.clip(np.searchsorted(at, middle), 1, len(at) - 1)
    near = (middle >= at[0]) & (middle <= at[-1]) & (at[after] - at[after - 1] <= FARTHEST_SECONDS)
    found = pl.DataFrame({"slot": slot[near], name: np.interp(middle[near], at, values)})
    return found.select(_instant(pl.col("slot")), name)


def _seconds(instants: pl.Series) -> Integers:
    return instants.dt.epoch("s").to_numpy().astype(np.int64)


def _instant(slot: pl.Expr) -> pl.Expr:
    return (
        pl.from_epoch(slot * SLOT_SECONDS, time_unit="s")
        .dt.replace_time_zone("UTC")
        .cast(SLOT_DTYPE)
        .alias("slot_start")
    )
