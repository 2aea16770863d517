"""`darkstar car`: what it shows, a departure asked for once, and words for what makes no sense."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.builders.command_line import Darkstar

CAR: dict[str, Any] = {
    "power_kw": 11,
    "capacity_kwh": 60,
    "departures": [{"leaves": "07:00", "minimum_percent": 40, "target_percent": 80}],
}


def configured(home: Path, devices: dict[str, Any]) -> None:
    (home / "darkstar.yaml").write_text(yaml.safe_dump({"sites": {"home": {"devices": devices}}}))


def test_departure_is_asked_for_kept_and_forgotten(home: Path, darkstar: Darkstar) -> None:
    configured(home, {"vehicle": CAR})
    asked = darkstar("car", "leave", "05:15", "--target", "90", "--json")
    assert asked.code == 0, asked.err
    leaves = datetime.fromisoformat(asked.document["leaves"])
    assert leaves > datetime.now(UTC)
    assert asked.document["request"]["target_percent"] == 90
    shown = darkstar("car", "show")
    assert "05:15 (asked for once)" in shown.out
    assert "state of charge is not known" in " ".join(shown.out.split())
    assert darkstar("car", "cancel", "--json").document["request"] is None
    assert "07:00 (by its week)" in darkstar("car", "show").out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(("7", "--target", "80"), "'7' is no time", id="no time"),
        pytest.param(("07:00",), "name minimum_percent and target_percent", id="nothing asked for"),
        pytest.param(("07:00", "--target", "20", "--minimum", "30"), "above the target", id="minimum above target"),
        pytest.param(("2020-01-01T07:00", "--target", "80"), "is not within the next 8 days", id="past"),
    ],
)
def test_departure_is_refused_in_plain_words(
    home: Path, darkstar: Darkstar, words: tuple[str, ...], message: str
) -> None:
    configured(home, {"vehicle": CAR})
    refused = darkstar("car", "leave", *words, "--json")
    assert (refused.code, refused.error["code"]) == (2, "usage")
    assert message in refused.error["message"]
    assert refused.error["hint"]


def test_percent_needs_the_cars_capacity(home: Path, darkstar: Darkstar) -> None:
    configured(home, {"vehicle": {"power_kw": 11}})
    refused = darkstar("car", "leave", "07:00", "--target", "80", "--json")
    assert "capacity" in refused.error["message"]
    assert darkstar("car", "leave", "07:00", "--target-kwh", "12", "--json").code == 0


def test_home_without_a_car_says_so(home: Path, darkstar: Darkstar) -> None:
    configured(home, {})
    refused = darkstar("car", "show", "--json")
    assert (refused.code, refused.error["code"]) == (2, "configuration")


@pytest.mark.parametrize(
    ("car", "message"),
    [
        ({"power_kw": 11, "max_current_a": 16}, "a car needs power_kw, or max_current_a"),
        ({**CAR, "capacity_kwh": None}, "departures in percent need capacity_kwh"),
        ({**CAR, "departures": [{"leaves": "7:00", "target_percent": 80}]}, "leaves"),
        ({**CAR, "departures": [{"leaves": "07:00"}]}, "a departure names minimum_percent"),
        ({**CAR, "control": {"enabled": True}}, "control names one of"),
        ({**CAR, "control": {"switch": "switch.a", "script": "script.b"}}, "control names one of"),
        ({**CAR, "control": {"setpoint": "number.a"}}, "needs normal_temperature"),
    ],
)
def test_settings_that_cannot_be_are_refused(home: Path, darkstar: Darkstar, car: dict[str, Any], message: str) -> None:
    configured(home, {"vehicle": car})
    refused = darkstar("car", "show", "--json")
    assert (refused.code, refused.error["code"]) == (2, "configuration")
    assert message in refused.error["message"]
