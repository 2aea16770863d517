"""Days of prices that are in another unit: finer than a market's step, or far from the level of the days around them.

The median of a file (`scale`) tells a file that is too large. A single day that is too small, or too large beside the
others, is told here: by what no market does, and by what no true day did. Of 9 256 true days of SE1-SE4 (2020-2026)
none comes near a bound (`docs/adr/0043`). A factor of ten lies within what true days do: only a second source tells it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from darkstar_pipeline.config.countries import market_timezone
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.sources.parsed import REASON, ROW
from darkstar_pipeline.sources.price_lists.publication import KnownSlots
from darkstar_pipeline.sources.price_lists.scale import price_limit
from darkstar_pipeline.sources.resampling import repeat_prices
from env.time_grid import local_day

_STEP_EUR = 0.8e-5
"""Smallest step of a market's prices, 0.01 EUR/MWh, less what rates of exchange may have changed [EUR/kWh]."""
_MEAN_STEP_EUR = _STEP_EUR / 4
"""The same of hours, which may be means of four quarters."""
_SLACK = 3
_AROUND = timedelta(days=28)
_LEAST_DAYS = 7
_LEAST_SLOTS = 46
_HIGH = 12.0
"""Most that a day's median is of the highest price of the days around it; of true days 3.0 at the most."""
_LOW = 0.015
"""Least that a day's highest price is of the lowest such of the days around it; of true days 0.036 at the least."""


@dataclass(frozen=True, kw_only=True)
class _Day:
    """The size of a day's prices [money/kWh]."""

    day: date
    median: float
    most: float
    spread: float
    different: int
    minutes: int


def refuse_other_unit(
    frame: pl.DataFrame, site: SiteSettings, known: KnownSlots | None = None, *, confirmed: bool = False
) -> pl.DataFrame:
    """Refuse the rows of days whose prices cannot be per kWh in the site's currency.

    Args:
        frame: rows with `slot_start`, `price`, `native_minutes`, `_row` and `_reason`.
        site: its market and currency.
        known: gives the prices that are already known.
        confirmed: whether another source has the same prices: then they may be far from those of the days around.
    """
    good = frame.filter(pl.col(REASON).is_null())
    zone = market_timezone(site.timezone)
    days = _days(repeat_prices(good.select("slot_start", "price", "native_minutes")), zone)
    if not days:
        return frame
    around = {} if confirmed else {day.day: day for day in [*_known(days, known, zone), *days]}
    found = {day.day: why for day in days if (why := _too_fine(day, site.currency) or _far(day, around))}
    if not found:
        return frame
    table = pl.DataFrame({"local_day": list(found), "_unit": list(found.values())})
    rows = good.select(ROW, "slot_start").with_columns(local_day(zone)).join(table, on="local_day")
    joined = frame.join(rows.select(ROW, "_unit"), on=ROW, how="left", maintain_order="left")
    return joined.with_columns(pl.coalesce(REASON, "_unit").alias(REASON)).drop("_unit")


def _days(slots: pl.DataFrame, zone: str) -> list[_Day]:
    """Return the days of which half or more is there."""
    price = pl.col("price")
    minutes = pl.col("native_minutes").max() if "native_minutes" in slots.columns else pl.lit(0)
    table = slots.group_by(local_day(zone).alias("day")).agg(
        pl.len(),
        price.abs().median().alias("median"),
        price.abs().max().alias("most"),
        (price.max() - price.min()).alias("spread"),
        price.round(9).n_unique().alias("different"),
        minutes.alias("minutes"),
    )
    whole = table.filter(pl.col("len") >= _LEAST_SLOTS).sort("day").drop("len")
    return [_Day(**row) for row in whole.iter_rows(named=True)]


def _known(days: Sequence[_Day], known: KnownSlots | None, zone: str) -> list[_Day]:
    """Return the known days before the first and after the last one."""
    if known is None:
        return []
    first, last = days[0].day, days[-1].day
    wanted = [first - timedelta(days=n) for n in range(1, _AROUND.days + 1)]
    wanted += [last + timedelta(days=n) for n in range(1, _AROUND.days + 1)]
    return [day for day in _days(known(sorted(wanted)), zone) if not first <= day.day <= last]


def _too_fine(day: _Day, currency: str) -> str:
    """Return that a day has more different prices than a market's step allows between its lowest and highest."""
    step = price_limit(currency, _STEP_EUR if day.minutes < 30 else _MEAN_STEP_EUR)  # noqa: PLR2004 - quarter-hours
    if day.different <= day.spread / step + _SLACK or price_limit(currency, 1.0) == float("inf"):
        return ""
    return (
        f"{day.different} different prices of {day.day} lie within {day.spread:.2g} {currency}/kWh, finer than a "
        "market's: they are in another unit"
    )


def _far(day: _Day, around: dict[date, _Day]) -> str:
    """Return that a day is far from the level of the days around it; empty where it is not, or too few are known."""
    beside = (day.day + timedelta(days=n) for n in range(-_AROUND.days, _AROUND.days + 1) if n)
    near = [around[other].most for other in beside if other in around]
    least = min((most for most in near if most > 0), default=0.0)
    if len(near) < _LEAST_DAYS:
        return ""
    if day.median > _HIGH * max(near) > 0:
        return f"prices of {day.day} are {day.median / max(near):.3g} times the highest of the {len(near)} days around"
    if 0 < day.most < _LOW * least:
        lowest = f"{day.most / least:.2g} of the lowest day's among the {len(near)} around"
        return f"the highest price of {day.day} is {lowest}"
    return ""
