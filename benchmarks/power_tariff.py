"""What it is worth to planners to know a charge for power: Ellevio's rule of 2025 on test weeks of two bench homes.

The mean of a month's three highest hours on different days at 81.25 SEK/kW, half of it from 22 to 06
(`docs/power_tariffs.md`), daily protocol. A month's bill is of its test days, for everyone alike. `blind` planners see
no charge and are billed it. Nothing is fitted or tuned on these weeks.
"""

from dataclasses import replace

import polars as pl

from benchmarks.harness.results import Row
from benchmarks.homes.bench_homes import (
    bench_forecasts,
    bench_history,
    bench_protocol,
    bench_window,
    default_site,
)
from env.power_tariff import PowerTariff, PowerWindow
from env.site import Site
from env.tariff import Tariff
from planner.demand_charges.bills import demand_charge_bills
from planner.evaluation.daily_results import daily_results
from planner.replay.daily import replay_days
from planner.replay.monthly_oracle import months_oracle
from planner.value.protocol import Protocol

PAIRS = (("fontana_B02", "SE3"), ("trondheim_2020", "SE3"))
NIGHT = PowerWindow(start_minute=22 * 60, end_minute=6 * 60, weight=0.5)
ELLEVIO = PowerTariff(top=3, price_per_kw=81.25, windows=(NIGHT,))
SIMPLE, PLANNERS = ("idle", "self_consumption"), ("mpc", "value")


def run() -> list[Row]:
    """Replay the test weeks of two homes, with planners that know the charge and that do not."""
    return [row for pair in PAIRS for row in _home(*pair)]


def _home(home: str, area: str) -> list[Row]:
    blind = default_site()
    versions = tuple(replace(version, power=(ELLEVIO,)) for version in blind.tariff.versions)
    aware = replace(blind, tariff=Tariff(versions))
    protocol, slots = bench_protocol(blind), bench_window(home, area, aware, split="test")
    forecasts, history = bench_forecasts(home, slots, aware), bench_history(home)
    asked = [(policy, policy, blind) for policy in SIMPLE]
    asked += [
        (f"{policy}{told}", policy, site) for policy in PLANNERS for told, site in (("_blind", blind), ("", aware))
    ]
    paid = {
        name: _paid(replay_days(policy, slots, forecasts, site, protocol, history=history), aware, protocol)
        for name, policy, site in asked
    }
    bound = float(months_oracle(slots, aware, protocol).bounds["bound"].sum())
    saving = paid["idle"][0] - bound
    place = f"{home}_{area}"
    rows = [Row(f"test_days_{place}", slots["local_day"].n_unique(), "days"), Row(f"bound_{place}", bound, "SEK")]
    for name, (total, power) in paid.items():
        rows += [Row(f"total_{name}_{place}", total, "SEK"), Row(f"power_{name}_{place}", power, "SEK")]
        rows.append(Row(f"captured_{name}_{place}", (paid["idle"][0] - total) / saving))
    rows += [
        Row(f"{policy}_less_than_blind_{place}", saved, "SEK", target="> 0", met=saved > 0)
        for policy in PLANNERS
        for saved in (paid[f"{policy}_blind"][0] - paid[policy][0],)
    ]
    below = sum(total < bound - 1e-4 for total, _ in paid.values())
    return [*rows, Row(f"below_bound_{place}", below, target="0", met=below == 0)]


def _paid(schedules: pl.DataFrame, site: Site, protocol: Protocol) -> tuple[float, float]:
    """What the days, settled, and the months' power cost, and of it the power [SEK]."""
    power = float(demand_charge_bills(schedules, site)["power_cost"].sum())
    return float(daily_results(schedules, protocol, site)["cost"].sum()) + power, power
