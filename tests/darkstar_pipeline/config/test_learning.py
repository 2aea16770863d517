"""Settings of learning are validated, and names of version 0.1 are still read."""

import logging
from typing import Any

import pytest
from pydantic import ValidationError

from darkstar_pipeline.config.learning import RlSettings
from darkstar_pipeline.config.site import SiteSettings
from planner.training.rl_config import PpoTraining


def test_a_site_of_version_0_1_is_read_with_a_note_for_each_old_name(caplog: pytest.LogCaptureFixture) -> None:
    old = {
        "lightgbm": {"lives": 3, "sureness": 0.5, "rounds": 2},
        "rl": {
            "algorithm": "ppo", "slots": 48, "ppo_rollout": 24, "ppo_batch": 99, "ppo_epochs": 5, "ppo_entropy": 0.1,
            "ppo_first_lambda": 0.2, "ppo_last_lambda": 0.5, "ppo_clip": 0.3, "ppo_first_std": 0.4, "sac_tau": 0.1,
        },
    }  # fmt: skip
    with caplog.at_level(logging.WARNING):
        site = SiteSettings.model_validate(old)
    assert (site.lightgbm.passes, site.lightgbm.confidence_z, site.lightgbm.rounds) == (3, 0.5, 2)
    ppo = PpoTraining.of(site.rl, seed=4)
    assert (ppo.rollout, ppo.batch, ppo.epochs, ppo.entropy, ppo.clip, ppo.seed) == (24, 99, 5, 0.1, 0.3, 4)
    assert (ppo.first_lambda, ppo.last_lambda, ppo.first_std) == (0.2, 0.5, 0.4)
    for name in (*old["lightgbm"].keys() - {"rounds"}, *(name for name in old["rl"] if name.startswith("ppo_"))):
        assert f"the setting {name} is now called" in caplog.text
    assert "rl: sac_tau: ignored, since SAC was removed" in caplog.text


def test_settings_have_no_note_when_names_are_current(caplog: pytest.LogCaptureFixture) -> None:
    current: dict[str, Any] = SiteSettings().model_dump(mode="json", include={"rl", "lightgbm", "regressors"})
    assert SiteSettings.model_validate(current) == SiteSettings()
    assert not caplog.text


def test_settings_are_refused_when_the_algorithm_is_sac() -> None:
    with pytest.raises(ValidationError, match="SAC was removed: it is slower than PPO and no measurement spoke for it"):
        RlSettings.model_validate({"algorithm": "sac"})
