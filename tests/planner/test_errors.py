"""Every error of `env` and `planner` carries the code and the hint that people and programs meet."""

import pytest

from env.errors import CodedError, EnvError, ShapeError, TariffError
from planner.errors import (
    CheckpointError,
    ContradictionError,
    IncompleteDayError,
    LoadRequestError,
    NoFeasibleScheduleError,
    PlannerError,
    PolicyMismatchError,
    Relaxation,
    ScheduleColumnsError,
    SolverError,
    SolverTimeoutError,
    TooFewDaysError,
    UnknownPolicyError,
    UnverifiedScheduleError,
)


@pytest.mark.parametrize(
    ("kind", "code", "hint"),
    [
        pytest.param(TariffError, "configuration", "darkstar.yaml", id="env"),
        pytest.param(ShapeError, "bug", "", id="shapes are a bug"),
        pytest.param(PlannerError, "bug", "", id="planner"),
        pytest.param(NoFeasibleScheduleError, "no_feasible_schedule", "loosen the limits", id="infeasible"),
        pytest.param(SolverError, "no_feasible_schedule", "prices and limits", id="solver"),
        pytest.param(SolverTimeoutError, "no_feasible_schedule", "prices and limits", id="time limit"),
        pytest.param(UnverifiedScheduleError, "unverified_schedule", "darkstar verify", id="unverified"),
        pytest.param(ScheduleColumnsError, "data_refused", "darkstar schedule --out", id="columns"),
        pytest.param(PolicyMismatchError, "model_refused", "darkstar models rollback", id="policy mismatch"),
        pytest.param(UnknownPolicyError, "usage", "policy that exists", id="unknown policy"),
        pytest.param(IncompleteDayError, "data_missing", "darkstar quality", id="incomplete day"),
        pytest.param(LoadRequestError, "usage", "darkstar plan --help", id="load request"),
        pytest.param(CheckpointError, "bug", "", id="checkpoint"),
        pytest.param(TooFewDaysError, "bug", "", id="too few days"),
    ],
)
def test_error_carries_code_and_hint_when_raised(kind: type[CodedError], code: str, hint: str) -> None:
    error = kind("message")
    assert error.code == code
    assert hint in error.hint
    assert bool(hint) == bool(error.hint)
    assert isinstance(error, (EnvError, PlannerError))


def test_contradiction_hints_at_its_own_relaxation_when_raised() -> None:
    error = ContradictionError("a", conflicts=(), relaxation=Relaxation(), hint="return to 5.0 kWh")
    assert error.hint == "return to 5.0 kWh"
    assert error.code == NoFeasibleScheduleError.code
    assert NoFeasibleScheduleError.hint != error.hint
