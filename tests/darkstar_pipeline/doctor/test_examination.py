import sqlite3
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.config.writer import add_site
from darkstar_pipeline.context import DAGSTER_FOLDER, LAKE_FOLDER, MLFLOW_FOLDER
from darkstar_pipeline.doctor import CheckResult, Verdict, run_checks
from darkstar_pipeline.doctor.machine import check_clock, check_time_zone
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.state.privacy import find_open_files, mend_modes
from darkstar_pipeline.warehouse.lake import Lake
from darkstar_pipeline.warehouse.schemas import DATA_QUALITY_DAILY, METER_READINGS, RAW_SPOT_PRICES, Table
from env.time_grid import grid
from tests.builders.certificates import certificate

NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)
DAYS = [date(2026, 3, 28), date(2026, 3, 29)]
TIMEZONE = "Europe/Stockholm"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder beside a configuration with one site."""
    monkeypatch.setenv("DARKSTAR_CONFIG", str(tmp_path / "darkstar.yaml"))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    of_2026 = {"tariff": [{"energy_tax": 0.36}]}
    add_site(tmp_path / "darkstar.yaml", "home", SiteSettings.model_validate(of_2026))
    return tmp_path / "state"


def found(home: Path, check: str, *, site: str | None = None, now: datetime = NOW) -> CheckResult:
    findings = {finding.check: finding for finding in run_checks(home, site, now=now)}
    return findings[check]


def verdicts(home: Path) -> dict[str, Verdict]:
    return {finding.check: finding.verdict for finding in run_checks(home, None, now=NOW)}


def write(home: Path, table: Table, values: dict[str, object], *, days: list[date]) -> None:
    """Rows of a table with these values, on the slot grid of the days where it has slots."""
    lake = Lake(home / LAKE_FOLDER)
    for day in days:
        keys = grid(day, day, TIMEZONE) if "slot_start" in table.schema else pl.DataFrame({"day": [day]})
        literals = [
            pl.lit(values.get(name, 0 if dtype.is_numeric() else ""), dtype=dtype).alias(name)
            for name, dtype in table.schema.items()
            if name not in keys.columns
        ]
        lake.write_day(table, "home", day, keys.with_columns(literals))


def import_days(home: Path, *, imported_at: datetime = NOW - timedelta(days=1)) -> None:
    common = {"site": "home", "imported_at": imported_at}
    write(home, METER_READINGS, common, days=DAYS)
    write(home, RAW_SPOT_PRICES, common, days=DAYS)


def grade_days(home: Path, status: str) -> None:
    write(home, DATA_QUALITY_DAILY, {"site": "home", "status": status}, days=DAYS)


def test_examine_finds_nothing_to_mend_when_the_home_is_new(home: Path) -> None:
    assert Verdict.FAIL not in verdicts(home).values()
    assert found(home, "imported, home").verdict is Verdict.WARN


def test_examine_is_content_when_days_are_imported_and_graded(home: Path) -> None:
    import_days(home)
    grade_days(home, "clean")
    assert mend_modes(home).count or find_open_files(home).count == 0  # tests go by their umask
    assert set(verdicts(home).values()) == {Verdict.OK}
    (home / "state.json").chmod(0o644)
    assert found(home, "privacy").verdict is Verdict.WARN
    assert found(home, "imported, home").detail.endswith("2 of both, 2026-03-28 to 2026-03-29")


def test_examine_says_so_when_the_energy_tax_is_last_year_s(home: Path) -> None:
    file = home.parent / "darkstar.yaml"
    file.write_text(file.read_text().replace("energy_tax: 0.36 ", "energy_tax: 0.439 "))
    finding = found(home, "tariff")
    assert finding.verdict is Verdict.WARN
    assert "energy_tax is 0.439 SEK/kWh; since 2026-01-01 it is 0.36" in finding.detail
    assert finding.remedy.startswith("darkstar --site home tariffs use ID (for ID one of ellevio")


def test_examine_says_backfill_when_days_wait(home: Path) -> None:
    import_days(home)
    finding = found(home, "graded, home")
    assert finding.verdict is Verdict.WARN
    assert finding.remedy == "darkstar backfill --site home --from 2026-03-28 --to 2026-03-29"


def test_examine_says_quality_when_many_days_are_refused(home: Path) -> None:
    import_days(home)
    grade_days(home, "exclude")
    assert "2 refused" in found(home, "graded, home").detail
    assert "darkstar quality" in found(home, "graded, home").remedy


def test_examine_doubts_the_clock_when_an_import_is_from_the_future(home: Path) -> None:
    import_days(home, imported_at=NOW + timedelta(hours=1))
    assert found(home, "imported, home").verdict is Verdict.WARN
    assert "check the clock" in found(home, "imported, home").remedy


def test_examine_fails_when_a_file_of_the_lake_is_cut_short(home: Path) -> None:
    import_days(home)
    path = Lake(home / LAKE_FOLDER).path(METER_READINGS, "home", DAYS[0])
    path.write_bytes(path.read_bytes()[:100])
    finding = found(home, "tables")
    assert finding.verdict is Verdict.FAIL
    assert str(path) in finding.detail


def test_examine_warns_when_a_file_is_not_as_declared(home: Path) -> None:
    import_days(home)
    path = Lake(home / LAKE_FOLDER).path(METER_READINGS, "home", DAYS[0])
    pl.read_parquet(path).drop("pv_kwh").with_columns(pl.col("load_kwh").cast(pl.Float32), x=1).write_parquet(path)
    finding = found(home, "tables")
    assert finding.verdict is Verdict.WARN
    assert "meter_readings day=2026-03-28: without ['pv_kwh'], unknown ['x'], other type ['load_kwh']" in finding.detail


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(None, "no configuration at", id="missing"),
        pytest.param("sites: [", "cannot be read as YAML", id="no YAML"),
        pytest.param("sites: {}", "names no site", id="no site"),
        pytest.param("sites:\n  a:\n    area: 7\n", "sites.a.area", id="wrong value"),
    ],
)
def test_examine_fails_when_the_configuration_is_no_use(home: Path, text: str | None, message: str) -> None:
    path = home.parent / "darkstar.yaml"
    path.unlink()
    if text is not None:
        path.write_text(text)
    finding = found(home, "configuration")
    assert finding.verdict is Verdict.FAIL
    assert message in finding.detail
    assert finding.remedy


def test_examine_warns_when_no_site_is_the_default(home: Path) -> None:
    (home.parent / "darkstar.yaml").write_text("sites:\n  a: {}\n  b: {}\n")
    assert found(home, "configuration").verdict is Verdict.WARN
    assert {"time zone", "imported, a"} <= verdicts(home).keys()


def test_examine_refuses_when_the_named_site_is_unknown(home: Path) -> None:
    with pytest.raises(ConfigurationError, match="'cabin' is not in the configuration"):
        run_checks(home, "cabin", now=NOW)


def test_examine_fails_when_the_state_folder_is_a_file(home: Path) -> None:
    home.write_text("")
    assert found(home, "state folder").verdict is Verdict.FAIL


def test_examine_warns_when_dagster_would_use_another_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "/elsewhere")
    assert found(home, "dagster").verdict is Verdict.WARN


@pytest.mark.parametrize(("check", "folder"), [("dagster", DAGSTER_FOLDER), ("mlflow", MLFLOW_FOLDER)])
def test_examine_fails_when_a_database_is_broken(home: Path, check: str, folder: str) -> None:
    path = home / folder / "mlflow.db"
    path.parent.mkdir(parents=True)
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE a (b)")
    connection.close()
    assert found(home, check).verdict is Verdict.OK
    path.write_bytes(b"no database at all" * 100)
    assert found(home, check).verdict is Verdict.FAIL


def test_examine_fails_when_the_mlflow_server_is_down(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert found(home, "mlflow").verdict is Verdict.FAIL


def test_check_clock_fails_when_it_is_before_the_code() -> None:
    assert check_clock(datetime(1970, 1, 1, tzinfo=UTC)).verdict is Verdict.FAIL


def test_check_time_zone_names_the_changes_when_there_are_some() -> None:
    assert check_time_zone("home", TIMEZONE, NOW).detail.endswith("clock changes 2026-03-29, 2026-10-25")
    assert check_time_zone("home", "Asia/Kolkata", NOW).verdict is Verdict.OK


def test_examine_says_what_the_forecasts_lack_when_there_is_no_weather(home: Path) -> None:
    finding = found(home, "forecasts, home")
    assert finding.verdict is Verdict.OK
    assert finding.detail == (
        "naive: no Aurora is in use; no weather is stored (darkstar fetch weather, or darkstar import weather FILE)"
    )


def test_examine_says_train_when_the_forecasts_pointer_is_damaged(home: Path) -> None:
    folder = home / "models" / "home" / "aurora-home"
    folder.mkdir(parents=True)
    (folder / "champion.json").write_text("{}")
    finding = found(home, "forecasts, home")
    assert finding.verdict is Verdict.FAIL
    assert finding.remedy == "darkstar train aurora"


@pytest.mark.parametrize("name", ["missing.pem", ".", "words.pem"])
def test_an_authority_that_cannot_be_read_fails(home: Path, tmp_path: Path, name: str):
    (tmp_path / "words.pem").write_text("no certificate\n")
    path = tmp_path / "darkstar.yaml"
    path.write_text(path.read_text().replace("ca_file: null", f"ca_file: {tmp_path / name}"))
    finding = found(home, "certificate authority, home")
    assert finding.verdict is Verdict.FAIL
    assert "cannot be read as a certificate authority" in finding.detail
    assert "sources.ca_file" in finding.remedy


def test_an_authority_that_holds_one_passes(home: Path, tmp_path: Path):
    path = tmp_path / "darkstar.yaml"
    path.write_text(path.read_text().replace("ca_file: null", f"ca_file: {certificate(tmp_path)}"))
    assert found(home, "certificate authority, home").verdict is Verdict.OK
