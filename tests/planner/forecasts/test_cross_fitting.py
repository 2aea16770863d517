"""Aurora forecasts days out of fold, with equally many paths a day, and a policy embeds one Aurora."""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from env.gym.actions import Correction
from env.gym.scaled_state import V2
from planner.artifacts.bundle import Bundle, read_bundle, save_bundle
from planner.errors import PolicyMismatchError
from planner.forecasts.aurora import aurora_scenarios
from planner.forecasts.aurora_bundle import TrainingProvenance, save_aurora
from planner.forecasts.aurora_model import LEAST_DAYS, AuroraModel
from planner.forecasts.cross_fitting import WEEK, CrossFittedForecasters
from planner.forecasts.embedded_aurora import embedded_aurora, with_aurora
from planner.forecasts.features import AuroraHome
from planner.forecasts.slot_series import slot_series
from planner.policies.rl_policy import rl_manifest
from planner.value.scenario_source import ScenarioSource
from planner.value.scenario_weights import WeightRules
from planner.value.scenarios import Scenarios
from tests.builders.homes import STOCKHOLM
from tests.builders.learning_home import DAYS, FIRST, measured

TRAIN, LATER = DAYS[1:43], DAYS[44:]  # before the first day nothing was read
AUTUMN = date(2025, 10, 26)


@cache
def home() -> AuroraHome:
    return AuroraHome(slot_series(measured().select("slot_start", "load_kwh", "pv_kwh"), STOCKHOLM, country="SE"), None)


class RecordingForecasters(CrossFittedForecasters):
    """Cross-fitted forecasters that record (days fitted on, days predicted) of every fold."""

    def __init__(self) -> None:
        super().__init__(home(), STOCKHOLM)
        self.folds: list[tuple[list[date], list[date]]] = []

    def predict(self, fitted_on: Sequence[date], days: Sequence[date]) -> dict[date, Scenarios]:
        self.folds.append((list(fitted_on), list(days)))
        return super().predict(fitted_on, days)

    def fit(self, days: Sequence[date]) -> AuroraModel | None:
        self.folds[-1] = (list(days), self.folds[-1][1])
        return super().fit(days)


@pytest.mark.slow
def test_out_of_fold_scenarios_come_from_models_not_fitted_on_the_day_with_equally_many_paths() -> None:
    """A half has fewer errors to draw paths from than the whole: no day may have more paths than another."""
    forecasters = RecordingForecasters()
    scenarios = forecasters.out_of_fold_scenarios(TRAIN, LATER)
    assert sorted(scenarios) == [*TRAIN, *LATER]
    assert len({paths.load_kwh.shape[:2] for paths in scenarios.values()}) == 1
    assert len(forecasters.folds) >= 2
    for fitted_on, predicted in forecasters.folds:
        assert len(fitted_on) >= LEAST_DAYS
        assert all(abs(day - other).days > 1 for day in fitted_on for other in predicted)
    assert scenarios[AUTUMN].load_kwh.shape[2] == 100
    slots = measured().with_columns(load_forecast=pl.lit(0.3), pv_forecast=pl.lit(0.3))
    source = ScenarioSource(
        history=measured(), rules=WeightRules(n_days=7, forecast_share=0.4), forecast_scenarios=scenarios
    )
    plain = slots.filter(pl.col("local_day") != AUTUMN)
    assert np.isfinite(source.scenarios(plain, STOCKHOLM).load_kwh).all()


@pytest.mark.parametrize("phase", range(2 * WEEK))
def test_both_halves_are_large_enough_when_days_are_said_to_be_enough(
    monkeypatch: pytest.MonkeyPatch, phase: int
) -> None:
    days = [FIRST + timedelta(days=phase + by) for by in range(200)]
    least = next(n for n in range(200) if CrossFittedForecasters.has_enough_days(days[:n]))
    sizes: list[int] = []
    monkeypatch.setattr(CrossFittedForecasters, "fit", lambda _, learned: sizes.append(len(learned)))
    assert CrossFittedForecasters(home(), STOCKHOLM).out_of_fold_scenarios(days[:least], []) == {}
    assert min(sizes) >= LEAST_DAYS


def test_there_are_no_scenarios_when_days_are_few() -> None:
    assert CrossFittedForecasters(home(), STOCKHOLM).predict(DAYS[: LEAST_DAYS - 1], DAYS[20:22]) == {}


def policy_with_aurora(folder: Path, model: AuroraModel) -> Bundle:
    """A policy's bundle with an Aurora in it, written and read again."""
    trained_on = TrainingProvenance(
        timezone=STOCKHOLM, first_day=FIRST, last_day=DAYS[20], country="SE", metrics={"mae": 0.1}
    )
    aurora = save_aurora(folder / "aurora", model, trained_on)
    columns = tuple(column.name for column in V2)
    manifest = rl_manifest(
        algorithm="ppo",
        state="v2",
        columns=columns,
        correction=Correction(offset=0.5),
        weight_rules=WeightRules(n_days=7),
    )
    combined, files = with_aurora(manifest, aurora)
    save_bundle(folder / "policy", combined, {"weights.bin": b"own", **files})
    return read_bundle(folder / "policy")


@pytest.fixture(scope="module")
def model() -> AuroraModel:
    fitted = CrossFittedForecasters(home(), STOCKHOLM).fit(DAYS[:21])
    assert fitted is not None
    return fitted


def test_policy_has_the_same_scenarios_when_its_aurora_went_through_its_bundle(
    tmp_path: Path, model: AuroraModel
) -> None:
    loaded = embedded_aurora(policy_with_aurora(tmp_path, model))
    assert loaded is not None
    assert (loaded.summary.first_day, loaded.summary.last_day) == (FIRST, DAYS[20])
    days = [AUTUMN - timedelta(days=1), AUTUMN, AUTUMN + timedelta(days=1)]
    own, taken = (aurora_scenarios(each, home(), days, STOCKHOLM) for each in (model, loaded.model))
    for day in days:
        assert own[day].load_kwh.shape[0] == 1
        np.testing.assert_array_equal(own[day].load_kwh, taken[day].load_kwh)
        np.testing.assert_array_equal(own[day].pv_kwh, taken[day].pv_kwh)


def test_policy_without_aurora_has_no_scenarios_and_a_damaged_one_is_refused(
    tmp_path: Path, model: AuroraModel
) -> None:
    whole = policy_with_aurora(tmp_path, model)
    manifest = whole.manifest
    plain = {name: detail for name, detail in manifest.details.items() if name != "aurora"}
    assert embedded_aurora(Bundle(manifest.model_copy(update={"details": plain}), whole.files, "")) is None
    without = {name: content for name, content in whole.files.items() if name != "aurora.load_p50.txt"}
    with pytest.raises(PolicyMismatchError, match="load_p50"):
        embedded_aurora(Bundle(manifest, without, ""))
