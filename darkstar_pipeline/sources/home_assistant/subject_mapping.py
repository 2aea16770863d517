"""The quantity that every sensor measures: by the person's mapping, else by its name. Nothing is guessed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.sources.home_assistant.house_load.held_loads import HELD
from darkstar_pipeline.sources.home_assistant.house_load.load_of_balance import BALANCE
from darkstar_pipeline.sources.home_assistant.naming.company import by_company
from darkstar_pipeline.sources.home_assistant.naming.questions import Answer, ChoiceNeededError
from darkstar_pipeline.sources.home_assistant.naming.sensor_mapping import read_mapping
from darkstar_pipeline.sources.home_assistant.naming.sensor_meaning import Meaning, meaning_of_sensor
from darkstar_pipeline.sources.home_assistant.naming.sensor_parts import one_tariff
from darkstar_pipeline.sources.home_assistant.sensor_names import MAPPABLE, Subject

CLOCK = "clock"
"""A key of the mapping that is no sensor: `clock=local` says that stamps without offset show the site's clock."""
_UNUSED_UNITS = ("°C", "°F", "V", "A", "mA", "Hz", "VA", "var", "lx", "hPa", "min", "h", "s", "kg", "m³", "€", "kr")


@dataclass(frozen=True, kw_only=True)
class Subjects:
    """The quantities of sensors, with their units and names.

    Attributes:
        of: subject by sensor.
        units: unit by sensor, where the export states it.
        labels: further names by sensor: as shown in Home Assistant, or of its file.
        signs: -1 by sensor whose values the person turns round.
        sums: sets of sensors that the person sums.
        mapped: sensors whose meaning the person says.
        vat: value-added tax in a price by sensor, 0.25 is 25 %.
        because: why a sensor is taken so, or is no reading, where more than its general words says so.
    """

    of: Mapping[str, Subject]
    units: Mapping[str, str] = field(default_factory=dict[str, str])
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    because: Mapping[str, str] = field(default_factory=dict[str, str])
    signs: Mapping[str, float] = field(default_factory=dict[str, float])
    sums: tuple[frozenset[str], ...] = ()
    mapped: frozenset[str] = frozenset()
    vat: Mapping[str, float] = field(default_factory=dict[str, float])

    def taxes(self) -> list[str]:
        """Return notes on the tax that is taken out of prices."""
        return [f"{entity}: {100 * vat:g} % of tax is taken out, as --map says" for entity, vat in self.vat.items()]

    def unused(self) -> list[str]:
        """Return the sensors that are not used, each with its reason in brackets."""
        return sorted(
            f"{entity} ({self.because[entity]})" if entity in self.because else entity
            for entity, subject in self.of.items()
            if subject is Subject.UNUSED
        )


NOTHING_SAID = Subjects(of={})


def clock_zone(mapping: Mapping[str, str], timezone: str) -> str:
    """Return the zone of stamps without offset: UTC, as Home Assistant stores them, unless the person says otherwise.

    Raises:
        ConfigurationError: neither `utc` nor `local`.
    """
    clock = mapping.get(CLOCK, "utc").lower()
    if clock not in ("utc", "local"):
        raise ConfigurationError(f"--map clock={clock} is neither utc nor local", "use clock=utc or clock=local")
    return timezone if clock == "local" else "UTC"


def decide_subjects(
    entities: Sequence[str],
    mapping: Mapping[str, str],
    *,
    units: Mapping[str, str],
    names: Mapping[str, str],
    stems: Mapping[str, str],
) -> Subjects:
    """Decide what each sensor measures.

    Args:
        entities: sensors of the files.
        mapping: the person's mapping, `sensor.x` to a column or `ignore`; see `sensor_mapping`.
        units: units by sensor.
        names: friendly names by sensor.
        stems: names of files that hold one sensor only, by sensor.

    Raises:
        ConfigurationError: the mapping names a column that does not exist, or a sensor that is in no file.
        ChoiceNeededError: a sensor's name matches no rule (the error names all such sensors), or counts one tariff of
            which the others are in no file.
    """
    said = {entity: target for entity, target in mapping.items() if entity not in (CLOCK, BALANCE, HELD)}
    wishes = read_mapping(said, entities)
    mapped = {entity: wish.subject for wish in wishes for entity in wish.terms}
    found = {
        entity: _meaning(entity, mapped, units.get(entity), names.get(entity, ""), stems.get(entity))
        for entity in entities
    }
    unknown = [entity for entity, meaning in found.items() if meaning is None]
    meanings = {entity: meaning for entity, meaning in found.items() if meaning is not None}
    meanings |= by_company({entity: meaning for entity, meaning in meanings.items() if entity not in mapped})
    subjects = {entity: meaning.subject for entity, meaning in meanings.items()}
    because = {entity: meaning.because for entity, meaning in meanings.items() if meaning.because}
    if unknown:
        plural = "what they measure" if len(unknown) > 1 else "what it measures"
        message = f"{', '.join(unknown)}: the name does not say {plural}"
        hint = f"say it: --map {unknown[0]}=load_kwh, or --map {unknown[0]}=ignore"
        targets = [Subject.UNUSED, *(target for target in MAPPABLE if target is not Subject.UNUSED)]
        answers = [Answer(label=f"{unknown[0]} is {target}", mapping={unknown[0]: target.value}) for target in targets]
        raise ChoiceNeededError(message, hint, answers=answers)
    _refuse_lone_tariffs(subjects, mapped)
    labels = {entity: f"{names.get(entity, '')} {stems.get(entity, '')}".strip() for entity in entities}
    return Subjects(
        of=subjects,
        units={**units, **{entity: wish.unit for wish in wishes for entity in wish.terms if wish.unit}},
        labels=labels,
        because=because,
        signs={entity: sign for wish in wishes for entity, sign in wish.terms.items() if sign < 0},
        sums=tuple(frozenset(wish.terms) for wish in wishes if len(wish.terms) > 1),
        mapped=frozenset(mapped),
        vat={entity: wish.vat for wish in wishes for entity in wish.terms if wish.vat},
    )


def _refuse_lone_tariffs(subjects: Mapping[str, Subject], mapped: Mapping[str, Subject]) -> None:
    """Refuse a sensor that counts one tariff, where no other sensor measures the same.

    Raises:
        ChoiceNeededError: naming it.
    """
    for entity, subject in subjects.items():
        tariff = one_tariff(entity)
        others = [other for other, same in subjects.items() if same is subject and other != entity]
        if tariff and subject in (Subject.IMPORT, Subject.EXPORT) and entity not in mapped and not others:
            message = f"{entity} counts {tariff} only, and no file holds the other tariff of {subject.value}"
            hint = f"export the other one too; if there is none: --map {entity}={subject.value}"
            answers = [
                Answer(label="it counts all", mapping={entity: subject.value}),
                Answer(label="leave it out", mapping={entity: "ignore"}),
            ]
            raise ChoiceNeededError(message, hint, answers=answers)


def _meaning(
    entity: str, mapped: Mapping[str, Subject], unit: str | None, name: str, stem: str | None
) -> Meaning | None:
    """The quantity that a sensor measures, by the person, else by its unit, else by its names."""
    if entity in mapped:
        return Meaning(mapped[entity])
    if unit in _UNUSED_UNITS:
        return Meaning(Subject.UNUSED, f"in {unit}")
    return meaning_of_sensor(entity, name, stem)
