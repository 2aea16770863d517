"""Windows follow each other with a gap, and too few days are refused."""

import contextlib
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkstar_pipeline.config.learning import LearningSettings
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.learning.splits import split

START = date(2025, 9, 1)


def rules(**changes: int) -> LearningSettings:
    return LearningSettings.model_validate(changes)


def days(n_days: int) -> list[date]:
    return [START + timedelta(days=by) for by in range(n_days)]


@given(
    gone=st.sets(st.integers(0, 299), max_size=150),
    n_days=st.integers(0, 300),
    gap=st.integers(0, 14),
    caps=st.tuples(st.integers(14, 200), st.integers(7, 60), st.integers(14, 60)),
    with_test=st.booleans(),
)
def test_windows_are_in_order_with_their_gap_and_within_their_caps(
    gone: set[int], n_days: int, gap: int, caps: tuple[int, int, int], *, with_test: bool
) -> None:
    usable = [day for number, day in enumerate(days(n_days)) if number not in gone]
    train, validation, test = caps
    settings = rules(train_days=train, validation_days=validation, test_days=test, gap_days=gap)
    found = None
    with contextlib.suppress(DataMissingError):
        found = split(usable, settings, with_test=with_test)
    if found is None:
        assert len(usable) < 4 * (settings.least_train_days + 2 * gap), "there were plenty"
        return
    windows = (found.train, found.validation, found.test)
    assert [list(window) for window in windows] == [sorted(set(window) & set(usable)) for window in windows]
    parts = [window for window in windows if window]
    assert len(parts) == (3 if with_test else 2)
    for before, after in pairwise(parts):
        assert (after[0] - before[-1]).days > gap
    assert parts[-1][-1] == usable[-1]
    assert all(len(window) <= cap for window, cap in zip(windows, caps, strict=True))
    assert len(found.train) >= settings.least_train_days
    assert len(found.validation) >= settings.least_judged_days
    assert found.learned == (*found.train, *found.validation)


def test_windows_of_a_month_are_counted_on_paper() -> None:
    found = split(days(32), rules(gap_days=1), with_test=True)
    assert [len(window) for window in (found.train, found.validation, found.test)] == [14, 8, 8]
    assert found.test[-1] == days(32)[-1]
    assert (found.test[0] - found.validation[-1]).days == (found.validation[0] - found.train[-1]).days == 2


def test_days_that_are_needed_are_said_rightly() -> None:
    with pytest.raises(DataMissingError, match=r"29 usable days are too few to learn from; about (\d+) are") as refused:
        split(days(29), rules(), with_test=True)
    assert "darkstar quality" in refused.value.hint
    needed = int(str(refused.value).split("about ")[1].split()[0])
    assert split(days(needed), rules(), with_test=True).test


@pytest.mark.parametrize(
    ("changes", "with_test"),
    [
        pytest.param({}, False, id="two windows"),
        pytest.param({"gap_days": 14}, True, id="wide gaps"),
        pytest.param({"least_train_days": 60}, True, id="many to learn from"),
        pytest.param({"least_judged_days": 20, "validation_days": 30}, True, id="many to choose on"),
        pytest.param({"least_train_days": 100, "train_days": 200, "gap_days": 0}, False, id="no gap"),
    ],
)
def test_days_that_are_said_to_be_needed_are_enough(changes: dict[str, int], *, with_test: bool) -> None:
    """As many days as the message names are enough."""
    with pytest.raises(DataMissingError) as refused:
        split(days(10), rules(**changes), with_test=with_test)
    needed = int(str(refused.value).split("about ")[1].split()[0])
    found = split(days(needed), rules(**changes), with_test=with_test)
    assert len(found.train) >= rules(**changes).least_train_days


@pytest.mark.parametrize(
    "changes",
    [{"least_judged_days": 40}, {"train_days": 20, "least_train_days": 30}],
    ids=["validation", "train"],
)
def test_caps_below_the_least_are_refused_as_settings(changes: dict[str, int]) -> None:
    """No number of days would be enough."""
    with pytest.raises(ValueError, match="least_"):
        rules(**changes)


@pytest.mark.parametrize(
    ("n_days", "first"),
    [
        pytest.param(240, date(2026, 7, 1), id="the month from its first day on"),
        pytest.param(90, date(2026, 3, 10), id="too few days for a whole month"),
    ],
)
def test_test_begins_with_a_month_where_bills_do_and_enough_is_left(n_days: int, first: date) -> None:
    days = [date(2026, 1, 1) + timedelta(days=by) for by in range(n_days)]
    rules = LearningSettings(train_days=200, validation_days=20, test_days=42, least_train_days=40)
    windows = split(days, rules, with_test=True, whole_months=True)
    plain = split(days, rules, with_test=True)
    assert windows.test[-1] == plain.test[-1] == days[-1]
    assert (windows.test[0], windows.test[0] <= plain.test[0]) == (first, True)
