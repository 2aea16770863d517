from pathlib import Path

from tests.builders.command_line import Darkstar

KINDS = ["logs", "plans", "checkpoints", "quarantine", "pictures", "dagster", "models", "mlflow"]


def test_clean_says_what_would_go_and_removes_it_when_it_is_asked_to(home: Path, darkstar: Darkstar) -> None:
    assert darkstar("init", "--yes").code == 0
    plans = home / "state" / "service" / "home" / "plans"
    for day in ("2020-01-01", "2020-01-02", "2020-01-03"):
        (plans / day).mkdir(parents=True)
        (plans / day / "plan.json").write_bytes(b"x" * 1000)
    told = darkstar("clean", "--dry-run", "--json")
    assert (told.code, told.document["dry_run"], told.document["complete"]) == (0, True, True)
    assert [kind["kind"] for kind in told.document["kinds"]] == KINDS
    plan = told.document["kinds"][1]
    assert (plan["count"], plan["goes"], plan["frees"], plan["setting"]) == (3, 1, 1000, "retention.plans_days")
    assert len(list(plans.iterdir())) == 3
    done = darkstar("clean")
    assert done.code == 0
    assert "retention.plans_days" in done.out
    assert len(list(plans.iterdir())) == 2, "the newest stay whatever their age"
    assert darkstar("clean", "--json").document["kinds"][1]["goes"] == 0


def test_clean_ends_with_five_when_a_store_cannot_be_cleaned(home: Path, darkstar: Darkstar) -> None:
    assert darkstar("init", "--yes").code == 0
    (home / "state" / "dagster" / "history").mkdir(parents=True)
    (home / "state" / "dagster" / "history" / "runs.db").write_bytes(b"no database" * 1000)
    done = darkstar("clean", "--json")
    assert (done.code, done.document["complete"]) == (5, False)
    assert "Dagster's store refused" in next(kind for kind in done.document["kinds"] if kind["problem"])["problem"]


def test_doctor_repairs_the_state_folder_and_speaks_of_no_fleet_where_the_configuration_cannot_be_read(
    home: Path, darkstar: Darkstar
) -> None:
    (home / "darkstar.yaml").write_text("sites: [")
    stray = home / "state" / "lake" / "spot_prices" / "site=home" / "day=2026-01-01" / "part.parquet"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"no parquet")
    told = darkstar("doctor", "--repair")
    assert "the configuration cannot be read, so only the state folder is repaired: " in told.err
    assert "fleet's lake" not in told.err
    assert not stray.exists()


def test_doctor_mends_modes_when_it_is_asked_to_repair(home: Path, darkstar: Darkstar) -> None:
    assert darkstar("init", "--yes").code == 0
    (home / "state" / "lake").mkdir(parents=True)
    (home / "state" / "lake").chmod(0o755)
    checks = {each["check"]: each for each in darkstar("doctor", "--json").document["checks"]}
    assert checks["privacy"]["verdict"] == "warn"
    done = darkstar("doctor", "--repair", "--json")
    assert {each["check"]: each for each in done.document["checks"]}["privacy"]["verdict"] == "ok"
    assert (home / "state" / "lake").stat().st_mode & 0o777 == 0o700
