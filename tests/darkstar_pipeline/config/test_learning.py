"""Settings of learning become what the planner trains by, nothing left out and nothing besides."""

from dataclasses import asdict, fields

import pytest
from pydantic import ValidationError

from darkstar_pipeline.config.learning import LightgbmSettings, RegressorSettings
from planner.training.imitation import RegressorTraining
from planner.training.lightgbm import LightgbmTraining
from planner.value.scenario_weights import WeightRules

RULES = WeightRules(n_days=9)


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        pytest.param(LightgbmSettings(trees=7), LightgbmTraining, id="lightgbm"),
        pytest.param(RegressorSettings(trees=7), RegressorTraining, id="regressors"),
    ],
)
def test_settings_become_a_training_when_asked(
    settings: LightgbmSettings | RegressorSettings, kind: type[LightgbmTraining] | type[RegressorTraining]
) -> None:
    training = settings.training(seed=3, beliefs=RULES, tariff="t1")
    assert isinstance(training, kind)
    assert (training.tree.trees, training.seed, training.beliefs, training.tariff) == (7, 3, RULES, "t1")
    own = {field.name for field in fields(kind)} - {"seed", "beliefs", "tariff", "tree"}
    given = {name: getattr(training, name) for name in own} | asdict(training.tree)
    assert given == settings.model_dump()


@pytest.mark.parametrize("wrong", [{"levels": (1.5,)}, {"margins": ()}, {"leaves": 1}, {"moon": 1}])
def test_settings_are_refused_when_they_make_no_sense(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        LightgbmSettings.model_validate(wrong)
