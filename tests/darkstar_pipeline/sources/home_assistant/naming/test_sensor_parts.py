"""Names that are parts of one whole."""

import pytest

from darkstar_pipeline.sources.home_assistant.naming.sensor_parts import one_tariff, wholes_of

SUMS = {
    "tariff": [
        "sensor.electricity_meter_energy_consumption_tarif_1 sensor.electricity_meter_energy_consumption_tarif_2",
        "sensor.p1_meter_total_power_import_t1 sensor.p1_meter_total_power_import_t2",
        "sensor.dsmr_reading_electricity_delivered_1 sensor.dsmr_reading_electricity_delivered_2",
        "sensor.grid_import_peak sensor.grid_import_off_peak sensor.grid_import_shoulder",
        "sensor.elmatare_import_dag sensor.elmatare_import_natt",
        "sensor.linky_import_hp sensor.linky_import_hc",
    ],
    "phase": [
        "sensor.grid_power_l1 sensor.grid_power_l2 sensor.grid_power_l3",
        "sensor.p1_meter_power_phase_1 sensor.p1_meter_power_phase_2 sensor.p1_meter_power_phase_3",
        "sensor.foxess_grid_ct_r sensor.foxess_grid_ct_s sensor.foxess_grid_ct_t",
        "sensor.em_channel_a_power sensor.em_channel_b_power sensor.em_channel_c_power",
    ],
    "string": [
        "sensor.deye_pv1_power sensor.deye_pv2_power",
        "sensor.solax_mppt_1_power sensor.solax_mppt_2_power",
        "sensor.pv_east_energy sensor.pv_west_energy",
    ],
    "unit": [
        "sensor.inverter_1_pv_energy sensor.inverter_2_pv_energy",
        "sensor.battery_1_charge_total sensor.battery_2_charge_total",
        "sensor.solaredge_i1_ac_energy_kwh sensor.solaredge_i2_ac_energy_kwh",
    ],
}
APART = [
    "sensor.grid_import sensor.grid_import_2",
    "sensor.roof_pv_energy sensor.garage_solar_energy",
    "sensor.envoy_123_energy sensor.envoy_124_energy",
    "sensor.house_load_today sensor.house_load_total",
    "sensor.a_load sensor.b_load",
    "sensor.grid_import_energy_tariff_1 sensor.grid_export_energy_tariff_2",
]


@pytest.mark.parametrize(("kind", "names"), [(kind, names) for kind, some in SUMS.items() for names in some])
def test_parts_of_one_whole_are_found(kind: str, names: str):
    (whole,) = wholes_of(names.split())
    assert whole.parts == tuple(names.split())
    assert whole.kind == kind


@pytest.mark.parametrize("names", APART)
def test_names_that_differ_otherwise_are_no_parts(names: str):
    assert wholes_of(names.split()) == []


def test_a_tariff_says_which():
    assert one_tariff("sensor.dsmr_reading_electricity_delivered_2") == "tariff 2"
    assert one_tariff("sensor.p1_meter_energy_import") is None
