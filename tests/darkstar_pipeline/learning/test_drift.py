"""Drift is reported on days of a heavier load, and not on days like those before."""

from collections.abc import Mapping
from datetime import date, timedelta
from types import MappingProxyType

import numpy as np
import polars as pl
import pytest

from darkstar_pipeline.datasets.replay_inputs import ReplayInputs
from darkstar_pipeline.learning.drift import FIGURES, LEAST_DAYS, day_figures, drift_report
from env.time_grid import grid
from tests.builders.homes import STOCKHOLM

FIRST = date(2025, 9, 1)
DAYS = [FIRST + timedelta(days=by) for by in range(90)]  # across the day with 100 slots
LEARNED, RECENT = DAYS[:60], DAYS[62:]
AUTUMN = date(2025, 10, 26)
UNMOVED: Mapping[str, float] = MappingProxyType({})


def inputs(seed: int, *, quantiles: bool = False, shift: Mapping[str, float] = UNMOVED) -> ReplayInputs:
    """Days drawn alike; the recent ones shifted in some quantities."""
    rng = np.random.default_rng(seed)
    slots = grid(DAYS[0], DAYS[-1], STOCKHOLM)
    recent = (slots["local_day"] >= RECENT[0]).to_numpy()
    n = slots.height

    def drawn(name: str, level: float) -> pl.Series:
        return pl.Series(level * rng.gamma(4, 0.25, n) + shift.get(name, 0.0) * recent)

    load, pv = drawn("load", 0.4), drawn("pv", 0.3)
    read = slots.with_columns(load_kwh=load, pv_kwh=pv, import_price=drawn("price", 1.0) - 0.5, export_price=0.4)
    forecasts = slots.with_columns(load_kwh=load + 0.05 * drawn("error", 1.0), pv_kwh=pv - 0.1 * drawn("error", 1.0))
    if quantiles:
        wide = [forecasts.with_columns(pl.col("load_kwh") * 9, quantile=pl.lit(q)) for q in (0.1, 0.9)]
        forecasts = pl.concat([forecasts.with_columns(quantile=pl.lit(0.5)), *wide])
    return ReplayInputs(read, forecasts, read.clear())


@pytest.mark.parametrize("seed", range(5))
def test_nothing_has_drifted_when_days_are_like_those_before(seed: int) -> None:
    report = drift_report(inputs(seed), LEARNED, RECENT)
    assert report["figure"].to_list() == list(FIGURES)
    assert not report["drifted"].any()


@pytest.mark.parametrize(
    ("shift", "drifted"),
    [
        pytest.param({"load": 0.1}, {"load_kwh"}, id="load"),
        pytest.param({"pv": -0.2}, {"pv_kwh"}, id="PV"),
        pytest.param({"price": -1.0}, {"import_price"}, id="negative prices"),
    ],
)
def test_what_was_shifted_has_drifted_and_nothing_else(shift: dict[str, float], drifted: set[str]) -> None:
    report = drift_report(inputs(1, shift=shift), LEARNED, RECENT)
    rows = {row["figure"]: row for row in report.to_dicts()}
    assert {name for name, row in rows.items() if row["drifted"]} == drifted
    (moved,) = drifted
    sign = np.sign(next(iter(shift.values())))
    assert np.sign(rows[moved]["moved"]) == np.sign(rows[moved]["recent_mean"] - rows[moved]["learned_mean"]) == sign
    assert rows[moved]["p_value"] < 0.01


def test_figures_of_a_day_are_its_own_when_forecasts_are_quantiles() -> None:
    plain, wide = day_figures(inputs(2)), day_figures(inputs(2, quantiles=True))
    assert wide.equals(plain)
    autumn = plain.filter(pl.col("local_day") == AUTUMN).to_dicts()[0]
    slots = inputs(2).slots.filter(pl.col("local_day") == AUTUMN)
    assert slots.height == 100
    assert autumn["load_kwh"] == pytest.approx(slots["load_kwh"].sum())
    assert (autumn["load_error_kwh"], autumn["pv_error_kwh"]) == (
        pytest.approx(0.05, rel=0.2),
        pytest.approx(0.1, rel=0.2),
    )


def test_figure_is_left_out_when_too_few_days_have_it() -> None:
    assert drift_report(inputs(3), LEARNED, RECENT[: LEAST_DAYS - 1]).is_empty()
    without = inputs(3)
    none = ReplayInputs(without.slots, without.forecasts.clear(), without.history)
    assert drift_report(none, LEARNED, RECENT)["figure"].to_list() == list(FIGURES[:4])


def test_constant_figure_is_reported_without_a_scale() -> None:
    still = inputs(4)
    dark = ReplayInputs(still.slots.with_columns(pv_kwh=0.0), still.forecasts.with_columns(pv_kwh=0.0), still.history)
    row = drift_report(dark, LEARNED, RECENT).filter(pl.col("figure") == "pv_kwh").to_dicts()[0]
    assert (row["moved"], row["distance"], row["drifted"]) == (0.0, 0.0, False)


def test_figure_has_drifted_when_it_moved_from_where_it_always_was() -> None:
    """New panels on a home that had none: no deviation to count in, and no doubt."""
    moved = inputs(4)
    new = pl.when(pl.col("local_day") >= RECENT[0]).then(pl.col("pv_kwh")).otherwise(0.0).alias("pv_kwh")
    panels = ReplayInputs(moved.slots.with_columns(new), moved.forecasts, moved.history)
    row = drift_report(panels, LEARNED, RECENT).filter(pl.col("figure") == "pv_kwh").to_dicts()[0]
    assert row["drifted"]
