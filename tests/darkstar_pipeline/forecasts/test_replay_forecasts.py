"""A missing forecast is made, never a forecast of nothing (case c28)."""

import logging
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.context import Context
from darkstar_pipeline.evaluation.range_verdict import evaluate_range
from darkstar_pipeline.forecasts import replay_forecasts
from darkstar_pipeline.forecasts.replay_forecasts import forecast_replay_inputs
from darkstar_pipeline.forecasts.site_forecasts import site_forecasts
from darkstar_pipeline.warehouse.schemas import SLOT_FORECASTS
from tests.builders.graded_home import AUTUMN, graded_context
from tests.builders.small_home import FIRST

DAYS = [AUTUMN + timedelta(days=1), AUTUMN + timedelta(days=2)]


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return graded_context(tmp_path)


def with_stored(context: Context, days: list[date]) -> None:
    """Store forecasts of some days, as a backfill does."""
    made = site_forecasts(context, days).with_columns(site=pl.lit(context.site_name))
    rows = made.select(pl.col(name).cast(dtype) for name, dtype in SLOT_FORECASTS.schema.items())
    context.lake.write_days(SLOT_FORECASTS, context.site_name, days, rows)


@pytest.mark.parametrize("continuous", [False, True])
def test_mpc_costs_the_same_whether_its_forecasts_are_stored_or_made(context: Context, *, continuous: bool) -> None:
    made = evaluate_range(context, DAYS[0], DAYS[-1], ["mpc"], continuous=continuous).evaluation.totals
    with_stored(context, [DAYS[0] - timedelta(days=1), *DAYS])
    stored = evaluate_range(context, DAYS[0], DAYS[-1], ["mpc"], continuous=continuous).evaluation.totals
    assert made.equals(stored)


def test_only_what_is_missing_is_made_and_named(context: Context, caplog: pytest.LogCaptureFixture) -> None:
    with_stored(context, [DAYS[0] - timedelta(days=1), DAYS[0]])
    with caplog.at_level(logging.WARNING):
        inputs = forecast_replay_inputs(context, DAYS)
    assert inputs.forecasts["local_day"].unique().sort().to_list() == [DAYS[0] - timedelta(days=1), *DAYS]
    assert [record.getMessage() for record in caplog.records] == [
        f"no forecast of {DAYS[1]} is stored: made now from the days before"
    ]


def test_day_without_any_history_is_named(context: Context, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        forecast_replay_inputs(context, [FIRST])
    assert f"no readings come before {FIRST}" in caplog.text


@pytest.mark.parametrize("continuous", [False, True])
def test_no_forecast_is_made_for_policies_that_need_none(
    context: Context, caplog: pytest.LogCaptureFixture, *, continuous: bool
) -> None:
    with caplog.at_level(logging.WARNING):
        evaluate_range(context, DAYS[0], DAYS[-1], ["idle", "self_consumption"], continuous=continuous)
    named = [record.getMessage() for record in caplog.records if "no forecast of" in record.getMessage()]
    assert len(named) <= 1, "only mpc, which others are compared with, plans ahead"


@pytest.mark.parametrize("continuous", [False, True])
def test_policies_of_one_evaluation_have_a_missing_forecast_made_once(
    context: Context, monkeypatch: pytest.MonkeyPatch, *, continuous: bool
) -> None:
    asked: list[date] = []

    def counted(of: Context, days: list[date]) -> pl.DataFrame:
        asked.extend(days)
        return site_forecasts(of, days)

    monkeypatch.setattr(replay_forecasts, "site_forecasts", counted)
    for _ in range(2):
        evaluate_range(context, DAYS[0], DAYS[-1], ["mpc", "value"], continuous=continuous)
        assert sorted(asked) == [DAYS[0] - timedelta(days=1), *DAYS]
        asked.clear()
