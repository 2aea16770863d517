"""Errors as one line or one JSON document, with their exit codes: the one place where the command line maps them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

import typer

from darkstar_pipeline.console.json_values import write_json
from darkstar_pipeline.errors import DarkstarError, ExitCode
from env.errors import CodedError


class UsageError(DarkstarError):
    """A command was called with options or arguments that do not fit."""

    code = "usage"
    exit_code = ExitCode.USAGE


class Interrupted(Exception):  # noqa: N818 - a person stopped it; nothing failed
    """The command was stopped with Ctrl-C."""


INTERRUPTED = 130
"""Exit code, as shells expect it, of a program that Ctrl-C ended."""


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


_EXIT_CODES: Mapping[str, ExitCode] = {
    "configuration": ExitCode.USAGE,
    "usage": ExitCode.USAGE,
    "data_missing": ExitCode.DATA,
    "data_refused": ExitCode.DATA,
    "model_refused": ExitCode.DATA,
    "no_feasible_schedule": ExitCode.INFEASIBLE,
    "unverified_schedule": ExitCode.INFEASIBLE,
}
"""Exit codes of the errors of `env` and `planner`; an error with another code is a bug."""


def describe(error: BaseException) -> Failure:
    """Return the failure for an exception; an unexpected one is reported as a bug."""
    if isinstance(error, DarkstarError):
        return _failure(error.code, error.message, error.hint, error.exit_code)
    if isinstance(error, typer.TyperException):
        return _usage(error)
    if isinstance(error, Interrupted):
        return Failure(code="interrupted", message="interrupted", hint="it can be repeated", exit_code=INTERRUPTED)
    if isinstance(error, OSError):
        return _file_system(error)
    if isinstance(error, CodedError) and error.code in _EXIT_CODES:
        return _failure(error.code, str(error), error.hint, _EXIT_CODES[error.code])
    message = f"unexpected {type(error).__name__}: {error}; this is a bug in darkstar"
    return _failure("bug", message, "run again with --debug for the traceback and report it", ExitCode.BUG)


def _failure(code: str, message: str, hint: str, exit_code: ExitCode) -> Failure:
    flat = " ".join(message.split())
    return Failure(code=code, message=flat, hint=" ".join(hint.split()), exit_code=int(exit_code))


def help_page(error: BaseException) -> str | None:
    """Return the help page for a command without its subcommand; None for every other error."""
    if type(error).__name__ != "NoArgsIsHelpError":  # not among typer's public names
        return None
    return str(error.args[0]) if error.args else None


def _usage(error: typer.TyperException) -> Failure:
    """Return the failure for options and arguments that the parser refused."""
    context = getattr(error, "ctx", None)  # only usage errors have one, and no public type says so
    command = context.command_path if context is not None else "darkstar"
    message = error.format_message().rstrip(".") if help_page(error) is None else f"{command} needs a command"
    return _failure("usage", message, f"see `{command} --help`", ExitCode.USAGE)


def _file_system(error: OSError) -> Failure:
    """Return the failure for a file that the system refused: missing, no permission, no space."""
    place = f"{error.filename}: " if error.filename is not None else ""
    hint = "check the path, its permissions, the free disk space and DARKSTAR_HOME"
    return _failure("file_system", f"{place}{error.strerror or error}", hint, ExitCode.USAGE)
