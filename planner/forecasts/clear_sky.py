"""PV of a home under a clear sky: the physical baseline that PV forecasts are a share of.

The envelope is read from the home itself: the brightest of the last days at the same wall clock. Where the place and
the panels are known it is taken of the ratio to the sun's physics, so that it keeps up with the season; pvlib gives
sun position (NREL SPA), clear sky (Haurwitz 1945) and the angle on the panel.
"""

from dataclasses import dataclass
from datetime import UTC
from typing import Any, cast

import numpy as np
import polars as pl

from env.inverter import Energy
from env.time_grid import SLOT, SLOT_HOURS
from env.types import Integers
from planner.forecasts.slot_series import AHEAD, DAY_SLOTS, SlotSeries

ENVELOPE_DAYS = 21
BRIGHTEST = 3  # of those days, averaged: one alone may be a glint at a cloud's edge
# An envelope reads a slot's neighbour, and a clock that was put forward reads up to two hours later than the lag.
LATER_SLOTS = 9
LEAST_CLEAR_SHARE = 0.02  # share of a panel's rated power below which a ratio to the physics is noise
FAR_DAYS = AHEAD // DAY_SLOTS + 2  # days back that the farthest forecast has to look


@dataclass(frozen=True, kw_only=True)
class Plane:
    """Panels that lie in one plane.

    Attributes:
        kw: their rated power [kW].
        tilt: angle from the horizontal [deg].
        azimuth: the way they face, from north over east [deg].
    """

    kw: float
    tilt: float
    azimuth: float


@dataclass(frozen=True, kw_only=True)
class PvSystem:
    """Location and orientation of PV panels.

    Attributes:
        latitude: north positive [deg].
        longitude: east positive [deg].
        tilt: angle from the horizontal [deg].
        azimuth: the way they face, from north over east [deg].
        planes: planes of a roof of several, in place of tilt and azimuth; empty: those hold for all panels.
    """

    latitude: float
    longitude: float
    tilt: float = 30.0
    azimuth: float = 180.0
    planes: tuple[Plane, ...] = ()

    @property
    def every_plane(self) -> tuple[Plane, ...]:
        """The planes; one of 1 kW where all panels lie alike."""
        return self.planes or (Plane(kw=1.0, tilt=self.tilt, azimuth=self.azimuth),)


def clear_sky_kwh_per_kw(series: SlotSeries, panels: PvSystem) -> Energy:
    """Energy of one kW of panels under a clear sky, slot by slot `(n,)` [kWh]."""
    middle = series.start.astimezone(UTC) + SLOT / 2
    seconds = middle.timestamp() + SLOT.total_seconds() * np.arange(len(series), dtype=np.float64)
    return clear_sky_kw_per_kw(seconds, panels) * SLOT_HOURS


def clear_sky_kw_per_kw(seconds: Energy, panels: PvSystem) -> Energy:
    """Power of one kW of panels under a clear sky at some instants `(n,)` [kW].

    Haurwitz's clear-sky irradiance, 0.85 of it beam and the rest from all of the sky, on the panels' plane; of several
    planes the mean by their rated power.

    Args:
        seconds: instants since 1970 `(n,)` [s].
        panels: location and orientation of the panels.
    """
    from pvlib import irradiance, spa  # pyright: ignore[reportMissingTypeStubs] - it is not typed

    sun = cast("Any", spa).solar_position(
        seconds, panels.latitude, panels.longitude, 0.0, pressure=1013.25, temp=10.0, delta_t=69.0,
        atmos_refract=0.5667, numthreads=1,
    )  # fmt: skip
    zenith, azimuth = np.asarray(sun[0]), np.asarray(sun[4])
    height = np.cos(np.radians(np.minimum(zenith, 90.0)))
    level = np.where(height > 0, 1098.0 * height * np.exp(-0.059 / np.maximum(height, 1e-6)), 0.0)

    def on(plane: Plane) -> Energy:
        beam = np.asarray(cast("Any", irradiance).aoi_projection(plane.tilt, plane.azimuth, zenith, azimuth))
        share = 0.15 * (1 + np.cos(np.radians(plane.tilt))) / 2
        # Within 3 degrees of the horizon the ratio of the two angles has no bound.
        tilted = 0.85 * np.maximum(beam, 0.0) / np.maximum(height, 0.05)
        return level * (tilted + share) / 1000.0

    first, *others = panels.every_plane
    if not others:
        return on(first)
    powers = [plane.kw * on(plane) for plane in (first, *others)]
    return np.asarray(np.sum(powers, axis=0), dtype=np.float64) / sum(plane.kw for plane in panels.every_plane)


class ClearSky:
    """Clear-sky PV of a home as it was known at any vintage.

    Args:
        series: readings of the home.
        panels: location and orientation; None reads the envelope from the readings alone.
    """

    def __init__(self, series: SlotSeries, panels: PvSystem | None = None) -> None:
        pv = series.pv_kwh
        self._peaks = np.concatenate([[0.0], np.maximum.accumulate(np.nan_to_num(pv, nan=0.0))])
        shape = np.ones(len(series)) if panels is None else clear_sky_kwh_per_kw(series, panels)
        bright = shape > LEAST_CLEAR_SHARE * SLOT_HOURS
        ratio = np.divide(pv, shape, out=np.where(np.isfinite(pv), 0.0, np.nan), where=bright)
        smooth = _smoothed(ratio)
        self._table = np.stack([shape * _envelope(series, smooth, back) for back in range(1, FAR_DAYS + 1)])

    def at(self, slots: Integers, vintage: Integers) -> Energy:
        """Clear-sky energy of slots, from days that had ended at the vintage [kWh]."""
        back = np.maximum((slots + LATER_SLOTS - vintage) // DAY_SLOTS + 1, 1)
        return self._table[np.minimum(back, FAR_DAYS) - 1, slots]

    def peak(self, vintage: Integers) -> Energy:
        """Return the most that a slot had brought until the vintage [kWh]."""
        return self._peaks[vintage]


def _smoothed(values: Energy) -> Energy:
    """Return the mean of each slot and its two neighbours, of those that were read."""
    padded = np.concatenate([[np.nan], values, [np.nan]])
    around = np.stack([padded[:-2], padded[1:-1], padded[2:]])
    count = np.isfinite(around).sum(axis=0)
    return np.where(count > 0, np.nansum(around, axis=0) / np.maximum(count, 1), np.nan)


def _envelope(series: SlotSeries, values: Energy, back: int) -> Energy:
    """Return the mean of the brightest of the days from `back` days before each slot on."""
    slots = np.arange(len(series))
    days = np.arange(back, back + ENVELOPE_DAYS)
    earlier = series.days_before(slots[None], days[:, None])
    found = np.where(earlier >= 0, values[np.maximum(earlier, 0)], np.nan)
    ordered = np.sort(np.nan_to_num(found, nan=0.0), axis=0)[-BRIGHTEST:]
    count = np.clip(np.isfinite(found).sum(axis=0), 1, BRIGHTEST)
    return np.asarray(ordered.sum(axis=0) / count, dtype=np.float64)


def day_starts(series: SlotSeries, slots: Integers) -> Integers:
    """Return the first slot of the local day of each slot, not before the series."""
    starts = pl.Series(np.where(series.clock == 0, np.arange(len(series)), 0)).cum_max().to_numpy()
    return starts[slots]
