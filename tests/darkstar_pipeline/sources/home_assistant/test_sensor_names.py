"""Words of names: the targets of a mapping, and units."""

import pytest

from darkstar_pipeline.sources.home_assistant.sensor_names import (
    Subject,
    mapped_subject,
    unit_in,
    usual_unit,
)


@pytest.mark.parametrize(
    ("target", "subject"),
    [("load_kwh", Subject.LOAD), ("pv", Subject.PV), ("SOC", Subject.SOC), ("ignore", Subject.UNUSED), ("watts", None)],
)
def test_mapping_takes_columns_and_short_names(target: str, subject: Subject | None):
    assert mapped_subject(target) is subject


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("solar_wh_cum", "Wh"),
        ("solar_kwh_delta", "kWh"),
        ("sensor.load_w", "W"),
        ("sensor.heat_kw", "kW"),
        ("sensor.house_energy_mj", "MJ"),
        ("sensor.house_energy_gwh_total", "GWh"),
        ("sensor.new", None),
    ],
)
def test_unit_is_read_from_the_end_of_a_name(name: str, unit: str | None):
    assert unit_in(name) == unit


@pytest.mark.parametrize(
    ("written", "unit"),
    [("kwh", "kWh"), (" KWh ", "kWh"), ("WH", "Wh"), ("w", "W"), ("KW", "kW"), ("mwh", "mwh"), ("öre/kWh", "öre/kWh")],
)
def test_unit_is_known_in_other_letters_where_they_leave_no_doubt(written: str, unit: str):
    assert usual_unit(written) == unit
