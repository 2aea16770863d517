import errno
import inspect
import io

import pytest
import typer

from darkstar_pipeline.console.typer_internals import command_path, declare_parameters, help_page, is_reader_gone

CHANGED = "typer has changed: adapt darkstar_pipeline/console/typer_internals.py"


class BrokenPipe(io.StringIO):
    """A stream whose reader has left."""

    def write(self, _text: str, /) -> int:
        """Fail as the system does."""
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


def raised(app: typer.Typer, *words: str) -> Exception:
    """Return the error that typer raises for these words."""
    with pytest.raises(Exception) as info:  # noqa: PT011 - the kind of error is what the tests look at
        app(list(words), prog_name="darkstar", standalone_mode=False)
    return info.value


@pytest.fixture
def app() -> typer.Typer:
    """Return a command line with the group `import` and its command `prices`."""
    app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

    @group.command("prices")
    def prices(area: str) -> None:  # pyright: ignore[reportUnusedFunction]
        pass

    @group.command("weather")
    def weather() -> None:  # pyright: ignore[reportUnusedFunction]
        pass

    app.add_typer(group, name="import")
    return app


def test_help_page_is_the_groups_when_no_command_is_named(app: typer.Typer) -> None:
    page = help_page(raised(app, "import"))
    assert page is not None, CHANGED
    assert "Usage: darkstar import" in page, CHANGED


def test_help_page_is_none_when_an_argument_is_wrong(app: typer.Typer) -> None:
    assert help_page(raised(app, "import", "prices")) is None


def test_command_path_names_the_command_when_an_argument_is_missing(app: typer.Typer) -> None:
    error = raised(app, "import", "prices")
    assert isinstance(error, typer.TyperException), CHANGED
    assert command_path(error) == "darkstar import prices", CHANGED


def test_command_path_is_the_program_when_typer_names_no_command() -> None:
    assert command_path(typer.TyperException("no")) == "darkstar"


def test_reader_is_gone_when_typer_stops_at_a_broken_pipe(app: typer.Typer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", BrokenPipe())
    with pytest.raises(SystemExit) as info:
        app(["--help"], prog_name="darkstar", standalone_mode=False)
    assert is_reader_gone(info.value), CHANGED


def test_declare_parameters_gives_typer_the_options_when_the_source_has_none() -> None:
    seen: list[object] = []

    def record(**arguments: object) -> int:
        seen.append(arguments)
        return 0

    keyword = inspect.Parameter.KEYWORD_ONLY
    declare_parameters(record, [inspect.Parameter("number", keyword, default=1, annotation=int)])
    app = typer.Typer()
    app.command()(record)
    app(["--number", "3"], standalone_mode=False)
    assert seen == [{"number": 3}], CHANGED
