"""One column a quantity from the series of many sensors: the best sensor of each, cut into slots."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.home_assistant.choosing.directions import directed
from darkstar_pipeline.sources.home_assistant.choosing.sensor_choice import Choice, choose, rivals
from darkstar_pipeline.sources.home_assistant.choosing.sums import as_one_power, lasting, named, summed
from darkstar_pipeline.sources.home_assistant.choosing.understood import Understood, understood
from darkstar_pipeline.sources.home_assistant.counters import counter_curve
from darkstar_pipeline.sources.home_assistant.doubted_powers import DOUBTED, doubted_powers
from darkstar_pipeline.sources.home_assistant.energy_curve import EnergyCurve, Reals
from darkstar_pipeline.sources.home_assistant.held_levels import no_level, soc_slots, without_excursions
from darkstar_pipeline.sources.home_assistant.nights import with_nights
from darkstar_pipeline.sources.home_assistant.power_sensors import power_curve, split_signed
from darkstar_pipeline.sources.home_assistant.sensor_names import Subject
from darkstar_pipeline.sources.home_assistant.sensor_remarks import counter_remarks, night_remarks, outage_remarks
from darkstar_pipeline.sources.home_assistant.series import Kind, Series
from darkstar_pipeline.sources.home_assistant.subject_mapping import NOTHING_SAID, Subjects
from darkstar_pipeline.sources.plausibility import MAX_HOME_KW, MIN_TYPICAL_KW, most_typical_kw
from darkstar_pipeline.sources.remarks import ALTERED, REFUSED, all_remarks, remarks_at
from env.time_grid import SLOT_DTYPE, SLOT_HOURS

NATIVE_MINUTES = 15
_NATIVE = "native_minutes"
_ENOUGH = 8
_WORTH_TELLING_KWH = 0.1
_SIGNED = {
    Subject.BATTERY: (Subject.CHARGE, Subject.DISCHARGE),
    Subject.BATTERY_INVERTED: (Subject.DISCHARGE, Subject.CHARGE),
    Subject.BATTERY_UNSIGNED: (Subject.CHARGE, Subject.DISCHARGE),
    Subject.GRID: (Subject.IMPORT, Subject.EXPORT),
    Subject.GRID_INVERTED: (Subject.EXPORT, Subject.IMPORT),
}
_SOC = ("soc_start_percent", "soc_end_percent")


@dataclass(frozen=True)
class Recorded:
    """The readings of recorded sensors.

    Attributes:
        frame: `[slot_start, <columns>, native_minutes]`.
        notes: remarks for the person who imports.
        understood: how each sensor that is taken was understood.
        remarks: readings that are refused or altered, see `remarks`.
    """

    frame: pl.DataFrame
    notes: tuple[str, ...]
    understood: tuple[Understood, ...]
    remarks: pl.DataFrame


def readings_of(series: Sequence[Series], until: float, timezone: str, said: Subjects = NOTHING_SAID) -> Recorded:
    """Return readings on the slot grid.

    Args:
        series: every sensor that is used.
        until: end of the recording [s].
        timezone: IANA zone of the home.
        said: what the person says of sensors.

    Raises:
        DataRefusedError: two sensors claim a quantity with equal right, a battery's sign cannot be determined, or a
            sensor's size is no home's.
    """
    frames: list[pl.DataFrame] = []
    seen: list[Understood] = []
    remarks: list[pl.DataFrame] = []
    series, notes = directed(series, until, said.mapped)
    for subject, candidates in _by_quantity(series).items():
        chosen = choose(subject, candidates, said.sums)
        notes += [note for sensor in chosen.terms for note in sensor.notes if note not in notes]
        frame, taken, parts, refused = _chosen_slots(subject, chosen, until, timezone)
        remarks += refused
        frames.append(frame)
        seen += [understood(sensor, subject.value, slots) for sensor, slots in parts]
        notes += [*taken, *chosen.left_out]
    socs = [sensor for sensor in series if sensor.subject is Subject.SOC]
    if len(socs) > 1:
        raise rivals(socs, Subject.SOC)
    for sensor in socs:
        _refuse_other_level(sensor)
        seen.append(understood(sensor, Subject.SOC.value, None))
        seconds, levels, dropped = without_excursions(sensor.seconds, sensor.values)
        frames.append(soc_slots(seconds, levels, until=until))
        if dropped:
            gone = sensor.seconds[~np.isin(sensor.seconds, seconds)]
            words = f"{sensor.entity}: a level that is back at once, or that no battery has"
            remarks.append(remarks_at(gone, Subject.SOC.value, REFUSED, words, timezone))
            notes.append(
                f"{sensor.entity}: {dropped} levels that are back at once, or that no battery has, are left out"
            )
        notes += [*sensor.notes, f"{sensor.entity} is taken as the state of charge"]
    hourly_until = max((sensor.hourly_until for sensor in series), default=0.0)
    slots = _with_resolution(_joined(frames), hourly_until)
    return Recorded(slots, tuple(notes), tuple(seen), all_remarks(remarks))


def _refuse_other_level(sensor: Series) -> None:
    """Refuse a state of charge that is not in percent."""
    hint = f"leave it out: --map {sensor.entity}=ignore"
    if sensor.unit not in ("", "%"):
        raise DataRefusedError(f"{sensor.entity} is in {sensor.unit}, a state of charge is in %", hint)
    levels = sensor.known()[1]
    if levels.size >= _ENOUGH and 0 < float(levels.max()) <= 1 and np.unique(levels).size > 1:
        message = f"{sensor.entity} never exceeds 1 %, so it looks like 0..1"
        raise DataRefusedError(message, f"record it times 100 (a template sensor), or {hint}")
    if levels.size and 2 * np.count_nonzero(no_level(levels)) > levels.size:
        usual = f"{float(np.median(levels)):g}"
        message = f"{sensor.entity} is {usual} as a rule, which is no state of charge in %"
        raise DataRefusedError(message, f"record it in % (a template sensor), or {hint}")


def _by_quantity(series: Sequence[Series]) -> dict[Subject, list[Series]]:
    """Group the sensors by the energy they measure; a signed power measures two."""
    groups: dict[Subject, list[Series]] = {}
    for sensor in series:
        if sensor.subject in _SIGNED:
            if sensor.kind is not Kind.POWER:
                message = f"{sensor.entity}: the name does not say which way this energy flows"
                raise DataRefusedError(message, f"say it: --map {sensor.entity}=batt_charge_kwh, or another column")
            for subject in _SIGNED[sensor.subject]:
                groups.setdefault(subject, []).append(sensor)
        elif sensor.kind is not Kind.LEVEL:
            groups.setdefault(sensor.subject, []).append(sensor)
    return groups


def _chosen_slots(
    subject: Subject, chosen: Choice, until: float, timezone: str
) -> tuple[pl.DataFrame, list[str], list[tuple[Series, pl.DataFrame]], list[pl.DataFrame]]:
    """Return the slots of one quantity from one sensor or a sum, notes on them, each one's slots, and remarks."""
    terms = chosen.terms
    if len(terms) > 1 and terms[0].subject in _SIGNED:
        terms = (as_one_power(terms),)
    if len(terms) == 1:
        frame, note, remarks = _energy_slots(subject, terms[0], until, timezone)
        return frame, [note], [(terms[0], frame)], remarks
    lasting_terms = lasting(terms, until) if chosen.kind == "tariff" else terms
    parts = [_energy_slots(subject, term, until, timezone) for term in lasting_terms]
    slots, below = summed([frame for frame, _, _ in parts], terms, subject.value)
    whose = "as --map says" if chosen.kind == "given" else f"parts by {chosen.kind}"
    total = f"{named(terms)}: summed, {whose}: {slots[subject.value].sum():.2f} kWh in {slots.height} slots"
    lost = f"; {below:.3g} kWh below zero are held at zero" if below > 0.005 else ""  # noqa: PLR2004 - what shows
    each = [(term, frame) for term, (frame, _, _) in zip(terms, parts, strict=True)]
    remarks = [remark for _, _, own in parts for remark in own]
    return slots, [*(note for _, note, _ in parts), total + lost], each, remarks


def _energy_slots(
    subject: Subject, sensor: Series, until: float, timezone: str
) -> tuple[pl.DataFrame, str, list[pl.DataFrame]]:
    """Return the slots of one quantity, a note on its sensor, and remarks on its readings."""
    facts, treated = "", []
    if sensor.kind is Kind.POWER:
        seconds, power = sensor.seconds, _power(subject, sensor)
        if subject is Subject.PV:
            seconds, power, nights = with_nights(seconds, power, timezone, until=until)
            facts = f"; silent or unavailable in {nights} nights, taken as 0" if nights else ""
            treated = night_remarks(sensor, seconds, power, subject.value, timezone) if nights else []
        own = {"load": subject is Subject.LOAD, "pv": subject is Subject.PV}
        doubted = doubted_powers(seconds, power, **own, since=sensor.hourly_until)
        doubted |= np.isin(seconds, sensor.contradicted)
        if count := int(doubted.sum()):
            facts += f"; {count} readings are not believed, their slots stay missing"
        curve = power_curve(seconds, np.maximum(power, 0.0), until=until, doubted=doubted)
        treated += outage_remarks(seconds, power, sensor.entity, subject.value, timezone, until=until)
        treated.append(remarks_at(seconds[doubted], subject.value, REFUSED, f"{sensor.entity}: {DOUBTED}", timezone))
        if below := _below_zero(sensor, until):
            facts += below
            words = f"{sensor.entity}: a power below zero, which is none of this direction"
            treated.append(remarks_at(sensor.seconds[sensor.values < 0], subject.value, ALTERED, words, timezone))
    else:
        seconds, values = sensor.known()
        twice = f"{sensor.entity}: two different values at one instant"
        contradicted = remarks_at(sensor.contradicted, subject.value, REFUSED, twice, timezone)
        if not seconds.size:
            nothing = pl.DataFrame(schema={"slot_start": SLOT_DTYPE, subject.value: pl.Float64()})
            return nothing, f"{twice}, wherever it has a value: nothing is read of it", [contradicted]
        kind = {"always": subject is Subject.LOAD, "smooth": subject in (Subject.LOAD, Subject.PV)}
        counted = counter_curve(seconds, values, until=until, **kind)
        curve = counted.curve
        treated = counter_remarks(counted, sensor.entity, subject.value, timezone)
        treated.append(contradicted)
        remarks = [
            f"{counted.resets} resets" if counted.resets else "",
            f"{counted.dropped} glitches left out" if counted.dropped else "",
            f"{counted.lifted} readings a last digit below the one before, held" if counted.lifted else "",
            f"{counted.shifts} changes to an unrelated level, those slots stay missing" if counted.shifts else "",
            f"about {counted.unseen_kwh:.2g} kWh between last readings and resets, by what flowed around them"
            if counted.unseen_kwh > _WORTH_TELLING_KWH
            else "",
        ]
        facts = "".join(f"; {fact}" for fact in remarks if fact)
    slots = curve.slots(subject.value)
    _refuse_implausible(slots[subject.value], sensor)
    facts = f"{slots[subject.value].sum():.2f} kWh in {slots.height} slots{facts}{_edges(curve, slots, subject.value)}"
    note = f"{sensor.entity} is taken as {subject.value} ({sensor.kind} in {sensor.unit}): {facts}"
    return slots, note, treated


def _edges(curve: EnergyCurve, slots: pl.DataFrame, column: str) -> str:
    """Return a note on the energy in slots that the recording covers only in part."""
    rest = float(curve.energy_kwh[-1]) - float(slots[column].sum()) if curve.energy_kwh.size else 0.0
    return f"; {rest:.2f} kWh in slots covered only in part" if rest > 0.005 else ""  # noqa: PLR2004 - half of what shows


def _power(subject: Subject, sensor: Series) -> Reals:
    """The power of one direction [kW]."""
    if sensor.subject not in _SIGNED:
        return sensor.values
    positive, negative = split_signed(sensor.values)
    first = _SIGNED[sensor.subject][0]
    return positive if subject is first else negative


def _below_zero(sensor: Series, until: float) -> str:
    """Return a note on the energy of a one-way power that was negative and counts as none."""
    if sensor.subject in _SIGNED or not bool(np.any(sensor.values < 0)):
        return ""
    energy = power_curve(sensor.seconds, np.maximum(-sensor.values, 0.0), until=until).energy_kwh
    lost = float(energy[-1]) if energy.size else 0.0
    return f"; {lost:.2f} kWh of negative power taken as 0" if lost > _WORTH_TELLING_KWH else ""


def _refuse_implausible(energy: pl.Series, sensor: Series) -> None:
    """Refuse a sensor whose slots exceed what a home can use, or show less than one does: its unit was misread."""
    kw = energy.filter(energy > 0) / SLOT_HOURS
    if kw.is_empty():
        return
    top, typical, high = (float(np.quantile(kw.to_numpy(), share)) for share in (1.0, 0.5, 0.95))
    read = f"{sensor.entity}, read as {sensor.unit}, implies"
    usual = most_typical_kw(sensor.subject.value if sensor.unit_is_stated else "")
    if top > MAX_HOME_KW or typical > usual:
        message = f"{read} {top:,.0f} kW, more than a home can"
        way = f"say its unit: --map {sensor.entity}={sensor.subject.value}:Wh (or W), or leave it out: "
        raise DataRefusedError(message, f"{way}--map {sensor.entity}=ignore")
    surely_more = sensor.subject is Subject.LOAD or not sensor.unit_is_stated
    if surely_more and kw.len() >= _ENOUGH and high < MIN_TYPICAL_KW:
        message = f"{read} at most {1000 * high:.2g} W, which no home runs on; it may be in MWh"
        way = f"say its unit: --map {sensor.entity}={sensor.subject.value}:MWh"
        hint = f"{way}, export it with its attributes (JSON of /api/history/period), or leave it out: "
        raise DataRefusedError(message, f"{hint}--map {sensor.entity}=ignore")


def _joined(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The columns side by side; a slot without any energy needs both of its states of charge to be one."""
    if not frames:
        return pl.DataFrame(schema={"slot_start": SLOT_DTYPE, _NATIVE: pl.Int32})
    joined = frames[0]
    for frame in frames[1:]:
        joined = joined.join(frame, on="slot_start", how="full", coalesce=True)
    energy = [name for name in joined.columns if name not in ("slot_start", *_SOC)]
    something = pl.any_horizontal(pl.col(name).is_not_null() for name in energy) if energy else pl.lit(value=False)
    if _SOC[0] in joined.columns:
        something |= pl.col(_SOC[0]).is_not_null() & pl.col(_SOC[1]).is_not_null()
    return joined.filter(something).sort("slot_start").with_columns(pl.lit(NATIVE_MINUTES, pl.Int32).alias(_NATIVE))


def _with_resolution(slots: pl.DataFrame, hourly_until: float) -> pl.DataFrame:
    """The slots with the hour as the resolution of what hourly statistics tell."""
    hourly = pl.col("slot_start").dt.timestamp("us") < hourly_until * 1e6
    return slots.with_columns(pl.when(hourly).then(60).otherwise(pl.col(_NATIVE)).cast(pl.Int32).alias(_NATIVE))
