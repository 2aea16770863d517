"""A deadline shortens every solver's time within its block, and nothing outside of it."""

import time

import pytest

from planner.deadline import check_deadline, deadline, seconds_left, within_deadline
from planner.errors import SolverTimeoutError


def test_nothing_is_shortened_without_a_deadline() -> None:
    check_deadline()
    assert (within_deadline(6.0), seconds_left()) == (6.0, None)
    with deadline(None):
        assert seconds_left() is None


def test_a_limit_is_shortened_to_what_is_left_and_an_inner_deadline_cannot_prolong_it() -> None:
    with deadline(5.0):
        assert within_deadline(1.0) == 1.0
        with deadline(60.0):
            assert 4.0 < within_deadline(60.0) <= 5.0
        with deadline(0.5):
            assert within_deadline(60.0) <= 0.5
        assert 4.0 < within_deadline(60.0) <= 5.0
    assert within_deadline(60.0) == 60.0


def test_nothing_begins_when_the_time_is_over() -> None:
    with deadline(0.0):
        assert seconds_left() == 0.0
        with pytest.raises(SolverTimeoutError, match="whole plan"):
            within_deadline(1.0)
    started = time.monotonic()
    with pytest.raises(SolverTimeoutError), deadline(0.05):
        _search(started + 5)


def _search(until: float) -> None:
    while time.monotonic() < until:
        check_deadline()
