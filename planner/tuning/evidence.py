"""Evidence of readings for a site's quantities: forecasts beside what came, and the battery's energy in and out."""

from dataclasses import dataclass

import polars as pl

from env.time_grid import local_day
from planner.care.learned_battery import learned_battery
from planner.tuning.quantities import BANDS, QuantityName
from planner.wording.messages import phrase

LEAST_DAYS = 14
"""Days whose forecast and readings a correction is believed from."""
LEAST_KWH_A_DAY = 0.2
"""Energy of a band below which its error says nothing [kWh]."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Evidence of readings for one quantity.

    Attributes:
        name: the quantity.
        target: value that they show.
        samples: days, or full cycles, that it rests on.
        cause: the same in words.
    """

    name: QuantityName
    target: float
    samples: int
    cause: str


def forecast_evidence(forecasts: pl.DataFrame, readings: pl.DataFrame, timezone: str) -> list[Evidence]:
    """Return by how much forecasts of load and PV are off in each band of the day; none where too few days are known.

    The factor is what came over what was forecast, over all days of the band together: days of much energy count more.

    Args:
        forecasts: `slot_start, load_kwh, pv_kwh`, each as forecast on the morning of its day.
        readings: `slot_start, load_kwh, pv_kwh` of usable days, null where nothing was read.
        timezone: of the site.
    """
    both = forecasts.join(readings, on="slot_start", suffix="_read").with_columns(
        local_day(timezone), hour=pl.col("slot_start").dt.convert_time_zone(timezone).dt.hour()
    )
    found: list[Evidence] = []
    for name, (first, end) in BANDS.items():
        column = f"{name.partition('_')[0]}_kwh"
        band = both.filter(pl.col("hour") >= first, pl.col("hour") < end).drop_nulls([column, f"{column}_read"])
        days = band["local_day"].n_unique()
        forecast, read = float(band[column].sum()), float(band[f"{column}_read"].sum())
        if days < LEAST_DAYS or forecast < LEAST_KWH_A_DAY * days:
            continue
        cause = phrase(
            "{read:.1f} kWh a day came where {forecast:.1f} were forecast, on {days} days",
            read=read / days,
            forecast=forecast / days,
            days=days,
        )
        found.append(Evidence(name=name, target=read / forecast, samples=days, cause=cause))
    return found


def battery_evidence(readings: pl.DataFrame) -> list[Evidence]:
    """Return what the battery's readings show of its capacity and losses; none where they do not suffice.

    Args:
        readings: as `learned_battery` takes them.
    """
    battery = learned_battery(readings)
    if battery is None:
        return []
    cycles = int(battery.cycles)
    lost = phrase(
        "{percent:.0f} % came out of what was charged, in {cycles} cycles",
        percent=100 * battery.round_trip_efficiency,
        cycles=cycles,
    )
    held = phrase(
        "energy and state of charge of {cycles} cycles show {kwh:.1f} kWh", cycles=cycles, kwh=battery.capacity_kwh
    )
    return [
        Evidence(name="round_trip_efficiency", target=battery.round_trip_efficiency, samples=cycles, cause=lost),
        Evidence(name="capacity_kwh", target=battery.capacity_kwh, samples=cycles, cause=held),
    ]


def share_evidence(costs: dict[float, float], n_days: int) -> list[Evidence]:
    """Return the margin of the S-index that would have cost least on the last days; none without days.

    Args:
        costs: cost of the days by the share of the uncertainty that is kept [money].
        n_days: their number.
    """
    if n_days < LEAST_DAYS or not costs:
        return []
    best = min(costs, key=lambda share: (costs[share], share))
    cause = phrase(
        "of shares from {least:.2f} to {most:.2f} of the uncertainty, {best:.2f} would have cost least on {days} days",
        least=min(costs),
        most=max(costs),
        best=best,
        days=n_days,
    )
    return [Evidence(name="s_share", target=best, samples=n_days, cause=cause)]
