"""One policy of boosted trees from the days of many homes, and what each home takes of it.

The state is in the scale of the day's prices and of the battery, so that rows of homes of any size stand side by side;
what a correction costs is divided by the root mean square of the home's corrections' costs, so that no home counts more
because it is larger. Homes are worked on one a shard (`planner.parallel.map_shards`): a home's days are made from its
source in whichever process works on it, so that memory does not grow with the homes; only sampled rows and costs of
days come back. Trees are fitted in one place. How a policy learns from a home's days is `lightgbm`'s.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from env.gym.actions import Correction
from env.gym.episodes import Episodes, joined
from env.gym.home_batch import Setup
from env.gym.states import State
from env.inverter import Energy
from planner.parallel import map_shards
from planner.policies.adapted_policy import Adaptation, AdaptedPolicy
from planner.policies.learned_policy import LearnedPolicy
from planner.policies.lightgbm_policy import AntaresPolicyV1
from planner.training.adaptation import SHARES, HomeSavings, fit_adaptations
from planner.training.lightgbm import (
    Labeler,
    LightgbmTraining,
    TrainingRows,
    candidates,
    no_rows,
    uncorrected_policy,
)
from planner.training.scoring import episode_costs
from planner.value.scenario_weights import NAIVE, WeightRules

ROWS = 240_000
"""States that trees are fitted on, of all homes together; a home gives an equal part, drawn evenly from its own."""
UNCORRECTED = Setup(action="correction", correction=Correction(offset=1.0))
LEAST_SIZE = 1e-9


class OpenedDays(Protocol):
    """The days of a home, read once for a shard."""

    def training(self, rules: WeightRules) -> Episodes:
        """Return training days with the outlook that follows from rules."""
        ...

    def validation(self, rules: WeightRules) -> Episodes:
        """Return validation days, alike."""
        ...


class HomeDays(Protocol):
    """The days of a home before they are read; it can be sent to another process.

    Attributes:
        name: name of the home.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - see the class

    def open(self) -> OpenedDays:
        """Read them."""
        ...


@dataclass(frozen=True, kw_only=True)
class PooledTraining:
    """A trained pooled policy.

    Attributes:
        policy: the policy that a home takes as a whole.
        usual: what homes take of it that it did not see.
        homes: what each home takes of it, by name.
        metrics: figures by name; savings in parts of a day's cost.
        curve: saving on validation days by round, in parts of a day's cost.
    """

    policy: AntaresPolicyV1
    usual: Adaptation
    homes: Mapping[str, Adaptation]
    metrics: Mapping[str, float]
    curve: tuple[tuple[int, float], ...]


def choose_rules(homes: Sequence[HomeDays], known: Mapping[str, WeightRules]) -> tuple[str, dict[str, float]]:
    """Return the name of the rules that are cheapest for the homes together, and their mean costs.

    Costs are in parts of what the home's day costs by `value`, on training and validation days, without corrections.
    """
    names = list(known)
    costs = np.array(map_shards(partial(_rules_costs, [known[name] for name in names]), homes))
    means = dict(zip(names, costs.mean(axis=0).tolist(), strict=True))
    return min(means, key=lambda name: means[name]), means


def train_pooled(
    homes: Sequence[HomeDays],
    adapted: Sequence[HomeDays],
    config: LightgbmTraining,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> PooledTraining:
    """Train on the training days of homes, choose on their validation days.

    Args:
        homes: homes whose days are learned from.
        adapted: homes for which it is found out what they take; those and others.
        config: configuration, with the rules of scenario weights.
        progress: called with rounds done, and rounds there are; adapting counts as one.
    """
    latest, rows = uncorrected_policy(config), [no_rows(config)]
    best, curve = (0.0, latest), [(0, 0.0)]
    for number in range(1, config.rounds + 1):
        _tell(progress, number - 1, config.rounds + 1)
        most = max(1, ROWS // (len(homes) * config.rounds))
        rows += map_shards(partial(_labelled, latest, config, number, most), homes)
        tried = candidates(config, TrainingRows.concatenate(rows))
        bounds = _lower_bounds(map_shards(partial(_savings, tried, config), homes), config.confidence_z)
        place = int(np.argmax(bounds))
        latest = tried[place]
        curve.append((number, float(bounds[place])))
        if bounds[place] > best[0]:
            best = (float(bounds[place]), latest)
    _tell(progress, config.rounds, config.rounds + 1)
    states = TrainingRows.concatenate(rows).state
    savings = map_shards(partial(_home_savings, best[1], config), adapted)
    usual, taken = fit_adaptations({home.name: found for home, found in zip(adapted, savings, strict=True)})
    _tell(progress, config.rounds + 1, config.rounds + 1)
    return PooledTraining(
        policy=best[1],
        usual=usual,
        homes=taken,
        metrics={
            "validation_saving": best[0],
            "corrected_share": float((best[1].predict(states) != 0).mean()),
            "rows": float(len(states)),
            "homes": float(len(homes)),
            "homes_as_value": float(sum(each.is_value for each in taken.values())),
            "homes_corrected": float(sum(each.share > 0 for each in taken.values())),
        },
        curve=tuple(curve),
    )


def _rules_costs(known: Sequence[WeightRules], home: HomeDays) -> list[float]:
    """Return a home's mean cost by each of some rules, in parts of that by `value`."""
    days = home.open()
    size = _size(_uncorrected(days, NAIVE))
    return [float(_uncorrected(days, rules).mean()) / size for rules in known]


def _labelled(
    policy: AntaresPolicyV1, config: LightgbmTraining, number: int, most: int, home: HomeDays
) -> TrainingRows:
    """Return a home's priced corrections of a round, in its own scale, some of its states drawn evenly."""
    rows = Labeler(home.open().training(config.weight_rules), config).label(policy, number)
    scale = _size(rows.extra_cost[rows.differs]) if rows.differs.any() else 1.0
    random = np.random.default_rng((config.seed, number, *home.name.encode()))
    kept = np.sort(random.permutation(len(rows.state))[:most])
    return TrainingRows(rows.state[kept], rows.extra_cost[kept] / scale, rows.differs[kept])


def _savings(tried: Sequence[AntaresPolicyV1], config: LightgbmTraining, home: HomeDays) -> "_Savings":
    """Return what each policy saves a home on its validation days, in parts of its usual day's cost."""
    days = home.open().validation(config.weight_rules)
    plain = _costs(uncorrected_policy(config), days)
    return _Savings(days.labels, np.array([plain - _costs(policy, days) for policy in tried]) / _size(plain))


@dataclass(frozen=True)
class _Savings:
    """Savings of a home's days by some policies `(n_policies, n_days)`, and what the days are called."""

    days: tuple[str, ...]
    saved: Energy


def _lower_bounds(homes: Sequence[_Savings], z: float) -> Energy:
    """Return the lower bound of each policy's mean saving, from the mean over the homes of each day."""
    names = sorted({day for home in homes for day in home.days})
    place = {day: number for number, day in enumerate(names)}
    total, count = np.zeros((len(homes[0].saved), len(names))), np.zeros(len(names))
    for home in homes:
        days = [place[day] for day in home.days]
        total[:, days] += home.saved
        count[days] += 1
    saved = total / count
    error = saved.std(axis=1, ddof=1) / np.sqrt(len(names)) if len(names) > 1 else 0.0
    return saved.mean(axis=1) - z * error


def _home_savings(policy: AntaresPolicyV1, config: LightgbmTraining, home: HomeDays) -> HomeSavings:
    """Return what the rules save a home on all of its days, and shares of the corrections on validation days."""
    opened = home.open()
    usual, own = _uncorrected(opened, NAIVE), _uncorrected(opened, config.weight_rules)
    days = opened.validation(config.weight_rules)
    plain = _costs(uncorrected_policy(config), days)
    shares = {
        share: (plain - _costs(AdaptedPolicy(policy, Adaptation(follows=True, share=share)), days)) / _size(usual)
        for share in SHARES
    }
    return HomeSavings(rules=(usual - own) / _size(usual), shares=shares)


def _uncorrected(home: OpenedDays, rules: WeightRules) -> Energy:
    """Return what each of a home's training and validation days costs without corrections [money]."""
    both = joined([home.training(rules), home.validation(rules)])
    return episode_costs(_nothing, both, UNCORRECTED)


def _nothing(state: State) -> NDArray[np.float32]:
    """No correction in any state."""
    return np.zeros((len(state), 1), dtype=np.float32)


def _costs(policy: LearnedPolicy, days: Episodes) -> Energy:
    return episode_costs(policy.predict, days, policy.setup)


def _size(costs: Energy) -> float:
    """Return the size of what a home pays a day, its root mean square: positive also where a day earns money."""
    return max(float(np.sqrt(np.mean(costs**2))), LEAST_SIZE)


def _tell(progress: Callable[[int, int], None] | None, done: int, total: int) -> None:
    if progress is not None:
        progress(done, total)
