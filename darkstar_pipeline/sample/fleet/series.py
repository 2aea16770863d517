"""Prices of areas, and load and PV of homes, by the slot: plausible shapes with seeded noise.

A home's series depends on the seed, the home and the first day alone. Prices fall below zero at noon of sunny days.
"""

from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from darkstar_pipeline.sample.fleet.areas import AREAS, SampleArea
from darkstar_pipeline.sample.fleet.homes import home_number
from env.time_grid import grid, local_clock

Reals = NDArray[np.float64]
_HOURS_A_SLOT = 0.25
_DIGITS = 4
_SUNNY, _SUNNY_DROP = 0.5, 3.0
_FULL_TURN = 2 * np.pi
_DAYS_A_YEAR, _DAY_OF_SPRING = 365.25, 80
_TILT_OF_EARTH = np.radians(23.44)
_LEAST_KW = 0.06
_YEAR_HOURS = 8766.0


def area_slots(area: SampleArea, first: date, days: int) -> pl.DataFrame:
    """Return the slots of an area's local days with `local_clock` [min]."""
    last = first + timedelta(days=days - 1)
    return grid(first, last, area.timezone).with_columns(local_clock(area.timezone))


def area_prices(area: SampleArea, slots: pl.DataFrame, seed: int) -> Reals:
    """Return the spot price of each slot [money/kWh].

    Args:
        area: the price area.
        slots: see `area_slots`.
        seed: of the fleet.
    """
    hours = slots["local_clock"].to_numpy() / 60
    noise = _noise(np.random.default_rng([seed, 2, _number(area)]).standard_normal((1, slots.height)), 0.9)[0]
    peaks = 0.35 * _bump(hours, 8.0, 1.8) + 0.5 * _bump(hours, 18.5, 2.2) - 0.25 * _bump(hours, 3.0, 2.5)
    noon = _SUNNY_DROP * np.maximum(clear_share(area, slots, seed) - _SUNNY, 0) * _bump(hours, 13.0, 2.0)
    prices: Reals = area.level * (1 + peaks - noon + 0.12 * noise)
    return np.round(prices, _DIGITS)


def clear_share(area: SampleArea, slots: pl.DataFrame, seed: int) -> Reals:
    """Return how clear the sky of an area is in each slot, 0 to 1."""
    rng = np.random.default_rng([seed, 3, _number(area)])
    day = slots["local_day"].rle_id().to_numpy()
    by_day = rng.uniform(0.1, 1.0, int(day[-1]) + 1)
    passing = 0.1 * _noise(rng.standard_normal((1, slots.height)), 0.8)[0]
    return np.clip(by_day[day] + passing, 0.03, 1.0)


def home_series(area: SampleArea, slots: pl.DataFrame, homes: pl.DataFrame, seed: int) -> tuple[Reals, Reals]:
    """Return load and PV of an area's homes, each of shape (homes, slots) [kWh].

    Args:
        area: their price area.
        slots: see `area_slots`.
        homes: `site`, `has_pv` and `panels_kw`.
        seed: of the fleet.
    """
    generators = [np.random.default_rng([seed, 4, home_number(site)]) for site in homes["site"]]
    traits = np.stack([rng.random(5) for rng in generators])
    drawn = np.stack([rng.standard_normal(slots.height) for rng in generators])
    starts = np.stack([rng.random(slots.height) for rng in generators])
    return _load(slots, traits, drawn, starts), _pv(area, slots, homes, drawn, seed)


def _load(slots: pl.DataFrame, traits: Reals, drawn: Reals, starts: Reals) -> Reals:
    """Return loads [kWh]: a base, a morning, an evening, noise, and appliances that run for an hour or so."""
    hours = slots["local_clock"].to_numpy()[None, :] / 60
    mean_kw = (3000 + 9000 * traits[:, :1]) / _YEAR_HOURS
    morning = _bump(hours, 6.5 + 2 * traits[:, 1:2], 1.2)
    evening = _bump(hours, 17.5 + 3 * traits[:, 2:3], 2.0)
    shape = 0.55 + (0.3 + 0.6 * traits[:, 3:4]) * morning + (0.8 + 0.8 * traits[:, 4:5]) * evening
    appliances = _decaying((starts < 0.02 * shape).astype(float), 0.6)
    kw = mean_kw * shape * np.exp(0.25 * _noise(drawn, 0.7)) + 0.9 * appliances
    return np.round(np.maximum(kw, _LEAST_KW) * _HOURS_A_SLOT, _DIGITS)


def _pv(area: SampleArea, slots: pl.DataFrame, homes: pl.DataFrame, drawn: Reals, seed: int) -> Reals:
    """Return PV [kWh]: the sun's height times a home's panels, under the sky of its area."""
    peak = homes["panels_kw"].fill_null(0.0).to_numpy()[:, None]
    sky = clear_share(area, slots, seed)[None, :] * np.exp(0.05 * drawn)
    return np.round(0.85 * peak * _sun_height(area, slots)[None, :] * sky * _HOURS_A_SLOT, _DIGITS)


def _sun_height(area: SampleArea, slots: pl.DataFrame) -> Reals:
    """Return the sine of the sun's height, not below 0; solar noon is taken as 12:00 of winter time."""
    days = slots["local_day"].dt.ordinal_day().to_numpy()
    minutes = slots["slot_start"].dt.hour().to_numpy() * 60.0 + slots["slot_start"].dt.minute().to_numpy()
    declination = _TILT_OF_EARTH * np.sin(_FULL_TURN * (days - _DAY_OF_SPRING) / _DAYS_A_YEAR)
    east_h = 1.0 if area.currency == AREAS[0].currency else 1.7
    angle = _FULL_TURN * (minutes / 60 + east_h - 12) / 24
    latitude = np.radians(area.latitude)
    height = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(angle)
    return np.maximum(height, 0.0)


def _bump(hours: Reals, centre: float | Reals, width: float) -> Reals:
    """Return a smooth hump of the day, 1 at its centre [h], that goes on across midnight."""
    away = (hours - centre + 12) % 24 - 12
    return np.exp(-0.5 * (away / width) ** 2)


def _noise(drawn: Reals, kept: float) -> Reals:
    """Return noise of unit variance along the slots, each value keeping a share of the one before."""
    return _decaying(drawn, kept) * np.sqrt(1 - kept**2)


def _decaying(drawn: Reals, kept: float) -> Reals:
    """Return sums along the slots in which each value keeps a share of the one before."""
    from scipy.signal import lfilter  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType] - not typed

    return np.asarray(lfilter([1.0], [1.0, -kept], drawn, axis=1), dtype=np.float64)


def _number(area: SampleArea) -> int:
    return AREAS.index(area)
