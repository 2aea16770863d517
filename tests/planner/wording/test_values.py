"""Values in words: spans of time near and far, over a change of the clocks."""

from datetime import UTC, datetime, timedelta

import pytest

from planner.wording.values import Words

NOW = datetime(2026, 10, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        (NOW + HOUR, NOW + 3 * HOUR, "Sat 15:00–17:00"),
        (NOW + 12 * HOUR, NOW + 13 * HOUR, "Sun 02:00 CEST–02:00 CET"),
        (NOW, NOW + timedelta(days=31), "2026-10-24 14:00–2026-11-24 13:00"),
        (NOW + timedelta(days=7), NOW + timedelta(days=7, hours=2), "2026-10-31 13:00–2026-10-31 15:00"),
    ],
)
def test_span_that_ends_in_another_week_has_its_dates(start: datetime, end: datetime, words: str) -> None:
    assert str(Words("EUR", "Europe/Stockholm").far_span(start, end, NOW)) == words
