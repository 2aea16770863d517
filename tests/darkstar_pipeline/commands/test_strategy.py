"""`darkstar strategy`: which adjustments earned, each alone, and what is said where no day can be replayed."""

import pytest

from planner.strategy.adjustments import OF_THE_BATTERY
from tests.builders.command_line import Darkstar


@pytest.mark.usefixtures("in_sample")
def test_strategy_tells_what_each_adjustment_saved(darkstar: Darkstar) -> None:
    done = darkstar("strategy", "--from", "2024-03-30", "--to", "2024-04-01", "--alarm", "--json")
    assert (done.code, done.err) == (0, "")
    found = done.document
    assert [row["name"] for row in found["adjustments"]] == [*OF_THE_BATTERY, "those that are on"]
    assert found["days"] > 0
    for row in found["adjustments"]:
        assert row["low"] <= row["saved"] <= row["high"]
        assert row["verdict"] in ("earned", "lost", "not told apart")
        assert row["on"] == (row["name"] in found["on"])
    assert found["adjustments"][-1]["saved"] == 0.0, "all are off, so that together they are value itself"


@pytest.mark.usefixtures("in_sample")
def test_strategy_says_what_to_do_where_no_day_can_be_replayed(darkstar: Darkstar) -> None:
    done = darkstar("strategy", "--from", "2023-01-01", "--to", "2023-01-02", "--json")
    assert done.code != 0
