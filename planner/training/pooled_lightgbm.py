"""One policy of boosted trees from the days of many homes, and what each home takes of it.

The state is in the scale of the day's prices and of the battery, so that rows of homes of any size stand side by side;
what a correction costs is divided by the root mean square of the home's corrections' costs, so that no home counts more
because it is larger. Homes are worked on one a shard (`planner.training.home_days`): a home's days are made from its
source in whichever process works on it, so that memory does not grow with the homes; only sampled rows and costs of
days come back. Trees are fitted in one place. How a policy learns from a home's days is `lightgbm`'s.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from env.gym.actions import Correction
from env.gym.episodes import joined
from env.gym.home_batch import Setup
from env.gym.states import State
from env.inverter import Energy
from planner.errors import TooFewHomesError
from planner.parallel import Progress, part_of
from planner.policies.adapted_policy import Adaptation
from planner.policies.lightgbm_policy import AntaresPolicyV1
from planner.training.adaptation import SHARES, HomeSavings, fit_adaptations
from planner.training.home_days import HomeDays, OpenedDays, Worked, map_homes
from planner.training.lightgbm import (
    Labeler,
    LightgbmTraining,
    TrainingRows,
    candidates,
    no_rows,
    uncorrected_policy,
)
from planner.training.scoring import episode_costs, side_by_side_costs
from planner.value.scenario_weights import NAIVE, WeightRules

Answer = TypeVar("Answer")
ROWS = 240_000
"""States that trees are fitted on, of all homes together; a home gives an equal part, drawn evenly from its own."""
UNCORRECTED = Setup(action="correction", correction=Correction(offset=1.0))
LEAST_SIZE = 1e-9


Uncorrected = Mapping[WeightRules, Energy]
"""Costs of a home's training days, then its validation days, without corrections, by rules `(n_days,)` [money]."""


@dataclass(frozen=True)
class ValuedHome:
    """The days of a home, and what they cost without corrections.

    Attributes:
        days: the days.
        uncorrected: see `uncorrected_costs`.
    """

    days: HomeDays
    uncorrected: Uncorrected

    @property
    def name(self) -> str:
        """Return the name of the home."""
        return self.days.name

    def open(self) -> OpenedDays:
        """Read its days."""
        return self.days.open()


@dataclass(frozen=True, kw_only=True)
class PooledTraining:
    """A trained pooled policy.

    Attributes:
        policy: the policy that a home takes as a whole.
        usual: what homes take of it that it did not see.
        homes: what each home takes of it, by name.
        left_out: why other homes failed, by name; they take what is usual.
        metrics: figures by name; savings in parts of a day's cost.
        curve: saving on validation days by round, in parts of a day's cost.
    """

    policy: AntaresPolicyV1
    usual: Adaptation
    homes: Mapping[str, Adaptation]
    left_out: Mapping[str, str]
    metrics: Mapping[str, float]
    curve: tuple[tuple[int, float], ...]


def uncorrected_costs(
    homes: Sequence[HomeDays], known: Mapping[str, WeightRules], *, progress: Progress | None = None
) -> Worked[Uncorrected]:
    """Return what each home's days cost without corrections, by `value`'s rules and by each of some others.

    Args:
        homes: the homes.
        known: rules by name.
        progress: told after every home.
    """
    return map_homes(partial(_uncorrected, [NAIVE, *known.values()]), homes, progress=progress)


def class_rules(homes: Mapping[str, ValuedHome], known: Mapping[str, WeightRules]) -> tuple[str, dict[str, float]]:
    """Return the name of the rules that are cheapest for homes together, and their mean costs.

    Costs are in parts of what the home's day costs by `value`, on training and validation days.

    Args:
        homes: the homes.
        known: rules by name.
    """
    each = [home.uncorrected for home in homes.values()]
    shares = [[own[rules].mean() / _size(own[NAIVE]) for rules in known.values()] for own in each]
    means = dict(zip(known, np.array(shares).mean(axis=0).tolist(), strict=True))
    return min(means, key=lambda name: means[name]), means


def n_steps(homes: int, adapted: int, rounds: int) -> int:
    """Return how many homes `train_pooled` works on, each pass counted."""
    return 2 * rounds * homes + adapted


def train_pooled(
    homes: Sequence[ValuedHome],
    adapted: Sequence[HomeDays],
    config: LightgbmTraining,
    *,
    progress: Progress | None = None,
) -> PooledTraining:
    """Train on the training days of homes, choose on their validation days.

    Args:
        homes: homes whose days are learned from.
        adapted: homes for which it is found out what they take; those and others, of which it is not known yet what
            they cost without corrections.
        config: configuration, with the rules of scenario weights.
        progress: told after every home of every pass (`n_steps`).

    Raises:
        TooFewHomesError: every home failed.
    """
    passes = _Passes(homes, n_steps(len(homes), len(adapted), config.rounds), progress)
    latest, rows = uncorrected_policy(config), [no_rows(config)]
    best, curve = (0.0, latest), [(0, 0.0)]
    for number in range(1, config.rounds + 1):
        most = max(1, ROWS // (len(homes) * config.rounds))
        rows += passes.over(partial(_labelled, latest, config, number, most))
        tried = candidates(config, TrainingRows.concatenate(rows))
        bounds = _lower_bounds(passes.over(partial(_savings, tried, config)), config.confidence_z)
        place = int(np.argmax(bounds))
        latest = tried[place]
        curve.append((number, float(bounds[place])))
        if bounds[place] > best[0]:
            best = (float(bounds[place]), latest)
    states = TrainingRows.concatenate(rows).state
    later = part_of(progress, passes.done, passes.total)
    savings = map_homes(partial(_home_savings, best[1], config), adapted, progress=later)
    usual, taken = fit_adaptations(savings.answers)
    return PooledTraining(
        policy=best[1],
        usual=usual,
        homes=taken,
        left_out={**savings.left_out, **passes.left_out},
        metrics={
            "validation_saving": best[0],
            "corrected_share": float((best[1].predict(states) != 0).mean()),
            "rows": float(len(states)),
            "homes": float(len(passes.homes)),
            "homes_as_value": float(sum(each.is_value for each in taken.values())),
            "homes_corrected": float(sum(each.share > 0 for each in taken.values())),
        },
        curve=tuple(curve),
    )


class _Passes:
    """Passes over the homes that are learned from; one that fails is in no later pass."""

    def __init__(self, homes: Sequence[ValuedHome], total: int, progress: Progress | None) -> None:
        self.homes, self.total, self.done = homes, total, 0
        self.left_out: dict[str, str] = {}
        self._most, self._progress = len(homes), progress

    def over(self, work: Callable[[ValuedHome], Answer]) -> list[Answer]:
        """Return the homes' answers.

        Raises:
            TooFewHomesError: every home failed.
        """
        found = map_homes(work, self.homes, progress=part_of(self._progress, self.done, self.total))
        self.done += self._most
        self.left_out |= found.left_out
        self.homes = [home for home in self.homes if home.name in found.answers]
        if not self.homes:
            raise TooFewHomesError(0, 1, self.left_out)
        return list(found.answers.values())


def _labelled(
    policy: AntaresPolicyV1, config: LightgbmTraining, number: int, most: int, home: HomeDays
) -> TrainingRows:
    """Return a home's priced corrections of a round, in its own scale, some of its states drawn evenly."""
    rows = Labeler(home.open().training(config.weight_rules), config).label(policy, number)
    scale = _size(rows.extra_cost[rows.differs]) if rows.differs.any() else 1.0
    random = np.random.default_rng((config.seed, number, *home.name.encode()))
    kept = np.sort(random.permutation(len(rows.state))[:most])
    return TrainingRows(rows.state[kept], rows.extra_cost[kept] / scale, rows.differs[kept])


def _savings(tried: Sequence[AntaresPolicyV1], config: LightgbmTraining, home: ValuedHome) -> "_Savings":
    """Return what each policy saves a home on its validation days, in parts of its usual day's cost.

    The policies differ in their margin alone, so that one run of the trees does for all.
    """
    days = home.open().validation(config.weight_rules)
    plain = home.uncorrected[config.weight_rules][-len(days) :]
    margins = [policy.margin for policy in tried]
    costs = side_by_side_costs(
        lambda state: tried[0].corrections(state, np.repeat(margins, len(state) // len(margins))),
        days,
        tried[0].setup,
        copies=len(tried),
    )
    return _Savings(days.labels, (plain - costs) / _size(plain))


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
    rules = [NAIVE, config.weight_rules]
    costs = home.uncorrected if isinstance(home, ValuedHome) else _uncorrected(rules, home, opened)
    usual, own = costs[NAIVE], costs[config.weight_rules]
    days = opened.validation(config.weight_rules)
    shares = np.array(SHARES, dtype=np.float32)
    corrected = side_by_side_costs(
        lambda state: np.repeat(shares, len(state) // len(shares))[:, None] * policy.predict(state),
        days,
        policy.setup,
        copies=len(shares),
    )
    saved = (own[-len(days) :] - corrected) / _size(usual)
    return HomeSavings(rules=(usual - own) / _size(usual), shares=dict(zip(SHARES, saved, strict=True)))


def _uncorrected(known: Sequence[WeightRules], home: HomeDays, opened: OpenedDays | None = None) -> Uncorrected:
    """Return what each of a home's training and validation days costs without corrections, by rules."""
    days = home.open() if opened is None else opened
    return {
        rules: episode_costs(_nothing, joined([days.training(rules), days.validation(rules)]), UNCORRECTED)
        for rules in dict.fromkeys(known)
    }


def _nothing(state: State) -> NDArray[np.float32]:
    """No correction in any state."""
    return np.zeros((len(state), 1), dtype=np.float32)


def _size(costs: Energy) -> float:
    """Return the size of what a home pays a day, its root mean square: positive also where a day earns money."""
    return max(float(np.sqrt(np.mean(costs**2))), LEAST_SIZE)
