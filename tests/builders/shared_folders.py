"""Folders that take long to fill, filled once for all of pytest-xdist's workers instead of once by each."""

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
