"""Folders that several tests read: filled once for all of pytest-xdist's workers, and guarded against writes.

A test that writes into such a folder passes, and another fails that happens to run after it. Permissions are no guard:
they do not bind root, whom containers run tests as. So the test that wrote is found by what its folder looks like.
"""

import os
from collections.abc import Callable
from pathlib import Path

from pytest import TempPathFactory  # noqa: PT013 - a type, as in the signatures of fixtures

from darkstar_pipeline.state.file_lock import hold_lock


def filled_once(temporary: TempPathFactory, name: str, fill: Callable[[Path], None]) -> Path:
    """A folder of this run of pytest, filled by whoever comes first; the others wait and find it whole.

    As pytest-xdist's documentation has it: workers share the folder above their own. Tests leave it as it is.

    Args:
        temporary: pytest's `tmp_path_factory`.
        name: of the folder.
        fill: fills it; where it fails, the next one begins anew under another name.
    """
    own = temporary.getbasetemp()
    base = own.parent if os.environ.get("PYTEST_XDIST_WORKER") else own
    whole = base / f"{name}.whole"
    with hold_lock(base / f"{name}.lock"):
        if not whole.exists():
            folder = temporary.mktemp(name)
            fill(folder)
            whole.write_text(str(folder))
    return Path(whole.read_text())


_GUARDED: dict[str, tuple[Path, dict[str, tuple[int, int]]]] = {}


def guard_shared(fixture: str, folder: Path) -> Path:
    """Have every test that uses a fixture fail where it changes the fixture's folder.

    Args:
        fixture: name of the fixture.
        folder: what no test may change.

    Returns:
        The folder.
    """
    _GUARDED[fixture] = (folder, _files(folder))
    return folder


def written_by_test(fixtures: list[str]) -> list[str]:
    """Return what a test with these fixtures has changed, as sentences; what is found is not found again."""
    sentences: list[str] = []
    for fixture in fixtures:
        if fixture not in _GUARDED:
            continue
        folder, before = _GUARDED[fixture]
        after = _files(folder)
        changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
        if changed:
            _GUARDED[fixture] = (folder, after)
            sentences.append(f"the test wrote into the shared folder of `{fixture}`: {', '.join(changed[:5])}")
    return sentences


def _files(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of every file of a folder, by place."""
    files = ((path, path.stat()) for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): (state.st_size, state.st_mtime_ns) for path, state in files}
