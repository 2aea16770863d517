"""A pair of home and prices to learn on: its days, its scenarios, and the policies that are trained on them.

Every fourth of the train weeks is validation, on which all choices are made; days beside a test or a validation day
belong to neither. Scenarios of a day come from an Aurora that was not fitted on it, nor on its neighbours.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import polars as pl

from benchmarks.harness.results import Scope
from benchmarks.homes.bench_homes import BenchHomes, Pair, default_protocol, default_site, slots_of_days
from darkstar_pipeline.learning.scenario_rules import CANDIDATES, cheapest_rules
from env.gym.episodes import Episodes
from env.site import Site
from planner.evaluation.daily_results import daily_results
from planner.forecasts.cross_fitting import CrossFittedForecasters
from planner.forecasts.features import AuroraHome
from planner.forecasts.slot_series import slot_series
from planner.policies.learned_policy import LearnedPolicy
from planner.policies.lightgbm_policy import AntaresPolicyV1, Corrections, lightgbm_manifest
from planner.replay.daily import replay_days
from planner.replay.episodes import rl_episodes
from planner.replay.learned import replay_learned
from planner.training.lightgbm import COLUMNS, STATE, LightgbmTraining, train_lightgbm
from planner.training.rl import train_rl
from planner.training.rl_config import PpoTraining
from planner.training.settings import LightgbmSettings, PpoSettings
from planner.value.protocol import Protocol
from planner.value.scenario_source import ScenarioSource
from planner.value.scenario_weights import WeightRules
from planner.value.scenarios import Scenarios

KINDS = ("lightgbm", "rl")
UNCORRECTED = "uncorrected"
"""The policy with the rules of scenario weights that were chosen for the home, and nothing learned on top."""
SEED = 0
WEEK, EVERY = 7, 4
SHORT_TRAIN, SHORT_VALIDATION, SHORT_TEST = 24, 7, 7
"""Days of the short form."""


@dataclass(frozen=True, kw_only=True)
class LearnedHome:
    """Days of a pair of home and prices.

    Attributes:
        site: site of the home; `replace` it to try another battery.
        slots: slots of all days.
        forecasts: naive forecasts.
        history: readings.
        train: days of training.
        validation: days that choices are made on.
        test: days that the policies are compared on.
        scenarios: scenarios by day, equally many each.
    """

    site: Site
    slots: pl.DataFrame
    forecasts: pl.DataFrame
    history: pl.DataFrame
    train: list[date]
    validation: list[date]
    test: list[date]
    scenarios: Mapping[date, Scenarios]

    @property
    def protocol(self) -> Protocol:
        """Start, settlement and write budget."""
        return default_protocol(self.site)

    def source(self, rules: WeightRules) -> ScenarioSource:
        """Return where scenarios come from under some rules."""
        return ScenarioSource(history=self.history, rules=rules, forecast_scenarios=self.scenarios)

    def episodes(self, days: Sequence[date], rules: WeightRules) -> Episodes:
        """Return days as episodes."""
        slots = slots_of_days(self.slots, [*days])
        return rl_episodes(slots, self.forecasts, self.site, self.protocol, history=self.source(rules))

    def results(self, policy: str, days: Sequence[date]) -> pl.DataFrame:
        """Return the daily results of a reference."""
        slots = slots_of_days(self.slots, [*days])
        replayed = replay_days(policy, slots, self.forecasts, self.site, self.protocol, history=self.history, workers=1)
        return daily_results(replayed, self.protocol, self.site)

    def learned(self, policy: LearnedPolicy, label: str, days: Sequence[date]) -> pl.DataFrame:
        """Return the daily results of a learned policy."""
        slots, source = slots_of_days(self.slots, [*days]), self.source(policy.weight_rules)
        replayed = replay_learned(policy, slots, self.forecasts, self.site, self.protocol, source=source, label=label)
        return daily_results(replayed, self.protocol, self.site)


@dataclass(frozen=True, kw_only=True)
class LearnedPolicies:
    """Policies of a home, with all that was chosen on its train weeks.

    Attributes:
        rules_name: name of the rules of scenario weights that suit the home best on train weeks.
        policies: `UNCORRECTED` and a policy of each kind, by name.
        champion: the cheapest on validation, `value` included.
    """

    rules_name: str
    policies: Mapping[str, LearnedPolicy]
    champion: str

    @property
    def rules(self) -> WeightRules:
        """Rules of scenario weights of all the policies."""
        return CANDIDATES[self.rules_name]


def learned_home(scope: Scope, pair: Pair, forecasters: CrossFittedForecasters | None) -> LearnedHome:
    """Return the days of a pair, with the scenarios that its home's forecasters give them; None gives them none."""
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
    scenarios: dict[date, Scenarios] = {}
    if forecasters is not None:
        scenarios |= forecasters.out_of_fold_scenarios(train, validation)
        scenarios |= forecasters.predict(scope.of(rest, [*train, *validation]), test)
    return LearnedHome(
        site=site,
        slots=slots,
        forecasts=homes.forecasts(home, slots, site),
        history=homes.history(home),
        train=train,
        validation=validation,
        test=test,
        scenarios=_equally_many(scenarios),
    )


def forecasters_of(homes: BenchHomes, home: str) -> CrossFittedForecasters:
    """Return the forecasters of a home."""
    timezone = default_site().timezone
    features = AuroraHome(slot_series(homes.history(home), timezone, external=homes.outlook(home, timezone)))
    return CrossFittedForecasters(features, timezone, seed=SEED)


def learned_policies(scope: Scope, data: LearnedHome) -> LearnedPolicies:
    """Choose the rules of scenario weights that suit a home, train a policy of each kind, and name the champion."""
    name, _ = cheapest_rules(lambda rules: data.episodes([*data.train, *data.validation], rules), with_aurora=True)
    rules = CANDIDATES[name]
    training, validation = data.episodes(data.train, rules), data.episodes(data.validation, rules)
    policies = {UNCORRECTED: uncorrected(rules), **trained(scope, training, validation, rules)}
    costs = {kind: _cost(data.learned(policy, kind, data.validation)) for kind, policy in policies.items()}
    costs["value"] = _cost(data.results("value", data.validation))
    return LearnedPolicies(rules_name=name, policies=policies, champion=min(costs, key=lambda name: costs[name]))


def trained(scope: Scope, training: Episodes, validation: Episodes, rules: WeightRules) -> dict[str, LearnedPolicy]:
    """Return a policy of each kind."""
    threads = os.cpu_count() or 1
    rl_settings = scope.of(PpoSettings(threads=threads), PpoSettings(threads=threads, rounds=2, members=1, homes=256))
    tree_settings = scope.of(LightgbmSettings(), LightgbmSettings(rounds=1, passes=1, trees=40))
    rl = train_rl(training, validation, PpoTraining.of(rl_settings, seed=SEED), weight_rules=rules, progress=None)
    lightgbm = train_lightgbm(training, validation, LightgbmTraining.of(tree_settings, seed=SEED, weight_rules=rules))
    return {"lightgbm": lightgbm.policy, "rl": rl.policy}


def uncorrected(rules: WeightRules) -> LearnedPolicy:
    """Return the policy that follows rules of scenario weights and corrects nothing."""
    nothing = Corrections(offset=1.0, levels=(), margin=0.0)
    manifest = lightgbm_manifest(state=STATE, columns=COLUMNS, among=nothing, trees=False, weight_rules=rules)
    return AntaresPolicyV1(manifest, None)


def _cost(results: pl.DataFrame) -> float:
    return float(results["cost"].sum())


def _equally_many(scenarios: Mapping[date, Scenarios]) -> dict[date, Scenarios]:
    """Return scenarios of which every day has as many as the day with the fewest, the most similar days first."""
    least = min((paths.load_kwh.shape[1] for paths in scenarios.values()), default=0)
    return {
        day: replace(paths, load_kwh=paths.load_kwh[:, :least], pv_kwh=paths.pv_kwh[:, :least])
        for day, paths in scenarios.items()
    }
