from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from planner.errors import UnknownPolicyError
from planner.evaluation.verdict import BLOCK_DAYS, captured_share, evaluate, total_interval

FIRST = date(2026, 1, 1)


def results(costs: Mapping[str, Sequence[float | None]]) -> pl.DataFrame:
    """Daily results with these costs; None leaves the day out. Flows and peaks follow the day's number."""
    rows = [
        {
            "day": FIRST + timedelta(days=day), "policy": policy, "cost": float(cost), "import_kwh": 1.0 + day,
            "export_kwh": 2.0, "charge_kwh": 3.0, "discharge_kwh": 4.0, "peak_kw": 5.0 + day, "breaches": day,
            "writes": 7,
        }
        for policy, days in costs.items()
        for day, cost in enumerate(days)
        if cost is not None
    ]  # fmt: skip
    return pl.DataFrame(rows, schema_overrides={"breaches": pl.Int32})


def total(frame: pl.DataFrame, policy: str) -> dict[str, object]:
    return evaluate(frame).totals.row(by_predicate=pl.col("policy") == policy, named=True)


FOUR = {"idle": [10, 10], "mpc": [5, 6], "oracle": [4, 4], "self_consumption": [8, 9]}


def test_share_is_what_was_saved_of_what_could_be_when_references_are_there() -> None:
    """Idle 20, oracle 8: 12 could be saved. MPC at 11 saved 9, self-consumption at 17 saved 3."""
    frame = results(FOUR)
    assert [total(frame, policy)["captured_share"] for policy in FOUR] == pytest.approx([0.0, 0.75, 1.0, 0.25])


def test_totals_add_up_days_when_every_policy_has_them() -> None:
    assert total(results(FOUR), "self_consumption") == pytest.approx(
        {
            "policy": "self_consumption", "days": 2, "cost": 17.0, "captured_share": 0.25, "cost_vs_mpc": 6.0,
            "cost_vs_mpc_low": 6.0, "cost_vs_mpc_high": 6.0, "import_kwh": 3.0, "export_kwh": 4.0, "charge_kwh": 6.0,
            "discharge_kwh": 8.0, "peak_kw": 6.0, "breaches": 1, "writes": 14, "power_cost": 0.0, "total_cost": 17.0,
        }
    )  # fmt: skip


def test_mpc_differs_from_itself_by_nothing() -> None:
    row = total(results(FOUR), "mpc")
    assert (row["cost_vs_mpc"], row["cost_vs_mpc_low"], row["cost_vs_mpc_high"]) == (0.0, 0.0, 0.0)


def test_day_is_left_out_for_all_when_one_policy_misses_it() -> None:
    """Paired: without its second day the oracle would look dearer than it is."""
    frame = results(FOUR | {"oracle": [4, None]})
    verdict = evaluate(frame)
    assert verdict.totals["days"].to_list() == [1] * 4
    assert total(frame, "mpc")["captured_share"] == pytest.approx(5 / 6)
    assert verdict.days.height == 7  # what there is stays to be seen


@pytest.mark.parametrize("missing", ["idle", "oracle"])
def test_share_is_null_when_a_reference_is_missing(missing: str) -> None:
    frame = results({policy: days for policy, days in FOUR.items() if policy != missing})
    assert evaluate(frame).totals["captured_share"].to_list() == [None] * 3
    assert total(frame, "mpc")["cost_vs_mpc"] == 0.0


def test_difference_is_null_when_mpc_is_missing() -> None:
    totals = evaluate(results({policy: days for policy, days in FOUR.items() if policy != "mpc"})).totals
    for name in ("cost_vs_mpc", "cost_vs_mpc_low", "cost_vs_mpc_high"):
        assert totals[name].to_list() == [None] * 3


@pytest.mark.parametrize("oracle", [[10, 10], [11, 10]], ids=["nothing to save", "less than nothing"])
def test_share_is_null_when_nothing_could_be_saved(oracle: list[float | None]) -> None:
    assert evaluate(results(FOUR | {"oracle": oracle})).totals["captured_share"].to_list() == [None] * 4


def test_share_is_negative_when_a_policy_is_dearer_than_idle() -> None:
    assert captured_share({k: np.array(v, float) for k, v in (FOUR | {"mpc": [20, 12]}).items()}, "mpc") == -1.0


def test_policies_come_in_the_order_asked_when_some_are_shown() -> None:
    verdict = evaluate(results(FOUR), ["oracle", "idle"])
    assert verdict.totals["policy"].to_list() == ["oracle", "idle"]
    assert verdict.days["policy"].to_list() == ["oracle", "idle"] * 2
    assert verdict.totals["captured_share"].to_list() == [1.0, 0.0]


def test_order_is_alphabetic_when_none_is_asked() -> None:
    assert evaluate(results(FOUR)).totals["policy"].to_list() == sorted(FOUR)


@pytest.mark.parametrize("seed", range(5))
def test_verdict_does_not_depend_on_the_order_of_rows(seed: int) -> None:
    """Bit for bit: sums round by their order."""
    rng = np.random.default_rng(seed)
    costs = {name: list(rng.uniform(0, 9, 40)) for name in FOUR}
    frame = results(costs)
    shuffled = evaluate(frame.sample(fraction=1.0, shuffle=True, seed=seed))
    assert shuffled.totals.equals(evaluate(frame).totals)
    assert shuffled.days.equals(evaluate(frame).days)


def test_unknown_policy_is_refused_when_it_has_no_results() -> None:
    with pytest.raises(UnknownPolicyError, match=r"no results for \['rl'\]; there are results for \['idle', "):
        evaluate(results(FOUR), ["mpc", "rl"])


def test_verdict_is_empty_when_no_day_is_shared() -> None:
    verdict = evaluate(results({"idle": [1, None], "mpc": [None, 2]}))
    rows = verdict.totals.select("days", "cost", "captured_share", "cost_vs_mpc_low", "peak_kw", "breaches").rows()
    assert rows == [(0, 0.0, None, None, None, 0)] * 2


def test_interval_is_the_same_in_every_run_when_days_are_the_same() -> None:
    daily = np.random.default_rng(3).normal(1, 5, 100)
    assert total_interval(daily) == total_interval(daily.copy())


def test_interval_holds_the_truth_nearly_as_often_as_it_says_when_days_are_drawn_anew() -> None:
    """95 % intervals of 60 totals of independent days; a bootstrap over blocks is a little narrow on 70 of them."""
    rng = np.random.default_rng(4)
    inside = 0
    for _ in range(60):
        low, high = total_interval(rng.normal(1, 5, 70))
        assert low is not None
        assert high is not None
        inside += low <= 70 <= high
    assert 0.85 * 60 <= inside <= 60


def test_interval_is_wider_when_neighbouring_days_are_alike() -> None:
    """The reason for blocks: weeks that swing together carry less information than as many loose days."""
    rng = np.random.default_rng(5)
    weekly = np.repeat(rng.normal(0, 1, 40), BLOCK_DAYS)
    loose = rng.permutation(weekly)
    (low, high), (loose_low, loose_high) = total_interval(weekly), total_interval(loose)
    assert None not in (low, high, loose_low, loose_high)
    assert (high or 0) - (low or 0) > 1.5 * ((loose_high or 0) - (loose_low or 0))


def test_interval_is_narrower_when_less_confidence_is_asked() -> None:
    daily = np.random.default_rng(6).normal(0, 1, 50)
    (low, high), (inner_low, inner_high) = total_interval(daily), total_interval(daily, confidence=0.5)
    assert (low or 0) < (inner_low or 0) < (inner_high or 0) < (high or 0)


@pytest.mark.parametrize(
    ("daily", "interval"),
    [([], (None, None)), ([3.0], (3.0, 3.0)), ([2.0] * 30, (60.0, 60.0))],
    ids=["no days", "one day", "days all alike"],
)
def test_interval_is_a_point_when_nothing_varies(
    daily: list[float], interval: tuple[float | None, float | None]
) -> None:
    assert total_interval(np.array(daily)) == interval


def charges(power: Mapping[str, Sequence[float]]) -> pl.DataFrame:
    """What a day of January and one of February add to the months' charges of each policy."""
    days = (FIRST, date(2026, 2, 1))
    rows = [
        (policy, day, float(cost)) for policy, costs in power.items() for day, cost in zip(days, costs, strict=True)
    ]
    return pl.DataFrame(rows, schema=["policy", "day", "power_cost"], orient="row")


def test_share_and_difference_are_of_the_bill_when_power_is_charged() -> None:
    """Idle 20 + 30, oracle 8 + 10: 32 could be saved. MPC at 11 + 15 saved 24; by its days alone 9 of 12.

    Self-consumption is 6 dearer than MPC by its days, and 31 with the charge.
    """
    frame = results(FOUR).with_columns(day=pl.when(pl.col("day") == FIRST).then(FIRST).otherwise(date(2026, 2, 1)))
    power = {"idle": [20, 10], "mpc": [10, 5], "oracle": [6, 4], "self_consumption": [40, 0]}
    frame = frame.join(charges(power), on=["policy", "day"])
    verdict = evaluate(frame, ["oracle", "mpc", "self_consumption"])
    assert verdict.totals["cost_vs_mpc"].to_list() == [-8.0, 0.0, 31.0]
    assert verdict.totals["captured_share"].to_list() == pytest.approx([1.0, 0.75, -7 / 32])
    assert verdict.totals["cost"].to_list() == [8.0, 11.0, 17.0]
    assert verdict.totals["power_cost"].to_list() == [10.0, 15.0, 40.0]
    assert verdict.totals["total_cost"].to_list() == [18.0, 26.0, 57.0]
    assert verdict.months["policy"].to_list() == ["oracle", "mpc", "self_consumption"] * 2
    assert verdict.months["cost"].to_list() == [4.0, 5.0, 8.0, 4.0, 6.0, 9.0]
    assert verdict.months["total_cost"].to_list() == [10.0, 15.0, 48.0, 8.0, 11.0, 9.0]
    assert verdict.months["month_days"].to_list() == [31] * 3 + [28] * 3


def test_months_are_empty_when_power_is_not_charged() -> None:
    assert evaluate(results(FOUR)).months.is_empty()


def test_a_share_of_a_solvers_rounding_is_no_share() -> None:
    costs = {"idle": np.array([3.0 + 4e-16]), "oracle": np.array([3.0]), "value": np.array([3.25])}
    assert costs["idle"][0] > costs["oracle"][0]
    assert captured_share(costs, "value") is None
