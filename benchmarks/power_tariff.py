"""What it is worth to planners to know a charge for power: Ellevio's rule of 2025 on test weeks of two bench homes.

The mean of a month's three highest hours on different days at 81.25 SEK/kW, half of it from 22 to 06
(`docs/power_tariffs.md`), daily protocol. A month's bill is of its test days, for everyone alike. `blind` planners see
no charge and are billed it. Nothing is fitted or tuned on these weeks.
"""

from dataclasses import replace
from datetime import timedelta

import polars as pl

from benchmarks.bench_homes import FIRST_DAY, LAST_DAY, bench_days, bench_history, bench_slots, default_site
from benchmarks.harness import Row
from darkstar_pipeline.settings import ForecastSettings, MpcSettings
from env.power_tariff import PowerTariff, PowerWindow
from env.site import Site
from env.tariff import Tariff
from planner.forecasts import naive_forecasts
from planner.power_bills import power_bills
from planner.power_oracle import months_oracle
from planner.protocol import Protocol
from planner.replay import replay_days
from planner.results import daily_results
from planner.steadiness import SteadinessRules

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
    protocol = Protocol(
        start_soc_kwh=blind.battery.soc_kwh(50.0), steadiness=SteadinessRules(**MpcSettings().model_dump())
    )
    slots = bench_slots(home, area, aware, FIRST_DAY + timedelta(days=1), LAST_DAY - timedelta(days=1))
    test = pl.Series(bench_days(home, "test", aware.timezone), dtype=pl.Date)
    slots = slots.filter(pl.col("local_day").is_in(test.implode()))
    history, averaged = bench_history(home), ForecastSettings()
    days = slots["local_day"].unique().sort().to_list()
    forecasts = naive_forecasts(history, days, aware.timezone, load_days=averaged.load_days, pv_days=averaged.pv_days)
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
    rows = [Row(f"test_days_{place}", len(days), "days"), Row(f"bound_{place}", bound, "SEK")]
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
    power = float(power_bills(schedules, site)["power_cost"].sum())
    return float(daily_results(schedules, protocol, site)["cost"].sum()) + power, power
