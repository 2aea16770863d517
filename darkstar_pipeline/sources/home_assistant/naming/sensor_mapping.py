"""The words of a person on sensors: `sensor.a+sensor.b=import_kwh:Wh`.

Left of the sign: one sensor, `-sensor.a` for one whose values are to be turned round, or a sum of several with `+` and
`-`. Right of it: a column or `ignore`, then, after colons, the unit, and for a price its tax (`vat=25%`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.sources.home_assistant.sensor_names import MAPPABLE, Subject, mapped_subject

_TERM = re.compile(r"([+-]?)\s*([^+\-\s]+)\s*")
_UNITS = ("Wh", "kWh", "MWh", "W", "kW", "MW")
_VAT = re.compile(r"vat=(\d+(?:\.\d+)?)\s*%?")


@dataclass(frozen=True, kw_only=True)
class Wish:
    """One mapping.

    Attributes:
        terms: sign (1 or -1) by sensor.
        subject: the quantity.
        unit: unit of the sensors as the person says; empty where it says none.
        vat: tax in a price, 0.25 is 25 %; 0 where nothing is said.
    """

    terms: Mapping[str, float]
    subject: Subject
    unit: str = ""
    vat: float = 0.0


def read_mapping(mapping: Mapping[str, str], entities: Sequence[str]) -> list[Wish]:
    """Return what a person says.

    Args:
        mapping: target by sensor or sum of sensors, as in the module's description.
        entities: sensors of the files.

    Raises:
        ConfigurationError: a column that does not exist, a sensor that is in no file or is mapped twice, or a unit that
            is none.
    """
    wishes = [_wish(sensors, target, entities) for sensors, target in mapping.items()]
    seen: set[str] = set()
    for wish in wishes:
        for entity in wish.terms:
            if entity in seen:
                raise ConfigurationError(f"--map names {entity} twice", "name every sensor once")
            seen.add(entity)
    return wishes


def _wish(sensors: str, target: str, entities: Sequence[str]) -> Wish:
    """Read one mapping."""
    said = f"--map {sensors}={target}"
    column, *facts = (part.strip() for part in target.split(":"))
    subject = mapped_subject(column)
    if subject is None:
        choices = ", ".join(choice.value for choice in MAPPABLE)
        raise ConfigurationError(f"{said}: there is no {column}", f"use one of {choices}")
    terms = {sensors: 1.0} if sensors in entities else terms_of(sensors, said)
    for entity in terms:
        if entity not in entities:
            shown = ", ".join(entities[:6])
            raise ConfigurationError(f"{said}: no file holds {entity}", f"the files hold {shown}")
    if subject in (Subject.SOC, Subject.SPOT_PRICE) and (len(terms) > 1 or min(terms.values()) < 0):
        message = f"{said}: a {subject.value} is one sensor, neither turned round nor summed"
        raise ConfigurationError(message, f"name one: --map {next(iter(terms))}={subject.value}")
    unit, vat = "", 0.0
    for fact in facts:
        tax = _VAT.fullmatch(fact.lower())
        if tax and subject is Subject.SPOT_PRICE:
            vat = float(tax[1]) / 100
        elif subject is Subject.SPOT_PRICE and not tax:
            unit = fact
        else:
            unit = _unit(fact, said)
    return Wish(terms=terms, subject=subject, unit=unit, vat=vat)


def _unit(fact: str, said: str) -> str:
    """Return an energy or power unit in its usual spelling."""
    unit = next((unit for unit in _UNITS if unit.lower() == fact.lower()), None)
    if unit is None:
        raise ConfigurationError(f"{said}: {fact} is no unit of energy or power", f"use one of {', '.join(_UNITS)}")
    return unit


def terms_of(sensors: str, said: str = "the mapping") -> dict[str, float]:
    """Return the sign of each sensor of a sum.

    Args:
        sensors: one sensor or a sum.
        said: what names them, for a message.

    Raises:
        ConfigurationError: it is neither.
    """
    terms: dict[str, float] = {}
    at = 0
    for found in _TERM.finditer(sensors):
        if found.start() != at or found[2] in terms:
            break
        terms[found[2]] = -1.0 if found[1] == "-" else 1.0
        at = found.end()
    if at != len(sensors):
        raise ConfigurationError(f"{said}: {sensors} is no sensor and no sum", "for example sensor.a+sensor.b")
    return terms
