"""Foreign packages, each in a virtual environment of its own, since their dependencies conflict with ours."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock


class ToolMissingError(Exception):
    """A package could not be installed, or did not run."""


def installed(
    folder: Path, package: str, *, first: str | None = None, duration: str, missing: type[ToolMissingError]
) -> Path:
    """Return the Python that has a package; the first call installs it.

    Args:
        folder: folder of the environment.
        package: requirement for pip.
        first: another package, pinned, that goes in before and is held at that version; None for none.
        duration: time of the installation, in words.
        missing: error to raise.

    Raises:
        ToolMissingError: it cannot be installed.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    stamp, python = folder / "installed.txt", folder / "bin" / "python"
    with FileLock(folder.with_suffix(".lock")):
        if stamp.exists() and stamp.read_text(encoding="utf-8") == package:
            return python
        sys.stderr.write(f"installing {package} into {folder}, once; it takes {duration}\n")
        shutil.rmtree(folder, ignore_errors=True)
        call([sys.executable, "-m", "venv", str(folder)], f"no virtual environment at {folder}", missing)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--no-input"]
        if first is not None:
            pinned = folder / "pinned.txt"
            pinned.write_text(first, encoding="utf-8")
            pip += ["-c", str(pinned)]
            call([*pip, first], f"{first} was not installed", missing)
        call([*pip, package], f"{package} was not installed", missing)
        stamp.write_text(package, encoding="utf-8")
    return python


def call(command: Sequence[str], failure: str, missing: type[ToolMissingError]) -> None:
    """Run a command to its end.

    Raises:
        ToolMissingError: it did not end with 0; the message has the last line of its output.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    if done.returncode != 0:
        lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        message = f"{failure}: {lines[-1] if lines else f'exit code {done.returncode}'}"
        raise missing(message)
