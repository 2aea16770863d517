"""Errors as one line or one JSON document, with their exit codes: the one place where the command line maps them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

import typer

from darkstar_pipeline.console.json_values import write_json
from darkstar_pipeline.console.typer_internals import command_path, help_page
from darkstar_pipeline.errors import DarkstarError, ExitCode, without_credentials
from env.errors import CodedError


class UsageError(DarkstarError):
    """A command was called with options or arguments that do not fit."""

    code = "usage"


class Interrupted(Exception):  # noqa: N818 - a person stopped it; nothing failed
    """The command was stopped with Ctrl-C."""


class Terminated(Interrupted):
    """The command was stopped with SIGTERM, as containers and units do it."""


INTERRUPTED, TERMINATED = 130, 143
"""Exit codes, as shells expect them, of a program that Ctrl-C or SIGTERM ended."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """An error as it is reported to people and scripts."""

    code: str
    message: str
    hint: str
    exit_code: int

    def line(self) -> str:
        """Return `error: message (hint)`, on one line."""
        text = f"error: {self.message} ({self.hint})" if self.hint else f"error: {self.message}"
        return " ".join(text.split())

    def write(self, out: TextIO) -> None:
        """Write the JSON document of the error."""
        write_json({"error": {"code": self.code, "message": self.message, "hint": self.hint}}, out)


EXIT_CODES: Mapping[str, ExitCode] = {
    "configuration": ExitCode.USAGE,
    "usage": ExitCode.USAGE,
    "query": ExitCode.USAGE,
    "wrong_moment": ExitCode.USAGE,
    "overlap": ExitCode.USAGE,
    "stale": ExitCode.USAGE,
    "file_system": ExitCode.USAGE,
    "data_missing": ExitCode.DATA,
    "not_found": ExitCode.DATA,
    "data_refused": ExitCode.DATA,
    "lake_unreadable": ExitCode.DATA,
    "not_promoted": ExitCode.DATA,
    "model_refused": ExitCode.DATA,
    "no_feasible_schedule": ExitCode.INFEASIBLE,
    "unverified_schedule": ExitCode.INFEASIBLE,
    "outside_service": ExitCode.OUTSIDE,
    "service_failed": ExitCode.OUTSIDE,
    "home_assistant": ExitCode.OUTSIDE,
    "source": ExitCode.OUTSIDE,
    "busy": ExitCode.OUTSIDE,
    "worker_lost": ExitCode.OUTSIDE,
    "backfill_failed": ExitCode.BUG,
    "schema_mismatch": ExitCode.BUG,
    "read_only": ExitCode.BUG,
}
"""Exit codes of our errors by their code; an error with another code ends with `ExitCode.BUG`."""


def describe(error: BaseException) -> Failure:
    """Return the failure for an exception; an unexpected one is reported as a bug."""
    if isinstance(error, DarkstarError):
        return _failure(error.code, error.message, error.hint)
    if isinstance(error, typer.TyperException):
        return _usage(error)
    if isinstance(error, Interrupted):
        exit_code = TERMINATED if isinstance(error, Terminated) else INTERRUPTED
        return Failure(code="interrupted", message="interrupted", hint="it can be repeated", exit_code=exit_code)
    if isinstance(error, OSError):
        return _file_system(error)
    if isinstance(error, CodedError) and error.code in EXIT_CODES:
        return _failure(error.code, str(error), error.hint)
    said = without_credentials(str(error))
    message = f"unexpected {type(error).__name__}: {said}; this is a bug in darkstar"
    return _failure("bug", message, "run again with --debug for the traceback and report it")


def _failure(code: str, message: str, hint: str) -> Failure:
    flat = " ".join(message.split())
    exit_code = EXIT_CODES.get(code, ExitCode.BUG)
    return Failure(code=code, message=flat, hint=" ".join(hint.split()), exit_code=int(exit_code))


def _usage(error: typer.TyperException) -> Failure:
    """Return the failure for options and arguments that the parser refused."""
    command = command_path(error)
    message = error.format_message().rstrip(".") if help_page(error) is None else f"{command} needs a command"
    return _failure("usage", message, f"see `{command} --help`")


def _file_system(error: OSError) -> Failure:
    """Return the failure for a file that the system refused: missing, no permission, no space."""
    place = f"{error.filename}: " if error.filename is not None else ""
    hint = "check the path, its permissions, the free disk space and DARKSTAR_HOME"
    return _failure("file_system", f"{place}{error.strerror or error}", hint)
