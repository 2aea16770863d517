"""Values as JSON: instants in UTC with a Z, days as ISO text, and null for NaN and infinities."""

import json
import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, TextIO, cast

from planner.wording.messages import Message, translated


def format_instant(value: datetime) -> str:
    """Return an instant as ISO text: UTC with a Z where the zone is known, else the bare clock time."""
    if value.tzinfo is None:
        return value.isoformat()
    return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def to_json_value(value: Any) -> Any:  # noqa: ANN401 - any value, and JSON is as wide
    """Return the value in JSON's types: objects, lists, text, numbers, true, false, null.

    NaN and infinities become null, which JSON cannot express; messages are told in the language of the site.
    """
    if isinstance(value, Message):
        return translated(value)
    if value is None or (isinstance(value, (bool, int, str)) and not isinstance(value, Enum)):
        return value
    if isinstance(value, (float, Decimal)):
        number = float(value)
        return number if math.isfinite(number) else None
    if isinstance(value, Mapping):
        return {str(to_json_value(key)): to_json_value(item) for key, item in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_json_value(item) for item in cast("list[Any]", value)]
    return _text(value)


def _text(value: object) -> str | float:
    """Return the value as text, or as seconds for a duration."""
    if isinstance(value, datetime):
        return format_instant(value)
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
    """Write one JSON document and a line end; ASCII only, so that no locale can change it."""
    json.dump(to_json_value(document), out, allow_nan=False)
    out.write("\n")
