"""Two policies in money: paired days only, months that add up, the days that differ most."""

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.errors import UnknownPolicyError
from planner.evaluation.comparison import compare_policies

FIRST = date(2026, 3, 25)  # the clock changes on the 29th, and a month ends


def results(costs: dict[str, list[float]], *, breaches: dict[str, int] | None = None) -> pl.DataFrame:
    """Rows a day and policy from the first day on; a breach on the first day where one is given."""
    breached = {} if breaches is None else breaches
    rows = [
        {
            "day": FIRST + timedelta(days=i),
            "policy": policy,
            "cost": cost,
            "breaches": breached.get(policy, 0) if i == 0 else 0,
        }
        for policy, days in costs.items()
        for i, cost in enumerate(days)
    ]
    return pl.DataFrame(rows, schema={"day": pl.Date, "policy": pl.String, "cost": pl.Float64, "breaches": pl.Int64})


def test_difference_is_of_the_second_against_the_first() -> None:
    found = compare_policies(results({"a": [10.0, 20.0, -5.0], "b": [9.0, 22.0, -5.0]}, breaches={"b": 2}), "a", "b")
    assert (found.n_days, found.cost_a, found.cost_b, found.difference) == (3, 25.0, 26.0, 1.0)
    assert (found.cheaper_days, found.dearer_days) == (1, 1)
    assert (found.breaches_a, found.breaches_b) == (0, 2)
    assert found.biggest["difference"].to_list() == [2.0, -1.0, 0.0]


def test_cost_is_of_the_bill_when_power_is_charged() -> None:
    """B is cheaper by its days, and dearer by what one of them adds to the month's charge."""
    rows = results({"a": [10.0, 20.0], "b": [9.0, 19.0]}).with_columns(power_cost=pl.Series([3.0, 0.0, 3.0, 9.0]))
    found = compare_policies(rows, "a", "b")
    assert (found.cost_a, found.cost_b, found.difference) == (33.0, 40.0, 7.0)
    assert found.months["cost_b"].to_list() == [40.0]
    assert (found.cheaper_days, found.dearer_days) == (1, 1)


def test_days_count_only_when_both_have_them() -> None:
    found = compare_policies(results({"a": [1.0, 2.0, 3.0], "b": [1.0]}), "a", "b")
    assert (found.n_days, found.cost_a, found.difference) == (1, 1.0, 0.0)


def test_months_are_told_apart() -> None:
    found = compare_policies(results({"a": [1.0] * 10, "b": [2.0] * 10}), "a", "b")
    assert found.months.rows() == [(date(2026, 3, 1), 7, 7.0, 14.0, 7.0), (date(2026, 4, 1), 3, 3.0, 6.0, 3.0)]


def test_nothing_is_compared_when_no_day_is_common() -> None:
    rows = results({"a": [1.0, 2.0], "b": [1.0, 2.0]})
    apart = rows.filter((pl.col("policy") == "a") == (pl.col("day") == FIRST))
    found = compare_policies(apart, "a", "b")
    assert (found.n_days, found.difference, found.low, found.high) == (0, 0.0, None, None)
    assert found.months.is_empty()


def test_error_names_what_there_is_when_a_policy_has_no_results() -> None:
    with pytest.raises(UnknownPolicyError, match=r"no results for c; there are results for \['a', 'b'\]"):
        compare_policies(results({"a": [1.0], "b": [1.0]}), "a", "c")


@given(pairs=st.lists(st.tuples(st.integers(-500, 500), st.integers(-500, 500)), min_size=1, max_size=70))
def test_comparison_is_turned_round_when_the_sides_are(pairs: list[tuple[int, int]]) -> None:
    rows = results({"a": [float(a) for a, _ in pairs], "b": [float(b) for _, b in pairs]})
    there, back = compare_policies(rows, "a", "b"), compare_policies(rows, "b", "a")
    assert there.difference == -back.difference
    assert there.months["difference"].sum() == pytest.approx(there.difference)
    assert (there.cheaper_days, there.dearer_days) == (back.dearer_days, back.cheaper_days)
    assert there.low is not None
    assert there.high is not None
    assert there.low <= there.high
    assert there.biggest["difference"].abs().max() == there.daily["difference"].abs().max()
