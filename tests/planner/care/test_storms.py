"""Storms in a forecast: what warns, and what is one storm."""

from datetime import UTC, datetime, timedelta

import pytest

from planner.care.storms import StormHour, storms_in

START = datetime(2026, 3, 29, 0, tzinfo=UTC)


def hours(*gusts: float | None, thunder: tuple[int, ...] = ()) -> list[StormHour]:
    return [
        StormHour(ends=START + timedelta(hours=number), gust_ms=gust, thunder=number in thunder)
        for number, gust in enumerate(gusts, start=1)
    ]


@pytest.mark.parametrize(
    ("said", "gusts_above", "thunder", "spans"),
    [
        (hours(10.0, 21.0, 12.0), 21.0, True, []),
        (hours(10.0, 22.0, 26.0, 12.0), 21.0, True, [(1, 3, 26.0, False)]),
        (hours(None, 22.0, None, 24.0), 21.0, True, [(1, 4, 24.0, False)]),
        (hours(22.0, 5.0, 5.0, 5.0, 24.0), 21.0, True, [(0, 1, 22.0, False), (4, 5, 24.0, False)]),
        (hours(5.0, 5.0, 5.0, thunder=(2,)), 21.0, True, [(1, 2, None, True)]),
        (hours(5.0, 23.0, 5.0, thunder=(1, 2)), 21.0, True, [(0, 2, 23.0, True)]),
        (hours(5.0, 23.0, 5.0, thunder=(1, 2)), 21.0, False, [(1, 2, 23.0, False)]),
        (hours(40.0, 40.0), None, True, []),
    ],
)
def test_storms_are_the_hours_that_warn_and_one_where_they_are_near(
    *, said: list[StormHour], gusts_above: float | None, thunder: bool, spans: list[tuple[int, int, float | None, bool]]
) -> None:
    found = storms_in(said, gusts_above=gusts_above, thunder=thunder, apart=timedelta(hours=2))
    got = [
        ((s.begins - START) // timedelta(hours=1), (s.ends - START) // timedelta(hours=1), s.gust_ms, s.thunder)
        for s in found
    ]
    assert got == spans
