"""Check of the size of the state folder, by kind of what is in it, against a budget."""

import os
from pathlib import Path

from darkstar_pipeline.context import DAGSTER_FOLDER, LAKE_FOLDER, MLFLOW_FOLDER
from darkstar_pipeline.doctor.finding import CheckResult, passed, warned
from darkstar_pipeline.doctor.repair import ASIDE_FOLDER

MIB = 2**20
BUDGETS_MIB = {LAKE_FOLDER: 2048, DAGSTER_FOLDER: 2048, MLFLOW_FOLDER: 4096, "models": 2048, "service": 2048}
"""Size from which on a kind is told [MiB]; a home of three years with a retrain a week stays below."""
_REMEDIES = {
    LAKE_FOLDER: "archive days that no training needs with `darkstar backup`, then remove their folders",
    DAGSTER_FOLDER: "delete old runs in Dagster's page, or stop everything and move the folder away",
    MLFLOW_FOLDER: "delete old runs in MLflow's page, then `mlflow gc`",
    "models": "remove folders of versions that are not in use; they are fetched from MLflow again",
    "service": "lower service.keep_plans_days",
    ASIDE_FOLDER: "look at what was moved aside and remove it",
}
_OTHER_MIB = 512


def check_sizes(home: Path) -> CheckResult:
    """Check that no kind of state has outgrown its budget; the files are listed, none is read."""
    sizes = {kind: _size(home / kind) for kind in (*BUDGETS_MIB, ASIDE_FOLDER)}
    known = {kind: size for kind, size in sizes.items() if size}
    detail = ", ".join(f"{kind} {size / MIB:.0f} MiB" for kind, size in known.items()) or "empty"
    large = [kind for kind, size in known.items() if size > BUDGETS_MIB.get(kind, _OTHER_MIB) * MIB]
    if not large:
        return passed("sizes", f"{detail}; none above its budget")
    above = ", ".join(f"{kind} of {BUDGETS_MIB.get(kind, _OTHER_MIB)} MiB" for kind in large)
    return warned("sizes", f"{detail}; above its budget: {above}", "; ".join(_REMEDIES[kind] for kind in large))


def _size(folder: Path) -> int:
    """Return the bytes of the files below a folder; files that go meanwhile count nothing."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(f"{place}/{name}").st_size
            except OSError:
                continue
    return total
