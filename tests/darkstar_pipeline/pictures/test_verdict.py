"""The picture of a verdict: its lines end where the totals say."""

from datetime import date, timedelta

import polars as pl
import pytest

from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.pictures import png_bytes, verdict_figure
from darkstar_pipeline.pictures.verdict import differences, spread_apart
from planner.evaluation.verdict import Evaluation, evaluate

POLICIES = ("idle", "self_consumption", "mpc", "oracle")
START = date(2026, 1, 1)


def costs(**by_policy: list[float]) -> pl.DataFrame:
    """Daily costs of policies from `START` on."""
    rows = [
        {"day": START + timedelta(days=i), "policy": policy, "cost": cost}
        for policy, values in by_policy.items()
        for i, cost in enumerate(values)
    ]
    return pl.DataFrame(rows)


@pytest.fixture(scope="module")
def verdict(results: pl.DataFrame) -> Evaluation:
    return evaluate(results, POLICIES)


def draw(verdict: Evaluation, **options):
    return verdict_figure(verdict.days, verdict.totals, currency="EUR", **options)


def all_texts(figure) -> list[str]:
    return [text.get_text() for part in (figure, *figure.axes) for text in part.texts]


def test_differences_add_up_against_mpc_when_days_follow() -> None:
    days = costs(idle=[9, 9, 9], oracle=[1, 2, 3], mpc=[2, 2, 5], value=[2, 3, 4])
    got = differences(days)
    assert got.columns == ["day", "oracle", "value"]
    assert got["oracle"].to_list() == [-1, -1, -3]
    assert got["value"].to_list() == [0, 1, 0]


def test_differences_are_empty_when_mpc_is_missing() -> None:
    got = differences(costs(idle=[9, 9], oracle=[1, 2]))
    assert got.columns == ["day"]
    assert got["day"].to_list() == [START, START + timedelta(days=1)]


def test_lines_end_at_the_totals_when_drawn(verdict: Evaluation) -> None:
    lines = differences(verdict.days)
    total = {row["policy"]: row["cost_vs_mpc"] for row in verdict.totals.to_dicts()}
    for policy in ("self_consumption", "oracle"):
        assert lines[policy][-1] == pytest.approx(total[policy])


def test_figure_tells_shares_and_costs_when_drawn(verdict: Evaluation) -> None:
    got = all_texts(draw(verdict))
    assert "Verdict on 3 days, 2023-10-29 to 2024-04-06" in got
    mpc = verdict.totals.filter(pl.col("policy") == "mpc").row(0, named=True)
    assert f"{100 * mpc['captured_share']:.1f} %" in got
    assert f"{mpc['cost']:.2f} EUR".replace("-", "−") in got
    assert "100.0 %" in got


def test_days_are_left_out_when_a_policy_lacks_them(results: pl.DataFrame) -> None:
    partial = results.filter((pl.col("policy") != "oracle") | (pl.col("day") != date(2024, 4, 6)))
    assert "Verdict on 2 days, 2023-10-29 to 2024-03-31" in all_texts(draw(evaluate(partial, POLICIES)))


@pytest.mark.parametrize(
    ("policies", "said"),
    [
        pytest.param(["idle", "oracle"], "MPC was not evaluated", id="no MPC"),
        pytest.param(["idle", "mpc"], "no other policy to compare", id="MPC and idle"),
        pytest.param(["mpc"], "–", id="no share without references"),
    ],
)
def test_figure_says_so_when_there_is_nothing_to_compare(results: pl.DataFrame, policies, said) -> None:
    figure = draw(evaluate(results.filter(pl.col("policy").is_in(policies)), policies))
    assert said in all_texts(figure)
    png_bytes(figure)


def test_figure_is_drawn_when_there_is_one_day(results: pl.DataFrame) -> None:
    figure = draw(evaluate(results.filter(pl.col("day") == date(2024, 4, 6)), POLICIES))
    assert "Verdict on 1 day, 2024-04-06" in all_texts(figure)
    png_bytes(figure)


def test_figure_is_refused_when_no_day_was_evaluated(verdict: Evaluation) -> None:
    with pytest.raises(DataMissingError):
        verdict_figure(verdict.days.clear(), verdict.totals, currency="EUR")


def test_small_picture_is_under_50_kb_when_written(verdict: Evaluation) -> None:
    content = png_bytes(draw(verdict, small=True))
    assert len(content) < 50_000
    assert content == png_bytes(draw(verdict, small=True))


@pytest.mark.parametrize(
    ("wanted", "room", "expected"),
    [
        pytest.param([1.0, 2.0], [0.4, 0.4], [1.0, 2.0], id="enough room: nothing moves"),
        pytest.param([1.0, 1.1], [0.4, 0.4], [1.0, 1.4], id="the upper one gives way"),
        pytest.param([2.9, 2.95], [0.4, 0.4], [2.4, 2.8], id="the ceiling pushes both down"),
    ],
)
def test_names_stand_apart_when_lines_end_together(wanted, room, expected) -> None:
    assert spread_apart(wanted, room, 3.0) == pytest.approx(expected)
