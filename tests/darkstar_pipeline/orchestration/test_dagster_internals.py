"""The private names of Dagster that Darkstar uses are there and do what is needed; a failure says what has changed."""

import importlib
import importlib.util
import inspect
import re
from pathlib import Path

import dagster as dg
import pytest

MODULE = "darkstar_pipeline.orchestration.dagster_internals"
STORAGE = "darkstar_pipeline.orchestration.dagster_storage_internals"
BACKFILL = "darkstar_pipeline.orchestration.dagster_backfill_internals"
REMEDY = f"read {MODULE}, and adapt it to this release of Dagster or pin the one before"


@pytest.mark.parametrize("module", [MODULE, STORAGE, BACKFILL])
def test_private_names_are_there(module: str) -> None:
    try:
        importlib.import_module(module)
    except ImportError as error:
        pytest.fail(f"Dagster {dg.__version__} has moved a private name: {error}; {REMEDY}")


def test_job_type_is_what_dagster_returns() -> None:
    internals = importlib.import_module(MODULE)
    job = dg.define_asset_job("job")
    assert isinstance(job, internals.UnresolvedAssetJobDefinition), f"define_asset_job returns {type(job)}; {REMEDY}"


@pytest.mark.parametrize(
    ("owner", "method", "parameters"),
    [
        ("SqliteEventLogStorage", "store_event_batch", ["self", "events"]),
        ("SqliteEventLogStorage", "run_connection", ["self", "run_id"]),
        ("SqliteEventLogStorage", "index_connection", ["self"]),
        ("SqliteEventLogStorage", "_event_to_row", ["self", "event"]),
        ("SqliteEventLogStorage", "_store_asset_event", ["self", "conn", "event", "event_id"]),
        ("SqliteEventLogStorage", "_store_asset_event_tags", ["self", "conn", "events", "event_ids"]),
        ("DagsterSqliteStorage", "from_local", ["base_dir", "inst_data"]),
    ],
)
def test_storage_has_the_methods_that_batches_rely_on(owner: str, method: str, parameters: list[str]) -> None:
    function = getattr(getattr(importlib.import_module(STORAGE), owner), method, None)
    assert function is not None, f"{owner} of Dagster {dg.__version__} has no {method}; {REMEDY}"
    found = list(inspect.signature(function).parameters)
    assert found == parameters, f"{owner}.{method} of Dagster {dg.__version__} takes {found}; {REMEDY}"


def test_compute_log_manager_is_where_dagster_yaml_names_it() -> None:
    internals = importlib.import_module(MODULE)
    found = importlib.util.find_spec(internals.NOOP_COMPUTE_LOGS)
    assert found is not None, f"Dagster {dg.__version__} has no {internals.NOOP_COMPUTE_LOGS}; {REMEDY}"


def test_no_other_module_reaches_into_dagster(root: Path) -> None:
    private = re.compile(r"^\s*(from|import) dagster\._", re.MULTILINE)
    folders = ("env", "planner", "darkstar_pipeline", "assets", "jobs")
    files = [path for folder in folders for path in (root / folder).rglob("*.py")]
    reaching = {path.stem for path in files if private.search(path.read_text(encoding="utf-8"))}
    allowed = {module.rpartition(".")[2] for module in (MODULE, STORAGE, BACKFILL)}
    assert reaching == allowed, f"private names of Dagster belong into {MODULE}"
