import numpy as np
import pytest

from benchmarks.corrections.hindsight import LEVELS, N_PARTS, ceiling, corrections
from benchmarks.corrections.side_by_side import abreast, as_correction, daily_costs
from env.gym.scaled_state import V2
from planner.policies.rolling_learned import RollingLearned
from planner.policies.window import open_window
from planner.replay.continuous import run_window
from planner.value.scenario_source import ScenarioSource
from tests.builders.homes import home
from tests.planner.policies.test_rolling_learned import PROTOCOL, SPRING, days_around, policy

NAMES = [column.name for column in V2]


def states(hours):
    """States at some hours of the local clock."""
    state = np.zeros((len(hours), len(V2)), dtype=np.float32)
    angle = 2 * np.pi * np.array(hours) / 24
    state[:, NAMES.index("clock_sin")], state[:, NAMES.index("clock_cos")] = np.sin(angle), np.cos(angle)
    return state


@pytest.mark.parametrize(
    ("hour", "part"), [(0.0, 0), (3.75, 0), (4.0, 1), (11.75, 2), (12.0, 3), (20.0, 5), (23.75, 5)]
)
def test_a_table_is_read_by_the_hour_of_the_local_clock(hour, part):
    table = np.arange(N_PARTS) / 10
    assert corrections(states([hour]), table)[0, 0] == pytest.approx(table[part])


def test_the_ceiling_finds_the_best_correction_of_home_day_and_hour():
    best = np.array([0.05, 0.0, 0.0, -0.15, 0.0, 0.0])
    days = np.array([0.03, -0.3, 0.0])

    def costs(tables):
        """Days that want another level each, hours that want one together."""
        together = np.array([(np.abs(table - best)).sum() for table in tables])
        return together[:, None] + np.array([[abs(table[0] - day) for day in days] for table in tables])

    found = ceiling(costs)
    nothing = costs([np.zeros(N_PARTS)])[0]
    assert found.by_clock.sum() == pytest.approx(costs([best])[0].sum())
    assert found.by_clock.sum() < found.all_day.sum() <= nothing.sum()
    each = np.stack([costs([np.full(N_PARTS, level)])[0] for level in (0.0, *LEVELS)])
    assert found.each_day == pytest.approx(each.min(axis=0))


def test_nothing_is_tuned_where_every_correction_costs():
    costs = lambda tables: np.array([[np.abs(table).sum()] * 2 for table in tables])  # noqa: E731
    found = ceiling(costs)
    assert not found.all_day.any()
    assert not found.by_clock.any()


def test_policies_side_by_side_cost_what_each_costs_alone():
    slots, forecasts, history = days_around(SPRING)
    window, source = open_window(slots, forecasts, history, home(), PROTOCOL), ScenarioSource(history=history)
    policies = [policy(0.0), policy(0.3), policy(-0.3)]
    together = abreast(window, source, policies[0], [as_correction(each) for each in policies])
    alone = [
        daily_costs(window, run_window(window, RollingLearned(window, each, source).decide))[0] for each in policies
    ]
    assert together == pytest.approx(np.stack(alone), abs=1e-9)
    assert not np.array_equal(together[0], together[1])
