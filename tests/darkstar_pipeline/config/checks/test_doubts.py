"""What a person seldom means is told, once, with the remedy; the defaults are told nothing."""

import logging
from pathlib import Path
from typing import Any

import pytest

from darkstar_pipeline.config.checks.doubts import doubts
from darkstar_pipeline.config.settings import load_settings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.doctor.finding import Verdict
from darkstar_pipeline.doctor.machine import check_configuration


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"area": "se3"}, "usually written SE3"),
        ({"area": "NO"}, "give one of NO1, NO2"),
        ({"area": "FI", "tariff": [{"energy_tax": 0.439, "transfer_fee": 0.05}]}, "the Swedish fee in SEK"),
        ({"tariff": [{"transfer_fee": 2.5}]}, "which few bills have"),
        ({"area": "PL", "tariff": [{"transfer_fee": 1.6}]}, "1.6 PLN/kWh, which few bills have"),
        ({"area": "FI", "battery": {"wear_cost_per_kwh": 0.2}}, "take it out for its worth, 0.018 EUR"),
        ({"forecast": {"panels_kw": 4200}}, "4200 kWp"),
        ({"forecast": {"panels": [{"kw": 4.2}, {"kw": 3000}]}}, "3004.2 kWp"),
    ],
)
def test_unlikely_setting_is_told(written: dict[str, Any], said: str) -> None:
    assert said in " ".join(doubts(SiteSettings.model_validate(written)))


@pytest.mark.parametrize("written", [{}, {"area": "NO1"}, {"area": "FI", "tariff": [{"energy_tax": 0.0228}]}])
def test_usual_settings_are_told_nothing(written: dict[str, Any]) -> None:
    assert doubts(SiteSettings.model_validate(written)) == []


def test_doubt_is_told_once_at_load_and_by_doctor(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "darkstar.yaml"
    file.write_text("sites: {told-once: {area: se3}}")
    with caplog.at_level(logging.WARNING):
        settings = [load_settings(file) for _ in range(3)][-1]
    assert caplog.text.count("usually written SE3") == 1
    finding = check_configuration(settings)
    assert finding.verdict is Verdict.WARN
    assert "usually written SE3" in finding.detail
