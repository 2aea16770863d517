"""`darkstar fleet adopt`: a home of its own is a home of the fleet afterwards, and no other home's name is taken."""

from pathlib import Path

import polars as pl
import pytest
import yaml

from darkstar_pipeline.context import open_context
from darkstar_pipeline.warehouse.schemas import METER_READINGS
from tests.builders.command_line import Darkstar
from tests.builders.small_home import small_context

OWN = {"sites": {"home": {"first_day": "2025-01-01", "battery": {"capacity_kwh": 12.5}}}}


@pytest.fixture
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state folder of a home of its own, its configuration beside it."""
    folder = tmp_path_factory.mktemp("own")
    small_context(folder / "state")
    (folder / "darkstar.yaml").write_text(yaml.safe_dump(OWN))
    return folder / "state"


def test_home_is_one_of_the_fleet_when_adopted_and_again(home: Path, state: Path, darkstar: Darkstar) -> None:
    (home / "darkstar.yaml").write_text("fleet: {buckets: 4}\n")
    words = ("fleet", "adopt", "--site", "home", "--state", str(state), "--tenant", "anna")
    assert "nothing was written" in darkstar(*words, "--dry-run").out
    assert darkstar("fleet", "homes", "--json").document["total"] == 0
    told = darkstar(*words, "--json")
    assert told.code == 0, told.out
    assert told.document["row"] == {
        "site": "home", "tenant": "anna", "area": "SE3", "first_day": "2025-01-01", "capacity_kwh": "12.5"
    }  # fmt: skip
    assert {each["table"]: each["written"] for each in told.document["tables"]}["meter_readings"] == 14
    before, after = open_context(settings=None, site="home"), small_context(state, filled=False)
    assert before.site_settings.battery.capacity_kwh == 12.5
    assert before.lake.read(METER_READINGS, "home").equals(after.lake.read(METER_READINGS, "home"))
    assert all(each["written"] == 0 for each in darkstar(*words, "--json").document["tables"])
    assert told.document["tenant"] == "anna"
    shown = darkstar(*words).out
    assert "every day was read back and is the same" in shown
    assert max(len(line) for line in shown.splitlines() if "│" in line or "─" in line) <= 80


@pytest.mark.parametrize(
    ("configuration", "others", "message"),
    [
        ("fleet: {buckets: 4}", {"capacity_kwh": 7.0}, "home of the fleet with another"),
        ("{fleet: {}, sites: {home: {}}}", None, "under sites"),
        ("sites: {villa: {}}", None, "no fleet"),
        ("fleet: {defaults: {policies: [idle, oracle]}}", None, "policies"),
    ],
)
def test_nothing_is_written_when_it_cannot_be_the_same_home(
    home: Path, state: Path, darkstar: Darkstar, configuration: str, others: dict[str, float] | None, message: str
) -> None:
    (home / "darkstar.yaml").write_text(f"{configuration}\n")
    if others is not None:
        pl.DataFrame([{"site": "home", **others}]).write_csv(home / "homes.csv")
        assert darkstar("fleet", "import", str(home / "homes.csv")).code == 0
    told = darkstar("fleet", "adopt", "--site", "home", "--state", str(state), "--json")
    assert told.code == 2
    assert message in told.error["message"]
    assert told.error["hint"]
    assert not (home / "state" / "fleet" / "lake").exists()


def test_tenant_is_the_usual_one_when_none_is_named(home: Path, state: Path, darkstar: Darkstar) -> None:
    (home / "darkstar.yaml").write_text("fleet: {buckets: 4}\n")
    told = darkstar("fleet", "adopt", "--site", "home", "--state", str(state), "--dry-run", "--json")
    assert told.document["tenant"] == told.document["row"]["tenant"] == "default"


def test_a_folder_that_is_not_there_is_named(home: Path, darkstar: Darkstar) -> None:
    (home / "darkstar.yaml").write_text("fleet: {}\n")
    told = darkstar("fleet", "adopt", "--site", "home", "--state", str(home / "none"), "--json")
    assert told.code == 2
    assert "no state folder at" in told.error["message"]
