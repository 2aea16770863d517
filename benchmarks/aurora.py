"""Aurora on the test weeks of the bench homes: coverage, errors beside simpler forecasts, what MPC and `value` gain.

One model a home, fitted on its train weeks; every forecast is made at a local midnight from readings up to it. The only
weather is `emhass_fr`'s: the PV forecast that home really had, taken as known at the midnight before (its own hour is
not on record).
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from benchmarks.harness.results import Row
from benchmarks.homes.bench_homes import (
    FIRST_DAY,
    HOMES,
    LAST_DAY,
    PAIRS,
    bench_days,
    bench_forecasts,
    bench_history,
    bench_protocol,
    bench_window,
    default_site,
)  # fmt: skip
from darkstar_pipeline.forecasts.training import lit
from env.site import Site
from env.time_grid import day_start, local_day
from planner.evaluation.daily_results import daily_results
from planner.evaluation.verdict import evaluate
from planner.forecasts.aurora import aurora_forecasts, aurora_scenarios
from planner.forecasts.aurora_fitting import fit_aurora
from planner.forecasts.aurora_model import AuroraModel
from planner.forecasts.features import AuroraHome
from planner.forecasts.naive import naive_forecasts
from planner.forecasts.slot_series import SlotSeries, slot_series
from planner.replay.daily import replay_days
from planner.value.scenarios import Scenarios

WITH_WEATHER = "emhass_fr"
GAIN_WITHOUT, GAIN_WITH = 0.3, 0.6  # points of captured share
COVERAGE = 0.03
FIT_SECONDS = 20.0
POLICIES = ("mpc", "value")


@dataclass(frozen=True)
class Made:
    """A home's forecasts for its test days.

    Attributes:
        history: its readings.
        days: its test days.
        forecasts: Aurora's, all quantiles, to the end of the next day.
        scenarios: Aurora's, by day.
        expected: what the home itself expected of its PV; None without.
        fit_seconds: what learning took.
    """

    history: pl.DataFrame
    days: list[date]
    forecasts: pl.DataFrame
    scenarios: Mapping[date, Scenarios]
    expected: pl.DataFrame | None
    fit_seconds: float


def run() -> list[Row]:
    """Learn, forecast, compare, replay."""
    site = default_site()
    made = {home: _made(home, site) for home in dict.fromkeys(home for home, _ in PAIRS)}
    rows = [row for home, forecast in made.items() for row in _error_rows(home, forecast, site)]
    gains: dict[str, list[float]] = {}
    for home, area in PAIRS:
        shares = _shares(made[home], home, area, site)
        for policy in POLICIES:
            naive, aurora = (shares[policy, forecast] for forecast in ("naive", "aurora"))
            rows += [
                Row(f"captured_share_{policy}_naive_{home}_{area}", naive),
                Row(f"captured_share_{policy}_aurora_{home}_{area}", aurora),
            ]
            kind = "with_weather" if home == WITH_WEATHER else "without_weather"
            gains.setdefault(f"{policy}_gain_{kind}", []).append(100 * (aurora - naive))
            gains.setdefault(f"{policy}_gain_mean", []).append(100 * (aurora - naive))
    return rows + [_gain_row(name, found) for name, found in sorted(gains.items())]


def _gain_row(name: str, found: list[float]) -> Row:
    mean = sum(found) / len(found)
    least = {"mpc_gain_with_weather": GAIN_WITH, "mpc_gain_without_weather": GAIN_WITHOUT}.get(name)
    if least is None:
        return Row(name, mean, "points")
    return Row(name, mean, "points", target=f">= {least}", met=mean >= least)


def _made(home: str, site: Site) -> Made:
    history, outlook = bench_history(home), bench_outlook(home, site.timezone)
    known = AuroraHome(slot_series(history, site.timezone, external=outlook))
    started = time.perf_counter()
    model = fit_aurora(known, _train_slots(home, known.series, site.timezone))
    seconds = time.perf_counter() - started
    first_asked = FIRST_DAY + timedelta(days=1)
    days = [day for day in bench_days(home, "test", site.timezone) if first_asked <= day < LAST_DAY]
    return Made(
        history=history,
        days=days,
        forecasts=_forecasts(model, known, days, site.timezone),
        scenarios=aurora_scenarios(model, known, days, site.timezone),
        expected=outlook,
        fit_seconds=seconds,
    )


def _forecasts(model: AuroraModel, home: AuroraHome, days: list[date], timezone: str) -> pl.DataFrame:
    vintages = [day_start(day, timezone) for day in days]
    ends = [day_start(day + timedelta(days=2), timezone) for day in days]
    return aurora_forecasts(model, home, vintages, ends, timezone)


def _train_slots(home: str, series: SlotSeries, timezone: str) -> np.ndarray:
    """Slots of whole train days, without those next to a test day."""
    test = set(bench_days(home, "test", timezone))
    beside = {day + timedelta(days=by) for day in test for by in (-1, 1)}
    allowed = np.zeros(len(series), dtype=bool)
    for day in bench_days(home, "train", timezone):
        if day not in beside:
            allowed[
                series.index(day_start(day, timezone)) : series.index(day_start(day + timedelta(days=1), timezone))
            ] = True
    return allowed


def bench_outlook(home: str, timezone: str) -> pl.DataFrame | None:
    """What a home was told of the slots ahead, as `slot_series` takes it; None where nobody told it anything."""
    if home != WITH_WEATHER:
        return None
    told = pl.read_parquet(HOMES).filter(pl.col("home") == home).with_columns(local_day(timezone))
    return told.select(
        "slot_start",
        known_at=pl.col("slot_start").min().over("local_day"),
        pv_expected_kwh=pl.col("pv_forecast_kwh").fill_nan(None).fill_null(0.0).clip(0.0),  # nan at night
    )


def _error_rows(home: str, made: Made, site: Site) -> list[Row]:
    """Coverage of the quantiles and mean absolute errors over the test days and the days after them."""
    met = made.forecasts.join(made.history, on="slot_start", suffix="_read")
    # Slots that may bring PV, by what was forecast: those that did would be chosen by what came.
    met = met.with_columns(lit=lit(met))
    rows = [
        Row(
            f"fit_seconds_{home}",
            made.fit_seconds,
            "s",
            target=f"<= {FIT_SECONDS}",
            met=made.fit_seconds <= FIT_SECONDS,
        )
    ]
    has_pv = bool(met["lit"].any())
    for quantile in (0.1, 0.5, 0.9):
        own = met.filter(pl.col("quantile") == quantile)
        rows.append(_covered(f"coverage_load_p{quantile * 100:.0f}_{home}", own, "load_kwh", quantile))
        if has_pv:
            rows.append(_covered(f"coverage_pv_p{quantile * 100:.0f}_{home}", own.filter("lit"), "pv_kwh", quantile))
    others = {
        "aurora": met.filter(pl.col("quantile") == 0.5),  # noqa: PLR2004 - the median
        "mean_of_7_days": _averaged(made, site, 7),
        "day_before": _averaged(made, site, 1),
    }
    if made.expected is not None:
        others["home's_own"] = (
            others["aurora"]
            .drop("pv_kwh")
            .join(made.expected.select("slot_start", pv_kwh="pv_expected_kwh"), on="slot_start")
        )
    for name, forecast in others.items():
        for quantity in ("load_kwh", *(("pv_kwh",) if has_pv else ())):
            if not (name == "home's_own" and quantity == "load_kwh"):
                error = (forecast[quantity] - forecast[f"{quantity}_read"]).abs().mean()
                rows.append(Row(f"mae_{quantity}_{name}_{home}", float(error), "kWh/slot"))  # pyright: ignore[reportArgumentType]
    return rows


def _covered(name: str, met: pl.DataFrame, quantity: str, quantile: float) -> Row:
    share = float((met[f"{quantity}_read"] <= met[quantity]).mean())  # pyright: ignore[reportArgumentType]
    return Row(name, share, target=f"{quantile} +- {COVERAGE}", met=abs(share - quantile) <= COVERAGE)


def _averaged(made: Made, site: Site, n_days: int) -> pl.DataFrame:
    forecasts = naive_forecasts(made.history, made.days, site.timezone, load_days=n_days, pv_days=n_days)
    return forecasts.join(made.history, on="slot_start", suffix="_read")


def _shares(made: Made, home: str, area: str, site: Site) -> dict[tuple[str, str], float]:
    """Captured share by policy and forecast."""
    protocol, slots = bench_protocol(site), bench_window(home, area, site)
    slots = slots.filter(pl.col("local_day").is_in(pl.Series(made.days, dtype=pl.Date).implode()))
    naive = bench_forecasts(home, slots, site)
    told = {"naive": (naive, made.history), "aurora": (made.forecasts, made.scenarios)}
    bounds = [replay_days(policy, slots, naive, site, protocol) for policy in ("idle", "oracle")]
    shares: dict[tuple[str, str], float] = {}
    for policy in POLICIES:
        for name, (forecasts, past) in told.items():
            replayed = replay_days(policy, slots, forecasts, site, protocol, history=past)
            results = daily_results(pl.concat([*bounds, replayed], how="diagonal"), protocol, site)
            totals = evaluate(results, ("idle", policy, "oracle")).totals
            shares[policy, name] = float(totals.filter(pl.col("policy") == policy)["captured_share"][0])
    return shares
