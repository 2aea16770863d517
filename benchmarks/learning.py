"""Learned policies on the test weeks of the bench homes, daily protocol, beside `value`, MPC and the bounds.

For each pair of home and prices a policy of each kind is trained on train weeks, with the home's settings chosen on
every fourth of them (validation); days beside a test day belong to neither. The champion of a pair is the cheapest
policy on validation weeks, `value` included. Then the test weeks are replayed once. A home left out has policies
trained on the other homes, without an Aurora, since there are no readings of it.

The short form has one pair, few days, small trainings, and no home left out.
"""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from benchmarks.harness.results import Row, Scope
from benchmarks.homes.bench_homes import BenchHomes, Pair, default_protocol, default_site, slots_of_days
from darkstar_pipeline.learning.scenario_rules import CANDIDATES, cheapest_rules
from env.gym.episodes import Episodes, joined
from env.site import Site
from planner.evaluation.daily_results import daily_results
from planner.evaluation.verdict import Evaluation, evaluate, total_interval
from planner.forecasts.cross_fitting import CrossFittedForecasters
from planner.forecasts.features import AuroraHome
from planner.forecasts.slot_series import slot_series
from planner.policies.learned_policy import LearnedPolicy
from planner.replay.daily import replay_days
from planner.replay.episodes import rl_episodes
from planner.replay.learned import replay_learned
from planner.training.lightgbm import LightgbmTraining, train_lightgbm
from planner.training.rl import train_rl
from planner.training.rl_config import PpoTraining
from planner.training.settings import LightgbmSettings, PpoSettings
from planner.value.scenario_source import ScenarioSource
from planner.value.scenario_weights import WeightRules
from planner.value.scenarios import Scenarios

KINDS = ("lightgbm", "rl")
REFERENCES = ("idle", "mpc", "value", "oracle")
TARGETS = {"champion": 0.987, "lightgbm": 0.975, "rl": 0.975}
LEFT_OUT = 0.965
TRAIN_SECONDS = 600.0
WEEK, EVERY = 7, 4
SEED = 0
SHORT_TRAIN, SHORT_VALIDATION, SHORT_TEST = 24, 7, 7
"""Days of the short form."""


@dataclass(frozen=True, kw_only=True)
class PairData:
    """Days of a pair of home and prices.

    Attributes:
        site: site of the home.
        slots: slots of all days.
        forecasts: naive forecasts.
        history: readings.
        train: days of training.
        validation: days that choices are made on.
        test: days that the policies are compared on.
        scenarios: scenarios by day, from Auroras fitted without that day.
    """

    site: Site
    slots: pl.DataFrame
    forecasts: pl.DataFrame
    history: pl.DataFrame
    train: list[date]
    validation: list[date]
    test: list[date]
    scenarios: Mapping[date, Scenarios]

    def episodes(self, days: Sequence[date], rules: WeightRules) -> Episodes:
        """Return days as episodes."""
        source = ScenarioSource(history=self.history, rules=rules, forecast_scenarios=self.scenarios)
        protocol = default_protocol(self.site)
        return rl_episodes(slots_of_days(self.slots, [*days]), self.forecasts, self.site, protocol, history=source)

    def results(self, policy: str, days: Sequence[date]) -> pl.DataFrame:
        """Return the daily results of a reference."""
        protocol, slots = default_protocol(self.site), slots_of_days(self.slots, [*days])
        replayed = replay_days(policy, slots, self.forecasts, self.site, protocol, history=self.history)
        return daily_results(replayed, protocol, self.site)

    def learned(self, policy: LearnedPolicy, label: str, days: Sequence[date]) -> pl.DataFrame:
        """Return the daily results of a learned policy."""
        protocol, slots = default_protocol(self.site), slots_of_days(self.slots, [*days])
        source = ScenarioSource(history=self.history, forecast_scenarios=self.scenarios)
        replayed = replay_learned(policy, slots, self.forecasts, self.site, protocol, source=source, label=label)
        return daily_results(replayed, protocol, self.site)


def run(scope: Scope) -> list[Row]:
    """Train, compare on test weeks, and leave each home out once."""
    homes = scope.homes
    pairs = scope.of(homes.pairs, homes.pairs[:1])
    forecasters = {home: _forecasters(homes, home) for home in dict.fromkeys(home for home, _ in pairs)}
    data = {pair: _pair_data(scope, pair, forecasters[pair[0]]) for pair in pairs}
    evaluations: dict[Pair, Evaluation] = {}
    seconds: list[float] = []
    rows: list[Row] = []
    for (home, area), own in data.items():
        started = time.perf_counter()
        rules, policies, champion = _learned(scope, own)
        seconds.append(time.perf_counter() - started)
        rows.append(Row(f"beliefs_{home}_{area}", rules))
        rows.append(Row(f"champion_{home}_{area}", champion))
        results = [own.results(policy, own.test) for policy in REFERENCES]
        results += [own.learned(policy, kind, own.test) for kind, policy in policies.items()]
        chosen = next(frame for frame in results if frame["policy"][0] == champion)
        results.append(chosen.with_columns(policy=pl.lit("champion")))
        evaluations[home, area] = evaluate(pl.concat(results, how="diagonal"))
        rows += _pair_rows(evaluations[home, area], home, area)
    longest = max(seconds)
    rows += _mean_rows(evaluations)
    target, met = f"<= {TRAIN_SECONDS}", longest <= TRAIN_SECONDS
    rows.append(Row("train_seconds_both_kinds", longest, "s", target, met, applies="whole"))
    return rows if scope.short else rows + _left_out_rows(scope, data)


def _forecasters(homes: BenchHomes, home: str) -> CrossFittedForecasters:
    site = default_site()
    history, outlook = homes.history(home), homes.outlook(home, site.timezone)
    features = AuroraHome(slot_series(history, site.timezone, external=outlook))
    return CrossFittedForecasters(features, site.timezone, seed=SEED)


def _pair_data(scope: Scope, pair: Pair, forecasters: CrossFittedForecasters) -> PairData:
    site, homes, home = default_site(), scope.homes, pair[0]
    slots = homes.window(pair, site)
    complete = set(slots["local_day"].unique().to_list())
    test = [day for day in homes.days(home, "test", site.timezone) if day in complete]
    test = test[: scope.of(None, SHORT_TEST)]
    beside = {day + timedelta(days=by) for day in test for by in (-1, 1)}
    rest = [day for day in homes.days(home, "train", site.timezone) if day in complete and day not in beside]
    validation = [day for day in rest if day.toordinal() // WEEK % EVERY == 0]
    near = {day + timedelta(days=by) for day in validation for by in (-1, 0, 1)}
    train = [day for day in rest if day not in near][: scope.of(None, SHORT_TRAIN)]
    validation = validation[: scope.of(None, SHORT_VALIDATION)]
    scenarios = {
        **forecasters.out_of_fold_scenarios(train, validation),
        **forecasters.predict(scope.of(rest, [*train, *validation]), test),
    }
    return PairData(
        site=site,
        slots=slots,
        forecasts=homes.forecasts(home, slots, site),
        history=homes.history(home),
        train=train,
        validation=validation,
        test=test,
        scenarios=scenarios,
    )


def _learned(scope: Scope, data: PairData) -> tuple[str, dict[str, LearnedPolicy], str]:
    """Return the rules of scenario weights that suit a home, its policies, and the cheapest on validation."""
    name, _ = cheapest_rules(lambda rules: data.episodes([*data.train, *data.validation], rules), with_aurora=True)
    rules = CANDIDATES[name]
    training, validation = data.episodes(data.train, rules), data.episodes(data.validation, rules)
    policies = _policies(scope, training, validation, rules)
    costs = {kind: _cost(data.learned(policy, kind, data.validation)) for kind, policy in policies.items()}
    costs["value"] = _cost(data.results("value", data.validation))
    return name, policies, min(costs, key=lambda name: costs[name])


def _policies(scope: Scope, training: Episodes, validation: Episodes, rules: WeightRules) -> dict[str, LearnedPolicy]:
    threads = os.cpu_count() or 1
    rl_settings = scope.of(PpoSettings(threads=threads), PpoSettings(threads=threads, rounds=2, members=1, homes=256))
    tree_settings = scope.of(LightgbmSettings(), LightgbmSettings(rounds=1, passes=1, trees=40))
    rl = train_rl(training, validation, PpoTraining.of(rl_settings, seed=SEED), weight_rules=rules, progress=None)
    lightgbm = train_lightgbm(training, validation, LightgbmTraining.of(tree_settings, seed=SEED, weight_rules=rules))
    return {"lightgbm": lightgbm.policy, "rl": rl.policy}


def _cost(results: pl.DataFrame) -> float:
    return float(results["cost"].sum())


def _share(evaluation: Evaluation, policy: str) -> float:
    return float(evaluation.totals.filter(pl.col("policy") == policy)["captured_share"][0])


def _pair_rows(evaluation: Evaluation, home: str, area: str) -> list[Row]:
    shown = ("champion", *KINDS, "value", "mpc")
    rows = [Row(f"captured_share_{policy}_{home}_{area}", _share(evaluation, policy)) for policy in shown]
    breaches = int(evaluation.totals["breaches"].sum())
    return [*rows, Row(f"breaches_{home}_{area}", breaches, target="0", met=breaches == 0)]


def _mean_rows(evaluations: Mapping[Pair, Evaluation]) -> list[Row]:
    """Return means over the pairs, and the cost of each policy against MPC on all test days together."""
    rows: list[Row] = []
    for policy in ("champion", *KINDS, "value", "mpc"):
        mean = float(np.mean([_share(evaluation, policy) for evaluation in evaluations.values()]))
        least = TARGETS.get(policy)
        target, met = (None, None) if least is None else (f">= {least}", mean >= least)
        rows.append(Row(f"captured_share_{policy}_mean", mean, target=target, met=met, applies="measured"))
    for policy in ("champion", *KINDS):
        paired = [_paired(evaluation, policy, "mpc") for evaluation in evaluations.values()]
        mpc = sum(_cost(evaluation.days.filter(pl.col("policy") == "mpc")) for evaluation in evaluations.values())
        low, high = total_interval(np.concatenate(paired))
        total = float(np.concatenate(paired).sum())
        target, met = ("<= 0", total <= 0) if policy == "rl" else (None, None)
        rows.append(Row(f"cost_vs_mpc_{policy}", total, "SEK", target=target, met=met, applies="measured"))
        ends = {"low": low, "high": high}
        rows += [Row(f"cost_vs_mpc_{policy}_{end}", value, "SEK") for end, value in ends.items() if value is not None]
        rows.append(Row(f"cost_vs_mpc_{policy}_pct", 100 * total / abs(mpc), "%"))
    return rows


def _paired(evaluation: Evaluation, policy: str, other: str) -> np.ndarray:
    own, against = (
        evaluation.days.filter(pl.col("policy") == name).sort("day")["cost"].to_numpy() for name in (policy, other)
    )
    return own - against


def _left_out_rows(scope: Scope, pairs: Mapping[Pair, PairData]) -> list[Row]:
    """Return the captured share of policies trained on the other homes."""
    rows: list[Row] = []
    shares: dict[str, list[float]] = {kind: [] for kind in KINDS}
    rules = CANDIDATES["lived"]
    for home in dict.fromkeys(home for home, _ in pairs):
        others = [data for (other, _), data in pairs.items() if other != home]
        training = joined([data.episodes(data.train[::3], rules) for data in others])
        validation = joined([data.episodes(data.validation, rules) for data in others])
        policies = _policies(scope, training, validation, rules)
        for (_, area), data in ((pair, own) for pair, own in pairs.items() if pair[0] == home):
            results = [data.results(policy, data.test) for policy in ("idle", "oracle")]
            results += [data.learned(policy, kind, data.test) for kind, policy in policies.items()]
            evaluation = evaluate(pl.concat(results, how="diagonal"))
            for kind in KINDS:
                share = _share(evaluation, kind)
                shares[kind].append(share)
                target, met = f">= {LEFT_OUT}", share >= LEFT_OUT
                rows.append(Row(f"left_out_{kind}_{home}_{area}", share, "", target, met, applies="measured"))
    return rows + [Row(f"left_out_{kind}_mean", float(np.mean(values))) for kind, values in shares.items()]
