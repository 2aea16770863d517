"""A killed retrain is resumed and repeats nothing: its steps, with trainings that only count."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.replay_inputs import ReplayInputs, replay_inputs
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.learning import retrain as retrain_module
from darkstar_pipeline.learning.retrain import Retrain, RetrainReport, RetrainSteps, retrain
from darkstar_pipeline.warehouse.lake import Lake
from env.site import Site
from tests.builders.learning_home import AT, DAYS, SITE, learning_context, measured, write_days

COSTS = {"lightgbm": 90.0, "rl": 80.0, "value": 100.0}
SUPPORTED = {"promote": True, "reasons": ["cheaper by 1 a day"]}


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Graded days; every test has a learning seed of its own, and so reports of its own."""
    folder = tmp_path_factory.mktemp("state")
    write_days(learning_context(folder), measured())
    return folder


READ: dict[tuple[date, ...], ReplayInputs] = {}


def cached_inputs(lake: Lake, site: Site, days: Sequence[date], *, has_pv: bool | None, **_: int) -> ReplayInputs:
    """Return inputs that are read once: nothing here changes a day."""
    key = tuple(days)
    if key not in READ:
        READ[key] = replay_inputs(lake, site, days, has_pv=has_pv)
    return READ[key]


class Killed(Exception):  # noqa: N818 - stands for a signal
    """The process died."""


class CountingSteps:
    """Steps of a retrain that only count; one may die before it is done."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.dies: str | None = None
        self.in_use: int | None = None
        self.evidence: dict[str, Any] = SUPPORTED

    def as_steps(self, **others: Callable[..., Any]) -> RetrainSteps:
        own: dict[str, Callable[..., Any]] = {
            "read_inputs": cached_inputs,
            "train_forecaster": self.train_forecaster,
            "prepare_data": lambda *_: None,
            "train_policy": self.train_policy,
            "assess_version": self.assess_version,
            "promote": self.promote,
            "champion_version": lambda _: self.in_use,
        }
        return RetrainSteps(**{**own, **others})

    def run(self, context: Context, at: date = AT, **others: Callable[..., Any]) -> RetrainReport:
        return retrain(context, at, steps=self.as_steps(**others))

    def count(self, name: str) -> None:
        if self.dies == name:
            raise Killed
        self.done.append(name)

    def train_forecaster(self, *_: Any, **__: Any) -> Any:
        self.count("aurora")
        return SimpleNamespace(version=1, promoted=True, verdict={"reasons": ["errs less"]})

    def train_policy(self, _: Any, kind: str, __: Any) -> Any:
        self.count(kind)
        totals = [{"policy": name, "total_cost": COSTS[name]} for name in (kind, "value")]
        return SimpleNamespace(version=1 + len(kind), beliefs="lived", totals=totals)

    def assess_version(self, _: Context, version: int, *__: Any, saved_on_validation: float) -> Any:
        self.count("assess")
        assert (version, saved_on_validation) == (3, 20.0)
        return SimpleNamespace(document=self.evidence, figures={"captured_share": 0.9})

    def promote(self, _: Context, version: int, **__: Any) -> None:
        self.count("promote")
        self.in_use = version


@pytest.fixture
def steps() -> CountingSteps:
    return CountingSteps()


ORDER = ["aurora", "lightgbm", "rl", "assess", "promote"]


@pytest.mark.parametrize("seed", range(len(ORDER)), ids=ORDER)
def test_retrain_is_resumed_when_it_was_killed(state: Path, steps: CountingSteps, seed: int) -> None:
    context = learning_context(state, learning={"seed": seed})
    steps.dies = ORDER[seed]
    with pytest.raises(Killed):
        steps.run(context)
    steps.dies = None
    report = steps.run(context)
    assert steps.done == ORDER, "a step was repeated or left out"
    assert (report.status, report.challenger, report.champion) == ("promoted", 3, "models:/antares-home/3")
    assert steps.run(context) == report
    assert steps.done == ORDER


def test_a_forced_retrain_does_all_again_and_keeps_the_reason_when_it_is_killed(
    state: Path, steps: CountingSteps
) -> None:
    context = learning_context(state, learning={"seed": 17})
    steps.run(context)
    steps.done, steps.dies, steps.in_use = [], "rl", None
    with pytest.raises(Killed):
        retrain(context, AT, steps=steps.as_steps(), forced="another meter")
    steps.dies = None
    report = steps.run(context)
    assert steps.done == ORDER, "what a forced retrain left undone is resumed, and not forced again"
    assert (report.status, report.forced) == ("promoted", "another meter")


def test_retrain_reports_the_policy_in_use_when_somebody_rolled_back_since(state: Path, steps: CountingSteps) -> None:
    context = learning_context(state, learning={"seed": 10})
    report = steps.run(context)
    steps.in_use = None
    again = steps.run(context)
    assert (again.status, again.champion) == ("promoted", "value")
    assert again.model_copy(update={"champion": report.champion}) == report
    assert steps.done == ORDER, "a rollback is not undone by repeating the retrain"


def test_champion_stays_when_the_evidence_does_not_support_the_challenger(state: Path, steps: CountingSteps) -> None:
    steps.evidence, steps.in_use = {"promote": False, "reasons": ["dearer"]}, 2
    report = steps.run(learning_context(state, learning={"seed": 11}))
    assert (report.status, report.champion, steps.done) == ("kept", "models:/antares-home/2", ORDER[:-1])
    assert report.evidence["reasons"] == ["dearer"]


def test_champion_is_not_tested_against_itself_when_training_gives_it_again(state: Path, steps: CountingSteps) -> None:
    steps.in_use = 3
    report = steps.run(learning_context(state, learning={"seed": 12}))
    assert (report.status, steps.done) == ("kept", ORDER[:-2])
    assert report.evidence["reasons"] == ["version 3 is in use already"]


def test_retrain_is_another_one_when_settings_or_days_are_others(state: Path, steps: CountingSteps) -> None:
    for context, at in (
        (learning_context(state, learning={"seed": 13}), AT),
        (learning_context(state, learning={"seed": 14}), AT),
        (learning_context(state, learning={"seed": 13}), AT + timedelta(days=1)),
    ):
        steps.done, steps.in_use = [], None
        steps.run(context, at)
        assert steps.done == ORDER


def test_retrain_begins_anew_when_its_report_is_damaged(state: Path, steps: CountingSteps) -> None:
    context = learning_context(state, learning={"seed": 15})
    steps.run(context)
    report = max((state / "models" / SITE / "retrains").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    report.write_text(report.read_text()[:100])
    steps.in_use = None
    assert steps.run(context).status == "promoted"
    assert steps.done == 2 * ORDER


def test_retrain_goes_on_without_forecasts_when_there_are_too_few_readings(state: Path, steps: CountingSteps) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise DataMissingError("13 days", "import more")

    report = steps.run(learning_context(state, learning={"seed": 16}), train_forecaster=refused)
    assert report.aurora == {"version": None, "promoted": False, "reasons": ["13 days"]}
    assert report.status == "promoted"
    assert steps.done == ORDER[1:]


@pytest.mark.parametrize(
    ("at", "refused", "warning"),
    [
        pytest.param(AT, 0, "", id="nothing odd"),
        pytest.param(DAYS[-1] + timedelta(days=9), 0, "the last usable day is 2025-11-11, 9 days before", id="stale"),
        pytest.param(AT, 15, "only 13 of the 28 days before 2025-11-07 are usable", id="many are refused"),
    ],
)
def test_retrain_warns_when_days_are_odd(
    state: Path, monkeypatch: pytest.MonkeyPatch, at: date, refused: int, warning: str
) -> None:
    usable = [day for day in (*DAYS[:20], *DAYS[20 + refused :]) if day < at]
    monkeypatch.setattr(retrain_module, "usable_days", lambda *_: usable)
    report = Retrain(learning_context(state, learning={"seed": 20}), at).report
    assert [found.startswith(warning) for found in report.warnings] == ([True] if warning else []), report.warnings
    assert report.status == "unfinished"
