from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.commands.verify import COLUMNS
from darkstar_pipeline.evaluation import policy_replays, range_verdict
from tests.builders.command_line import Darkstar

pytestmark = pytest.mark.usefixtures("in_sample")
SPRING = "2024-03-31"
POLICIES = ("idle", "self_consumption", "mpc", "oracle")


@pytest.fixture
def written(darkstar: Darkstar, tmp_path: Path) -> Path:
    """The MPC schedule of the spring change, as `darkstar schedule --out` writes it."""
    path = tmp_path / "mpc.parquet"
    assert darkstar("schedule", "--day", SPRING, "--policy", "mpc", "--out", str(path)).code == 0
    return path


@pytest.mark.parametrize("policy", POLICIES)
def test_verify_says_valid_when_a_day_is_sound(darkstar: Darkstar, policy: str) -> None:
    done = darkstar("verify", "--day", SPRING, "--policy", policy, "--json")
    assert done.code == 0
    assert list(done.document) == ["valid", "slots", "cost", "violations", "notices"]
    assert (done.document["valid"], done.document["slots"], done.document["violations"]) == (True, 92, [])


@pytest.mark.parametrize(
    ("suffix", "policy"), [(".csv", "mpc"), (".json", "mpc"), *((".parquet", policy) for policy in POLICIES)]
)
def test_verify_says_valid_when_a_file_is_as_it_was_written(
    darkstar: Darkstar, tmp_path: Path, suffix: str, policy: str
) -> None:
    path = tmp_path / f"schedule{suffix}"
    assert darkstar("schedule", "--day", SPRING, "--policy", policy, "--out", str(path)).code == 0
    done = darkstar("verify", str(path), "--json")
    assert (done.code, done.document["valid"], done.document["slots"]) == (0, True, 92)
    again = darkstar("verify", "--day", SPRING, "--policy", policy, "--json")
    assert done.document["cost"] == pytest.approx(again.document["cost"], abs=1e-9)


@pytest.mark.parametrize("suffix", [".csv", ".json", ".parquet"])
def test_verify_ends_with_four_and_lists_the_slot_when_a_file_is_spoiled(
    darkstar: Darkstar, tmp_path: Path, written: Path, suffix: str
) -> None:
    slots = pl.read_parquet(written)
    here = pl.int_range(pl.len()) == 40
    spoiled = slots.with_columns(soc_end_kwh=pl.col("soc_end_kwh") + pl.when(here).then(0.5).otherwise(0.0))
    path = tmp_path / f"spoiled{suffix}"
    if suffix == ".json":
        path.write_text(spoiled.with_columns(pl.col("slot_start").dt.to_string("%+")).write_json())
    else:
        spoiled.write_csv(path) if suffix == ".csv" else spoiled.write_parquet(path)
    done = darkstar("verify", str(path), "--json")
    assert (done.code, done.document["valid"]) == (4, False)
    first, second = done.document["violations"]
    assert tuple(first) == COLUMNS
    assert (first["rule"], first["slot_index"], first["unit"]) == ("storage", 40, "kWh")
    assert first["size"] == pytest.approx(0.5)
    assert first["slot_start"] == "2024-03-31T09:00:00Z"
    assert (second["rule"], second["slot_index"]) == ("soc_continuity", 41)


def test_verify_draws_a_row_a_violation_when_a_person_asks(darkstar: Darkstar, tmp_path: Path, written: Path) -> None:
    path = tmp_path / "spoiled.parquet"
    pl.read_parquet(written).with_columns(cost=pl.col("cost") + 1).head(91).write_parquet(path)
    done = darkstar("verify", str(path))
    assert done.code == 4
    assert done.out.startswith("not valid: 92 violations; 91 slots, cost ")
    assert "day_slots" in done.out
    assert darkstar("verify", str(written)).out.startswith("valid; 92 slots, cost ")


def test_verify_checks_a_file_by_its_policy_when_one_is_named(darkstar: Darkstar, written: Path) -> None:
    """MPC uses the battery, which `idle` may not."""
    done = darkstar("verify", str(written), "--policy", "idle", "--json")
    assert done.code == 4
    assert {"charge_power", "discharge_power"} & {each["rule"] for each in done.document["violations"]}


@pytest.mark.parametrize(
    ("name", "content", "code", "kind", "expected_error"),
    [
        pytest.param("absent.csv", None, 2, "configuration", "no such file", id="no file"),
        pytest.param("table.xlsx", "x", 2, "configuration", "format", id="no format"),
        pytest.param("empty.csv", "", 3, "data_refused", "empty.csv", id="empty file"),
        pytest.param("torn.parquet", "PAR1", 3, "data_refused", "torn.parquet", id="torn file"),
        pytest.param("text.json", "{not json", 3, "data_refused", "text.json", id="no JSON"),
        pytest.param(
            "prices.csv", "slot_start,price\n2024-03-31T00:00:00Z,1\n", 3, "data_refused", "lacks", id="prices"
        ),
        pytest.param("clock.csv", "slot,price\n1,1\n", 3, "data_refused", "slot_start", id="no clock"),
        pytest.param("number.csv", "slot_start,price\n1,1\n", 3, "data_refused", "not an instant", id="a number"),
    ],
)
def test_verify_names_file_and_fault_when_a_file_is_no_schedule(
    darkstar: Darkstar, tmp_path: Path, name: str, content: str | None, code: int, kind: str, expected_error: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    done = darkstar("verify", str(path), "--json")
    assert (done.code, done.error["code"]) == (code, kind)
    assert expected_error in done.error["message"]


@pytest.mark.parametrize(
    "words",
    [(), ("--day", SPRING), ("--policy", "mpc"), ("a.csv", "--day", SPRING), ("--day", SPRING, "--policy", "nonsense")],
    ids=" ".join,
)
def test_verify_ends_with_two_when_no_schedule_or_two_are_named(darkstar: Darkstar, words: tuple[str, ...]) -> None:
    done = darkstar("verify", *words, "--json")
    assert (done.code, done.error["code"]) == (2, "usage")


def test_verify_ends_with_three_when_the_day_is_refused(darkstar: Darkstar) -> None:
    done = darkstar("verify", "--day", "2024-03-05", "--policy", "mpc", "--json")
    assert (done.code, done.error["code"]) == (3, "data_missing")


def free_energy(slots: pl.DataFrame) -> pl.DataFrame:
    return slots.with_columns(import_kwh=pl.col("import_kwh") - 0.01)


def test_schedule_ends_with_four_when_a_stored_one_is_wrong(
    darkstar: Darkstar, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = range_verdict.stored_rows
    monkeypatch.setattr(range_verdict, "stored_rows", lambda *words: free_energy(stored(*words)))
    done = darkstar("schedule", "--day", SPRING, "--policy", "self_consumption", "--json")
    assert (done.code, done.error["code"]) == (4, "unverified_schedule")
    assert f"self_consumption on {SPRING}" in done.error["message"]
    listed = darkstar("verify", "--day", SPRING, "--policy", "self_consumption", "--json")
    assert (listed.code, len({each["slot_index"] for each in listed.document["violations"]})) == (4, 92)


def test_evaluate_ends_with_four_when_a_replay_is_wrong(darkstar: Darkstar, monkeypatch: pytest.MonkeyPatch) -> None:
    stored, replay = range_verdict.stored_rows, policy_replays.replay_days
    monkeypatch.setattr(range_verdict, "stored_rows", lambda *words: stored(*words).clear())
    monkeypatch.setattr(policy_replays, "replay_days", lambda *words, **more: free_energy(replay(*words, **more)))
    words = ("--from", SPRING, "--to", SPRING, "--policies", "idle")
    done = darkstar("evaluate", *words, "--json")
    assert (done.code, done.error["code"]) == (4, "unverified_schedule")
