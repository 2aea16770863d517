"""Prints the coverage of each package and fails where one is below its floor; reads `.coverage.json` (`make test`)."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

ROOT = Path(__file__).resolve().parents[1]
FLOORS = {"env": 95.0, "planner": 95.0, "darkstar_pipeline": 90.0, "assets": 90.0, "jobs": 90.0}
"""Least share of lines that tests run, by package [%]."""


class FileCoverage(TypedDict):
    """Lines of a file, as SlipCover reports them."""

    executed_lines: list[int]
    missing_lines: list[int]


def package_coverage(files: Mapping[str, FileCoverage]) -> dict[str, tuple[int, int]]:
    """Return statements and those among them that no test ran, by package."""
    totals: dict[str, tuple[int, int]] = dict.fromkeys(FLOORS, (0, 0))
    for path, lines in files.items():
        package = Path(path).parts[0]
        statements, missing = totals[package]
        in_file = len(lines["executed_lines"]) + len(lines["missing_lines"])
        totals[package] = (statements + in_file, missing + len(lines["missing_lines"]))
    return totals


def below_floor(totals: Mapping[str, tuple[int, int]]) -> list[str]:
    """Return a sentence for every package below its floor."""
    shares = {name: covered_share(*totals[name]) for name in FLOORS}
    return [
        f"{name}: {share:.1f} % is below {FLOORS[name]:.0f} %" for name, share in shares.items() if share < FLOORS[name]
    ]


def covered_share(statements: int, missing: int) -> float:
    """Return the share of statements that tests ran [%]; 0 where nothing was measured."""
    return 100 * (1 - missing / statements) if statements else 0.0


def main() -> int:
    """Print a line a package; the exit code is 1 where one is below its floor."""
    totals = package_coverage(json.loads((ROOT / ".coverage.json").read_text())["files"])
    for name, (statements, missing) in totals.items():
        share = covered_share(statements, missing)
        sys.stdout.write(f"coverage {name:18} {share:5.1f} % of {statements} statements (floor {FLOORS[name]:.0f} %)\n")
    sentences = below_floor(totals)
    sys.stdout.write("".join(f"{sentence}\n" for sentence in sentences))
    return int(bool(sentences))


if __name__ == "__main__":
    sys.exit(main())
