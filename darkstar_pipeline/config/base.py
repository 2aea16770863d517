"""The base of every section of the settings."""

from collections.abc import Sequence
from typing import Any, cast, get_args

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

HOST = r"^([^/@?#\s:]+|[^/@?#\s]*:[^/@?#\s]*:[^/@?#\s]*)$"
"""A host's name or address; one colon is that of a port, IPv6 has more."""


class Frozen(BaseModel):
    """Base of all settings: immutable, unknown keys and numbers that are not finite are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _is_no_switch(cls, value: object, info: ValidationInfo) -> object:
        """Refuse true and false where a number is wanted: Python takes them for 1 and 0."""
        if not _holds_switch(value) or _takes_switch(cls.model_fields[info.field_name or ""].annotation):
            return value
        message = "is true or false, and a number or a text is wanted"
        raise ValueError(message)


def _holds_switch(value: object) -> bool:
    """Return whether a value is true or false, or a list that has such a one."""
    values = cast("Sequence[object]", value) if isinstance(value, (list, tuple)) else (value,)
    return any(isinstance(each, bool) for each in values)


def _takes_switch(kind: Any) -> bool:  # noqa: ANN401 - whatever stands in an annotation
    """Return whether a type has a place for true and false."""
    return kind in (bool, Any) or any(_takes_switch(part) for part in get_args(kind))


class SettingError(ValueError):
    """A setting that another one makes wrong; found by the section above both, which knows where it stands.

    Args:
        place: keys and positions from that section down to the setting.
        message: what is wrong with it, and what to do.
    """

    def __init__(self, place: tuple[int | str, ...], message: str) -> None:
        super().__init__(message)
        self.place = place

    def below(self, *above: int | str) -> "SettingError":
        """Return the error as a section further up sees it."""
        return SettingError((*above, *self.place), str(self))
