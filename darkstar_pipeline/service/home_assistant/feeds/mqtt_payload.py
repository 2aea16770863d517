"""A number, and when it was measured, in the payload of an MQTT message."""

import json
import math
import re
from datetime import UTC, datetime
from typing import Any, cast

LARGEST_BYTES = 65_536
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_EPOCH_MS, _EPOCH_S, _LAST_S = 1e11, 1e8, 4_102_444_800


class PayloadError(ValueError):
    """A payload that holds no reading."""


def number_in(payload: bytes, path: str | None) -> float:
    """Return the number in a payload.

    Args:
        payload: a number as text, or JSON.
        path: where it stands in JSON, names and positions with points between; None where it is the payload.

    Raises:
        PayloadError: there is none.

    >>> number_in(b' 12.5 ', None), number_in(b'{"ENERGY": {"Total": [1, "2"]}}', "ENERGY.Total.1")
    (12.5, 2.0)
    """
    value = _told(payload, path)
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
        raise PayloadError(f"{_short(value)} is no number")
    return float(value)


def instant_in(payload: bytes, path: str) -> datetime:
    """Return the instant in a payload: ISO 8601 with an offset, or seconds or milliseconds since 1970.

    Raises:
        PayloadError: there is none.
    """
    value = _told(payload, path)
    if isinstance(value, str):
        try:
            read = datetime.fromisoformat(value.strip())
            instant = read.astimezone(UTC)
        except (ValueError, OverflowError):  # in UTC the first and the last day may be before and after all others
            raise PayloadError(f"{_short(value)} is no time") from None
        if read.tzinfo is None:
            raise PayloadError(f"{_short(value)} is a time without offset")
        return instant
    if isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
        raise PayloadError(f"{_short(value)} is no time")
    seconds = value / 1000 if value > _EPOCH_MS else value
    if not _EPOCH_S < seconds < _LAST_S:
        raise PayloadError(f"{_short(value)} is no time")
    return datetime.fromtimestamp(seconds, UTC)


def _told(payload: bytes, path: str | None) -> Any:  # noqa: ANN401 - whatever JSON held
    """Return what a payload says at a path.

    Raises:
        PayloadError: it is too large, no text, or no JSON, or has no such path.
    """
    if len(payload) > LARGEST_BYTES:
        raise PayloadError(f"it has {len(payload)} bytes")
    try:
        text = payload.decode("utf-8")
        if path is None:
            return text
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise PayloadError(f"{_short(payload)} is no {'text' if path is None else 'JSON'}") from None
    for part in path.split("."):
        value = _part(value, part)
    return value


def _part(value: Any, part: str) -> Any:  # noqa: ANN401 - whatever JSON held
    """Return a part of a value.

    Raises:
        PayloadError: it has none of that name or position.
    """
    if isinstance(value, dict):
        named = cast("dict[str, Any]", value)
        if part in named:
            return named[part]
    elif isinstance(value, list) and part.isdecimal():
        items = cast("list[Any]", value)
        if int(part) < len(items):
            return items[int(part)]
    raise PayloadError(f"it has no {part}")


def _is_finite(value: int | float) -> bool:
    """Return whether a number is one that a float holds."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _short(value: object) -> str:
    """Return a value for a message."""
    return repr(value)[:40]
