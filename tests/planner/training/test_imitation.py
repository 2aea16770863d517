"""Imitation of MPC's powers: the same bytes again, errors in kilowatts, costs in money."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from env.errors import EpisodeError
from env.gym.actions import Powers
from env.gym.episodes import Episodes
from env.gym.home_batch import state_form
from env.gym.states import Moment
from planner.policies.imitation_policy import TARGETS
from planner.replay.episodes import rl_episodes
from planner.training.antares_slots import SLOT_COLUMNS
from planner.training.imitation import RegressorTraining, mpc_commands, train_regressors
from planner.training.scoring import episode_costs
from tests.builders.homes import home
from tests.planner.replay.test_episodes import AUTUMN, PROTOCOL, SPRING, days_around

HOW = RegressorTraining(
    state="v1_1",
    trees=8, leaves=7, least_rows=10, learning_rate=0.3, column_share=0.8, row_share=0.8,
    floors=(0.2, 0.5), seed=2,
)  # fmt: skip


def days(around: date = SPRING) -> Episodes:
    """Three days with the day the clock changes in their middle, labelled."""
    slots, forecasts, history = days_around(around, seed=3)
    return rl_episodes(slots, forecasts, home(), PROTOCOL, history=history, n_soc=5)


def mpc_slots(episodes: Episodes) -> pl.DataFrame:
    """MPC as it might be: dear slots are covered, cheap ones charge, by what is stored; in no order."""
    frames: list[pl.DataFrame] = []
    for row, label in enumerate(episodes.labels):
        n = int(episodes.n_slots[row])
        price = episodes.import_price[row, :n]
        rank = price.argsort().argsort() / n
        frames.append(
            pl.DataFrame(
                {
                    "local_day": [label] * n,
                    "slot_start": np.arange(n) + 1000 * row,
                    "soc_kwh": 10 + 10 * rank,
                    "battery_charge_kw": np.where(rank < 0.2, 6.0, 0.0),
                    "battery_discharge_kw": np.where(rank > 0.5, 8.0, 0.0),
                    "export_kw": np.where(rank > 0.9, 99.0, 0.0),
                }
            ).with_columns(pl.col("local_day").str.to_date())
        )
    return pl.concat(frames).sample(fraction=1.0, shuffle=True, seed=1)


def test_training_repeats_itself_to_the_byte_when_the_seed_is_the_same() -> None:
    seen: list[tuple[int, int]] = []
    training, validation = days(), days(AUTUMN)
    slots = pl.concat([mpc_slots(training), mpc_slots(validation)])
    first = train_regressors(training, validation, slots, HOW, progress=lambda done, of: seen.append((done, of)))
    again = train_regressors(training, validation, slots, HOW)
    assert seen == [(done, 5) for done in range(1, 6)]
    assert first.regressors.files() == again.regressors.files()
    assert (first.metrics, first.regressors.manifest) == (again.metrics, again.regressors.manifest)
    assert first.regressors.manifest.state == "v1_1"
    assert set(SLOT_COLUMNS) >= {"soc_kwh", *TARGETS}


def test_metrics_are_kilowatts_off_and_money_paid_when_days_were_held_out() -> None:
    training, validation = days(), days(AUTUMN)
    trained = train_regressors(training, validation, pl.concat([mpc_slots(training), mpc_slots(validation)]), HOW)
    soc, powers = mpc_commands(validation, mpc_slots(validation))
    row, slot = np.nonzero(validation.inside)
    moment = Moment(row, row * validation.width + slot, np.zeros(len(row), dtype=np.bool_), soc[row, slot])
    most = Powers(validation).full_kw[row]
    off = trained.regressors.shares(state_form(validation, "v1_1").observe(moment)) * most
    off -= np.minimum(powers[row, slot], most)
    for place, target in enumerate(TARGETS):
        assert trained.metrics[f"mae_{target}"] == pytest.approx(np.abs(off[:, place]).mean())
        assert trained.metrics[f"rmse_{target}"] == pytest.approx(np.sqrt((off[:, place] ** 2).mean()))
    assert trained.metrics["mae_battery_discharge_kw"] < 2.0, "it learned something of 0 or 8"
    cost = episode_costs(trained.regressors.predict, validation, trained.regressors.setup, state="v1_1").mean()
    assert trained.metrics["validation_cost"] == pytest.approx(float(cost))


def test_commands_lie_at_their_days_and_slots_when_days_differ_in_length() -> None:
    episodes = days()
    assert set(episodes.n_slots.tolist()) == {92, 96}
    missing = str(SPRING + timedelta(days=1))
    slots = mpc_slots(episodes).with_columns(
        soc_kwh=pl.when(pl.col("local_day").cast(pl.String) == missing).then(None).otherwise("soc_kwh")
    )
    soc, powers = mpc_commands(episodes, slots)
    for row, label in enumerate(episodes.labels):
        n = int(episodes.n_slots[row])
        own = slots.filter(pl.col("local_day").cast(pl.String) == label).sort("slot_start")
        assert np.isnan(soc[row, n:]).all()
        if label == missing:
            assert np.isnan(soc[row]).all()
        else:
            assert soc[row, :n].tolist() == own["soc_kwh"].to_list()
            assert powers[row, :n].tolist() == own.select(TARGETS).to_numpy().tolist()


def test_training_is_refused_when_mpc_was_not_replayed_or_days_are_not_whole() -> None:
    episodes = days()
    with pytest.raises(EpisodeError, match="MPC was replayed on none"):
        train_regressors(episodes, episodes, mpc_slots(days(AUTUMN)), HOW)
    with pytest.raises(EpisodeError, match="slots, MPC's replay has"):
        mpc_commands(episodes, mpc_slots(episodes).sort("local_day", "slot_start").slice(1))
    with pytest.raises(EpisodeError, match="occurs twice"):
        mpc_commands(episodes.rows(np.array([0, 1, 0])), mpc_slots(episodes))
