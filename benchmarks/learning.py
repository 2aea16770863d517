"""Learned policies on the test weeks of the bench homes, daily protocol, beside `value`, MPC and the bounds.

For each pair of home and prices a policy of each kind learns on train weeks, with what suits the home chosen on every
fourth of them; days beside a test day belong to none. The champion of a pair is what was cheapest on those validation
weeks, `value` included. Then the test weeks are replayed once. The home left out has policies of the other two homes,
without an Aurora, since nobody has read its meter before.
"""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from benchmarks.aurora import bench_outlook
from benchmarks.harness.results import Row
from benchmarks.homes.bench_homes import (
    PAIRS,
    bench_days,
    bench_forecasts,
    bench_history,
    bench_protocol,
    bench_window,
    default_site,
)  # fmt: skip
from darkstar_pipeline.learning.scenario_rules import CANDIDATES, cheapest_beliefs
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


@dataclass(frozen=True, kw_only=True)
class Data:
    """A pair's days.

    Attributes:
        site: its home.
        slots: all of them.
        forecasts: naive ones.
        history: readings.
        train: days learned from.
        validation: days chosen on.
        test: days judged on.
        told: what Auroras that have not seen a day tell of it.
    """

    site: Site
    slots: pl.DataFrame
    forecasts: pl.DataFrame
    history: pl.DataFrame
    train: list[date]
    validation: list[date]
    test: list[date]
    told: Mapping[date, Scenarios]

    def episodes(self, days: Sequence[date], rules: WeightRules) -> Episodes:
        """Days as episodes."""
        source = ScenarioSource(history=self.history, rules=rules, forecast_scenarios=self.told)
        protocol = bench_protocol(self.site)
        return rl_episodes(self.of(days), self.forecasts, self.site, protocol, history=source)

    def of(self, days: Sequence[date]) -> pl.DataFrame:
        """Slots of some days."""
        return self.slots.filter(pl.col("local_day").is_in(pl.Series(days, dtype=pl.Date).implode()))

    def results(self, policy: str, days: Sequence[date]) -> pl.DataFrame:
        """Daily results of a reference."""
        protocol = bench_protocol(self.site)
        replayed = replay_days(policy, self.of(days), self.forecasts, self.site, protocol, history=self.history)
        return daily_results(replayed, protocol, self.site)

    def learned(self, policy: LearnedPolicy, label: str, days: Sequence[date]) -> pl.DataFrame:
        """Daily results of a learned policy."""
        protocol = bench_protocol(self.site)
        source = ScenarioSource(history=self.history, forecast_scenarios=self.told)
        replayed = replay_learned(
            policy, self.of(days), self.forecasts, self.site, protocol, source=source, label=label
        )
        return daily_results(replayed, protocol, self.site)


def run() -> list[Row]:
    """Learn, judge, and leave each home out once."""
    told = {home: _told(home) for home in dict.fromkeys(home for home, _ in PAIRS)}
    pairs = {(home, area): _data(home, area, told[home]) for home, area in PAIRS}
    judged: dict[tuple[str, str], Evaluation] = {}
    seconds: list[float] = []
    rows: list[Row] = []
    for (home, area), data in pairs.items():
        started = time.perf_counter()
        beliefs, policies, champion = _learned(data)
        seconds.append(time.perf_counter() - started)
        rows.append(Row(f"beliefs_{home}_{area}", beliefs))
        rows.append(Row(f"champion_{home}_{area}", champion))
        results = [data.results(policy, data.test) for policy in REFERENCES]
        results += [data.learned(policy, kind, data.test) for kind, policy in policies.items()]
        chosen = next(frame for frame in results if frame["policy"][0] == champion)
        results.append(chosen.with_columns(policy=pl.lit("champion")))
        judged[home, area] = evaluate(pl.concat(results, how="diagonal"))
        rows += _pair_rows(judged[home, area], home, area)
    longest = max(seconds)
    rows += _mean_rows(judged)
    rows.append(
        Row("train_seconds_both_kinds", longest, "s", target=f"<= {TRAIN_SECONDS}", met=longest <= TRAIN_SECONDS)
    )
    return rows + _left_out_rows(pairs)


def _told(home: str) -> CrossFittedForecasters:
    site = default_site()
    history, outlook = bench_history(home), bench_outlook(home, site.timezone)
    known = AuroraHome(slot_series(history, site.timezone, external=outlook))
    return CrossFittedForecasters(known, site.timezone, seed=SEED)


def _data(home: str, area: str, tellers: CrossFittedForecasters) -> Data:
    site = default_site()
    slots = bench_window(home, area, site)
    there = set(slots["local_day"].unique().to_list())
    test = [day for day in bench_days(home, "test", site.timezone) if day in there]
    beside = {day + timedelta(days=by) for day in test for by in (-1, 1)}
    rest = [day for day in bench_days(home, "train", site.timezone) if day in there and day not in beside]
    validation = [day for day in rest if day.toordinal() // WEEK % EVERY == 0]
    near = {day + timedelta(days=by) for day in validation for by in (-1, 0, 1)}
    train = [day for day in rest if day not in near]
    return Data(
        site=site,
        slots=slots,
        forecasts=bench_forecasts(home, slots, site),
        history=bench_history(home),
        train=train,
        validation=validation,
        test=test,
        told={**tellers.out_of_fold_scenarios(train, validation), **tellers.predict(rest, test)},
    )


def _learned(data: Data) -> tuple[str, dict[str, LearnedPolicy], str]:
    """The beliefs that suit a home, its policies, and which was cheapest on validation."""
    beliefs, _ = cheapest_beliefs(lambda rules: data.episodes([*data.train, *data.validation], rules), told=True)
    rules = CANDIDATES[beliefs]
    training, validation = data.episodes(data.train, rules), data.episodes(data.validation, rules)
    policies = _policies(training, validation, rules)
    costs = {kind: _cost(data.learned(policy, kind, data.validation)) for kind, policy in policies.items()}
    costs["value"] = _cost(data.results("value", data.validation))
    return beliefs, policies, min(costs, key=lambda name: costs[name])


def _policies(training: Episodes, validation: Episodes, rules: WeightRules) -> dict[str, LearnedPolicy]:
    threads = os.cpu_count() or 1
    rl = train_rl(
        training, validation, PpoTraining.of(PpoSettings(threads=threads), seed=SEED), beliefs=rules, progress=None
    )
    lightgbm = train_lightgbm(
        training, validation, LightgbmTraining.of(LightgbmSettings(), seed=SEED, weight_rules=rules)
    )
    return {"lightgbm": lightgbm.policy, "rl": rl.policy}


def _cost(results: pl.DataFrame) -> float:
    return float(results["cost"].sum())


def _share(judged: Evaluation, policy: str) -> float:
    return float(judged.totals.filter(pl.col("policy") == policy)["captured_share"][0])


def _pair_rows(judged: Evaluation, home: str, area: str) -> list[Row]:
    shown = ("champion", *KINDS, "value", "mpc")
    rows = [Row(f"captured_share_{policy}_{home}_{area}", _share(judged, policy)) for policy in shown]
    breaches = int(judged.totals["breaches"].sum())
    return [*rows, Row(f"breaches_{home}_{area}", breaches, target="0", met=breaches == 0)]


def _mean_rows(judged: Mapping[tuple[str, str], Evaluation]) -> list[Row]:
    """Means over the pairs, and what each policy pays against MPC on all test days together."""
    rows: list[Row] = []
    for policy in ("champion", *KINDS, "value", "mpc"):
        mean = float(np.mean([_share(each, policy) for each in judged.values()]))
        least = TARGETS.get(policy)
        aim = {} if least is None else {"target": f">= {least}", "met": mean >= least}
        rows.append(Row(f"captured_share_{policy}_mean", mean, **aim))
    for policy in ("champion", *KINDS):
        paired = [_paired(each, policy, "mpc") for each in judged.values()]
        mpc = sum(_cost(each.days.filter(pl.col("policy") == "mpc")) for each in judged.values())
        low, high = total_interval(np.concatenate(paired))
        total = float(np.concatenate(paired).sum())
        target = {"target": "<= 0", "met": total <= 0} if policy == "rl" else {}
        rows.append(Row(f"cost_vs_mpc_{policy}", total, "SEK", **target))
        ends = {"low": low, "high": high}
        rows += [Row(f"cost_vs_mpc_{policy}_{end}", found, "SEK") for end, found in ends.items() if found is not None]
        rows.append(Row(f"cost_vs_mpc_{policy}_pct", 100 * total / abs(mpc), "%"))
    return rows


def _paired(judged: Evaluation, policy: str, other: str) -> np.ndarray:
    own, against = (
        judged.days.filter(pl.col("policy") == name).sort("day")["cost"].to_numpy() for name in (policy, other)
    )
    return own - against


def _left_out_rows(pairs: Mapping[tuple[str, str], Data]) -> list[Row]:
    """Policies of two homes on the third."""
    rows: list[Row] = []
    shares: dict[str, list[float]] = {kind: [] for kind in KINDS}
    rules = CANDIDATES["lived"]
    for home in dict.fromkeys(home for home, _ in pairs):
        others = [data for (other, _), data in pairs.items() if other != home]
        training = joined([data.episodes(data.train[::3], rules) for data in others])
        validation = joined([data.episodes(data.validation, rules) for data in others])
        policies = _policies(training, validation, rules)
        for (_, area), data in ((pair, each) for pair, each in pairs.items() if pair[0] == home):
            results = [data.results(policy, data.test) for policy in ("idle", "oracle")]
            results += [data.learned(policy, kind, data.test) for kind, policy in policies.items()]
            judged = evaluate(pl.concat(results, how="diagonal"))
            for kind in KINDS:
                share = _share(judged, kind)
                shares[kind].append(share)
                rows.append(
                    Row(f"left_out_{kind}_{home}_{area}", share, target=f">= {LEFT_OUT}", met=share >= LEFT_OUT)
                )
    return rows + [Row(f"left_out_{kind}_mean", float(np.mean(found))) for kind, found in shares.items()]
