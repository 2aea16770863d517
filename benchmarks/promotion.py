"""The promotion gate on real days: how often it promotes luck, a challenger 2 % worse, and one 2 % better.

Champion is `value` on the test weeks of a bench home. A challenger differs from it as MPC does from `value`, day by
day, with the mean difference taken out and blocks of days drawn anew (block bootstrap): real, skewed, correlated noise.
Nothing is added for the trials of luck (A/A), 2 % of the mean daily cost for the others.

Where power is charged (Ellevio's rule), challengers are planners that do not see the charge, as learned policies do
not, and those that do, on whole months of four homes: against `value`, and against a champion that is dearer than they
are. None may be promoted whose bill is above that of `value`.
"""

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl

from benchmarks.harness.results import Row, Scope
from benchmarks.homes.bench_homes import BenchHomes, Pair, default_protocol, default_site
from benchmarks.power_tariff import ELLEVIO
from darkstar_pipeline.learning.promotion_gate import gate_document
from env.inverter import Energy
from env.tariff import Tariff
from planner.evaluation.charged_results import charged_results
from planner.evaluation.daily_results import daily_results
from planner.evaluation.promotion_test import assess_challenger
from planner.evaluation.verdict import Evaluation, evaluate
from planner.replay.daily import replay_days

TRIALS, SHORT_TRIALS = 200, 50
SHORT_DAYS = 28
BLOCK = 7
SHARE = 0.02
LUCKY, BLOCKED = 0.05, 0.95
SEED = 20_261_125
POWER_HOMES, SHADOW_DAYS = 4, 7
VALIDATION, TEST = (date(2025, 11, 1), date(2025, 11, 30)), (date(2026, 1, 1), date(2026, 2, 28))
SHORT_TEST = (date(2026, 1, 1), date(2026, 1, 14))
CHALLENGERS = ("value_blind", "mpc_blind", "mpc", "self_consumption")
KINDS = {"aa": 0.0, "worse": SHARE, "better": -SHARE}


def run(scope: Scope) -> list[Row]:
    """Assess made-up challengers of every pair."""
    rng = np.random.default_rng(SEED)
    promotions: dict[str, list[bool]] = {kind: [] for kind in KINDS}
    rows: list[Row] = []
    for pair in scope.of(scope.homes.pairs, scope.homes.pairs[:1]):
        champion, noise = _daily_costs(scope.homes, pair, scope.of(None, SHORT_DAYS))
        for kind, share in KINDS.items():
            promoted = [_promoted(champion, noise, share, rng) for _ in range(scope.of(TRIALS, SHORT_TRIALS))]
            promotions[kind] += promoted
            rows.append(Row(f"promoted_{kind}_{'_'.join(pair)}", float(np.mean(promoted))))
    shares = {kind: float(np.mean(promoted)) for kind, promoted in promotions.items()}
    lucky, blocked = shares["aa"], 1 - shares["worse"]
    return [
        Row("aa_promoted_share", lucky, target=f"<= {LUCKY}", met=lucky <= LUCKY, applies="whole"),
        Row("worse_blocked_share", blocked, target=f">= {BLOCKED}", met=blocked >= BLOCKED, applies="whole"),
        Row("better_promoted_share", shares["better"]),
        Row("trials_of_each", float(len(promotions["aa"]))),
        *_power_rows(scope),
        *rows,
    ]


def _power_rows(scope: Scope) -> list[Row]:
    """Return how many challengers the gate promotes where power is charged, and how many of those are dearer."""
    rows, above, promoted = list[Row](), 0, 0
    pairs = list({pair[0]: pair for pair in reversed(scope.homes.every_pair)}.values())[-POWER_HOMES:]
    for pair in scope.of(pairs, pairs[:1]):
        verdicts = [_power_verdict(scope.homes, pair, span) for span in (VALIDATION, scope.of(TEST, SHORT_TEST))]
        before, bills = ({row["policy"]: row["total_cost"] for row in each.totals.to_dicts()} for each in verdicts)
        for challenger in CHALLENGERS:
            for champion in (None, max(CHALLENGERS, key=lambda name: bills[name])):
                saved = before["value"] - before[challenger]
                found = gate_document(
                    verdicts[1], challenger, champion, saved_on_validation=saved, shadow_days=SHADOW_DAYS
                )
                promoted += found["promote"]
                above += found["promote"] and bills[challenger] > bills["value"]
            rows.append(Row(f"bill_{challenger}_{'_'.join(pair)}", bills[challenger], "SEK"))
        rows.append(Row(f"bill_value_{'_'.join(pair)}", bills["value"], "SEK"))
    target = Row("power_promoted_above_value", above, target="0", met=above == 0)
    return [target, Row("power_promoted", promoted), *rows]


def _power_verdict(homes: BenchHomes, pair: Pair, span: tuple[date, date]) -> Evaluation:
    """Return the verdict on challengers and `value` where power is charged, on whole days of a span."""
    blind = default_site()
    charged = replace(
        blind, tariff=Tariff(tuple(replace(version, power=(ELLEVIO,)) for version in blind.tariff.versions))
    )
    protocol, slots = default_protocol(blind), homes.slots(pair, charged, *span)
    forecasts, history = homes.forecasts(pair[0], slots, charged), homes.history(pair[0])
    schedules = [
        replay_days(
            name.removesuffix("_blind"),
            slots,
            forecasts,
            blind if name.endswith("_blind") else charged,
            protocol,
            history=history,
        ).with_columns(policy=pl.lit(name))
        for name in ("value", *CHALLENGERS)
    ]
    return evaluate(charged_results(pl.concat(schedules, how="diagonal"), protocol, charged))


def _daily_costs(homes: BenchHomes, pair: Pair, n_days: int | None) -> tuple[Energy, Energy]:
    """Return the daily cost of `value`, and how MPC's differs from it, without the mean [money]."""
    site = default_site()
    protocol, slots = default_protocol(site), homes.window(pair, site, split="test", n_days=n_days)
    forecasts, history = homes.forecasts(pair[0], slots, site), homes.history(pair[0])
    value, mpc = (
        daily_results(replay_days(policy, slots, forecasts, site, protocol, history=history), protocol, site)
        .sort("day")["cost"]
        .cast(pl.Float64)
        .to_numpy()
        for policy in ("value", "mpc")
    )
    difference = mpc - value
    return value, difference - difference.mean()


def _promoted(champion: Energy, noise: Energy, share: float, rng: np.random.Generator) -> bool:
    """Return whether the gate promotes one made-up challenger."""
    n = len(champion)
    starts = rng.integers(0, n, -(-n // BLOCK))
    drawn = noise[((starts[:, None] + np.arange(BLOCK)) % n).ravel()[:n]] * rng.choice([-1.0, 1.0])
    challenger = champion + drawn + share * np.abs(champion).mean()
    return assess_challenger(champion, challenger, breaches=0).promote
