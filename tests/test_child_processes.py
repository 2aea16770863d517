"""Processes that run a module of ours start with `-P`.

Without it Python looks for modules in the working folder first, where a file of a person, such as `mlflow.py`, would
stand in for a package.
"""

import re
from pathlib import Path

ROOMS = ("env", "planner", "darkstar_pipeline", "assets", "jobs", "benchmarks", "scripts")
MODULE_STARTED = re.compile(rf'"-m",\s*(?:__name__|"(?:{"|".join(ROOMS)})\.)')


def test_processes_ignore_the_working_folder_when_they_run_our_modules(root: Path) -> None:
    sources = {path: path.read_text() for room in ROOMS for path in (root / room).rglob("*.py")}
    found = {path: [text[: match.start()] for match in MODULE_STARTED.finditer(text)] for path, text in sources.items()}
    starts = {path.relative_to(root).as_posix(): before for path, before in found.items() if before}
    assert "darkstar_pipeline/models/alias_follower.py" in starts, "the search finds what it looks for"
    assert [path for path, before in starts.items() if not all(text.endswith('"-P", ') for text in before)] == []
