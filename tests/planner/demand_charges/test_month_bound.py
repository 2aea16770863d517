"""The bound of a month with a charge for power: against one joint linear program, and below whatever can be run."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import cvxpy as cp
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from env.inverter import Command, Energy
from env.power_tariff import PowerTariff, PowerWindow, Tier, power_costs
from env.simulator import World, simulate
from env.site import Site
from env.tariff import Tariff, TariffVersion
from planner.demand_charges.bills import demand_charge_bills
from planner.demand_charges.month_bound import MonthOracle
from planner.evaluation.daily_results import daily_results
from planner.evaluation.verified_days import only_verified
from planner.replay.monthly_oracle import months_oracle
from planner.value.protocol import Protocol
from tests.builders.homes import PAPER_BATTERY, STOCKHOLM, days_of_slots, home

NIGHT = PowerWindow(start_minute=18 * 60, end_minute=6 * 60, weight=0.5)
WORKDAYS = PowerWindow(weekdays=(1, 2, 3, 4, 5), start_minute=7 * 60, end_minute=20 * 60, not_on_holidays_of="SE")
TIERS = tuple(Tier(up_to_kw=kw, cost=money) for kw, money in ((2, 20.0), (4, 60.0), (10, 110.0)))
PRICED = {
    "per kW": (PowerTariff(price_per_kw=20.0, top=2),),
    "half in the evening": (PowerTariff(price_per_kw=20.0, windows=(NIGHT,)),),
    "quarters, several on one day": (PowerTariff(price_per_kw=9.0, minutes=15, different_days=False),),
    "two at once": (
        PowerTariff(price_per_kw=12.0, different_days=False, windows=(WORKDAYS,), weight_outside=0.0),
        PowerTariff(price_per_kw=6.0, top=1),
    ),
    "more peaks than days": (PowerTariff(price_per_kw=20.0, top=9),),
    "not this month": (PowerTariff(price_per_kw=50.0, months=(7,)),),
}
STEPPED = {
    "a least number of kW": (PowerTariff(price_per_kw=20.0, top=2, minimum_kw=3.0),),
    "tiers": (PowerTariff(top=2, tiers=TIERS),),
    "tiers and a price": (PowerTariff(top=2, tiers=TIERS), PowerTariff(price_per_kw=5.0, different_days=False)),
    "tiers twice": (PowerTariff(top=2, tiers=TIERS), PowerTariff(top=1, tiers=TIERS)),
}
PROTOCOL = Protocol(start_soc_kwh=5.0)
SITE = home(PAPER_BATTERY)


def evenings(first: date, last: date, *, seed: int, cheaper: float = 0.0) -> list[pl.DataFrame]:
    """Days cut down to four hours of the evening, 16 slots; `cheaper` makes prices negative."""
    local = pl.col("slot_start").dt.convert_time_zone(STOCKHOLM).dt.hour()
    slots = days_of_slots(first, last, seed=seed).filter(local.is_between(17, 20)).with_columns(
        pl.col("import_price", "export_price") - cheaper
    )  # fmt: skip
    return slots.partition_by("local_day", maintain_order=True)


def joint_optimum(
    days: Sequence[pl.DataFrame], tariffs: Sequence[PowerTariff], past_peaks_kw: Sequence[float] = ()
) -> float:
    """One linear program over all days, stated anew: flows, storage, every hour's mean, the largest of the peaks.

    Peaks of days before count as they are, the same for every component.
    """
    battery, cost, rules, imports = SITE.battery, [], [], []
    for day in days:
        import_price, export_price, load, pv = (
            day[c].to_numpy() for c in ("import_price", "export_price", "load_kwh", "pv_kwh")
        )
        n = day.height
        charge, discharge, grid_import, grid_export, soc = (cp.Variable(n, nonneg=True) for _ in range(5))
        rules += [charge <= 1.0, discharge <= 1.0, soc >= 1.0, soc <= 9.0]
        rules.append(load + charge + grid_export == pv + discharge + grid_import)
        rules.append(grid_export <= np.maximum(pv - load, 0) + 1.0)
        rules.append(grid_import <= np.maximum(load - pv, 0) + 1.0)
        rules.append(cp.diff(cp.hstack([PROTOCOL.start_soc_kwh, soc])) == 0.9 * charge - discharge / 0.8)
        value = PROTOCOL.settlement(import_price, battery)
        wear = battery.charge_wear * cp.sum(charge) + battery.discharge_wear * cp.sum(discharge)
        cost += [
            import_price @ grid_import - export_price @ grid_export + wear,
            value * (PROTOCOL.start_soc_kwh - soc[-1]),
        ]
        imports.append((day, grid_import))
    for tariff in tariffs:
        every, by_day = [], {}
        for day, grid_import in imports:
            starts = day["slot_start"].dt.convert_time_zone(STOCKHOLM)
            key = starts.dt.truncate(f"{tariff.minutes}m").to_list()
            for period in dict.fromkeys(key):
                inside = [i for i, each in enumerate(key) if each == period]
                kw = weight_of(tariff, period) * 60 / tariff.minutes * cp.sum(grid_import[inside])
                every.append(kw)
                by_day.setdefault(period.date(), []).append(kw)
        peaks = [cp.maximum(*kws) for kws in by_day.values()] if tariff.different_days else every
        peaks += [cp.Constant(kw) for kw in past_peaks_kw]
        cost.append(tariff.price_per_kw / tariff.top * cp.sum_largest(cp.hstack(peaks), min(tariff.top, len(peaks))))
    problem = cp.Problem(cp.Minimize(sum(cost)), rules)
    problem.solve(solver=cp.HIGHS)
    return float(np.asarray(problem.value).item())


def weight_of(tariff: PowerTariff, start: object) -> float:
    """By hand for the windows used here: 17-20 o'clock, May."""
    hour, day = start.hour, start.date()  # type: ignore[attr-defined]
    if tariff.months and day.month not in tariff.months:
        return 0.0
    if tariff.windows == (NIGHT,):
        return 0.5 if hour >= 18 else 1.0
    if tariff.windows == (WORKDAYS,):
        return 1.0 if day.weekday() < 5 and day != date(2026, 5, 14) and hour < 20 else 0.0  # Ascension Day
    return 1.0


@pytest.mark.parametrize("tariffs", PRICED.values(), ids=PRICED)
@pytest.mark.parametrize("cheaper", [0.0, 1.6], ids=["ordinary prices", "negative prices"])
def test_bound_is_the_joint_optimum_when_power_has_a_price(tariffs: tuple[PowerTariff, ...], cheaper: float) -> None:
    days = evenings(date(2026, 5, 13), date(2026, 5, 17), seed=4, cheaper=cheaper)
    oracle = MonthOracle(days, SITE, PROTOCOL, tariffs)
    optimum = oracle.optimum(10.0)
    assert optimum.bound == pytest.approx(joint_optimum(days, tariffs), abs=1e-4)
    assert oracle.cost_of(optimum) >= optimum.bound - 1e-5
    if cheaper == 0.0:  # no binary was needed
        assert oracle.cost_of(optimum) == pytest.approx(optimum.bound, abs=1e-4)


@pytest.mark.parametrize("tariffs", [PRICED["per kW"], PRICED["two at once"], PRICED["more peaks than days"]])
@pytest.mark.parametrize(
    "past_peaks_kw", [[0.4], [3.0, 1.5], [9.0, 8.0, 7.0]], ids=["below all", "among them", "above all"]
)
def test_bound_counts_the_peaks_that_the_month_has_seen(
    tariffs: tuple[PowerTariff, ...], past_peaks_kw: list[float]
) -> None:
    """Each as high as it was: a day need not stay below a peak that is paid for, and the paid one stays on the bill."""
    days = evenings(date(2026, 5, 13), date(2026, 5, 15), seed=4)
    oracle = MonthOracle(days, SITE, PROTOCOL, tariffs, past_peaks_kw=[past_peaks_kw] * len(tariffs))
    assert oracle.optimum(10.0).bound == pytest.approx(joint_optimum(days, tariffs, past_peaks_kw), abs=1e-4)


def billed(days: Sequence[pl.DataFrame], imported: Energy, tariffs: Sequence[PowerTariff]) -> float:
    slots = pl.concat(days).select("slot_start").with_columns(import_kwh=pl.Series(imported))
    return float(sum(power_costs(slots, tariff, STOCKHOLM)["cost"].sum() for tariff in tariffs))


@settings(max_examples=5)
@given(
    seed=st.integers(0, 2**32 - 1),
    tariffs=st.sampled_from([*PRICED.values(), *STEPPED.values()]),
    cheaper=st.sampled_from([0.0, 1.6]),
)
def test_month_costs_no_less_than_its_bound_when_any_commands_are_run(
    seed: int, tariffs: tuple[PowerTariff, ...], cheaper: float
) -> None:
    """Idle, self-consumption, careful and reckless commands, and the bound's own commands disturbed."""
    days = evenings(date(2026, 5, 13), date(2026, 5, 16), seed=seed, cheaper=cheaper)
    optimum = MonthOracle(days, SITE, PROTOCOL, tariffs).optimum(10.0)
    rng, n = np.random.default_rng(seed), 16
    for kind in range(12):
        total, imported = 0.0, []
        for day in days:
            world = World(*(day[c].to_numpy()[None] for c in ("load_kwh", "pv_kwh", "import_price", "export_price")))
            powers = rng.choice([0.0, 0.0, 1.0, 4.0, 99.0], (3, n)) * rng.random((3, n))
            if kind == 0:
                powers = np.tile([[0.0], [4.0], [0.0]], n)  # self-consumption
            elif kind == 1:
                powers = np.tile([[0.0], [0.0], [99.0]], n)  # idle
            replay = simulate(lambda slot, _, powers=powers: Command(*powers[:, slot]), world, SITE, np.array([5.0]))
            value = PROTOCOL.settlement(world.import_price[0], SITE.battery)
            total += float(replay.cost.sum()) - value * (float(replay.soc_kwh[0, -1]) - 5.0)
            imported.append(replay.flows.import_kwh[0])
        assert total + billed(days, np.concatenate(imported), tariffs) >= optimum.bound - 1e-4


@pytest.mark.parametrize("tariffs", STEPPED.values(), ids=STEPPED)
def test_stepped_bound_is_below_the_schedule_and_near_it(tariffs: tuple[PowerTariff, ...]) -> None:
    """Energy alone is a bound too: the steps have to show in it."""
    days = evenings(date(2026, 5, 13), date(2026, 5, 17), seed=4)
    oracle = MonthOracle(days, SITE, PROTOCOL, tariffs)
    optimum, free = oracle.optimum(10.0), MonthOracle(days, SITE, PROTOCOL, ()).optimum(10.0)
    paid = oracle.cost_of(optimum)
    assert free.bound + 20.0 - 1e-5 <= optimum.bound <= paid + 1e-5
    if len(tariffs) == 1:
        assert paid - optimum.bound < 0.1 * (paid - free.bound)


def charging(tariffs: tuple[PowerTariff, ...]) -> Site:
    version = TariffVersion(valid_from=date(2000, 1, 1), vat=0.25, transfer_fee=0.2456, energy_tax=0.439, power=tariffs)
    return replace(SITE, tariff=Tariff((version,)))


@pytest.mark.parametrize(
    ("first", "last"), [(date(2026, 3, 28), date(2026, 4, 1)), (date(2026, 10, 24), date(2026, 10, 26))],
    ids=["spring, two months", "autumn"],
)  # fmt: skip
def test_months_are_verified_and_cost_their_bound_when_the_clock_changes(first: date, last: date) -> None:
    site = charging(PRICED["per kW"])
    found = months_oracle(days_of_slots(first, last, seed=2), site, PROTOCOL, workers=1)
    only_verified(found.schedules, site, PROTOCOL)
    paid = float(daily_results(found.schedules, PROTOCOL, site)["cost"].sum())
    paid += float(demand_charge_bills(found.schedules, site)["power_cost"].sum())
    assert found.bounds["month"].to_list() == sorted({first.replace(day=1), last.replace(day=1)})
    assert paid == pytest.approx(float(found.bounds["bound"].sum()), abs=1e-4)
