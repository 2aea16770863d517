import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.commands.imports import parse_mapping
from darkstar_pipeline.console.failures import UsageError
from tests.builders.command_line import Darkstar, Terminal

START = datetime(2026, 3, 28, 23, tzinfo=UTC)  # local midnight of the spring change in Stockholm
REPORT = {
    "kind",
    "files",
    "rows_read",
    "rows_accepted",
    "rows_rejected",
    "quarantine_file",
    "slots_new",
    "slots_changed",
    "slots_unchanged",
    "first_slot",
    "last_slot",
    "days",
    "notes",
    "understood",
    "balance",
}


@pytest.fixture
def site(home: Path, darkstar: Darkstar) -> Path:
    """An empty working directory with the site home."""
    assert darkstar("init", "--yes").code == 0
    return home


def readings(path: Path, *, load: float = 0.3, bad_rows: int = 0) -> Path:
    """A tidy file of the spring change's 92 slots."""
    slots = [START + timedelta(minutes=15 * slot) for slot in range(92)]
    values = [-1.0] * bad_rows + [load] * (92 - bad_rows)
    pl.DataFrame({"slot_start": slots, "load_kwh": values, "pv_kwh": [0.0] * 92}).write_parquet(path)
    return path


def spot_prices(path: Path) -> Path:
    slots = [START + timedelta(minutes=15 * slot) for slot in range(92)]
    pl.DataFrame({"slot_start": slots, "price": [0.5, -0.1] * 46}).write_csv(path, datetime_format="%Y-%m-%dT%H:%M:%SZ")
    return path


def test_import_observations_tells_what_it_did_when_a_script_asks(site: Path, darkstar: Darkstar) -> None:
    done = darkstar("import", "observations", str(readings(site / "a.parquet")), "--json")
    assert done.code == 0, done.out
    report = done.document
    assert set(report) == REPORT
    assert (report["kind"], report["rows_read"], report["slots_new"], report["days"]) == ("observations", 92, 92, 1)
    assert (report["first_slot"], report["quarantine_file"]) == ("2026-03-28T23:00:00Z", None)


def test_import_observations_changes_nothing_when_repeated(site: Path, darkstar: Darkstar) -> None:
    file = str(readings(site / "a.parquet"))
    assert darkstar("import", "observations", file).code == 0
    report = darkstar("import", "observations", file, "--json").document
    assert (report["slots_new"], report["slots_changed"], report["slots_unchanged"]) == (0, 0, 92)


def test_import_observations_counts_and_keeps_rows_when_some_are_refused(site: Path, darkstar: Darkstar) -> None:
    done = darkstar("import", "observations", str(readings(site / "a.parquet", bad_rows=2)), "--json")
    assert done.code == 0
    assert (done.document["rows_rejected"], done.document["slots_new"]) == (2, 90)
    kept = Path(done.document["quarantine_file"])
    assert kept.is_relative_to(site / "state" / "quarantine")
    assert kept.exists()


def test_import_observations_ends_with_three_when_the_file_is_refused(site: Path, darkstar: Darkstar) -> None:
    (site / "empty.csv").write_text("")
    done = darkstar("import", "observations", str(site / "empty.csv"), "--json")
    assert (done.code, done.error["code"]) == (3, "data_refused")
    assert done.error["hint"]


def test_import_observations_ends_with_two_when_there_is_no_file(site: Path, darkstar: Darkstar) -> None:
    done = darkstar("import", "observations", str(site / "none.csv"), "--json")
    assert done.code == 2


def test_import_observations_draws_the_counts_when_a_person_asks(site: Path, darkstar: Darkstar) -> None:
    done = darkstar("import", "observations", str(readings(site / "a.parquet")))
    assert "92 read, 92 accepted, 0 refused" in done.out
    assert "92 new, 0 changed, 0 unchanged on 1 days" in done.out


def test_import_weather_tells_what_it_did_when_a_script_asks(site: Path, darkstar: Darkstar) -> None:
    slots = [START + timedelta(minutes=15 * slot) for slot in range(92)]
    said = pl.DataFrame({"slot_start": slots, "temp_c": [4.0] * 92}).with_columns(known_at=pl.lit(START))
    said.write_parquet(site / "weather.parquet")
    done = darkstar("import", "weather", str(site / "weather.parquet"), "--json")
    assert done.code == 0, done.out
    assert set(done.document) == REPORT
    assert (done.document["kind"], done.document["slots_new"]) == ("weather", 92)


def test_import_prices_takes_the_sites_area_when_none_is_named(site: Path, darkstar: Darkstar) -> None:
    done = darkstar("import", "prices", str(spot_prices(site / "p.csv")), "--json")
    assert (done.code, done.document["slots_new"]) == (0, 92)


def test_import_prices_refuses_when_the_area_is_another(site: Path, darkstar: Darkstar) -> None:
    done = darkstar("import", "prices", str(spot_prices(site / "p.csv")), "--area", "SE1", "--json")
    assert done.code in (2, 3)
    assert "SE1" in done.error["message"]


def test_import_ends_with_two_when_nothing_is_configured(home: Path, darkstar: Darkstar) -> None:
    done = darkstar("import", "observations", str(readings(home / "a.parquet")), "--json")
    assert (done.code, done.error["code"]) == (2, "configuration")


def test_parse_mapping_gives_columns_by_sensor_when_repeated() -> None:
    pairs = ("sensor.a=load_kwh", " sensor.b = pv_kwh ", "sensor.a=load_kwh")
    assert parse_mapping(pairs) == {"sensor.a": "load_kwh", "sensor.b": "pv_kwh"}


@pytest.mark.parametrize("pairs", [("sensor.a",), ("=load_kwh",), ("sensor.a=",), ("a=load_kwh", "a=pv_kwh")])
def test_parse_mapping_refuses_when_a_pair_is_none(pairs: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="--map"):
        parse_mapping(pairs)


def two_meters(folder: Path) -> Path:
    """Two sensors of the load, of which one is recorded twice as often."""
    rows = [f"sensor.house_energy,{100 + 0.1 * n:.2f},2026-01-10T{n // 6:02}:{n % 6}0:00Z" for n in range(60)]
    rows += [f"sensor.home_load_total,{50 + 0.3 * n:.2f},2026-01-10T{n // 3:02}:{n % 3}0:00Z" for n in range(30)]
    file = folder / "history.csv"
    file.write_text("entity_id,state,last_changed\n" + "\n".join(rows))
    return file


def test_ha_asks_where_two_sensors_fit_equally_and_says_how_to_say_it(
    site: Path, darkstar: Darkstar, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = str(two_meters(site))
    refused = darkstar("import", "ha", file, "--json")
    assert (refused.code, refused.error["code"]) == (3, "data_refused")
    monkeypatch.setattr(sys, "stdin", Terminal("7", "1"))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    asked = darkstar("import", "ha", file)
    assert asked.code == 0, asked.err
    assert "1  sensor.home_load_total: 30 readings" in asked.err
    assert "--map sensor.house_energy=ignore" in " ".join(asked.out.split())


def test_ha_takes_the_likelier_sensor_with_yes(site: Path, darkstar: Darkstar) -> None:
    done = darkstar("import", "ha", str(two_meters(site)), "--yes", "--json")
    assert done.code == 0, done.err
    assert [one["sensor"] for one in done.document["understood"]] == ["sensor.house_energy"]
    assert "say so next time: --map sensor.home_load_total=ignore" in done.document["notes"][0]


def test_ha_refuses_with_yes_where_nothing_is_likelier(site: Path, darkstar: Darkstar) -> None:
    file = site / "h.csv"
    rows = [f"sensor.battery_power,{(-1) ** n * 500},2026-01-10T00:{n:02}:00Z" for n in range(60)]
    file.write_text("entity_id,state,last_changed\n" + "\n".join(rows))
    refused = darkstar("import", "ha", str(file), "--yes", "--json")
    assert refused.code == 3
    assert "battery_power_inverted" in refused.error["hint"]
