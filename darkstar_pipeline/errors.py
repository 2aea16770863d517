"""Errors that reach a person: what is wrong, where, what to do; each with the exit code of the command line."""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of `darkstar`, the same for every command."""

    DONE = 0
    BUG = 1
    USAGE = 2
    DATA = 3
    INFEASIBLE = 4
    OUTSIDE = 5


class DarkstarError(Exception):
    """Root of the shell's errors.

    Args:
        message: what is wrong, and where (file, row, slot, value with unit).
        hint: what to do about it.
    """

    code: str = "error"
    exit_code: ExitCode = ExitCode.BUG

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigurationError(DarkstarError):
    """The configuration or the way a command was called is wrong."""

    code = "configuration"
    exit_code = ExitCode.USAGE


class DataMissingError(DarkstarError):
    """Data that a command needs is not in the lake."""

    code = "data_missing"
    exit_code = ExitCode.DATA


class DataRefusedError(DarkstarError):
    """Data was offered and refused as a whole; the lake is as it was."""

    code = "data_refused"
    exit_code = ExitCode.DATA


class NoScheduleError(DarkstarError):
    """No feasible schedule exists."""

    code = "no_feasible_schedule"
    exit_code = ExitCode.INFEASIBLE


class OutsideServiceError(DarkstarError):
    """A service outside this process failed."""

    code = "outside_service"
    exit_code = ExitCode.OUTSIDE
