"""The sensors that are taken for a quantity: the best single one, or parts that are summed.

A lifetime counter is better than one that resets, and that better than a power; a power of one direction is better than
a signed one. A total is taken and not summed with its parts. Two of the same right are refused, unless both show the
same readings.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from darkstar_pipeline.sources.home_assistant.naming.questions import Answer, ChoiceNeededError
from darkstar_pipeline.sources.home_assistant.naming.sensor_parts import wholes_of
from darkstar_pipeline.sources.home_assistant.sensor_names import Subject
from darkstar_pipeline.sources.home_assistant.series import Kind, Series

_RANK = {Kind.COUNTER: 0, Kind.RESETTING: 1, Kind.POWER: 2}
_SAME_SHARE = 0.01
_FEWEST = 3


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The sensors of a quantity.

    Attributes:
        terms: the sensors that are summed, mostly one.
        kind: what tells the terms apart (tariff, phase, string, unit), or whose sum it is; empty for a single sensor.
        left_out: notes on the sensors that are not taken.
    """

    terms: tuple[Series, ...]
    kind: str = ""
    left_out: tuple[str, ...] = ()


def choose(subject: Subject, candidates: Sequence[Series], given: Sequence[frozenset[str]] = ()) -> Choice:
    """Return the sensors that are taken for a quantity.

    Args:
        subject: the quantity.
        candidates: the sensors that measure it, at least one.
        given: sets of sensors that the person sums.

    Raises:
        ChoiceNeededError: two sensors claim the quantity with equal right.
    """
    wanted = next((some for some in given if some <= {sensor.entity for sensor in candidates}), None)
    if wanted:
        terms = tuple(sensor for sensor in candidates if sensor.entity in wanted)
        tariffs = any(whole.kind == "tariff" for whole in wholes_of([term.entity for term in terms]))
        return Choice(
            terms=terms,
            kind="tariff" if tariffs else "given",
            left_out=_left_out(subject, terms, candidates, "your sum"),
        )
    best = min(map(_rank, candidates))
    equals = [sensor for sensor in candidates if _rank(sensor) == best]
    sums = [
        (tuple(sensor for sensor in equals if sensor.entity in whole.parts), whole.kind)
        for whole in wholes_of([sensor.entity for sensor in equals])
    ]
    sums = [(terms, kind) for terms, kind in sums if not _same(terms)]
    parts = {sensor.entity for terms, _ in sums for sensor in terms}
    singles = [sensor for sensor in equals if sensor.entity not in parts]
    if singles and (len(singles) == 1 or _same(singles)):
        return _single(subject, singles, candidates, parts)
    if singles or len(sums) > 1:
        raise rivals(singles if len(singles) > 1 else equals, subject)
    terms, kind = sums[0]
    return Choice(terms=terms, kind=kind, left_out=_left_out(subject, terms, candidates, terms[0].entity))


def rivals(sensors: Sequence[Series], subject: Subject) -> ChoiceNeededError:
    """Return the question about sensors that claim a quantity with equal right."""
    names = " and ".join(sensor.entity for sensor in sensors)
    message = f"{names} are both a {sensors[0].kind} of {subject.value}"
    summed = "+".join(sensor.entity for sensor in sensors)
    hint = f"keep one: --map {sensors[-1].entity}=ignore"
    answers = [
        Answer(label=_shown(one), mapping={other.entity: "ignore" for other in sensors if other is not one})
        for one in sensors
    ]
    if sensors[0].kind is not Kind.LEVEL:
        hint += f"; or sum them: --map {summed}={subject.value}"
        answers.append(Answer(label="their sum", mapping={summed: subject.value}))
    best = max(range(len(sensors)), key=lambda position: len(sensors[position].seconds))
    return ChoiceNeededError(message, hint, answers=answers, best=best)


def _shown(sensor: Series) -> str:
    """A sensor with what it recorded, to tell it from others."""
    seconds, values = sensor.known()
    if not len(seconds):
        return sensor.entity
    days = (float(seconds[-1]) - float(seconds[0])) / 86_400
    return f"{sensor.entity}: {len(seconds)} readings in {days:.1f} days, from {values[0]:g} to {values[-1]:g}"


def _rank(sensor: Series) -> tuple[int, bool]:
    return _RANK[sensor.kind], sensor.subject in (
        Subject.GRID,
        Subject.GRID_INVERTED,
        Subject.BATTERY,
        Subject.BATTERY_INVERTED,
        Subject.BATTERY_UNSIGNED,
    )


def _single(subject: Subject, singles: Sequence[Series], candidates: Sequence[Series], parts: set[str]) -> Choice:
    """The first of the single sensors; what else there is are its copies, its parts, or worse."""
    chosen = singles[0]
    notes: list[str] = []
    for other in candidates:
        if other.entity in parts:
            notes.append(f"{other.entity} is left out: it is a part of {chosen.entity}, which is taken whole")
        elif any(other is copy for copy in singles[1:]):
            notes.append(f"{other.entity} is left out: it shows the same as {chosen.entity}")
        elif other is not chosen:
            notes.append(f"{other.entity} is left out: {chosen.entity} is the better {subject.value}")
    return Choice(terms=(chosen,), left_out=tuple(notes))


def _left_out(subject: Subject, terms: Sequence[Series], candidates: Sequence[Series], better: str) -> tuple[str, ...]:
    others = [sensor for sensor in candidates if all(sensor is not term for term in terms)]
    return tuple(f"{other.entity} is left out: {better} is the better {subject.value}" for other in others)


def _same(sensors: Sequence[Series]) -> bool:
    """Return whether sensors show the same readings: copies of each other, not parts."""
    first, *others = sensors
    at, values = first.known()
    if len(at) < _FEWEST:
        return False
    rise = values - values[0]
    reach = float(np.ptp(values))
    for other in others:
        seconds, readings = other.known()
        if len(seconds) < _FEWEST or reach <= 0:
            return False
        there = np.interp(at, seconds, readings)
        gap = np.abs(there - there[0] - rise) if first.kind is Kind.COUNTER else np.abs(there - values)
        if float(np.median(gap)) > _SAME_SHARE * reach or abs(float(np.ptp(readings)) / reach - 1) > _SAME_SHARE:
            return False
    return True
