"""Checks of the installation: this Python, and that our packages are the ones that Python finds."""

import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path

from darkstar_pipeline.doctor.finding import CheckResult, failed, passed, warned

OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 13)
PACKAGES = ("darkstar_pipeline", "env", "planner", "assets", "jobs")
"""Top-level packages of the distribution; all but the first have names that other software uses too."""
DISTRIBUTION = "darkstar-pipeline"
ROOT = Path(__file__).resolve().parents[2]
_CHECK = "packages"
_REMEDY = "install Darkstar in an environment of its own, with `pipx install` or `uv tool install`"


def check_python() -> CheckResult:
    """Check that the packages are pinned for this Python."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    if OLDEST_PYTHON <= sys.version_info[:2] <= NEWEST_PYTHON:
        return passed("python", version)
    oldest, newest = (".".join(str(part) for part in limit) for limit in (OLDEST_PYTHON, NEWEST_PYTHON))
    return failed("python", version, f"install into a Python {oldest} to {newest}")


def check_packages(
    working_directory: Path,
    *,
    root: Path = ROOT,
    owners: Mapping[str, Sequence[str]] | None = None,
) -> CheckResult:
    """Check that no other package hides one of ours.

    Args:
        working_directory: Dagster's programs look for packages here first.
        root: folder that contains our packages.
        owners: distributions by the top-level package they install; None for those of this environment.
    """
    installed = _owners() if owners is None else owners
    for name in PACKAGES:
        place = _found_in(name)
        if place != root / name:
            return failed(_CHECK, f"{name} is found in {place or 'no folder'}, not in {root}", _REMEDY)
        if others := sorted(set(installed.get(name, ())) - {DISTRIBUTION}):
            return failed(_CHECK, f"{', '.join(others)} installs a package {name} too", _REMEDY)
    for path in (working_directory / entry for name in PACKAGES for entry in (name, f"{name}.py")):
        if path.exists() and path.resolve() != root / path.name:
            detail = f"{path} hides our package {path.stem} from `darkstar ui` and Dagster"
            return warned(_CHECK, detail, "run darkstar in another folder, or rename it")
    return passed(_CHECK, str(root))


def _owners() -> dict[str, list[str]]:
    """Return the distributions of this environment that install one of our packages, by the package.

    importlib's `packages_distributions` answers for every package there is, which takes a second.
    """
    owners: dict[str, list[str]] = {}
    for distribution in distributions():
        record = distribution.read_text("RECORD") or ""
        first_level = {line.partition(",")[0].partition("/")[0].removesuffix(".py") for line in record.splitlines()}
        for name in first_level.intersection(PACKAGES):
            owners.setdefault(name, []).append(distribution.metadata["Name"])
    return owners


def _found_in(name: str) -> Path | None:
    """Return the folder from which Python would import a package."""
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations))).resolve()
