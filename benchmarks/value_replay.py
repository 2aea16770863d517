"""How fast the value function replays a home's year, and how near it comes to the exact optimum when it knows the day.

The year is 365 home-days, 35 040 plans: the bench homes have 323 whole days on record, the rest are another area's.
"""

import time
from datetime import timedelta

import numpy as np
import polars as pl

from benchmarks.harness.results import Row
from benchmarks.homes.bench_homes import FIRST_DAY, LAST_DAY, PAIRS, bench_history, bench_slots, default_site
from env.inverter import Energy
from env.site import Site
from planner.evaluation.daily_results import daily_results
from planner.optimizer.slot_arrays import needed_arrays
from planner.replay.daily import replay_days
from planner.value.protocol import Protocol
from planner.value.scenarios import Scenarios
from planner.value.value_function import soc_grid, value_function

YEAR_DAYS, MANY_DAYS = 365, 1000
MOST_SECONDS, MOST_ERROR = 3.0, 0.005
NO_FORECASTS = pl.DataFrame(
    schema={
        "slot_start": pl.Datetime("us", "UTC"),
        "local_day": pl.Date,
        "load_kwh": pl.Float64,
        "pv_kwh": pl.Float64,
    }
)


def run() -> list[Row]:
    """Time the replay, then compare with the oracle."""
    site = default_site()
    protocol = Protocol(start_soc_kwh=site.battery.soc_kwh(50.0))
    slots = {pair: _slots(*pair, site) for pair in PAIRS}
    year, many = (_seconds(slots, days, site, protocol) for days in (YEAR_DAYS, MANY_DAYS))
    errors = {pair: _error(known, site, protocol) for pair, known in slots.items()}
    mean = sum(errors.values()) / len(errors)
    return [
        Row("value_year_seconds", year, "s", target=f"<= {MOST_SECONDS}", met=year <= MOST_SECONDS),
        Row("home_days_1000_seconds", many, "s"),
        Row("value_error_vs_lp", mean, "share of saving", target=f"<= {MOST_ERROR}", met=mean <= MOST_ERROR),
        *(Row(f"value_error_vs_lp_{home}_{area}", error) for (home, area), error in errors.items()),
    ]


def _slots(home: str, area: str, site: Site) -> pl.DataFrame:
    return bench_slots(home, area, site, FIRST_DAY + timedelta(days=1), LAST_DAY - timedelta(days=1))


def _seconds(slots: dict[tuple[str, str], pl.DataFrame], n_days: int, site: Site, protocol: Protocol) -> float:
    """Wall time of replaying so many home-days, scenarios and verdict included [s]."""
    histories = {pair: bench_history(pair[0]) for pair in slots}
    left, start = n_days, time.perf_counter()
    for pair, known in slots.items():
        days = known["local_day"].unique().sort().head(left)
        wanted = known.filter(pl.col("local_day").is_in(days.implode()))
        daily_results(
            replay_days("value", wanted, NO_FORECASTS, site, protocol, history=histories[pair]), protocol, site
        )
        left -= len(days)
        if left == 0:
            break
    return time.perf_counter() - start


def _error(slots: pl.DataFrame, site: Site, protocol: Protocol) -> float:
    """Cost by the value function on the day as it was, above the oracle's, as a share of what could be saved."""
    idle, oracle = (
        float(daily_results(replay_days(policy, slots, NO_FORECASTS, site, protocol), protocol, site)["cost"].sum())
        for policy in ("idle", "oracle")
    )
    sized = slots.with_columns(n_slots=pl.len().over("local_day"))
    cost = sum(_known_cost(part, site, protocol) for part in sized.partition_by("n_slots", maintain_order=True))
    return (cost - oracle) / (idle - oracle)


def _known_cost(slots: pl.DataFrame, site: Site, protocol: Protocol) -> float:
    """What the value function expects days of equally many slots to cost when it knows them [money]."""
    shape = (slots["local_day"].n_unique(), -1)
    import_price, export_price, load, pv = (values.reshape(shape) for values in needed_arrays(slots))
    settlement: Energy = np.array([protocol.settlement(prices, site.battery) for prices in import_price])
    worth = value_function(
        Scenarios(load[:, None], pv[:, None]),
        import_price,
        export_price,
        site=site,
        end_value=settlement[:, None] * soc_grid(site.battery),
    )
    start = np.full(shape[0], protocol.start_soc_kwh)
    return float((settlement * protocol.start_soc_kwh - worth.at(0, start)).sum())
