import json
import sys
import warnings
from collections.abc import Callable
from typing import Annotated

import pytest
import typer

from darkstar_pipeline.console.call import Call, command, run, shared_options
from darkstar_pipeline.console.output import Document
from darkstar_pipeline.errors import DataMissingError, ExitCode

Told = tuple[int, str, str]
Run = Callable[..., Told]


def app_with(function: Callable[..., Document | None]) -> typer.Typer:
    """A command line with one group and one command in it, called `do`."""
    app, group = typer.Typer(no_args_is_help=True, rich_markup_mode=None), typer.Typer(rich_markup_mode=None)
    app.callback()(shared_options)
    group.callback()(shared_options)
    command(group, "do", examples=("darkstar group do 1",))(function)
    app.add_typer(group, name="group")
    return app


@pytest.fixture
def do(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `darkstar group do …` with a function behind it."""

    def call(function: Callable[..., Document | None], *words: str) -> Told:
        code = run(app_with(function), words)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def echo(call: Call, number: Annotated[int, typer.Argument()], *, twice: bool = False) -> Document:
    """Say a number."""
    value = {"number": 2 * number if twice else number, "site": call.site}
    return Document(value, lambda out: out.print(f"number {value['number']}"))


def noisy(call: Call) -> Document:
    """Print while working."""
    sys.stdout.write("a library says hello\n")
    call.note("a note")
    return Document({"done": True}, lambda out: out.print("done"))


def scale(call: Call, *, by: Annotated[float, typer.Option("--by")] = 1.0) -> Document:
    """Say a factor."""
    del call
    return Document({"by": by}, lambda out: out.print(by))


def failing(error: BaseException) -> Callable[[Call], Document]:
    """A command that raises."""

    def fail(_call: Call) -> Document:
        """Fail."""
        raise error

    return fail


def test_run_prints_text_when_a_person_asks(do: Run) -> None:
    assert do(echo, "group", "do", "3", "--twice") == (0, "number 6\n", "")


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("group", "do", "3", "--json", "--site", "x"), id="after"),
        pytest.param(("--json", "--site", "x", "group", "do", "3"), id="before"),
        pytest.param(("group", "--json", "do", "3", "--site", "x"), id="between"),
        pytest.param(("--site", "y", "group", "do", "3", "--site", "x", "--json"), id="the last site wins"),
    ],
)
def test_run_accepts_the_shared_options_when_they_stand(do: Run, words: tuple[str, ...]) -> None:
    code, out, err = do(echo, *words)
    assert (code, err) == (0, "")
    assert json.loads(out) == {"number": 3, "site": "x"}


def test_run_keeps_stdout_for_the_document_when_libraries_print(do: Run) -> None:
    code, out, err = do(noisy, "group", "do", "--json")
    assert code == 0
    assert json.loads(out) == {"done": True}
    assert err == "a library says hello\na note\n"


def test_run_gives_the_answers_own_code_when_it_has_one(do: Run) -> None:
    def poor(_call: Call) -> Document:
        """Answer, and not be content."""
        return Document([], lambda out: out.print("poor"), ExitCode.DATA)

    assert do(poor, "group", "do") == (3, "poor\n", "")


def test_run_tells_an_error_on_stderr_when_a_person_asks(do: Run) -> None:
    printed = do(failing(DataMissingError("no prices on 2026-01-01", "import them")), "group", "do")
    assert printed == (3, "", "error: no prices on 2026-01-01 (import them)\n")


def test_run_tells_an_error_as_document_when_a_script_asks(do: Run) -> None:
    code, out, err = do(failing(DataMissingError("no prices", "import them")), "group", "do", "--json")
    assert (code, err) == (3, "")
    assert json.loads(out) == {"error": {"code": "data_missing", "message": "no prices", "hint": "import them"}}


def test_run_shows_no_traceback_when_it_is_a_bug(do: Run) -> None:
    code, out, err = do(failing(ZeroDivisionError("x")), "group", "do")
    assert (code, out) == (1, "")
    assert err.startswith("error: unexpected ZeroDivisionError: x; this is a bug")
    assert err.count("\n") == 1


def test_run_shows_the_traceback_when_debugging(do: Run) -> None:
    code, out, err = do(failing(ZeroDivisionError("x")), "group", "do", "--debug", "--json")
    assert code == 1
    assert json.loads(out)["error"]["code"] == "bug"
    assert "Traceback (most recent call last)" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(("group", "do", "three"), "valid integer", id="bad value"),
        pytest.param(("group", "do", "1", "--thrice"), "No such option: --thrice", id="unknown option"),
        pytest.param(("group", "undo"), "No such command 'undo'", id="unknown command"),
        pytest.param(("group", "do"), "Missing argument", id="missing argument"),
    ],
)
def test_run_ends_with_two_when_called_wrongly(do: Run, words: tuple[str, ...], message: str) -> None:
    code, out, err = do(echo, *words)
    assert (code, out) == (2, "")
    assert message in err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    code, out, err = do(echo, *words, "--json")
    assert (code, err) == (2, "")
    assert message in json.loads(out)["error"]["message"]
    assert json.loads(out)["error"]["code"] == "usage"


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e999"])
def test_run_refuses_what_is_read_as_a_number_and_is_none(do: Run, text: str) -> None:
    code, out, err = do(scale, "group", "do", "--by", text)
    assert (code, out) == (2, "")
    assert "--by" in err
    assert "is no number" in err


def test_run_takes_json_for_an_argument_when_it_stands_behind_two_dashes(do: Run) -> None:
    code, out, err = do(echo, "group", "do", "--", "--json")
    assert (code, out) == (2, "")
    assert err.startswith("error: ")


def test_run_prints_the_help_page_when_no_command_is_named(do: Run) -> None:
    code, out, err = do(echo)
    assert (code, out) == (2, "")
    assert "Usage:" in err


def test_run_ends_as_shells_expect_when_interrupted(do: Run) -> None:
    assert do(failing(KeyboardInterrupt()), "group", "do")[0] == 130


def test_run_ends_quietly_when_the_reader_left(do: Run) -> None:
    assert do(failing(BrokenPipeError()), "group", "do") == (141, "", "")


def test_help_shows_examples_and_shared_options_when_asked(do: Run) -> None:
    code, out, _ = do(echo, "group", "do", "--help")
    assert code == 0
    assert "Examples:\n    darkstar group do 1" in out
    for option in ("--json", "--site", "--debug", "--twice"):
        assert option in out


def test_run_leaves_warnings_as_they_are_when_a_command_warns(do: Run) -> None:
    def warn(_call: Call) -> None:
        """Warn."""
        warnings.warn("old", DeprecationWarning, stacklevel=1)

    with pytest.warns(DeprecationWarning, match="old"):
        assert do(warn, "group", "do") == (0, "", "")
