"""Recorded states turned into one numeric series per sensor that is used, in kWh, kW, percent or money per kWh."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import numpy as np
import polars as pl

from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.home_assistant.energy_curve import Reals, as_seconds
from darkstar_pipeline.sources.home_assistant.formats.states import States, number_or_absent
from darkstar_pipeline.sources.home_assistant.power_sensors import without_markers
from darkstar_pipeline.sources.home_assistant.sensor_names import (
    Subject,
    has,
    says_power,
    says_resetting,
    unit_in,
    words,
)
from darkstar_pipeline.sources.home_assistant.sensor_units import (
    behaves_like_a_counter,
    counter_unit_by_size,
    in_one_unit,
    power_unit_by_size,
)
from darkstar_pipeline.sources.home_assistant.stitched_statistics import (
    HOUR_S,
    ends_of_hours,
    held_for_the_hour,
    statistics_before,
)
from darkstar_pipeline.sources.home_assistant.subject_mapping import Subjects
from darkstar_pipeline.sources.parsed import REASON, object_to, reason_if
from darkstar_pipeline.sources.stamps import NAIVE, too_old, with_instants, with_naive_read_as
from planner.wording.columns import worded

_APART = 0.01
_KW_PER_UNIT = {"W": 1e-3, "kW": 1.0, "MW": 1e3}
_KWH_PER_UNIT = {"Wh": 1e-3, "kWh": 1.0, "MWh": 1e3}
_MOSTLY = 10.0


class Kind(StrEnum):
    """The meaning of a sensor's values."""

    COUNTER = "counter"
    RESETTING = "resetting counter"
    POWER = "power sensor"
    LEVEL = "level"


@dataclass(frozen=True, kw_only=True)
class Series:
    """One sensor.

    Attributes:
        seconds: instants of its states, ascending, shape (n,) [s].
        values: kWh of a counter, kW of a power, or the level; NaN where it had no value, shape (n,).
        unit: the unit that the file was taken to be in.
        hourly_until: end of what is known by the hour only: long-term statistics at the beginning [s].
        unit_is_stated: whether its unit comes from the export and not from the size of its values.
        weight: 1, or -1 where the person subtracts it in a sum.
        contradicted: instants for which the files give different values [s].
        notes: how its readings were treated.
    """

    entity: str
    subject: Subject
    kind: Kind
    unit: str
    seconds: Reals
    values: Reals
    hourly_until: float = 0.0
    unit_is_stated: bool = True
    weight: float = 1.0
    contradicted: Reals = field(default_factory=lambda: np.empty(0))
    notes: tuple[str, ...] = ()

    def known(self) -> tuple[Reals, Reals]:
        """Return instants and values where the sensor had a value."""
        present = ~np.isnan(self.values)
        return self.seconds[present], self.values[present]


def states_frame(exports: Sequence[States], subjects: Subjects, timezone: str) -> pl.DataFrame:
    """Return the states of the sensors that are used which are more than a number and an instant, checked.

    Args:
        exports: what the files hold.
        subjects: what the sensors measure.
        timezone: zone of stamps without offset.

    Returns:
        `[file, row, entity, state, stamp, instant, value, _reason, position]`; `value` is null where the sensor had
        none, `position` is the file's among the exports.
    """
    used = _used(subjects)
    frames = [
        export.others.with_columns(pl.lit(export.file).alias("file"), pl.lit(position).alias("position"))
        for position, export in enumerate(exports)
    ]
    mine = pl.concat(frames).filter(pl.col("entity").is_in(used))
    timed = with_naive_read_as(with_instants(mine, "stamp", "instant", "history"), "instant", timezone, "entity")
    value, absent = number_or_absent(pl.col("state"))
    shown = pl.col("state")
    checks = [
        reason_if(
            pl.col("instant").is_null(),
            worded("last_changed {} is not a date and time", pl.col("stamp").fill_null("(empty)")),
        ),
        too_old("instant", "stamp"),
        reason_if(value.is_null() & ~absent, worded("state {} is not a number", shown)),
        reason_if(~value.is_finite(), worded("state {} is not a finite number", shown)),
    ]
    reasons = timed.with_columns(pl.lit(None, dtype=pl.String).alias(REASON), value.alias("value"))
    return object_to(reasons, checks).drop(NAIVE)


def states_by_sensor(exports: Sequence[States], good: pl.DataFrame, subjects: Subjects) -> dict[str, pl.DataFrame]:
    """Return the states of each sensor that is used, `[position, instant, value]` in the order of files and rows.

    Args:
        exports: what the files hold.
        good: good rows of `states_frame`.
        subjects: what the sensors measure.
    """
    order = ["position", "row"]
    others = good.partition_by("entity", as_dict=True, include_key=False)
    result: dict[str, pl.DataFrame] = {}
    for entity in sorted(_used(subjects)):
        plain = [
            export.plain[entity].with_columns(pl.lit(position).alias("position"))
            for position, export in enumerate(exports)
            if entity in export.plain
        ]
        more = others.get((entity,))
        parts = [part.select(*order, "instant", "value") for part in (*plain, *(() if more is None else (more,)))]
        if parts:
            states = pl.concat(parts)
            result[entity] = (states if more is None else states.sort(order)).select("position", "instant", "value")
    return result


def _used(subjects: Subjects) -> list[str]:
    return [entity for entity, subject in subjects.of.items() if subject is not Subject.UNUSED]


def series_of(states: Mapping[str, pl.DataFrame], subjects: Subjects) -> list[Series]:
    """Return one series per sensor; of two states at the same instant the later one in the files counts.

    Two of one file that do not agree are no reading of a counter, and of a power none that is believed.

    Args:
        states: `[position, instant, value]` of each sensor, see `states_by_sensor`.
        subjects: what the sensors measure.

    Raises:
        DataRefusedError: a sensor has no number at all, or does not behave like its kind.
    """
    series: list[Series] = []
    for entity, given in states.items():
        rising = bool((given["instant"].diff() > timedelta(0)).all())  # most are: a sort and a search saved
        group = (
            given
            if rising
            else given.sort("instant", maintain_order=True).unique("instant", keep="last", maintain_order=True)
        )
        values = group["value"].cast(pl.Float64).fill_null(float("nan")).to_numpy().copy()
        if np.isnan(values).all():
            raise DataRefusedError(
                f"{entity} has no number in {group.height} states", f"leave it out: --map {entity}=ignore"
            )
        contradicted = _contradicted(given) if group.height < given.height else np.empty(0)
        series.append(_series(entity, subjects, as_seconds(group["instant"]), values, contradicted))
    return series


def _contradicted(states: pl.DataFrame) -> Reals:
    """Return the instants for which the last file that has them gives values more than a hundredth apart [s]."""
    value = pl.col("value").cast(pl.Float64)
    last = states.filter(pl.col("position") == pl.col("position").max().over("instant"))
    several = last.group_by("instant").agg(low=value.min(), high=value.max())
    apart = several.filter(pl.col("high") - pl.col("low") > _APART * pl.max_horizontal("high", -pl.col("low")))
    return as_seconds(apart["instant"].sort())


def _series(entity: str, subjects: Subjects, seconds: Reals, values: Reals, contradicted: Reals) -> Series:
    """Decide kind and unit of one sensor and convert it."""
    subject, name = subjects.of[entity], f"{entity} {subjects.labels.get(entity, '')}"
    present = ~np.isnan(values)
    notes: list[str] = []
    weight = subjects.signs.get(entity, 1.0)
    if weight < 0 and not any(entity in terms for terms in subjects.sums):
        _refuse_turned_counter(entity, subject, name, subjects.units.get(entity), values[present])
        values, weight = -values, 1.0
        notes.append(f"{entity}: its values are turned round, as --map says")
    count = statistics_before(seconds)
    hourly_until = float(seconds[count - 1]) + HOUR_S if count else 0.0
    if count:
        notes.append(
            f"{entity}: its first {count} rows are hourly long-term statistics, up to {_shown(seconds[count - 1])}"
        )
    if subject in (Subject.SOC, Subject.SPOT_PRICE):
        unit = subjects.units.get(entity, "")
        if vat := subjects.vat.get(entity, 0.0):
            values = values / (1 + vat)
        return Series(
            entity=entity,
            subject=subject,
            kind=Kind.LEVEL,
            unit=unit,
            seconds=seconds,
            values=values,
            hourly_until=hourly_until if subject is Subject.SOC else 0.0,
            notes=tuple(notes),
        )
    kind = _kind(name, subjects.units.get(entity), values[present])
    values = _uncontradicted(entity, kind, seconds, values, contradicted, notes)
    present = ~np.isnan(values)
    if count:
        seconds, values = (held_for_the_hour if kind is Kind.POWER else ends_of_hours)(seconds, values, count)
        present = ~np.isnan(values)
    if kind is not Kind.POWER:
        values = _in_one_unit(entity, seconds, values, notes)
    stated = subjects.units.get(entity) or unit_in(entity)
    unit = stated if stated is not None else _unit_by_size(entity, kind, seconds[present], values[present], notes)
    factor = (_KW_PER_UNIT if kind is Kind.POWER else _KWH_PER_UNIT).get(unit)
    if factor is None:
        raise DataRefusedError(
            f"{entity} is in {unit}, which is no unit of a {kind}", f"leave it out: --map {entity}=ignore"
        )
    values = values * factor
    if kind is Kind.POWER:
        values = _without_markers(entity, values, notes)
    return Series(
        entity=entity,
        subject=subject,
        kind=kind,
        unit=unit,
        seconds=seconds,
        values=values,
        hourly_until=hourly_until,
        unit_is_stated=stated is not None,
        weight=weight,
        contradicted=contradicted,
        notes=tuple(notes),
    )


def _uncontradicted(
    entity: str, kind: Kind, seconds: Reals, values: Reals, contradicted: Reals, notes: list[str]
) -> Reals:
    """The values without those of a counter at instants for which the files give two, noted."""
    if not contradicted.size:
        return values
    notes.append(f"{entity}: {contradicted.size} instants have two different values; they are not believed")
    return values if kind is Kind.POWER else np.where(np.isin(seconds, contradicted), np.nan, values)


def _without_markers(entity: str, power_kw: Reals, notes: list[str]) -> Reals:
    """The powers without what a register shows where it has no value, noted [kW]."""
    power_kw, markers = without_markers(power_kw)
    if markers:
        notes.append(f"{entity}: {markers} values by which a register says that it has none are left out")
    return power_kw


def _in_one_unit(entity: str, seconds: Reals, values: Reals, notes: list[str]) -> Reals:
    """The values of a counter in the unit it began with, changes noted.

    Raises:
        DataRefusedError: it is no counter.
    """
    present = ~np.isnan(values)
    if not behaves_like_a_counter(values[present]):
        raise _no_counter(entity, falls=_rises(-values[present]))
    result = values.copy()
    result[present], changes = in_one_unit(seconds[present], values[present])
    notes += [
        f"{entity}: from {_shown(change.second)} its values are {change.factor:g} times as large as before: "
        "the unit changed, they are converted"
        for change in changes
    ]
    return result


def _unit_by_size(entity: str, kind: Kind, seconds: Reals, values: Reals, notes: list[str]) -> str:
    """The unit that makes a sensor's values those of a home, which is noted."""
    unit = power_unit_by_size(values) if kind is Kind.POWER else counter_unit_by_size(seconds, values)
    notes.append(f"{entity}: no unit is stated; by the size of its values it is {unit}")
    return unit


def _no_counter(entity: str, *, falls: bool) -> DataRefusedError:
    """Return the refusal of a sensor that counts nothing: it falls as much as it rises, or always."""
    if falls:
        message = f"{entity} is taken for an energy counter, but it counts down"
        return DataRefusedError(message, f"turn it round, naming its column: --map -{entity}=load_kwh")
    message = f"{entity} is taken for an energy counter, but it falls about as much as it rises"
    return DataRefusedError(message, f"if it measures power, say so in its unit; else --map {entity}=ignore")


def _refuse_turned_counter(entity: str, subject: Subject, name: str, unit: str | None, values: Reals) -> None:
    """Refuse a minus before a counter that rises: turned round, it would count down.

    Raises:
        DataRefusedError: with the mapping without the minus, and that of a difference.
    """
    if unit in _KW_PER_UNIT or (unit not in _KWH_PER_UNIT and says_power(name)) or not _rises(values):
        return
    message = f"{entity} is a counter that rises, and --map -{entity}={subject.value} would turn it into one that falls"
    hint = f"take the minus away: --map {entity}={subject.value}; to subtract it from another: --map other-{entity}=..."
    raise DataRefusedError(message, hint)


def _rises(values: Reals) -> bool:
    """Return whether values rise nearly always: what they fall is less than a tenth of what they rise."""
    steps = np.diff(values)
    return bool(steps.size) and float(steps[steps > 0].sum()) > -_MOSTLY * float(steps[steps < 0].sum())


def _shown(second: float) -> str:
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%d %H:%MZ}"


def _kind(name: str, unit: str | None, values: Reals) -> Kind:
    """Power or counter: by its unit, else its name, else its behaviour."""
    if unit in _KW_PER_UNIT or (unit not in _KWH_PER_UNIT and says_power(name)):
        return Kind.POWER
    speaks_of_energy = unit in _KWH_PER_UNIT or has(words(name), "energy energi total today kwh wh yield")
    if not speaks_of_energy and (values.min() < 0 or not behaves_like_a_counter(values)):
        return Kind.POWER
    return Kind.RESETTING if says_resetting(name) else Kind.COUNTER


def sole_stems(exports: Sequence[States]) -> Mapping[str, str]:
    """File name by sensor, for the sensors that have a file of their own."""
    return {
        export.entities[0]: Path(export.file).name.split(".", 1)[0] for export in exports if len(export.entities) == 1
    }
