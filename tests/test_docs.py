"""The README and the pages in `docs/`: every path, function and command that they name exists."""

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from darkstar_pipeline.console.call import run
from tests.builders.command_line import command_line

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted((*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "benchmarks" / "README.md"))
ROOMS = ("env", "planner", "darkstar_pipeline", "assets", "jobs", "tests", "scripts", "benchmarks", "notebooks", "docs")
LINK = re.compile(r"\]\((?!https?://)([^)#\s]+)")
QUOTED = re.compile(r"`([^`\s]+)`")
CALL = re.compile(r"`(\w+)\(\)`")
COMMAND = re.compile(r"^\s*(?:#+\s+)?(?:DARKSTAR_\w+=\S+ )*darkstar ((?:[a-z]+ ?)+)", re.MULTILINE)
QUOTED_COMMAND = re.compile(r"`darkstar ((?:[a-z]+ ?)+)[^`]*`")
GROUPS = ("import", "models")
HISTORY = ("CHANGELOG.md",)
"""Pages that speak of what was, so that their paths may be gone."""


def existing(pages: tuple[Path, ...] = tuple(PAGES)) -> list[Path]:
    """Return the pages that exist, by a name that a test's id shows."""
    return [page for page in pages if page.exists()]


@pytest.mark.parametrize("page", existing(), ids=lambda page: str(page.relative_to(ROOT)))
def test_paths_and_functions_exist_when_a_page_names_them(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = [target for target in LINK.findall(text) if not (page.parent / target).exists()]
    paths = [] if page.name in HISTORY else [name for name in paths_in(text) if not matches(page, name)]
    functions = [] if page.name in HISTORY else sorted(set(CALL.findall(text)) - defined_functions())
    assert (links, paths, functions) == ([], [], []), f"{page} names what does not exist"


def paths_in(text: str) -> Iterator[str]:
    """Yield what looks like a path of the repository."""
    for name in QUOTED.findall(text):
        if name.startswith(tuple(f"{room}/" for room in ROOMS)) and not re.search(r"[<>{}$…*]", name):
            yield name


def matches(page: Path, name: str) -> bool:
    """Return whether a path exists, from the root of the repository or from the page."""
    return (ROOT / name).exists() or (page.parent / name).exists()


@cache
def defined_functions() -> set[str]:
    """Return the names of all functions and methods of the sources."""
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    sources = "\n".join((ROOT / name).read_text(encoding="utf-8") for name in listed.split() if (ROOT / name).exists())
    return set(re.findall(r"^\s*(?:async )?def (\w+)", sources, re.MULTILINE))


def test_commands_exist_when_a_page_names_them(capsys: pytest.CaptureFixture[str]) -> None:
    named = {
        words
        for page in existing()
        for pattern in (COMMAND, QUOTED_COMMAND)
        for words in pattern.findall(page.read_text(encoding="utf-8"))
    }
    commands = {tuple(words.split()[: 2 if words.split()[0] in GROUPS else 1]) for words in named}
    assert ("import", "prices") in commands
    unknown = [words for words in sorted(commands) if run(command_line(), [*words, "--help"]) != 0]
    capsys.readouterr()
    assert unknown == []
