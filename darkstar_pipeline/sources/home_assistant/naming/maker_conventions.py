"""The names that makers of inverters, meters and services give their sensors, as a table.

A convention holds where one of its marks occurs in the name, or everywhere if it has none: its phrases are then
specific enough. Of several phrases that occur the longest counts, so the order within a maker does not matter.
Words are compared as `sensor_names.words` gives them: digits apart from letters, so `pv1` is `pv_1`. A phrase with `$`
must end the name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from darkstar_pipeline.sources.home_assistant.sensor_names import Subject, has


@dataclass(frozen=True)
class Convention:
    """The names of one maker.

    Attributes:
        maker: as people call it.
        marks: phrases of which one shows that the maker's names are used; empty where the phrases say enough.
        means: phrases by the quantity that they mean.
        unused: phrases that mean no reading, by the reason.
        unless: phrases of which none may occur.
    """

    maker: str
    marks: str
    means: Mapping[Subject, str]
    unused: Mapping[str, str] = field(default_factory=dict[str, str])
    unless: str = ""


PARTIAL = "a part of the flow only"
INVERTER_AC = "the inverter's AC side, which mixes PV and battery"
STORED = "stored energy, not a share of the capacity"
FORECAST = "a forecast, not a measurement"
PRICE_WITH_TAX = "a price with tax or fees, not the spot price"

CONVENTIONS = (
    Convention(
        "Victron",
        "smartsolar bluesolar mppt solarcharger solar_charger",
        {Subject.PV: "yield yield_today yield_total pv_power power$ energy$ energy_total pv_yield power_today"},
        {"of a past period": "maximum_charge_power_today", PARTIAL: "battery_power"},
    ),
    Convention(
        "Victron",
        "victron venus cerbo",
        {
            Subject.PV: "pv_power solar_power dc_pv_power pv_yield solar_yield",
            Subject.IMPORT: "energy_forward energy_forward_total grid_energy_forward_total",
            Subject.EXPORT: "energy_reverse energy_reverse_total grid_energy_reverse_total",
            Subject.GRID: "grid_l_1 grid_l_2 grid_l_3 grid_power",
            Subject.BATTERY: "battery_power dc_battery_power",
            Subject.LOAD: "consumption_l_1 consumption_l_2 consumption_l_3 consumption_power ac_loads",
            Subject.CHARGE: "battery_charged_energy charged_energy",
            Subject.DISCHARGE: "battery_discharged_energy discharged_energy",
        },
    ),
    Convention(
        "Tesla",
        "powerwall tesla_energy energy_site my_home teslemetry tesla_fleet tesla_solar",
        {
            Subject.GRID: "site_power site_now grid_power instant_power_site",
            Subject.IMPORT: "site_import site_imported grid_imported grid_import grid_energy_imported",
            Subject.EXPORT: "site_export site_exported grid_exported grid_export grid_energy_exported",
            Subject.CHARGE: "battery_import battery_imported battery_energy_imported battery_charged",
            Subject.DISCHARGE: "battery_export battery_exported battery_energy_exported battery_discharged",
            Subject.BATTERY_INVERTED: "battery_power battery_now instant_power_battery",
            Subject.PV: "solar_export solar_exported solar_power solar_now solar_generated solar_energy_exported",
            Subject.LOAD: "load_power load_now load_import load_imported home_usage consumer_energy_imported",
            Subject.SOC: "charge$ percentage_charged battery_charge_level battery_level battery_percentage",
        },
        {
            "the inverter's own draw": "solar_import solar_imported load_export load_exported",
            STORED: "energy_left battery_capacity battery_remaining total_pack_energy backup_reserve",
            PARTIAL: "grid_exported_from_solar grid_exported_from_battery battery_imported_from_grid "
            "battery_imported_from_solar consumer_imported_from_grid consumer_imported_from_solar "
            "consumer_imported_from_battery grid_services_power grid_services_imported grid_services_exported",
        },
    ),
    Convention(
        "Huawei Solar",
        "",
        {
            Subject.PV: "inverter_input_power inverter_daily_yield inverter_total_yield inverter_total_dc_input_energy",
            Subject.GRID_INVERTED: "power_meter_active_power",
            Subject.IMPORT: "power_meter_consumption",
            Subject.EXPORT: "power_meter_exported",
            Subject.BATTERY: "batteries_charge_discharge_power battery_charge_discharge_power",
            Subject.CHARGE: "batteries_day_charge batteries_total_charge battery_day_charge battery_total_charge",
            Subject.DISCHARGE: "batteries_day_discharge batteries_total_discharge battery_day_discharge "
            "battery_total_discharge",
        },
        {INVERTER_AC: "inverter_active_power inverter_output_power"},
    ),
    Convention(
        "SolaX",
        "solax",
        {
            Subject.GRID_INVERTED: "measured_power meter_power feedin_power grid_power",
            Subject.IMPORT: "grid_import grid_import_total today_s_import_energy grid_import_today",
            Subject.EXPORT: "grid_export grid_export_total today_s_export_energy grid_export_today",
            Subject.PV: "today_s_solar_energy total_solar_energy pv_power_total pv_power pv_power_1 pv_power_2",
            Subject.BATTERY: "battery_power_charge battery_power",
            Subject.CHARGE: "battery_input_energy_today battery_input_energy_total today_s_battery_input_energy",
            Subject.DISCHARGE: "battery_output_energy_today battery_output_energy_total today_s_battery_output_energy",
            Subject.SOC: "battery_capacity battery_soc",
            Subject.LOAD: "house_load",
        },
        {INVERTER_AC: "inverter_power today_s_yield total_yield yield_today yield_total output_energy_charge"},
    ),
    Convention(
        "Enphase Envoy",
        "envoy enphase",
        {
            Subject.LOAD: "energy_consumption lifetime_energy_consumption power_consumption energy_consumption_today",
            Subject.IMPORT: "net_energy_consumption lifetime_net_energy_consumption",
            Subject.EXPORT: "net_energy_production lifetime_net_energy_production",
            Subject.PV: "energy_production lifetime_energy_production power_production energy_production_today",
            Subject.GRID: "net_power_consumption current_net_power_consumption",
            Subject.CHARGE: "battery_energy_charged",
            Subject.DISCHARGE: "battery_energy_discharged",
            Subject.SOC: "battery$",
            Subject.BATTERY_INVERTED: "battery_discharge current_battery_discharge",
        },
        {
            "of a past period": "last_seven_days",
            "balanced over the phases, not metered": "balanced_net_power_consumption "
            "balanced_net_energy_consumption lifetime_balanced_net_energy_consumption",
        },
    ),
    Convention(
        "Fronius",
        "fronius solarnet symo gen_24",
        {
            Subject.PV: "energy_day energy_year energy_total total_energy power_photovoltaics",
            Subject.GRID: "power_grid power_real meter_location_power",
            Subject.IMPORT: "power_grid_import energy_real_consumed real_energy_consumed",
            Subject.EXPORT: "power_grid_export energy_real_produced real_energy_produced",
            Subject.LOAD: "power_load_consumed power_load",
            Subject.BATTERY_INVERTED: "power_battery",
            Subject.CHARGE: "power_battery_charge",
            Subject.DISCHARGE: "power_battery_discharge",
        },
        {
            "produced by the load, which is nothing": "power_load_generated",
            INVERTER_AC: "power_ac ac_power",
            "a share": "relative_autonomy relative_self_consumption",
        },
    ),
    Convention(
        "GoodWe",
        "goodwe",
        {
            Subject.GRID_INVERTED: "active_power active_power_total grid_power meter_active_power_total on_grid_export",
            Subject.PV: "pv_generation total_pv_generation today_s_pv_generation pv_power ppv",
            Subject.LOAD: "house_consumption total_load today_load load_total",
            Subject.IMPORT: "energy_import total_energy_import today_energy_import meter_total_energy_import",
            Subject.EXPORT: "energy_export total_energy_export today_energy_export meter_total_energy_export",
            Subject.BATTERY_INVERTED: "battery_power pbattery pbattery_1",
            Subject.CHARGE: "battery_charge total_battery_charge today_battery_charge",
            Subject.DISCHARGE: "battery_discharge total_battery_discharge today_battery_discharge",
            Subject.SOC: "battery_state_of_charge battery_soc",
        },
        {INVERTER_AC: "total_inverter_power", "an output for emergencies": "back_up_load ups_load"},
    ),
    Convention(
        "FoxESS",
        "foxess fox_ess foxesscloud",
        {
            Subject.GRID_INVERTED: "grid_ct grid_power meter_power",
            Subject.EXPORT: "feed_in feed_in_energy feed_in_energy_total feed_in_energy_today feedin",
            Subject.IMPORT: "grid_consumption grid_consumption_energy grid_consumption_energy_total",
            Subject.LOAD: "load_power load_energy_total load_energy_today load_energy",
            Subject.PV: "pv_power pv_power_now solar_energy_total solar_energy_today pv_energy_total",
            Subject.BATTERY_INVERTED: "invbatpower inv_batt_power inverter_battery_power",
            Subject.CHARGE: "battery_charge battery_charge_total battery_charge_today bat_charge_power",
            Subject.DISCHARGE: "battery_discharge battery_discharge_total battery_discharge_today bat_discharge_power",
            Subject.SOC: "battery_soc bat_soc",
        },
        {INVERTER_AC: "generation_power yield_total yield_today output_energy_total input_energy_total"},
    ),
    Convention(
        "Deye and Sunsynk",
        "deye sunsynk solarman sofar",
        {
            Subject.IMPORT: "energy_bought daily_energy_bought total_energy_bought energy_import grid_import",
            Subject.EXPORT: "energy_sold daily_energy_sold total_energy_sold energy_export grid_export",
            Subject.LOAD: "load_consumption daily_load_consumption total_load_consumption load_power total_load_power",
            Subject.PV: "production daily_production total_production pv_power pv_1_power pv_2_power",
            Subject.BATTERY_INVERTED: "battery_power",
            Subject.GRID: "grid_power total_grid_power external_ct_power external_power",
            Subject.CHARGE: "battery_charge daily_battery_charge total_battery_charge",
            Subject.DISCHARGE: "battery_discharge daily_battery_discharge total_battery_discharge",
            Subject.SOC: "battery_soc battery$",
        },
        {
            INVERTER_AC: "inverter_power total_inverter_power",
            "a part of the load": "internal_ct_l_1_power internal_ct_l_2_power internal_ct_l_3_power",
        },
    ),
    Convention(
        "Sungrow",
        "sungrow sh_10_rt",
        {
            Subject.PV: "total_dc_power pv_generation",
            Subject.GRID: "meter_active_power",
            Subject.SOC: "battery_level",
            Subject.LOAD: "load_power",
            Subject.BATTERY_INVERTED: "signed_battery_power",
        },
        {INVERTER_AC: "total_active_power"},
    ),
    Convention(
        "Sungrow",
        "",
        {
            Subject.DISCHARGE: "exported_energy_from_battery",
            Subject.PV: "total_dc_power",
            Subject.GRID: "meter_active_power",
            Subject.EXPORT: "exported_energy_from_pv",
        },
    ),
    Convention(
        "GivTCP",
        "givtcp givenergy givtcp_xx",
        {
            Subject.GRID_INVERTED: "grid_power",
            Subject.BATTERY_INVERTED: "battery_power",
            Subject.IMPORT: "import_energy import_power",
            Subject.EXPORT: "export_energy export_power",
            Subject.LOAD: "load_energy load_power",
            Subject.PV: "pv_energy pv_power",
            Subject.CHARGE: "battery_charge_energy charge_power",
            Subject.DISCHARGE: "battery_discharge_energy discharge_power",
            Subject.SOC: "soc",
        },
        {
            "charge and discharge together": "battery_throughput throughput",
            STORED: "soc_kwh",
            PARTIAL: "ac_charge_energy ac_charge_power self_consumption_energy",
            INVERTER_AC: "inverter_energy invertor_energy invertor_power inverter_power",
        },
    ),
    Convention(
        "DSMR",
        "dsmr",
        {
            Subject.IMPORT: "electricity_delivered currently_delivered electricity_merged day_consumption "
            "phase_currently_delivered electricity_1 electricity_2 power_consumption energy_consumption",
            Subject.EXPORT: "electricity_returned currently_returned electricity_returned_merged "
            "electricity_1_returned electricity_2_returned phase_currently_returned power_production energy_production",
        },
        {"gas, not electricity": "gas extra_device"},
    ),
    Convention(
        "the grid's meter",
        "electricity_meter energy_meter power_meter smart_meter smartmeter p_1_meter p_1_monitor slimmelezer "
        "homewizard elmatare elmataren stromzahler stromzaehler utility_meter kamstrup iskra landis ams_meter "
        "amsleser han_port",
        {
            Subject.IMPORT: "energy_consumption power_consumption energy_consumed power_consumed consumption consumed "
            "import imported delivered bezug verbrauch forbrukning uttag active_import",
            Subject.EXPORT: "energy_production power_production energy_produced power_produced production produced "
            "export exported returned einspeisung lieferung produktion inmatning active_export",
            Subject.GRID: "power$ active_power power_phase power_l_1 power_l_2 power_l_3 real_power effekt$ leistung$",
        },
        {"gas or water, not electricity": "gas gas_consumption gas_consumed total_gas water total_water"},
        unless="pv solar sol photovoltaik battery batteri batterie akku house home hus huset load ev car inverter",
    ),
    Convention(
        "the grid's meter",
        "",
        {
            Subject.IMPORT: "consumption_tarif consumption_tariff consumed_tariff import_tariff delivered_tariff",
            Subject.EXPORT: "production_tarif production_tariff produced_tariff export_tariff returned_tariff",
        },
    ),
    Convention(
        "Tibber",
        "tibber pulse",
        {
            Subject.IMPORT: "power_consumption consumption accumulated_consumption power last_meter_consumption",
            Subject.EXPORT: "power_production production accumulated_production last_meter_production",
        },
        {
            PRICE_WITH_TAX: "current_electricity_price electricity_price price",
            "a highest or mean value": "average_power max_power min_power peak_hour",
            FORECAST: "estimated_hour_consumption",
        },
    ),
    Convention(
        "Tibber",
        "",
        {Subject.IMPORT: "accumulated_consumption", Subject.EXPORT: "accumulated_production"},
        {"money": "accumulated_cost accumulated_reward", FORECAST: "estimated_hour_consumption"},
    ),
    Convention(
        "SMA",
        "",
        {
            Subject.IMPORT: "metering_power_absorbed metering_total_absorbed",
            Subject.EXPORT: "metering_power_supplied metering_total_yield",
            Subject.CHARGE: "battery_power_charge_total battery_charge_total",
            Subject.DISCHARGE: "battery_power_discharge_total battery_discharge_total",
            Subject.SOC: "battery_soc_total",
        },
    ),
    Convention(
        "SMA",
        "sma sn sunny_boy sunny_tripower",
        {Subject.PV: "grid_power pv_power total_yield daily_yield pv_gen_meter"},
    ),
    Convention(
        "SolarEdge",
        "solaredge",
        {
            Subject.PV: "energy_today energy_this_month energy_this_year lifetime_energy current_power "
            "production_energy solar_power i_1_ac_energy i_1_ac_energy_kwh ac_energy ac_energy_kwh power_production",
            Subject.LOAD: "consumption_energy power_consumption",
            Subject.IMPORT: "imported_energy m_1_imported_kwh m_1_imported imported imported_kwh purchased_energy",
            Subject.EXPORT: "exported_energy m_1_exported_kwh m_1_exported exported exported_kwh feedin_energy",
            Subject.GRID_INVERTED: "m_1_ac_power meter_power",
            Subject.GRID: "grid_power",
            Subject.BATTERY: "b_1_dc_power b_2_dc_power",
            Subject.SOC: "state_of_energy b_1_state_of_energy b_2_state_of_energy storage_level",
        },
        {INVERTER_AC: "i_1_ac_power i_1_dc_power", PARTIAL: "selfconsumption_energy"},
    ),
    Convention(
        "Growatt",
        "growatt mix tlx",
        {
            Subject.PV: "energy_generation today_energy_generation lifetime_energy_output energy_today "
            "total_energy_output energy_total solar_generation_today lifetime_solar_energy internal_wattage pv_power",
            Subject.IMPORT: "import_from_grid import_from_grid_today energy_to_user import_power",
            Subject.EXPORT: "export_to_grid export_to_grid_today energy_to_grid export_power",
            Subject.LOAD: "load_consumption load_consumption_today local_load_energy lifetime_load_consumption "
            "load_consumption_lifetime local_load_power",
            Subject.CHARGE: "battery_charged all_batteries_charged batteries_charged charging_power battery_charge",
            Subject.DISCHARGE: "battery_discharged all_batteries_discharged batteries_discharged discharging_power",
            Subject.SOC: "statement_of_charge state_of_charge soc battery_soc",
        },
        {PARTIAL: "self_consumption load_consumption_solar_today load_consumption_battery_today"},
    ),
    Convention(
        "sonnen",
        "sonnenbatterie sonnen sonnenbatterie_state",
        {
            Subject.CHARGE: "charge_power battery_input state_battery_input",
            Subject.DISCHARGE: "discharge_power battery_output state_battery_output",
            Subject.BATTERY_INVERTED: "battery_inout state_battery_inout",
            Subject.GRID_INVERTED: "grid_inout state_grid_inout grid_feed_in grid_feedin",
            Subject.IMPORT: "grid_input state_grid_input",
            Subject.EXPORT: "grid_output state_grid_output",
            Subject.PV: "production state_production production_w",
            Subject.LOAD: "consumption state_consumption consumption_w state_house house$",
            Subject.SOC: "usoc rsoc user_soc charge_user charge_real state_charge_user state_charge_real",
        },
    ),
    Convention(
        "the price service",
        "",
        {
            Subject.SPOT_PRICE: "octopus_energy_electricity_current_rate energi_data_service epex_spot "
            "current_electricity_market_price nord_pool_current_price",
        },
        {PRICE_WITH_TAX: "amber_general_price amber_feed_in_price amber_controlled_load_price"},
    ),
)


def convention_of(text: str) -> tuple[str, Subject, str] | None:
    """Return the maker, the quantity and the reason (for what is no reading) that a name states.

    Args:
        text: a name as `sensor_names.words` gives it.
    """
    for convention in CONVENTIONS:
        if (convention.marks and not has(text, convention.marks)) or has(text, convention.unless):
            continue
        readings = [(phrase, subject, "") for subject, some in convention.means.items() for phrase in some.split()]
        others = [(phrase, Subject.UNUSED, why) for why, some in convention.unused.items() for phrase in some.split()]
        found = [entry for entry in (*readings, *others) if _occurs(entry[0], text)]
        if found:
            _, subject, why = max(found, key=lambda entry: (len(entry[0].split("_")), len(entry[0])))
            return convention.maker, subject, why
    return None


def _occurs(phrase: str, text: str) -> bool:
    return text.endswith(f"_{phrase[:-1]}_") if phrase.endswith("$") else f"_{phrase}_" in text
