"""`darkstar train`: settings by word, and what is said when they or the days are wrong."""

from pathlib import Path

import pytest
import yaml

from darkstar_pipeline.commands.train import parse_changes
from darkstar_pipeline.config.learning import RlSettings
from darkstar_pipeline.console.failures import UsageError
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.learning.algorithms import with_changes
from planner.training.settings import LightgbmSettings
from tests.builders.command_line import Darkstar, environment
from tests.builders.learning_home import learning_context, learning_settings, measured, write_days


def test_settings_are_values_of_yaml() -> None:
    words = ["rounds=10", "hidden=[8, 8]", " offset = 0.2", "algorithm=ppo", "margins=[]", "note=a=b", "seed="]
    assert parse_changes(words) == {
        "rounds": 10, "hidden": [8, 8], "offset": 0.2, "algorithm": "ppo", "margins": [], "note": "a=b", "seed": None,
    }  # fmt: skip


@pytest.mark.parametrize("word", ["rounds", "=3", " =3", "hidden=[1", "x={"])
def test_settings_are_refused_when_they_cannot_be_read(word: str) -> None:
    with pytest.raises(UsageError, match="--set") as refused:
        parse_changes([word])
    assert refused.value.hint


def test_changed_settings_are_checked_like_those_of_the_file() -> None:
    assert with_changes(RlSettings(), {"rounds": 3, "hidden": [8]}) == RlSettings(rounds=3, hidden=(8,))
    for changes, expected_error in (
        ({"turns": 3}, "--set turns: no such setting"),
        ({"rounds": 0}, "--set rounds: 0 is below 1"),
        ({"rollout": 7}, "rollout must divide slots"),
        ({"ppo_rollout": 7}, "rollout must divide slots"),
        ({"rollout": 24, "ppo_rollout": 24}, "--set: .*ppo_rollout is the old name of rollout"),
        ({"rounds": 0, "turns": 3}, "--set rounds: .*; --set turns: .*"),
        ({"rounds": None}, "--set rounds"),
    ):
        with pytest.raises(ConfigurationError, match=expected_error) as refused:
            with_changes(RlSettings(), changes)
        assert "rounds" in refused.value.hint
    with pytest.raises(ConfigurationError, match=r"--set levels\.0"):
        with_changes(LightgbmSettings(), {"levels": [3.0]})


@pytest.mark.parametrize(("old", "new"), [({"lives": 1}, {"passes": 1}), ({"sureness": 0.5}, {"confidence_z": 0.5})])
def test_changed_settings_are_read_by_their_names_of_version_0_1(
    old: dict[str, float], new: dict[str, float], caplog: pytest.LogCaptureFixture
) -> None:
    assert with_changes(LightgbmSettings(), old) == with_changes(LightgbmSettings(), new) != LightgbmSettings()
    assert f"the setting {next(iter(old))} is now called {next(iter(new))}" in caplog.text


@pytest.fixture(scope="module")
def nine_days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with nine graded days; nothing here writes."""
    folder = tmp_path_factory.mktemp("nine")
    (folder / "darkstar.yaml").write_text(yaml.safe_dump(learning_settings()))
    slots = measured()
    days = slots["local_day"].unique().sort().head(9)
    write_days(learning_context(folder / "state"), slots.filter(slots["local_day"].is_in(days.implode())))
    return folder


@pytest.fixture
def few_days(nine_days: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls work there."""
    monkeypatch.chdir(nine_days)
    for name in ("DARKSTAR_HOME", "DARKSTAR_CONFIG"):
        monkeypatch.setenv(name, environment(nine_days)[name])


@pytest.mark.parametrize(
    ("words", "code", "name", "expected_error"),
    [
        pytest.param(("rl",), 3, "data_missing", "9 usable days are too few", id="few days"),
        pytest.param(("regressors",), 3, "data_missing", "9 usable days are too few", id="few days of MPC"),
        pytest.param(("aurora",), 3, "data_missing", "9 days", id="few days for forecasts"),
        pytest.param(("rl", "--from", "2025-12-01"), 3, "data_missing", "no day of site home", id="no days"),
        pytest.param(("rl", "--from", "2025-10-02", "--to", "2025-10-01"), 2, "usage", "", id="days backwards"),
        pytest.param(("aurora", "--set", "trees=3"), 2, "usage", "no setting 'trees'", id="aurora's own settings"),
        pytest.param(("aurora", "--set", "seed=x"), 2, "usage", "seed", id="seed that is no number"),
        pytest.param(("aurora", "--set", "seed=1.5"), 2, "usage", "seed", id="seed that is not whole"),
        pytest.param(("aurora", "--set", "seed=-1"), 2, "usage", "seed", id="seed below nothing"),
        pytest.param(("rl", "--set", "rounds"), 2, "usage", "KEY=VALUE", id="no value"),
        pytest.param(("forests",), 2, "usage", "forests", id="no such kind"),
    ],
)
@pytest.mark.usefixtures("few_days")
def test_train_ends_with_its_code_when_it_cannot(
    darkstar: Darkstar, words: tuple[str, ...], code: int, name: str, expected_error: str
) -> None:
    done = darkstar("train", *words, "--json")
    assert (done.code, done.error["code"]) == (code, name), done.out
    assert expected_error in done.error["message"]
    assert done.error["hint"]


@pytest.mark.usefixtures("home")
def test_train_and_retrain_say_so_when_nothing_was_ever_backfilled(darkstar: Darkstar, home: Path) -> None:
    (home / "darkstar.yaml").write_text(yaml.safe_dump(learning_settings()))
    for words in (("train", "rl"), ("retrain",)):
        done = darkstar(*words, "--json")
        assert (done.code, done.error["code"]) == (3, "data_missing")
        assert "backfill" in done.error["hint"]
