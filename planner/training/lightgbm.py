"""Learns from hindsight which correction of the value function comes out cheapest, with rounds of DAgger.

Hindsight is the backward recursion on what the day really brought: it prices every command in every state, so a
mistake counts by what it costs. The policy lives through its training days; in each state that it reaches, the command
of every correction is priced, and trees learn from all states so far how much dearer than the uncorrected command it
is, from what was known (Ross and Bagnell, "Reinforcement and Imitation Learning via Interactive No-Regret Learning",
2014). After every round the policy is judged by what it really pays on validation days, once for each margin that a
correction may have to save, and the one that surely saves most is kept: corrections are many and days few, so that some
always save by chance. Where none surely saves, the policy corrects nothing, which is the policy `value`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from env.command_menu import MENU_NAMES
from env.fleet import Index
from env.gym.actions import CACHE_ELEMENTS, Actions, Commands, CorrectedValue, Correction
from env.gym.episodes import Episodes, Outlook
from env.gym.home_batch import HomeBatch
from env.gym.scaled_state import V2
from env.gym.states import Moment, State
from env.inverter import Energy
from planner.policies.lightgbm_policy import AntaresPolicyV1, Corrections, lightgbm_manifest, with_levels
from planner.training.scoring import episode_costs
from planner.training.settings import LightgbmSettings
from planner.training.tree_fitting import fit_trees
from planner.value.scenario_weights import NAIVE, WeightRules
from planner.value.scenarios import Scenarios
from planner.value.value_function import GRID_POINTS, soc_grid, value_function

Mask: TypeAlias = NDArray[np.bool_]

STATE = "v2"
COLUMNS = tuple(column.name for column in V2)


class LightgbmTraining(LightgbmSettings):
    """Configuration of a training.

    Attributes:
        seed: random seed of training.
        weight_rules: scenario weights behind the days' outlook, kept with the policy.
        tariff: version of the tariff; empty fits every tariff.
    """

    seed: int
    weight_rules: WeightRules = NAIVE
    tariff: str = ""

    @classmethod
    def of(
        cls, settings: LightgbmSettings, *, seed: int, weight_rules: WeightRules, tariff: str = ""
    ) -> "LightgbmTraining":
        """Return the training with these settings from a seed."""
        own = {name: getattr(settings, name) for name in LightgbmSettings.model_fields}
        return cls.model_validate({**own, "seed": seed, "weight_rules": weight_rules, "tariff": tariff})


@dataclass(frozen=True, kw_only=True)
class LightgbmRound:
    """What a round came to.

    Attributes:
        number: 0 is the policy that corrects nothing.
        of: rounds there are to be.
        rows: priced corrections that were learned from.
        margin: what a correction has to save, of the best policy of the round [money].
        cost: its mean over the validation days [money].
        saved: what it surely saves of that: mean less `confidence_z` standard errors [money].
    """

    number: int
    total: int
    rows: int
    margin: float
    cost: float
    saving: float


@dataclass(frozen=True, kw_only=True)
class TrainedLightgbm:
    """The best policy and how training went.

    Attributes:
        policy: of the round that surely saves most on validation.
        rounds: in order.
        best: number of that round; 0 where none surely saves anything.
        metrics: of the best, by name: `validation_cost`, `validation_cost_uncorrected` [money a day],
            `corrected_share` of the states learned from, `rows` learned from.
    """

    policy: AntaresPolicyV1
    rounds: tuple[LightgbmRound, ...]
    best: int
    metrics: dict[str, float]


@dataclass(frozen=True)
class TrainingRows:
    """Priced corrections: states `(n, n_columns)` of which each level's command costs so much more `(n, n_levels)`.

    `differs` says where a level's command is another than the uncorrected one.
    """

    state: State
    extra_cost: Energy
    differs: Mask

    def __add__(self, other: "TrainingRows") -> "TrainingRows":
        return TrainingRows.concatenate([self, other])

    @staticmethod
    def concatenate(parts: "Sequence[TrainingRows]") -> "TrainingRows":
        """Return the rows of all parts, in order."""
        return TrainingRows(
            np.concatenate([part.state for part in parts]),
            np.concatenate([part.extra_cost for part in parts]),
            np.concatenate([part.differs for part in parts]),
        )


def train_lightgbm(
    training: Episodes,
    validation: Episodes,
    how: LightgbmTraining,
    *,
    progress: Callable[[LightgbmRound], None] | None = None,
) -> TrainedLightgbm:
    """Train on some days, choose on others; the same input gives the same policy, byte for byte.

    Args:
        training: with an outlook by `how.weight_rules`.
        validation: the same.
        how: sizes and rates.
        progress: told after every round, the first is number 0.

    Raises:
        EpisodeError: the days lack an outlook.
    """
    judge, teacher, latest = _Validation(validation, how), Labeler(training, how), _policy(how, None, 0.0)
    rounds = [LightgbmRound(number=0, total=how.rounds, rows=0, margin=0.0, cost=judge.uncorrected, saving=0.0)]
    policies, lessons = [latest], teacher.no_rows()
    for number in range(1, how.rounds + 1):
        if progress is not None:
            progress(rounds[-1])
        lessons += teacher.label(latest, number)
        latest, cost, saved = judge.best(_candidates(how, lessons))
        policies.append(latest)
        rounds.append(
            LightgbmRound(
                number=number,
                total=how.rounds,
                rows=int(lessons.differs.sum()),
                margin=latest.margin,
                cost=cost,
                saving=saved,
            )
        )
    if progress is not None:
        progress(rounds[-1])
    kept = max(rounds, key=lambda each: each.saving)  # the first of equal ones
    metrics = {
        "validation_cost": kept.cost,
        "validation_cost_uncorrected": judge.uncorrected,
        "corrected_share": float((policies[kept.number].predict(lessons.state) != 0).mean()) if how.rounds else 0.0,
        "rows": float(kept.rows),
    }
    return TrainedLightgbm(policy=policies[kept.number], rounds=tuple(rounds), best=kept.number, metrics=metrics)


class _Validation:
    """Weighs policies by what they pay on validation days, day by day against no correction."""

    def __init__(self, days: Episodes, how: LightgbmTraining) -> None:
        self._days, self._confidence_z = days, how.confidence_z
        self._costs = self._costs_of(_policy(how, None, 0.0))
        self.uncorrected = float(self._costs.mean())

    def _costs_of(self, policy: AntaresPolicyV1) -> Energy:
        return episode_costs(policy.predict, self._days, policy.setup)

    def best(self, policies: list[AntaresPolicyV1]) -> tuple[AntaresPolicyV1, float, float]:
        """The policy that surely saves most, the first of equal ones, its mean cost and what it surely saves."""
        costs = [self._costs_of(policy) for policy in policies]
        saved = [self._lower_bound(self._costs - each) for each in costs]
        place = int(np.argmax(saved))
        return policies[place], float(costs[place].mean()), saved[place]

    def _lower_bound(self, saved: Energy) -> float:
        error = saved.std(ddof=1) / np.sqrt(len(saved)) if len(saved) > 1 else 0.0
        return float(saved.mean() - self._confidence_z * error)


def _policy(how: LightgbmTraining, trees: bytes | None, margin: float) -> AntaresPolicyV1:
    manifest = lightgbm_manifest(
        state=STATE,
        columns=COLUMNS,
        among=Corrections(offset=how.offset, levels=how.levels, margin=margin),
        trees=trees is not None,
        weight_rules=how.weight_rules,
        tariff=how.tariff,
    )
    return AntaresPolicyV1(manifest, trees)


def _candidates(how: LightgbmTraining, rows: TrainingRows) -> list[AntaresPolicyV1]:
    """Return a policy for each margin, all with the trees fitted on all rows."""
    differing = rows.extra_cost[rows.differs]
    scale = float(np.sqrt(np.mean(differing**2))) if len(differing) else 0.0
    trees = _fit(rows, how) if len(differing) else None
    return [_policy(how, trees, margin * scale) for margin in how.margins]


def _fit(rows: TrainingRows, how: LightgbmTraining) -> bytes:
    """Trees of the expected extra cost of corrections, as LightGBM's text.

    Only corrections that mean another command are learned from: the others cost nothing more by construction.
    """
    levels = np.array(how.levels)
    differs = rows.differs.reshape(-1)
    features = with_levels(rows.state, levels)[differs]
    return fit_trees(features, rows.extra_cost.reshape(-1)[differs], how, seed=how.seed, l2=how.l2)


class Labeler:
    """Prices corrections in the states that policies reach on some days.

    Args:
        days: with an outlook.
        how: which corrections, and how many lives.
    """

    def __init__(self, days: Episodes, how: LightgbmTraining) -> None:
        reach = Correction(offset=how.offset)
        self._days, self._how, self._levels = days, how, np.array(how.levels)
        self._expected_value = CorrectedValue(days, reach)
        self._hindsight_value = CorrectedValue(replace(days, outlook=hindsight(days)), reach)

    def no_rows(self) -> TrainingRows:
        """No lesson yet."""
        none = np.zeros((0, len(self._levels)))
        return TrainingRows(np.zeros((0, len(COLUMNS)), dtype=np.float32), none, none.astype(np.bool_))

    def label(self, policy: AntaresPolicyV1, number: int) -> TrainingRows:
        """What a policy meets in a round: the first life starts as the protocol says, the others anywhere."""
        lived = self.no_rows()
        for life in range(self._how.passes):
            for n_slots in np.unique(self._days.n_slots).tolist():
                lived += self._pass(policy, np.flatnonzero(self._days.n_slots == n_slots), (number, life))
        return lived

    def _pass(self, policy: AntaresPolicyV1, rows: Index, which: tuple[int, int]) -> TrainingRows:
        """Live through days of equally many slots."""
        setup = replace(policy.setup, random_start=which[1] > 0)
        batch = HomeBatch(self._days, len(rows), state=STATE, setup=setup, actions=Commands(self._days))
        randoms = [np.random.default_rng((self._how.seed, *which, int(row))) for row in rows]
        batch.restart(np.arange(len(rows)), randoms, rows=rows)
        met: list[TrainingRows] = []
        for _ in range(int(self._days.n_slots[rows[0]])):
            state = batch.observe()
            lessons, told = self._label_states(state, batch.moment, policy.predict(state))
            met.append(lessons)
            batch.step(told)
        return TrainingRows.concatenate(met)

    def _label_states(self, state: State, moment: Moment, asked: Actions) -> tuple[TrainingRows, Index]:
        """Price every correction's command in some states; and the command that is asked for there, of the menu."""
        together = max(1, CACHE_ELEMENTS // (self._expected_value.n_scenarios * len(MENU_NAMES)))
        parts = [slice(at, at + together) for at in range(0, len(moment.row), together)]
        priced = [self._extra_costs(moment.part(part), asked[part]) for part in parts]
        dearer, differs, told = (np.concatenate(each) for each in zip(*priced, strict=True))
        return TrainingRows(state, dearer, differs), told

    def _extra_costs(self, moment: Moment, asked: Actions) -> tuple[Energy, Mask, Index]:
        """What each correction's command costs more than the uncorrected one, where it is another; what is asked."""
        cost, gain = self._expected_value.cost_and_gain(*self._expected_value.simulate(moment), moment)
        truly, _ = self._hindsight_value.cost_and_gain(*self._hindsight_value.simulate(moment), moment)
        own = cost.argmin(axis=1)[:, None]
        meant = np.stack([(cost - level * gain).argmin(axis=1) for level in self._levels], axis=1)
        dearer = np.take_along_axis(truly, meant, axis=1) - np.take_along_axis(truly, own, axis=1)
        return dearer, meant != own, (cost - asked * gain).argmin(axis=1)


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
