"""Doctor says when readings came last by MQTT."""

from datetime import timedelta
from pathlib import Path

import pytest

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.doctor.finding import Verdict
from darkstar_pipeline.doctor.sources.mqtt import check_mqtt_readings
from darkstar_pipeline.warehouse.schemas import METER_READINGS
from tests.builders.small_home import small_context

TOPIC = {"topic": "house/load", "measures": "load", "unit": "W"}


@pytest.mark.parametrize(
    ("later", "verdict", "says"),
    [(timedelta(minutes=10), Verdict.OK, "10 min ago"), (timedelta(hours=2), Verdict.WARN, "120 min ago")],
)
def test_late_readings_are_a_warning(tmp_path: Path, later: timedelta, verdict: Verdict, says: str):
    context = small_context(tmp_path)
    settings = Settings.model_validate({"sites": {"home": {"sources": {"mqtt": {"topics": [TOPIC]}}}}})
    end = context.lake.read(METER_READINGS, "home")["slot_start"].max() + timedelta(minutes=15)  # pyright: ignore[reportOperatorIssue, reportOptionalOperand]
    found = check_mqtt_readings(settings, context.home, "home", end + later)  # pyright: ignore[reportArgumentType]
    assert found is not None
    assert (found.verdict, says in found.detail) == (verdict, True), found
    none = check_mqtt_readings(settings, tmp_path / "empty", "home", end)  # pyright: ignore[reportArgumentType]
    assert none is not None
    assert "none of today or yesterday" in none.detail
    assert check_mqtt_readings(Settings.model_validate({"sites": {"home": {}}}), context.home, "home", end) is None  # pyright: ignore[reportArgumentType]
