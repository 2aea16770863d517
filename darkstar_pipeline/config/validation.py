"""Errors of pydantic's validation as one line for a person: every wrong place by its key path."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

MAX_ERRORS = 5
"""Errors named in one line; further ones are counted."""


def describe_validation(error: ValidationError, *, whole: str, prefix: str = "") -> str:
    """Return every error of a validation in one line, each with its place.

    >>> from pydantic import BaseModel
    >>> class Point(BaseModel):
    ...     x: int
    ...     y: int
    >>> try:
    ...     Point.model_validate({"x": "a"})
    ... except ValidationError as error:
    ...     describe_validation(error, whole="the point")
    'x: Input should be a valid integer, unable to parse string as an integer; y: Field required'

    Args:
        error: as pydantic raised it.
        whole: name of what was validated, for errors that concern no single key.
        prefix: put before every key path, such as `--set `.
    """
    found = [f"{_place(item['loc'], whole, prefix)}: {plain_message(item)}" for item in error.errors(include_url=False)]
    more = [f"and {len(found) - MAX_ERRORS} more"] if len(found) > MAX_ERRORS else []
    return "; ".join(found[:MAX_ERRORS] + more)


def plain_message(item: Mapping[str, Any]) -> str:
    """Return the message of one error, without the name of the exception's class that pydantic puts before ours."""
    own = item.get("ctx", {}).get("error")
    return str(own) if item["type"] == "value_error" and own is not None else str(item["msg"])


def _place(location: tuple[int | str, ...], whole: str, prefix: str) -> str:
    """Return the key path, such as `sites.home.tariff.0.vat`."""
    return prefix + ".".join(str(part) for part in location) if location else whole
