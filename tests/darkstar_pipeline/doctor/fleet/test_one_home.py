"""`darkstar --site NAME doctor` of a home of the fleet: remedies that are commands for it."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import yaml

from darkstar_pipeline.doctor import run_checks
from tests.builders.fleet_homes import fill_fleet, fleet_settings

NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)


def test_remedies_are_what_a_home_of_the_fleet_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = fleet_settings()
    assert settings.fleet is not None
    (tmp_path / "darkstar.yaml").write_text(yaml.safe_dump({"fleet": settings.fleet.model_dump(mode="json")}))
    monkeypatch.setenv("DARKSTAR_CONFIG", str(tmp_path / "darkstar.yaml"))
    fill_fleet(settings, tmp_path / "state", {"villa": {}}, [date(2026, 3, 29)])

    found = {each.check: each for each in run_checks(tmp_path / "state", "villa", now=NOW)}

    assert found["graded, villa"].remedy == "darkstar fleet backfill --site villa --from 2026-03-19 --to 2026-03-29"
    assert "energy_tax is 0.439" in found["tariff"].detail
    assert "fleet.tariffs" in found["tariff"].remedy
