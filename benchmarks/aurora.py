"""Aurora on the test weeks of the bench homes: coverage, errors beside simpler forecasts, gains of MPC and `value`.

One model a home, fitted on its train weeks; every forecast is made at a local midnight from readings up to it. The only
weather is that of the home with a PV forecast of its own, taken as known at the midnight before (its own hour is not
on record).
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

import numpy as np
import polars as pl

from benchmarks.harness.results import Row, Scope
from benchmarks.homes.batteries import BATTERIES, LARGE, USUAL, BenchBattery
from benchmarks.homes.bench_homes import (
    FIRST_DAY,
    LAST_DAY,
    BenchHomes,
    Pair,
    default_protocol,
    default_site,
    slots_of_days,
)
from darkstar_pipeline.forecasts.training import lit
from env.site import Site
from env.time_grid import day_start
from planner.evaluation.daily_results import daily_results
from planner.evaluation.verdict import evaluate
from planner.forecasts.aurora import aurora_forecasts, aurora_scenarios
from planner.forecasts.aurora_fitting import fit_aurora
from planner.forecasts.aurora_model import AuroraModel
from planner.forecasts.features import AuroraHome
from planner.forecasts.naive import naive_forecasts
from planner.forecasts.slot_series import SlotSeries, slot_series
from planner.parallel import map_shards
from planner.replay.daily import replay_days
from planner.value.scenarios import Scenarios

SHORT_DAYS = 5
GAIN_WITHOUT, GAIN_WITH = 0.3, 0.6  # points of captured share
COVERAGE = 0.03
FIT_SECONDS = 20.0
POLICIES = ("mpc", "value")


@dataclass(frozen=True)
class HeldOutForecasts:
    """A home's forecasts for its test days.

    Attributes:
        history: readings of the home.
        days: test days.
        forecasts: Aurora's forecasts, all quantiles, to the end of the next day.
        scenarios: Aurora's scenarios, by day.
        outlook: the PV forecast that the home itself had; None without one.
        fit_seconds: time of fitting [s].
    """

    history: pl.DataFrame
    days: list[date]
    forecasts: pl.DataFrame
    scenarios: Mapping[date, Scenarios]
    outlook: pl.DataFrame | None
    fit_seconds: float


def run(scope: Scope) -> list[Row]:
    """Fit, forecast, compare, replay; the short form has one home and a few of its test days."""
    site, homes = default_site(), scope.homes
    pairs = scope.of(homes.every_pair, tuple(pair for pair in homes.pairs if pair[0] == homes.gaps)[:1])
    n_days = scope.of(None, SHORT_DAYS)
    forecasts = {home: _test_forecasts(homes, home, site, n_days) for home in dict.fromkeys(home for home, _ in pairs)}
    rows = [row for home, own in forecasts.items() for row in _error_rows(home, own, site)]
    for battery in scope.of(BATTERIES, (USUAL, LARGE)):
        rows += _battery_rows(homes, forecasts, scope.of(homes.pairs, pairs) if battery == LARGE else pairs, battery)
    return rows


def _battery_rows(
    homes: BenchHomes, forecasts: Mapping[str, HeldOutForecasts], pairs: Sequence[Pair], battery: BenchBattery
) -> list[Row]:
    """Return what the forecasts bring MPC and `value` with a battery."""
    rows: list[Row] = []
    gains: dict[str, list[float]] = {}
    found = map_shards(partial(_shares_of, homes, forecasts, battery.site()), pairs)
    for (home, area), shares in zip(pairs, found, strict=True):
        for policy in POLICIES:
            naive, aurora = (shares[policy, forecast] for forecast in ("naive", "aurora"))
            rows += [
                Row(f"captured_share_{policy}_naive{battery.suffix}_{home}_{area}", naive),
                Row(f"captured_share_{policy}_aurora{battery.suffix}_{home}_{area}", aurora),
            ]
            kind = "without_weather" if forecasts[home].outlook is None else "with_weather"
            gains.setdefault(f"{policy}_gain_{kind}", []).append(100 * (aurora - naive))
            gains.setdefault(f"{policy}_gain_mean", []).append(100 * (aurora - naive))
    return rows + [_gain_row(name, battery, values) for name, values in sorted(gains.items())]


def _shares_of(
    homes: BenchHomes, forecasts: Mapping[str, HeldOutForecasts], site: Site, pair: Pair
) -> dict[tuple[str, str], float]:
    return _shares(homes, forecasts[pair[0]], pair, site)


def _gain_row(name: str, battery: BenchBattery, gains: list[float]) -> Row:
    mean = sum(gains) / len(gains)
    targets = {"mpc_gain_with_weather": GAIN_WITH, "mpc_gain_without_weather": GAIN_WITHOUT}
    least = targets.get(name) if battery == LARGE else None
    if least is None:
        return Row(f"{name}{battery.suffix}", mean, "points")
    return Row(name, mean, "points", target=f">= {least}", met=mean >= least, applies="measured")


def _test_forecasts(homes: BenchHomes, home: str, site: Site, n_days: int | None) -> HeldOutForecasts:
    history, outlook = homes.history(home), homes.outlook(home, site.timezone)
    features = AuroraHome(slot_series(history, site.timezone, external=outlook))
    started = time.perf_counter()
    model = fit_aurora(features, _train_slots(homes, home, features.series, site.timezone))
    seconds = time.perf_counter() - started
    first = FIRST_DAY + timedelta(days=1)
    days = [day for day in homes.days(home, "test", site.timezone) if first <= day < LAST_DAY][:n_days]
    return HeldOutForecasts(
        history=history,
        days=days,
        forecasts=_forecasts(model, features, days, site.timezone),
        scenarios=aurora_scenarios(model, features, days, site.timezone),
        outlook=outlook,
        fit_seconds=seconds,
    )


def _forecasts(model: AuroraModel, home: AuroraHome, days: list[date], timezone: str) -> pl.DataFrame:
    vintages = [day_start(day, timezone) for day in days]
    ends = [day_start(day + timedelta(days=2), timezone) for day in days]
    return aurora_forecasts(model, home, vintages, ends, timezone)


def _train_slots(homes: BenchHomes, home: str, series: SlotSeries, timezone: str) -> np.ndarray:
    """Return which slots belong to whole train days, without days next to a test day `(n_slots,)`."""
    test = set(homes.days(home, "test", timezone))
    beside = {day + timedelta(days=by) for day in test for by in (-1, 1)}
    allowed = np.zeros(len(series), dtype=bool)
    for day in homes.days(home, "train", timezone):
        if day not in beside:
            allowed[
                series.index(day_start(day, timezone)) : series.index(day_start(day + timedelta(days=1), timezone))
            ] = True
    return allowed


def _error_rows(home: str, test: HeldOutForecasts, site: Site) -> list[Row]:
    """Return coverage of the quantiles and mean absolute errors over the test days and the days after them."""
    joined = test.forecasts.join(test.history, on="slot_start", suffix="_read")
    # Slots with possible PV, chosen by the forecast: a choice by the reading would bias the coverage.
    joined = joined.with_columns(lit=lit(joined))
    rows = [
        Row(
            f"fit_seconds_{home}",
            test.fit_seconds,
            "s",
            target=f"<= {FIT_SECONDS}",
            met=test.fit_seconds <= FIT_SECONDS,
        )
    ]
    has_pv = bool(joined["lit"].any())
    for quantile in (0.1, 0.5, 0.9):
        own = joined.filter(pl.col("quantile") == quantile)
        rows.append(_covered(f"coverage_load_p{quantile * 100:.0f}_{home}", own, "load_kwh", quantile))
        if has_pv:
            rows.append(_covered(f"coverage_pv_p{quantile * 100:.0f}_{home}", own.filter("lit"), "pv_kwh", quantile))
    others = {
        "aurora": joined.filter(pl.col("quantile") == 0.5),  # noqa: PLR2004 - the median
        "mean_of_7_days": _averaged(test, site, 7),
        "day_before": _averaged(test, site, 1),
    }
    if test.outlook is not None:
        others["home's_own"] = (
            others["aurora"]
            .drop("pv_kwh")
            .join(test.outlook.select("slot_start", pv_kwh="pv_expected_kwh"), on="slot_start")
        )
    for name, forecast in others.items():
        for quantity in ("load_kwh", *(("pv_kwh",) if has_pv else ())):
            if not (name == "home's_own" and quantity == "load_kwh"):
                error = (forecast[quantity] - forecast[f"{quantity}_read"]).abs().mean()
                rows.append(Row(f"mae_{quantity}_{name}_{home}", float(error), "kWh/slot"))  # pyright: ignore[reportArgumentType]
    return rows


def _covered(name: str, joined: pl.DataFrame, quantity: str, quantile: float) -> Row:
    share = float((joined[f"{quantity}_read"] <= joined[quantity]).mean())  # pyright: ignore[reportArgumentType]
    met = abs(share - quantile) <= COVERAGE
    return Row(name, share, target=f"{quantile} +- {COVERAGE}", met=met, applies="measured")


def _averaged(test: HeldOutForecasts, site: Site, n_days: int) -> pl.DataFrame:
    forecasts = naive_forecasts(test.history, test.days, site.timezone, load_days=n_days, pv_days=n_days)
    return forecasts.join(test.history, on="slot_start", suffix="_read")


def _shares(homes: BenchHomes, test: HeldOutForecasts, pair: Pair, site: Site) -> dict[tuple[str, str], float]:
    """Return the captured share by policy and forecast."""
    protocol, slots = default_protocol(site), slots_of_days(homes.window(pair, site), test.days)
    naive = homes.forecasts(pair[0], slots, site)
    sources = {"naive": (naive, test.history), "aurora": (test.forecasts, test.scenarios)}
    bounds = [replay_days(policy, slots, naive, site, protocol, workers=1) for policy in ("idle", "oracle")]
    shares: dict[tuple[str, str], float] = {}
    for policy in POLICIES:
        for name, (forecasts, past) in sources.items():
            replayed = replay_days(policy, slots, forecasts, site, protocol, history=past, workers=1)
            results = daily_results(pl.concat([*bounds, replayed], how="diagonal"), protocol, site)
            totals = evaluate(results, ("idle", policy, "oracle")).totals
            shares[policy, name] = float(totals.filter(pl.col("policy") == policy)["captured_share"][0])
    return shares
