from pathlib import Path

import pytest

from tests.builders.command_line import Darkstar


@pytest.mark.usefixtures("in_sample")
def test_shadow_compares_with_the_actual_cost_when_days_are_graded(darkstar: Darkstar) -> None:
    done = darkstar("shadow", "--from", "2024-03-04", "--to", "2024-03-05", "--policy", "self_consumption", "--json")
    assert done.code == 0, done.err
    (row,) = done.document["days"]
    assert (row["day"], row["policy"], row["source"]) == ("2024-03-04", "self_consumption", "replayed")
    assert row["oracle_cost"] <= row["cost"]
    assert (row["lived_cost"], row["lived_plan_cost"]) == (row["actual_cost"], row["planned_cost"])
    assert [left_out["day"] for left_out in done.document["left_out"]] == ["2024-03-05"]
    assert done.document["totals"][0]["days"] == 1


def test_shadow_ends_with_three_when_no_day_is_graded(home: Path, darkstar: Darkstar) -> None:
    assert darkstar("init", "--yes").code == 0
    done = darkstar("shadow", "--from", "2024-03-04", "--to", "2024-03-05", "--json")
    assert (done.code, done.error["code"]) == (3, "data_missing")
    assert "darkstar quality" in done.error["hint"]
    assert (home / "darkstar.yaml").exists()
