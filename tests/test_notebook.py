"""The notebooks: paired with their text, stored bare, and running: one on a lake as a backfill leaves it, two alone."""

import json
import os
import re
from datetime import date
from pathlib import Path

import nbformat
import polars as pl
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from darkstar_pipeline.config.fingerprints import config_version
from darkstar_pipeline.config.writer import SAMPLE_SITE, add_site
from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.evaluation.range_verdict import day_schedule
from darkstar_pipeline.sample import load_sample
from darkstar_pipeline.sample.site import sample_settings
from darkstar_pipeline.warehouse.schemas import (
    DATA_QUALITY_DAILY,
    ORACLE_SCHEDULES,
    SLOT_FORECASTS,
    SLOT_OBSERVATIONS,
    SPOT_PRICES,
    Table,
)
from env.time_grid import days_between, grid
from planner.forecasts.naive import naive_forecasts

NAME = "a_day_in_money"
ALONE = {"compare_runs": (2, 5), "inside_a_policy": (3, 3)}  # pictures and tables of those that make a home themselves
NAMES = (NAME, *ALONE)
# The week before the clock changes is history for the forecasts; the change itself is among the days.
FIRST, LAST = date(2024, 3, 24), date(2024, 4, 7)
FENCE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SYNC = "pair them again: .venv/bin/uvx jupytext==1.19.6 --sync notebooks/*.ipynb"


def stored(root: Path, name: str) -> nbformat.NotebookNode:
    return nbformat.read(root / "notebooks" / f"{name}.ipynb", as_version=4)


@pytest.fixture
def notebook(root: Path) -> nbformat.NotebookNode:
    return stored(root, NAME)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    """An empty sample site, which the environment points to."""
    monkeypatch.setenv("DARKSTAR_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("DARKSTAR_CONFIG", str(tmp_path / "darkstar.yaml"))
    add_site(tmp_path / "darkstar.yaml", SAMPLE_SITE, sample_settings())
    return open_context(SAMPLE_SITE)


def fill(home: Context) -> None:
    """Fill the lake as a backfill of two weeks of the sample does; some schedules are stored, some are not."""
    sample = load_sample()
    slots = grid(FIRST, LAST, home.timezone).with_columns(hour=pl.col("slot_start").dt.truncate("1h"))
    slots = slots.join(sample.observations.rename({"slot_start": "hour"}), on="hour", how="left")
    slots = slots.join(sample.prices.rename({"slot_start": "hour"}), on="hour", how="left")
    slots = slots.with_columns(pl.col("load_kwh", "pv_kwh") / 4, raw_price="price", area=pl.lit("NL"))
    days = list(days_between(FIRST, LAST))
    forecasts = naive_forecasts(slots, days, home.timezone, load_days=7, pv_days=3)
    graded = pl.DataFrame({"day": days, "status": "clean", "reasons": ""})
    frames = {
        SLOT_OBSERVATIONS: slots,
        SPOT_PRICES: slots.with_columns(repaired=pl.lit(value=False)),
        SLOT_FORECASTS: forecasts,
        DATA_QUALITY_DAILY: graded,
    }
    for table, frame in frames.items():
        home.lake.write_days(table, home.site_name, days, declared(frame, table))
    version = config_version(home.site_settings, "oracle")
    bounds = pl.concat([day_schedule(home, day, "oracle") for day in days]).with_columns(config_version=pl.lit(version))
    home.lake.write_days(ORACLE_SCHEDULES, home.site_name, days, declared(bounds, ORACLE_SCHEDULES))


def declared(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """The frame in the table's columns; what it does not have is null, or nothing to count."""
    named = frame.with_columns(site=pl.lit(SAMPLE_SITE))
    missing = [column for column in table.columns if column.name not in named.columns]
    filled = [pl.lit(None if column.nullable else 0, dtype=column.dtype).alias(column.name) for column in missing]
    return named.with_columns(filled).select(table.schema.names())


def run(notebook: nbformat.NotebookNode, folder: Path) -> nbformat.NotebookNode:
    """Run every cell in a kernel of its own."""
    client = NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    return client.execute()


def outputs(notebook: nbformat.NotebookNode, kind: str) -> list[str]:
    """Return the outputs of the cells, of one kind."""
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [output["data"][kind] for output in shown if kind in output.get("data", {})]


def test_notebooks_are_all_known_when_listed(root: Path) -> None:
    assert {path.stem for path in (root / "notebooks").glob("*.ipynb")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_notebook_is_stored_bare_when_committed(root: Path, name: str) -> None:
    found = json.loads((root / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))
    code = [cell for cell in found["cells"] if cell["cell_type"] == "code"]
    assert code
    assert not [cell for cell in code if cell["outputs"] or cell["execution_count"] is not None]
    assert found["metadata"]["kernelspec"]["name"] == "python3"


@pytest.mark.parametrize("name", NAMES)
def test_notebook_defines_nothing_when_read(root: Path, name: str) -> None:
    code = "\n".join(cell.source for cell in stored(root, name).cells if cell.cell_type == "code")
    assert not re.search(r"\b(def|class|lambda)\b", code), "what is worth defining belongs in a room, with a test"


@pytest.mark.parametrize("name", NAMES)
def test_text_is_the_notebook_when_compared(root: Path, name: str) -> None:
    text, cells = (root / "notebooks" / f"{name}.md").read_text(encoding="utf-8"), stored(root, name).cells
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    prose = [cell.source for cell in cells if cell.cell_type == "markdown"]
    body = text.split("---\n", 2)[2]
    assert [fence.rstrip("\n") for fence in FENCE.findall(body)] == code, SYNC
    assert FENCE.sub("", body).split() == " ".join(prose).split(), SYNC


@pytest.mark.slow
@pytest.mark.thorough
def test_notebook_runs_when_the_lake_is_filled(notebook: nbformat.NotebookNode, home: Context, root: Path) -> None:
    fill(home)
    done = run(notebook, root / "notebooks")
    assert len(outputs(done, "image/png")) == 2
    assert len(outputs(done, "text/html")) == 6
    assert "Largest difference: " in " ".join(outputs(done, "text/markdown"))


@pytest.mark.slow
@pytest.mark.usefixtures("home")
@pytest.mark.thorough
@pytest.mark.parametrize("configured", [True, False], ids=["empty lake", "no configuration"])
def test_notebook_says_what_to_run_when_there_is_nothing(
    notebook: nbformat.NotebookNode, root: Path, configured
) -> None:
    if not configured:
        Path(os.environ["DARKSTAR_CONFIG"]).unlink()
    with pytest.raises(CellExecutionError, match="make run"):
        run(notebook, root / "notebooks")


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.parametrize("name", ALONE)
def test_notebook_runs_when_nothing_is_there(
    root: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DARKSTAR_HOME", str(tmp_path / "none"))
    monkeypatch.setenv("DARKSTAR_CONFIG", str(tmp_path / "none.yaml"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    done = run(stored(root, name), root / "notebooks")
    assert (len(outputs(done, "image/png")), len(outputs(done, "text/html"))) == ALONE[name]
    words = " ".join(outputs(done, "text/markdown"))
    assert "EUR" in words
    assert "nan" not in words
    assert not (tmp_path / "none").exists(), "it works in a folder of its own"
