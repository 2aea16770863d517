"""Learned policies on the test weeks of the bench homes, with every battery, daily and with stored energy carried on.

For each pair of home and prices, and each battery, a policy of each kind is trained on train weeks, with the home's
rules of scenario weights and all else chosen on every fourth of them (validation). The champion is the cheapest on
validation weeks, `value` included. Then the test weeks are replayed once: each day by itself, and one after the
other with stored energy carried on (`continuous`), the battery waiting over the weeks between them. There what is left
at the end of the published prices is worth the mean of the days before, for all alike.

`scenario_rules` is what the rules gain on `value`, `correction_*` what a kind's correction gains on top of them, and
`tuned_*` what a correction gains that is tuned in hindsight on the days themselves: the ceiling. The figures without a
battery's name are those of 34.2 kWh and 8 kW on the six pairs that targets were set for; the others (`_10kwh`) are of
every home. A home left out has policies trained on the other homes, with the large battery alone.

The short form has one pair, one battery, few days, small trainings, and no home left out.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.corrections.hindsight import SETUP, Table, ceiling, corrections
from benchmarks.corrections.learned_home import (
    KINDS,
    UNCORRECTED,
    LearnedHome,
    LearnedPolicies,
    forecasters_of,
    learned_home,
    learned_policies,
    trained,
)
from benchmarks.corrections.side_by_side import Predict, abreast, as_correction, daily_costs
from benchmarks.harness.results import Row, Scope
from benchmarks.harness.shares import Costs, gain_rows, share
from benchmarks.homes.batteries import BATTERIES, LARGE, USUAL, BenchBattery
from benchmarks.homes.bench_homes import Pair, slots_of_days
from darkstar_pipeline.learning.scenario_rules import CANDIDATES
from env.gym.episodes import joined
from env.inverter import Energy
from planner.evaluation.verdict import total_interval
from planner.policies.window import open_window
from planner.replay.continuous import CONTINUOUS
from planner.training.scoring import episode_costs

REFERENCES = ("idle", "mpc", "value", "oracle")
SHOWN = ("champion", *KINDS, UNCORRECTED, "value")
TARGETS = {"champion": 0.987, "lightgbm": 0.975, "rl": 0.975}
LEFT_OUT = 0.965
TRAIN_SECONDS = 600.0
GAINS = (
    ("scenario_rules", UNCORRECTED, "value"),
    ("champion_above_value", "champion", "value"),
    *((f"correction_{kind}", kind, UNCORRECTED) for kind in KINDS),
    ("tuned_all_day", "all_day", UNCORRECTED),
    ("tuned_by_clock", "by_clock", UNCORRECTED),
)
"""Figure, policy, and the policy that it gains on."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A pair of home and prices with a battery.

    Attributes:
        learned: what was learned.
        test: cost of each test day by itself, by policy.
        carried: cost of each test day with stored energy carried on, by policy.
        breaches: of all policies on the test days.
        seconds: processor time of training both kinds.
    """

    learned: LearnedPolicies
    test: Costs
    carried: Costs
    breaches: int
    seconds: float


def run(scope: Scope) -> list[Row]:
    """Train and compare with every battery, and leave each home out once."""
    homes = scope.homes
    pairs = scope.of(homes.every_pair, homes.pairs[:1])
    forecasters = {home: forecasters_of(homes, home) for home in dict.fromkeys(home for home, _ in pairs)}
    data = {pair: learned_home(scope, pair, forecasters[pair[0]]) for pair in pairs}
    rows: list[Row] = []
    for battery in scope.of(BATTERIES, (USUAL,)):
        chosen = scope.of(homes.pairs if battery == LARGE else homes.every_pair, pairs)
        outcomes = {pair: outcome(scope, replace(data[pair], site=battery.site())) for pair in chosen}
        rows += battery_rows(battery, outcomes)
    return rows if scope.short else rows + _left_out_rows(scope, {pair: data[pair] for pair in homes.pairs})


def outcome(scope: Scope, data: LearnedHome) -> Outcome:
    """Train on the train weeks of a pair, and replay its test weeks."""
    started = time.process_time()
    learned = learned_policies(scope, data)
    seconds = time.process_time() - started
    frames = [data.results(policy, data.test) for policy in REFERENCES]
    frames += [data.learned(policy, name, data.test) for name, policy in learned.policies.items()]
    test = {str(frame["policy"][0]): frame.sort("day")["cost"].to_numpy() for frame in frames}
    return Outcome(
        learned=learned,
        test=_with_champion({**test, **_tuned(data, learned)}, learned),
        carried=_with_champion(carried_costs(data, learned), learned),
        breaches=sum(int(frame["breaches"].sum()) for frame in frames),
        seconds=seconds,
    )


def _with_champion(costs: Costs, learned: LearnedPolicies) -> Costs:
    return {**costs, "champion": costs[learned.champion]}


def _tuned(data: LearnedHome, learned: LearnedPolicies) -> dict[str, Energy]:
    """Return what each test day costs under corrections that were tuned on the test days."""
    episodes, setup = data.episodes(data.test, learned.rules), SETUP

    def costs(tables: Sequence[Table]) -> Energy:
        return np.stack(
            [episode_costs(lambda state, table=table: corrections(state, table), episodes, setup) for table in tables]
        )

    return dict(vars(ceiling(costs)))


def carried_costs(data: LearnedHome, learned: LearnedPolicies) -> Costs:
    """Return what each test day costs with stored energy carried on."""
    slots = slots_of_days(data.slots, data.test)
    window = open_window(slots, data.forecasts, data.history, data.site, data.protocol)
    references = {policy: daily_costs(window, CONTINUOUS[policy](window))[0] for policy in ("idle", "value", "oracle")}
    like, source = learned.policies[UNCORRECTED], data.source(learned.rules)
    predicts: dict[str, Predict] = {name: as_correction(policy) for name, policy in learned.policies.items()}
    trained_costs = abreast(window, source, like, [*predicts.values()])
    tuned = ceiling(
        lambda tables: abreast(
            window, source, like, [lambda state, table=table: corrections(state, table) for table in tables]
        )
    )
    return {
        **references,
        **dict(zip(predicts, trained_costs, strict=True)),
        "all_day": tuned.all_day,
        "by_clock": tuned.by_clock,
    }


def battery_rows(battery: BenchBattery, outcomes: Mapping[Pair, Outcome]) -> list[Row]:
    """Return the rows of a battery."""
    suffix, rows = battery.suffix, list[Row]()
    for (home, area), own in outcomes.items():
        rows.append(Row(f"beliefs{suffix}_{home}_{area}", own.learned.rules_name))
        rows.append(Row(f"champion{suffix}_{home}_{area}", own.learned.champion))
    test = {pair: own.test for pair, own in outcomes.items()}
    carried = {pair: own.carried for pair, own in outcomes.items()}
    for policy in (*SHOWN, "mpc"):
        rows += _share_rows(f"captured_share_{policy}{suffix}", test, policy, aimed=battery == LARGE)
    rows += [row for policy in SHOWN for row in _share_rows(f"continuous_{policy}{suffix}", carried, policy)]
    for figure, policy, other in (*GAINS, ("tuned_each_day", "each_day", UNCORRECTED)):
        rows += gain_rows(f"{figure}{suffix}", test, policy, other)
    for figure, policy, other in GAINS:
        rows += gain_rows(f"continuous_{figure}{suffix}", carried, policy, other)
    rows += [
        row for policy in ("champion", *KINDS) for row in _cost_rows(f"cost_vs_mpc_{policy}{suffix}", test, policy)
    ]
    breaches = sum(own.breaches for own in outcomes.values())
    longest = max(own.seconds for own in outcomes.values())
    target, met = f"<= {TRAIN_SECONDS}", longest <= TRAIN_SECONDS
    return [
        *rows,
        Row(f"breaches{suffix}", breaches, target="0", met=breaches == 0),
        Row(f"train_seconds_both_kinds{suffix}", longest, "s of processor time", target, met, applies="whole"),
    ]


def _share_rows(figure: str, costs: Mapping[Pair, Costs], policy: str, *, aimed: bool = False) -> list[Row]:
    """Return the captured share of a policy, in the mean and of each pair."""
    shares = {pair: share(own, policy) for pair, own in costs.items()}
    mean = sum(shares.values()) / len(shares)
    least = TARGETS.get(policy) if aimed else None
    target, met = (None, None) if least is None else (f">= {least}", mean >= least)
    rows = [Row(f"{figure}_mean", mean, target=target, met=met, applies="measured")]
    return rows + [Row(f"{figure}_{home}_{area}", own) for (home, area), own in shares.items()]


def _cost_rows(figure: str, costs: Mapping[Pair, Costs], policy: str) -> list[Row]:
    """Return the cost of a policy against MPC on all test days together."""
    paired = np.concatenate([own[policy] - own["mpc"] for own in costs.values()])
    total, mpc = float(paired.sum()), sum(float(own["mpc"].sum()) for own in costs.values())
    low, high = total_interval(paired)
    target, met = ("<= 0", total <= 0) if policy == "rl" else (None, None)
    rows = [Row(figure, total, "SEK", target=target, met=met, applies="measured")]
    rows += [Row(f"{figure}_{end}", value, "SEK") for end, value in (("low", low), ("high", high)) if value is not None]
    return [*rows, Row(f"{figure}_pct", 100 * total / abs(mpc), "%")]


def _left_out_rows(scope: Scope, pairs: Mapping[Pair, LearnedHome]) -> list[Row]:
    """Return the captured share of policies trained on the other homes."""
    rows: list[Row] = []
    shares: dict[str, list[float]] = {kind: [] for kind in KINDS}
    rules = CANDIDATES["lived"]
    for home in dict.fromkeys(home for home, _ in pairs):
        others = [data for (other, _), data in pairs.items() if other != home]
        training = joined([data.episodes(data.train[::3], rules) for data in others])
        validation = joined([data.episodes(data.validation, rules) for data in others])
        policies = trained(scope, training, validation, rules)
        for (_, area), data in ((pair, own) for pair, own in pairs.items() if pair[0] == home):
            frames = [data.results(policy, data.test) for policy in ("idle", "oracle")]
            frames += [data.learned(policy, kind, data.test) for kind, policy in policies.items()]
            costs = {str(frame["policy"][0]): frame["cost"].to_numpy() for frame in frames}
            for kind in KINDS:
                own = share(costs, kind)
                shares[kind].append(own)
                target, met = f">= {LEFT_OUT}", own >= LEFT_OUT
                rows.append(Row(f"left_out_{kind}_{home}_{area}", own, "", target, met, applies="measured"))
    return rows + [Row(f"left_out_{kind}_mean", float(np.mean(values))) for kind, values in shares.items()]
