"""Cost-sensitive DAgger: boosted trees that learn from hindsight which correction of the value function is cheapest.

Hindsight is the backward recursion on the day's readings: it prices every command in every state, so a mistake counts
by its cost. The policy runs through its training days; in each state that it reaches, the command of every correction
is priced, and trees learn from all states so far how much more than the uncorrected command it costs, from what was
known (AggreVaTe: Ross and Bagnell, "Reinforcement and Imitation Learning via Interactive No-Regret Learning", 2014).
After every round the policy is validated by its actual cost on validation days, once for each margin that a correction
may have to save. The one with the largest lower confidence bound of its saving is kept: corrections are many and days
few, so that some always save by chance. If no bound is above zero, the policy corrects nothing, which is the policy
`value`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from env.command_menu import MENU_NAMES
from env.gym.actions import CACHE_ELEMENTS, Actions, Commands, CorrectedValue, Correction
from env.gym.episodes import Episodes, Outlook
from env.gym.home_batch import HomeBatch
from env.gym.scaled_state import V2
from env.gym.states import Moment, State
from env.inverter import Energy
from env.types import Index, Mask
from planner.policies.lightgbm_policy import AntaresPolicyV1, Corrections, lightgbm_manifest, with_levels
from planner.training.scoring import episode_costs
from planner.training.settings import LightgbmSettings
from planner.training.tree_fitting import fit_trees
from planner.value.scenario_weights import NAIVE, WeightRules
from planner.value.scenarios import Scenarios
from planner.value.value_function import GRID_POINTS, soc_grid, value_function

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
    """Result of a round.

    Attributes:
        number: number of the round; 0 is the policy that corrects nothing.
        total: number of rounds of the training.
        rows: number of training rows so far, that is of priced corrections.
        margin: least saving of a correction, of the best policy of the round [money].
        cost: mean cost of that policy over the validation days [money].
        saving: lower confidence bound of its saving: mean less `confidence_z` standard errors [money].
    """

    number: int
    total: int
    rows: int
    margin: float
    cost: float
    saving: float


@dataclass(frozen=True, kw_only=True)
class TrainedLightgbm:
    """The best policy and the rounds of its training.

    Attributes:
        policy: policy of the round with the largest lower bound of the saving on validation.
        rounds: rounds in order.
        best: number of that round; 0 if no bound is above zero.
        metrics: metrics of that policy by name: `validation_cost`, `validation_cost_uncorrected` [money a day],
            `corrected_share` of the training states, `rows` of training.
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
    config: LightgbmTraining,
    *,
    progress: Callable[[LightgbmRound], None] | None = None,
) -> TrainedLightgbm:
    """Train on some days, choose on others; the same input gives the same policy, byte for byte.

    Args:
        training: days with an outlook by `config.weight_rules`.
        validation: other days with such an outlook.
        config: configuration.
        progress: called after every round, the first is number 0.

    Raises:
        EpisodeError: the days lack an outlook.
    """
    validator, labeler, latest = _Validation(validation, config), Labeler(training, config), uncorrected_policy(config)
    rounds = [LightgbmRound(number=0, total=config.rounds, rows=0, margin=0.0, cost=validator.uncorrected, saving=0.0)]
    policies, rows = [latest], no_rows(config)
    for number in range(1, config.rounds + 1):
        if progress is not None:
            progress(rounds[-1])
        rows += labeler.label(latest, number)
        latest, cost, saving = validator.best(candidates(config, rows))
        policies.append(latest)
        rounds.append(
            LightgbmRound(
                number=number,
                total=config.rounds,
                rows=int(rows.differs.sum()),
                margin=latest.margin,
                cost=cost,
                saving=saving,
            )
        )
    if progress is not None:
        progress(rounds[-1])
    best = max(rounds, key=lambda each: each.saving)  # the first of equal ones
    metrics = {
        "validation_cost": best.cost,
        "validation_cost_uncorrected": validator.uncorrected,
        "corrected_share": float((policies[best.number].predict(rows.state) != 0).mean()) if config.rounds else 0.0,
        "rows": float(best.rows),
    }
    return TrainedLightgbm(policy=policies[best.number], rounds=tuple(rounds), best=best.number, metrics=metrics)


class _Validation:
    """Compares policies by their costs on validation days, paired by day with no correction."""

    def __init__(self, days: Episodes, config: LightgbmTraining) -> None:
        self._days, self._confidence_z = days, config.confidence_z
        self._costs = self._costs_of(uncorrected_policy(config))
        self.uncorrected = float(self._costs.mean())

    def _costs_of(self, policy: AntaresPolicyV1) -> Energy:
        return episode_costs(policy.predict, self._days, policy.setup)

    def best(self, policies: list[AntaresPolicyV1]) -> tuple[AntaresPolicyV1, float, float]:
        """Return the policy with the largest lower bound of its saving, its mean cost and the bound."""
        costs = [self._costs_of(policy) for policy in policies]
        savings = [self._lower_bound(self._costs - each) for each in costs]
        place = int(np.argmax(savings))
        return policies[place], float(costs[place].mean()), savings[place]

    def _lower_bound(self, savings: Energy) -> float:
        error = savings.std(ddof=1) / np.sqrt(len(savings)) if len(savings) > 1 else 0.0
        return float(savings.mean() - self._confidence_z * error)


def _policy(config: LightgbmTraining, trees: bytes | None, margin: float) -> AntaresPolicyV1:
    manifest = lightgbm_manifest(
        state=STATE,
        columns=COLUMNS,
        among=Corrections(offset=config.offset, levels=config.levels, margin=margin),
        trees=trees is not None,
        weight_rules=config.weight_rules,
        tariff=config.tariff,
    )
    return AntaresPolicyV1(manifest, trees)


def uncorrected_policy(config: LightgbmTraining) -> AntaresPolicyV1:
    """Return the policy that corrects nothing: `value` under the training's scenario weights."""
    return _policy(config, None, 0.0)


def candidates(config: LightgbmTraining, rows: TrainingRows) -> list[AntaresPolicyV1]:
    """Return a policy for each margin, all with the trees fitted on all rows."""
    differing = rows.extra_cost[rows.differs]
    scale = float(np.sqrt(np.mean(differing**2))) if len(differing) else 0.0
    trees = _fit(rows, config) if len(differing) else None
    return [_policy(config, trees, margin * scale) for margin in config.margins]


def _fit(rows: TrainingRows, config: LightgbmTraining) -> bytes:
    """Return trees of the expected extra cost of corrections, as LightGBM's text.

    Only corrections that mean another command are in the rows: the others cost nothing more by construction.
    """
    levels = np.array(config.levels)
    differs = rows.differs.reshape(-1)
    features = with_levels(rows.state, levels)[differs]
    return fit_trees(features, rows.extra_cost.reshape(-1)[differs], config, seed=config.seed, l2=config.l2)


def no_rows(config: LightgbmTraining) -> TrainingRows:
    """Return empty training rows."""
    none = np.zeros((0, len(config.levels)))
    return TrainingRows(np.zeros((0, len(COLUMNS)), dtype=np.float32), none, none.astype(np.bool_))


class Labeler:
    """The expert of DAgger: prices corrections in the states that policies reach on some days.

    Args:
        days: days with an outlook.
        config: configuration: the corrections and the number of passes.
    """

    def __init__(self, days: Episodes, config: LightgbmTraining) -> None:
        correction = Correction(offset=config.offset)
        self._days, self._config, self._levels = days, config, np.array(config.levels)
        self._expected_value = CorrectedValue(days, correction)
        self._hindsight_value = CorrectedValue(replace(days, outlook=hindsight(days)), correction)

    def label(self, policy: AntaresPolicyV1, number: int) -> TrainingRows:
        """Return the rows of a round: the first pass starts at the protocol's stored energy, the others anywhere."""
        labelled = no_rows(self._config)
        for number_of_pass in range(self._config.passes):
            for n_slots in np.unique(self._days.n_slots).tolist():
                rows = np.flatnonzero(self._days.n_slots == n_slots)
                labelled += self._pass(policy, rows, (number, number_of_pass))
        return labelled

    def _pass(self, policy: AntaresPolicyV1, rows: Index, which: tuple[int, int]) -> TrainingRows:
        """Run the policy through days of equally many slots; `which` is the round and the pass."""
        setup = replace(policy.setup, random_start=which[1] > 0)
        batch = HomeBatch(self._days, len(rows), state=STATE, setup=setup, actions=Commands(self._days))
        randoms = [np.random.default_rng((self._config.seed, *which, int(row))) for row in rows]
        batch.restart(np.arange(len(rows)), randoms, rows=rows)
        parts: list[TrainingRows] = []
        for _ in range(int(self._days.n_slots[rows[0]])):
            state = batch.observe()
            rows_here, commands = self._label_states(state, batch.moment, policy.predict(state))
            parts.append(rows_here)
            batch.step(commands)
        return TrainingRows.concatenate(parts)

    def _label_states(self, state: State, moment: Moment, actions: Actions) -> tuple[TrainingRows, Index]:
        """Return priced corrections of some states, and the actions' commands as numbers of the menu."""
        together = max(1, CACHE_ELEMENTS // (self._expected_value.n_scenarios * len(MENU_NAMES)))
        parts = [slice(at, at + together) for at in range(0, len(moment.row), together)]
        priced = [self._extra_costs(moment.part(part), actions[part]) for part in parts]
        extra_cost, differs, commands = (np.concatenate(column) for column in zip(*priced, strict=True))
        return TrainingRows(state, extra_cost, differs), commands

    def _extra_costs(self, moment: Moment, actions: Actions) -> tuple[Energy, Mask, Index]:
        """Return corrections' extra costs, whether their commands differ from the uncorrected, actions' commands."""
        cost, gain = self._expected_value.cost_and_gain(*self._expected_value.simulate(moment), moment)
        actual, _ = self._hindsight_value.cost_and_gain(*self._hindsight_value.simulate(moment), moment)
        uncorrected = cost.argmin(axis=1)[:, None]
        corrected = np.stack([(cost - level * gain).argmin(axis=1) for level in self._levels], axis=1)
        extra = np.take_along_axis(actual, corrected, axis=1) - np.take_along_axis(actual, uncorrected, axis=1)
        return extra, corrected != uncorrected, (cost - actions * gain).argmin(axis=1)


def hindsight(days: Episodes) -> Outlook:
    """Return the outlook of perfect hindsight: the readings as only scenario, and the value of energy under them."""
    value = np.zeros((*days.load_kwh.shape, GRID_POINTS))
    for home, site in enumerate(days.sites):
        for n_slots in np.unique(days.n_slots).tolist():
            rows = np.flatnonzero((days.home == home) & (days.n_slots == n_slots))
            if not len(rows):
                continue
            inside = slice(0, n_slots)
            values = value_function(
                Scenarios(days.load_kwh[rows, None, inside], days.pv_kwh[rows, None, inside]),
                days.import_price[rows, inside],
                days.export_price[rows, inside],
                site=site,
                end_value=days.settlement_value[rows, None] * soc_grid(site.battery),
            )
            value[rows, inside] = values.value[:, 0, 1:]
    truth = (days.load_kwh[:, :, None], days.pv_kwh[:, :, None])
    return Outlook(load_kwh=truth[0], pv_kwh=truth[1], weight=np.ones_like(truth[0]), value=value)
