"""Learns from hindsight which correction of the value function comes out cheapest, with rounds of DAgger.

Hindsight is the backward recursion on what the day really brought: it prices every command in every state, so a
mistake counts by what it costs. The policy lives through its training days; in each state that it reaches, the command
of every correction is priced, and trees learn from all states so far how much dearer than the uncorrected command it
is, from what was known (Ross and Bagnell, "Reinforcement and Imitation Learning via Interactive No-Regret Learning",
2014). After every round the policy is judged by what it really pays on validation days, once for each margin that a
correction may have to save, and the cheapest is kept; it is the policy `value` where nothing helps.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from env.actions import CACHED, CorrectedValue, Correction
from env.command_menu import MENU_NAMES
from env.episodes import Episodes, Outlook
from env.fleet import Index
from env.home_batch import HomeBatch
from env.inverter import Energy
from env.scaled_state import V2
from env.states import Moment, State
from planner.beliefs import NAIVE, BeliefRules
from planner.lightgbm_policy import AntaresPolicyV1, Corrections, lightgbm_manifest, with_levels
from planner.rl_training import episode_costs
from planner.value_function import GRID_POINTS, Scenarios, soc_grid, value_function

Mask: TypeAlias = NDArray[np.bool_]

STATE = "v2"
COLUMNS = tuple(column.name for column in V2)


@dataclass(frozen=True, kw_only=True)
class LightgbmTraining:
    """How to train.

    Attributes:
        rounds: of DAgger: live, price, fit, judge.
        lives: through every training day in a round, each from another stored energy.
        trees: of each fit.
        leaves: of each tree.
        least_rows: in a leaf.
        learning_rate: share of each tree's answer that is taken.
        column_share: of the columns that each tree sees, 0-1.
        row_share: of the rows that each tree sees, 0-1.
        l2: shrinkage of the leaves.
        offset: reach of a correction of 1, in spreads of the day's import prices.
        levels: corrections that are priced, -1 to 1 without 0.
        margins: tried on validation: what a correction has to save, in root mean squares of what corrections cost.
        seed: of everything that is drawn.
        threads: that LightGBM works with.
        beliefs: rules behind the days' outlook, kept with the policy.
        tariff: version of the tariff; empty fits every tariff.
    """

    rounds: int
    lives: int
    trees: int
    leaves: int
    least_rows: int
    learning_rate: float
    column_share: float
    row_share: float
    l2: float
    offset: float
    levels: tuple[float, ...]
    margins: tuple[float, ...]
    seed: int
    threads: int = 1
    beliefs: BeliefRules = NAIVE
    tariff: str = ""


@dataclass(frozen=True, kw_only=True)
class LightgbmRound:
    """What a round came to.

    Attributes:
        number: 0 is the policy that corrects nothing.
        of: rounds there are to be.
        rows: priced corrections that were learned from.
        margin: what a correction has to save, of the cheapest policy of the round [money].
        cost: its mean over the validation days [money].
    """

    number: int
    of: int
    rows: int
    margin: float
    cost: float


@dataclass(frozen=True, kw_only=True)
class LightgbmTrained:
    """The best policy and how training went.

    Attributes:
        policy: of the round that was cheapest on validation.
        rounds: in order.
        best: number of that round; 0 where nothing was better than correcting nothing.
        metrics: of the best, by name: `validation_cost`, `validation_cost_uncorrected` [money a day],
            `corrected_share` of the decisions on training days, `rows` learned from.
    """

    policy: AntaresPolicyV1
    rounds: tuple[LightgbmRound, ...]
    best: int
    metrics: dict[str, float]


@dataclass(frozen=True)
class Lessons:
    """Priced corrections: states `(n, n_columns)` of which each level's command costs so much more `(n, n_levels)`.

    `differs` says where a level's command is another than the uncorrected one.
    """

    state: State
    dearer: Energy
    differs: Mask

    def __add__(self, other: "Lessons") -> "Lessons":
        names = ("state", "dearer", "differs")
        return Lessons(*(np.concatenate([getattr(self, name), getattr(other, name)]) for name in names))


def train_lightgbm(
    training: Episodes,
    validation: Episodes,
    how: LightgbmTraining,
    *,
    progress: Callable[[LightgbmRound], None] | None = None,
) -> LightgbmTrained:
    """Train on some days, choose on others; the same input gives the same policy, byte for byte.

    Args:
        training: with an outlook by `how.beliefs`.
        validation: the same.
        how: sizes and rates.
        progress: told after every round, the first is number 0.

    Raises:
        EpisodeError: the days lack an outlook.
    """
    teacher, uncorrected = Teacher(training, how), _policy(how, None, 0.0)
    cost = _cost(uncorrected, validation)
    rounds = [LightgbmRound(number=0, of=how.rounds, rows=0, margin=0.0, cost=cost)]
    best, latest, lessons, number = uncorrected, uncorrected, teacher.nothing(), 0
    while True:
        if progress is not None:
            progress(rounds[-1])
        if number == how.rounds:
            break
        number += 1
        lessons += teacher.lessons(latest, number)
        latest, cost = _cheapest(how, lessons, validation)
        if cost < min(each.cost for each in rounds):
            best = latest
        rows = int(lessons.differs.sum())
        rounds.append(LightgbmRound(number=number, of=how.rounds, rows=rows, margin=latest.margin, cost=cost))
    return _trained(best, rounds, lessons)


def _trained(best: AntaresPolicyV1, rounds: list[LightgbmRound], lessons: Lessons) -> LightgbmTrained:
    """What training came to."""
    kept = min(rounds, key=lambda each: each.cost)  # the first of equal ones
    metrics = {
        "validation_cost": kept.cost,
        "validation_cost_uncorrected": rounds[0].cost,
        "corrected_share": float((best.predict(lessons.state) != 0).mean()) if len(lessons.state) else 0.0,
        "rows": float(kept.rows),
    }
    return LightgbmTrained(policy=best, rounds=tuple(rounds), best=kept.number, metrics=metrics)


def _policy(how: LightgbmTraining, trees: bytes | None, margin: float) -> AntaresPolicyV1:
    manifest = lightgbm_manifest(
        state=STATE,
        columns=COLUMNS,
        among=Corrections(offset=how.offset, levels=how.levels, margin=margin),
        trees=trees is not None,
        beliefs=how.beliefs,
        tariff=how.tariff,
    )
    return AntaresPolicyV1(manifest, trees)


def _cost(policy: AntaresPolicyV1, days: Episodes) -> float:
    """Mean over days [money]."""
    return float(episode_costs(policy.predict, days, policy.setup).mean())


def _cheapest(how: LightgbmTraining, lessons: Lessons, validation: Episodes) -> tuple[AntaresPolicyV1, float]:
    """Fit trees and find the margin that is cheapest on validation; of equal ones the first."""
    differing = lessons.dearer[lessons.differs]
    scale = float(np.sqrt(np.mean(differing**2))) if len(differing) else 0.0
    trees = _fitted(lessons, how) if len(differing) else None
    policies = [_policy(how, trees, margin * scale) for margin in how.margins]
    costs = [_cost(policy, validation) for policy in policies]
    place = int(np.argmin(costs))
    return policies[place], costs[place]


def _fitted(lessons: Lessons, how: LightgbmTraining) -> bytes:
    """Trees of the expected extra cost of corrections, as LightGBM's text.

    Only corrections that mean another command are learned from: the others cost nothing more by construction.
    """
    import lightgbm

    levels = np.array(how.levels)
    differs = lessons.differs.reshape(-1)
    rows = with_levels(lessons.state, levels)[differs]
    parameters = {
        "objective": "l2",
        "verbosity": -1,
        "num_threads": how.threads,
        "deterministic": True,
        "force_row_wise": True,
        "seed": how.seed,
        "num_leaves": how.leaves,
        "min_data_in_leaf": how.least_rows,
        "learning_rate": how.learning_rate,
        "feature_fraction": how.column_share,
        "bagging_fraction": how.row_share,
        "bagging_freq": 1,
        "lambda_l2": how.l2,
    }
    data = lightgbm.Dataset(rows, lessons.dearer.reshape(-1)[differs], params={"verbosity": -1})
    booster = lightgbm.train(parameters, data, how.trees)  # pyright: ignore[reportUnknownMemberType] - loosely typed there
    return booster.model_to_string().encode()


class Teacher:
    """Prices corrections in the states that policies reach on some days.

    Args:
        days: with an outlook.
        how: which corrections, and how many lives.
    """

    def __init__(self, days: Episodes, how: LightgbmTraining) -> None:
        reach = Correction(offset=how.offset)
        self._days, self._how, self._levels = days, how, np.array(how.levels)
        self._believed = CorrectedValue(days, reach)
        self._known = CorrectedValue(replace(days, outlook=hindsight(days)), reach)

    def nothing(self) -> Lessons:
        """No lesson yet."""
        none = np.zeros((0, len(self._levels)))
        return Lessons(np.zeros((0, len(COLUMNS)), dtype=np.float32), none, none.astype(np.bool_))

    def lessons(self, policy: AntaresPolicyV1, number: int) -> Lessons:
        """What a policy meets in a round: the first life starts as the protocol says, the others anywhere."""
        lived = self.nothing()
        for life in range(self._how.lives):
            for n_slots in np.unique(self._days.n_slots).tolist():
                lived += self._life(policy, np.flatnonzero(self._days.n_slots == n_slots), (number, life))
        return lived

    def _life(self, policy: AntaresPolicyV1, rows: Index, which: tuple[int, int]) -> Lessons:
        """Live through days of equally many slots."""
        setup = replace(policy.setup, random_start=which[1] > 0)
        batch = HomeBatch(self._days, len(rows), state=STATE, setup=setup)
        randoms = [np.random.default_rng((self._how.seed, *which, int(row))) for row in rows]
        batch.restart(np.arange(len(rows)), randoms, rows=rows)
        states: list[State] = []
        moments: list[Moment] = []
        for _ in range(int(self._days.n_slots[rows[0]])):
            states.append(batch.observe())
            moments.append(batch.moment)
            batch.step(policy.predict(states[-1]))
        return self._priced(np.concatenate(states), _one_after_the_other(moments))

    def _priced(self, state: State, moment: Moment) -> Lessons:
        """Price every correction's command in some states."""
        together = max(1, CACHED // (self._believed.n_scenarios * len(MENU_NAMES)))
        parts = [moment.part(slice(at, at + together)) for at in range(0, len(moment.row), together)]
        priced = [self._prices(part) for part in parts]
        dearer, differs = (np.concatenate(each) for each in zip(*priced, strict=True))
        return Lessons(state, dearer, differs)

    def _prices(self, moment: Moment) -> tuple[Energy, Mask]:
        """What each correction's command costs more than the uncorrected one, and where it is another."""
        cost, gain = self._believed.lines(*self._believed.tried(moment), moment)
        truly, _ = self._known.lines(*self._known.tried(moment), moment)
        own = cost.argmin(axis=1)[:, None]
        told = np.stack([(cost - level * gain).argmin(axis=1) for level in self._levels], axis=1)
        dearer = np.take_along_axis(truly, told, axis=1) - np.take_along_axis(truly, own, axis=1)
        return dearer, told != own


def _one_after_the_other(moments: list[Moment]) -> Moment:
    names = ("row", "at", "over", "soc_kwh")
    return Moment(*(np.concatenate([getattr(moment, name) for moment in moments]) for name in names))


def hindsight(days: Episodes) -> Outlook:
    """The outlook of someone who knows what days bring: one scenario, the truth, and what it makes energy worth."""
    value = np.zeros((*days.load_kwh.shape, GRID_POINTS))
    for home, site in enumerate(days.sites):
        for n_slots in np.unique(days.n_slots).tolist():
            rows = np.flatnonzero((days.home == home) & (days.n_slots == n_slots))
            if not len(rows):
                continue
            known = slice(0, n_slots)
            worth = value_function(
                Scenarios(days.load_kwh[rows, None, known], days.pv_kwh[rows, None, known]),
                days.import_price[rows, known],
                days.export_price[rows, known],
                site=site,
                end_value=days.settlement_value[rows, None] * soc_grid(site.battery),
            )
            value[rows, known] = worth.value[:, 0, 1:]
    truth = (days.load_kwh[:, :, None], days.pv_kwh[:, :, None])
    return Outlook(load_kwh=truth[0], pv_kwh=truth[1], weight=np.ones_like(truth[0]), value=value)
