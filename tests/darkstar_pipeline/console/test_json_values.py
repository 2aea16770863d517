import io
import json
import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from darkstar_pipeline.console.json_values import to_json_value, write_json
from darkstar_pipeline.errors import ExitCode


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(None, None, id="nothing"),
        pytest.param(True, True, id="flag"),
        pytest.param(0, 0, id="zero"),
        pytest.param(2**70, 2**70, id="huge whole number"),
        pytest.param(-0.25, -0.25, id="negative price"),
        pytest.param(math.nan, None, id="not a number"),
        pytest.param(-math.inf, None, id="infinity"),
        pytest.param(Decimal("1.5"), 1.5, id="decimal"),
        pytest.param(datetime(2026, 3, 29, 1, tzinfo=UTC), "2026-03-29T01:00:00Z", id="instant in UTC"),
        pytest.param(
            datetime(2026, 10, 25, 2, 30, tzinfo=timezone(timedelta(hours=2))), "2026-10-25T00:30:00Z", id="with offset"
        ),
        pytest.param(datetime(2026, 3, 29, 1), "2026-03-29T01:00:00", id="bare clock time"),  # noqa: DTZ001 - the case
        pytest.param(date(2026, 3, 29), "2026-03-29", id="day"),
        pytest.param(time(6, 30), "06:30:00", id="clock"),
        pytest.param(timedelta(minutes=15), 900.0, id="duration in seconds"),
        pytest.param(b"\x01\xff", "01ff", id="bytes"),
        pytest.param(Path("/a/b"), "/a/b", id="path"),
        pytest.param(UUID(int=1), "00000000-0000-0000-0000-000000000001", id="uuid"),
        pytest.param(ExitCode.DATA, "3", id="enumeration"),
        pytest.param((1, [math.nan]), [1, [None]], id="nested lists"),
        pytest.param({date(2026, 1, 1): {"a": math.inf}}, {"2026-01-01": {"a": None}}, id="nested objects"),
    ],
)
def test_plain_gives_what_json_knows_when_given(value: object, expected: object) -> None:
    assert to_json_value(value) == expected
    assert json.loads(json.dumps(to_json_value(value), allow_nan=False)) == expected


def test_write_json_stays_ascii_when_text_is_not() -> None:
    out = io.StringIO()
    write_json({"name": "Ängsö – öre"}, out)
    assert out.getvalue().isascii()
    assert json.loads(out.getvalue()) == {"name": "Ängsö – öre"}
