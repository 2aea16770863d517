"""The continuous protocol beside the daily one: stored energy carried through the whole window.

`oracle_published` is what a planner with perfect forecasts of the home could reach on prices as they were published.
The window holds training and test weeks, since stored energy cannot jump over the weeks between. The figures without
a battery's name are those of 34.2 kWh and 8 kW on the six pairs that targets were set for; the others (`_10kwh`) are of
every home. `known_*` is what `value` would gain, were the sun, the load, the next day's prices or all of them known;
`price_forecast` is what it gains by the forecast of the next day's prices over the mean of past days.
"""

from datetime import timedelta
from functools import partial

import numpy as np
import numpy.typing as npt
import polars as pl

from benchmarks.harness.results import Row, Scope
from benchmarks.harness.shares import Costs, gain_rows, share
from benchmarks.homes.batteries import BATTERIES, LARGE, USUAL, BenchBattery
from benchmarks.homes.bench_homes import FIRST_DAY, LAST_DAY, ZONE, BenchHomes, Pair, default_protocol
from env.site import Site
from env.time_grid import days_between
from planner.forecasts.price_forecast import PriceForecaster, mean_absolute_errors
from planner.parallel import map_shards
from planner.policies.window import open_window, window_settlement
from planner.policy_names import CONTINUOUS_POLICIES
from planner.replay.continuous import replay_in, replay_window
from planner.replay.known_home import CONTINUOUS_KNOWLEDGE, replay_known_window
from planner.value.protocol import Protocol

SHOWN = ("self_consumption", "mpc", "value", "oracle_published")
PRICE_ERROR = 0.70  # of that of the mean of seven days
TOLERANCE = 1e-4  # money over a window of 31 000 slots
BLIND = "value_without_price_forecast"
SHORT_DAYS = 5


def run(scope: Scope) -> list[Row]:
    """Replay every home once with every battery, on all cores."""
    homes, n_days = scope.homes, scope.of(None, SHORT_DAYS)
    rows: list[Row] = []
    for battery in scope.of(BATTERIES, (USUAL, LARGE)):
        pairs = scope.of(homes.pairs if battery == LARGE else homes.every_pair, homes.pairs[:1])
        costs = dict(zip(pairs, map_shards(partial(_costs, homes, battery, n_days), pairs), strict=True))
        rows += _battery_rows(battery, costs)
    return rows + [row for area in dict.fromkeys(area for _, area in homes.pairs) for row in _error_rows(homes, area)]


def _error_rows(homes: BenchHomes, area: str) -> list[Row]:
    """Return the error of the forecast of the next day's prices beside that of the mean of seven days."""
    forecaster = PriceForecaster(homes.all_prices(area), ZONE)
    own, naive = mean_absolute_errors(forecaster, [*days_between(FIRST_DAY, LAST_DAY - timedelta(days=1))])
    target, met = f"<= {PRICE_ERROR}", own / naive <= PRICE_ERROR
    return [
        Row(f"price_mae_next_day_{area}", own, "money/kWh"),
        Row(f"price_mae_mean_of_7_days_{area}", naive, "money/kWh"),
        Row(f"price_mae_ratio_{area}", own / naive, "", target, met, applies="measured"),
    ]


def _battery_rows(battery: BenchBattery, costs: dict[Pair, Costs]) -> list[Row]:
    rows: list[Row] = []
    for policy in SHOWN:
        figure = f"continuous_{policy}{battery.suffix}"
        shares = {pair: share(own, policy) for pair, own in costs.items()}
        rows.append(Row(f"{figure}_mean", sum(shares.values()) / len(shares), "captured share"))
        rows += [Row(f"{figure}_{home}_{area}", own) for (home, area), own in shares.items()]
    rows += gain_rows(f"continuous_value_above_mpc{battery.suffix}", costs, "value", "mpc")
    rows += gain_rows(f"continuous_price_forecast{battery.suffix}", costs, "value", BLIND)
    for known in CONTINUOUS_KNOWLEDGE:
        rows += gain_rows(f"continuous_known_{known}{battery.suffix}", costs, known, "value")
    excess = max(float(own["oracle"].sum() - min(cost.sum() for cost in own.values())) for own in costs.values())
    target, met = f"<= {TOLERANCE}", excess <= TOLERANCE
    return [*rows, Row(f"oracle_excess{battery.suffix}", excess, "money", target=target, met=met)]


def _costs(homes: BenchHomes, battery: BenchBattery, n_days: int | None, pair: Pair) -> Costs:
    """Return what each policy pays on each day of the window, settled at its end [money]."""
    site = battery.site()
    protocol, slots = default_protocol(site), homes.window(pair, site, n_days=n_days)
    forecasts, history = homes.forecasts(pair[0], slots, site), homes.history(pair[0])
    prices = PriceForecaster(homes.all_prices(pair[1]), site.timezone)
    window = open_window(slots, forecasts, history, site, protocol, prices=prices)
    schedules = (
        {policy: replay_in(policy, window) for policy in CONTINUOUS_POLICIES}
        | {BLIND: replay_window("value", slots, forecasts, history, site, protocol)}
        | {name: replay_known_window(known, window) for name, known in CONTINUOUS_KNOWLEDGE.items()}
    )
    return {name: _daily_costs(schedule, slots, site, protocol) for name, schedule in schedules.items()}


def _daily_costs(
    schedule: pl.DataFrame, slots: pl.DataFrame, site: Site, protocol: Protocol
) -> npt.NDArray[np.float64]:
    """Return the cost of each day; a day pays for the stored energy it takes, at the window's settlement value."""
    value = window_settlement(slots, site, protocol)
    kept = pl.col("soc_end_kwh").last() - pl.col("soc_start_kwh").first()
    days = schedule.group_by("local_day", maintain_order=True).agg(cost=pl.col("cost").sum() - value * kept)
    return days["cost"].to_numpy()
