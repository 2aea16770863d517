"""The energy between a counter's last reading and its reset, which no reading shows.

A daily counter loses some of its last poll every midnight. It is estimated by what flowed just before and just after,
where these agree well enough; where it may be more than half a percent of the day's energy, the slots stay missing.
"""

from dataclasses import dataclass

import numpy as np

from darkstar_pipeline.sources.home_assistant.energy_curve import Reals
from env.types import Index, Mask

LOST_AFTER_S = 65 * 60.0
"""Silence longer than this needs an explanation: an hourly counter plus five minutes of delay [s]."""
_RARE_RESET_S = 3 * 86_400.0
_DAY_S = 86_400.0
_REGULAR = 1.5
_DAY_SHARE = 0.005
_RISES_BEFORE = 10
_SLACK_KWH = 0.05
_SHORT_S = 900.0
_FEWEST_RESETS = 3
_SOON_S = 6 * 3600.0
_ODD_SHARE = 0.05


@dataclass(frozen=True)
class _Reset:
    """A reset, and what flowed around it.

    Attributes:
        still: position of the reading that rose last before it.
        last: position of the last reading before it.
        seconds: time between that and the first behind it [s].
        still_s: time between the last rise and the first reading behind [s].
        usual_s: usual time between rises before it [s].
        rates: power before and after [kWh/s].
        day_kwh: energy of a day [kWh].
    """

    still: int
    last: int
    seconds: float
    still_s: float
    usual_s: float
    rates: tuple[float, float]
    day_kwh: float


def unseen_before_resets(
    at: Reals, level: Reals, reset: Mask, usual: float, most_kw: float, *, always: bool
) -> tuple[Reals, Mask]:
    """Return what probably flowed unseen between two readings [kWh], and between which of them nobody can tell.

    Args:
        at: instants of the readings, ascending, shape (n,) [s].
        level: readings, rising but at resets, shape (n,) [kWh].
        reset: whether the counter was reset between a reading and the next, shape (n - 1,).
        usual: the counter's resolution [kWh].
        most_kw: the most that it shows [kW].
        always: whether something always flows, as a home's load does.
    """
    unseen, untold = np.zeros(len(reset)), np.zeros(len(reset), dtype=np.bool_)
    if not reset.any():
        return unseen, untold
    rises = np.flatnonzero(np.append(True, np.diff(level) != 0))
    rare = bool(np.count_nonzero(reset) * _RARE_RESET_S <= at[-1] - at[0])
    usual_kwh = float(np.median(level[:-1][reset]))
    for last in np.flatnonzero(reset).tolist():
        here = _around(at, level, rises, last, most_kw / 3600, rare=rare)
        if here is None:
            untold[last] = always
            continue
        kwh, doubt = _estimate(here, float(level[last + 1]), usual, always=always, rare=rare)
        digit = min(usual, _SLACK_KWH) if rare or here.seconds > _SHORT_S else usual
        if doubt > max(_DAY_SHARE * min(here.day_kwh, usual_kwh), digit):
            untold[here.still : last + 1] = True
        else:
            unseen[last] = kwh
    return unseen, untold


def _around(at: Reals, level: Reals, rises: Index, last: int, most: float, *, rare: bool) -> _Reset | None:
    """Look at the rises before and after a reset; None where none came before."""
    number = int(np.searchsorted(rises, last, side="right")) - 1
    if number < 1:
        return None
    before, still = int(rises[number - 1]), int(rises[number])
    if level[before] > level[still]:
        return None
    rate_before = float(level[still] - level[before]) / float(at[still] - at[before])
    rate_after = most  # the end of a recording: anything may have begun
    if number + 2 < len(rises) and level[rises[number + 2]] > level[rises[number + 1]]:
        first, after = int(rises[number + 1]), int(rises[number + 2])
        rate_after = float(level[after] - level[first]) / float(at[after] - at[first])
    times = np.diff(at[rises[max(number - _RISES_BEFORE, 0) : number + 1]])
    span = max(float(at[-1] - at[0]), _DAY_S)
    day_kwh = float(level[-1] - level[0] + level[last]) * _DAY_S / span if rare else float(level[last])
    return _Reset(
        still=still,
        last=last,
        seconds=float(at[last + 1] - at[last]),
        still_s=float(at[last + 1] - at[still]),
        usual_s=float(np.median(times)),
        rates=(min(rate_before, most), min(rate_after, most)),
        day_kwh=day_kwh,
    )


def _estimate(here: _Reset, counted: float, usual: float, *, always: bool, rare: bool) -> tuple[float, float]:
    """The energy that no reading shows, and by how much that may be wrong [kWh]."""
    low, high = sorted(here.rates)
    if here.still_s > LOST_AFTER_S:
        # PV rests at night and a grid connection under PV; a load never does, so its readings were lost or stuck.
        return 0.0, high * here.still_s if always else 0.0
    quiet = here.still_s - here.seconds
    middle = (low + high) / 2
    kwh = max(middle * here.seconds + min(middle * quiet, usual) - counted, 0.0)
    most = max(high * here.still_s - counted, 0.0)
    if rare or here.seconds > _SHORT_S:
        return 0.0, most
    excess = max(here.still_s - _REGULAR * here.usual_s, 0.0) if always or quiet == 0 else 0.0
    return kwh, min((high - low) / 2 * here.seconds + high * excess, most)


def at_odd_hours(at: Reals, reset: Mask) -> Mask:
    """Resets at another time of the day than a counter's others, or soon after one: what it lost nobody can tell."""
    positions = np.flatnonzero(reset)
    odd = np.zeros(len(reset), dtype=np.bool_)
    if positions.size < _FEWEST_RESETS:
        return odd
    clock = np.sort(at[positions + 1] % _DAY_S)
    around = np.concatenate((clock - _DAY_S, clock, clock + _DAY_S))
    own = at[positions + 1] % _DAY_S
    near = np.searchsorted(around, own + LOST_AFTER_S, side="right") - np.searchsorted(around, own - LOST_AFTER_S)
    odd[positions] = near - 1 < _ODD_SHARE * positions.size
    again = np.flatnonzero(np.diff(at[positions + 1]) < _SOON_S)
    odd[positions[again + 1]] = True
    return odd
