from datetime import date

import pytest
import typer

from darkstar_pipeline.console.arguments import check_range, format_days, parse_day, parse_policies
from darkstar_pipeline.console.failures import UsageError
from darkstar_pipeline.console.load_requests import parse_instant


@pytest.mark.parametrize("text", ["2026-03-29", "2026-10-25", "2024-02-29"])
def test_parse_day_gives_the_day_when_it_exists(text: str) -> None:
    assert parse_day(text) == date.fromisoformat(text)


@pytest.mark.parametrize(
    "text", ["", "2026-3-1", "20260301", "2026-W10-1", "2026-02-29", "2026-13-01", "1026-01-01", "9999-12-31"]
)
def test_parse_day_refuses_when_it_is_no_day(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        parse_day(text)


def test_check_range_refuses_only_a_range_that_ends_before_it_starts() -> None:
    check_range(date(2026, 1, 1), date(2026, 1, 1))
    with pytest.raises(UsageError, match="--from 2026-01-02 is after --to 2026-01-01"):
        check_range(date(2026, 1, 2), date(2026, 1, 1))


def test_parse_policies_keeps_order_and_drops_repeats_when_named_twice() -> None:
    assert parse_policies(" oracle, mpc,oracle ,idle") == ("oracle", "mpc", "idle")


@pytest.mark.parametrize("text", ["", " , "])
def test_parse_policies_refuses_when_none_is_named(text: str) -> None:
    with pytest.raises(UsageError, match="no policy"):
        parse_policies(text)


@pytest.mark.parametrize("name", ["lightgbm", "rl", "champion", "models:/antares-home/3"])
def test_parse_policies_takes_trained_policies_when_they_are_named(name: str) -> None:
    assert parse_policies(f"idle,{name}") == ("idle", name)


def test_parse_policies_says_unknown_when_there_is_no_such_policy() -> None:
    with pytest.raises(UsageError, match="'Oracle' is unknown"):
        parse_policies("Oracle")


def test_listed_days_count_the_rest_when_there_are_many() -> None:
    days = [date(2026, 1, day) for day in range(1, 11)]
    assert format_days(days, most=2) == "2026-01-01, 2026-01-02 and 8 more"
    assert format_days(days[:2], most=2) == "2026-01-01, 2026-01-02"


@pytest.mark.parametrize("text", ["0001-01-01T00:00", "9999-12-31T23:59:59-05:00", "tomorrow"])
def test_an_instant_that_no_calendar_has_is_refused_in_words(text: str) -> None:
    with pytest.raises(UsageError, match=r"--at: .* is not a date and time"):
        parse_instant("--at", text, "Europe/Stockholm")
