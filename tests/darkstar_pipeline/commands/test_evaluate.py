from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
import yaml

from darkstar_pipeline.commands.evaluate import DAY_COLUMNS, POWER_COLUMNS, SLOT_COLUMNS, TOTAL_COLUMNS
from tests.builders.command_line import Darkstar

pytestmark = pytest.mark.usefixtures("in_sample")
SPRING = "2024-03-31"


def test_evaluate_gives_the_declared_document_when_days_are_there(darkstar: Darkstar) -> None:
    words = ("--from", "2024-03-04", "--to", "2024-03-06", "--policies", "mpc,idle,oracle")
    done = darkstar("evaluate", *words, "--json")
    assert done.code == 0
    assert list(done.document) == ["days", "totals"]
    days, totals = done.document["days"], done.document["totals"]
    assert [(row["day"], row["policy"]) for row in days] == [("2024-03-04", name) for name in ("mpc", "idle", "oracle")]
    assert [row["policy"] for row in totals] == ["mpc", "idle", "oracle"]
    assert all(tuple(row) == DAY_COLUMNS for row in days)
    assert all(tuple(row) == TOTAL_COLUMNS for row in totals)
    assert all(row["days"] == 1 and row["cost"] >= totals[2]["cost"] - 1e-6 for row in totals)
    assert (totals[1]["captured_share"], totals[2]["captured_share"]) == (0, 1)
    assert done.err == "2 days are left out: 2024-03-05, 2024-03-06\n"


def test_evaluate_draws_the_verdict_when_a_person_asks(darkstar: Darkstar) -> None:
    done = darkstar("evaluate", "--from", SPRING, "--to", SPRING, "--policies", "idle,self_consumption,mpc,oracle")
    assert done.code == 0
    head, _, *rows = done.out.splitlines()
    assert "cost [EUR]" in head
    assert "import [kWh]" in head
    assert [row.split()[0] for row in rows] == ["idle", "self_consumption", "mpc", "oracle"]
    assert "100.0 %" in rows[3]


@pytest.mark.parametrize(
    ("policies", "code"),
    [("rl", 3), ("idle,models:/antares-sample/1", 3), ("idle,models:/antares-other/1", 2), ("models:/x", 2)],
)
def test_evaluate_says_so_when_a_policy_was_never_trained(darkstar: Darkstar, policies: str, code: int) -> None:
    done = darkstar("evaluate", "--from", SPRING, "--to", SPRING, "--policies", policies, "--json")
    assert done.code == code, done.err
    assert done.error["hint"]


@pytest.mark.parametrize("continuous", [(), ("--continuous",)], ids=["daily", "continuous"])
def test_champion_is_value_when_no_version_is_in_use(darkstar: Darkstar, continuous: tuple[str, ...]) -> None:
    asked = ("evaluate", "--from", SPRING, "--to", SPRING, "--policies", "value,champion", "--json", *continuous)
    value, champion = darkstar(*asked).document["totals"]
    assert champion == {**value, "policy": "champion"}


@pytest.mark.parametrize("policies", ["nonsense", ","])
def test_evaluate_ends_with_two_when_a_policy_is_not_there(darkstar: Darkstar, policies: str) -> None:
    done = darkstar("evaluate", "--from", SPRING, "--to", SPRING, "--policies", policies, "--json")
    assert (done.code, done.error["code"]) == (2, "usage")
    assert "idle, self_consumption, mpc, value, oracle" in done.error["hint"]


@pytest.mark.parametrize(
    "day",
    [
        pytest.param("2024-03-05", id="refused"),
        pytest.param("2023-11-01", id="not materialised"),
    ],
)
def test_evaluate_ends_with_three_when_no_day_can_be_used(darkstar: Darkstar, day: str) -> None:
    done = darkstar("evaluate", "--from", day, "--to", day, "--policies", "idle", "--json")
    assert (done.code, done.error["code"]) == (3, "data_missing")


def test_schedule_gives_a_row_a_slot_when_the_clock_changes(darkstar: Darkstar) -> None:
    done = darkstar("schedule", "--day", SPRING, "--policy", "mpc", "--json")
    rows = done.document
    assert (done.code, len(rows)) == (0, 92)
    assert all(tuple(row) == SLOT_COLUMNS for row in rows)
    starts = [datetime.fromisoformat(row["slot_start"]) for row in rows]
    assert starts[0] == datetime(2024, 3, 30, 23, tzinfo=UTC)
    assert {later - earlier for earlier, later in pairwise(starts)} == {timedelta(minutes=15)}


@pytest.mark.parametrize("policy", ["idle", "self_consumption", "mpc", "value", "oracle"])
def test_schedule_balances_when_added_up(darkstar: Darkstar, policy: str) -> None:
    for row in darkstar("schedule", "--day", SPRING, "--policy", policy, "--json").document:
        supplied = row["import_kwh"] + row["pv_kwh"] + row["discharge_kwh"]
        used = row["export_kwh"] + row["load_kwh"] + row["charge_kwh"] + row["curtailed_kwh"]
        assert supplied == pytest.approx(used, abs=1e-9)
        assert row["reason"]


@pytest.mark.parametrize("suffix", [".csv", ".json", ".parquet"])
def test_schedule_writes_a_file_when_asked(darkstar: Darkstar, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"oracle{suffix}"
    done = darkstar("schedule", "--day", SPRING, "--policy", "oracle", "--out", str(path))
    assert (done.code, done.out) == (0, f"92 rows written to {path}\n")
    readers = {".csv": pl.read_csv, ".json": pl.read_json, ".parquet": pl.read_parquet}
    frame = readers[suffix](path)
    assert frame.columns == list(SLOT_COLUMNS)
    assert frame.height == 92
    if suffix == ".csv":
        assert frame["slot_start"][0] == "2024-03-30T23:00:00Z"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        pytest.param(("--day", SPRING, "--policy", "mpc", "--out", "x.xlsx"), 2, id="unknown format"),
        pytest.param(("--day", SPRING, "--policy", "mpc", "--out", "no/such/x.csv"), 2, id="no such folder"),
        pytest.param(("--day", SPRING, "--policy", "rl"), 3, id="policy that was never trained"),
        pytest.param(("--day", "2024-03-05", "--policy", "mpc"), 3, id="refused day"),
        pytest.param(("--day", "2023-11-01", "--policy", "mpc"), 3, id="day without results"),
    ],
)
def test_schedule_ends_with_its_code_when_it_cannot(darkstar: Darkstar, words: tuple[str, ...], code: int) -> None:
    done = darkstar("schedule", *words, "--json")
    assert done.code == code
    assert done.error["hint"]


def test_stats_counts_slots_when_the_day_is_there(darkstar: Darkstar) -> None:
    done = darkstar("stats", "--day", SPRING, "--json")
    rows = {row["policy"]: row for row in done.document}
    assert list(rows) == ["idle", "self_consumption", "mpc", "value", "oracle"]
    assert (rows["idle"]["charge_slots"], rows["idle"]["charge_price"]) == (0, None)
    assert rows["oracle"]["charge_slots"] > 0
    assert "cheap / middle / expensive" in darkstar("stats", "--day", SPRING).out


HIGHEST_HOUR_BEFORE = """
select max(kwh) as kwh from (
  select sum(coalesce(import_kwh, greatest(load_kwh - coalesce(pv_kwh, 0), 0))) as kwh from meter_readings
  where local_day between '2024-03-01' and '2024-03-30' group by date_trunc('hour', slot_start)
)"""


@pytest.fixture
def with_power(in_sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sample's home with a charge for power on top."""
    document = yaml.safe_load((in_sample / "darkstar.yaml").read_text())
    version = {"valid_from": "2000-01-01", "vat": 0.0, "transfer_fee": 0.05, "energy_tax": 0.02}
    document["sites"]["sample"]["tariff"] = [{**version, "power": [{"top": 1, "price_per_kw": 4.0}]}]
    settings = tmp_path / "power.yaml"
    settings.write_text(yaml.safe_dump(document))
    monkeypatch.setenv("DARKSTAR_CONFIG", str(settings))


@pytest.mark.usefixtures("with_power")
def test_evaluate_adds_the_months_charge_when_power_has_a_price(darkstar: Darkstar) -> None:
    """One day of March, of the spring change: what its highest hour adds to that of the days before, at 4 EUR/kW."""
    policies = ("idle", "self_consumption", "mpc", "value", "oracle")
    words = ("--from", SPRING, "--to", SPRING, "--policies", ",".join(policies))
    done = darkstar("evaluate", *words, "--json")
    assert done.code == 0, done.err
    assert list(done.document) == ["days", "totals", "months"]
    totals = {row["policy"]: row for row in done.document["totals"]}
    assert all(tuple(row) == TOTAL_COLUMNS + POWER_COLUMNS for row in totals.values())
    idle = darkstar("schedule", "--day", SPRING, "--policy", "idle", "--json").document
    hours = [sum(row["import_kwh"] for row in idle[i : i + 4]) for i in range(0, 92, 4)]
    before = darkstar("query", HIGHEST_HOUR_BEFORE, "--json").document["rows"][0]["kwh"]
    assert totals["idle"]["power_cost"] == pytest.approx(4 * max(0.0, max(hours) - before))
    best, worst = totals["oracle"]["total_cost"], totals["idle"]["total_cost"]
    for policy, row in totals.items():
        assert row["total_cost"] == pytest.approx(row["cost"] + row["power_cost"])
        assert row["total_cost"] >= best - 1e-6, policy
        assert row["captured_share"] == pytest.approx((worst - row["total_cost"]) / (worst - best))
    months = done.document["months"]
    assert [(row["month"], row["policy"], row["days"], row["month_days"]) for row in months] == [
        ("2024-03-01", policy, 1, 31) for policy in policies
    ]
    assert done.err == "the demand charge of these months is what their usable days add to it: 2024-03 (1 of 31 days)\n"


@pytest.mark.usefixtures("with_power")
def test_evaluate_draws_the_months_when_power_has_a_price(darkstar: Darkstar) -> None:
    done = darkstar("evaluate", "--from", SPRING, "--to", SPRING, "--policies", "idle,oracle")
    assert (done.code, "total [EUR]" in done.out, "2024-03" in done.out) == (0, True, True)


@pytest.mark.usefixtures("with_power")
def test_evaluate_adds_the_months_charge_when_energy_is_carried_through(darkstar: Darkstar) -> None:
    words = ("--from", SPRING, "--to", SPRING, "--policies", "mpc,value,oracle", "--continuous")
    done = darkstar("evaluate", *words, "--json")
    assert done.code == 0, done.err
    totals = {row["policy"]: row for row in done.document["totals"]}
    for policy, row in totals.items():
        assert row["total_cost"] == pytest.approx(row["cost"] + row["power_cost"]), policy
        assert row["total_cost"] >= totals["oracle"]["total_cost"] - 1e-6, policy
    assert [row["total_cost"] for row in done.document["months"]] == [row["total_cost"] for row in totals.values()]


@pytest.mark.parametrize("continuous", [(), ("--continuous",)])
def test_evaluate_says_what_knowing_more_and_a_larger_battery_would_be_worth(
    darkstar: Darkstar, continuous: tuple[str, ...]
) -> None:
    asked = ("evaluate", "--from", SPRING, "--to", SPRING, "--policies", "value,oracle", "--missing", *continuous)
    document = darkstar(*asked, "--json").document
    gains = {row["what"]: row["gain"] for row in document["missing"]}
    cost = {row["policy"]: row["cost"] for row in document["totals"]}
    known = gains["all_known" if continuous else "sun_and_load_known"]
    assert known <= cost["value"] - cost["oracle"] + 1e-6, "nobody saves more than hindsight"
    assert known > 0
    assert gains["hindsight"] == pytest.approx(cost["value"] - cost["oracle"])
    smaller, larger = (gain for name, gain in gains.items() if name.startswith("battery_"))
    assert smaller < 0 < larger
    parts = {row["what"]: row["part"] for row in document["missing"]}
    assert parts["hindsight"] == 1
    assert parts["sun_known"] == pytest.approx(gains["sun_known"] / gains["hindsight"])
    assert [part for name, part in parts.items() if name.startswith("battery_")] == [None, None]
    drawn = darkstar(*asked)
    assert "saves more" in drawn.out
    assert "sun and load known" in drawn.out
