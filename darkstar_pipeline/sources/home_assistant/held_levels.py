"""Levels that hold until they change: state of charge and prices, as a recorder stores them."""

import numpy as np
import numpy.typing as npt
import polars as pl

from darkstar_pipeline.sources.home_assistant.energy_curve import SLOT_SECONDS, Reals
from env.time_grid import SLOT_DTYPE

LOST_HOLD_S = 900.0
"""A level is held this long once its sensor is unavailable [s]."""
_LONG_S = 65 * 60.0
_HOUR_SLACK_MIN = 5.0
_RESTART_SHARE = 0.05
_JUMP_PERCENT = 10.0
_FASTEST_PERCENT_PER_H = 200.0
"""No home battery charges faster than within half an hour."""
_EXCURSION_S = 3600.0
_SOC_LIMITS = (-50.0, 150.0)


def level_at(
    instants: Reals, seconds: Reals, levels: Reals, *, until: float | None = None, jump: float = np.inf
) -> Reals:
    """Return the level in force at instants; NaN where it is not known.

    Args:
        instants: instants of the result, shape (m,) [s].
        seconds: instants of the states, ascending, shape (n,) [s].
        levels: level from each instant on, NaN where the sensor had no value, shape (n,).
        until: end of the recording: the last level is held up to it where that is no longer than one was held before.
        jump: a change larger than this after more than an hour means that states were lost in between.
    """
    known = np.flatnonzero(~np.isnan(levels))
    if known.size == 0:
        return np.full(len(instants), np.nan)
    at, level = seconds[known], levels[known]
    gaps = np.diff(at)
    quiet = gaps.max(initial=0.0)
    end = at[-1] if until is None or until - at[-1] > max(quiet, _LONG_S) else max(until, at[-1])
    following = np.append(at[1:], end)
    next_state = np.append(seconds, end)[known + 1]
    lost = next_state < following
    lost[:-1] |= (gaps > _LONG_S) & (np.abs(np.diff(level)) > jump)
    unavailable_from = np.where(next_state < following, next_state, at)
    valid_until = np.where(lost, np.minimum(following, unavailable_from + LOST_HOLD_S), following)
    index = np.searchsorted(at, instants, side="right") - 1
    valid = (index >= 0) & (instants <= valid_until[index])
    return np.where(valid, level[index], np.nan)


def without_excursions(seconds: Reals, percent: Reals) -> tuple[Reals, Reals, int]:
    """Return a state of charge without levels that are back at once, and how many there were.

    A level further away than any battery gets in the time is none where the level before is back within an hour; one
    that stays (a recalibration) is kept, and one that no battery has (255, -100) never is.

    Args:
        seconds: instants of the states, ascending, shape (n,) [s].
        percent: level from each instant on, NaN where the sensor had no value, shape (n,) [%].
    """
    keep = ~no_level(percent)
    known = np.flatnonzero(keep & ~np.isnan(percent))
    at, level = seconds[known], percent[known]
    position = 1
    change = np.abs(np.diff(level))
    sudden = change > _reach(np.diff(at))
    for jump in np.flatnonzero(change > _JUMP_PERCENT) + 1:
        if jump < position:
            continue
        # Where a silence hides how the level got there, only a return faster than any battery's shows a glitch.
        fastest = 3600 * float(change[jump - 1]) / _FASTEST_PERCENT_PER_H
        longest = _EXCURSION_S if sudden[jump - 1] else min(fastest, _EXCURSION_S)
        soon = int(np.searchsorted(at, float(at[jump]) + longest, side="right"))
        back = np.flatnonzero(np.abs(level[jump:soon] - level[jump - 1]) <= _JUMP_PERCENT)
        if back.size:
            position = int(jump) + int(back[0])
            keep[known[jump:position]] = False
    return seconds[keep], percent[keep], int(np.count_nonzero(~keep))


def no_level(percent: Reals) -> npt.NDArray[np.bool_]:
    """Return which readings no battery has, whatever was read before and after [%]."""
    return (percent < _SOC_LIMITS[0]) | (percent > _SOC_LIMITS[1])


def _reach(time_s: Reals) -> Reals:
    """The most by which a state of charge changes in a time [points]."""
    return _JUMP_PERCENT + _FASTEST_PERCENT_PER_H * time_s / 3600


def soc_slots(seconds: Reals, percent: Reals, *, until: float | None = None) -> pl.DataFrame:
    """Return the state of charge at the edges of every slot: `[slot_start, soc_start_percent, soc_end_percent]` [%]."""
    starts = _slot_starts(seconds, until)
    edges = level_at(np.append(starts, starts[-1] + SLOT_SECONDS), seconds, percent, until=until, jump=5.0)
    frame = pl.DataFrame(
        {"slot_start": _instants(starts), "soc_start_percent": edges[:-1], "soc_end_percent": edges[1:]}
    )
    return frame.with_columns(pl.col("soc_start_percent", "soc_end_percent").fill_nan(None))


def price_slots(seconds: Reals, prices: Reals, *, until: float | None = None) -> pl.DataFrame:
    """Return the spot price of every slot: `[slot_start, price, native_minutes]`.

    A price sensor changes a moment after the slot began, so the price in force in the slot's middle is the slot's.
    """
    starts = _slot_starts(seconds, until)
    values = level_at(starts + SLOT_SECONDS / 2, seconds, prices, until=until)
    frame = pl.DataFrame({"slot_start": _instants(starts), "price": values}).with_columns(
        pl.col("price").fill_nan(None)
    )
    native = 60 if _changes_hourly(seconds, prices) else 15
    return frame.drop_nulls("price").with_columns(pl.lit(native, dtype=pl.Int32).alias("native_minutes"))


def _changes_hourly(seconds: Reals, prices: Reals) -> bool:
    """Return whether the price changes around the full hour, apart from occasional restarts."""
    known = ~np.isnan(prices)
    at, level = seconds[known], prices[known]
    minute = (at[1:][np.diff(level) != 0] % 3600) / 60
    on_hour = (minute < _HOUR_SLACK_MIN) | (minute > 60 - _HOUR_SLACK_MIN)
    return bool(np.count_nonzero(~on_hour) <= _RESTART_SHARE * on_hour.size)


def _slot_starts(seconds: Reals, until: float | None) -> Reals:
    """Starts of the slots from the first to the last state [s]."""
    last = seconds[-1] if until is None else max(until, seconds[-1])
    return np.arange(seconds[0] // SLOT_SECONDS, last // SLOT_SECONDS + 1) * SLOT_SECONDS


def _instants(starts: Reals) -> pl.Series:
    return pl.Series((starts * 1e6).astype(np.int64)).cast(SLOT_DTYPE)
