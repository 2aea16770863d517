"""The runner of commands: three shared options, one answer on stdout, the rest on stderr, the same exit codes.

A command is a function `(call, own arguments…) -> Answer`; `command` registers it. What does not belong here: the
work of any command.
"""

import functools
import inspect
import math
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from darkstar_pipeline.console.failures import INTERRUPTED, Interrupted, Terminated, UsageError, describe
from darkstar_pipeline.console.output import Answer
from darkstar_pipeline.console.relative_days import LastDays, resolve_days
from darkstar_pipeline.console.stdout import reserve_stdout
from darkstar_pipeline.console.typer_internals import declare_parameters, help_page, is_reader_gone
from darkstar_pipeline.errors import ExitCode
from planner.wording.languages import ENGLISH, speak, speaking
from planner.wording.messages import translated

if TYPE_CHECKING:
    from darkstar_pipeline.config.fleet.engine import EngineSettings
    from darkstar_pipeline.context import Context

READER_LEFT = 141
"""Exit code, as shells expect it, of a program whose reader went away, as in `darkstar query … | head`."""

_RANGE, _SPAN = ("first", "last"), "span"
"""Names of the parameters that hold a range of days, and of `--last`, which every command with such a range has."""

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
SiteOption = Annotated[
    str | None, typer.Option("--site", metavar="NAME", help="Site; default: the only or default one.")
]
_RefusedSite = Annotated[str | None, typer.Option("--site", metavar="NAME", hidden=True)]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call of a command: its shared options, and the stream for its answer.

    Attributes:
        site: name given by `--site`; None where none was given.
        json: true where one JSON document is asked for.
        out: the real stdout; everything else that is printed goes to stderr.
    """

    site: str | None
    json: bool
    out: TextIO

    @property
    def on_terminal(self) -> bool:
        """Return whether stderr is a terminal, so that progress bars make sense."""
        return not self.json and sys.stderr.isatty()

    @property
    def can_prompt(self) -> bool:
        """Return whether a person can also answer questions."""
        return self.on_terminal and sys.stdin.isatty()

    def context(self) -> "Context":
        """Return the context of the site that is meant; from then on its language is spoken.

        Raises:
            ConfigurationError: the configuration is missing or wrong, or the site is unknown.
        """
        from darkstar_pipeline.context import open_context

        found = open_context(self.site)
        speak(found.site_settings.language)
        return found

    def note(self, text: str) -> None:
        """Print a note beside the answer, on stderr."""
        typer.echo(translated(text), err=True)

    def deliver(self, answer: Answer) -> None:
        """Print the answer and flush it."""
        if self.json:
            answer.write_json(self.out)
        else:
            answer.write_text(self.out)
        self.out.flush()


def shared_options(
    context: typer.Context, *, as_json: JsonOption = False, site: SiteOption = None, debug: DebugOption = False
) -> None:
    """Accept the shared options before a subcommand as well as after it."""
    context.meta["darkstar.json"] = as_json or context.meta.get("darkstar.json", False)
    context.meta["darkstar.site"] = site if site is not None else context.meta.get("darkstar.site")
    context.meta["darkstar.debug"] = debug or context.meta.get("darkstar.debug", False)


def command(
    app: typer.Typer, name: str, *, examples: Sequence[str], without_site: str = ""
) -> Callable[[Callable[..., Answer | None]], Callable[..., Answer | None]]:
    """Register a function as a command.

    Args:
        app: the command line, or a group of it.
        name: name of the command.
        examples: command lines for the help page.
        without_site: how one home is meant instead, where the command is of many and `--site` is refused.

    Returns:
        A decorator for functions that take a `Call` first and return their answer, or None where they have printed
        it themselves.
    """

    def register(function: Callable[..., Answer | None]) -> Callable[..., Answer | None]:
        summary = inspect.getdoc(function) or ""  # its first line; typer would cut it at its first full stop
        run_command = _runner(function, without_site)
        app.command(name, epilog=_epilog(examples), short_help=summary.splitlines()[0])(run_command)
        return function

    return register


def group_of(purpose: str) -> typer.Typer:
    """Return a group of commands. Its help pages are plain: drawing boxes would cost a tenth of a second."""
    names = {"help_option_names": ["-h", "--help"]}
    return typer.Typer(help=purpose, no_args_is_help=True, rich_markup_mode=None, context_settings=names)


def default_command(
    app: typer.Typer, *, examples: Sequence[str]
) -> Callable[[Callable[..., Answer | None]], Callable[..., Answer | None]]:
    """Register a function as the command that a group runs where no subcommand is named.

    Args:
        app: the group.
        examples: command lines for the help page.
    """

    def register(function: Callable[..., Answer | None]) -> Callable[..., Answer | None]:
        app.callback(invoke_without_command=True, epilog=_epilog(examples))(_runner(function))
        return function

    return register


def _epilog(examples: Sequence[str]) -> str:
    """Return the end of a help page: the examples."""
    return "\b\nExamples:\n" + "\n".join(f"  {example}" for example in examples)


def _runner(function: Callable[..., Answer | None], without_site: str = "") -> Callable[..., int]:
    """Return the function as typer calls it; it does nothing where a subcommand was named."""
    empty = inspect.Parameter.empty
    required = {each.name: each.default is empty for each in inspect.signature(function).parameters.values()}
    required = {name: required[name] for name in _RANGE if name in required}

    @functools.wraps(function)
    def run_command(context: typer.Context, **arguments: Any) -> int:  # noqa: ANN401 - typer hands over what it parsed
        shared_options(
            context, as_json=arguments.pop("as_json"), site=arguments.pop("site"), debug=arguments.pop("debug")
        )
        if context.invoked_subcommand is not None:
            return int(ExitCode.DONE)
        if without_site and context.meta["darkstar.site"] is not None:
            raise UsageError(f"`{context.command_path}` takes no --site", without_site)
        if _SPAN in arguments:
            span, given = arguments.pop(_SPAN), {name: arguments[name] for name in _RANGE}
            arguments |= resolve_days(given, span, required, context.meta["darkstar.site"])
        _check_numbers(context, arguments)
        with speaking(ENGLISH):
            return _run(function, context, arguments)

    _declare(run_command, function, _RefusedSite if without_site else SiteOption)
    return run_command


def _check_numbers(context: typer.Context, arguments: Mapping[str, Any]) -> None:
    """Refuse what `float` reads and is no number: nan and infinity pass every comparison, or none.

    Raises:
        UsageError: an argument is one.
    """
    options = {each.name: each.opts[-1] for each in context.command.params}
    for name, value in arguments.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise UsageError(f"{options[name]} {value:g} is no number", "write digits, such as 1.5")


def _declare(wrapper: Callable[..., int], function: Callable[..., Answer | None], site: object) -> None:
    """Declare to typer the function's own arguments, another way to name a range of days, and the shared options."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    own = [each.replace(kind=keyword) for each in list(inspect.signature(function).parameters.values())[1:]]
    if {each.name for each in own}.issuperset(_RANGE):
        own = [each.replace(default=None) if each.name in _RANGE else each for each in own]
        span = inspect.Parameter(_SPAN, keyword, default=None, annotation=LastDays)
        own.insert(1 + max(place for place, each in enumerate(own) if each.name in _RANGE), span)
    shared = [
        inspect.Parameter("as_json", keyword, default=False, annotation=JsonOption),
        inspect.Parameter("site", keyword, default=None, annotation=site),
        inspect.Parameter("debug", keyword, default=False, annotation=DebugOption),
    ]
    first = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    declare_parameters(wrapper, [first, *own, *shared])


def _run(function: Callable[..., Answer | None], context: typer.Context, arguments: dict[str, Any]) -> int:
    """Run a command with stdout kept for its answer, and its shards on the configured engine."""
    from darkstar_pipeline.engines.choice import on_engine

    try:
        with _ended_by_sigterm(), reserve_stdout() as out, on_engine(_configured_engine):
            call = Call(site=context.meta["darkstar.site"], json=context.meta["darkstar.json"], out=out)
            answer = function(call, **arguments)
            if answer is None:
                return int(ExitCode.DONE)
            call.deliver(answer)
            return int(answer.exit_code)
    except BrokenPipeError:
        return READER_LEFT
    except _SigtermError as error:
        raise Terminated from error
    except KeyboardInterrupt as error:
        raise Interrupted from error


class _SigtermError(KeyboardInterrupt):
    """SIGTERM came: everything ends as after Ctrl-C."""


@contextmanager
def _ended_by_sigterm() -> Generator[None]:
    """End as after Ctrl-C where SIGTERM comes, so that no worker is left; a second one kills."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(_number: int, _frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        raise _SigtermError

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _configured_engine() -> "EngineSettings":
    from darkstar_pipeline.config.settings import load_settings

    return load_settings().engine


def run(app: Callable[..., Any], arguments: Sequence[str]) -> int:
    """Run the command line; report every error as one line or one JSON document.

    Args:
        app: the command line, as typer's or as the click command that typer makes of it.
        arguments: the words after `darkstar`.

    Returns:
        The exit code.
    """
    typed = arguments[: arguments.index("--")] if "--" in arguments else arguments
    try:
        code = app(list(arguments), prog_name="darkstar", standalone_mode=False)
        sys.stdout.flush()
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except SystemExit as stop:
        return READER_LEFT if is_reader_gone(stop) else int(stop.code or 0)
    except BrokenPipeError:
        return READER_LEFT
    except BaseException as error:  # noqa: BLE001 - the outermost handler, also for panics of Polars, no `Exception`s
        return _fail(error, as_json="--json" in typed, debug="--debug" in typed)
    return code if isinstance(code, int) else int(ExitCode.DONE)


def _fail(error: BaseException, *, as_json: bool, debug: bool) -> int:
    """Report an error in the form that was asked for, and return its exit code; its traceback with `--debug` only."""
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    failure = describe(error)
    if as_json:
        failure.write(sys.stdout)
        sys.stdout.flush()
    elif (page := help_page(error)) is not None:
        typer.echo(page, err=True)
    else:
        typer.echo(failure.line(), err=True)
    return failure.exit_code
