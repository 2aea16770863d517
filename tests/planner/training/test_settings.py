"""Settings of training are validated, and a configuration's text stays that of version 0.1."""

import pytest
from pydantic import ValidationError

from planner.training.imitation import RegressorTraining
from planner.training.lightgbm import LightgbmTraining
from planner.training.rl_config import PpoTraining
from planner.training.settings import LightgbmSettings, PpoSettings, RegressorSettings, TrainingSettings
from planner.value.scenario_weights import WeightRules
from tests.builders.training import PPO

RULES = WeightRules(n_days=9)


@pytest.mark.parametrize(
    ("settings", "training"),
    [
        pytest.param(LightgbmSettings(trees=7), LightgbmTraining, id="lightgbm"),
        pytest.param(RegressorSettings(trees=7), RegressorTraining, id="regressors"),
    ],
)
def test_a_training_has_all_of_its_settings(
    settings: LightgbmSettings | RegressorSettings, training: type[LightgbmTraining | RegressorTraining]
) -> None:
    made = training.of(settings, seed=3, weight_rules=RULES, tariff="t1")  # pyright: ignore[reportArgumentType] - paired
    assert made.model_dump(include=set(type(settings).model_fields)) == settings.model_dump()
    assert (made.trees, made.seed, made.weight_rules, made.tariff) == (7, 3, RULES, "t1")


def test_text_of_a_ppo_training_is_that_of_version_0_1() -> None:
    """It goes into the fingerprints of checkpoints and the names of searches' files."""
    assert repr(PPO) == (
        "PpoTraining(rounds=2, homes=4, slots=48, hidden=(8,), learning_rate=0.03, weight_decay=0.0001, offset=0.4, "
        "members=2, n_soc=9, n_levels=9, threads=1, seed=1, rollout=24, batch=48, epochs=4, first_lambda=0.0, "
        "last_lambda=0.9, entropy=0.001, clip=0.2, first_std=0.5)"
    )
    assert PpoTraining.of(PpoSettings(), seed=4) == PpoTraining(seed=4)


@pytest.mark.parametrize(
    ("settings", "wrong", "message"),
    [
        pytest.param(PpoSettings, {"n_levels": 8}, "n_levels must be odd, so that no correction .* got 8", id="levels"),
        pytest.param(PpoSettings, {"slots": 100}, "rollout must divide slots, got 96 and 100", id="rollout"),
        pytest.param(PpoSettings, {"learning_rat": 1}, "Extra inputs", id="unknown name"),
        pytest.param(PpoSettings, {"learning_rate": float("nan")}, "finite number", id="not finite"),
        pytest.param(LightgbmSettings, {"levels": (1.5,)}, "less than or equal to 1", id="level above 1"),
        pytest.param(LightgbmSettings, {"margins": ()}, "at least 1 item", id="no margins"),
        pytest.param(LightgbmSettings, {"leaves": 1}, "greater than or equal to 2", id="one leaf"),
        pytest.param(LightgbmSettings, {"leaves": 65}, "less than or equal to 64", id="many leaves"),
        pytest.param(LightgbmSettings, {"lives": 1, "passes": 1}, "lives is the old name of passes", id="both names"),
    ],
)
def test_settings_are_refused_when_they_make_no_sense(
    settings: type[TrainingSettings], wrong: dict[str, object], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        settings.model_validate(wrong)


def test_every_setting_has_a_description_that_is_a_sentence() -> None:
    for settings in (LightgbmSettings, RegressorSettings, PpoSettings):
        for name, field in settings.model_fields.items():
            assert (field.description or "").endswith("."), name
