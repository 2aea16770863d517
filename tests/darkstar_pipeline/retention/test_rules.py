from datetime import UTC, datetime, timedelta

import pytest

from darkstar_pipeline.retention.rules import Item, Rule, surplus

NOW = datetime(2026, 11, 29, tzinfo=UTC)


def aged(*days: int, size: int = 10, needed: tuple[int, ...] = ()) -> list[Item]:
    return [
        Item(name=f"d{age}", at=NOW - timedelta(days=age), size=size, needed="in use" if age in needed else "")
        for age in days
    ]


@pytest.mark.parametrize(
    ("items", "days", "at_least", "budget", "gone"),
    [
        pytest.param(aged(1, 29, 30), 30, 0, 100, [], id="none is older"),
        pytest.param(aged(1, 31, 45), 30, 0, 100, ["d45", "d31"], id="what is older goes, the oldest first"),
        pytest.param(aged(31, 45, 60), 30, 2, 100, ["d60"], id="the newest stay whatever their age"),
        pytest.param(aged(1, 2, 3, 4), 30, 0, 25, ["d4", "d3"], id="above the budget the oldest go earlier"),
        pytest.param(aged(1, 2, 3, 4), 30, 3, 5, ["d4"], id="the budget leaves the newest"),
        pytest.param(aged(40, 50, 60, needed=(50, 60)), 30, 0, 0, ["d40"], id="what is needed stays"),
        pytest.param(aged(-4000, 5, 40), 30, 0, 100, ["d40"], id="what a clock ahead has made is the newest"),
        pytest.param([], 30, 5, 100, [], id="nothing is there"),
    ],
)
def test_surplus_is_what_is_old_and_what_is_above_the_budget(
    items: list[Item], days: int, at_least: int, budget: int, gone: list[str]
) -> None:
    rule = Rule(setting="x", days=days, at_least=at_least, budget=budget)
    assert [each.name for each in surplus(items, rule, now=NOW, size=sum(each.size for each in items))] == gone
