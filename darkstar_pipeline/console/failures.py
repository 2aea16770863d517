"""What went wrong, in one line or one JSON document, and the exit code that goes with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO

import typer

from darkstar_pipeline.console.json_values import write_json
from darkstar_pipeline.errors import DarkstarError, ExitCode
from env.errors import EnvError, ShapeError
from planner.errors import (
    IncompleteDayError,
    LoadRequestError,
    NoFeasibleScheduleError,
    PolicyMismatchError,
    ScheduleColumnsError,
    SolverError,
    UnknownPolicyError,
    UnverifiedScheduleError,
)


class UsageError(DarkstarError):
    """A command was called in a way that makes no sense."""

    code = "usage"
    exit_code = ExitCode.USAGE


class Interrupted(Exception):  # noqa: N818 - nothing went wrong: a person changed their mind
    """Somebody pressed Ctrl-C."""


INTERRUPTED = 130
"""What shells expect of a program that Ctrl-C ended."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """An error as a person and a script meet it."""

    code: str
    message: str
    hint: str
    exit_code: int

    def line(self) -> str:
        """`error: message (hint)`, on one line."""
        text = f"error: {self.message} ({self.hint})" if self.hint else f"error: {self.message}"
        return " ".join(text.split())

    def write(self, out: TextIO) -> None:
        """Write the JSON document of the error."""
        write_json({"error": {"code": self.code, "message": self.message, "hint": self.hint}}, out)


_ROOMS: Sequence[tuple[type[Exception], str, ExitCode, str]] = (
    (EnvError, "configuration", ExitCode.USAGE, "mend darkstar.yaml"),
    (NoFeasibleScheduleError, "no_feasible_schedule", ExitCode.INFEASIBLE, "loosen the limits in darkstar.yaml"),
    (SolverError, "no_feasible_schedule", ExitCode.INFEASIBLE, "check prices and limits of that day"),
    (UnverifiedScheduleError, "unverified_schedule", ExitCode.INFEASIBLE, "`darkstar verify` lists all that is wrong"),
    (ScheduleColumnsError, "data_refused", ExitCode.DATA, "give a table as `darkstar schedule --out` writes it"),
    (PolicyMismatchError, "model_refused", ExitCode.DATA, "train anew, or go back with `darkstar models rollback`"),
    (UnknownPolicyError, "usage", ExitCode.USAGE, "name a policy that exists"),
    (IncompleteDayError, "data_missing", ExitCode.DATA, "run `darkstar quality` for that day"),
    (LoadRequestError, "usage", ExitCode.USAGE, "see `darkstar plan --help`, and `devices` in darkstar.yaml"),
)


def describe(error: BaseException) -> Failure:
    """The failure that an exception stands for; what nobody foresaw is a bug and says so."""
    if isinstance(error, DarkstarError):
        return _failure(error.code, error.message, error.hint, error.exit_code)
    if isinstance(error, typer.TyperException):
        return _usage(error)
    if isinstance(error, Interrupted):
        return Failure(code="interrupted", message="interrupted", hint="it can be repeated", exit_code=INTERRUPTED)
    if isinstance(error, OSError):
        return _file_system(error)
    for kind, code, exit_code, hint in _ROOMS:
        if isinstance(error, kind) and not isinstance(error, ShapeError):  # shapes are our own business
            remedy = error.remedy if isinstance(error, NoFeasibleScheduleError) else ""
            return _failure(code, str(error), remedy or hint, exit_code)
    message = f"unexpected {type(error).__name__}: {error}; this is a bug in darkstar"
    return _failure("bug", message, "run again with --debug for the traceback and report it", ExitCode.BUG)


def _failure(code: str, message: str, hint: str, exit_code: ExitCode) -> Failure:
    flat = " ".join(message.split())
    return Failure(code=code, message=flat, hint=" ".join(hint.split()), exit_code=int(exit_code))


def help_page(error: BaseException) -> str | None:
    """The help page that answers a command without its subcommand; None for every other error."""
    if type(error).__name__ != "NoArgsIsHelpError":  # not among typer's public names
        return None
    return str(error.args[0]) if error.args else None


def _usage(error: typer.TyperException) -> Failure:
    """Options and arguments that the parser refused."""
    context = getattr(error, "ctx", None)  # only usage errors have one, and no public type says so
    command = context.command_path if context is not None else "darkstar"
    message = error.format_message().rstrip(".") if help_page(error) is None else f"{command} needs a command"
    return _failure("usage", message, f"see `{command} --help`", ExitCode.USAGE)


def _file_system(error: OSError) -> Failure:
    """The operating system refused: no such file, no permission, no space."""
    place = f"{error.filename}: " if error.filename is not None else ""
    hint = "check the path, its permissions, the free disk space and DARKSTAR_HOME"
    return _failure("file_system", f"{place}{error.strerror or error}", hint, ExitCode.USAGE)
