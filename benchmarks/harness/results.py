"""What a benchmark is, how the ones there are get found, and how their rows are told.

A benchmark is a module of this folder with a function `run() -> list[Row]`. It reads the measured data beside the
checkout (`../shared/data`) and raises `DataMissingError` where that is absent.
"""

import ast
import importlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.table import Table

from darkstar_pipeline.errors import ConfigurationError

FOLDER = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Row:
    """One figure of a benchmark.

    Attributes:
        figure: its name, the same in every run.
        value: what was measured.
        unit: of the value; empty for a share or a count.
        target: what was promised, in words such as `>= 0.99`; None where nothing was.
        met: whether the value keeps the promise; None where there is none.
    """

    figure: str
    value: float | int | str
    unit: str = ""
    target: str | None = None
    met: bool | None = None


def names() -> list[str]:
    """The benchmarks there are: files of this folder that define `run`, found without importing any."""
    return sorted(_modules())


def _modules() -> dict[str, str]:
    """Return the module of each benchmark, by its name."""
    paths = [path for pattern in ("*.py", "robustness/*.py") for path in FOLDER.glob(pattern) if _defines_run(path)]
    return {path.stem: ".".join(("benchmarks", *path.relative_to(FOLDER).with_suffix("").parts)) for path in paths}


def _defines_run(path: Path) -> bool:
    if path.stem.startswith("_"):
        return False
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return any(isinstance(node, ast.FunctionDef) and node.name == "run" for node in tree.body)


def run(name: str) -> list[Row]:
    """Run one benchmark.

    Raises:
        ConfigurationError: there is none of that name, or a package that only benchmarks need is not installed.
        DataMissingError: the shared data is not there.
    """
    if name not in names():
        message = f"there is no benchmark {name!r}"
        raise ConfigurationError(message, f"one of: {', '.join(names())}")
    try:
        module = importlib.import_module(_modules()[name])
    except ModuleNotFoundError as error:
        message = f"benchmark {name} needs the package {error.name}"
        raise ConfigurationError(message, "install the extra: pip install -e '.[bench]' -c constraints.txt") from error
    return module.run()


def document(name: str, rows: Sequence[Row]) -> Mapping[str, object]:
    """The answer that `--json` prints: `{benchmark, date, cores, rows}`."""
    return {
        "benchmark": name,
        "date": datetime.now(UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "rows": [asdict(row) for row in rows],
    }


def table(name: str, rows: Sequence[Row]) -> Table:
    """The rows for a person."""
    answer = Table("figure", "value", "unit", "target", "met", title=name)
    marks = {True: "yes", False: "NO", None: ""}
    for row in rows:
        value = f"{row.value:.4g}" if isinstance(row.value, float) else str(row.value)
        answer.add_row(row.figure, value, row.unit, row.target or "", marks[row.met])
    return answer
