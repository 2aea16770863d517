from dataclasses import replace

import numpy as np
import pytest
from gymnasium import spaces

from env.command_menu import MENU_NAMES, command_menu
from env.errors import ActionError, EpisodeError
from env.gym.actions import Correction, checked_actions
from env.gym.home_batch import HomeBatch, Setup
from env.inverter import Command
from tests.builders.episodes import mixed, sites

LARGE, SMALL = 0, 4  # rows of `mixed`


def batch(setup: Setup, rows: list[int]) -> HomeBatch:
    made = HomeBatch(mixed(), len(rows), state="v1", setup=setup)
    made.restart(range(len(rows)), [np.random.default_rng(0)] * len(rows), rows=rows)
    return made


def commands_of(setup: Setup, rows: list[int], actions: object) -> list[list[float]]:
    made = batch(setup, rows)
    return np.array(made.actions.command(np.asarray(actions), made.moment)).T.tolist()


def test_powers_are_shares_of_each_homes_own() -> None:
    setup = Setup(action="powers")
    actions = [[-1, -1, -1], [0, 1, 0], [-1.5, 9, 1], [1, -0.5, 0]]
    assert commands_of(setup, [LARGE, LARGE, LARGE, SMALL], actions) == [
        [0.0, 0.0, 0.0],
        [4.0, 8.0, 8.0],  # half of charging and discharging power together: nothing limits the export
        [0.0, 8.0, 99.0],  # beyond the ends is clipped; all of the export means everything
        [3.0, 0.625, 2.0],  # half of the export limit of 4 kW
    ]
    space = batch(setup, [LARGE]).actions.space
    assert space == spaces.Box(-1.0, 1.0, (3,), dtype=np.float32)


def test_commands_are_the_menu_of_each_home() -> None:
    numbers = np.arange(len(MENU_NAMES))
    for row, site in ((LARGE, sites()[0]), (SMALL, sites()[1])):
        menu = np.array(command_menu(site)).T.tolist()
        assert commands_of(Setup(), [row] * len(numbers), numbers) == menu
    named = dict(zip(MENU_NAMES, np.array(command_menu(sites()[0])).T.tolist(), strict=True))
    assert named["self_consumption"] == [0, 8, 0]
    assert named["hold"] == [0, 0, 0]
    assert named["sell_surplus"] == [0, 0, 99]
    assert named["charge_3_8"] == [3, 0, 0]
    assert named["discharge_1_8"] == [0, 1, 0]
    assert named["sell_8_8"] == [0, 8, 99]


def test_correction_takes_what_is_cheapest_when_worked_out_one_by_one() -> None:
    """Each home, scenario and command tried on its own, stored energy at its corrected worth."""
    from env.inverter import apply_command

    setup = Setup(action="correction", correction=Correction(offset=0.7, scale=0.4))
    rows, actions = [0, 1, 5, 6, 9, 10], [0.0, 1.0, -0.6, 0.3, -1.0, 0.0]
    made = batch(setup, rows)
    chosen = np.array(made.actions.command(np.array(actions)[:, None], made.moment)).T.tolist()
    episodes = made.episodes
    outlook = episodes.outlook
    assert outlook is not None
    for home, (row, action) in enumerate(zip(rows, actions, strict=True)):
        site, n = episodes.sites[episodes.home[row]], episodes.n_slots[row]
        battery = site.battery
        grid = np.linspace(battery.min_soc_kwh, battery.max_soc_kwh, outlook.value.shape[2])
        prices = episodes.import_price[row, :n]
        offset = 0.7 * action * max(prices.std(), 0.1 * np.abs(prices).mean(), 1e-3)
        menu = command_menu(site)
        costs = np.zeros(len(MENU_NAMES))
        for scenario in range(outlook.load_kwh.shape[2]):
            flows = apply_command(
                menu,
                load_kwh=outlook.load_kwh[row, 0, scenario],
                pv_kwh=outlook.pv_kwh[row, 0, scenario],
                soc_kwh=episodes.start_soc_kwh[row],
                export_price=episodes.export_price[row, 0],
                battery=battery,
                limits=site.limits,
            )
            left = (1 + 0.4 * action) * np.interp(flows.soc_end_kwh, grid, outlook.value[row, 0])
            paid = flows.import_kwh * prices[0] - flows.export_kwh * episodes.export_price[row, 0]
            wear = flows.charge_kwh * battery.charge_wear + flows.discharge_kwh * battery.discharge_wear
            costs += outlook.weight[row, 0, scenario] * (paid + wear - left - offset * flows.soc_end_kwh)
        own = [list(command) for command in np.array(menu).T]
        assert costs[own.index(chosen[home])] == pytest.approx(costs.min(), abs=1e-12)


REFUSED = {
    "not a number": ("powers", [[0.0, np.nan, 0.0]], r"the action of home 0 is \[0.0, nan, 0.0\]: its policy has"),
    "endless": ("correction", [[np.inf]], "its policy has diverged"),
    "too few powers": ("powers", [[0.0, 0.0]], r"actions must be \(1, 3\), got \(1, 2\)"),
    "a real number for a choice": ("commands", [1.5], "must be .1,. whole numbers, got float64"),
    "two choices for a home": ("commands", [1, 2], "whole numbers, got int64"),
    "no such command": ("commands", [26], r"an action must be 0..25, got 26..26"),
    "before the first": ("commands", [-1], r"got -1..-1"),
}


@pytest.mark.parametrize(("form", "actions", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_action_is_refused_when_it_is_none(form: str, actions: list[object], message: str) -> None:
    made = batch(Setup(action=form, correction=Correction(offset=1.0)), [LARGE])
    with pytest.raises(ActionError, match=message):
        made.step(np.array(actions))


def test_form_is_refused_when_it_is_unknown_or_lacks_something() -> None:
    with pytest.raises(EpisodeError, match="action 'wave' is not known; known: powers, commands, correction"):
        HomeBatch(mixed(), 1, state="v1", setup=Setup(action="wave"))
    with pytest.raises(EpisodeError, match="how far it reaches"):
        HomeBatch(mixed(), 1, state="v1", setup=Setup(action="correction"))
    bare = replace(mixed(), outlook=None)
    with pytest.raises(EpisodeError, match="a correction needs a value of stored energy"):
        HomeBatch(bare, 1, state="v1", setup=Setup(action="correction", correction=Correction(offset=1.0)))


def test_numbers_are_let_through_when_there_is_nothing_wrong() -> None:
    assert checked_actions(np.array([[1], [2]]), (2, 1)).tolist() == [[1.0], [2.0]]
    assert len(Command._fields) == 3
