"""What a person says of sensors on the command line."""

import pytest

from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.sources.home_assistant.naming.sensor_mapping import read_mapping
from darkstar_pipeline.sources.home_assistant.sensor_names import Subject

SENSORS = ("sensor.a", "sensor.b", "sensor.c", "odd-name")


def test_one_sensor_as_before():
    (wish,) = read_mapping({"sensor.a": "load"}, SENSORS)
    assert (wish.terms, wish.subject, wish.unit) == ({"sensor.a": 1.0}, Subject.LOAD, "")


@pytest.mark.parametrize(
    ("sensors", "terms"),
    [
        ("sensor.a+sensor.b", {"sensor.a": 1.0, "sensor.b": 1.0}),
        ("sensor.a + sensor.b - sensor.c", {"sensor.a": 1.0, "sensor.b": 1.0, "sensor.c": -1.0}),
        ("-sensor.a", {"sensor.a": -1.0}),
        ("odd-name", {"odd-name": 1.0}),
    ],
)
def test_sums_and_signs(sensors: str, terms: dict[str, float]):
    (wish,) = read_mapping({sensors: "import_kwh"}, SENSORS)
    assert wish.terms == terms


def test_unit_and_tax_after_colons():
    energy, price = read_mapping({"sensor.a": "import_kwh:wh", "sensor.b": "price:öre/kWh:vat=25%"}, SENSORS)
    assert energy.unit == "Wh"
    assert (price.unit, price.vat) == ("öre/kWh", 0.25)


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ({"sensor.a+sensor.x": "import"}, "no file holds sensor.x"),
        ({"sensor.a+": "import"}, "is no sensor and no sum"),
        ({"sensor.a+sensor.a": "import"}, "is no sensor and no sum"),
        ({"sensor.a": "import:litre"}, "litre is no unit"),
        ({"sensor.a": "import:vat=25%"}, "is no unit"),
        ({"sensor.a": "watts"}, "there is no watts"),
        ({"sensor.a+sensor.b": "import", "sensor.b": "export"}, "names sensor.b twice"),
    ],
)
def test_what_cannot_be_meant_is_refused(mapping: dict[str, str], words: str):
    with pytest.raises(ConfigurationError, match=words):
        read_mapping(mapping, SENSORS)
