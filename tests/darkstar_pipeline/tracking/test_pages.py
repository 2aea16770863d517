"""Links between Dagster and MLflow, on whatever ports `darkstar ui` found, and what a run says of its home."""

from datetime import date

import pytest

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.tracking.mlflow_store import run_url
from darkstar_pipeline.tracking.pages import dagster_tags
from darkstar_pipeline.tracking.site_params import site_params


def test_pages_are_linked_both_ways_on_any_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("DARKSTAR_MLFLOW_PAGE", "http://127.0.0.1:5017/")
    monkeypatch.setenv("DARKSTAR_DAGSTER_PAGE", "http://127.0.0.1:3021")
    assert run_url("1", "r") == "http://127.0.0.1:5017/#/experiments/1/runs/r"
    tags = dagster_tags("0123456789")
    assert tags["dagster/run_id"] == "0123456789"
    assert "(http://127.0.0.1:3021/runs/0123456789)" in tags["mlflow.note.content"]
    assert dagster_tags(None) == {}


def test_run_carries_limits_and_the_tariff_of_its_last_day() -> None:
    site = SiteSettings.model_validate(
        {
            "limits": {"import_kw": 11},
            "tariff": [{"energy_tax": 0.439}, {"valid_from": "2026-01-01", "energy_tax": 0.36, "source": "x"}],
        }
    )
    before, after = site_params(site, date(2025, 12, 31)), site_params(site, date(2026, 1, 1))
    assert (before["limits.import_kw"], before["tariff.energy_tax"]) == (11.0, 0.439)
    assert (after["tariff.energy_tax"], "tariff.source" in after) == (0.36, False)
    assert after["tariff_version"] == before["tariff_version"]
