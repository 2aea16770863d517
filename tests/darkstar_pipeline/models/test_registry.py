"""A training becomes a run, a version, a bundle and rows, once."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import ConfigurationError, DataMissingError, DataRefusedError
from darkstar_pipeline.models.promotion import promote
from darkstar_pipeline.models.registry import (
    attach_evidence,
    find_version,
    list_versions,
    register_model,
    stored_bundle,
)
from darkstar_pipeline.models.version import RegisteredModel, find_model, parse_reference
from darkstar_pipeline.tracking.mlflow_store import open_store
from darkstar_pipeline.warehouse.lake import Lake
from darkstar_pipeline.warehouse.query import run_query
from darkstar_pipeline.warehouse.schemas import ANTARES_POLICY_RUNS, ANTARES_RL_RUNS, ANTARES_TRAINING_RUNS
from planner.artifacts.bundle import read_bundle
from planner.errors import PolicyMismatchError
from tests.builders.models import bundle_in, context_in, training

# MLflow warns of its own dependencies' changes while it is imported; nothing of ours.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")

AT_ONCE = """
import sys
from collections.abc import Callable
from pathlib import Path
from darkstar_pipeline.models.registry import register_model
from tests.builders.models import bundle_in, context_in, training
home, site, seed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
context = context_in(home, site)
folder = Path(sys.argv[4])  # of this process alone: two that write one folder would meet there
bundle_in(folder, context, seed=seed)
print(register_model(context, folder, training()))
"""


def test_versions_are_none_when_nothing_was_registered(tmp_path: Path) -> None:
    assert list_versions(context_in(tmp_path)) == []
    assert list(tmp_path.iterdir()) == [], "looking makes nothing"


def test_version_carries_its_figures_and_bundle_when_registered(context: Context, register: Callable[..., int]) -> None:
    version = register(1)
    (record,) = list_versions(context)
    assert (record.version, record.kind, record.algorithm) == (version, "rl", "ppo")
    assert record.aliases == ("challenger",)
    assert record.figures == {"captured_share": 0.985, "cost_vs_mpc": -3.5, "cost_vs_mpc_pct": -0.7, "breaches": 0.0}
    assert record.window == "2026-01-01 to 2026-02-28"
    assert record.evidence is None
    assert read_bundle(RegisteredModel.of(context).version_folder(version)).identity == record.identity


def test_run_remembers_all_that_was_given_when_registered(context: Context, register: Callable[..., int]) -> None:
    params = {f"p{i}": i for i in range(130)} | {"learning_rate": 3e-4}  # more than MLflow takes in one call
    curves = {"reward": [(step, -1.0 / (step + 1)) for step in range(1200)]}
    register(1, parent_run_id="parent", dagster_run_id="dagster", params=params, curves=curves)
    (record,) = list_versions(context)
    client, _ = open_store(context.home)
    data = client.get_run(record.run_id).data
    assert data.params["learning_rate"] == "0.0003"
    assert {f"p{i}" for i in range(130)} <= set(data.params)
    assert (data.params["train_days"], data.params["seeds"]) == ("2026-01-01 to 2026-02-28", "1, 2")
    assert data.metrics["captured_share"] == 0.985
    assert (data.tags["mlflow.parentRunId"], data.tags["dagster/run_id"]) == ("parent", "dagster")
    assert data.tags["code_version"]
    assert data.tags["config_version"]
    curve = client.get_metric_history(record.run_id, "reward")
    assert [each.step for each in curve] == list(range(1200))
    assert {each.path for each in client.list_artifacts(record.run_id)} == {"bundle", "days.parquet", "curve.png"}


def test_version_is_the_same_when_the_bundle_is_registered_again(
    context: Context, register: Callable[..., int]
) -> None:
    assert [register(1), register(2), register(1)] == [1, 2, 1]
    aliases = {each.version: each.aliases for each in list_versions(context)}
    assert aliases == {2: ("challenger",), 1: ()}
    for table in (ANTARES_TRAINING_RUNS, ANTARES_RL_RUNS):
        assert sorted(context.lake.read(table, context.site_name)["version"]) == [1, 2]


@pytest.mark.parametrize(
    ("kind", "model", "aliases", "tables"),
    [
        pytest.param("rl", "antares", ("challenger",), (1, 0, 1), id="rl"),
        pytest.param("lightgbm", "antares", ("challenger",), (1, 1, 0), id="lightgbm"),
        pytest.param("regressors", "regressors", (), (1, 0, 0), id="regressors"),
        pytest.param("aurora", "aurora", (), (1, 0, 0), id="aurora"),
    ],
)
def test_model_and_tables_follow_the_kind(
    context: Context,
    register: Callable[..., int],
    kind: str,
    model: str,
    aliases: tuple[str, ...],
    tables: tuple[int, ...],
) -> None:
    register(1, kind=kind)
    (record,) = list_versions(context, f"{model}-{context.site_name}")
    assert record.aliases == aliases
    found = (ANTARES_TRAINING_RUNS, ANTARES_POLICY_RUNS, ANTARES_RL_RUNS)
    assert tuple(context.lake.read(table, context.site_name).height for table in found) == tables


def test_run_row_can_be_queried_when_registered(context: Context, register: Callable[..., int]) -> None:
    register(1)
    sql = "SELECT site, model, seeds, hyper_parameters, metrics, train_last FROM antares_rl_runs"
    with run_query(Lake(context.home / "lake"), sql) as result:
        (row,) = [row for row in result.rows() if row[0] == context.site_name]
    _, model, seeds, parameters, metrics, last = row
    assert (model, json.loads(seeds)) == (f"antares-{context.site_name}", [1, 2])
    assert json.loads(parameters)["p0"] == 0
    assert json.loads(metrics)["captured_share"] == 0.985
    assert str(last) == "2026-02-28"


def test_metrics_without_a_number_are_null_in_the_table(context: Context, register: Callable[..., int]) -> None:
    register(1, metrics={"captured_share": float("nan"), "breaches": 0.0})
    (text,) = context.lake.read(ANTARES_RL_RUNS, context.site_name)["metrics"]
    assert json.loads(text) == {"captured_share": None, "breaches": 0.0}


@pytest.mark.parametrize(
    "step",
    [
        "mlflow.MlflowClient.create_model_version",
        *(f"darkstar_pipeline.models.registry.{step}" for step in ("place_bundle", "set_challenger_alias", "add_run")),
    ],
)
def test_registration_is_mended_when_it_was_killed_before_a_step(
    context: Context, register: Callable[..., int], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def kill(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(step, kill)
        with pytest.raises(KeyboardInterrupt):
            register(1)
    assert register(1) == 1
    (record,) = list_versions(context)
    assert record.aliases == ("challenger",)
    assert read_bundle(RegisteredModel.of(context).version_folder(1)).identity == record.identity
    assert context.lake.read(ANTARES_RL_RUNS, context.site_name)["run_id"].to_list() == [record.run_id]


def test_champion_does_not_become_challenger_when_registered_again(
    context: Context, register: Callable[..., int]
) -> None:
    promote(context, register(1), actor="test", reason="first", evidence={"promote": True})
    register(1)
    assert [each.aliases for each in list_versions(context)] == [("champion",)]


def test_evidence_is_listed_when_attached(context: Context, register: Callable[..., int]) -> None:
    version = register(1)
    attach_evidence(context, f"antares-{context.site_name}", version, {"promote": False, "reasons": ["dearer"]})
    assert list_versions(context)[0].evidence == {"promote": False, "reasons": ["dearer"]}


def test_bundle_is_fetched_when_the_state_folder_lost_it(context: Context, register: Callable[..., int]) -> None:
    version, name = register(1), f"antares-{context.site_name}"
    folder = RegisteredModel.of(context).version_folder(version)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    folder.rename(folder.with_name("lost"))
    assert stored_bundle(context, name, version) == folder
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_bundle_of_another_store_is_never_replaced(context: Context, register: Callable[..., int]) -> None:
    folder = RegisteredModel.of(context).version_folder(1)
    other = bundle_in(folder, context, seed=9)
    with pytest.raises(DataRefusedError, match="another bundle"):
        register(1)
    assert read_bundle(folder) == other


def test_errors_say_what_is_there(context: Context, register: Callable[..., int], tmp_path: Path) -> None:
    register(1)
    with pytest.raises(DataMissingError, match="has no version 7; it has: 1"):
        find_version(context, f"antares-{context.site_name}", 7)
    with pytest.raises(ConfigurationError, match="no registered model of site"):
        find_model(context, "../elsewhere")
    with pytest.raises(PolicyMismatchError):
        register_model(context, tmp_path / "nothing", training())


@pytest.mark.parametrize("text", ["antares-home/3", "models:/antares-home", "models:/antares-home/x", "models://3"])
def test_reference_is_refused_when_it_is_written_otherwise(text: str) -> None:
    with pytest.raises(ConfigurationError, match="names no version of a model"):
        parse_reference(text)


@pytest.mark.slow
@pytest.mark.thorough
def test_versions_are_distinct_when_processes_register_at_once(context: Context, root: Path, tmp_path: Path) -> None:
    seeds = ("1", "2", "1")
    words = (str(context.home), context.site_name)
    together = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", AT_ONCE, *words, seed, str(tmp_path / str(number))],
            cwd=root,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number, seed in enumerate(seeds)
    ]
    versions = [process.communicate()[0].strip() for process in together]
    assert [process.returncode for process in together] == [0, 0, 0]
    assert versions[0] == versions[2] != versions[1]
    assert {each.version for each in list_versions(context)} == {1, 2}
    assert context.lake.read(ANTARES_RL_RUNS, context.site_name).height == 2
