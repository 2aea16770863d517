"""The promotion gate on real days: how often luck gets through, how often 2 % worse, and how often 2 % better.

Champion is `value` on the test weeks of a bench home. A challenger differs from it as MPC does from `value`, day by
day, with the mean difference taken out and blocks of days drawn anew: real, skewed, correlated noise. Nothing is added
for the trials of luck (A/A), 2 % of the mean daily cost for the others.
"""

import numpy as np
import polars as pl

from benchmarks.harness.results import Row
from benchmarks.homes.bench_homes import (
    PAIRS,
    bench_forecasts,
    bench_history,
    bench_protocol,
    bench_window,
    default_site,
)
from env.inverter import Energy
from planner.evaluation.daily_results import daily_results
from planner.evaluation.promotion_test import assess_challenger
from planner.replay.daily import replay_days

TRIALS = 200
BLOCK = 7
SHARE = 0.02
LUCKY, BLOCKED = 0.05, 0.95
SEED = 20_261_125
KINDS = {"aa": 0.0, "worse": SHARE, "better": -SHARE}


def run() -> list[Row]:
    """Judge made-up challengers of every pair."""
    random = np.random.default_rng(SEED)
    found: dict[str, list[bool]] = {kind: [] for kind in KINDS}
    rows: list[Row] = []
    for home, area in PAIRS:
        champion, noise = _days(home, area)
        for kind, share in KINDS.items():
            promoted = [_promoted(champion, noise, share, random) for _ in range(TRIALS)]
            found[kind] += promoted
            rows.append(Row(f"promoted_{kind}_{home}_{area}", float(np.mean(promoted))))
    shares = {kind: float(np.mean(each)) for kind, each in found.items()}
    blocked = 1 - shares["worse"]
    return [
        Row("aa_promoted_share", shares["aa"], target=f"<= {LUCKY}", met=shares["aa"] <= LUCKY),
        Row("worse_blocked_share", blocked, target=f">= {BLOCKED}", met=blocked >= BLOCKED),
        Row("better_promoted_share", shares["better"]),
        Row("trials_of_each", float(len(found["aa"]))),
        *rows,
    ]


def _days(home: str, area: str) -> tuple[Energy, Energy]:
    """Daily cost of `value`, and how MPC's differs without its mean [money]."""
    site = default_site()
    protocol, slots = bench_protocol(site), bench_window(home, area, site, split="test")
    forecasts, history = bench_forecasts(home, slots, site), bench_history(home)
    value, mpc = (
        daily_results(replay_days(policy, slots, forecasts, site, protocol, history=history), protocol, site)
        .sort("day")["cost"]
        .cast(pl.Float64)
        .to_numpy()
        for policy in ("value", "mpc")
    )
    difference = mpc - value
    return value, difference - difference.mean()


def _promoted(champion: Energy, noise: Energy, share: float, random: np.random.Generator) -> bool:
    """Whether one made-up challenger gets through."""
    n = len(champion)
    starts = random.integers(0, n, -(-n // BLOCK))
    drawn = noise[((starts[:, None] + np.arange(BLOCK)) % n).ravel()[:n]] * random.choice([-1.0, 1.0])
    challenger = champion + drawn + share * np.abs(champion).mean()
    return assess_challenger(champion, challenger, breaches=0).promote
