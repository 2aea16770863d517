"""Doctor looks at Home Assistant: address, token, every entity, statistics, and when readings were fetched."""

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from benchmarks.recorded_home.statistics_home import home_until_now
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.doctor.finding import CheckResult, Verdict
from darkstar_pipeline.doctor.sources.home_assistant import check_home_assistant
from darkstar_pipeline.fetching.log import Fetch, FetchLog
from darkstar_pipeline.home_assistant_api.failures import TOKEN_VARIABLE
from tests.builders.home_assistant_socket import TOKEN, SocketAnswers, home_assistant_socket
from tests.builders.statistics_answers import answers_of, state

NOW = datetime.now(UTC)
SENSORS = {"load": "sensor.house_load_energy", "grid_import": "sensor.grid_import_energy", "soc": "sensor.battery_soc"}


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Generator[SocketAnswers]:
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    with home_assistant_socket(answers_of(home_until_now(1), state("number.charge", "0"))) as running:
        yield running


def check(folder: Path, url: str | None, sensors: dict[str, str] = SENSORS, **home: Any) -> list[CheckResult]:
    settings = {"sites": {"home": {"home_assistant": {"url": url, "sensors": sensors, **home}}}}
    return check_home_assistant(Settings.model_validate(settings), folder, "home", NOW)


def fetched(folder: Path, outcome: Any, at: datetime = NOW, reason: str = "") -> None:
    FetchLog(folder).add(
        Fetch(site="home", kind="readings", source="home_assistant", asked_at=at, outcome=outcome, reason=reason)
    )


def test_all_is_well(tmp_path: Path, answers: SocketAnswers):
    fetched(tmp_path, "stored")
    results = check(tmp_path, answers.url, control={"mapping": {"charge": "number.charge"}})
    assert [result.verdict for result in results] == [Verdict.OK] * 3
    assert results[0].detail == "2025.4.4 answers, the token is accepted"
    assert results[1].detail == "all 4 are there"


def test_a_log_that_cannot_be_opened_leaves_the_other_checks(tmp_path: Path, answers: SocketAnswers):
    FetchLog(tmp_path).path.mkdir(parents=True)
    _, entities, readings = check(tmp_path, answers.url)
    assert (entities.verdict, readings.verdict) == (Verdict.OK, Verdict.FAIL)
    assert "log.sqlite" in readings.detail


def test_nothing_is_said_where_nothing_is_configured(tmp_path: Path):
    assert check(tmp_path, None, {}) == []


def test_entities_without_an_address_fail(tmp_path: Path):
    (result,) = check(tmp_path, None)
    assert (result.verdict, "no address" in result.detail) == (Verdict.FAIL, True)


def test_a_missing_and_a_wrong_token_fail(tmp_path: Path, answers: SocketAnswers, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(TOKEN_VARIABLE, "wrong")
    (wrong,) = check(tmp_path, answers.url)
    monkeypatch.delenv(TOKEN_VARIABLE)
    (missing,) = check(tmp_path, answers.url)
    assert (wrong.verdict, missing.verdict) == (Verdict.FAIL, Verdict.FAIL)
    assert "does not accept the token" in wrong.detail
    assert "there is no token" in missing.detail


def test_one_that_is_away_is_a_warning(tmp_path: Path, answers: SocketAnswers):
    assert answers.url
    (result,) = check(tmp_path, "http://127.0.0.1:9")
    assert (result.verdict, "cannot be reached" in result.detail) == (Verdict.WARN, True)


def test_an_entity_that_is_gone_fails_and_one_without_a_value_warns(tmp_path: Path, answers: SocketAnswers):
    gone = check(tmp_path, answers.url, control={"mapping": {"charge": "number.gone"}})[1]
    assert gone.verdict is Verdict.FAIL
    assert "number.gone (home_assistant.control.mapping.charge)" in gone.detail
    answers.results["get_states"] = [{**each, "state": "unavailable"} for each in answers.results["get_states"]]
    absent = check(tmp_path, answers.url)[1]
    assert (absent.verdict, "sensor.battery_soc" in absent.detail) == (Verdict.WARN, True)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (None, "none were fetched yet"),
        ({"outcome": "failed", "reason": "it was away"}, "the last fetch failed: it was away"),
        ({"outcome": "stored", "at": NOW - timedelta(hours=14)}, "fetched 14 h ago"),
    ],
)
def test_readings_that_do_not_come_are_told(
    tmp_path: Path, answers: SocketAnswers, entry: dict[str, Any] | None, words: str
):
    if entry is not None:
        fetched(tmp_path, **entry)
    result = check(tmp_path, answers.url)[2]
    assert (result.verdict, result.detail) == (Verdict.WARN, words)
    assert result.remedy


def test_a_sensor_without_statistics_is_told(tmp_path: Path, answers: SocketAnswers):
    answers.results["recorder/list_statistic_ids"] = answers.results["recorder/list_statistic_ids"][:1]
    result = check(tmp_path, answers.url)[2]
    assert "no long-term statistics of sensor.battery_soc, sensor.grid_import_energy" in result.detail
