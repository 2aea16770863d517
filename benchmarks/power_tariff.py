"""Gain of planners that see a demand charge: Ellevio's rule of 2025 on the test weeks of two bench homes.

The mean of a month's three highest hours on different days at 81.25 SEK/kW, half of it from 22 to 06
(`docs/power_tariffs.md`), in the daily protocol. A month's bill counts its test days, for everyone alike. `blind`
planners do not see the charge and are billed it. Nothing is fitted or tuned on these weeks.
"""

from dataclasses import dataclass, replace

import polars as pl

from benchmarks.harness.results import Row, Scope
from benchmarks.homes.bench_homes import BenchHomes, Pair, default_protocol, default_site
from env.power_tariff import PowerTariff, PowerWindow
from env.site import Site
from env.tariff import Tariff
from planner.demand_charges.bills import demand_charge_bills
from planner.evaluation.daily_results import daily_results
from planner.replay.daily import replay_days
from planner.replay.monthly_oracle import months_oracle
from planner.value.protocol import Protocol

AREA = "SE3"
NIGHT = PowerWindow(start_minute=22 * 60, end_minute=6 * 60, weight=0.5)
ELLEVIO = PowerTariff(top=3, price_per_kw=81.25, windows=(NIGHT,))
SIMPLE, PLANNERS = ("idle", "self_consumption"), ("mpc", "value")
TOLERANCE = 1e-4  # SEK
SHORT_DAYS = 5


@dataclass(frozen=True)
class _Bill:
    """Cost of the test days [SEK].

    Attributes:
        total: energy, wear, settlement and the months' demand charges.
        demand_charge: the months' demand charges alone.
    """

    total: float
    demand_charge: float


def run(scope: Scope) -> list[Row]:
    """Replay the test weeks of two homes, with planners that see the charge and planners that do not."""
    homes = scope.homes
    pairs = [(home, AREA) for home in scope.of((homes.villa, homes.no_pv), (homes.villa,))]
    return [row for pair in pairs for row in _pair_rows(homes, pair, scope.of(None, SHORT_DAYS))]


def _pair_rows(homes: BenchHomes, pair: Pair, n_days: int | None) -> list[Row]:
    blind = default_site()
    versions = tuple(replace(version, power=(ELLEVIO,)) for version in blind.tariff.versions)
    aware = replace(blind, tariff=Tariff(versions))
    protocol, slots = default_protocol(blind), homes.window(pair, aware, split="test", n_days=n_days)
    forecasts, history = homes.forecasts(pair[0], slots, aware), homes.history(pair[0])

    def bill(policy: str, site: Site) -> _Bill:
        return _bill(replay_days(policy, slots, forecasts, site, protocol, history=history), aware, protocol)

    simple = {policy: bill(policy, blind) for policy in SIMPLE}
    blind_bills = {policy: bill(policy, blind) for policy in PLANNERS}
    aware_bills = {policy: bill(policy, aware) for policy in PLANNERS}
    bills = dict(simple)
    for policy in PLANNERS:
        bills |= {f"{policy}_blind": blind_bills[policy], policy: aware_bills[policy]}
    bound = float(months_oracle(slots, aware, protocol).bounds["bound"].sum())
    idle = simple["idle"].total
    place = "_".join(pair)
    rows = [Row(f"test_days_{place}", slots["local_day"].n_unique(), "days"), Row(f"bound_{place}", bound, "SEK")]
    for name, paid in bills.items():
        rows.append(Row(f"total_{name}_{place}", paid.total, "SEK"))
        rows.append(Row(f"power_{name}_{place}", paid.demand_charge, "SEK"))
        rows.append(Row(f"captured_{name}_{place}", (idle - paid.total) / (idle - bound)))
    for policy in PLANNERS:
        saved = blind_bills[policy].total - aware_bills[policy].total
        figure = f"{policy}_less_than_blind_{place}"
        rows.append(Row(figure, saved, "SEK", target="> 0", met=saved > 0, applies="measured"))
    below = sum(paid.total < bound - TOLERANCE for paid in bills.values())
    return [*rows, Row(f"below_bound_{place}", below, target="0", met=below == 0)]


def _bill(schedules: pl.DataFrame, site: Site, protocol: Protocol) -> _Bill:
    """Return what the days, settled, and the months' demand charges cost."""
    charge = float(demand_charge_bills(schedules, site)["power_cost"].sum())
    return _Bill(float(daily_results(schedules, protocol, site)["cost"].sum()) + charge, charge)
