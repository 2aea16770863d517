"""Days named from today: yesterday, and the last so many, by the home's clock."""

from datetime import date

import pytest
import typer

from darkstar_pipeline.console import relative_days
from darkstar_pipeline.console.arguments import parse_day
from darkstar_pipeline.console.failures import UsageError
from darkstar_pipeline.console.relative_days import parse_span, resolve_days

BOTH = {"first": True, "last": True}


@pytest.fixture
def november(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thirtieth of November, wherever the home is."""
    monkeypatch.setattr(relative_days, "today", lambda _site=None: date(2026, 11, 30))
    monkeypatch.setattr("darkstar_pipeline.console.arguments.today", lambda: date(2026, 11, 30))


@pytest.mark.parametrize(("text", "days"), [("30d", 30), ("30", 30), ("4w", 28), ("1 day", 1), ("2 weeks", 14)])
def test_span_is_read_in_days_and_weeks(text: str, days: int) -> None:
    assert parse_span(text) == days


@pytest.mark.parametrize("text", ["0d", "x", "-3d", "30m", "99999d", ""])
def test_span_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="is no number of days"):
        parse_span(text)


@pytest.mark.usefixtures("november")
def test_last_days_end_yesterday() -> None:
    nothing = {"first": None, "last": None}
    assert resolve_days(nothing, 30, BOTH, None) == {"first": date(2026, 10, 31), "last": date(2026, 11, 29)}
    assert resolve_days(nothing, None, {"first": False, "last": False}, None) == nothing
    with pytest.raises(UsageError, match="--last and --to both name the days"):
        resolve_days({"first": None, "last": date(2026, 1, 1)}, 1, BOTH, None)
    with pytest.raises(UsageError, match="Missing option '--to'"):
        resolve_days({"first": date(2026, 1, 1), "last": None}, None, BOTH, None)


@pytest.mark.usefixtures("november")
def test_day_may_be_named_from_today() -> None:
    assert [parse_day(word) for word in ("yesterday", "Today", "tomorrow", "2026-01-31")] == [
        date(2026, 11, 29), date(2026, 11, 30), date(2026, 12, 1), date(2026, 1, 31),
    ]  # fmt: skip
