import json
from pathlib import Path

from darkstar_pipeline.state.migrations import STATE_FILE
from tests.builders.command_line import Darkstar

PRICES = "slot_start,price\n2026-01-31T00:00+01:00,0.5\n2026-01-31T00:15+01:00,0.6\n"


def test_backup_and_restore_bring_a_home_back_when_everything_is_lost(home: Path, darkstar: Darkstar) -> None:
    assert darkstar("init", "--yes").code == 0
    (home / "prices.csv").write_text(PRICES)
    assert darkstar("import", "prices", "prices.csv", "--area", "SE3").code in {0, 3}
    (home / "state" / "service").mkdir(parents=True)
    (home / "state" / "service" / "token").write_text("a secret")
    assert darkstar("doctor").code == 0  # marks the folder's version
    kept = darkstar("backup", "kept.tar.zst", "--json")
    assert kept.code == 0, kept.err
    assert (kept.document["configuration"], kept.document["left_out"]) == (True, ["service/token"])
    configuration = (home / "darkstar.yaml").read_text()
    (home / "darkstar.yaml").unlink()
    (home / "state").rename(home / "lost")
    back = darkstar("restore", "kept.tar.zst", "--json")
    assert back.code == 0, back.err
    assert back.document["home"] == str(home / "state")
    assert (home / "darkstar.yaml").read_text() == configuration
    assert json.loads((home / "state" / STATE_FILE).read_text()) == {"version": 1}
    assert not (home / "state" / "service").exists()
    again = darkstar("restore", "kept.tar.zst", "--json")
    assert (again.code, again.error["code"]) == (2, "configuration")
    forced = darkstar("restore", "kept.tar.zst", "--force")
    assert forced.code == 0
    assert "the old state folder is now" in forced.out


def test_backup_goes_on_without_the_configuration_when_it_is_broken(home: Path, darkstar: Darkstar) -> None:
    (home / "state").mkdir()
    (home / "darkstar.yaml").write_text("sites: [")
    done = darkstar("backup", "kept.tar.gz", "--json")
    assert (done.code, done.document["configuration"]) == (0, True)
    assert "cannot be read" in done.err


def test_backup_takes_no_token_file_when_the_configuration_is_broken(home: Path, darkstar: Darkstar) -> None:
    (home / "state").mkdir()
    for name in ("mine", "other words"):
        (home / "state" / name.split()[0]).write_text("Pa55", encoding="utf-8")
    named = (
        f"sites: [\n  token_file: {home / 'state' / 'mine'}\n  'password_file': \"{home / 'state' / 'other'}\" # x\n"
    )
    (home / "darkstar.yaml").write_text(named, encoding="utf-8")
    done = darkstar("backup", "kept.tar.gz", "--json")
    assert (done.code, sorted(done.document["left_out"])) == (0, ["mine", "other"])


def test_backup_ends_with_three_when_there_is_no_state(home: Path, darkstar: Darkstar) -> None:
    assert home.is_dir()
    done = darkstar("backup", "kept.tar.gz", "--json")
    assert (done.code, done.error["code"]) == (3, "data_missing")


def test_doctor_stops_at_the_state_version_when_a_newer_release_made_it(home: Path, darkstar: Darkstar) -> None:
    assert darkstar("init", "--yes").code == 0
    (home / "state").mkdir(exist_ok=True)
    (home / "state" / STATE_FILE).write_text('{"version": 99}')
    done = darkstar("doctor", "--json")
    assert (done.code, done.document["sound"]) == (3, False)
    last = done.document["checks"][-1]
    assert (last["check"], last["verdict"]) == ("state version", "fail")
    assert "newer Darkstar" in last["remedy"]
    plan = darkstar("plan", "--json")
    assert (plan.code, plan.error["code"]) == (2, "configuration")


def test_backup_takes_no_token_of_any_source(home: Path, darkstar: Darkstar) -> None:
    assert darkstar("init", "--yes").code == 0
    (home / "state").mkdir()
    text = (home / "darkstar.yaml").read_text()
    for setting in ("entsoe_token_file", "tibber_token_file", "solcast_key_file"):
        (home / "state" / f"of_{setting[:6]}").write_text("Pa55")
        assert f"{setting}: null" in text
        text = text.replace(f"{setting}: null", f"{setting}: {home / 'state' / f'of_{setting[:6]}'}")
    (home / "darkstar.yaml").write_text(text)
    done = darkstar("backup", "kept.tar.gz", "--json")
    assert (done.code, sorted(done.document["left_out"])) == (0, ["of_entsoe", "of_solcas", "of_tibber"])
