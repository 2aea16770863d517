"""The quantity that a Home Assistant sensor measures, by the words of its name or file: English, Swedish, German.

The first rule whose words occur wins, so the order matters: a discharge is no charge, a car's charge no battery's.
A sensor that no rule matches must be mapped by the person; nothing is guessed.
"""

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
    SOC = "soc_percent"
    SPOT_PRICE = "spot_price"
    BATTERY = "battery_power"
    """Signed: positive charges."""
    BATTERY_INVERTED = "battery_power_inverted"
    """Signed: positive discharges."""
    BATTERY_UNSIGNED = "battery_power_of_unknown_sign"
    GRID = "grid_power"
    """Signed: positive is import."""
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
    "soc": Subject.SOC,
    "price": Subject.SPOT_PRICE,
}

_BATTERY_WORDS = "battery batteries batteri batterier batteriet batterie akku speicher accu powerwall"
_EV_WORDS = (
    "ev evse car wallbox easee zaptec elbil bilen elbilen laddbox laddboxen laddare laddaren laddeffekt "
    "laddningseffekt nuvarande_laddning charger charging_station chargepoint ladestation elektroauto"
)
_POWER_WORDS = "power effekt leistung watt watts w kw"
_ENERGY_WORDS = "energy energi energie kwh wh mwh yield"
_RESETTING_WORDS = (
    "today daily day idag dagens dygn heute taglich tag month monthly manad monat week weekly year yearly ar"
)

_RULES: tuple[tuple[Subject, str], ...] = (
    (
        Subject.UNUSED,
        "forecast forecasts prognos prognose predicted prediction solcast remaining tomorrow imorgon estimated",
    ),
    (
        Subject.UNUSED,
        "voltage spanning temperature temperatur temp frequency frekvens humidity cost kostnad kosten co_2",
    ),
    (
        Subject.SPOT_PRICE,
        "nordpool nord_pool spot spotpris spot_price elpris strompris strompreis epex price pris preis",
    ),
    (
        Subject.SOC,
        "soc state_of_charge state_of_capacity battery_level batteriniva laddningsniva ladezustand ladestand",
    ),
    (Subject.WATER, "water_heater hot_water varmvatten varmvattenberedare vvb boiler warmwasser dhw"),
    (Subject.BATTERY, "charge_discharge charging_discharging in_out_battery"),
    (Subject.BATTERY_INVERTED, "discharge_charge discharging_charging"),
    (
        Subject.DISCHARGE,
        "discharge discharged discharging urladdning urladdad urladdat entladung entladen from_battery",
    ),
    (Subject.DISCHARGE, "from_batteries battery_out"),
    (
        Subject.CHARGE,
        "charge charged charging laddning laddad laddat uppladdning aufladung beladung geladen to_battery",
    ),
    (Subject.CHARGE, "to_batteries battery_in"),
    (Subject.EXPORT, "feed_in feedin export exported to_grid returned return einspeisung netzeinspeisung eingespeist"),
    (Subject.EXPORT, "inmatning inmatad sald salda sold grid_out"),
    (Subject.IMPORT, "from_grid import imported purchased bought kopt inkopt netzbezug bezug grid_consumption grid_in"),
    (Subject.BATTERY_UNSIGNED, _BATTERY_WORDS),
    (Subject.GRID, "grid natet elnat netz"),
    (Subject.PV, "pv solar sol solceller solenergi solproduktion photovoltaik photovoltaic yield panels produktion"),
    (Subject.PV, "production generation generated erzeugung"),
    (Subject.LOAD, "load consumption house household home hus huset forbrukning energiforbrukning elforbrukning"),
    (Subject.LOAD, "hushall verbrauch hausverbrauch usage"),
)
_FULL_PRICE = "full enriched total incl inkl all_in retail gesamt totalt import export"
_SESSION = "session nuvarande_laddning sitzung last_charge"


def words(text: str) -> str:
    """Return a name as lower-case words between underscores, without accents: `_el_forbrukning_`."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return "_" + "_".join(re.findall(r"[a-z]+|[0-9]+", plain)) + "_"


def has(text: str, phrases: str) -> bool:
    """Return whether one of the space-separated phrases occurs in a text made by `words`."""
    return any(f"_{phrase}_" in text for phrase in phrases.split())


def subject_of(name: str) -> Subject | None:
    """Return the quantity that a name states; None where no rule matches."""
    text = words(name)
    if has(text, _RULES[0][1]):
        return Subject.UNUSED
    if has(text, _EV_WORDS) and not has(text, _BATTERY_WORDS):
        return Subject.UNUSED if has(text, _SESSION) else Subject.EV
    matched = next((subject for subject, phrases in _RULES if has(text, phrases)), None)
    if matched is Subject.SPOT_PRICE and has(text, _FULL_PRICE):
        return Subject.UNUSED
    if matched is Subject.CHARGE and has(text, "discharge discharged discharging"):
        return Subject.BATTERY
    if matched is Subject.GRID and not has(text, _POWER_WORDS):
        return None
    return matched


def subject_of_sensor(entity: str, friendly_name: str, file_stem: str | None) -> Subject | None:
    """Return what a sensor measures.

    Args:
        entity: its id.
        friendly_name: as Home Assistant shows it; may be empty.
        file_stem: name of its file, where the file holds no other sensor.

    Returns:
        The subject, or None where no name matches a rule. A file named after a car or a forecast overrides the id:
        chargers call their counters "total energy".
    """
    stem = re.sub(r"home_?assistant|histor(y|ic)", "", file_stem, flags=re.IGNORECASE) if file_stem else ""
    by_file = subject_of(stem) if stem else None
    if by_file in (Subject.EV, Subject.UNUSED):
        return by_file
    by_id = subject_of(entity.split(".", 1)[-1])
    if by_id is not None:
        return by_id
    by_name = subject_of(friendly_name) if friendly_name else None
    return by_name if by_name is not None else by_file


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
    """Return the unit that ends a name: Wh, kWh, MWh, W or kW."""
    match = re.search(r"(?:^|[_ ])(wh|kwh|mwh|w|kw)(?:_(?:cum|delta|total|sum))?$", name.lower())
    return {"wh": "Wh", "kwh": "kWh", "mwh": "MWh", "w": "W", "kw": "kW"}[match.group(1)] if match else None
