"""Errors that reach a person: what is wrong, where, what to do; each with a code for programs."""

import re
from enum import IntEnum
from typing import Literal

from env.errors import CodedError

_CREDENTIALS = re.compile(r"(://)[^/\s'\"]*@")
_SECRET_OPTION = re.compile(r"(?i)([?&](?:password|passwd|token|secret|api_?key)=)[^&\s'\"]+")
REDACTED = "[redacted]"


def without_credentials(text: str) -> str:
    """Return a text with the credentials of every address in it taken out.

    >>> without_credentials("http://anna:1234@mlflow.local/api refused")
    'http://[redacted]@mlflow.local/api refused'
    """
    without = _SECRET_OPTION.sub(rf"\1{REDACTED}", _CREDENTIALS.sub(rf"\1{REDACTED}@", text))
    return text if without == text else without  # a message stays one


class ExitCode(IntEnum):
    """Exit codes of `darkstar`, the same for every command."""

    DONE = 0
    BUG = 1
    USAGE = 2
    DATA = 3
    INFEASIBLE = 4
    OUTSIDE = 5


class DarkstarError(CodedError):
    """Root of the shell's errors; credentials in addresses are taken out of what they say.

    Args:
        message: what is wrong, and where (file, row, slot, value with unit).
        hint: what to do about it.
    """

    code = "error"

    def __init__(self, message: str, hint: str = "") -> None:
        self.message, self.hint = without_credentials(message), without_credentials(hint)
        super().__init__(self.message)


class ConfigurationError(DarkstarError):
    """The configuration or the way a command was called is wrong."""

    code = "configuration"


class DataMissingError(DarkstarError):
    """Data that a command needs is not in the lake.

    Args:
        message: what is missing, and where.
        hint: what to do about it.
        subject: input of a plan that is missing; empty where it is none.
    """

    code = "data_missing"

    def __init__(self, message: str, hint: str = "", *, subject: Literal["", "prices", "load"] = "") -> None:
        super().__init__(message, hint)
        self.subject: Literal["", "prices", "load"] = subject


class DataRefusedError(DarkstarError):
    """Data was offered and refused as a whole; the lake is as it was."""

    code = "data_refused"


class OutsideServiceError(DarkstarError):
    """A service outside this process failed."""

    code = "outside_service"
