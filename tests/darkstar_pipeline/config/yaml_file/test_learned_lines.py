"""Learned values are written beside what stood there, and taken back to the byte."""

from datetime import date
from pathlib import Path

import pytest

from darkstar_pipeline.config.settings import load_settings
from darkstar_pipeline.config.writer import revert_learned, set_learned
from darkstar_pipeline.errors import ConfigurationError

DAY = date(2026, 11, 30)
TAPER = [[85.0, 5.0], [100.0, 1.0]]
FILES = {
    "commented": "sites:\n  home:\n    battery:\n      capacity_kwh: 10.0  # nominal capacity [kWh]\n"
    "      charge_taper: []  # most charging power\n    area: SE4 # mine\n",
    "short": "sites:\n  home:\n    battery:\n      capacity_kwh:   10\n    area: SE4\n",
    "another system": "sites:\r\n  home:\r\n    battery:\r\n      capacity_kwh: 10\r\n",
    "no line end": "sites:\n  home:\n    battery:\n      capacity_kwh: 10",
}


def written(folder: Path, text: str) -> Path:
    path = folder / "darkstar.yaml"
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(("setting", "value"), [("capacity_kwh", 9.4), ("charge_taper", TAPER)])
def test_learned_value_holds_and_is_taken_back_to_the_byte(
    tmp_path: Path, name: str, setting: str, value: object
) -> None:
    path = written(tmp_path, FILES[name])
    before = load_settings(path).sites
    changed = set_learned(path, "home", setting, value, DAY)
    assert changed == load_settings(path)
    battery = changed.sites["home"].battery
    assert (battery.capacity_kwh, battery.charge_taper) == (
        (9.4, ()) if setting == "capacity_kwh" else (10.0, ((85.0, 5.0), (100.0, 1.0)))
    )
    assert "learned 2026-11-30, before: " in path.read_text()
    assert revert_learned(path, "home", setting).sites == before
    kept = path.read_bytes().decode()
    assert kept == FILES[name] or (name == "no line end" and kept == FILES[name] + "\n")


def test_value_before_stays_that_of_the_person_when_an_offer_is_accepted_twice(tmp_path: Path) -> None:
    path = written(tmp_path, FILES["commented"])
    for value in (9.4, 9.2):
        set_learned(path, "home", "capacity_kwh", value, DAY)
    assert "capacity_kwh: 9.2  # nominal capacity [kWh]; learned 2026-11-30, before: 10.0\n" in path.read_text()
    revert_learned(path, "home", "capacity_kwh")
    assert path.read_text() == FILES["commented"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sites:\n  home: {battery: {capacity_kwh: 10}}\n", "not written as indented lines"),
        ("sites:\n  home:\n    battery:\n      charge_taper:\n      - [80, 5]\n      - [100, 2]\n", "several lines"),
        ("sites:\n  home:\n    area: SE4\n", "not written as indented lines"),
    ],
)
def test_file_stays_as_it_is_when_the_line_cannot_be_changed(tmp_path: Path, text: str, message: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigurationError, match=message):
        set_learned(path, "home", "charge_taper", TAPER, DAY)
    assert path.read_text() == text


def test_nothing_is_taken_back_where_nothing_was_accepted(tmp_path: Path) -> None:
    path = written(tmp_path, FILES["commented"])
    with pytest.raises(ConfigurationError, match="no learned value"):
        revert_learned(path, "home", "capacity_kwh")
    with pytest.raises(ConfigurationError, match="the battery cannot be so"):
        set_learned(path, "home", "capacity_kwh", 9_000.0, DAY)
    assert path.read_text() == FILES["commented"]
