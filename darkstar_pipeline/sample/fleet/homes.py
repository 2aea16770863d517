"""Homes of a synthetic fleet: a home depends on the seed and on its number, not on how many there are."""

import numpy as np
import polars as pl

from darkstar_pipeline.sample.fleet.areas import AREAS, charging_name

_SHARES = tuple(area.share for area in AREAS)
_BATTERIES = ((5.0, 2.5), (10.0, 5.0), (13.5, 5.0), (15.0, 7.5), (20.0, 10.0))
"""Products: capacity [kWh] and power [kW]."""
_BATTERY_SHARES = (0.15, 0.35, 0.25, 0.15, 0.10)
_FUSES_KW = (11.0, 13.8, 17.3)
"""16, 20 and 25 A in three phases [kW]."""
_WITH_PV, _TIME_OF_USE = 0.7, 0.4
_LEAST_PEAK_KW, _MOST_PEAK_KW = 4.0, 14.0
_TENANTS = 4
_DIGITS = 7


def home_name(number: int) -> str:
    """Return the name of a home.

    >>> home_name(41)
    'home-0000041'
    """
    return f"home-{number:0{_DIGITS}d}"


def home_number(site: str) -> int:
    """Return the number of a home by its name."""
    return int(site[-_DIGITS:])


def sample_homes(homes: int, seed: int, *, charged_share: float = 0.0) -> pl.DataFrame:
    """Return the rows of the first homes of a seed.

    Args:
        homes: their number.
        seed: what they are made of.
        charged_share: share of them that pay for power; they are the same otherwise.
    """
    drawn = np.random.default_rng([seed, 1]).random((homes, 6))
    area: list[int] = np.searchsorted(np.cumsum(_SHARES)[:-1], drawn[:, 0], side="right").tolist()
    battery = np.searchsorted(np.cumsum(_BATTERY_SHARES)[:-1], drawn[:, 1], side="right")
    fuse = (drawn[:, 2] * len(_FUSES_KW)).astype(int)
    has_pv = drawn[:, 3] < _WITH_PV
    peak = np.round(_LEAST_PEAK_KW + drawn[:, 4] * (_MOST_PEAK_KW - _LEAST_PEAK_KW), 1)
    by_hour: list[bool] = (drawn[:, 5] < _TIME_OF_USE).tolist()
    power = np.array([kw for _, kw in _BATTERIES])[battery]
    tariffs = [AREAS[place].tariffs[int(chosen)] for place, chosen in zip(area, by_hour, strict=True)]
    pays = np.random.default_rng([seed, 5]).random(homes) < charged_share
    tariffs = [charging_name(name) if charged else name for name, charged in zip(tariffs, pays.tolist(), strict=True)]
    return pl.DataFrame(
        {
            "site": [home_name(number) for number in range(homes)],
            "tenant": [f"tenant-{number % _TENANTS}" for number in range(homes)],
            "area": [AREAS[place].name for place in area],
            "capacity_kwh": np.array([kwh for kwh, _ in _BATTERIES])[battery],
            "charge_kw": power,
            "discharge_kw": power,
            "wear_cost_per_kwh": pl.Series([AREAS[place].wear for place in area], dtype=pl.Float64),
            "import_kw": np.array(_FUSES_KW)[fuse],
            "has_pv": has_pv,
            "panels_kw": pl.Series(peak).set(pl.Series(~has_pv), None),
            "tariff": tariffs,
        }
    )
