import importlib
import io
import json
import pkgutil

import pytest

import darkstar_pipeline
import env
import planner
from darkstar_pipeline.backfill import BackfillFailedError
from darkstar_pipeline.console.failures import EXIT_CODES, UsageError, describe
from darkstar_pipeline.console.supervisor import ServiceFailedError
from darkstar_pipeline.errors import (
    ConfigurationError,
    DarkstarError,
    DataMissingError,
    DataRefusedError,
    OutsideServiceError,
)
from darkstar_pipeline.home_assistant_api.failures import HomeAssistantError
from darkstar_pipeline.models.promotion import NotPromotedError
from darkstar_pipeline.warehouse.lake import LakeUnreadableError, SchemaMismatchError
from darkstar_pipeline.warehouse.query import QueryError
from env.errors import BatteryError, CodedError, MissingTariffError, ShapeError, TimeZoneError
from planner.errors import (
    IncompleteDayError,
    NoFeasibleScheduleError,
    ScheduleColumnsError,
    SolverError,
    UnknownPolicyError,
    UnverifiedScheduleError,
)


@pytest.mark.parametrize(
    ("error", "code", "exit_code"),
    [
        pytest.param(UsageError("a"), "usage", 2, id="usage"),
        pytest.param(ConfigurationError("a"), "configuration", 2, id="configuration"),
        pytest.param(DataMissingError("a"), "data_missing", 3, id="data missing"),
        pytest.param(DataRefusedError("a"), "data_refused", 3, id="data refused"),
        pytest.param(NotPromotedError("a"), "not_promoted", 3, id="not promoted"),
        pytest.param(LakeUnreadableError("a"), "lake_unreadable", 3, id="damaged lake"),
        pytest.param(QueryError("a"), "query", 2, id="query"),
        pytest.param(HomeAssistantError("a"), "home_assistant", 5, id="Home Assistant"),
        pytest.param(ServiceFailedError("a"), "service_failed", 5, id="a program that ended"),
        pytest.param(SchemaMismatchError("a"), "schema_mismatch", 1, id="a frame that fits no table"),
        pytest.param(BackfillFailedError("a"), "backfill_failed", 1, id="backfill"),
        pytest.param(OutsideServiceError("a"), "outside_service", 5, id="outside service"),
        pytest.param(TimeZoneError("Mars/Base"), "configuration", 2, id="time zone"),
        pytest.param(BatteryError("a"), "configuration", 2, id="battery"),
        pytest.param(MissingTariffError("2019-01-01", "2020-01-01"), "configuration", 2, id="tariff"),
        pytest.param(ShapeError("a"), "bug", 1, id="shapes are our own business"),
        pytest.param(NoFeasibleScheduleError("a"), "no_feasible_schedule", 4, id="limits contradict each other"),
        pytest.param(SolverError("a"), "no_feasible_schedule", 4, id="solver"),
        pytest.param(UnverifiedScheduleError("a"), "unverified_schedule", 4, id="a schedule that is wrong"),
        pytest.param(ScheduleColumnsError("a"), "data_refused", 3, id="a table that is no schedule"),
        pytest.param(UnknownPolicyError("a"), "usage", 2, id="policy"),
        pytest.param(IncompleteDayError("a"), "data_missing", 3, id="incomplete day"),
        pytest.param(FileNotFoundError(2, "No such file or directory", "a.csv"), "file_system", 2, id="no file"),
        pytest.param(OSError(28, "No space left on device"), "file_system", 2, id="disk full"),
        pytest.param(ValueError("a"), "bug", 1, id="unforeseen"),
    ],
)
def test_describe_gives_code_and_exit_code_when_given(error: Exception, code: str, exit_code: int) -> None:
    failure = describe(error)
    assert (failure.code, failure.exit_code) == (code, exit_code)
    assert failure.message


def test_line_stays_one_line_when_the_message_has_several() -> None:
    failure = describe(ConfigurationError("first\n  second", "do\nthis"))
    assert failure.line() == "error: first second (do this)"


def test_describe_names_the_file_when_the_system_refuses() -> None:
    assert describe(PermissionError(13, "Permission denied", "/data/lake")).message == "/data/lake: Permission denied"


def test_describe_says_it_is_a_bug_when_nobody_foresaw_it() -> None:
    failure = describe(KeyError("soc"))
    assert "bug" in failure.message
    assert "--debug" in failure.hint


def test_write_gives_code_message_and_hint_when_asked_for_json() -> None:
    out = io.StringIO()
    describe(DataMissingError("no prices", "import them")).write(out)
    expected = {"error": {"code": "data_missing", "message": "no prices", "hint": "import them"}}
    assert json.loads(out.getvalue()) == expected


def test_every_code_has_an_exit_code() -> None:
    """A new error is placed in the table by whoever adds it; one that is left out would be called a bug."""
    for package in (env, planner, darkstar_pipeline):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    codes = {kind.code for kind in _subclasses(CodedError)} - {CodedError.code, DarkstarError.code}
    assert codes | {"file_system"} == set(EXIT_CODES), "a file that the system refuses is an OSError"


def _subclasses(kind: type[CodedError]) -> set[type[CodedError]]:
    ours = {each for each in kind.__subclasses__() if not each.__module__.startswith("tests.")}
    return ours.union(*(_subclasses(each) for each in ours))
