"""Choice of a home's scenario weights: the cheapest of a few on its own days, before any training."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from darkstar_pipeline.learning.dataset import LearningData
from env.gym.actions import Correction
from env.gym.episodes import Episodes
from env.gym.home_batch import Setup
from env.gym.states import State
from planner.training.scoring import episode_costs
from planner.value.scenario_weights import NAIVE, WeightRules

# Found on training weeks of six pairs of home and prices (benchmarks/RESULTS.md); which of them suits a home is chosen
# on its own days.
HISTORY_RULES = WeightRules(
    n_days=14, age_days=5.0, weekday=1.5, persistence=0.923, fade=0.92, together=False,
    load_memory=0.85, load_alike_kwh=0.84, pv_memory=0.95, pv_alike_kwh=1.05, forecast_share=0.0,
)  # fmt: skip
AURORA_RULES = WeightRules(
    n_days=14, age_days=3.5, weekday=2.5, persistence=0.95, fade=0.97, together=False,
    load_memory=0.93, load_alike_kwh=0.45, pv_memory=0.85, pv_alike_kwh=0.95, forecast_share=0.4,
)  # fmt: skip
# With 10 kWh on train days 0.4 points better than `AURORA_RULES` (ADR 0035): nearly what `value` has.
FORECAST_RULES = replace(NAIVE, forecast_share=0.9)
CANDIDATES: Mapping[str, WeightRules] = {
    "naive": NAIVE,
    "lived": HISTORY_RULES,
    "told": AURORA_RULES,
    "forecast": FORECAST_RULES,
}
_UNCORRECTED = Setup(action="correction", correction=Correction(offset=1.0))


def choose_scenario_rules(data: LearningData) -> tuple[str, dict[str, float]]:
    """Return the rules that suit a site's training and validation days; as `cheapest_rules`."""
    return cheapest_rules(
        lambda rules: data.episodes(data.windows.learned, rules), with_aurora=bool(data.aurora_scenarios)
    )


def cheapest_rules(episodes: Callable[[WeightRules], Episodes], *, with_aurora: bool) -> tuple[str, dict[str, float]]:
    """Return the name of the cheapest rules, and the mean uncorrected cost of each over the days [money].

    Args:
        episodes: returns the days with the outlook that follows from rules.
        with_aurora: whether the days have Aurora's scenarios; without, rules that count on them are left out.
    """
    costs = {
        name: uncorrected_cost(episodes(rules))
        for name, rules in CANDIDATES.items()
        if with_aurora or not rules.forecast_share
    }
    return min(costs, key=lambda name: costs[name]), costs


def uncorrected_cost(episodes: Episodes) -> float:
    """Return the mean cost of days without any correction [money]."""
    return float(episode_costs(_no_correction, episodes, _UNCORRECTED).mean())


def _no_correction(state: State) -> NDArray[np.float32]:
    """No correction in any state."""
    return np.zeros((len(state), 1), dtype=np.float32)
