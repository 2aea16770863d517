"""Days of prices that are unlike those of every other area in the same file, and like one of them once they are moved.

Areas split for real, so a difference alone says nothing. What no split does is to be a neighbour's day exactly: an hour
late or early, times a factor, or of another date. Of 9 256 true days of SE1-SE4 (2019-2026) none comes near a bound; a
day that lies between two true ones on a congested border is not found (`docs/adr/0029`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from darkstar_pipeline.sources.parsed import REASON, ROW
from darkstar_pipeline.sources.resampling import repeat_prices
from env.time_grid import SLOT_DTYPE, SLOT_MINUTES, local_day
from env.types import Energy as Numbers

NEIGHBOURS = pl.Schema({"slot_start": SLOT_DTYPE, "area": pl.String(), "price": pl.Float64()})
"""Prices of other areas, in the unit of the site's own."""
_HOUR = 60 // SLOT_MINUTES
_LEAST_SLOTS = 46
_APART = 0.02
"""A day nearer to a neighbour's is like it [share of its mean price]."""
_MOVED = 0.25
"""Most that is left of the difference once the day is moved by an hour [share]; of true days at least 0.74 is."""
_SCALED = 0.02
"""Most that is left beside a neighbour times a factor [share of its spread]; of true days at least 0.053 is."""
_OTHER_DAY = 0.1
"""Most that is left beside another day [share of the spread]; of true days at least 0.48 is."""
_LEAST_FACTOR = 0.03
_FAR_FACTOR = 3.0
"""Between a third and three times a neighbour's, the days of a whole file may be: that is told, not refused."""
_DAYS = 7
_OWN = "_own"


@dataclass(frozen=True, kw_only=True)
class Unlike:
    """A day that is another area's or day's.

    Attributes:
        reason: in words, with the hour of the largest difference.
        factor: what it is times a neighbour's; 1 where it is moved or of another day.
    """

    reason: str
    factor: float = 1.0


def refuse_unlike_neighbours(frame: pl.DataFrame, others: pl.DataFrame, timezone: str) -> tuple[pl.DataFrame, str]:
    """Refuse the rows of days that are those of another area or day, moved or scaled; return also what is only told.

    Args:
        frame: rows with `slot_start`, `price`, `native_minutes`, `_row` and `_reason`.
        others: `NEIGHBOURS`; empty where none are known.
        timezone: of the local days.
    """
    good = frame.filter(pl.col(REASON).is_null())
    if good.is_empty() or others.is_empty():
        return frame, ""
    wide = _side_by_side(repeat_prices(good.select("slot_start", "price", "native_minutes")), others)
    dated = wide.with_columns(local_day(timezone))
    unlike = unlike_days(dated, timezone)
    near = {day for day, why in unlike.items() if why.factor != 1 and 1 / _FAR_FACTOR < why.factor < _FAR_FACTOR}
    told = ""
    if 2 * len(near) > _compared_days(dated):
        told = (
            f"{unlike[min(near)].reason}; so are most days of the file, so they are taken: check whose prices they are"
        )
        unlike = {day: why for day, why in unlike.items() if day not in near}
    if not unlike:
        return frame, told
    found = pl.DataFrame({"local_day": list(unlike), "_unlike": [why.reason for why in unlike.values()]})
    days = good.select(ROW, "slot_start").with_columns(local_day(timezone)).join(found, on="local_day")
    joined = frame.join(days.select(ROW, "_unlike"), on=ROW, how="left", maintain_order="left")
    return joined.with_columns(pl.coalesce(REASON, "_unlike").alias(REASON)).drop("_unlike"), told


def _side_by_side(own: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """Return the site's slots with a column an area; a price of an hour holds for its quarters."""
    wide = own.sort("slot_start").select(pl.col("slot_start").cast(SLOT_DTYPE), pl.col("price").alias(_OWN))
    for area in others["area"].unique().sort().to_list():
        known = others.filter(pl.col("area") == area).drop_nulls().unique("slot_start", keep="first").sort("slot_start")
        column = known.select(pl.col("slot_start").cast(SLOT_DTYPE), pl.col("price").alias(area))
        wide = wide.join_asof(column, on="slot_start", tolerance="45m")
    return wide


def _compared_days(dated: pl.DataFrame) -> int:
    """Return the number of days of which enough prices are there."""
    return dated.group_by("local_day").len().filter(pl.col("len") >= _LEAST_SLOTS).height


def unlike_days(wide: pl.DataFrame, timezone: str) -> dict[date, Unlike]:
    """Return the days that are another area's or day's, moved or scaled.

    Args:
        wide: `slot_start`, `local_day`, `_own` and a column an area [money/kWh], ascending.
        timezone: of the clock that the reasons name.
    """
    areas = [name for name in wide.columns if name not in ("slot_start", "local_day", _OWN)]
    numbers: Numbers = wide.select(_OWN, *areas).to_numpy()
    spans = wide.group_by("local_day", maintain_order=True).len()
    ends = np.cumsum(spans["len"].to_numpy())[:-1]
    days: dict[date, Numbers] = dict(zip(spans["local_day"].to_list(), np.split(numbers, ends), strict=True))
    first: dict[date, int] = dict(zip(days, [0, *ends.tolist()], strict=True))
    reasons: dict[date, Unlike] = {}
    for day, prices in days.items():
        beside = {area: prices[:, n] for n, area in enumerate(areas, start=1) if _overlap(prices[:, 0], prices[:, n])}
        if not beside or _nearest(prices[:, 0], beside) <= _APART * np.mean(np.abs(prices[:, 0])):
            continue
        scaled = _scaled(prices[:, 0], beside)
        why = _moved(prices[:, 0], beside) or (scaled and scaled[0]) or _of_other_day(day, days, areas)
        if why:
            slot = first[day] + _slot_of_most(prices[:, 0], beside)
            at = wide["slot_start"].dt.convert_time_zone(timezone)[slot].strftime("%H:%M")
            reason = f"the prices of {day} are unlike those of {', '.join(beside)} (most at {at}): {why}"
            reasons[day] = Unlike(reason=reason, factor=scaled[1] if scaled and why == scaled[0] else 1.0)
    return reasons


def _overlap(own: Numbers, other: Numbers) -> bool:
    return int(np.isfinite(own + other).sum()) >= _LEAST_SLOTS


def _distance(own: Numbers, other: Numbers) -> float:
    return float(np.nanmean(np.abs(own - other)))


def _nearest(own: Numbers, beside: dict[str, Numbers]) -> float:
    """Return the mean difference to the area that is nearest."""
    return min(_distance(own, other) for other in beside.values())


def _spread(prices: Numbers) -> float:
    return float(np.nanmean(np.abs(prices - np.nanmean(prices))))


def _moved(own: Numbers, beside: dict[str, Numbers]) -> str:
    """Return that a day is a neighbour's, an hour late or early; empty where it is not."""
    limit = _MOVED * _nearest(own, beside)
    for area, other in beside.items():
        if _distance(own[_HOUR:], other[:-_HOUR]) < limit:
            return f"they are {area}'s, an hour late"
        if _distance(own[:-_HOUR], other[_HOUR:]) < limit:
            return f"they are {area}'s, an hour early"
    return ""


def _scaled(own: Numbers, beside: dict[str, Numbers]) -> tuple[str, float] | None:
    """Return that a day is a neighbour's times a factor, slot by slot, and the factor; None where it is not."""
    for area, other in beside.items():
        size = float(np.nansum(other * other))
        factor = float(np.nansum(own * other)) / size if size else 1.0
        if abs(factor - 1) <= _LEAST_FACTOR or abs(factor) <= _LEAST_FACTOR / 100:
            continue
        if float(np.nanmax(np.abs(own / factor - other))) < _SCALED * _spread(other):
            return f"they are {factor:.3g} times {area}'s, slot by slot", factor
    return None


def _of_other_day(day: date, days: dict[date, Numbers], areas: Sequence[str]) -> str:
    """Return that a day is another one of a neighbour, or an earlier one of the site; empty where it is not."""
    own = days[day][:, 0]
    spread = _spread(own)
    if spread <= _APART * np.mean(np.abs(own)):  # one fixed price is like that of any day
        return ""
    for step in sorted(range(-_DAYS, _DAYS + 1), key=abs):
        then = day - timedelta(days=step)
        if step == 0 or then not in days or len(days[then]) != len(own):
            continue
        near = np.abs(days[then][0] - own[0]) < _OTHER_DAY * spread  # one slot tells most of them apart
        for column in np.flatnonzero(near).tolist():
            other = days[then][:, column]
            earlier_own = column == 0 and step > 0
            close = (column or earlier_own) and float(np.nanmax(np.abs(own - other))) < _OTHER_DAY * spread
            if close and _overlap(own, other):
                return f"they are those of {then}{f' in {areas[column - 1]}' if column else ''}"
    return ""


def _slot_of_most(own: Numbers, beside: dict[str, Numbers]) -> int:
    """Return the slot of a day that differs most from the area that is nearest."""
    nearest = min(beside.values(), key=lambda other: _distance(own, other))
    return int(np.nanargmax(np.abs(own - nearest)))
