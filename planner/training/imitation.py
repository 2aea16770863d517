"""Learns to tell the powers that MPC told, from states on the way that MPC took.

What it finds is judged twice on days held out: how far each power is off, and what running them costs. There is no
correction of its own mistakes here, and no price of them: that is `lightgbm_training`'s.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from env.errors import EpisodeError
from env.gym.actions import Powers
from env.gym.episodes import Episodes
from env.gym.home_batch import state_form
from env.gym.states import Moment, State
from env.inverter import Energy
from planner.policies.imitation_policy import TARGETS, AntaresRegressors, regressors_manifest
from planner.training.scoring import episode_costs
from planner.training.settings import RegressorSettings
from planner.training.tree_fitting import fit_trees
from planner.value.scenario_weights import NAIVE, WeightRules


class RegressorTraining(RegressorSettings):
    """Configuration of a training.

    Attributes:
        seed: random seed of training.
        weight_rules: scenario weights behind the days' outlook, which state v2 shows; kept with the regressors.
        tariff: version of the tariff; empty fits every tariff.
    """

    seed: int
    weight_rules: WeightRules = NAIVE
    tariff: str = ""

    @classmethod
    def of(
        cls, settings: RegressorSettings, *, seed: int, weight_rules: WeightRules, tariff: str = ""
    ) -> "RegressorTraining":
        """Return the training with these settings from a seed."""
        own = {name: getattr(settings, name) for name in RegressorSettings.model_fields}
        return cls.model_validate({**own, "seed": seed, "weight_rules": weight_rules, "tariff": tariff})


@dataclass(frozen=True, kw_only=True)
class TrainedRegressors:
    """What was learned.

    Attributes:
        regressors: with the floor that is cheapest on validation.
        metrics: on validation days, by name: `mae_<target>`, `rmse_<target>` [kW], of means as the trees tell them;
            `validation_cost` of running what they tell, mean over days [money].
    """

    regressors: AntaresRegressors
    metrics: dict[str, float]


@dataclass(frozen=True)
class _MpcRows:
    """What MPC told in states it met: states `(n, n_columns)`, shares of the most there is and that most `(n, 3)`."""

    state: State
    share: Energy
    full_kw: Energy


def train_regressors(
    training: Episodes,
    validation: Episodes,
    slots: pl.DataFrame,
    how: RegressorTraining,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> TrainedRegressors:
    """Train on some days of a home, judge on others; the same input gives the same regressors, byte for byte.

    Args:
        training: days with labels, and with an outlook where the state shows it.
        validation: the same of other days.
        slots: `local_day, slot_start, soc_kwh, battery_charge_kw, battery_discharge_kw, export_kw` of whole days
            (`planner.training.antares_slots`); days on which MPC was not replayed are not learned from.
        how: sizes and rates.
        progress: told what is done and how much there is, after each power and each floor.

    Raises:
        EpisodeError: MPC told nothing on the training or the validation days, or the days lack what the state shows or
            stand there twice.
    """
    lessons, unseen = (_mpc_rows(days, slots, how.state) for days in (training, validation))
    total = len(TARGETS) + len(how.floors)
    trees: dict[str, bytes] = {}
    for place, target in enumerate(TARGETS):
        trees[target] = fit_trees(lessons.state, lessons.share[:, place].copy(), how, seed=how.seed)
        if progress is not None:
            progress(len(trees), total)
    found = [_regressors(validation, how, trees, floor) for floor in how.floors]
    costs: list[float] = []
    for each in found:
        costs.append(float(episode_costs(each.predict, validation, each.setup, state=how.state).mean()))
        if progress is not None:
            progress(len(trees) + len(costs), total)
    best = int(np.argmin(costs))
    return TrainedRegressors(
        regressors=found[best], metrics={**_errors(found[best], unseen), "validation_cost": costs[best]}
    )


def _errors(regressors: AntaresRegressors, unseen: _MpcRows) -> dict[str, float]:
    """How far each power is off [kW]."""
    off = (regressors.shares(unseen.state) - unseen.share) * unseen.full_kw
    mae, rmse = np.abs(off).mean(axis=0), np.sqrt((off**2).mean(axis=0))
    named = {f"mae_{target}": float(mae[place]) for place, target in enumerate(TARGETS)}
    return named | {f"rmse_{target}": float(rmse[place]) for place, target in enumerate(TARGETS)}


def _regressors(days: Episodes, how: RegressorTraining, trees: dict[str, bytes], floor: float) -> AntaresRegressors:
    columns = tuple(column.name for column in state_form(days, how.state).columns)
    manifest = regressors_manifest(
        state=how.state, columns=columns, floor=floor, weight_rules=how.weight_rules, tariff=how.tariff
    )
    return AntaresRegressors(manifest, trees)


def _mpc_rows(days: Episodes, slots: pl.DataFrame, state: str) -> _MpcRows:
    """What MPC told on some days.

    Raises:
        EpisodeError: it told nothing.
    """
    soc_kwh, powers = mpc_commands(days, slots)
    row, slot = np.nonzero(np.isfinite(soc_kwh))
    if not len(row):
        raise EpisodeError("MPC was replayed on none of the days; replay it, or give the slots of other days")
    moment = Moment(row, row * days.width + slot, np.zeros(len(row), dtype=np.bool_), soc_kwh[row, slot])
    full = Powers(days).full_kw[row]
    share = np.divide(powers[row, slot], full, out=np.zeros_like(full), where=full > 0)
    return _MpcRows(state_form(days, state).observe(moment), np.clip(share, 0.0, 1.0), full)


def mpc_commands(days: Episodes, slots: pl.DataFrame) -> tuple[Energy, Energy]:
    """Stored energy at each slot's start [kWh] and the powers that MPC told [kW], not a number where it told none.

    Args:
        days: of one home, labelled by their local days.
        slots: as for `train_regressors`.

    Returns:
        `(n_episodes, width)` and `(n_episodes, width, 3)`.

    Raises:
        EpisodeError: a day has another number of slots than MPC told, or stands there twice.
    """
    if len(set(days.labels)) < len(days.labels):
        raise EpisodeError("a day stands there twice, which MPC lived through once: leave made-up days out")
    soc_kwh = np.full(days.load_kwh.shape, np.nan)
    powers = np.full((*days.load_kwh.shape, len(TARGETS)), np.nan)
    told = slots.drop_nulls(["soc_kwh", *TARGETS]).sort("slot_start").with_columns(pl.col("local_day").cast(pl.String))
    by_day = {str(day): part for (day,), part in told.partition_by("local_day", as_dict=True).items()}
    for row, label in enumerate(days.labels):
        part = by_day.get(label)
        if part is None:
            continue
        if part.height != days.n_slots[row]:
            message = f"{label} has {days.n_slots[row]} slots, MPC told {part.height}"
            raise EpisodeError(message)
        soc_kwh[row, : part.height] = part["soc_kwh"].to_numpy()
        powers[row, : part.height] = part.select(TARGETS).to_numpy()
    return soc_kwh, powers
