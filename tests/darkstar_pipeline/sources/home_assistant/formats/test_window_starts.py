"""The first state of a window of history counts from when it was reported, not from where the window begins."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from darkstar_pipeline.sources.home_assistant.formats.window_starts import State, WindowStarts

SINCE = datetime(2026, 3, 29, 0, 0, tzinfo=UTC)


def states(*values: tuple[float, str], unit: str = "kWh") -> list[State]:
    return [
        {
            "entity_id": "sensor.house",
            "state": text,
            "attributes": {"unit_of_measurement": unit},
            "last_changed": (SINCE + timedelta(minutes=minutes)).isoformat(),
            "last_updated": (SINCE + timedelta(minutes=minutes)).isoformat(),
        }
        for minutes, text in values
    ]


def minutes(placed: list[list[Any]]) -> list[float]:
    return [(datetime.fromisoformat(each["last_changed"]) - SINCE) / timedelta(minutes=1) for each in placed[0]]


def test_state_before_the_window_is_put_where_the_window_before_had_it() -> None:
    starts = WindowStarts()
    starts.placed([states((-9, "1.0"), (-4, "1.5"))], SINCE - timedelta(hours=1))
    assert minutes(starts.placed([states((0, "1.5"), (1, "1.6"))], SINCE)) == [-9, -4, 1]
    assert minutes(starts.placed([states((30, "1.6"), (40, "2"))], SINCE + timedelta(minutes=30))) == [-9, -4, 1, 40]


def test_state_of_unknown_age_is_left_out_where_the_counter_has_moved_since() -> None:
    assert minutes(WindowStarts().placed([states((0, "1.5"), (1, "1.6"))], SINCE)) == [1]


def test_counter_that_stands_still_keeps_its_only_state_over_windows() -> None:
    starts = WindowStarts()
    assert minutes(starts.placed([states((0, "1.5"))], SINCE)) == [0]
    later: list[State] = [
        {**each, "last_updated": (SINCE + timedelta(hours=1)).isoformat()} for each in states((60, "1.5"))
    ]
    assert minutes(starts.placed([later], SINCE + timedelta(hours=1))) == [0]


@pytest.mark.parametrize("unit", ["W", "%"])
def test_level_holds_from_the_start_of_the_window(unit: str) -> None:
    assert minutes(WindowStarts().placed([states((0, "50"), (1, "51"), unit=unit)], SINCE)) == [0, 1]


def test_first_states_of_a_window_are_no_news() -> None:
    assert not WindowStarts.has_news([states((0, "1.5")), states((0, "50"), unit="%")], SINCE)
    assert WindowStarts.has_news([states((0, "1.5")), states((0, "50"), (1, "51"), unit="%")], SINCE)


def test_state_without_a_time_is_left_for_the_reader_to_refuse() -> None:
    wrong: list[State] = [{"entity_id": "sensor.house", "state": "1", "attributes": {"unit_of_measurement": "kWh"}}]
    assert WindowStarts().placed([wrong], SINCE) == [wrong]
