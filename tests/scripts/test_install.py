"""The install script refuses and mends before it touches a network; what it installs is seen by `make run` itself."""

import os
import subprocess
from pathlib import Path

import pytest


def install(root: Path, folder: Path, python: str = "no-such-python") -> subprocess.CompletedProcess[str]:
    """Run the script in a folder of its own, with an interpreter that cannot be used unless another is named."""
    environment = os.environ | {"PYTHON": python}
    command = [str(root / "scripts" / "install.sh"), ".venv/.installed"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_install_names_what_it_needs_when_no_python_fits(root: Path, tmp_path: Path) -> None:
    done = install(root, tmp_path)
    assert done.returncode == 1
    assert "Darkstar needs Python 3.11, 3.12 or 3.13" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_install_tells_the_version_when_a_python_is_too_old(root: Path, tmp_path: Path) -> None:
    old = tmp_path / "old-python"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2 && exit\nexit 1\n')
    old.chmod(0o755)
    done = install(root, tmp_path, str(old))
    assert done.returncode == 1
    assert f"{old} is Python 3.9.2" in done.stderr


def test_install_waits_when_another_one_is_running(root: Path, tmp_path: Path) -> None:
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv.installing").write_text(str(os.getpid()))
    done = install(root, tmp_path)
    assert done.returncode == 1
    assert f"Another install (process {os.getpid()}) is running here" in done.stderr
    assert (tmp_path / ".venv").exists()


@pytest.mark.parametrize("unfinished", [pytest.param("", id="empty mark"), pytest.param("dead", id="dead owner")])
def test_install_starts_over_when_the_last_one_was_killed(root: Path, tmp_path: Path, unfinished: str) -> None:
    dead = subprocess.run(["sh", "-c", "echo $$"], capture_output=True, text=True, check=True).stdout.strip()
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv.installing").write_text(unfinished and dead)
    done = install(root, tmp_path)
    assert "The last install did not finish: starting over." in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_install_starts_over_when_the_environment_has_lost_its_python(root: Path, tmp_path: Path) -> None:
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    done = install(root, tmp_path)
    assert ".venv holds no usable Python 3.11-3.13: starting over." in done.stderr
    assert not (tmp_path / ".venv").exists()
