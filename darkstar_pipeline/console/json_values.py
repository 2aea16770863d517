"""Values as JSON has them: instants in UTC with a Z, days as ISO text, and null for what is not a number."""

import json
import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, TextIO, cast


def instant(value: datetime) -> str:
    """An instant as ISO text: UTC with a Z where the zone is known, else the bare clock time."""
    if value.tzinfo is None:
        return value.isoformat()
    return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def plain(value: Any) -> Any:  # noqa: ANN401 - any value there is, and JSON is as wide
    """The value in what JSON knows: objects, lists, text, numbers, true, false, null.

    NaN and infinities become null, since JSON has no word for them.
    """
    if value is None or (isinstance(value, (bool, int, str)) and not isinstance(value, Enum)):
        return value
    if isinstance(value, (float, Decimal)):
        number = float(value)
        return number if math.isfinite(number) else None
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in cast("list[Any]", value)]
    return _text(value)


def _text(value: object) -> str | float:
    """What JSON can only hold as text."""
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Enum):
        return str(value.value)
    return str(value)


def write_json(document: object, out: TextIO) -> None:
    """Write one JSON document and a line end; ASCII only, so that no locale can spoil it."""
    json.dump(plain(document), out, allow_nan=False)
    out.write("\n")
