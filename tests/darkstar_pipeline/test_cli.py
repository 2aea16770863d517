import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from darkstar_pipeline.console.call import run
from tests.builders.command_line import PROGRAM, command_line, environment, move_into, run_darkstar

HEAVY = ("polars", "duckdb", "pyarrow", "dagster", "mlflow", "matplotlib", "rich", "pydantic", "yaml", "torch", "cvxpy")
OF_MANY_HOMES = {
    ("fleet", word) for word in ("import", "homes", "show", "readings", "prices", "sample", "capacity", "query")
}
"""Commands that refuse `--site`, and so do not name it."""
COMMANDS = (
    ("init",),
    ("sample",),
    ("import",),
    ("import", "observations"),
    ("import", "prices"),
    ("import", "weather"),
    ("import", "ha"),
    ("backfill",),
    ("quality",),
    ("evaluate",),
    ("schedule",),
    ("plot",),
    ("plan",),
    ("verify",),
    ("compare",),
    ("train",),
    ("retrain",),
    ("serve",),
    ("control",),
    ("control", "guard"),
    ("control", "install"),
    ("control", "release"),
    ("fleet",),
    ("fleet", "import"),
    ("fleet", "homes"),
    ("fleet", "show"),
    ("fleet", "readings"),
    ("fleet", "prices"),
    ("fleet", "sample"),
    ("fleet", "adopt"),
    ("fleet", "backfill"),
    ("fleet", "plan"),
    ("fleet", "capacity"),
    ("fleet", "query"),
    ("shadow",),
    ("backup",),
    ("restore",),
    ("models",),
    ("models", "promote"),
    ("models", "rollback"),
    ("stats",),
    ("query",),
    ("ui",),
    ("doctor",),
)


def test_help_imports_nothing_heavy_when_asked(tmp_path: Path) -> None:
    code = (
        "import sys; from darkstar_pipeline.cli import build; from darkstar_pipeline.console.call import run; "
        "assert run(build(), ['--help']) == 0; "
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"
    assert "First steps:" in done.stdout


def test_help_comes_at_once_when_asked(tmp_path: Path) -> None:
    def processor_seconds() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert run_darkstar(tmp_path, "--help").code == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(processor_seconds() for _ in range(5)) < 0.45


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_names_the_shared_options_when_asked(
    tmp_path: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    move_into(tmp_path, monkeypatch)
    assert run(command_line(), [*words, "--help"]) == 0
    out = capsys.readouterr().out
    assert "--json" in out
    assert ("--site" in out) != (words in OF_MANY_HOMES)
    assert "Examples:" in out or words in (("import",), ("control",), ("fleet",))
    assert list(tmp_path.iterdir()) == []


def test_help_fits_a_terminal_of_80_columns_when_asked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for words in ((), *COMMANDS):
        assert run(command_line(), [*words, "--help"]) == 0
        for line in capsys.readouterr().out.splitlines():
            assert len(line) <= 80, (words, line)
            assert not line.endswith("...") or line.startswith("Usage:"), f"{words}: {line!r} is cut"
            lone_word = len(line.split()) == 1 and line != line.lstrip() and not line.endswith(":")
            assert not lone_word, f"{words}: {line!r} stands alone: shorten the text by a word"


def test_version_is_printed_when_asked(tmp_path: Path) -> None:
    done = run_darkstar(tmp_path, "--version")
    assert (done.code, done.err) == (0, "")
    assert done.out.count(".") == 2


@pytest.mark.parametrize(
    ("words", "code", "name"),
    [
        pytest.param(("quality", "--json"), 2, "usage", id="missing option"),
        pytest.param(("--json", "nonsense"), 2, "usage", id="unknown command"),
        pytest.param(("--json",), 2, "usage", id="no command"),
        pytest.param(("whatif", "--json"), 2, "usage", id="command of a later time"),
        pytest.param(("stats", "--day", "2026-01-01", "--json"), 2, "configuration", id="nothing configured"),
        pytest.param(("query", "SELECT", "--json"), 2, "query", id="bad SQL"),
        pytest.param(("query", "ATTACH 'x.db'", "--json"), 2, "query", id="SQL that writes"),
    ],
)
def test_call_ends_with_one_document_when_it_fails(
    tmp_path: Path,
    words: tuple[str, ...],
    code: int,
    name: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    move_into(tmp_path, monkeypatch)
    assert run(command_line(), words) == code
    captured = capsys.readouterr()
    assert captured.err == ""
    assert json.loads(captured.out)["error"]["code"] == name


def test_program_ends_with_one_document_when_it_fails(tmp_path: Path) -> None:
    done = run_darkstar(tmp_path, "query", "SELECT", "--json")
    assert (done.code, done.err) == (2, "")
    assert json.loads(done.out)["error"]["code"] == "query"


def test_program_ends_with_one_line_when_it_fails_before_a_person(tmp_path: Path) -> None:
    done = run_darkstar(tmp_path, "stats", "--day", "2026-01-01")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: no configuration at ")
    assert done.err.count("\n") == 1


def test_stdout_holds_one_document_when_c_code_prints(tmp_path: Path) -> None:
    code = (
        "import ctypes, os, sys\n"
        "from darkstar_pipeline import cli\n"
        "from darkstar_pipeline.commands import maintenance\n"
        "real = maintenance.doctor\n"
        "def loud(call):\n"
        "    'Check.'\n"
        "    ctypes.CDLL(None).puts(b'a solver says hello'); os.system('echo so does a child'); print('and Python')\n"
        "    return real(call)\n"
        "maintenance.doctor = loud; sys.argv = ['darkstar', 'doctor', '--json']; cli.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert json.loads(done.stdout)["sound"] is False
    for text in ("a solver says hello", "so does a child", "and Python"):
        assert text in done.stderr


def test_program_ends_quietly_when_its_reader_leaves(tmp_path: Path) -> None:
    with subprocess.Popen(
        [PROGRAM, "query", "FROM range(500000)", "--format", "csv"],
        cwd=tmp_path,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "range\n"
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(60) == 141
