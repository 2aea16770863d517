import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.value.scenario_weights import LEAST_LIKELIHOOD, ScenarioWeights, WeightRules
from planner.value.scenarios import Scenarios

# As a bundle of version 0.1 stores them in its manifest.
STORED = {
    "n_days": 14, "age_days": 5.0, "weekday": 1.5, "persistence": 0.9, "fade": 0.8, "together": False,
    "load_memory": 0.93, "load_alike_kwh": 0.45, "pv_memory": 0.85, "pv_alike_kwh": 0.95, "told_share": 0.4,
}  # fmt: skip


def test_rules_are_read_and_written_by_the_stored_names_of_version_0_1() -> None:
    rules = WeightRules.of_document(STORED)
    assert (rules.n_days, rules.together, rules.forecast_share) == (14, False, 0.4)
    assert rules.document() == STORED


def test_rules_are_refused_when_one_is_unknown() -> None:
    with pytest.raises(TypeError, match="moon"):
        WeightRules.of_document({"moon": 1})


@pytest.mark.parametrize("n_days", [10**9, 0, -1, 1.5, True, "7", None])
def test_rules_that_ask_for_days_that_cannot_be_are_refused_before_they_are_tried(n_days: object) -> None:
    with pytest.raises(ValueError, match="days back"):
        WeightRules.of_document({**STORED, "n_days": n_days})


@given(st.lists(st.floats(0.0, 60.0), min_size=2, max_size=6))
def test_scenarios_far_from_the_day_weigh_what_the_likelihood_says_bit_for_bit(far_kwh: list[float]) -> None:
    """Numbers that are almost zero are kept out of the sum without changing it."""
    loads = np.array(far_kwh)[None, :, None]
    weights = ScenarioWeights(Scenarios(loads, np.zeros_like(loads)))
    weights.observe(0, np.zeros(1), np.zeros(1))
    likelihood = np.exp(-0.5 * (loads[:, :, 0] / weights.rules.load_alike_kwh) ** 2) + LEAST_LIKELIHOOD
    total = sum(likelihood[0].tolist())
    assert weights.weights.tobytes() == (likelihood / total).tobytes()
