"""The quantity that a sensor measures, by the words of its name or file: English, Swedish, German and makers' own.

What is no reading of the home comes first (forecasts, other devices), then makers' conventions, then general words. Of
those the first rule whose words occur wins, so the order matters: a discharge is no charge.
A sensor that no rule matches must be mapped by the person; nothing is guessed.
"""

import re
from dataclasses import dataclass

from darkstar_pipeline.sources.home_assistant.naming.maker_conventions import (
    FORECAST,
    PARTIAL,
    PRICE_WITH_TAX,
    STORED,
    convention_of,
)
from darkstar_pipeline.sources.home_assistant.sensor_names import Subject, has, says_power, words

_BATTERY_WORDS = "battery batteries batteri batterier batteriet batterie akku speicher accu powerwall"
_PV_WORDS = (
    "pv solar sol solceller solenergi solproduktion photovoltaik photovoltaic panels mppt smartsolar bluesolar "
    "solarcharger"
)
_EV_WORDS = (
    "ev evse car wallbox easee zaptec zappi elbil bilen elbilen laddbox laddboxen laddare laddaren laddeffekt "
    "laddningseffekt nuvarande_laddning charger charging_station chargepoint ladestation elektroauto"
)
_NO_CAR = "car_port carport solar_charger solarcharger smartsolar_charger mppt"
_CARRIERS = (
    "ev car vehicle elbil bil phone iphone handy pixel galaxy sm_g sm_a sm_s oneplus xiaomi redmi fairphone "
    "motorola airpods ipad tablet watch laptop macbook model_3 model_y "
    "model_s model_x id_3 id_4 id_5 id_7 id_buzz ioniq ioniq_5 kona niro ev_6 ev_9 leaf ariya zoe megane polestar "
    "volvo bmw i_3 i_4 ix e_tron q_4 enyaq elroq born mg_4 eqa eqb eqc taycan mustang kia hyundai vacuum roborock "
    "roomba robot dammsugare mower automower remote motion door window lock thermostat button switch "
    "doorbell camera toothbrush scooter bike keypad"
)
_DEVICES = (
    "heat_pump heatpump varmepump varmepumpe warmepumpe warmepumpen washing_machine washer dryer tumble_dryer "
    "dishwasher fridge freezer refrigerator oven stove hob microwave kettle coffee_machine television tv computer "
    "desktop nas sauna aircon air_conditioner air_conditioning dehumidifier tvattmaskin tvattmaskinen torktumlare "
    "diskmaskin kylskap frys ugn spis waschmaschine trockner geschirrspuler kuhlschrank gefrierschrank herd pool_pump"
)
_PLUGS = "plug socket outlet steckdose uttaget smartplug smart_plug"
_WATER_WORDS = "water_heater hot_water varmvatten varmvattenberedare vvb boiler warmwasser dhw"
_LEVEL_WORDS = (
    "soc state_of_charge state_of_capacity battery_level battery_percentage battery_percent batteriniva laddningsniva "
    "ladezustand ladestand"
)
_DISCHARGE_WORDS = "discharge discharged discharging"
_UNUSED = {
    FORECAST: "forecast forecasts prognos prognose predicted prediction solcast remaining tomorrow imorgon estimated "
    "estimate forecast_solar",
    "no energy, power, level or price": "voltage spanning temperature temperatur temp frequency frekvens humidity cost "
    "kostnad kosten co_2 battery_current grid_current pv_current phase_current current_l_1 current_l_2 current_l_3 "
    "current_phase power_factor reactive_power apparent_power",
    "of a past period": "yesterday igar gestern last_month last_week last_year last_day last_seven_days",
    "a setting or a state of health": "min_soc soc_min max_soc soc_max target_soc soc_target soc_limit reserve_soc "
    "soc_reserve backup_soc soh state_of_health battery_health",
    STORED: "soc_kwh soc_wh energy_left stored_energy available_energy",
    "charge and discharge together": "throughput",
    PARTIAL: "self_consumption selfconsumption self_consumed eigenverbrauch egenforbrukning egenanvandning "
    "direct_consumption direct_energy_consumption direktverbrauch solar_to_house solar_to_home pv_to_house pv_to_home "
    "pv_to_load solar_to_load grid_to_house grid_to_home grid_to_load grid_to_battery battery_to_house battery_to_home "
    "battery_to_load battery_to_grid solar_to_battery pv_to_battery charge_from_pv charge_from_grid charge_from_solar",
    "a share": "self_sufficiency autarky autarkie autonomy autarkiegrad",
}
_RULES: tuple[tuple[Subject, str], ...] = (
    (
        Subject.SPOT_PRICE,
        "nordpool nord_pool spot spotpris spot_price elpris strompris strompreis epex price pris preis",
    ),
    (Subject.SOC, _LEVEL_WORDS),
    (Subject.WATER, _WATER_WORDS),
    (Subject.BATTERY, "charge_discharge charging_discharging in_out_battery"),
    (Subject.BATTERY_INVERTED, "discharge_charge discharging_charging"),
    (
        Subject.DISCHARGE,
        "discharge discharged discharging urladdning urladdad urladdat entladung entladen from_battery",
    ),
    (Subject.DISCHARGE, "from_batteries battery_out battery_export battery_exported"),
    (
        Subject.CHARGE,
        "charge charged charging laddning laddad laddat uppladdning aufladung beladung geladen to_battery",
    ),
    (Subject.CHARGE, "to_batteries battery_in battery_import battery_imported"),
    (Subject.IMPORT, "net_consumption net_energy_consumption net_import"),
    (Subject.EXPORT, "net_production net_energy_production net_export"),
    (Subject.EXPORT, "feed_in feedin export exported to_grid returned return einspeisung netzeinspeisung eingespeist"),
    (Subject.EXPORT, "inmatning inmatad sald salda sold grid_out"),
    (Subject.IMPORT, "from_grid import imported purchased bought kopt inkopt netzbezug bezug grid_consumption grid_in"),
    (Subject.BATTERY_UNSIGNED, _BATTERY_WORDS),
    (Subject.GRID, "grid natet elnat netz net_power"),
    (Subject.PV, f"{_PV_WORDS} yield produktion production generation generated erzeugung"),
    (Subject.LOAD, "load consumption house household home hus huset forbrukning energiforbrukning elforbrukning"),
    (Subject.LOAD, "hushall verbrauch hausverbrauch usage"),
)
_FULL_PRICE = "full enriched total incl inkl all_in retail gesamt totalt import export"
_SESSION = "session nuvarande_laddning sitzung last_charge"
# Forecast.Solar and Open-Meteo name their sensors without any word for themselves.
_FORECAST_SOLAR = re.compile(
    r"_(energy_production_(today|tomorrow|today_remaining|d_\d)|energy_(current|next)_hour"
    r"|power_production_(now|(in|next)_.*)|power_highest_peak_time_(today|tomorrow))_(\d+_)?"
)


@dataclass(frozen=True)
class Meaning:
    """The meaning of a name.

    Attributes:
        subject: the quantity, or that it is no reading.
        because: whose convention says so, or why it is no reading; empty where general words do.
    """

    subject: Subject
    because: str = ""


def meaning_of(name: str) -> Meaning | None:
    """Return what a name says; None where no rule matches."""
    text = words(name)
    if (why := _no_reading(text)) is not None:
        return Meaning(Subject.UNUSED, why)
    known = convention_of(text)
    if known is not None:
        maker, subject, why = known
        return Meaning(subject, why or f"as {maker} names it")
    if has(text, _EV_WORDS) and not has(text, _BATTERY_WORDS) and not has(text, _NO_CAR):
        return Meaning(Subject.UNUSED, "a single charge") if has(text, _SESSION) else Meaning(Subject.EV)
    return _by_general_words(text)


def _no_reading(text: str) -> str | None:
    """Return why a name means no reading of the home; None if it may be one."""
    why = next((why for why, phrases in _UNUSED.items() if has(text, phrases)), None)
    if why is None and _FORECAST_SOLAR.fullmatch(text):
        return FORECAST
    if why is not None:
        return why
    if has(text, _CARRIERS) and not has(text, _NO_CAR) and has(text, f"{_LEVEL_WORDS} battery batteri charge_level"):
        return "the battery of something else than the home"
    if has(text, _WATER_WORDS):
        return None
    if has(text, _DEVICES) or (has(text, _PLUGS) and not has(text, _PV_WORDS)):
        return "a device's own use, which the load holds already"
    return None


def _by_general_words(text: str) -> Meaning | None:
    """The first rule whose words occur."""
    matched = next((subject for subject, phrases in _RULES if has(text, phrases)), None)
    if matched is Subject.SPOT_PRICE and has(text, _FULL_PRICE):
        return Meaning(Subject.UNUSED, PRICE_WITH_TAX)
    if matched is Subject.CHARGE and has(text, _DISCHARGE_WORDS):
        return Meaning(Subject.BATTERY)
    if matched is Subject.GRID and not says_power(text.strip("_")):
        return None
    return Meaning(matched) if matched is not None else None


def meaning_of_sensor(entity: str, friendly_name: str, file_stem: str | None) -> Meaning | None:
    """Return what a sensor measures.

    Args:
        entity: its id.
        friendly_name: as Home Assistant shows it; may be empty.
        file_stem: name of its file, where the file holds no other sensor.

    Returns:
        The meaning, or None where no name matches a rule. A file named after a car or a forecast overrides the id:
        chargers call their counters "total energy".
    """
    stem = re.sub(r"home_?assistant|histor(y|ic)", "", file_stem, flags=re.IGNORECASE) if file_stem else ""
    by_file = meaning_of(stem) if stem else None
    if by_file is not None and by_file.subject in (Subject.EV, Subject.UNUSED):
        return by_file
    by_id = meaning_of(entity.split(".", 1)[-1])
    if by_id is not None:
        return by_id
    by_name = meaning_of(friendly_name) if friendly_name else None
    return by_name if by_name is not None else by_file
