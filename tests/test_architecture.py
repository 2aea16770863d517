"""The repository's own promises: arrows between rooms, sizes, names, and what may be committed."""

import ast
import hashlib
import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

ROOMS = ("env", "planner", "darkstar_pipeline", "assets", "jobs")
SOURCE_FOLDERS = (*ROOMS, "benchmarks", "scripts")
MAX_MODULE_LINES = 400
MAX_MODULES = 18  # a stranger opens a folder and knows what is in it; 15 is the aim
MAX_BODY_LINES = 60
MAX_COMMITTED_BYTES = 1_000_000

ROOMS_CONTRACT = "Rooms: later may import earlier"
SHELL_CONTRACT = "Shell: every module of darkstar_pipeline"
TOPS_CONTRACT = "Tops: definitions, command line and service"
CIRCLES_CONTRACT = "No circles"
DAGSTER_CONTRACT = "Worlds and decisions know nothing of Dagster"
IO_CONTRACT = "The world does no input or output"
PANDAS_CONTRACT = "One table library"
RARELY = pytest.mark.thorough  # one of each contract always; that nothing is broken is what `make style` asks


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the rooms in a folder, with the contracts of the `pyproject.toml` there."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def git(root: Path, *words: str) -> list[str]:
    """Lines that git answers; the test is skipped where there is no checkout (an unpacked sdist)."""
    if not (root / ".git").exists():
        pytest.skip(f"{root} is no git checkout")
    done = subprocess.run(["git", *words, "-z"], cwd=root, capture_output=True, text=True, check=True)
    return [line for line in done.stdout.split("\0") if line]


def modules(root: Path) -> list[Path]:
    """Every Python module of the project, tests excluded."""
    return sorted(path for folder in SOURCE_FOLDERS for path in (root / folder).rglob("*.py"))


@pytest.fixture
def copied_rooms(tmp_path: Path, root: Path) -> Path:
    """The rooms as they are, with the contracts, in a place where something may be planted."""
    for room in (*ROOMS, "benchmarks"):
        shutil.copytree(root / room, tmp_path / room, ignore=lambda _, names: [n for n in names if n == "__pycache__"])
    shutil.copy(root / "pyproject.toml", tmp_path)
    return tmp_path


def plant(folder: Path, module: str, line: str) -> None:
    """Add a line to a module, given by its dotted name; the module is made where it is missing."""
    path = folder.joinpath(*module.split("."))
    path.parent.mkdir(exist_ok=True)
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    text = path.read_text() if path.exists() else ""
    path.write_text(f"{text}\n{line}\n")


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        pytest.param("env.planted", "import planner", ROOMS_CONTRACT, id="env imports planner"),
        pytest.param(
            "env.planted", "import darkstar_pipeline.errors", ROOMS_CONTRACT, id="env imports the shell", marks=RARELY
        ),
        pytest.param(
            "planner.planted",
            "import darkstar_pipeline.config.settings",
            ROOMS_CONTRACT,
            id="planner, the shell",
            marks=RARELY,
        ),
        pytest.param(
            "darkstar_pipeline.config.settings",
            "import assets",
            ROOMS_CONTRACT,
            id="the shell imports assets",
            marks=RARELY,
        ),
        pytest.param("assets.planted", "import jobs", ROOMS_CONTRACT, id="assets import jobs", marks=RARELY),
        pytest.param("planner", "def f():\n    import jobs", ROOMS_CONTRACT, id="inside a function", marks=RARELY),
        pytest.param(
            "darkstar_pipeline.state.atomic_files", "import darkstar_pipeline.warehouse", SHELL_CONTRACT, id="state"
        ),
        pytest.param("darkstar_pipeline.planted", "", SHELL_CONTRACT, id="a module without a place"),
        pytest.param("assets.planted", "import darkstar_pipeline.cli", TOPS_CONTRACT, id="assets import the cli"),
        pytest.param(
            "jobs.planted", "import darkstar_pipeline.definitions", TOPS_CONTRACT, id="jobs, definitions", marks=RARELY
        ),
        pytest.param(
            "planner.planted",
            "import darkstar_pipeline.service",
            TOPS_CONTRACT,
            id="planner imports its service",
            marks=RARELY,
        ),
        pytest.param("planner.errors", "import planner.oracle", CIRCLES_CONTRACT, id="a circle of modules"),
        pytest.param(
            "planner.errors",
            "import typing\nif typing.TYPE_CHECKING: import planner.oracle",
            CIRCLES_CONTRACT,
            id="a circle for the type checker alone",
            marks=RARELY,
        ),
        pytest.param(
            "benchmarks.harness.results",
            "import benchmarks.price_repair",
            CIRCLES_CONTRACT,
            id="benchmarks",
            marks=RARELY,
        ),
        pytest.param(
            "planner.value.protocol", "import planner.replay", CIRCLES_CONTRACT, id="a circle of packages", marks=RARELY
        ),
        pytest.param("env.planted", "import dagster", DAGSTER_CONTRACT, id="env imports dagster"),
        pytest.param(
            "planner.planted", "from dagster import asset", DAGSTER_CONTRACT, id="planner imports dagster", marks=RARELY
        ),
        pytest.param("env.planted", "import duckdb", IO_CONTRACT, id="env imports duckdb"),
        pytest.param("assets.planted", "import pandas", PANDAS_CONTRACT, id="pandas"),
    ],
)
def test_contracts_break_when_a_violation_is_planted(copied_rooms: Path, module: str, line: str, contract: str) -> None:
    for top in ("darkstar_pipeline.cli", "darkstar_pipeline.definitions", "darkstar_pipeline.service"):
        plant(copied_rooms, top, "")
    plant(copied_rooms, module, line)
    done = lint_imports(copied_rooms)
    broken = [row for row in done.stdout.splitlines() if " BROKEN" in row]
    assert done.returncode == 1, done.stdout + done.stderr
    assert any(row.startswith(contract) for row in broken), done.stdout


@pytest.mark.parametrize(
    ("module", "line"),
    [
        pytest.param(
            "darkstar_pipeline.service",
            "import darkstar_pipeline.warehouse",
            id="the service reads the lake",
            marks=RARELY,
        ),
        pytest.param("darkstar_pipeline.definitions", "import jobs", id="definitions assemble the jobs"),
        pytest.param(
            "darkstar_pipeline.cli",
            "import darkstar_pipeline.service",
            id="the command line starts the service",
            marks=RARELY,
        ),
        pytest.param(
            "darkstar_pipeline.commands.planted", "import darkstar_pipeline.definitions", id="commands", marks=RARELY
        ),
    ],
)
def test_contracts_hold_when_a_top_module_imports_below(copied_rooms: Path, module: str, line: str) -> None:
    for top in ("darkstar_pipeline.cli", "darkstar_pipeline.definitions", "darkstar_pipeline.service"):
        plant(copied_rooms, top, "")
    plant(copied_rooms, module, line)
    done = lint_imports(copied_rooms)
    assert done.returncode == 0, done.stdout + done.stderr


def test_env_is_tracked_when_asked_of_git(root: Path) -> None:
    assert git(root, "ls-files", "env"), "env/ is a room of this project: look for it in an ignore file"


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_are_not_ignored_when_a_module_is_new(root: Path, room: str) -> None:
    ignored = subprocess.run(
        ["git", "check-ignore", f"{room}/new_module.py"], cwd=root, capture_output=True, check=False
    )
    if ignored.returncode == 128:
        pytest.skip(f"{root} is no git checkout")
    assert ignored.returncode == 1, f"{room}/ is ignored by git"


def test_committed_files_are_small_when_listed(root: Path) -> None:
    tracked = [root / name for name in git(root, "ls-files")]
    large = [
        f"{path.relative_to(root)}: {path.stat().st_size}" for path in tracked if _size(path) > MAX_COMMITTED_BYTES
    ]
    assert not large, "files over 1 MB belong beside the repository, not in it"


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def test_shared_data_is_not_committed_when_contents_are_compared(root: Path, shared_data: Path) -> None:
    committed = {row.split()[1]: row.split("\t")[1] for row in git(root, "ls-files", "--stage")}
    shared = [path for path in shared_data.rglob("*") if path.is_file() and path.stat().st_size > 0]
    copies = [committed[name] for path in shared if (name := _git_name(path.read_bytes())) in committed]
    assert not copies, "measured data has owners; tests read it from shared/data"


def _git_name(content: bytes) -> str:
    """The name that git gives to a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def test_notebooks_have_no_outputs_when_stored(root: Path) -> None:
    notebooks = sorted((root / "notebooks").glob("*.ipynb"))
    assert notebooks
    for path in notebooks:
        cells = json.loads(path.read_text())["cells"]
        assert not [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")], f"strip {path.name}"


def test_modules_are_short_when_counted(root: Path) -> None:
    long = {str(path.relative_to(root)): count for path in modules(root) if (count := _lines(path)) > MAX_MODULE_LINES}
    assert not long, f"split at {MAX_MODULE_LINES} lines, by idea"


def _lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_folders_can_be_overlooked_when_counted(root: Path) -> None:
    counts = Counter(path.parent.relative_to(root) for path in modules(root) if path.name != "__init__.py")
    assert not {str(folder): count for folder, count in counts.items() if count > MAX_MODULES}


class Definition(NamedTuple):
    """A module, class or function."""

    place: str
    docstring: str
    body_lines: int
    """Of a function; 0 of others."""


@pytest.fixture(scope="module")
def definitions(root: Path) -> list[Definition]:
    """Everything that our modules define; they are parsed once."""
    return [
        Definition(
            f"{path.relative_to(root)}:{getattr(node, 'lineno', 1)}",
            ast.get_docstring(node) or "",
            _body_lines(node) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else 0,
        )
        for path in modules(root)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def _body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_docstrings_begin_with_what_a_thing_does_when_read(definitions: list[Definition]) -> None:
    assert not [each.place for each in definitions if each.docstring.startswith(("What ", "Whether ", "How "))]


def test_bodies_are_short_when_counted(definitions: list[Definition]) -> None:
    long = {each.place: each.body_lines for each in definitions if each.body_lines > MAX_BODY_LINES}
    assert any(each.body_lines for each in definitions)
    assert not long, f"no body over {MAX_BODY_LINES} lines"


def test_modules_are_named_by_concept_when_listed(root: Path) -> None:
    vague = {"utils", "util", "helpers", "helper", "misc", "common"}
    assert not [str(path) for path in modules(root) if path.stem in vague or path.parent.name in vague]
