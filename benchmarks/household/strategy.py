"""The strategy engine's adjustments, each alone and those that are on by default: `value` carried through the window.

Points are of the possible saving (idle less the window's oracle). Intervals are a bootstrap over blocks of days.
Adjustments are chosen on the training days; the test days are shown beside them.
"""

from functools import partial

import numpy as np
import numpy.typing as npt
import polars as pl

from benchmarks.harness.results import Row, Scope
from benchmarks.homes.batteries import USUAL
from benchmarks.homes.bench_homes import BenchHomes, Pair, default_protocol
from benchmarks.homes.strategy_cases import Case, cases
from planner.evaluation.verdict import total_interval
from planner.parallel import map_shards
from planner.policies.window import open_window, window_settlement
from planner.replay.continuous import replay_in
from planner.strategy.adjustments import OF_THE_BATTERY, ON_BY_DEFAULT
from planner.strategy.strategic_value import replay_strategy

SHORT_DAYS = 30
WORST_MONTH_POINTS = -0.1
OFF = "off"
Points = dict[str, npt.NDArray[np.float64]]


def run(scope: Scope) -> list[Row]:
    """Replay every pair with each adjustment."""
    pairs = scope.of(scope.homes.pairs, scope.homes.pairs[:1])
    found = map_shards(partial(pair_points, scope.homes, scope.of(None, SHORT_DAYS)), pairs)
    rows: list[Row] = []
    for (home, area), (points, is_train, months) in zip(pairs, found, strict=True):
        for name in OF_THE_BATTERY:
            for part, chosen in (("train", is_train), ("test", ~is_train)):
                own = points[name][chosen]
                low, high = total_interval(own)
                figure = f"strategy_{name}_{part}_{home}_{area}"
                rows.append(Row(figure, float(own.sum()), f"points ({_shown(low)} to {_shown(high)})"))
        default = pl.DataFrame({"month": months, "points": points["default"]})
        worst = float(default.group_by("month").agg(pl.col("points").sum())["points"].to_numpy().min())
        target, met = f">= {WORST_MONTH_POINTS}", worst >= WORST_MONTH_POINTS
        rows.append(Row(f"strategy_default_worst_month_{home}_{area}", worst, "points", target, met))
    return rows


def _shown(value: float | None) -> str:
    return "none" if value is None else f"{value:+.2f}"


def pair_points(homes: BenchHomes, n_days: int | None, pair: Pair) -> tuple[Points, npt.NDArray[np.bool_], list[str]]:
    """Return the points that each adjustment gains on each day, whether it is a training day, and its month."""
    site = USUAL.site()
    protocol, slots = default_protocol(site), homes.window(pair, site, n_days=n_days)
    window = open_window(slots, homes.forecasts(pair[0], slots, site), homes.history(pair[0]), site, protocol)
    points = {case.figure: _points(case) for case in cases(window, OF_THE_BATTERY)}
    default = Case(figure="default", names=ON_BY_DEFAULT, window=window)
    points["default"] = _points(default) if ON_BY_DEFAULT else 0.0 * points[OF_THE_BATTERY[0]]
    days = slots["local_day"].unique().sort()
    train = pl.Series(homes.days(pair[0], "train", site.timezone), dtype=pl.Date)
    return points, days.is_in(train.implode()).to_numpy(), days.dt.strftime("%Y-%m").to_list()


def _points(case: Case) -> npt.NDArray[np.float64]:
    """Return the points of the possible saving that a case gains on each day."""
    window = case.window
    value = window_settlement(window.days, window.site, window.protocol)
    possible = float((_costs(replay_in("idle", window), value) - _costs(replay_in("oracle", window), value)).sum())
    off = _costs(replay_strategy(window, case.off_names, OFF, case.off_announced), value)
    return 100 * (off - _costs(replay_strategy(window, case.names, case.figure, case.announced), value)) / possible


def _costs(schedule: pl.DataFrame, value: float) -> npt.NDArray[np.float64]:
    """Return the cost of each day, which pays for the stored energy it takes [money]."""
    kept = pl.col("soc_end_kwh").last() - pl.col("soc_start_kwh").first()
    days = schedule.group_by("local_day", maintain_order=True).agg(cost=pl.col("cost").sum() - value * kept)
    return days["cost"].to_numpy()
