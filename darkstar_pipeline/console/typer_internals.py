"""The four things that the command line needs of typer and that typer does not offer publicly.

Written for typer 0.29; `tests/darkstar_pipeline/console/test_typer_internals.py` fails with a sentence where a
release changes one of them. What does not belong here: what typer exports (`Typer`, `Option`, `TyperException`, …).
"""

import inspect
from collections.abc import Callable

import typer

_NO_COMMAND = "NoArgsIsHelpError"


def help_page(error: BaseException) -> str | None:
    """Return the help page that typer raises for a group without its subcommand; None for every other error.

    Missing publicly: `typer.exceptions` does not export the class, so it is recognised by its name.
    """
    if type(error).__name__ != _NO_COMMAND:
        return None
    return str(error.args[0]) if error.args else None


def command_path(error: typer.TyperException) -> str:
    """Return the words of the command whose arguments typer refused, such as `darkstar import prices`.

    Missing publicly: only usage errors have the attribute `ctx`, and `TyperException` does not declare it.
    """
    context = getattr(error, "ctx", None)
    return context.command_path if context is not None else "darkstar"


def is_reader_gone(stop: SystemExit) -> bool:
    """Return whether typer stopped because the reader of stdout left while it printed a help page.

    Missing publicly: even with `standalone_mode=False`, typer answers a broken pipe with `sys.exit(1)`.
    """
    return stop.code == 1


def declare_parameters(function: Callable[..., int], parameters: list[inspect.Parameter]) -> None:
    """Have typer read these parameters instead of those in the function's source.

    Missing publicly: typer has no options that several commands share; it reads them from a function's signature and
    annotations, so a wrapper has to carry both.
    """
    signature = inspect.Signature(parameters, return_annotation=int)
    setattr(function, "__signature__", signature)  # noqa: B010 - functions declare no such attribute to type checkers
    function.__annotations__ = {each.name: each.annotation for each in parameters}
