"""Speed of the value function on a home's year, and its error against the exact optimum of days known ahead.

The year is 365 home-days, 35 040 plans: the bench homes have 323 whole days on record, the rest are another area's.
"""

import time

import numpy as np
import polars as pl

from benchmarks.harness.results import Row, Scope
from benchmarks.homes.bench_homes import BenchHomes, Pair, default_site, slots_of_days
from env.inverter import Energy
from env.site import Site
from planner.evaluation.daily_results import daily_results
from planner.optimizer.slot_arrays import needed_arrays
from planner.replay.daily import replay_days
from planner.value.protocol import Protocol
from planner.value.scenarios import Scenarios
from planner.value.value_function import soc_grid, value_function

YEAR_DAYS, MANY_DAYS = 365, 1000
SHORT_DAYS = 30
MOST_SECONDS, MOST_ERROR = 3.0, 0.005
NO_FORECASTS = pl.DataFrame(
    schema={
        "slot_start": pl.Datetime("us", "UTC"),
        "local_day": pl.Date,
        "load_kwh": pl.Float64,
        "pv_kwh": pl.Float64,
    }
)


def run(scope: Scope) -> list[Row]:
    """Time the replay, then compare with the oracle; the short form scales the time of fewer days up."""
    site, homes = default_site(), scope.homes
    protocol = Protocol(start_soc_kwh=site.battery.soc_kwh(50.0))
    pairs = scope.of(homes.pairs, homes.pairs[:1])
    slots = {pair: homes.window(pair, site, n_days=scope.of(None, SHORT_DAYS)) for pair in pairs}
    year, many = (
        _seconds(homes, slots, scope.of(days, SHORT_DAYS), site, protocol) * scope.of(1.0, days / SHORT_DAYS)
        for days in (YEAR_DAYS, MANY_DAYS)
    )
    errors = {pair: _error(pair_slots, site, protocol) for pair, pair_slots in slots.items()}
    mean = sum(errors.values()) / len(errors)
    error_row = Row(
        "value_error_vs_lp", mean, "share of saving", f"<= {MOST_ERROR}", mean <= MOST_ERROR, applies="measured"
    )
    return [
        Row("value_year_seconds", year, "s", f"<= {MOST_SECONDS}", year <= MOST_SECONDS, applies="whole"),
        Row("home_days_1000_seconds", many, "s"),
        error_row,
        *(Row(f"value_error_vs_lp_{home}_{area}", error) for (home, area), error in errors.items()),
    ]


def _seconds(homes: BenchHomes, slots: dict[Pair, pl.DataFrame], n_days: int, site: Site, protocol: Protocol) -> float:
    """Return the wall time of replaying so many home-days, scenarios and evaluation included [s]."""
    histories = {pair: homes.history(pair[0]) for pair in slots}
    left, start = n_days, time.perf_counter()
    for pair, pair_slots in slots.items():
        days = pair_slots["local_day"].unique().sort().head(left)
        wanted = slots_of_days(pair_slots, days.to_list())
        replayed = replay_days("value", wanted, NO_FORECASTS, site, protocol, history=histories[pair])
        daily_results(replayed, protocol, site)
        left -= len(days)
        if left == 0:
            break
    return time.perf_counter() - start


def _error(slots: pl.DataFrame, site: Site, protocol: Protocol) -> float:
    """Return how much the value function costs above the oracle on known days, as a share of the possible saving."""
    idle, oracle = (
        float(daily_results(replay_days(policy, slots, NO_FORECASTS, site, protocol), protocol, site)["cost"].sum())
        for policy in ("idle", "oracle")
    )
    sized = slots.with_columns(n_slots=pl.len().over("local_day"))
    cost = sum(_expected_cost(part, site, protocol) for part in sized.partition_by("n_slots", maintain_order=True))
    return (cost - oracle) / (idle - oracle)


def _expected_cost(slots: pl.DataFrame, site: Site, protocol: Protocol) -> float:
    """Return what the value function expects days of equally many slots to cost when it knows them [money]."""
    shape = (slots["local_day"].n_unique(), -1)
    import_price, export_price, load, pv = (values.reshape(shape) for values in needed_arrays(slots))
    settlement: Energy = np.array([protocol.settlement(prices, site.battery) for prices in import_price])
    value = value_function(
        Scenarios(load[:, None], pv[:, None]),
        import_price,
        export_price,
        site=site,
        end_value=settlement[:, None] * soc_grid(site.battery),
    )
    start = np.full(shape[0], protocol.start_soc_kwh)
    return float((settlement * protocol.start_soc_kwh - value.at(0, start)).sum())
