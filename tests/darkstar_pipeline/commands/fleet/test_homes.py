"""`darkstar fleet import|homes|show|readings|prices|sample`, as a person and as a script see them."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.commands.fleet.listing import fleet_commands
from darkstar_pipeline.config.settings import load_settings
from darkstar_pipeline.fleet.homes_file import fleet_of, read_homes
from darkstar_pipeline.fleet.lake import fleet_lake
from darkstar_pipeline.warehouse.buckets.object_store import FolderStore
from darkstar_pipeline.warehouse.buckets.stored_objects import StoredObject
from darkstar_pipeline.warehouse.schemas import IMPORT_PROVENANCE
from env.time_grid import days_between
from tests.builders.command_line import Darkstar

FLEET = """
fleet:
  buckets: 1
  defaults: {battery: {min_soc_percent: 10}}
  tariffs: {villa: [{transfer_fee: 0.3}]}
"""
HOMES = "site,tenant,area,capacity_kwh,tariff\nvilla-1,north,SE4,10,villa\nvilla-2,north,,,\ncabin-1,south,FI,,villa\n"


@pytest.fixture
def fleet(home: Path) -> Path:
    """A working directory with a fleet's configuration and a file of three homes."""
    (home / "darkstar.yaml").write_text(FLEET)
    (home / "homes.csv").write_text(HOMES)
    return home


def test_import_tells_what_changes_and_a_dry_run_writes_nothing(fleet: Path, darkstar: Darkstar) -> None:
    told = darkstar("fleet", "import", "homes.csv", "--dry-run")
    assert "3 would be added: cabin-1, villa-1, villa-2" in told.out
    assert read_homes(fleet / "state").is_empty()
    done = darkstar("fleet", "import", "homes.csv", "--json").document
    assert (done["added"], done["written"], done["homes"]) == (
        {"homes": 3, "sites": ["cabin-1", "villa-1", "villa-2"]}, True, 3
    )  # fmt: skip
    (fleet / "homes.csv").write_text("site,capacity_kwh\nvilla-1,12\n")
    again = darkstar("fleet", "import", "homes.csv").out
    assert "1 changed: villa-1" in again
    assert "2 not in the file, and kept (--remove-missing removes them)" in again
    assert "2 removed: cabin-1, villa-2" in darkstar("fleet", "import", "homes.csv", "--remove-missing").out


def test_wrong_cells_end_with_3_in_one_line(fleet: Path, darkstar: Darkstar) -> None:
    (fleet / "homes.csv").write_text("site,capacity_kwh,tariff\na,x,vila\n")
    done = darkstar("fleet", "import", "homes.csv", "--json")
    assert (done.code, done.error["code"]) == (3, "data_refused")
    assert "row 1, capacity_kwh: 'x' is no number" in done.error["message"]
    assert "row 1, tariff: 'vila' is not under fleet.tariffs" in done.error["message"]
    assert "lists all 2" in done.error["hint"]


def test_homes_come_in_pages_and_show_says_where_settings_are_from(fleet: Path, darkstar: Darkstar) -> None:
    assert (fleet / "homes.csv").is_file()
    assert "no homes yet: darkstar fleet import FILE" in darkstar("fleet", "homes").out
    darkstar("fleet", "import", "homes.csv")
    first = darkstar("fleet", "homes", "--limit", "2", "--json").document
    assert [row["site"] for row in first["homes"]] == ["cabin-1", "villa-1"]
    rest = darkstar("fleet", "homes", "--after", first["next_after"], "--json").document
    assert [row["site"] for row in rest["homes"]] == ["villa-2"]
    assert rest["next_after"] is None
    assert darkstar("fleet", "homes", "--tenant", "south", "--json").document["matching"] == 1

    shown = darkstar("fleet", "show", "cabin-1", "--json").document
    origins = {each["setting"]: (each["value"], each["origin"]) for each in shown["settings"]}
    assert origins["area"] == ("FI", "row, area")
    assert origins["timezone"] == ("Europe/Helsinki", "country of the area")
    assert origins["battery.min_soc_percent"] == (10.0, "fleet.defaults")
    assert origins["tariff.0.transfer_fee"] == (0.3, "fleet.tariffs.villa")
    assert origins["tariff.0.vat"] == (0.0, "country of the area")
    assert origins["battery.wear_cost_per_kwh"] == (0.018, "built in: 0.2 SEK in the home's currency")
    assert "battery.charge_kw" not in origins
    assert "built in" in darkstar("fleet", "show", "cabin-1", "--all").out
    assert darkstar("fleet", "show", "nobody").code == 2


def test_show_says_what_the_readings_of_a_home_were_read_as(fleet: Path, darkstar: Darkstar) -> None:
    darkstar("fleet", "import", "homes.csv")
    rows = [
        f"villa-1,2026-03-24T{hour:02}:{minute:02}:00Z,0.{hour + 1:02}\n" for hour in range(24) for minute in (0, 30)
    ]
    (fleet / "r.csv").write_text("site,slot_start,load_kwh\n" + "".join(rows))
    assert darkstar("fleet", "readings", "r.csv").code == 0
    read_as = darkstar("fleet", "show", "villa-1", "--json").document["read_as"]
    assert [(each["quantity"], each["format"], each["unit"], each["source"]) for each in read_as] == [
        ("load_kwh", "tidy file", "kWh", "r.csv")
    ]
    assert read_as[0]["first_slot"].startswith("2026-03-24T00:00:00")
    assert "tidy file" in darkstar("fleet", "show", "villa-1").out
    assert darkstar("fleet", "show", "villa-2", "--json").document["read_as"] == []


def test_show_asks_for_a_month_of_imports_at_most(
    fleet: Path, darkstar: Darkstar, monkeypatch: pytest.MonkeyPatch
) -> None:
    darkstar("fleet", "import", "homes.csv")
    lake = fleet_lake(fleet_of(load_settings(fleet / "darkstar.yaml")), fleet / "state")
    days = list(days_between(date(2025, 1, 1), date(2025, 3, 1)))
    none = pl.DataFrame(schema=IMPORT_PROVENANCE.schema)
    lake.write_days(IMPORT_PROVENANCE, lake.bucket("villa-1"), days, none, sites=["villa-1"])
    asked: list[str] = []

    def counted(store: FolderStore, key: str) -> StoredObject | None:
        asked.append(key)
        return get(store, key)

    def refused(_store: FolderStore, key: str, _size: int) -> bytes:
        message = f"{key} is asked who is done"
        raise AssertionError(message)

    get = FolderStore.get
    monkeypatch.setattr(FolderStore, "get", counted)
    monkeypatch.setattr(FolderStore, "tail", refused)
    shown = darkstar("fleet", "show", "villa-1").out
    assert sum("import_provenance" in key for key in asked) == 31
    assert "no readings of it were imported on the last 31 days" in shown


def test_show_says_that_the_wear_is_not_known_in_a_currency_without_a_rate(home: Path, darkstar: Darkstar) -> None:
    (home / "darkstar.yaml").write_text("fleet: {defaults: {tariff: [{transfer_fee: 0.1}]}}\n")
    (home / "homes.csv").write_text("site,area,currency\nvilla-1,SE3,XTS\n")
    darkstar("fleet", "import", "homes.csv")
    shown = darkstar("fleet", "show", "villa-1", "--json").document
    (wear,) = [each for each in shown["settings"] if each["setting"] == "battery.wear_cost_per_kwh"]
    assert wear["value"] == 0
    assert wear["origin"].startswith("built in: 0, since nobody knows")


def test_commands_of_single_homes_name_a_fleets_home(fleet: Path, darkstar: Darkstar) -> None:
    darkstar("fleet", "import", "homes.csv")
    assert "no home is named (--site NAME" in darkstar("quality", "--last", "2d").err
    assert "for site villa-1" in darkstar("--site", "villa-1", "quality", "--last", "2d").err
    assert (
        "neither under sites nor among the fleet's 3 homes" in darkstar("--site", "zz", "quality", "--last", "2d").err
    )
    assert "darkstar fleet backfill --site villa-1" in darkstar("--site", "villa-1", "backfill", "--last", "2d").err
    assert (fleet / "state").is_dir()


def test_settings_of_a_home_fit_a_terminal_when_their_places_have_long_names(fleet: Path, darkstar: Darkstar) -> None:
    hours = '[{months: [1, 2], start: "06:00", end: "22:00", transfer_fee: 0.6}]'
    long = "timmar-ellevio-2026-hog-belastning-med-ett-langt-namn"
    (fleet / "darkstar.yaml").write_text(
        f"fleet:\n  tariffs: {{{long}: [{{transfer_fee: 0.3, time_of_use: {hours}}}]}}\n"
    )
    (fleet / "homes.csv").write_text(f"site,tariff\nvilla-1,{long}\n")
    assert "homes.csv: 1 home, unchanged: 0" in darkstar("fleet", "import", "homes.csv").out
    lines = darkstar("fleet", "show", "villa-1").out.splitlines()
    assert "from fleet.tariffs." + long in lines
    assert any(line.split() == ["tariff.0.time_of_use.0.transfer_fee", "0.6"] for line in lines)
    assert not any("not_on_holidays_of" in line for line in lines), "what nobody wrote is built in"
    assert all(len(line.rstrip()) <= 80 for line in lines)


OF_ALL = {
    ("import", "homes.csv"): "a file with one row",
    ("launch", "--last", "2d"): "darkstar fleet backfill --site NAME",
    ("homes",): "darkstar fleet show NAME",
    ("show", "villa-1"): "darkstar fleet show NAME",
    ("capacity", "--homes", "3"): "of all homes",
    ("readings", "r.csv"): "the column site",
    ("prices", "p.csv"): "prices are of areas",
    ("sample",): "of all homes",
    ("query", "SELECT 1"): "WHERE site =",
    ("train",): "--class NAME",
    ("models",): "--class NAME",
    ("promote", "--class", "x"): "--class NAME",
    ("rollback", "--class", "x"): "--class NAME",
    ("canaries",): "--class NAME",
    ("token", "create", "--operator"): "--tenant NAME",
    ("token", "list"): "--tenant NAME",
    ("token", "revoke", "x"): "--tenant NAME",
}
OF_ONE = (("adopt",), ("backfill",), ("evaluate",), ("plan",))


def test_every_fleet_command_means_one_home_or_refuses_it_with_what_to_do(fleet: Path, darkstar: Darkstar) -> None:
    darkstar("fleet", "import", "homes.csv")
    for words, remedy in OF_ALL.items():
        for given in (("--site", "villa-1", "fleet", *words), ("fleet", *words, "--site", "villa-1")):
            done = darkstar(*given)
            assert (done.code, "takes no --site" in done.err, remedy in done.err) == (2, True, True), words
    served = darkstar("serve", "--fleet", "--site", "villa-1")
    assert (served.code, "takes no --site" in served.err) == (2, True)
    of_group = {command.name for command in fleet_commands().registered_commands}
    of_group |= {group.name for group in fleet_commands().registered_groups}
    assert of_group == {words[0] for words in (*OF_ALL, *OF_ONE)}, "a new command takes --site, or refuses it here"
    days = ("--from", "2026-01-01", "--to", "2026-01-02")
    for words in (("backfill", *days), ("evaluate", *days), ("plan",)):
        unknown = darkstar("fleet", *words, "--site", "nobody")
        assert (unknown.code, "nobody" in unknown.err, "darkstar fleet homes" in unknown.err) == (2, True, True), words
    done = darkstar("fleet", "evaluate", *days, "--site", "villa-1")
    assert "villa-1 has no results" in done.err
    assert "--to 2026-01-02 --site villa-1" in done.err
    planned = darkstar("fleet", "plan", "--site", "villa-1", "--at", "2026-02-01T12:00", "--json").document
    assert (planned["planned"], planned["problems"]) == (0, {"no_price": 1})
    assert (fleet / "state").is_dir()


def test_files_without_a_fleet_are_an_error_with_the_way_to_one(home: Path, darkstar: Darkstar) -> None:
    (home / "darkstar.yaml").write_text("sites: {home: {}}\n")
    done = darkstar("fleet", "homes")
    assert done.code == 2
    assert "the configuration has no fleet" in done.err
    assert "darkstar fleet import" in done.err


def test_sample_gives_readings_that_import_again_without_a_change(home: Path, darkstar: Darkstar) -> None:
    made = darkstar("fleet", "sample", "--homes", "3", "--days", "2", "--json").document
    assert (made["homes"], made["homes_added"], made["readings"]) == (3, 3, 3 * 2 * 96)
    rows = [
        "site,slot_start,load_kwh",
        *(f"home-0000001,2026-03-24T{hour:02d}:00:00+01:00,0.4" for hour in range(24)),
        *(f"home-0000009,2026-03-24T{hour:02d}:00:00+01:00,0.4" for hour in range(2)),
    ]
    (home / "readings.csv").write_text("\n".join(rows))
    done = darkstar("fleet", "readings", "readings.csv", "--json")
    assert done.code == 0
    report = done.document["files"][0]
    assert (report["homes"], report["rows_rejected"], report["slots_changed"]) == (1, 2, 96)
    spot = [f"2026-03-25T{hour:02d}:00:00+01:00,-0.01" for hour in range(24)]
    (home / "spot.csv").write_text("\n".join(["slot_start,price", *spot]))
    done = darkstar("fleet", "prices", "spot.csv")
    assert (done.code, "say whose prices these are" in done.err) == (2, True)


def test_readings_of_many_homes_do_not_become_those_of_one(fleet: Path, darkstar: Darkstar) -> None:
    darkstar("fleet", "import", "homes.csv")
    (fleet / "both.csv").write_text(
        "site,slot_start,load_kwh\nvilla-1,2026-03-24T00:00:00Z,0.4\nvilla-2,2026-03-24T01:00:00Z,0.4\n"
    )
    done = darkstar("--site", "villa-1", "import", "observations", "both.csv")
    assert done.code == 3
    assert "holds 2 homes" in done.err
    assert "darkstar fleet readings" in done.err
