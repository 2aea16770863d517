"""Damages of a recording: cut, reordered, duplicated, shifted, scaled, dropped, flickering, reset, stuck, wrong values.

Where a damage leaves a recording that another true home could have made, nobody can tell, and `untellable` says why.
Those are counted by themselves.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np

from benchmarks.damaging.true_homes import DAYS, FIRST, MINUTES, Form, Recording, counted_by_minute
from darkstar_pipeline.quality.odd_stretches import BELOW_BASE, STUCK_TIMES
from darkstar_pipeline.sources.home_assistant.energy_curve import Reals
from env.types import Index, Integers

Random = np.random.Generator
_CREEP_KWH = 0.8
_APPLIANCES_KW, _MANY_KW, _CAR_KW, _ROOF_KW = 15.0, 30.0, 25.0, 45.0
Positions = Integers | Index
Rows = tuple[Reals, Reals]
EVERY = "none cut gap thinned reordered twice contradicting clock flicker zero far negative scaled junk stuck"
BY_FORM = {
    Form.LIFETIME: f"{EVERY} reset exchanged unit dip",
    Form.DAILY: f"{EVERY} reset yesterday midnight unit dip",
    Form.POWER: f"{EVERY} offset unit",
    Form.TIDY: f"{EVERY} unit tenfold",
    Form.STATISTICS: f"{EVERY} reset exchanged unit dip",
}


@dataclass(frozen=True)
class Damaged:
    """A recording after one damage: its name, the rows, and where it was put."""

    damage: str
    seconds: Reals
    values: Reals
    place: slice


def damaged(random: Random, true: Recording) -> Damaged:
    """Draw a damage that belongs to the form of the recording."""
    name = str(random.choice(BY_FORM[true.form].split()))
    count = len(true.values)
    start = int(random.integers(1, count - 2))
    few = slice(start, min(start + int(random.integers(1, 4)), count))
    hours = slice(start, min(start + int(random.integers(2, max(3, count // 12))), count))
    place = {"zero": few, "scaled": hours, "dip": hours, "stuck": hours, "gap": hours}.get(name, slice(start, count))
    if name in ("far", "negative"):
        place = slice(start, start + 1)
    if name == "tenfold":
        length = MINUTES // true.step
        day = int(random.integers(count // length))
        place = slice(day * length, (day + 1) * length)
    rows = _ROWS[name](random, true, place) if name in _ROWS else (true.seconds, _VALUES[name](random, true, place))
    return Damaged(name, *rows, place)


def _chosen(which: Callable[[Random, int, slice], Positions]) -> Callable[[Random, Recording, slice], Rows]:
    """Rows by their positions."""

    def of(random: Random, true: Recording, place: slice) -> Rows:
        positions = which(random, len(true.values), place)
        return true.seconds[positions], true.values[positions]

    return of


def _cut(random: Random, count: int, place: slice) -> Positions:
    return np.arange(place.start, count) if random.random() < 0.5 else np.arange(place.start + 1)  # noqa: PLR2004


def _contradicting(random: Random, true: Recording, _place: slice) -> Rows:
    """Some instants twice, the second time with the value of another."""
    again = random.integers(0, len(true.values), int(random.integers(1, 6)))
    others = random.integers(0, len(true.values), len(again))
    return np.append(true.seconds, true.seconds[again]), np.append(true.values, true.values[others])


def _clock(random: Random, true: Recording, place: slice) -> Rows:
    """The clock jumps, back or on, by a quarter of an hour, an hour or three."""
    seconds = true.seconds.copy()
    seconds[place] += random.choice([-10_800, -3600, -900, 900, 3600, 10_800])
    return seconds, true.values


def _yesterday(random: Random, true: Recording, _place: slice) -> Rows:
    """The total of the day before comes once more just after midnight, beside what was recorded or for it."""
    midnight = FIRST + 60 * MINUTES * int(random.integers(1, 4))
    total = true.values[true.seconds < midnight][-1]
    if random.random() < 0.5:  # noqa: PLR2004 - one in two
        return np.append(true.seconds, midnight + 17), np.append(true.values, total)
    late = (true.seconds >= midnight) & (true.seconds < midnight + 60 * random.integers(1, 30))
    return true.seconds, np.where(late, total, true.values)


def _midnight(random: Random, true: Recording, _place: slice) -> Rows:
    """The readings before or behind a midnight were not recorded."""
    midnight = FIRST + 60 * MINUTES * int(random.integers(1, 4))
    length = 60 * float(random.integers(5, 120))
    early = midnight - length * random.choice([0, 1, 0.5])
    kept = (true.seconds < early) | (true.seconds >= early + length)
    return true.seconds[kept], true.values[kept]


_ROWS: dict[str, Callable[[Random, Recording, slice], Rows]] = {
    "none": _chosen(lambda _random, count, _place: np.arange(count)),
    "cut": _chosen(_cut),
    "gap": _chosen(lambda _random, count, place: np.delete(np.arange(count), place)),
    "thinned": _chosen(lambda random, count, _place: np.flatnonzero(random.random(count) > random.uniform(0, 0.5))),
    "reordered": _chosen(lambda random, count, _place: random.permutation(count)),
    "twice": _chosen(lambda random, count, _: np.append(np.arange(count), random.integers(0, count, count // 10))),
    "contradicting": _contradicting,
    "clock": _clock,
    "yesterday": _yesterday,
    "midnight": _midnight,
}


def _at(change: Callable[[Random, Recording, Reals], Reals]) -> Callable[[Random, Recording, slice], Reals]:
    """A change of the values of the place alone."""

    def of(random: Random, true: Recording, place: slice) -> Reals:
        values = true.values.copy()
        values[place] = change(random, true, values[place])
        return values

    return of


def _flicker(random: Random, true: Recording, _place: slice) -> Reals:
    low = random.random(len(true.values)) < random.uniform(0.01, 0.1)
    return np.maximum(true.values - true.resolution * low, 0)


def _junk(random: Random, true: Recording, _place: slice) -> Reals:
    values = true.values.copy()
    some = random.integers(1, len(values) - 1, int(random.integers(1, 6)))
    values[some] = random.uniform(0, 70_000, len(some)) * random.choice([1, 1e-3])
    return values


def _far(random: Random, _true: Recording, old: Reals) -> Reals:
    return old + random.choice([random.uniform(1, 30), random.uniform(30, 5000), 65_535])


def _reset(true: Recording, place: slice) -> Reals:
    """It counts from zero again; a daily counter does so until its next midnight."""
    values = true.values.copy()
    day = (true.seconds - FIRST) // (60 * MINUTES)
    again = np.arange(len(values)) >= place.start
    if true.form is Form.DAILY:
        again &= day == day[place.start]
    values[again] -= values[place.start]
    return values


_VALUES: dict[str, Callable[[Random, Recording, slice], Reals]] = {
    "flicker": _flicker,
    "junk": _junk,
    "zero": _at(lambda _random, _true, old: 0 * old),
    "far": _at(_far),
    "negative": _at(lambda random, _true, old: 0 * old - random.uniform(0.1, 5000)),
    "scaled": _at(lambda random, _true, old: old * random.choice([1000, 100, 10, 0.1, 0.01, 0.001])),
    "tenfold": _at(lambda random, _true, old: old * random.choice([100, 10, 0.1, 0.01])),
    "unit": _at(lambda random, _true, old: old * random.choice([1000, 0.001])),
    "stuck": _at(lambda _random, _true, old: 0 * old + old[0]),
    "dip": _at(lambda random, _true, old: old * random.uniform(0.3, 0.99)),
    "reset": lambda _random, true, place: _reset(true, place),
    "exchanged": _at(lambda random, _true, old: old + random.choice([-400, 400, 50_000])),
    "offset": _at(lambda random, _true, old: old - random.uniform(0, 3)),
}


def untellable(true: Recording, wrong: Damaged, day: int, read_kwh: float) -> str:
    """Say why nobody can tell a day that is read wrong from another home's truth; empty where one can."""
    truth = float(true.truth.reshape(-1, MINUTES)[day].sum())
    if wrong.damage == "clock":
        return _other_clock(true, wrong, day, read_kwh)
    if true.column == "pv_kwh" and (why := _weather(true, wrong, read_kwh - truth)):
        return why
    return "" if true.form.counts else _another_rate(true, wrong, day)


def _another_rate(true: Recording, wrong: Damaged, day: int) -> str:
    """Say why a home's power may be so."""
    if wrong.damage == "stuck":
        return _calm(true, wrong)
    that_day = (wrong.seconds - FIRST) // (60 * MINUTES) == day
    reasons = {
        "a state that is lost looks like a power that did not change": wrong.damage == "thinned"
        and not _records_every_poll(true),
        "a home may be without power": wrong.damage == "zero" and true.form is Form.TIDY,
        "something that stood by is gone": wrong.damage == "offset" and bool(np.all(wrong.values >= 0)),
        "every reading is one that this home may have": wrong.damage not in _ROWS
        and _a_home_has(true, wrong.values[that_day & (wrong.values != true.values)]),
    }
    return next((reason for reason, applies in reasons.items() if applies), "")


def _weather(true: Recording, wrong: Damaged, more_kwh: float) -> str:
    """Say why a day of PV may be so."""
    unseen = true.changes_only and true.form is Form.DAILY
    if wrong.damage in ("gap", "thinned", "midnight", "cut") and unseen:
        return "a sun that is gone and states that are lost look alike before a daily counter's reset"
    if wrong.damage in ("unit", "scaled", "dip") and true.form.counts and more_kwh < 0:
        return "clouds and snow may leave as little"
    if wrong.damage in ("stuck", "gap") and true.form.counts and abs(more_kwh) <= _CREEP_KWH:
        return "a counter of PV may creep while it is dark"
    return "an inverter may pause" if wrong.damage == "zero" and not true.form.counts else ""


def _other_clock(true: Recording, wrong: Damaged, day: int, read_kwh: float) -> str:
    """Say whether a day is what the home used between what its clock showed as midnights."""
    late = round(float(wrong.seconds[-1] - true.seconds[-1]) / 60)
    if late < 0 and not true.form.counts:
        return "rows of two clocks between each other look like one sensor"
    counted = counted_by_minute(true.truth)
    turn = (float(true.seconds[wrong.place.start]) - FIRST) / 60
    ways = [
        [edge] if edge <= turn + min(late, 0) else [edge, edge - late] for edge in (day * MINUTES, (day + 1) * MINUTES)
    ]
    for edges in product(*ways):
        moved = float(np.diff(counted[np.clip(edges, 0, len(counted) - 1)])[0])
        if abs(read_kwh - moved) <= 0.02 * moved + true.slack_kwh:
            return "the same home lives so by another clock"
    return ""


def _records_every_poll(true: Recording) -> bool:
    """Return whether the recording itself shows it: values that repeat."""
    return bool(np.count_nonzero(np.diff(true.values) == 0) > 0.02 * len(true.values))


def _calm(true: Recording, wrong: Damaged) -> str:
    """Say whether values repeat for about as long without a damage, or for less than an hour (a power: a quarter)."""
    changes = np.append(0, np.flatnonzero(np.diff(true.values) != 0) + 1)
    longest = int(np.diff(np.append(changes, len(true.values)))[true.values[changes] > 0].max(initial=1))
    rows = wrong.place.stop - wrong.place.start
    minutes = (
        float(wrong.seconds[min(wrong.place.stop, len(wrong.seconds) - 1)] - wrong.seconds[wrong.place.start]) / 60
    )
    least = 60 if true.form is Form.TIDY else 15
    held = true.values[wrong.place.start]
    if true.column == "pv_kwh" and held >= 0.99 * true.values.max():
        return "an inverter may be at its limit"
    dark = true.column == "pv_kwh" and true.values[wrong.place.start] <= 0.1 * (true.step / 60 if least == 60 else 1)  # noqa: PLR2004
    calm = dark or rows <= max(3, STUCK_TIMES * longest) or minutes < least
    return "values repeat for as long where nothing sticks" if calm else ""


def _a_home_has(true: Recording, values: Reals) -> bool:
    """Return whether readings lie between what stands by and what appliances, a car or a clear sky may make."""
    hours = true.step / 60 if true.form is Form.TIDY else 1.0
    own, kw = true.values / hours, values / hours
    if true.column == "pv_kwh":
        return bool(np.all((kw >= 0) & (kw <= _ROOF_KW)))
    first = ((true.seconds - FIRST) // (60 * MINUTES)).astype(np.int64)
    usual = max(float(np.quantile(own[first == day], 0.9)) for day in range(DAYS))
    most = max(_APPLIANCES_KW, min(8 * usual, _MANY_KW))
    a_car = kw.max(initial=0) - kw.min(initial=_CAR_KW) < 0.25 * kw.max(initial=0) < 0.25 * _CAR_KW
    base = min(float(np.quantile(own[first == day], 0.1)) for day in range(DAYS))
    few_below = np.count_nonzero(kw < 0.8 * BELOW_BASE * base) <= 2  # noqa: PLR2004 - no stretch yet
    return bool(few_below and np.all((kw >= 0) & (kw <= most))) or a_car
