"""A package that is not byte for byte the locked one is not installed, whichever index or wheel folder offers it.

The script is the one that `make install` and the images run, the index is a real one (a folder of files), and the
tampered wheel is whole: it has the same name and version, and its RECORD fits. Only its hash gives it away.
"""

import base64
import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

HONEST, TAMPERED = "SAFE = True\n", "SAFE = False\n"
WHEEL = "toy_meter-1.0-py3-none-any.whl"
INSTALLERS = pytest.mark.parametrize("installer", ["uv", "pip"])


def write_wheel(folder: Path, code: str) -> Path:
    """A wheel of one module."""
    about = "toy_meter-1.0.dist-info"
    files = {
        "toy_meter.py": code,
        f"{about}/METADATA": "Metadata-Version: 2.1\nName: toy-meter\nVersion: 1.0\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip('=')},{len(text)}"
        for name, text in files.items()
    ]
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / WHEEL, "w") as archive:
        for name, text in {**files, f"{about}/RECORD": "\n".join([*record, f"{about}/RECORD,,"]) + "\n"}.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return folder / WHEEL


def index(folder: Path, code: str) -> Path:
    """A package index in a folder: it offers the wheel, and says nothing about hashes."""
    write_wheel(folder / "toy-meter", code)
    (folder / "toy-meter" / "index.html").write_text(f'<a href="{WHEEL}">{WHEEL}</a>\n')
    (folder / "index.html").write_text('<a href="toy-meter/">toy-meter</a>\n')
    return folder


def lock_of(wheel: Path, path: Path) -> Path:
    """A lock file for a wheel."""
    path.write_text(f"toy-meter==1.0 \\\n    --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n")
    return path


def install(root: Path, tmp_path: Path, lock: Path, installer: str, **variables: str) -> tuple[int, str]:
    """Run the script as `make install` does; its exit code and what it said."""
    python = Path(sys.executable)
    if installer == "pip":  # a Python that has no uv
        python = tmp_path / "python"
        python.write_text(f'#!/bin/sh\n[ "$2" = uv ] && exit 1\nexec {sys.executable} "$@"\n')
        python.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    alone = {"PIP_CONFIG_FILE": os.devnull, "UV_NO_CONFIG": "1", "UV_CACHE_DIR": str(tmp_path / "cache")}
    command = [str(root / "scripts" / "locked.sh"), str(python), str(lock), "--target", str(tmp_path / "site")]
    done = subprocess.run(
        command,
        env={**kept, **alone, "PIP_NO_CACHE_DIR": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


@INSTALLERS
def test_locked_package_is_installed_and_a_tampered_one_refused(root: Path, tmp_path: Path, installer: str) -> None:
    lock = lock_of(write_wheel(tmp_path, HONEST), tmp_path / "lock.txt")
    module = tmp_path / "site" / "toy_meter.py"
    offered = index(tmp_path / "bad", TAMPERED).as_uri()
    code, said = install(root, tmp_path, lock, installer, PIP_INDEX_URL=offered, UV_DEFAULT_INDEX=offered)
    assert code == 1
    assert "hash" in said.lower()
    assert "is not the one that was locked" in said
    assert not module.exists()
    offered = index(tmp_path / "good", HONEST).as_uri()
    code, said = install(root, tmp_path, lock, installer, PIP_INDEX_URL=offered, UV_DEFAULT_INDEX=offered)
    assert (code, said) == (0, "")
    assert module.read_text() == HONEST


@INSTALLERS
def test_name_on_another_index_is_no_way_in(root: Path, tmp_path: Path, installer: str) -> None:
    """Dependency confusion: the same name and version, first in line."""
    lock = lock_of(write_wheel(tmp_path, HONEST), tmp_path / "lock.txt")
    good, bad = index(tmp_path / "good", HONEST).as_uri(), index(tmp_path / "bad", TAMPERED).as_uri()
    settings = {"PIP_INDEX_URL": good, "PIP_EXTRA_INDEX_URL": bad, "UV_DEFAULT_INDEX": good, "UV_INDEX": bad}
    install(root, tmp_path, lock, installer, **settings)
    module = tmp_path / "site" / "toy_meter.py"
    assert not module.exists() or module.read_text() == HONEST


def test_package_without_a_hash_is_refused(root: Path, tmp_path: Path) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text("toy-meter==1.0\n")
    offered = index(tmp_path / "good", HONEST).as_uri()
    code, _ = install(root, tmp_path, lock, "uv", PIP_INDEX_URL=offered, UV_DEFAULT_INDEX=offered)
    assert code == 1
    assert not (tmp_path / "site" / "toy_meter.py").exists()
