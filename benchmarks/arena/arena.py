"""Cases that others recorded and published results for, a row each; `--cases FILE` takes other files of their shapes.

The published cases lie beside the checkout (`../shared/data/arena`). The short form solves the first of each file.
"""

from pathlib import Path

from benchmarks.arena.case_files import rows_of_file
from benchmarks.harness.results import Row, Scope
from benchmarks.homes.measured import SHARED
from darkstar_pipeline.errors import DataMissingError

PACK = SHARED / "arena"
FILES = ("quarter_hour_homes.json", "many_batteries.json", "solar_home_two_price.json")
SHORT_CASES = 3


def run(scope: Scope) -> list[Row]:
    """Solve every case.

    Raises:
        DataMissingError: there is no such file.
        DataRefusedError: a case is of no known shape.
    """
    files = [scope.cases] if scope.cases is not None else [_in_pack(name) for name in FILES]
    rows = [row for path in files for row in rows_of_file(path, first=scope.of(None, SHORT_CASES))]
    judged = [row for row in rows if row.met is not None]
    missed = sum(not row.met for row in judged)
    return [*rows, Row("cases_that_miss_their_target", missed, f"of {len(judged)}", target="0", met=missed == 0)]


def _in_pack(name: str) -> Path:
    path = PACK / name
    if not path.is_file():
        raise DataMissingError(f"{path} is not there", "name a file of cases with --cases FILE")
    return path
