"""`darkstar fleet train` where nothing can be trained yet."""

from pathlib import Path

from tests.builders.command_line import Darkstar

FLEET = """
fleet:
  buckets: 1
  tariffs:
    energy: [{vat: 0.25}]
    power: [{vat: 0.25, power: [{price_per_kw: 60.0, top: 3}]}]
engine: {workers: 1}
"""
HOMES = "site,area,capacity_kwh,has_pv,tariff\nvilla-1,SE4,10,true,energy\nvilla-2,SE4,10,true,power\n"


def test_a_class_that_is_left_out_is_named_with_its_reason(home: Path, darkstar: Darkstar) -> None:
    (home / "darkstar.yaml").write_text(FLEET)
    (home / "homes.csv").write_text(HOMES)
    darkstar("fleet", "import", "homes.csv")
    reasons = {row["class"]: row["reason"] for row in darkstar("fleet", "train", "--json").document["left_out"]}
    assert len(reasons) == 2
    assert sum("pays for power" in reason for reason in reasons.values()) == 1
    told = darkstar("fleet", "train").out.replace("\n", " ")
    assert all(f"{name}: left out, {reason}" in told for name, reason in reasons.items())
    (home / "darkstar.yaml").write_text(FLEET.replace("    power:", "    other:"))
    document = darkstar("fleet", "train", "--json").document
    assert [row["home"] for row in document["in_no_class"]] == ["villa-2"]
    assert "power" in document["in_no_class"][0]["reason"]
    assert "villa-2: in no class" in darkstar("fleet", "train").out
