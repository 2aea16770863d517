"""The definitions load quickly, from any directory, with any number of homes, or none."""

import json
import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from assets.evaluation import MISSING
from assets.fetched.weather import FETCHED_WEATHER
from assets.forecast_models import AURORA_MODELS, PRICE_MODELS
from assets.graph import ASSET_NAMES
from assets.learning import LEARNED, LEARNED_VALUES, SEARCH
from assets.raw import RAW_TABLES
from darkstar_pipeline.config.fleet.settings import FleetSettings
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.definitions import build_definitions, found_configuration
from darkstar_pipeline.errors import ConfigurationError
from tests.builders.small_home import small_settings

NAMES = {
    *ASSET_NAMES,
    *RAW_TABLES,
    FETCHED_WEATHER,
    AURORA_MODELS,
    PRICE_MODELS,
    *LEARNED,
    SEARCH,
    MISSING,
    LEARNED_VALUES,
}
LOAD = """
import json, sys, time
started = time.process_time()  # other work on the machine is none of ours
from darkstar_pipeline.definitions import defs
keys = [key.to_user_string() for key in defs.resolve_all_asset_keys()]
heavy = ["mlflow", "torch", "cvxpy", "lightgbm", "stable_baselines3", "matplotlib", "pandas", "scipy.optimize"]
heavy += ["assets.fleet", "jobs.fleet", "obstore", "ray"]  # of a fleet
print(json.dumps([time.process_time() - started, keys, [name for name in heavy if name in sys.modules]]))
"""


def keys(definitions: dg.Definitions) -> set[str]:
    return {key.to_user_string() for key in definitions.resolve_all_asset_keys()}


def two_homes(default: str | None) -> Settings:
    return Settings(default_site=default, sites={"home": SiteSettings(), "garden-house": SiteSettings(area="SE4")})


def test_only_home_has_plain_keys(tmp_path: Path) -> None:
    assert keys(build_definitions(small_settings(), tmp_path)) == NAMES


def test_default_home_has_plain_keys_and_the_others_their_name_before(tmp_path: Path) -> None:
    definitions = build_definitions(two_homes("home"), tmp_path)
    assert keys(definitions) == NAMES | {f"garden-house/{name}" for name in NAMES}
    jobs = {job.name for job in definitions.resolve_all_job_defs() if not job.name.startswith("__")}
    plain = {"backfill", "daily_refresh", "nightly", "weekly_retrain", "rl_search", "weather_fetch", "daily_learning"}
    assert jobs == plain | {f"garden_house__{name}" for name in plain}


def test_every_home_has_its_name_before_its_keys_when_none_is_the_default(tmp_path: Path) -> None:
    names = {f"{site}/{name}" for site in ("home", "garden-house") for name in NAMES}
    assert keys(build_definitions(two_homes(None), tmp_path)) == names


def test_definitions_can_be_checked_as_dagster_does(tmp_path: Path) -> None:
    definitions = build_definitions(two_homes("home"), tmp_path)
    dg.Definitions.validate_loadable(definitions)
    repository = definitions.get_repository_def()
    scheduled = {schedule.job_name for schedule in repository.schedule_defs}
    assert {"nightly", "weekly_retrain", "garden_house__nightly", "garden_house__weekly_retrain"} <= scheduled
    assert scheduled <= set(repository.job_names)


def test_a_fleet_is_one_graph_beside_the_single_homes_and_its_rows_are_not_read(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "fleet"
    folder.mkdir(parents=True)
    (folder / "homes.parquet").write_bytes(b"whoever reads this fails")
    settings = small_settings().model_copy(update={"fleet": FleetSettings(buckets=5000)})
    definitions = build_definitions(settings, tmp_path / "state")
    dg.Definitions.validate_loadable(definitions)
    fleet = {key for key in keys(definitions) if key.startswith("fleet/")}
    assert fleet == {"fleet/daily_results", "fleet/raw_spot_prices", "fleet/meter_readings", "fleet/canaries"}
    assert keys(definitions) - fleet == NAMES
    partitions = definitions.resolve_asset_graph().get(dg.AssetKey(["fleet", "daily_results"])).partitions_def
    assert partitions is not None
    assert partitions.get_num_partitions() <= 25_000


def test_a_fleet_alone_has_no_bare_home_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DARKSTAR_CONFIG", raising=False)
    (tmp_path / "darkstar.yaml").write_text("fleet: {}\n")
    assert not found_configuration()[0].sites


def test_too_many_single_homes_are_told_to_become_a_fleet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("darkstar_pipeline.definitions.MOST_HOMES", 1)
    two = Settings(default_site="a", sites={"a": SiteSettings(), "b": SiteSettings()})
    build_definitions(two, tmp_path)
    assert "2 homes under `sites`" in caplog.text
    assert "darkstar fleet adopt" in caplog.text


def test_nothing_is_written_by_loading(tmp_path: Path) -> None:
    build_definitions(small_settings(), tmp_path / "state")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_definitions_load_from_any_directory_without_configuration_or_heavy_libraries(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DARKSTAR_", "DAGSTER_"))}
    environment["DARKSTAR_HOME"] = str(tmp_path / "state")
    done = subprocess.run(
        [sys.executable, "-c", LOAD], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    seconds, loaded, heavy = json.loads(done.stdout.splitlines()[-1])
    assert seconds < 5
    assert set(loaded) >= NAMES
    assert heavy == []
    assert not (tmp_path / "state").exists()


def test_configuration_is_the_working_directorys_when_it_has_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DARKSTAR_CONFIG", "DARKSTAR_HOME"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "darkstar.yaml").write_text("sites: {cabin: {}}\n")
    monkeypatch.chdir(tmp_path)
    settings, home = found_configuration()
    assert list(settings.sites) == ["cabin"]
    assert home == tmp_path / ".darkstar"


def test_configuration_is_the_checkouts_when_the_working_directory_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DARKSTAR_CONFIG", "DARKSTAR_HOME"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "checkout").mkdir()
    (tmp_path / "checkout" / "darkstar.yaml").write_text("sites: {cabin: {}}\n")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setattr("darkstar_pipeline.definitions.CHECKOUT", tmp_path / "checkout")
    monkeypatch.chdir(tmp_path / "elsewhere")
    settings, home = found_configuration()
    assert list(settings.sites) == ["cabin"]
    assert home == tmp_path / "checkout" / ".darkstar"


def test_configuration_that_is_named_has_to_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKSTAR_CONFIG", str(tmp_path / "nowhere.yaml"))
    with pytest.raises(ConfigurationError, match=r"nowhere\.yaml"):
        found_configuration()
