"""Errors of pydantic's validation as one line for a person: every wrong place by its key path, in plain words."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from darkstar_pipeline.config.base import SettingError

MAX_ERRORS = 5
"""Errors named in one line; further ones are counted."""
_LONGEST_VALUE = 40
Item = Mapping[str, Any]
"""One error, as `ValidationError.errors()` lists it."""


def describe_validation(
    error: ValidationError, *, whole: str, prefix: str = "", remark: Callable[[Item], str] | None = None
) -> str:
    """Return every error of a validation in one line, each with its place.

    >>> from pydantic import BaseModel
    >>> class Point(BaseModel):
    ...     x: int
    ...     y: int
    >>> try:
    ...     Point.model_validate({"x": "a"})
    ... except ValidationError as error:
    ...     describe_validation(error, whole="the point")
    "x: 'a' is no whole number; y: is missing"

    Args:
        error: as pydantic raised it.
        whole: name of what was validated, for errors that concern no single key.
        prefix: put before every key path, such as `--set `.
        remark: what is said behind an error's message, such as its line.
    """
    items = placed_errors(error)
    found = [
        f"{_place(item['loc'], whole, prefix)}: {plain_message(item)}{remark(item) if remark else ''}"
        for item in items[:MAX_ERRORS]
    ]
    more = [f"and {len(items) - MAX_ERRORS} more"] if len(items) > MAX_ERRORS else []
    return "; ".join(found + more)


def placed_errors(error: ValidationError) -> list[Item]:
    """Return the errors, each at the place that it knows; without lists that are short only for want of valid items."""
    items: list[Item] = [
        {**item, "loc": (*item["loc"], *own.place)}
        if isinstance(own := item.get("ctx", {}).get("error"), SettingError)
        else item
        for item in error.errors(include_url=False)
    ]
    return [item for item in items if item["type"] != "too_short" or not _has_inside(items, item["loc"])]


def _has_inside(items: list[Item], place: tuple[int | str, ...]) -> bool:
    return any(len(item["loc"]) > len(place) and item["loc"][: len(place)] == place for item in items)


def plain_message(item: Item) -> str:
    """Return the message of one error in plain words; our own as they are, without the exception's class."""
    own = item.get("ctx", {}).get("error")
    if item["type"] == "value_error" and own is not None:
        return str(own)
    words, known = _WORDS.get(item["type"]), item.get("ctx", {})
    bounds = [known[name] for name in ("gt", "ge", "lt", "le") if name in known]
    if words is None or not all(isinstance(bound, int | float) for bound in bounds):  # a day's bound is no number
        return str(item["msg"])
    return words.format(value=_shown(item.get("input")), **known)


_NUMBER, _WHOLE = "{value} is no number", "{value} is no whole number"
_TEXT, _SWITCH = "{value} is no text", "{value} is neither true nor false"
_SECTION = "{value} is no section: write its settings below it, each as `name: value`, or remove it"
_LIST = "{value} is no list: write it as [a, b], or an item a line with `- ` before it"
_DAY, _CLOCK = "{value} is no day: write it as 2026-01-31", "{value} is no time of day: write it as 06:00"
_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "no such setting",
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "finite_number": _NUMBER,
    "bool_type": _SWITCH,
    "bool_parsing": _SWITCH,
    "string_type": _TEXT,
    "string_pattern_mismatch": "{value} is not allowed",
    "string_too_short": "needs {min_length} characters or more",
    "string_unicode": "is no text",
    "string_too_long": "longer than {max_length} characters",
    "path_type": _TEXT,
    "greater_than": "{value} is not above {gt:g}",
    "greater_than_equal": "{value} is below {ge:g}, the least that it may be",
    "less_than": "{value} is not below {lt:g}",
    "less_than_equal": "{value} is above {le:g}, the most that it may be",
    "literal_error": "{value} is not one of {expected}",
    "too_short": "needs at least {min_length}, has {actual_length}",
    "too_long": "has {actual_length}, more than {max_length}",
    "model_type": _SECTION,
    "model_attributes_type": _SECTION,
    "dict_type": _SECTION,
    "tuple_type": _LIST,
    "list_type": _LIST,
    "date_type": _DAY,
    "date_parsing": _DAY,
    "date_from_datetime_parsing": _DAY,
    "date_from_datetime_inexact": _DAY,
    "time_type": _CLOCK,
    "time_parsing": _CLOCK,
}
"""What is wrong, by pydantic's name of the error; whatever is not here keeps pydantic's own sentence."""


def _shown(value: object) -> str:
    """Return a value as it was written, cut where it is long; what stands before an @ may be a password."""
    if value is None:
        return "nothing (null)"
    text = repr(value)
    if "@" in text:
        text = f"'…@{text.rpartition('@')[2]}"
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def _place(location: tuple[int | str, ...], whole: str, prefix: str) -> str:
    """Return the key path, such as `sites.home.tariff.0.vat`."""
    return prefix + ".".join(str(part) for part in location) if location else whole
