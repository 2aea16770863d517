"""Write the lock files (`make lock`) and check them offline against `pyproject.toml` (`--check`, in `make lint`).

`constraints.txt` has the versions. The files in `locks/` add the hashes of every file that the index offers, so that
nothing else is installed under the same name: `development.txt` for `.venv`, `image.txt` for containers, `fleet.txt`
for the containers of a fleet, `build.txt` for the tools that make the wheel. All serve Python 3.11 to 3.13 and every
platform, by environment markers.

PyTorch alone has no hash: which of its builds is installed is the reader's choice, and the builds for CPUs are in an
index of their own. CUDA's own packages stay out: PyTorch pins them exactly itself, a CPU build has none of them, and
they would be all that differs between the two.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = ROOT / "pyproject.toml"
CONSTRAINTS = ROOT / "constraints.txt"
LOCKS = ROOT / "locks"
EXTRAS = ("dev", "bench", "fleet", "postgres")
PYTHONS = ("3.11", "3.12", "3.13")
IMAGES = {"image": ("postgres",), "fleet": ("postgres", "fleet")}
UNHASHED = "torch"
EDITABLE = "editables"  # hatchling makes an editable install with it

_CUDA = re.compile(r"^(nvidia-|cuda-|triton\b)")
_BLOCK = re.compile(r"^[A-Za-z0-9].*(?:\n[ \t]+.*)*", re.MULTILINE)
_HEADER = """\
# Exact versions for Python 3.11-3.13, written by `make lock` from the ranges in pyproject.toml: do not edit by hand.
# scripts/install.sh installs them with their hashes (locks/); docs/adr/0024-hashes-and-one-index-a-package.md says why.
"""
_LOCK_HEADER = """\
# Exact versions and hashes for Python 3.11-3.13, without PyTorch, written by `make lock`: do not edit by hand.
# pip install --require-hashes --no-deps -r locks/{name}.txt
"""


@dataclass(frozen=True)
class Pin:
    """A pinned package of a lock file.

    Attributes:
        requirement: name, version and marker.
        hashes: of the files that may be installed.
    """

    requirement: Requirement
    hashes: frozenset[str]

    @property
    def name(self) -> str:
        """Its normalised name."""
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str:
        """Its version."""
        return str(self.requirement.specifier).removeprefix("==")


def blocks(compiled: str) -> list[str]:
    """Return the pins of a resolver's answer, each with its hashes, without what only PyTorch's CUDA build needs."""
    return [block for block in _BLOCK.findall(compiled) if not _CUDA.match(block)]


def without_hashes(block: str) -> str:
    """Return the first line of a pin."""
    return block.splitlines()[0].partition(" --hash=")[0].removesuffix("\\").rstrip()


def parsed(text: str) -> list[Pin]:
    """Return the pins of a lock file or of the constraints."""
    return [
        Pin(Requirement(without_hashes(block)), frozenset(re.findall(r"--hash=(sha256:[0-9a-f]{64})", block)))
        for block in _BLOCK.findall(text)
    ]


def write_locks(*, upgrade: bool) -> None:
    """Resolve for all promised Pythons at once; pins that still fit stay unless `upgrade`.

    Raises:
        CalledProcessError: uv found no solution, or no index; it has said which on stderr.
    """
    text = PYPROJECT.read_text()
    LOCKS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        tools = Path(folder) / "build.in"
        tools.write_text("\n".join([*tomllib.loads(text)["build-system"]["requires"], EDITABLE]) + "\n")
        project = (str(PYPROJECT), str(tools))
        everything = _compiled(Path(folder), [*_extras(*EXTRAS), *project], upgrade=upgrade)
        CONSTRAINTS.write_text(_HEADER + "".join(f"{without_hashes(block)}\n" for block in everything))
        bound = ("--constraint", str(CONSTRAINTS))
        _write_lock("development", everything)
        for name, extras in IMAGES.items():
            _write_lock(name, _compiled(Path(folder), [*bound, *_extras(*extras), str(PYPROJECT)]))
        _write_lock("build", _compiled(Path(folder), [*bound, str(tools)]))


def _extras(*names: str) -> list[str]:
    return [word for name in names for word in ("--extra", name)]


def _compiled(folder: Path, words: Sequence[str], *, upgrade: bool = False) -> list[str]:
    """Return the pins that uv resolves; it begins with those that are there."""
    draft = folder / "draft.txt"
    draft.write_text(CONSTRAINTS.read_text() if CONSTRAINTS.exists() else "")
    command = [sys.executable, "-m", "uv", "pip", "compile", "--universal", "--python-version", PYTHONS[0]]
    command += ["--generate-hashes", "--no-header", "--no-annotate", "--quiet", "--output-file", str(draft), *words]
    subprocess.run([*command, *(["--upgrade"] if upgrade else [])], check=True)  # noqa: S603 - every word is ours
    return blocks(draft.read_text())


def _write_lock(name: str, pins: Sequence[str]) -> None:
    kept = [block for block in pins if not block.startswith(f"{UNHASHED}==")]
    (LOCKS / f"{name}.txt").write_text(_LOCK_HEADER.format(name=name) + "".join(f"{block}\n" for block in kept))


def direct_requirements(pyproject: str, extras: Sequence[str] = EXTRAS) -> list[Requirement]:
    """Return the requirements of `pyproject.toml`: its dependencies and those of the extras."""
    project = tomllib.loads(pyproject)["project"]
    optional = project["optional-dependencies"]
    return [Requirement(text) for text in [*project["dependencies"], *(t for extra in extras for t in optional[extra])]]


def faults(pyproject: str, constraints: str, extras: Sequence[str] = EXTRAS) -> list[str]:
    """Return the problems of pins, a sentence each: direct requirements without one pin in their range."""
    pins = parsed(constraints)
    problems = [f"CUDA package: {pin.requirement}" for pin in pins if _CUDA.match(pin.name)]
    for requirement in direct_requirements(pyproject, extras):
        for python in PYTHONS:
            versions = _pinned_versions(pins, canonicalize_name(requirement.name), python)
            if len(versions) != 1 or not requirement.specifier.contains(versions[0]):
                problems.append(f"{requirement} on Python {python}: pinned to {', '.join(versions) or 'nothing'}")
    return problems


def lock_faults(name: str, lock: str, constraints: str, *, complete: bool = False) -> list[str]:
    """Return the problems of a lock file, a sentence each: no hash, or another version than in the constraints.

    Args:
        name: its name.
        lock: its text.
        constraints: text of the constraints.
        complete: whether it has to hold all that the constraints hold.
    """
    pins, known = parsed(lock), parsed(constraints)
    problems = [f"{name}: {pin.requirement} has no hash" for pin in pins if not pin.hashes]
    problems += [f"{name}: {pin.name} is in it" for pin in pins if pin.name == UNHASHED]
    versions = {each: {pin.version for pin in known if pin.name == each} for each in {pin.name for pin in known}}
    for pin in pins:
        if pin.version not in versions.get(pin.name, {pin.version}):
            problems.append(f"{name}: {pin.requirement} is {', '.join(sorted(versions[pin.name]))} in constraints.txt")
    if complete:
        missing = {str(pin.requirement) for pin in known if pin.name != UNHASHED} - {str(p.requirement) for p in pins}
        problems += [f"{name}: {each} is missing" for each in sorted(missing)]
    return problems


def _pinned_versions(pins: Sequence[Pin], name: str, python: str) -> list[str]:
    here = {"python_version": python, "python_full_version": f"{python}.0"}
    mine = [pin for pin in pins if pin.name == name]
    return [pin.version for pin in mine if pin.requirement.marker is None or pin.requirement.marker.evaluate(here)]


def all_faults() -> list[str]:
    """Return the problems of every committed file."""
    pyproject, constraints = PYPROJECT.read_text(), CONSTRAINTS.read_text()
    locks = {name: (LOCKS / f"{name}.txt").read_text() for name in ("development", *IMAGES, "build")}
    problems = faults(pyproject, constraints)
    for name, text in locks.items():
        problems += lock_faults(name, text, constraints, complete=name == "development")
    wanted = f"{UNHASHED}=={next(pin.version for pin in parsed(constraints) if pin.name == UNHASHED)}\n"
    for name, extras in IMAGES.items():
        problems += [f"{name}: {each}" for each in faults(pyproject, locks[name] + wanted, extras)]
    return problems


def main() -> None:
    """Run from the command line; exits non-zero with a sentence per fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare with pyproject.toml, offline")
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions that fit")
    options = parser.parse_args()
    if not options.check:
        write_locks(upgrade=options.upgrade)
    elif wrong := all_faults():
        sys.exit("\n".join(["the lock files do not fit; run `make lock`:", *wrong]))


if __name__ == "__main__":
    main()
