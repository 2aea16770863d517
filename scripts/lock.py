"""Write `constraints.txt` (`make lock`) and check it offline against `pyproject.toml` (`--check`, in `make lint`).

One file serves Python 3.11 to 3.13 and every platform, by environment markers. CUDA's own packages stay out: PyTorch
pins them exactly itself, a CPU build has none of them, and they would be all that differs between the two.
"""

import argparse
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = ROOT / "pyproject.toml"
CONSTRAINTS = ROOT / "constraints.txt"
EXTRAS = ("dev", "bench")
PYTHONS = ("3.11", "3.12", "3.13")

_CUDA = re.compile(r"^(nvidia-|cuda-|triton\b)")
_HEADER = """\
# Exact versions for Python 3.11-3.13, written by `make lock` from the ranges in pyproject.toml: do not edit by hand.
# Used as `pip install -c constraints.txt -e '.[dev,bench]'`; docs/adr/0002-pip-and-constraints.md says why.
"""


def without_cuda(compiled: str) -> str:
    """The resolver's answer under our header, without the packages that only PyTorch's CUDA build needs."""
    lines = [line for line in compiled.splitlines() if line and not line.startswith("#")]
    return _HEADER + "".join(f"{line}\n" for line in lines if not _CUDA.match(line))


def compile_constraints(*, upgrade: bool) -> None:
    """Resolve for all promised Pythons at once; pins that still fit stay unless `upgrade`.

    Raises:
        CalledProcessError: uv found no solution, or no index; it has said which on stderr.
    """
    draft = CONSTRAINTS.with_suffix(".draft")
    draft.write_text(CONSTRAINTS.read_text() if CONSTRAINTS.exists() else "")
    command = [sys.executable, "-m", "uv", "pip", "compile", "--universal", "--python-version", PYTHONS[0]]
    command += [word for extra in EXTRAS for word in ("--extra", extra)]
    command += ["--no-header", "--no-annotate", "--quiet", "--output-file", str(draft), str(PYPROJECT)]
    try:
        subprocess.run([*command, *(["--upgrade"] if upgrade else [])], check=True)  # noqa: S603 - every word is ours
        CONSTRAINTS.write_text(without_cuda(draft.read_text()))
    finally:
        draft.unlink()


def direct_requirements(pyproject: str) -> list[Requirement]:
    """Return the requirements of `pyproject.toml`: its dependencies and those of the installed extras."""
    project = tomllib.loads(pyproject)["project"]
    optional = project["optional-dependencies"]
    return [Requirement(text) for text in [*project["dependencies"], *(t for extra in EXTRAS for t in optional[extra])]]


def faults(pyproject: str, constraints: str) -> list[str]:
    """Return the problems of the constraints, a sentence each: direct requirements without one pin in their range."""
    lines = [line for line in constraints.splitlines() if line and not line.startswith("#")]
    problems = [f"CUDA package: {line}" for line in lines if _CUDA.match(line)]
    pins = [Requirement(line) for line in lines]
    for requirement in direct_requirements(pyproject):
        for python in PYTHONS:
            versions = _pinned_versions(pins, canonicalize_name(requirement.name), python)
            if len(versions) != 1 or not requirement.specifier.contains(versions[0]):
                problems.append(f"{requirement} on Python {python}: pinned to {', '.join(versions) or 'nothing'}")
    return problems


def _pinned_versions(pins: list[Requirement], name: str, python: str) -> list[str]:
    here = {"python_version": python, "python_full_version": f"{python}.0"}
    mine = [pin for pin in pins if canonicalize_name(pin.name) == name]
    return [str(pin.specifier).removeprefix("==") for pin in mine if pin.marker is None or pin.marker.evaluate(here)]


def main() -> None:
    """Run from the command line; exits non-zero with a sentence per fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare with pyproject.toml, offline")
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions that fit")
    options = parser.parse_args()
    if not options.check:
        compile_constraints(upgrade=options.upgrade)
    elif wrong := faults(PYPROJECT.read_text(), CONSTRAINTS.read_text()):
        sys.exit("\n".join(["constraints.txt does not fit pyproject.toml; run `make lock`:", *wrong]))


if __name__ == "__main__":
    main()
