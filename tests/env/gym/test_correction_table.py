"""The table of corrections gives the commands and costs of the exact correction."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from env.battery import Battery
from env.command_menu import command_menu
from env.errors import EpisodeError
from env.gym.actions import ActionForm, CorrectedValue, Correction
from env.gym.correction_table import CorrectionTable
from env.gym.episodes import Episodes
from env.gym.home_batch import HomeBatch, Setup
from env.gym.states import Moment
from env.inverter import Energy
from planner.forecasts.naive import naive_forecasts
from planner.replay.episodes import rl_episodes
from planner.value.protocol import Protocol
from tests.builders.episodes import SMALL, TIGHT, mixed
from tests.builders.homes import STOCKHOLM, days_of_slots, home

CORRECTION = Correction(offset=0.4, scale=0.2)


def moments(episodes: Episodes, points: Energy) -> Moment:
    """Every slot of every day with some share of its battery's range."""
    at = np.flatnonzero(episodes.inside.reshape(-1))
    row = at // episodes.width
    low, high = (
        episodes.site_values(lambda site, end=end: getattr(site.battery, end)) for end in ("min_soc_kwh", "max_soc_kwh")
    )
    soc = low[row] + points[np.arange(len(at)) % len(points)] * (high - low)[row]
    return Moment(row, at, np.zeros(len(at), dtype=np.bool_), soc)


@pytest.mark.parametrize("threads", [1, 2])
def test_choice_is_the_exact_one_when_the_moment_is_on_the_grid(threads: int) -> None:
    episodes, n_soc, n_levels = mixed(), 9, 5
    table = CorrectionTable(episodes, CORRECTION, n_soc=n_soc, n_levels=n_levels, threads=threads)
    exact = CorrectedValue(episodes, CORRECTION)
    rng = np.random.default_rng(1)
    moment = moments(episodes, np.linspace(0.0, 1.0, n_soc))
    actions = rng.choice(np.linspace(-1.0, 1.0, n_levels), len(moment.row))[:, None]
    found, right = table.command(actions, moment), exact.command(actions, moment)
    same = np.all([np.isclose(own, other) for own, other in zip(found, right, strict=True)], axis=0)
    # Commands that come to the same flows differ by rounding alone; what they cost must not.
    paid = [_cost(episodes, moment, command, actions) for command in (found, right)]
    np.testing.assert_allclose(paid[0], paid[1], atol=1e-9)
    assert same.mean() > 0.97


def _cost(episodes: Episodes, moment: Moment, command: tuple[Energy, ...], actions: Energy) -> Energy:
    """Return the expected costs of the menu's commands under an action [money]."""
    exact = CorrectedValue(episodes, CORRECTION)
    cost, gain = exact.cost_and_gain(*exact.simulate(moment), moment)
    menus = np.array([command_menu(site) for site in episodes.sites])[episodes.home[moment.row]]
    which = np.all(np.stack(command, axis=1)[:, :, None] == menus, axis=1).argmax(axis=1)
    homes = np.arange(len(which))
    return (cost - actions * gain)[homes, which]


def run_through(episodes: Episodes, form: ActionForm, actions: Energy) -> tuple[Energy, Energy]:
    """Cost of every day `(n,)`, and the commands given `(n_slots, n, 3)`."""
    batch = HomeBatch(
        episodes, len(episodes), state="v1", setup=Setup(action="correction", correction=CORRECTION), actions=form
    )
    batch.restart(np.arange(len(episodes)), [np.random.default_rng(0)] * len(episodes), rows=np.arange(len(episodes)))
    costs, commands = np.zeros(len(episodes)), []
    for slot in range(92):
        outcome = batch.step(actions[:, slot, None])
        costs += outcome.cost
        commands.append(np.stack(outcome.command, axis=1))
    return costs - episodes.settlement_value * (batch.soc_kwh - batch.start_soc_kwh), np.stack(commands)


@pytest.mark.slow
@pytest.mark.parametrize("battery", [None, SMALL], ids=["large", "small, tight limits, leaking"])
def test_days_cost_the_same_when_choices_are_looked_up(battery: Battery | None) -> None:
    site = home() if battery is None else home(battery, TIGHT)
    slots = days_of_slots(date(2026, 3, 14), date(2026, 4, 4), seed=8)
    history, slots = slots, slots.filter(pl.col("local_day") > date(2026, 3, 21))
    forecasts = naive_forecasts(
        history, slots["local_day"].unique().sort().to_list(), STOCKHOLM, load_days=7, pv_days=3
    )
    protocol = Protocol(start_soc_kwh=site.battery.soc_kwh(50))
    episodes = rl_episodes(slots, forecasts, site, protocol, history=history)
    table = CorrectionTable(episodes, CORRECTION, n_soc=121, n_levels=33, threads=2)
    steps = np.random.default_rng(2).normal(0, 0.02, (len(episodes), 100))
    for actions in (np.zeros_like(steps), np.clip(np.cumsum(steps, axis=1), -1, 1)):
        exact_cost, exact_commands = run_through(episodes, CorrectedValue(episodes, CORRECTION), actions)
        cost, commands = run_through(episodes, table, actions)
        assert np.isclose(commands, exact_commands).all(axis=2).mean() > 0.93
        assert abs(cost.sum() / exact_cost.sum() - 1) < 5e-4


def test_grid_is_refused_when_no_correction_would_not_be_on_it() -> None:
    with pytest.raises(EpisodeError, match="an odd number of levels, got 9 and 4"):
        CorrectionTable(mixed(), CORRECTION, n_soc=9, n_levels=4)
