"""`darkstar fleet rollback` as a person sees it."""

from pathlib import Path

from tests.builders.command_line import Darkstar


def test_an_unknown_class_ends_with_2_and_one_without_a_version_with_3(home: Path, darkstar: Darkstar) -> None:
    (home / "darkstar.yaml").write_text("fleet: {buckets: 1}\n")
    (home / "homes.csv").write_text("site,area\nvilla,SE3\n")
    darkstar("fleet", "import", "homes.csv")
    (known,) = darkstar("fleet", "models", "--json").document["classes"]
    assert known["demand_charge"] is False
    unknown = darkstar("fleet", "rollback", "--class", "nope", "--json")
    assert (unknown.code, known["class"] in unknown.error["hint"]) == (2, True)
    nothing = darkstar("fleet", "rollback", "--class", known["class"], "--json")
    assert (nothing.code, nothing.error["code"]) == (3, "data_missing")
