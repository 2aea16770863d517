"""What the names of sensors and files mean."""

import pytest

from darkstar_pipeline.sources.home_assistant.naming.sensor_meaning import meaning_of, meaning_of_sensor
from darkstar_pipeline.sources.home_assistant.sensor_names import Subject

SENSORS = [
    ("sensor.emma_total_charged_energy", "historic_total_charged_energy_to_batteries", Subject.CHARGE),
    ("sensor.emma_total_discharged_energy", "historic_total_discharge_from_batteries", Subject.DISCHARGE),
    ("sensor.emma_total_pv_energy_yield", "historic_total_energy_from_pv", Subject.PV),
    ("sensor.emma_total_supply_from_grid", "historic_total_energy_supply_from_grid", Subject.IMPORT),
    ("sensor.emma_energi_3", "historic_total_feed_in_to_grid", Subject.EXPORT),
    ("sensor.emma_energi_3", None, None),
    ("sensor.emma_total_energy_consumption", "historic_total_house_energy_consumption", Subject.LOAD),
    ("sensor.emma_state_of_capacity", "historic_batteries_SOC", Subject.SOC),
    ("sensor.emma_battery_charge_discharge_power", "historic_batteries_power_in_out", Subject.BATTERY),
    ("sensor.43201610a_1_total_energiforbrukning", "historic_EV_total_charged_energy", Subject.EV),
    ("sensor.43201610a_1_laddningseffekt", None, Subject.EV),
    ("sensor.43201610a_1_energiforbrukning_nuvarande_laddning", None, Subject.UNUSED),
    ("sensor.nordpool_kwh_se4_sek_3_10_0", None, Subject.SPOT_PRICE),
    ("sensor.enriched_power_price", "historic_energy_full_price", Subject.UNUSED),
    ("sensor.power_load_no_var_loads", None, Subject.LOAD),
    ("import_kwh", None, Subject.IMPORT),
    ("solar_wh_cum", None, Subject.PV),
    ("est_consumption_kwh", None, Subject.LOAD),
    ("sensor.batteri_urladdning_totalt", None, Subject.DISCHARGE),
    ("sensor.hus_elförbrukning", None, Subject.LOAD),
    ("sensor.netzbezug_gesamt", None, Subject.IMPORT),
    ("sensor.netzeinspeisung", None, Subject.EXPORT),
    ("sensor.hausverbrauch_heute", None, Subject.LOAD),
    ("sensor.speicher_ladezustand", None, Subject.SOC),
    ("sensor.battery_discharge_charge_power", None, Subject.BATTERY_INVERTED),
    ("sensor.battery_power", None, Subject.BATTERY_UNSIGNED),
    ("sensor.grid_power", None, Subject.GRID),
    ("sensor.solcast_pv_forecast_today", None, Subject.UNUSED),
    ("sensor.battery_temperature", None, Subject.UNUSED),
    ("sensor.varmvattenberedare_energi", None, Subject.WATER),
    ("sensor.living_room", None, None),
    ("sensor.abc", "home_assistant_history", None),
]

# Every name of the reported list, by what it measures.
REPORTED: dict[Subject | None, str] = {
    Subject.PV: """
        smartsolar_charger_yield_today mppt_solar_charger_150_35_yield_today
        victron_solarcharger_yield_today_238 inverter_total_yield inverter_input_power
        solax_today_s_solar_energy envoy_123_lifetime_energy_production fronius_total_energy
        solarnet_energy_day goodwe_total_pv_generation sungrow_total_pv_generation
        givtcp_xx_pv_energy_total_kwh carport_solar_energy car_port_pv_energy_total
    """,
    Subject.BATTERY: """
        victron_system_battery_power batteries_charge_discharge_power
    """,
    Subject.IMPORT: """
        victron_grid_energy_forward_total_30 electricity_meter_energy_consumption_total
        p1_meter_energy_import power_consumption_tibber accumulated_consumption_home power_meter_consumption
        envoy_123_lifetime_net_energy_consumption my_home_grid_imported goodwe_meter_total_energy_import
        foxess_grid_consumption_energy_total deye_daily_energy_bought givtcp_xx_import_energy_total_kwh
    """,
    Subject.EXPORT: """
        victron_grid_energy_reverse_total_30 electricity_meter_energy_production_total
        p1_meter_energy_export accumulated_production_home power_meter_exported solax_grid_export_total
        envoy_123_lifetime_net_energy_production solarnet_power_grid_export foxess_feed_in_energy_total
        deye_daily_energy_sold daily_exported_energy_from_pv
    """,
    Subject.GRID: """
        victron_system_grid_l1 my_home_site_power
    """,
    Subject.UNUSED: """
        inverter_active_power sungrow_total_direct_energy_consumption givtcp_xx_ac_charge_energy_total_kwh
        givtcp_xx_battery_throughput_total_kwh givtcp_xx_soc_kwh heat_pump_energy washing_machine_energy
        dishwasher_energy_consumption ev_battery_level phone_battery_level tesla_model_3_battery_level
        id_4_state_of_charge zappi_12345_charge_added_session heat_pump_power_consumption fridge_power
        energy_production_today power_production_now solcast_pv_forecast_forecast_today
        solar_charger_battery_voltage tibber_current_electricity_price amber_general_price
        amber_feed_in_price
    """,
    Subject.GRID_INVERTED: """
        power_meter_active_power solax_measured_power goodwe_active_power foxess_grid_ct
    """,
    Subject.CHARGE: """
        batteries_day_charge my_home_battery_imported powerwall_battery_import sonnenbatterie_charge_power
    """,
    Subject.LOAD: """
        solax_house_load envoy_123_lifetime_energy_consumption my_home_load_power
        solarnet_power_load_consumed goodwe_house_consumption foxess_load_energy_total
        deye_daily_load_consumption
    """,
    Subject.DISCHARGE: """
        my_home_battery_exported powerwall_battery_export deye_total_battery_discharge
        total_exported_energy_from_battery
    """,
    Subject.SOC: """
        sungrow_battery_level givtcp_xx_soc
    """,
    None: """
        shelly_em_a_energy
    """,
    Subject.SPOT_PRICE: """
        nordpool_kwh_se4_sek_3_10_025 nord_pool_se4_current_price electricity_price_se4
        octopus_energy_electricity_current_rate entsoe_current_electricity_market_price energi_data_service
    """,
}
# Names of the same makers, and names that a hasty rule gets wrong.
SIBLINGS: dict[Subject | None, str] = {
    Subject.PV: """
        total_dc_power stp8_0_pv_power_a sunsynk_day_pv_energy sn_3001234567_grid_power
        victron_system_dc_pv_power powerwall_solar_export powerwall_solar_now teslemetry_solar_power
        inverter_daily_yield solax_pv_power_1 solax_total_solar_energy envoy_123_current_power_production
        envoy_123_energy_production_today solarnet_power_photovoltaics fronius_energy_day
        goodwe_today_s_pv_generation foxess_pv_power_now deye_daily_production deye_pv1_power
        sungrow_total_dc_power givtcp_xx_pv_power sma_pv_power solaredge_lifetime_energy
        solaredge_current_power growatt_lifetime_energy_output sonnenbatterie_production_w
        solar_energy_production_today inverter_energy_production_today solar_power_meter_energy
        balcony_solar_plug_energy carport_pv_power solceller_produktion
    """,
    Subject.GRID: """
        meter_active_power p1_meter_active_power_l1 shelly_net_power
        victron_grid_l3 powerwall_site_now envoy_123_current_net_power_consumption solarnet_power_grid
        deye_total_grid_power p1_meter_power p1_meter_power_phase_2 sungrow_meter_active_power
        house_net_power grid_power
    """,
    Subject.GRID_INVERTED: """
        givtcp_xx_grid_power foxess_grid_ct_r solaredge_m1_ac_power sonnenbatterie_state_grid_inout
    """,
    Subject.IMPORT: """
        dsmr_reading_electricity_delivered_1 dsmr_reading_electricity_currently_delivered
        electricity_meter_energy_consumption_tarif_2 electricity_meter_power_consumption
        p1_meter_energy_import_tariff_1 slimmelezer_energy_consumed_tariff_1
        smart_meter_ts_65a_3_energy_real_consumed smart_meter_verbrauch metering_total_absorbed
        powerwall_site_import growatt_import_from_grid_today solaredge_imported_energy
        solax_grid_import_total house_net_energy_consumption tibber_accumulated_consumption
    """,
    Subject.EXPORT: """
        dsmr_reading_electricity_returned_2 electricity_meter_power_production
        slimmelezer_energy_produced_tariff_2 p1_meter_energy_export_tariff_1 metering_total_yield
        powerwall_site_export growatt_export_to_grid_today solaredge_exported_energy
    """,
    Subject.CHARGE: """
        solax_battery_input_energy_today goodwe_total_battery_charge foxess_battery_charge_total
        deye_daily_battery_charge givtcp_xx_battery_charge_energy_total_kwh battery_charge_total
        battery_imported envoy_123_lifetime_battery_energy_charged my_home_battery_charge_energy
        sungrow_total_battery_charge
    """,
    Subject.DISCHARGE: """
        solax_battery_output_energy_today batteries_day_discharge foxess_battery_discharge_today
        givtcp_xx_discharge_power battery_exported battery_energy_discharged sonnenbatterie_discharge_power
    """,
    Subject.BATTERY: """
        solax_battery_power_charge solaredge_b1_dc_power victron_battery_power
    """,
    Subject.BATTERY_INVERTED: """
        powerwall_battery_now my_home_battery_power goodwe_battery_power deye_battery_power
        givtcp_xx_battery_power solarnet_power_battery foxess_invbatpower
    """,
    Subject.LOAD: """
        powerwall_load_now foxess_load_power envoy_123_current_power_consumption
        growatt_load_consumption_today home_energy_meter_consumption house_power deye_total_load_consumption
    """,
    Subject.SOC: """
        envoy_122_battery sonnenbatterie_271_state_battery_percentage_user sunsynk_battery_soc
        powerwall_charge my_home_percentage_charged solax_battery_capacity deye_battery
        solaredge_b1_state_of_energy sonnenbatterie_state_charge_user home_battery_level
        battery_state_of_charge batteries_state_of_capacity foxess_battery_soc
    """,
    Subject.EV: """
        wallbox_energy zappi_charge_added_total easee_charger_energy car_charger_power ev_charging_power
    """,
    Subject.WATER: """
        hot_water_energy boiler_power
    """,
    Subject.UNUSED: """
        power_meter_reactive_power powerwall_battery_capacity volvo_xc40_battery_charge_level sm_g991b_battery_level
        nissan_leaf_state_of_charge power_production_next_24hours givtcp_ab123_grid_to_house pool_pump_energy
        power_production_next_hour energy_production_tomorrow energy_production_today_remaining
        energy_production_today_2 energy_current_hour home_estimated_energy_production_today
        solcast_power_now roborock_battery pixel_8_battery_level garage_door_battery ioniq_5_soc soc_min
        battery_state_of_health powerwall_energy_left solar_to_battery_energy grid_to_house_power
        charge_from_grid_today eigenverbrauch_heute victron_yield_yesterday
        heat_pump_energy_meter_consumption smart_plug_energy shelly_plug_s_4 p1_meter_total_gas
        accumulated_cost_home envoy_123_energy_production_last_seven_days powerwall_solar_import
        inverter_output_power battery_current deye_battery_current
    """,
    None: """
        living_room energi_3 total_energy_3
    """,
}
TABLE = [
    (f"sensor.{name}", expected)
    for table in (REPORTED, SIBLINGS)
    for expected, names in table.items()
    for name in names.split()
]


def subject(entity: str, stem: str | None = None) -> Subject | None:
    meaning = meaning_of_sensor(entity, "", stem)
    return None if meaning is None else meaning.subject


@pytest.mark.parametrize(("entity", "expected"), TABLE, ids=[entity for entity, _ in TABLE])
def test_name_means_what_its_maker_means(entity: str, expected: Subject | None):
    assert subject(entity) is expected


@pytest.mark.parametrize(
    ("entity", "stem", "expected"), SENSORS, ids=[f"{entity}|{stem}" for entity, stem, _ in SENSORS]
)
def test_sensor_is_recognised_by_its_name_or_its_files(entity: str, stem: str | None, expected: Subject | None):
    assert subject(entity, stem) is expected


def test_friendly_name_tells_when_the_id_does_not():
    shown = meaning_of_sensor("sensor.emma_energi_3", "Inmatning till elnätet, export", None)
    assert shown is not None
    assert shown.subject is Subject.EXPORT


def test_name_that_speaks_of_nothing_known_is_not_guessed():
    assert meaning_of("emma energi 3") is None


def test_what_is_no_reading_has_a_reason_and_a_convention_its_maker():
    phone, forecast, meter = (
        meaning_of(name) for name in ("phone_battery_level", "power_production_now", "power_meter_active_power")
    )
    assert phone is not None
    assert phone.because == "the battery of something else than the home"
    assert forecast is not None
    assert forecast.because == "a forecast, not a measurement"
    assert meter is not None
    assert meter.because == "as Huawei Solar names it"
