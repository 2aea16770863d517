"""The Trondheim benchmark: its bill and rules to the cent, its forecasts blind to the future, its recursion exact."""

from dataclasses import replace
from pathlib import Path

import cvxpy as cp
import numpy as np
import pytest

from benchmarks import trondheim
from benchmarks.harness.results import Scope
from benchmarks.homes.measured import MeasuredHomes
from benchmarks.trondheim_2022.bound import prescient
from benchmarks.trondheim_2022.forecasts import LoadForecast, PriceForecast, published_until
from benchmarks.trondheim_2022.home import BATTERY, GRID_KW, START_KWH, Home, cost, read_home
from benchmarks.trondheim_2022.planner import MonthPeaks, Planner, Tuning
from benchmarks.trondheim_2022.recursion import STORED, PowerSteps, best_stored, convex_below, hour_before, imported
from benchmarks.trondheim_2022.rules import follow
from darkstar_pipeline.errors import DataMissingError

EARLY_DAYS = 152
"""Days that a quick fit is on: to the end of May 2020."""


@pytest.fixture(scope="module")
def home(shared_data: Path) -> Home:  # noqa: ARG001 - skips where the data is absent
    return read_home()


@pytest.fixture(scope="module")
def forecasts(home: Home) -> tuple[LoadForecast, PriceForecast]:
    until = 24 * EARLY_DAYS
    return LoadForecast(home, until), PriceForecast(home, until)


@pytest.mark.parametrize("name", trondheim.RULES)
def test_rule_costs_what_is_published_when_it_follows_2022(home: Home, name: str) -> None:
    rule, published = trondheim.RULES[name]
    hours = home.year(2022)
    assert cost(home, hours, follow(rule, home, hours)).total == pytest.approx(published, abs=0.006)


def test_parts_are_those_published_when_nothing_is_stored(home: Home) -> None:
    hours = home.year(2022)
    found = cost(home, hours, home.load_kwh[hours])
    assert (round(found.tou, 2), round(found.spot, 2), found.peak) == (8684.94, 13342.74, 3024)


def test_missing_home_is_reported_when_there_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataMissingError, match="is not there"):
        read_home(tmp_path / "none.parquet")


def test_bound_is_below_every_rule_and_ends_as_it_began_when_a_month_is_solved(home: Home) -> None:
    """Ten days in June, which begin a month of their own."""
    first = home.year(2022).start + 24 * 151
    hours = slice(first, first + 240)
    found = prescient(home, hours)
    assert found.max() <= GRID_KW + 1e-6
    best = cost(home, hours, found)
    assert best.total < min(cost(home, hours, follow(rule, home, hours)).total for rule, _ in trondheim.RULES.values())
    lost = found.sum() - home.load_kwh[hours].sum()
    assert lost > 0  # what it stores it must buy, and it ends with as much as it began with


@pytest.mark.parametrize(
    ("when", "hours"),
    [
        # Oslo is UTC+1 in winter: at 12 UTC (13 there) the paper does not know tomorrow yet; its midnight is 23 UTC
        ("2022-01-10T12", 11),
        ("2022-01-10T13", 10 + 24),
        ("2022-01-10T22", 1 + 24),
        # past Oslo's midnight, before the market's next publication
        ("2022-01-10T23", 24),
        # UTC+2 in summer
        ("2022-06-10T13", 9 + 24),
        ("2022-06-10T22", 24),
        # the day of 23 hours: 27 March, midnight at 22 UTC
        ("2022-03-26T13", 10 + 23),
        ("2022-10-29T13", 9 + 25),
    ],
)
def test_prices_are_known_to_the_end_of_the_published_day_when_it_is_out(home: Home, when: str, hours: int) -> None:
    at = int(np.flatnonzero((home.slot_start.dt.strftime("%Y-%m-%dT%H") == when).to_numpy())[0])
    assert published_until(home)[at] - at == hours


def test_forecasts_do_not_change_when_the_future_does(home: Home) -> None:
    """Everything after the hour at hand, and every price not yet published, is set to nonsense."""
    until, now = 24 * EARLY_DAYS, 24 * (EARLY_DAYS + 40) + 15
    known = published_until(home)[now]
    load, spot = home.load_kwh.copy(), home.spot.copy()
    load[now + 1 :], spot[known:] = 99.0, -99.0
    other = Home(home.slot_start, load, spot, home.grid_fee)
    for kind in (LoadForecast, PriceForecast):
        assert np.array_equal(kind(home, until).means(now, 700), kind(other, until).means(now, 700))


def test_decisions_do_not_change_when_the_future_does(home: Home) -> None:
    """Three hours, planned on real and on nonsensical readings of what comes after."""
    hours = slice(24 * EARLY_DAYS, 24 * (EARLY_DAYS + 3))
    load, spot = home.load_kwh.copy(), home.spot.copy()
    load[hours.start + 3 :] = 9.0
    spot[hours.start + 24 :] = 9.0
    other = Home(home.slot_start, load, spot, home.grid_fee)
    decided: list[list[float]] = []
    for each in (home, other):
        planner, stored = Planner(each, hours, Tuning(hours=12)), START_KWH
        drawn: list[float] = []
        for hour in range(hours.start, hours.start + 3):
            kwh, stored = planner.decide(hour, stored)
            drawn.append(kwh)
        decided.append(drawn)
    assert decided[0] == decided[1]


def test_load_forecast_is_better_than_last_week_when_a_year_was_seen(home: Home) -> None:
    """2021 from 2020: the next day's loads, hour by hour."""
    first = home.year(2021).start
    load = LoadForecast(home, first)
    days = [slice(hour + 1, hour + 25) for hour in range(first, first + 24 * 300, 101)]
    ours = np.mean([np.abs(load.means(day.start - 1, 24) - home.load_kwh[day]).mean() for day in days])
    weeks = np.mean([np.abs(load.week[day] - home.load_kwh[day]).mean() for day in days])
    assert ours < 0.97 * weeks


def test_spread_keeps_the_mean_of_the_past_when_it_is_cut_into_cases(
    forecasts: tuple[LoadForecast, PriceForecast],
) -> None:
    load, _ = forecasts
    one, many = load.spread(np.array([1.0])), load.spread(np.array([0.5, 0.3, 0.15, 0.05]))
    assert many.ratios @ many.weights == pytest.approx(one.ratios[:, 0], rel=1e-3)
    assert (np.diff(many.ratios, axis=1) > 0).all()


def test_recursion_equals_the_linear_program_when_loads_are_certain() -> None:
    """Two days, a price that rises with power, no randomness: the same cost, but for the grid of stored energies."""
    rng = np.random.default_rng(5)
    price, load = rng.uniform(-0.2, 2.0, 48), rng.exponential(3.0, 48).clip(0.1, 12)
    steps = PowerSteps((4.0, 7.0, GRID_KW), (0.0, 1.5, 20.0))
    value = -0.3 * STORED
    values = [value]
    for hour in range(47, -1, -1):
        values.append(hour_before(values[-1], price[hour], load[[hour]], np.ones(1), steps))
    drawn, charge, discharge, stored = (cp.Variable(48, nonneg=True) for _ in range(4))
    kept = BATTERY.retention_per_hour * cp.hstack([START_KWH, stored[:-1]])
    constraints = [
        drawn + discharge == load + charge,
        stored == kept + BATTERY.charge_efficiency * charge - discharge / BATTERY.discharge_efficiency,
        cp.max(stored) <= BATTERY.max_soc_kwh,
        cp.max(drawn) <= GRID_KW,
        charge <= BATTERY.charge_kw,
        discharge <= BATTERY.discharge_kw,
    ]
    power = 1.5 * cp.sum(cp.pos(drawn - 4.0)) + 18.5 * cp.sum(cp.pos(drawn - 7.0))
    problem = cp.Problem(cp.Minimize(price @ drawn + power - 0.3 * stored[-1]), constraints)  # pyright: ignore[reportArgumentType] - CVXPY's comparisons are untyped
    problem.solve(solver=cp.HIGHS)
    assert problem.value == pytest.approx(np.interp(START_KWH, STORED, values[-1]), rel=2e-3)
    assert _followed(values[::-1], price, load, steps) == pytest.approx(problem.value, rel=2e-3)


def _followed(values: list[np.ndarray], price: np.ndarray, load: np.ndarray, steps: PowerSteps) -> float:
    """Cost of the decisions that the values lead to."""
    stored, paid = np.array([START_KWH]), 0.0
    for hour in range(len(price)):
        after = best_stored(values[hour + 1], price[hour], load[[hour]], stored, steps)
        drawn = float(imported(load[[hour]], stored, after)[0])
        assert -1e-9 <= drawn <= GRID_KW + 1e-9
        paid += price[hour] * drawn + 1.5 * max(drawn - 4.0, 0.0) + 18.5 * max(drawn - 7.0, 0.0)
        stored = after
    return paid - 0.3 * float(stored[0])


def test_hull_is_convex_and_below_when_values_are_any() -> None:
    values = np.random.default_rng(2).normal(size=len(STORED))
    hull = convex_below(values)
    assert (hull <= values + 1e-12).all()
    assert (np.diff(hull, 2) >= -1e-9).all()
    line = 3.0 - 0.5 * STORED
    assert convex_below(line) == pytest.approx(line)


@pytest.mark.parametrize(
    ("settled", "days_left", "usual", "most"),
    [
        # nothing yet: every day at the end
        ([], 20, 5.0, 5.0),
        # 6 + 4.5 + 4.5 = 15: the others make up for the 6
        ([6.0], 20, 5.0, 4.0),
        # 6 and 5 are taken: 15 - 11
        ([6.0, 5.0], 20, 4.0, 4.0),
        # a third of 4.5 is there already, so 4.5 changes nothing
        ([5.0, 5.0, 4.5], 20, 5.0, 5.0),
        # the last day of the month, quiet before: 15 - 3 - 2
        ([3.0, 2.0, 1.0], 0, 5.0, 10.0),
    ],
)
def test_day_may_draw_what_keeps_the_tier_when_others_are_known(
    settled: list[float], days_left: int, usual: float, most: float
) -> None:
    """Second tier, up to a mean of 5 kW of three days."""
    found = MonthPeaks(settled).usual_and_most(1, days_left)
    assert found == pytest.approx((usual, max(usual, most)))


def test_lowest_tier_rises_when_the_mean_passes_its_end() -> None:
    assert MonthPeaks([5.0, 5.0], today=5.0).lowest_tier() == 1
    assert MonthPeaks([5.0, 5.0], today=5.1).lowest_tier() == 2
    assert MonthPeaks([5.1]).lowest_tier() == 0


def test_cost_counts_each_month_when_there_are_two(home: Home) -> None:
    """3 kW in February, 6 kW in March: 147 + 252."""
    first = home.year(2022).start + 24 * 31
    hours = slice(first, first + 24 * 59)
    flat = Home(home.slot_start, home.load_kwh, home.spot * 0, home.grid_fee * 0)
    power = np.where(home.slot_start[hours].dt.month().to_numpy() == 2, 3.0, 6.0)
    assert cost(flat, hours, power).total == 147 + 252
    assert replace(cost(flat, hours, power), tou=1.0).total == 400


def test_rows_name_every_promise_when_the_year_is_a_short_one(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The figures asked for, over three days and with 12 hours ahead."""
    monkeypatch.setattr(trondheim, "read_home", lambda: home)
    monkeypatch.setattr(Home, "year", lambda *_: slice(24 * EARLY_DAYS, 24 * (EARLY_DAYS + 3)))
    monkeypatch.setattr(trondheim, "Tuning", lambda: Tuning(hours=12))
    rows = {row.figure: row for row in trondheim.run(Scope(MeasuredHomes()))}
    totals = ("no_storage", "peak_shaving", "arbitrage", "capped_arbitrage", "mpc", "prescient")
    for name in totals:
        parts = [rows[f"{name}_{part}"].value for part in ("tou", "spot", "peak")]
        assert sum(float(part) for part in parts) == pytest.approx(float(rows[f"{name}_total"].value), abs=0.02)
        assert rows[f"{name}_total"].target is not None
    assert rows["mpc_above_prescient"].met
    assert not rows["no_storage_total"].met  # three days are no year
