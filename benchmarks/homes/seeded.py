"""Homes, weather and prices drawn from a fixed seed, for benchmarks where no measured homes lie beside the checkout.

Plausible, not real: days follow one another as weather does (autoregressive temperature, wind and cloud), the sun is
where it stands over Stockholm, people get up and come home by the local clock, so both changes of the clock show, and
prices follow demand, wind and sun, with spikes, true zeros and negative hours. Energy is kWh per quarter-hour slot,
prices are SEK/kWh before VAT, fees and tax. The same numbers in every run; values are rounded to five digits, so that
the last bit of a machine's sine does not matter.
"""

from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np
import polars as pl

from env.inverter import Energy
from env.time_grid import grid, local_clock

ZONE = "Europe/Stockholm"
FIRST_DAY, LAST_DAY = date(2020, 1, 1), date(2026, 8, 31)
LATITUDE, LONGITUDE = np.radians(59.3), 18.1  # Stockholm; the longitude in degrees
DIGITS = 5
DAY_SLOTS = 96
BIDS_AT_ZERO = 0.02  # SEK/kWh: many bids at nothing hold the price there, so that zeros come in runs
_SEED = 20_251_001


@dataclass(frozen=True)
class SeededHome:
    """A home to be drawn.

    Attributes:
        seed: own seed of its load and its gaps.
        pv_kw: peak power of its panels [kW]; 0 for none.
        base_kwh: load that is always there [kWh per slot].
        people_kwh: mean load of people awake and at home [kWh per slot].
        heat_kwh_per_degree: heating load per degree below 15 °C [kWh per slot].
        gap_days: share of days that lack some readings.
    """

    seed: int
    pv_kw: float
    base_kwh: float
    people_kwh: float
    heat_kwh_per_degree: float
    gap_days: float = 0.0


HOMES = {
    "seeded_villa": SeededHome(seed=1, pv_kw=6.0, base_kwh=0.07, people_kwh=0.18, heat_kwh_per_degree=0.004),
    "seeded_gaps": SeededHome(
        seed=2, pv_kw=4.5, base_kwh=0.05, people_kwh=0.14, heat_kwh_per_degree=0.005, gap_days=0.04
    ),
    "seeded_heat_pump": SeededHome(seed=3, pv_kw=0.0, base_kwh=0.1, people_kwh=0.22, heat_kwh_per_degree=0.033),
}
AREAS = {"SE3": (10, 1.0), "SE4": (11, 1.2)}
"""Seed of a price area's own noise, and its mean level beside that of SE3."""


@dataclass(frozen=True)
class _Weather:
    """The weather of every slot: clear-sky share of sun (0-1), temperature [°C] and wind (mean 0, deviation 1)."""

    slots: pl.DataFrame
    clear: Energy
    temperature: Energy
    wind: Energy


def seeded_readings(home: str) -> pl.DataFrame:
    """Return the tidy readings of a home: `slot_start, load_kwh, pv_kwh`; PV is null where there are no panels."""
    drawn, weather = HOMES[home], _weather()
    rng = np.random.default_rng([_SEED, drawn.seed])
    load = _load(drawn, weather, rng)
    pv = _sun(weather.slots) * _clouded(weather.clear, rng) * drawn.pv_kw / 4
    day_gap = rng.random(len(load) // DAY_SLOTS + 2) < drawn.gap_days
    at = weather.slots["local_day"].rle_id().to_numpy()
    missing = day_gap[at] & (rng.random(len(load)) < 0.1)  # noqa: PLR2004 - a tenth of such a day's slots
    frame = weather.slots.select("slot_start", load_kwh=pl.Series(np.round(load, DIGITS)))
    panels = pl.Series(np.round(pv, DIGITS)) if drawn.pv_kw else pl.lit(None, pl.Float64)
    return frame.with_columns(pv_kwh=panels).filter(~pl.Series(missing))


def seeded_pv_forecast(home: str) -> pl.DataFrame:
    """Return a weather service's PV forecast for a home at each local midnight: `slot_start, pv_forecast_kwh`.

    It knows the sun and, with an error, how clear the day will be, but nothing of single clouds.
    """
    drawn, weather = HOMES[home], _weather()
    rng = np.random.default_rng([_SEED, drawn.seed, 1])
    error = rng.normal(0.0, 0.12, len(weather.clear) // DAY_SLOTS + 2)
    at = weather.slots["local_day"].rle_id().to_numpy()
    pv = _sun(weather.slots) * np.clip(weather.clear + error[at], 0.05, 1.0) * drawn.pv_kw / 4
    return weather.slots.select("slot_start", pv_forecast_kwh=pl.Series(np.round(pv, DIGITS)))


def seeded_prices(area: str) -> pl.DataFrame:
    """Return the tidy spot prices of an area, `slot_start, price` [SEK/kWh]; hourly until 2025-09-30, as in Sweden."""
    seed, level = AREAS[area]
    weather = _weather()
    rng, own = np.random.default_rng([_SEED, 7]), np.random.default_rng([_SEED, seed])
    n_days = weather.slots["local_day"].n_unique()
    clock, weekday = _clock(weather.slots), weather.slots["local_day"].dt.weekday().to_numpy()
    day = weather.slots["local_day"].rle_id().to_numpy()
    workday = np.where(weekday < 6, 1.0, 0.55)  # noqa: PLR2004 - Saturday is the sixth day
    peaks = 0.45 * _bump(clock, 8.0, 1.6) + 0.6 * _bump(clock, 18.5, 2.2) - 0.3 * _bump(clock, 3.0, 3.0)
    cold = np.clip(12.0 - weather.temperature, 0.0, None) / 25
    market = np.exp(0.35 * _persistent(rng, n_days, 0.9))[day]
    price = market * (0.55 + cold + workday * peaks) - 0.22 * weather.wind
    price -= 0.75 * _sun(weather.slots) * weather.clear
    spikes = (own.random(n_days) < 0.02)[day] * _bump(clock, 18.0, 1.0) * own.exponential(1.5, n_days)[day]  # noqa: PLR2004 - of days
    price = level * (price + spikes) + own.normal(0.0, 0.03, n_days)[day]
    price *= 1 + own.normal(0.0, 0.03, len(price))
    price = np.where(price < 0, 0.15 * price, price)  # little is paid for being rid of energy
    apart = np.maximum(np.abs(price) - BIDS_AT_ZERO, 0.0)
    price = np.sign(price) * 1.15 * apart**2 / (apart + 0.2) + 0.0  # near zero prices change little; + 0.0: no -0.0
    frame = weather.slots.select("slot_start", "local_day", price=pl.Series(np.round(price, DIGITS)))
    hourly = pl.col("price").first().over(pl.col("slot_start").dt.truncate("1h"))
    quarters = pl.col("local_day") >= date(2025, 10, 1)
    return frame.select("slot_start", price=pl.when(quarters).then("price").otherwise(hourly))


@lru_cache(maxsize=1)
def _weather() -> _Weather:
    """Draw the weather of all days, the same for every home and area."""
    rng = np.random.default_rng(_SEED)
    slots = grid(FIRST_DAY, LAST_DAY, ZONE).with_columns(local_clock(ZONE))
    day = slots["local_day"].rle_id().to_numpy()
    n_days = int(day[-1]) + 1
    season = np.cos(2 * np.pi * (slots["local_day"].dt.ordinal_day().to_numpy() - 20) / 365.25)
    clear = 1 / (1 + np.exp(-1.6 * _persistent(rng, n_days, 0.6) - 0.2))
    temperature = 7.5 - 10.5 * season + 3.5 * _persistent(rng, n_days, 0.8)[day]
    temperature += 3.0 * np.sin(2 * np.pi * (_clock(slots) - 9) / 24)
    return _Weather(slots, 0.1 + 0.9 * clear[day], temperature, _persistent(rng, n_days, 0.7)[day] + 0.4 * season)


def _persistent(rng: np.random.Generator, n: int, memory: float) -> Energy:
    """Return a first-order autoregressive series of variance 1, `(n,)`."""
    shocks = rng.normal(0.0, np.sqrt(1 - memory**2), n)
    values = np.empty(n)
    value = rng.normal()
    for i, shock in enumerate(shocks.tolist()):
        value = memory * value + shock
        values[i] = value
    return values


def _clock(slots: pl.DataFrame) -> Energy:
    """Return the local time of day of each slot [h]."""
    return slots["local_clock"].to_numpy() / 60


def _bump(clock: Energy, centre: float, width: float) -> Energy:
    """Return a bell around an hour of the day, 1 at its centre; the day is a circle."""
    apart = np.abs((clock - centre + 12) % 24 - 12)
    return np.exp(-0.5 * (apart / width) ** 2)


def _sun(slots: pl.DataFrame) -> Energy:
    """Return the power of panels under a clear sky, as a share of their peak (0-1), by the sun's elevation."""
    starts = slots["slot_start"]
    hour = (starts.dt.hour().cast(pl.Float64) + starts.dt.minute() / 60).to_numpy() + 0.125
    declination = np.radians(-23.44) * np.cos(2 * np.pi * (starts.dt.ordinal_day().to_numpy() + 10) / 365.25)
    hour_angle = np.radians(15 * (hour - 12) + LONGITUDE)
    elevation = np.sin(LATITUDE) * np.sin(declination) + np.cos(LATITUDE) * np.cos(declination) * np.cos(hour_angle)
    return np.clip(elevation, 0.0, None) ** 1.15


def _clouded(clear: Energy, rng: np.random.Generator) -> Energy:
    """Return the share of the clear sky's sun that reaches the panels slot by slot: single clouds on unsettled days."""
    unsettled = 0.5 * clear * (1 - clear)
    return np.clip(clear + unsettled * rng.normal(0.0, 1.5, len(clear)), 0.02, 1.0)


def _load(home: SeededHome, weather: _Weather, rng: np.random.Generator) -> Energy:
    """Return the load of each slot [kWh]: standby, people by the clock, single appliances, heat by temperature."""
    clock, slots = _clock(weather.slots), len(weather.clear)
    day = weather.slots["local_day"].rle_id().to_numpy()
    weekend = weather.slots["local_day"].dt.weekday().to_numpy() > 5  # noqa: PLR2004 - Friday is the fifth day
    morning = _bump(clock, 7.5, 1.2) * np.where(weekend, 0.6, 1.0) + weekend * 0.7 * _bump(clock, 11.0, 2.5)
    evening = 1.6 * _bump(clock, 18.8, 2.2)
    mood = np.exp(0.25 * _persistent(rng, int(day[-1]) + 1, 0.3))[day]
    people = home.people_kwh * mood * (0.3 + morning + evening) * rng.uniform(0.6, 1.4, slots)
    awake = (clock > 6) & (clock < 23)  # noqa: PLR2004 - o'clock
    appliance = (rng.random(slots) < 0.05) & awake  # noqa: PLR2004 - of slots
    heat = home.heat_kwh_per_degree * np.clip(15.0 - weather.temperature, 0.0, None) * rng.uniform(0.7, 1.3, slots)
    return home.base_kwh + people + appliance * rng.exponential(0.35, slots) + heat
