"""One pooled policy for all homes, against a policy of each home's own and against `value`, on the test weeks.

Every home stands in one class with 10 kWh, each with one area of prices. `own` is trained on the home's train weeks
alone, `pooled` on those of all homes, and each home takes of it what its own weeks say; `whole` takes all of it. None
has Aurora's scenarios. Both learn from 40 days a home in two rounds, as a home in its first months would; all that is
chosen is chosen on 21 days of validation weeks, and 35 days of the test weeks are replayed once, drawn evenly. `gate_p`
is the p-value with which `pooled` would face the gate in place of `value`, `in_common` the share of the variance of the
daily differences that the homes have in common.

The short form has two pairs, few days and a small training.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from benchmarks.corrections.learned_home import SEED, LearnedHome, learned_home
from benchmarks.harness.results import Row, Scope
from benchmarks.harness.shares import Costs, gain_rows, share
from benchmarks.homes.batteries import USUAL
from benchmarks.homes.bench_homes import Pair
from darkstar_pipeline.learning.fleet.pooled_training import WITHOUT_AURORA
from darkstar_pipeline.learning.scenario_rules import cheapest_rules
from env.gym.episodes import Episodes
from planner.evaluation.class_test import ClassCosts, assess_class
from planner.parallel import map_shards
from planner.policies.adapted_policy import WHOLE, AdaptedPolicy
from planner.policies.learned_policy import LearnedPolicy
from planner.training.lightgbm import LightgbmTraining, train_lightgbm
from planner.training.pooled_lightgbm import PooledTraining, ValuedHome, class_rules, train_pooled, uncorrected_costs
from planner.training.settings import LightgbmSettings
from planner.value.scenario_weights import WeightRules

REFERENCES = ("idle", "value", "oracle")
TRAIN_DAYS, VALIDATION_DAYS, TEST_DAYS = 40, 21, 35
LEARNED = ("own", "pooled", "whole")


@dataclass(frozen=True)
class PairDays:
    """The days of a pair, as a pooled training asks for them (`HomeDays`)."""

    name: str
    data: LearnedHome

    def open(self) -> "PairDays":
        """Return itself: everything is read."""
        return self

    def training(self, rules: WeightRules) -> Episodes:
        """Return training days."""
        return self.data.episodes(self.data.train, rules)

    def validation(self, rules: WeightRules) -> Episodes:
        """Return validation days."""
        return self.data.episodes(self.data.validation, rules)


def run(scope: Scope) -> list[Row]:
    """Train, and compare on the test weeks."""
    pairs = list({home: (home, area) for home, area in reversed(scope.homes.every_pair)}.values())
    data = {pair: _thinned(learned_home(scope, pair, None)) for pair in scope.of(pairs, pairs[:2])}
    homes = {pair: PairDays("_".join(pair), each) for pair, each in data.items()}
    started = time.process_time()
    pooled = _pooled(scope, list(homes.values()))
    rows = [Row("train_seconds", time.process_time() - started, "s of this process")]
    rows += [Row(name, value) for name, value in pooled.metrics.items()]
    own = dict(zip(homes, map_shards(partial(_own, scope), list(homes.values())), strict=True))
    policies = {
        pair: {
            "own": own[pair],
            "pooled": AdaptedPolicy(pooled.policy, pooled.homes[home.name]),
            "whole": AdaptedPolicy(pooled.policy, WHOLE),
        }
        for pair, home in homes.items()
    }
    found = map_shards(_test_costs, [(data[pair], policies[pair]) for pair in homes])
    costs = dict(zip(homes, found, strict=True))
    return rows + _compared(costs)


def _thinned(data: LearnedHome) -> LearnedHome:
    """Return a home with the usual battery, and days that are drawn evenly from its weeks."""
    train, validation, test = (
        [days[place] for place in np.unique(np.linspace(0, len(days) - 1, most).astype(int))]
        for days, most in ((data.train, TRAIN_DAYS), (data.validation, VALIDATION_DAYS), (data.test, TEST_DAYS))
    )
    return replace(data, site=USUAL.site(), train=train, validation=validation, test=test)


def _settings(scope: Scope, rules: WeightRules) -> LightgbmTraining:
    settings = scope.of(LightgbmSettings(rounds=2, passes=1), LightgbmSettings(rounds=1, passes=1, trees=40))
    return LightgbmTraining.of(settings, seed=SEED, weight_rules=rules)


def _pooled(scope: Scope, homes: Sequence[PairDays]) -> PooledTraining:
    costs = uncorrected_costs(homes, WITHOUT_AURORA).answers
    valued = {home.name: ValuedHome(home, costs[home.name]) for home in homes}
    name, _ = class_rules(valued, WITHOUT_AURORA)
    return train_pooled(list(valued.values()), list(valued.values()), _settings(scope, WITHOUT_AURORA[name]))


def _own(scope: Scope, home: PairDays) -> LearnedPolicy:
    days = [*home.data.train, *home.data.validation]
    name, _ = cheapest_rules(lambda rules: home.data.episodes(days, rules), with_aurora=False)
    rules = WITHOUT_AURORA[name]
    return train_lightgbm(home.training(rules), home.validation(rules), _settings(scope, rules)).policy


def _test_costs(home: tuple[LearnedHome, Mapping[str, LearnedPolicy]]) -> Costs:
    """Return what each test day of a home costs, by policy."""
    data, policies = home
    frames = [data.results(name, data.test) for name in REFERENCES]
    frames += [data.learned(policy, name, data.test) for name, policy in policies.items()]
    return {str(frame["policy"][0]): frame.sort("day")["cost"].to_numpy() for frame in frames}


def _compared(costs: Mapping[Pair, Costs]) -> list[Row]:
    rows = [
        Row(f"share_{name}", float(np.mean([share(each, name) for each in costs.values()])))
        for name in ("value", *LEARNED)
    ]
    for name in LEARNED:
        rows += gain_rows(f"{name}_above_value", costs, name, "value")
    rows += gain_rows("pooled_above_own", costs, "pooled", "own")
    table = _table(costs, "value"), _table(costs, "pooled")
    found = assess_class(ClassCosts(*table))
    rows += [Row("gate_p", found.p_better), Row("gate_difference", found.difference or 0.0, "money a home-day")]
    return [*rows, Row("in_common", _in_common(table[1] - table[0]))]


def _table(costs: Mapping[Pair, Costs], policy: str) -> np.ndarray:
    """Return costs `(n_pairs, n_days)`, nan behind the last day of a pair that has fewer."""
    longest = max(len(each[policy]) for each in costs.values())
    rows = [np.pad(each[policy], (0, longest - len(each[policy])), constant_values=np.nan) for each in costs.values()]
    return np.stack(rows)


def _in_common(saved: np.ndarray) -> float:
    """Return the share of the variance of daily differences that homes have in common, each home in its own scale."""
    known = saved[:, np.isfinite(saved).all(axis=0)]
    scaled = (known - known.mean(axis=1, keepdims=True)) / np.maximum(known.std(axis=1, keepdims=True), 1e-12)
    n = len(scaled)
    return float((scaled.mean(axis=0).var() - 1 / n) / (1 - 1 / n)) if n > 1 else 0.0
