"""The direction of a signed power of the grid or the battery, by what the home shows.

The state of charge shows a battery's: it rises while it charges. Else the home's balance decides, load = PV + import -
export + discharge - charge: of all directions those are right that leave the least unexplained, and where no load is
recorded, those that imply no negative load. What is not shown clearly stays as the name says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import product

import numpy as np
import polars as pl

from darkstar_pipeline.sources.home_assistant.choosing.sensor_choice import choose
from darkstar_pipeline.sources.home_assistant.choosing.sums import as_one_power
from darkstar_pipeline.sources.home_assistant.counters import counter_curve
from darkstar_pipeline.sources.home_assistant.energy_curve import Reals
from darkstar_pipeline.sources.home_assistant.held_levels import level_at
from darkstar_pipeline.sources.home_assistant.naming.questions import Answer, ChoiceNeededError
from darkstar_pipeline.sources.home_assistant.naming.sensor_parts import wholes_of
from darkstar_pipeline.sources.home_assistant.power_sensors import power_curve, split_signed
from darkstar_pipeline.sources.home_assistant.sensor_names import Subject
from darkstar_pipeline.sources.home_assistant.series import Kind, Series

_GRID = (Subject.GRID, Subject.GRID_INVERTED)
_BATTERY = (Subject.BATTERY, Subject.BATTERY_INVERTED)
_SIGNED = (*_GRID, *_BATTERY, Subject.BATTERY_UNSIGNED)
# How much each flow adds to what the home takes in, and so to its load.
_INTO_HOME = {
    Subject.PV: 1.0,
    Subject.IMPORT: 1.0,
    Subject.EXPORT: -1.0,
    Subject.DISCHARGE: 1.0,
    Subject.CHARGE: -1.0,
}
_FEWEST_SLOTS = 8
_CLEAR = 0.6
_CLEAR_SOC = 0.3
_LEAST_SHARE = 0.05
_MOST_UNKNOWN = 3


@dataclass(frozen=True)
class _Signed:
    """A signed power, or the parts of one, and whether its name tells its direction."""

    entities: tuple[str, ...]
    whole: Series
    named: bool

    @property
    def pair(self) -> tuple[Subject, Subject]:
        """Its quantities if positive imports or charges, and if it is the other way round."""
        return _GRID if self.whole.subject in _GRID else _BATTERY

    @property
    def turned(self) -> bool:
        return self.whole.subject in (Subject.GRID_INVERTED, Subject.BATTERY_INVERTED)

    @property
    def name(self) -> str:
        return " + ".join(self.entities)


def directed(series: Sequence[Series], until: float, mapped: frozenset[str]) -> tuple[list[Series], list[str]]:
    """Return the sensors with the directions of signed powers decided, and notes on how.

    Args:
        series: every sensor that is used.
        until: end of the recording [s].
        mapped: sensors whose meaning the person says; they stay as they are.

    Raises:
        ChoiceNeededError: neither a battery's name nor anything else shows its direction.
    """
    signed = _signed(series, mapped)
    if not signed:
        return list(series), []
    turned: dict[str, bool] = {}
    why: dict[str, str] = {}
    for power in signed:
        rising = _by_charge(power.whole, series) if power.pair is _BATTERY else None
        if rising is not None and (not power.named or abs(rising) >= _CLEAR_SOC):
            turned[power.name] = rising < 0
            why[power.name] = "the state of charge rises and falls so"
    _by_balance(signed, series, until, turned, why)
    directions: dict[str, Subject] = {}
    notes: list[str] = []
    for power in signed:
        if power.name not in turned and not power.named:
            raise _unknown(power.name)
        is_turned = turned.get(power.name, power.turned)
        directions |= dict.fromkeys(power.entities, power.pair[is_turned])
        means = ("import", "export") if power.pair is _GRID else ("charging", "discharging")
        reason = why.get(power.name, "as its name says; nothing else in the files shows it")
        against = " against its name" if power.named and is_turned != power.turned else ""
        notes.append(f"{power.name}: positive is {means[is_turned]}{against}, {reason}")
    return [replace(one, subject=directions.get(one.entity, one.subject)) for one in series], notes


def _unknown(name: str) -> ChoiceNeededError:
    message = f"{name}: the name does not say whether positive charges or discharges the battery"
    hint = f"say it: --map {name}=battery_power (positive charges), or =battery_power_inverted"
    answers = [
        Answer(label="positive charges", mapping={name.replace(" ", ""): Subject.BATTERY.value}),
        Answer(label="positive discharges", mapping={name.replace(" ", ""): Subject.BATTERY_INVERTED.value}),
        Answer(label="leave it out", mapping=dict.fromkeys(name.split(" + "), "ignore")),
    ]
    return ChoiceNeededError(message, hint, answers=answers)


def _signed(series: Sequence[Series], mapped: frozenset[str]) -> list[_Signed]:
    """The signed powers whose direction is to be decided; phases and batteries of one set together."""
    result: list[_Signed] = []
    # Where sensors of one direction measure both, the signed one is not needed.
    measured = {one.subject for one in series if one.kind is not Kind.LEVEL}
    open_ones = [
        one
        for one in series
        if one.subject in _SIGNED
        and one.kind is Kind.POWER
        and one.entity not in mapped
        and not measured.issuperset(_covered(_GRID if one.subject in _GRID else _BATTERY))
    ]
    for subject in dict.fromkeys(one.subject for one in open_ones):
        alike = [one for one in open_ones if one.subject is subject]
        sets = [whole.parts for whole in wholes_of([one.entity for one in alike])]
        sets += [(one.entity,) for one in alike if not any(one.entity in parts for parts in sets)]
        for parts in sets:
            terms = [one for one in alike if one.entity in parts]
            whole = as_one_power(terms) if len(terms) > 1 else terms[0]
            result.append(_Signed(parts, whole, subject is not Subject.BATTERY_UNSIGNED))
    return result


def _by_charge(power: Series, series: Sequence[Series]) -> float | None:
    """Clarity with which positive power charges the battery, -1 (it discharges) to 1; None where nothing shows it."""
    socs = [other for other in series if other.subject is Subject.SOC]
    seconds, kw = power.known()
    if len(socs) != 1 or len(seconds) < 3:  # noqa: PLR2004 - one interval shows nothing
        return None
    levels = level_at(seconds, socs[0].seconds, socs[0].values)
    moved = kw[:-1] * np.diff(seconds) * np.diff(levels)
    total = float(np.nansum(np.abs(moved)))
    agreement = float(np.nansum(moved))
    return agreement / total if total > 0 and agreement != 0 else None


def _by_balance(
    signed: Sequence[_Signed],
    series: Sequence[Series],
    until: float,
    turned: dict[str, bool],
    why: dict[str, str],
) -> None:
    """Decide by the home's balance the directions that are still open, where it shows them clearly."""
    unknown = [power for power in signed if power.name not in turned]
    kinds = [power.pair for power in signed]
    if not 0 < len(unknown) <= _MOST_UNKNOWN or len(set(kinds)) < len(kinds):
        return
    measured = {one.subject for one in series if one.kind is not Kind.LEVEL}
    # Without the grid there is no balance; without the load what it would be is bounded only where the PV is known.
    if (_GRID not in kinds and Subject.IMPORT not in measured) or not measured & {Subject.LOAD, Subject.PV}:
        return
    known, load = _known_flows(series, until, {subject for pair in kinds for subject in _covered(pair)})
    nets = {power.name: _net(power.whole, until) for power in signed}
    frames = [known, *(net.rename({"kwh": f"net {name}"}) for name, net in nets.items())]
    frames += [load.rename({"kwh": "load"})] if load is not None else []
    table = reduce(lambda one, other: one.join(other, on="slot_start"), [frame for frame in frames if frame.height])
    if table.height < _FEWEST_SLOTS or any(frame.is_empty() for frame in frames):
        return
    columns = {name: table[name].to_numpy() for name in table.columns if name != "slot_start"}
    choices = product((False, True), repeat=len(unknown))
    errors = {choice: _error(signed, unknown, turned, choice, columns) for choice in choices}
    best = min(errors, key=lambda choice: errors[choice])
    for position, power in enumerate(unknown):
        other = min(error for choice, error in errors.items() if choice[position] != best[position])
        moved = float(np.abs(columns[f"net {power.name}"]).sum())
        if errors[best] <= _CLEAR * other and other - errors[best] > _LEAST_SHARE * moved:
            turned[power.name] = best[position]
            what = "is unexplained" if load is not None else "of load would be negative"
            why[power.name] = (
                f"by the home's balance: {errors[best]:.2f} kWh {what} so, {other:.2f} kWh the other way round "
                f"({table.height} slots)"
            )


def _covered(pair: tuple[Subject, Subject]) -> tuple[Subject, Subject]:
    return (Subject.IMPORT, Subject.EXPORT) if pair is _GRID else (Subject.CHARGE, Subject.DISCHARGE)


def _error(
    signed: Sequence[_Signed],
    unknown: Sequence[_Signed],
    turned: Mapping[str, bool],
    choice: Sequence[bool],
    columns: Mapping[str, Reals],
) -> float:
    """Energy that given directions leave unexplained, or that would be a negative load [kWh]."""
    directions = {**turned, **{power.name: flip for power, flip in zip(unknown, choice, strict=True)}}
    into = columns["known"].copy()
    for power in signed:
        charges = -1.0 if power.pair is _BATTERY else 1.0
        into += charges * (-1.0 if directions[power.name] else 1.0) * columns[f"net {power.name}"]
    gap = columns["load"] - into if "load" in columns else np.minimum(into, 0.0)
    return float(np.abs(gap).sum())


def _known_flows(
    series: Sequence[Series], until: float, covered: set[Subject]
) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Flow into the home by sensors of one direction, `[slot_start, known]`, and the load if it is recorded."""
    frames: dict[Subject, pl.DataFrame] = {}
    for subject in (*_INTO_HOME, Subject.LOAD):
        candidates = [one for one in series if one.subject is subject and one.kind is not Kind.LEVEL]
        if candidates and subject not in covered:
            frames[subject] = _slots(choose(subject, candidates).terms, until)
    load = frames.pop(Subject.LOAD, None)
    slots = pl.concat([frame.select("slot_start") for frame in frames.values()]).unique() if frames else None
    if slots is None:
        every = [one for one in series if one.kind is not Kind.LEVEL]
        slots = pl.concat([_slots([one], until).select("slot_start") for one in every]).unique()
    known = slots.with_columns(pl.lit(0.0).alias("known"))
    for subject, frame in frames.items():
        known = known.join(frame, on="slot_start").select(
            "slot_start", pl.col("known") + _INTO_HOME[subject] * pl.col("kwh")
        )
    return known, load


def _slots(terms: Sequence[Series], until: float) -> pl.DataFrame:
    """The energy of a sensor or a sum, `[slot_start, kwh]`."""
    frames = [_curve(term, until) for term in terms]
    return reduce(
        lambda one, other: one.join(other, on="slot_start", suffix="_other").select(
            "slot_start", pl.col("kwh") + pl.col("kwh_other")
        ),
        frames,
    )


def _curve(term: Series, until: float) -> pl.DataFrame:
    if term.kind is Kind.POWER:
        return power_curve(term.seconds, np.maximum(term.values, 0.0), until=until).slots("kwh")
    return counter_curve(*term.known(), until=until).curve.slots("kwh")


def _net(power: Series, until: float) -> pl.DataFrame:
    """Flow in the positive direction less the other, `[slot_start, kwh]`."""
    sides = split_signed(power.values)
    positive, negative = (power_curve(power.seconds, side, until=until).slots("kwh") for side in sides)
    return positive.join(negative, on="slot_start", suffix="_other").select(
        "slot_start", pl.col("kwh") - pl.col("kwh_other")
    )
