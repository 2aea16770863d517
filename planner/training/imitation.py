"""Behavioural cloning of MPC: regressors that predict its powers from the states that it passed through.

They are validated twice on held-out days: by the error of each power, and by the cost of running them. Their own
mistakes are neither corrected nor priced here: that is `planner.training.lightgbm`'s part (DAgger).
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
    """Trained regressors.

    Attributes:
        regressors: with the floor that is cheapest on validation.
        metrics: on validation days, by name: `mae_<target>`, `rmse_<target>` [kW] of the trees' predictions;
            `validation_cost` of running them, mean over days [money].
    """

    regressors: AntaresRegressors
    metrics: dict[str, float]


@dataclass(frozen=True)
class _MpcRows:
    """States that MPC passed through `(n, n_columns)`, its powers as shares of the rated ones, and those `(n, 3)`."""

    state: State
    share: Energy
    full_kw: Energy


def train_regressors(
    training: Episodes,
    validation: Episodes,
    slots: pl.DataFrame,
    config: RegressorTraining,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> TrainedRegressors:
    """Train on some days of a home, validate on others; the same input gives the same regressors, byte for byte.

    Args:
        training: days with labels, and with an outlook where the state shows it.
        validation: other days, with the same.
        slots: `local_day, slot_start, soc_kwh, battery_charge_kw, battery_discharge_kw, export_kw` of whole days
            (`planner.training.antares_slots`); days on which MPC was not replayed are left out.
        config: configuration.
        progress: called with (done, total) after each power and each floor.

    Raises:
        EpisodeError: MPC was replayed on none of the training or the validation days, or the days lack what the state
            shows or occur twice.
    """
    fitted, held_out = (_mpc_rows(days, slots, config.state) for days in (training, validation))
    total = len(TARGETS) + len(config.floors)
    trees: dict[str, bytes] = {}
    for place, target in enumerate(TARGETS):
        trees[target] = fit_trees(fitted.state, fitted.share[:, place].copy(), config, seed=config.seed)
        if progress is not None:
            progress(len(trees), total)
    candidates = [_regressors(validation, config, trees, floor) for floor in config.floors]
    costs: list[float] = []
    for candidate in candidates:
        costs.append(float(episode_costs(candidate.predict, validation, candidate.setup, state=config.state).mean()))
        if progress is not None:
            progress(len(trees) + len(costs), total)
    best = int(np.argmin(costs))
    return TrainedRegressors(
        regressors=candidates[best], metrics={**_errors(candidates[best], held_out), "validation_cost": costs[best]}
    )


def _errors(regressors: AntaresRegressors, held_out: _MpcRows) -> dict[str, float]:
    """Return the mean absolute and root mean square error of each power, by name [kW]."""
    off = (regressors.shares(held_out.state) - held_out.share) * held_out.full_kw
    mae, rmse = np.abs(off).mean(axis=0), np.sqrt((off**2).mean(axis=0))
    named = {f"mae_{target}": float(mae[place]) for place, target in enumerate(TARGETS)}
    return named | {f"rmse_{target}": float(rmse[place]) for place, target in enumerate(TARGETS)}


def _regressors(days: Episodes, config: RegressorTraining, trees: dict[str, bytes], floor: float) -> AntaresRegressors:
    columns = tuple(column.name for column in state_form(days, config.state).columns)
    manifest = regressors_manifest(
        state=config.state, columns=columns, floor=floor, weight_rules=config.weight_rules, tariff=config.tariff
    )
    return AntaresRegressors(manifest, trees)


def _mpc_rows(days: Episodes, slots: pl.DataFrame, state: str) -> _MpcRows:
    """Return the states that MPC passed through on some days, and its powers there.

    Raises:
        EpisodeError: MPC was replayed on none of the days.
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
    """Return the stored energy at each slot's start [kWh] and MPC's powers [kW]; nan where MPC was not replayed.

    Args:
        days: days of one home, labelled by their local days.
        slots: as for `train_regressors`.

    Returns:
        `(n_episodes, width)` and `(n_episodes, width, 3)`.

    Raises:
        EpisodeError: a day has another number of slots than MPC's replay, or occurs twice.
    """
    if len(set(days.labels)) < len(days.labels):
        raise EpisodeError("a day occurs twice, and MPC was replayed on it once: leave augmented days out")
    soc_kwh = np.full(days.load_kwh.shape, np.nan)
    powers = np.full((*days.load_kwh.shape, len(TARGETS)), np.nan)
    replayed = (
        slots.drop_nulls(["soc_kwh", *TARGETS]).sort("slot_start").with_columns(pl.col("local_day").cast(pl.String))
    )
    by_day = {str(day): part for (day,), part in replayed.partition_by("local_day", as_dict=True).items()}
    for row, label in enumerate(days.labels):
        part = by_day.get(label)
        if part is None:
            continue
        if part.height != days.n_slots[row]:
            message = f"{label} has {days.n_slots[row]} slots, MPC's replay has {part.height}"
            raise EpisodeError(message)
        soc_kwh[row, : part.height] = part["soc_kwh"].to_numpy()
        powers[row, : part.height] = part.select(TARGETS).to_numpy()
    return soc_kwh, powers
