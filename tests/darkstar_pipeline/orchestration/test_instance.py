"""Dagster's state has one place, with our configuration, unless a person decided otherwise."""

import os
from pathlib import Path

import pytest
import yaml

from darkstar_pipeline.orchestration.batched_storage import BATCH_SIZE_VARIABLE
from darkstar_pipeline.orchestration.instance import CONFIG, dagster_environment, ensure_dagster_home, open_instance


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing set from outside, and whatever is set inside is undone."""
    for name in ("DAGSTER_HOME", BATCH_SIZE_VARIABLE, "DARKSTAR_CONFIG"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def test_dagster_home_is_under_the_state_folder_with_telemetry_off(tmp_path: Path) -> None:
    folder = ensure_dagster_home(tmp_path)
    settings = yaml.safe_load((folder / "dagster.yaml").read_text())
    assert folder == tmp_path / "dagster"
    assert os.environ["DAGSTER_HOME"] == str(folder)
    assert settings["telemetry"] == {"enabled": False}
    assert settings["concurrency"] == {"runs": {"max_concurrent_runs": 2}}


def test_dagster_home_is_brought_up_to_date_but_not_when_a_person_took_it_over(tmp_path: Path) -> None:
    config = tmp_path / "dagster" / "dagster.yaml"
    ensure_dagster_home(tmp_path)
    config.write_text(CONFIG.splitlines()[0] + "\ntelemetry: {enabled: true}\n")
    ensure_dagster_home(tmp_path)
    assert config.read_text() == CONFIG
    config.write_text("telemetry: {enabled: false}\n")
    ensure_dagster_home(tmp_path)
    assert config.read_text() == "telemetry: {enabled: false}\n"


def test_dagster_home_stays_where_it_is_when_set_already(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "elsewhere"))
    assert ensure_dagster_home(tmp_path / "state") == tmp_path / "elsewhere"
    assert dagster_environment(tmp_path / "state")["DAGSTER_HOME"] == str(tmp_path / "elsewhere")


def test_children_get_all_settings_they_need(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    state = tmp_path / "state"
    expected = {"DARKSTAR_HOME": str(state), "DAGSTER_HOME": str(state / "dagster")}
    assert dagster_environment(state) == expected
    (tmp_path / "darkstar.yaml").write_text("sites: {}\n")
    assert dagster_environment(state) == {**expected, "DARKSTAR_CONFIG": str(tmp_path / "darkstar.yaml")}


def test_opening_leaves_the_environment_as_it_was(tmp_path: Path) -> None:
    for name in ("one", "two"):
        with open_instance(tmp_path / name) as instance:
            assert instance.root_directory == str(tmp_path / name / "dagster")
    assert "DAGSTER_HOME" not in os.environ


def test_storage_opens_when_a_file_that_a_person_took_over_has_its_old_name(tmp_path: Path) -> None:
    folder = tmp_path / "dagster"
    folder.mkdir()
    own = CONFIG.split("\n", 1)[1].replace(
        "darkstar_pipeline.orchestration.batched_storage", "darkstar_pipeline.dagster_storage"
    )
    (folder / "dagster.yaml").write_text(own)
    with pytest.warns(FutureWarning, match="change storage.custom.module"), open_instance(tmp_path) as instance:
        assert instance.get_runs_count() == 0
