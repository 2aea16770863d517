"""The quantities that sensors measure, and the words of their names. What the words mean is in `sensor_meaning`."""

import re
import unicodedata
from enum import StrEnum


class Subject(StrEnum):
    """The quantity of a sensor; energies are named like the columns of the lake."""

    LOAD = "load_kwh"
    PV = "pv_kwh"
    IMPORT = "import_kwh"
    EXPORT = "export_kwh"
    CHARGE = "batt_charge_kwh"
    DISCHARGE = "batt_discharge_kwh"
    WATER = "water_kwh"
    EV = "ev_kwh"
    HEAT_PUMP = "heat_pump_kwh"
    """Read by the hour into `meter_statistics`; the load holds it."""
    SOC = "soc_percent"
    SPOT_PRICE = "spot_price"
    BATTERY = "battery_power"
    """Signed: positive charges."""
    BATTERY_INVERTED = "battery_power_inverted"
    """Signed: positive discharges."""
    BATTERY_UNSIGNED = "battery_power_of_unknown_sign"
    GRID = "grid_power"
    """Signed: positive is import."""
    GRID_INVERTED = "grid_power_inverted"
    """Signed: positive is export."""
    UNUSED = "ignore"


MAPPABLE = tuple(subject for subject in Subject if subject is not Subject.BATTERY_UNSIGNED)
_SHORT = {
    "load": Subject.LOAD,
    "pv": Subject.PV,
    "import": Subject.IMPORT,
    "export": Subject.EXPORT,
    "batt_charge": Subject.CHARGE,
    "batt_discharge": Subject.DISCHARGE,
    "water": Subject.WATER,
    "ev": Subject.EV,
    "heat_pump": Subject.HEAT_PUMP,
    "soc": Subject.SOC,
    "price": Subject.SPOT_PRICE,
}

_UNITS = {unit.lower(): unit for unit in ("Wh", "kWh", "MWh", "GWh", "W", "kW", "MJ", "GJ", "kVAh", "kVA", "VA")}
_POWER_WORDS = "power effekt leistung watt watts w kw"
_ENERGY_WORDS = "energy energi energie kwh wh mwh yield"
_RESETTING_WORDS = (
    "today daily day idag dagens dygn heute taglich tag month monthly manad monat week weekly year yearly ar"
)


def words(text: str) -> str:
    """Return a name as lower-case words between underscores, without accents: `_el_forbrukning_`."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return "_" + "_".join(re.findall(r"[a-z]+|[0-9]+", plain)) + "_"


def has(text: str, phrases: str) -> bool:
    """Return whether one of the space-separated phrases occurs in a text made by `words`."""
    return any(f"_{phrase}_" in text for phrase in phrases.split())


def mapped_subject(target: str) -> Subject | None:
    """Return the subject that a person named; None where there is no such subject."""
    plain = target.strip().lower()
    if plain in _SHORT:
        return _SHORT[plain]
    return next((subject for subject in MAPPABLE if subject.value == plain), None)


def says_power(name: str) -> bool:
    """Return whether a name means power and not energy."""
    text = words(name)
    return has(text, _POWER_WORDS) and not has(text, _ENERGY_WORDS)


def says_resetting(name: str) -> bool:
    """Return whether a name means a counter that starts again every day, month or year."""
    return has(words(name), _RESETTING_WORDS)


def unit_in(name: str) -> str | None:
    """Return the unit that ends a name, such as kWh or W; also one that is not converted, so that it is refused."""
    match = re.search(rf"(?:^|[_ ])({'|'.join(_UNITS)})(?:_(?:cum|delta|total|sum))?$", name.lower())
    return _UNITS[match.group(1)] if match else None


def usual_unit(unit: str) -> str:
    """Return a unit in its usual letters where its own leave no doubt; `mwh` may be milli or mega and stays.

    >>> [usual_unit(unit) for unit in ("kwh", " KWH ", "w", "mwh", "MWh")]
    ['kWh', 'kWh', 'W', 'mwh', 'MWh']
    """
    bare = unit.strip()
    return {"wh": "Wh", "kwh": "kWh", "w": "W", "kw": "kW"}.get(bare.lower(), bare)
