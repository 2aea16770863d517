"""A retrain goes on where it was killed and repeats nothing: its steps, with trainings that only count."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.replay_inputs import ReplayInputs, replay_inputs
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.learning import retrain as retrain_module
from darkstar_pipeline.learning.retrain import Retrain, retrain
from darkstar_pipeline.warehouse.lake import Lake
from env.site import Site
from tests.builders.learning_home import AT, DAYS, SITE, learning_context, measured, write_days

COSTS = {"lightgbm": 90.0, "rl": 80.0, "value": 100.0}
CARRIED = {"promote": True, "reasons": ["cheaper by 1 a day"]}


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


class Steps:
    """What a retrain calls, counted; a step may die before it is done."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[str] = []
        self.dies: str | None = None
        self.in_use: int | None = None
        self.evidence: dict[str, Any] = CARRIED
        names = ("train_and_register", "train_version", "evaluate_challenger", "promote")
        for name in names:
            monkeypatch.setattr(retrain_module, name, getattr(self, f"_{name}"))
        monkeypatch.setattr(retrain_module, "prepared", lambda *_: None)
        monkeypatch.setattr(retrain_module, "replay_inputs", cached_inputs)
        monkeypatch.setattr(retrain_module, "champion_version", lambda *_: self.in_use)
        monkeypatch.setattr(retrain_module, "stored_bundle", lambda *_: None)
        monkeypatch.setattr(retrain_module, "trained_policy", lambda _, name: SimpleNamespace(name=name))
        monkeypatch.setattr(retrain_module, "attach_evidence", lambda *_: None)

    def _step(self, name: str) -> None:
        if self.dies == name:
            raise Killed
        self.done.append(name)

    def _train_and_register(self, *_: Any, **__: Any) -> Any:
        self._step("aurora")
        return SimpleNamespace(version=1, promoted=True, verdict={"reasons": ["errs less"]})

    def _train_version(self, _: Any, kind: str, __: Any) -> Any:
        self._step(kind)
        totals = [{"policy": kind, "cost": COSTS[kind]}, {"policy": "value", "cost": COSTS["value"]}]
        return SimpleNamespace(version=1 + len(kind), beliefs="lived", totals=totals)

    def _evaluate_challenger(self, *_: Any, saved_on_validation: float) -> Any:
        self._step("weigh")
        assert saved_on_validation == 20.0
        return SimpleNamespace(document=self.evidence, figures={"captured_share": 0.9})

    def _promote(self, _: Context, version: int, **__: Any) -> None:
        self._step("promote")
        self.in_use = version


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    return Steps(monkeypatch)


ORDER = ["aurora", "lightgbm", "rl", "weigh", "promote"]


@pytest.mark.parametrize("seed", range(len(ORDER)), ids=ORDER)
def test_retrain_goes_on_where_it_was_killed(state: Path, steps: Steps, seed: int) -> None:
    context = learning_context(state, learning={"seed": seed})
    steps.dies = ORDER[seed]
    with pytest.raises(Killed):
        retrain(context, AT)
    steps.dies = None
    report = retrain(context, AT)
    assert steps.done == ORDER, "a step was repeated or left out"
    assert (report.status, report.challenger, report.champion) == ("promoted", 3, "models:/antares-home/3")
    assert retrain(context, AT) == report
    assert steps.done == ORDER


def test_retrain_tells_who_decides_now_when_somebody_rolled_back_since(state: Path, steps: Steps) -> None:
    context = learning_context(state, learning={"seed": 10})
    report = retrain(context, AT)
    steps.in_use = None
    again = retrain(context, AT)
    assert (again.status, again.champion) == ("promoted", "value")
    assert again.model_copy(update={"champion": report.champion}) == report
    assert steps.done == ORDER, "a rollback is not undone by repeating the retrain"


def test_champion_stays_when_the_evidence_does_not_carry_the_challenger(state: Path, steps: Steps) -> None:
    steps.evidence, steps.in_use = {"promote": False, "reasons": ["dearer"]}, 2
    report = retrain(learning_context(state, learning={"seed": 11}), AT)
    assert (report.status, report.champion, steps.done) == ("kept", "models:/antares-home/2", ORDER[:-1])
    assert report.evidence["reasons"] == ["dearer"]


def test_champion_is_not_weighed_against_itself_when_training_gives_it_again(state: Path, steps: Steps) -> None:
    steps.in_use = 3
    report = retrain(learning_context(state, learning={"seed": 12}), AT)
    assert (report.status, steps.done) == ("kept", ORDER[:-2])
    assert report.evidence["reasons"] == ["version 3 is in use already"]


def test_retrain_is_another_one_when_settings_or_days_are_others(state: Path, steps: Steps) -> None:
    for context, at in (
        (learning_context(state, learning={"seed": 13}), AT),
        (learning_context(state, learning={"seed": 14}), AT),
        (learning_context(state, learning={"seed": 13}), AT + timedelta(days=1)),
    ):
        steps.done, steps.in_use = [], None
        retrain(context, at)
        assert steps.done == ORDER


def test_retrain_begins_anew_when_its_report_is_damaged(state: Path, steps: Steps) -> None:
    context = learning_context(state, learning={"seed": 15})
    retrain(context, AT)
    report = max((state / "models" / SITE / "retrains").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    report.write_text(report.read_text()[:100])
    steps.in_use = None
    assert retrain(context, AT).status == "promoted"
    assert steps.done == 2 * ORDER


def test_retrain_goes_on_without_forecasts_when_there_are_too_few_readings(
    state: Path, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise DataMissingError("13 days", "import more")

    monkeypatch.setattr(retrain_module, "train_and_register", refused)
    report = retrain(learning_context(state, learning={"seed": 16}), AT)
    assert report.aurora == {"version": None, "promoted": False, "reasons": ["13 days"]}
    assert report.status == "promoted"
    assert steps.done == ORDER[1:]


@pytest.mark.parametrize(
    ("at", "refused", "told"),
    [
        pytest.param(AT, 0, "", id="nothing odd"),
        pytest.param(DAYS[-1] + timedelta(days=9), 0, "the last usable day is 2025-11-11, 9 days before", id="stale"),
        pytest.param(AT, 15, "only 13 of the 28 days before 2025-11-07 are usable", id="many are refused"),
    ],
)
def test_retrain_warns_when_days_are_odd(
    state: Path, monkeypatch: pytest.MonkeyPatch, at: date, refused: int, told: str
) -> None:
    usable = [day for day in (*DAYS[:20], *DAYS[20 + refused :]) if day < at]
    monkeypatch.setattr(retrain_module, "usable_days", lambda *_: usable)
    report = Retrain(learning_context(state, learning={"seed": 20}), at).report
    assert [warning.startswith(told) for warning in report.warnings] == ([True] if told else []), report.warnings
    assert report.status == "unfinished"
