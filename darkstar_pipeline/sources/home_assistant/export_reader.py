"""A whole Home Assistant export: recorded histories, long-term statistics and price sensors, read together.

Together, because sensors complete each other: a lifetime counter is preferred to one that resets, and that to a power
sensor; the end of the export shows how long a silent counter stood still. What does not belong here: file formats
(`formats`), the meaning of names (`sensor_names`), curves (`counters`, `power_sensors`, `held_levels`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.quality.energy_balance import Balance, balance_of
from darkstar_pipeline.sources.believed import without_unlike_readings
from darkstar_pipeline.sources.home_assistant.choosing.understood import Understood, read_as
from darkstar_pipeline.sources.home_assistant.energy_curve import SLOT_SECONDS
from darkstar_pipeline.sources.home_assistant.formats.exports import Export, NotUsed
from darkstar_pipeline.sources.home_assistant.formats.states import States
from darkstar_pipeline.sources.home_assistant.formats.statistics_layouts import HourlyStatistics
from darkstar_pipeline.sources.home_assistant.held_levels import price_slots
from darkstar_pipeline.sources.home_assistant.house_load.load_as_said import LoadAsSaid, load_as_said
from darkstar_pipeline.sources.home_assistant.readings import readings_of
from darkstar_pipeline.sources.home_assistant.sensor_names import Subject, usual_unit
from darkstar_pipeline.sources.home_assistant.series import (
    Series,
    series_of,
    sole_stems,
    states_by_sensor,
    states_frame,
)
from darkstar_pipeline.sources.home_assistant.statistics import (
    clock_note,
    hourly_energy,
    hourly_readings,
    hours_frame,
    independent_series,
    refuse_implausible,
    unused_statistics,
    with_statistics_of_minutes,
)
from darkstar_pipeline.sources.home_assistant.subject_mapping import CLOCK, Subjects, clock_zone, decide_subjects
from darkstar_pipeline.sources.numbers import with_numbers
from darkstar_pipeline.sources.parsed import (
    REASON,
    REJECT_SCHEMA,
    ReadAs,
    no_rejects,
    numbered,
    object_to,
    refused_note,
    rejects_of,
)
from darkstar_pipeline.sources.price_lists.areas import refuse_other_area
from darkstar_pipeline.sources.price_lists.checks import price_checks
from darkstar_pipeline.sources.price_lists.price_list import PriceOffer
from darkstar_pipeline.sources.price_lists.publication import KnownSlots
from darkstar_pipeline.sources.price_lists.reading import read_price_lists
from darkstar_pipeline.sources.price_lists.scale import refuse_wrong_price_scale, size_note
from darkstar_pipeline.sources.price_lists.stated import Stated, conversion
from darkstar_pipeline.sources.price_lists.zeros import refuse_unlikely_zeros
from darkstar_pipeline.sources.remarks import all_remarks, no_remarks, remarks_on_rejects
from env.time_grid import SLOT_DTYPE, SLOT_MINUTES

PRICES = pl.Schema({"slot_start": SLOT_DTYPE, "price": pl.Float64(), "native_minutes": pl.Int32()})
UNUSED_NOTE = "not used: "
_NO_OFFSET = r"^\s*\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?\s*$"
_LATE_S = 60.0
_AREA = re.compile(r"(?<![a-z0-9])(se[1-4]|no[1-5]|dk[12])(?![a-z0-9])")
_CURRENCY = re.compile(r"(?<![a-z])(sek|nok|dkk|eur|gbp|chf|pln|czk|huf|ron|isk|usd|aud|zar)(?![a-z])")


@dataclass(frozen=True, kw_only=True)
class HomeAssistantData:
    """The rows of an export, by the table they go to.

    Attributes:
        readings: `[slot_start, <columns>, native_minutes]` from recorded histories.
        hourly: the same from long-term statistics, one row an hour.
        statistics: `[hour_start, quantity, energy_kwh]`.
        prices: `[slot_start, price, native_minutes]`.
        rejects: refused rows `[file, row, reason, raw]`.
        rows_read: rows in all files.
        notes: remarks for the person who imports.
        understood: how each recorded sensor that is taken was understood.
        balance: whether the flows of the home add up; None where too few of them are recorded.
        remarks: readings that are refused or altered, see `remarks`.
        read_as: how each quantity was read.
    """

    readings: pl.DataFrame
    hourly: pl.DataFrame
    statistics: pl.DataFrame
    prices: pl.DataFrame
    rejects: pl.DataFrame
    rows_read: int
    notes: tuple[str, ...]
    understood: tuple[Understood, ...] = ()
    balance: Balance | None = None
    remarks: pl.DataFrame = field(default_factory=no_remarks)
    read_as: tuple[ReadAs, ...] = ()


@dataclass
class _Collected:
    """Refused rows, notes and row counts collected while the parts are read."""

    rejects: list[pl.DataFrame] = field(default_factory=list[pl.DataFrame])
    notes: list[str] = field(default_factory=list[str])
    remarks: list[pl.DataFrame] = field(default_factory=list[pl.DataFrame])
    read_as: list[ReadAs] = field(default_factory=list[ReadAs])
    rows_read: int = 0
    quantities: Mapping[str, str] = field(default_factory=dict[str, str])


def read_exports(
    exports: Sequence[Export],
    *,
    site: SiteSettings,
    mapping: Mapping[str, str],
    now: datetime,
    known_prices: KnownSlots | None = None,
) -> HomeAssistantData:
    """Read what the files of a Home Assistant export hold, or what was fetched from it.

    Args:
        exports: any of the kinds in `formats`, in any order; of two that overlap the later wins.
        site: its zone, area and currency.
        mapping: what sensors measure where their name does not say, `sensor.x` to a column or `ignore`; the key
            `clock` (`utc` or `local`) is the time zone of stamps without offset.
        now: the present instant.
        known_prices: gives the slots whose spot price is already known.

    Raises:
        ConfigurationError: a file is not there, or the mapping is wrong.
        DataRefusedError: a file or a sensor cannot be used; the error says why and what to do.
    """
    collected = _Collected()
    _set_aside(exports, collected)
    zone = clock_zone(mapping, site.timezone)
    subjects = _subjects(exports, mapping)
    collected.quantities = {entity: _quantity(subject) for entity, subject in subjects.of.items()}
    states, until = _series(exports, subjects, zone, now, collected)
    recorded = readings_of(states, until, site.timezone, subjects)
    collected.notes += [] if CLOCK in mapping else _without_offset(exports)
    collected.notes += [*subjects.taxes(), *recorded.notes]
    collected.remarks.append(recorded.remarks)
    collected.read_as += [read_as(seen, recorded.notes) for seen in recorded.understood]
    stated_zone = zone if CLOCK in mapping else None
    hours, fine = _hours(exports, subjects, stated_zone, site, now, collected)
    slots = with_statistics_of_minutes(recorded.frame, fine)
    measured = LoadAsSaid(slots=slots, by_hours=hourly_readings(hours), independent=independent_series(hours))
    said = load_as_said(mapping, measured, set(subjects.of.values()), site.timezone)
    collected.notes += said.notes
    collected.remarks += said.remarks
    collected.read_as += said.read_as
    readings = _believed(said.slots, site, collected)
    hourly = _believed(said.by_hours, site, collected)
    prices = _prices(exports, states, until, site, now, known_prices, collected)
    if unused := subjects.unused():
        collected.notes.append(f"{UNUSED_NOTE}{', '.join(unused)}")
    rejects = pl.concat(collected.rejects) if collected.rejects else no_rejects()
    return HomeAssistantData(
        readings=readings,
        hourly=hourly,
        statistics=said.independent,
        prices=prices,
        rejects=rejects,
        rows_read=collected.rows_read,
        notes=tuple(collected.notes),
        understood=recorded.understood,
        balance=balance_of(readings),
        read_as=tuple(collected.read_as),
        remarks=all_remarks([*collected.remarks, *remarks_on_rejects(rejects, site.timezone)]),
    )


def _without_offset(exports: Sequence[Export]) -> list[str]:
    """Notes on histories whose stamps do not say their clock."""
    return [
        f"{export.file}: stamps without offset are read as UTC; if they show the home's clock, --map {CLOCK}=local"
        for export in exports
        if isinstance(export, States) and export.others["stamp"].str.contains(_NO_OFFSET).any()
    ]


def _quantity(subject: Subject) -> str:
    """Return the name under which what is refused of a sensor is counted."""
    return "price" if subject is Subject.SPOT_PRICE else subject.value


def _believed(slots: pl.DataFrame, site: SiteSettings, collected: _Collected) -> pl.DataFrame:
    """The slots without readings that the home cannot have had."""
    believed, notes, remarks = without_unlike_readings(slots, site.timezone)
    collected.notes += notes
    collected.remarks.append(remarks)
    return believed


def _set_aside(exports: Sequence[Export], collected: _Collected) -> None:
    """Note the files that hold nothing measured; refuse where there is nothing else."""
    reasons = [f"{export.file}: {export.reason}" for export in exports if isinstance(export, NotUsed)]
    if len(reasons) == len(exports):
        raise DataRefusedError("; ".join(reasons), "import the history or the long-term statistics of the sensors")
    collected.notes += [f"{reason}; left out" for reason in reasons]


def _subjects(exports: Sequence[Export], mapping: Mapping[str, str]) -> Subjects:
    """Decide what the sensors of all files measure."""
    states = [export for export in exports if isinstance(export, States)]
    stating = [export for export in exports if isinstance(export, States | HourlyStatistics)]
    entities = list(dict.fromkeys(entity for export in stating for entity in export.entities))
    units = {entity: usual_unit(unit) for export in stating for entity, unit in export.units.items()}
    names = {entity: name for export in states for entity, name in export.names.items()}
    return decide_subjects(entities, mapping, units=units, names=names, stems=sole_stems(states))


def _series(
    exports: Sequence[Export], subjects: Subjects, zone: str, now: datetime, collected: _Collected
) -> tuple[list[Series], float]:
    """The recorded histories as series, and the end of the recording [s]."""
    states = [export for export in exports if isinstance(export, States)]
    if not states:
        return [], 0.0
    collected.rows_read += sum(export.rows for export in states)
    checked = states_frame(states, subjects, zone)
    good = states_by_sensor(states, checked.filter(pl.col(REASON).is_null()), subjects)
    sizes = {entity: frame.height for entity, frame in good.items()}
    _keep_rejects(checked, collected, ("entity", "state", "stamp"), sizes)
    if not good:
        return [], 0.0
    ends = pl.concat([frame.select(pl.col("instant").max()) for frame in good.values()])["instant"]
    _refuse_future(ends, now)
    absent = sum(frame["value"].null_count() for frame in good.values())
    if absent:
        collected.notes.append(f"{absent} of {sum(sizes.values())} states were unavailable or unknown")
    last = ends.max()
    return series_of(good, subjects), _end_of_recording(last.timestamp() if isinstance(last, datetime) else 0.0)


def _end_of_recording(last: float) -> float:
    """The last state of any sensor; the slot's end where that is a minute away at most: no recorder is punctual [s]."""
    edge = -(-last // SLOT_SECONDS) * SLOT_SECONDS
    return edge if edge - last <= _LATE_S else last


def _hours(
    exports: Sequence[Export],
    subjects: Subjects,
    stated_zone: str | None,
    site: SiteSettings,
    now: datetime,
    collected: _Collected,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The long-term statistics by the hour and, where they are finer, by slots: `[hour_start, column, energy_kwh]`."""
    statistics = [export for export in exports if isinstance(export, HourlyStatistics)]
    if not statistics:
        nothing = pl.DataFrame(schema={"file": pl.String, "entity": pl.String})
        empty = hourly_energy(nothing, subjects, site.timezone)
        return empty.hours, empty.fine
    collected.rows_read += sum(export.frame["row"].n_unique() for export in statistics)
    local = [export for export in statistics if export.local_clock and stated_zone is None]
    others = [export for export in statistics if export not in local]
    frames = [
        hours_frame(group, subjects, zone)
        for group, zone in ((others, stated_zone or "UTC"), (local, site.timezone))
        if group
    ]
    checked = pl.concat(frames)
    good = checked.filter(pl.col(REASON).is_null())
    sizes = dict(good.group_by("entity").len().iter_rows())
    _keep_rejects(checked, collected, ("entity", "stamp", "total", "change"), sizes)
    _refuse_future(good["instant"], now)
    collected.notes += unused_statistics(statistics, subjects)
    energy = hourly_energy(good, subjects, site.timezone)
    hours, notes = energy.hours, energy.notes
    collected.remarks.append(energy.remarks)
    collected.read_as += energy.read_as
    refuse_implausible(hours)
    stamps = good.filter(~pl.col("file").is_in([export.file for export in local]))["stamp"]
    naive = bool(stamps.str.contains(r"\d$").any()) and not bool(stamps.str.contains(r"(Z|[+-]\d\d:?\d\d)$").any())
    collected.notes += [*notes, clock_note(hours, naive, site.timezone) if stated_zone in (None, "UTC") else ""]
    collected.notes += [
        f"{export.file}: stamps without offset show the clock of {site.timezone}, as this export writes them; "
        "if they are UTC, import again with --map clock=utc"
        for export in local
    ]
    return hours, energy.fine


def _prices(
    exports: Sequence[Export],
    series: Sequence[Series],
    until: float,
    site: SiteSettings,
    now: datetime,
    known: KnownSlots | None,
    collected: _Collected,
) -> pl.DataFrame:
    """Prices of recorded price sensors and of price lists; the published list wins over the recording."""
    parts: list[pl.DataFrame] = [pl.DataFrame(schema=PRICES)]
    for sensor in series:
        if sensor.subject is Subject.SPOT_PRICE:
            recorded = _recorded_prices(sensor, until, site, collected)
            parts.append(_believed_prices(recorded, sensor.entity, site, now, known, collected))
            collected.notes.append(
                f"{sensor.entity} is taken as the spot price of {site.area}: {parts[-1].height} slots"
            )
    for export in exports:
        if isinstance(export, PriceOffer):
            parsed = read_price_lists(export, site, now, known)
            collected.rejects.append(parsed.rejects.with_columns(pl.lit("price").alias("quantity")))
            collected.rows_read += parsed.rows_read
            parts.append(parsed.rows.select(pl.col(name).cast(dtype) for name, dtype in PRICES.items()))
            collected.notes += parsed.notes
            collected.read_as += parsed.read_as
    return pl.concat(parts).unique("slot_start", keep="last", maintain_order=True).sort("slot_start")


def _recorded_prices(sensor: Series, until: float, site: SiteSettings, collected: _Collected) -> pl.DataFrame:
    """The slots of a recorded price sensor.

    Raises:
        DataRefusedError: its name says another area or currency, its unit or its size that it is no price per kWh.
    """
    name = sensor.entity.lower()
    area, currency = _AREA.search(name.replace("_", " ")), _CURRENCY.search(name.replace("_", " "))
    refuse_other_area(area.group(1).upper() if area else None, site, sensor.entity)
    if currency and currency.group(1).upper() != site.currency:
        message = f"{sensor.entity}: prices in {currency.group(1).upper()}, the site's currency is {site.currency}"
        raise DataRefusedError(message, f"leave it out: --map {sensor.entity}=ignore")
    way = conversion(Stated(unit=sensor.unit, entity=name), site, sensor.entity)
    slots = price_slots(sensor.seconds, sensor.values / way.divisor, until=until)
    refuse_wrong_price_scale(slots["price"], site.currency, sensor.entity)
    collected.notes += (*way.notes, size_note(site.currency))
    format_, treatment = "Home Assistant history, price sensor", "; ".join(way.notes)
    told = ReadAs(quantity="price", format=format_, sensor=sensor.entity, unit=sensor.unit, treatment=treatment)
    collected.read_as.append(told)
    return slots.select(pl.col(column).cast(dtype) for column, dtype in PRICES.items())


def _believed_prices(
    prices: pl.DataFrame,
    entity: str,
    site: SiteSettings,
    now: datetime,
    known: KnownSlots | None,
    collected: _Collected,
) -> pl.DataFrame:
    """Return recorded prices that pass the checks of every price, and refuse the others with their reasons."""
    slots = numbered(prices.with_columns(pl.lit(SLOT_MINUTES, dtype=pl.Int32).alias("native_minutes")))
    possible = object_to(with_numbers(slots, ["price"]), price_checks(site))
    checked = refuse_unlikely_zeros(possible, site.timezone, site.currency, now, known)
    rejects = rejects_of(checked, prices, entity).with_columns(pl.lit("price").alias("quantity"))
    collected.rejects.append(rejects)
    collected.notes.append(refused_note(rejects, entity))
    return prices.filter(checked[REASON].is_null())


def _keep_rejects(checked: pl.DataFrame, collected: _Collected, raw: tuple[str, ...], good: Mapping[str, int]) -> None:
    """Collect refused rows; refuse a sensor most of whose rows are refused.

    Args:
        checked: rows, the refused ones among them.
        collected: where they go.
        raw: columns that hold what the file says.
        good: number of good rows by sensor.

    Raises:
        DataRefusedError: naming the sensor.
    """
    bad = checked.filter(pl.col(REASON).is_not_null())
    if bad.is_empty():
        return
    for entity, refused in bad.group_by("entity", maintain_order=True):
        name, count = str(entity[0]), refused.height
        if count > good.get(name, 0):
            first = refused.row(0, named=True)
            total = count + good.get(name, 0)
            message = f"{name}: {count} of {total} rows are bad; the first is row {first['row']} of {first['file']}"
            hint = f"export it again, or leave it out: --map {name}=ignore"
            raise DataRefusedError(f"{message}: {first[REASON]}", hint)
    quantity = pl.col("entity").replace_strict(collected.quantities, default=None, return_dtype=pl.String)
    text = pl.struct(raw).struct.json_encode().alias("raw")
    told = (pl.col(REASON).alias("reason"), text, pl.col("instant").alias("slot_start"), quantity.alias("quantity"))
    collected.rejects.append(bad.select("file", "row", *told).cast(dict(REJECT_SCHEMA)))  # pyright: ignore[reportArgumentType]


def _refuse_future(instants: pl.Series, now: datetime) -> None:
    """Refuse an export with states of the future."""
    last = instants.max()
    if isinstance(last, datetime) and last > now:
        message = f"states lie in the future, up to {last:%Y-%m-%d %H:%MZ} (now {now:%Y-%m-%d %H:%MZ})"
        raise DataRefusedError(message, "check this machine's clock, and --map clock=local for stamps without offset")
