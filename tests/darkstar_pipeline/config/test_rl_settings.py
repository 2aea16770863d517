"""Reinforcement learning's settings become one algorithm's configuration."""

import pytest
from pydantic import ValidationError

from darkstar_pipeline.config.learning import RlSettings
from planner.training.rl_config import PpoTraining


def test_settings_become_the_algorithm_that_is_meant() -> None:
    ppo = RlSettings(rounds=7, ppo_batch=99, ppo_last_lambda=0.5).training(seed=4)
    assert isinstance(ppo, PpoTraining)
    assert (ppo.rounds, ppo.batch, ppo.last_lambda, ppo.seed) == (7, 99, 0.5, 4)


def test_sac_is_refused_with_the_reason_and_its_settings_of_version_0_1_are_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(ValidationError, match="SAC was removed: it is slower than PPO and no measurement spoke for it"):
        RlSettings.model_validate({"algorithm": "sac"})
    assert RlSettings.model_validate({"rounds": 7, "sac_batch": 8, "sac_tau": 0.1}) == RlSettings(rounds=7)
    assert "rl: sac_batch, sac_tau: ignored, since SAC was removed" in caplog.text


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        pytest.param({"n_levels": 8}, "n_levels must be odd, so that no correction is one of them, got 8", id="levels"),
        pytest.param({"slots": 100, "ppo_rollout": 96}, "must divide slots, got 96 and 100", id="rollout"),
        pytest.param({"learning_rat": 1}, "Extra inputs", id="a name that is none"),
    ],
)
def test_settings_are_refused_when_they_do_not_fit(wrong: dict[str, int], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        RlSettings.model_validate(wrong)
