"""A fleet's `dagster.yaml`: how its runs are launched, how many at once, and where records are."""

import json
import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import dagster as dg
import pytest
import yaml
from pydantic import ValidationError

from darkstar_pipeline.config.fleet.runs import RunsSettings
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.orchestration import fleet_instance
from darkstar_pipeline.orchestration.fleet_instance import QUEUE, fleet_config
from darkstar_pipeline.orchestration.instance import CONFIG, ensure_dagster_home, open_instance

RAY = {"address": "http://ray-head:8265", "num_cpus": 1}
KUBERNETES = {
    "service_account_name": "darkstar",
    "instance_config_map": "darkstar-dagster-instance",
    "job_image": "registry.example.org/darkstar-fleet:0.1.0",
    "dagster_home": "/opt/dagster",
    "job_namespace": "darkstar",
    "load_incluster_config": False,
}


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the configuration of a fleet; its state is beside it."""
    for name in ("DAGSTER_HOME", "DARKSTAR_CONFIG", "DARKSTAR_HOME"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(folder: Path, runs: dict[str, object]) -> dict[str, Any]:
    """The `dagster.yaml` that comes of a fleet's settings."""
    (folder / "darkstar.yaml").write_text(yaml.safe_dump({"fleet": {"runs": runs}}))
    return yaml.safe_load((ensure_dagster_home(folder / "state") / "dagster.yaml").read_text())


def test_a_fleet_without_settings_of_runs_keeps_everything_but_limits(configured: Path) -> None:
    document = written(configured, {})
    plain = yaml.safe_load(CONFIG)
    assert document.pop("concurrency") == {
        "runs": {"max_concurrent_runs": 2},
        "pools": {"default_limit": 4, "granularity": "run"},
    }
    assert document.pop("run_queue") == QUEUE, "a run whose code location is slow to answer is not dropped"
    assert document == {name: block for name, block in plain.items() if name != "concurrency"}


def test_settings_of_runs_are_written_and_written_again_when_they_change(configured: Path) -> None:
    first = written(configured, {"at_once": 8, "launcher": "ray", "options": RAY})
    assert first["concurrency"] == {
        "runs": {"max_concurrent_runs": 8},
        "pools": {"default_limit": 4, "granularity": "run"},
    }
    assert first["run_launcher"]["config"]["ray"]["address"] == "http://ray-head:8265"
    second = written(configured, {"storage": {"postgres": {"postgres_url": {"env": "DAGSTER_POSTGRES"}}}})
    assert "run_launcher" not in second
    assert second["storage"] == {"postgres": {"postgres_url": {"env": "DAGSTER_POSTGRES"}}}


def test_a_file_that_a_person_took_over_stays_when_there_is_a_fleet(configured: Path) -> None:
    (configured / "darkstar.yaml").write_text("fleet: {}\n")
    own = configured / "state" / "dagster" / "dagster.yaml"
    own.parent.mkdir(parents=True)
    own.write_text("telemetry: {enabled: false}\n")
    ensure_dagster_home(configured / "state")
    assert own.read_text() == "telemetry: {enabled: false}\n"


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ({"launcher": "ray"}, "has no address, which the launcher ray needs"),
        ({"launcher": "kubernetes", "options": {"service_account_name": "a"}}, "has no instance_config_map"),
        ({"options": RAY}, "launcher is local"),
        ({"launcher": "celery"}, "'local', 'ray' or 'kubernetes'"),
        ({"at_once": 0}, "greater than or equal to 1"),
    ],
)
def test_wrong_settings_of_runs_are_refused(runs: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        RunsSettings.model_validate(runs)


def test_a_launcher_that_is_not_installed_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet_instance, "find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match="dagster_ray is not installed") as failure:
        fleet_config(CONFIG, RunsSettings(launcher="ray", options=RAY))
    assert failure.value.hint == "pip install 'darkstar-pipeline[fleet]'"


def test_a_run_on_ray_has_a_command_that_a_shell_reads_as_it_was_meant(configured: Path) -> None:
    written(configured, {"launcher": "ray", "options": {**RAY, "metadata": {"fleet": "2026"}}})
    with open_instance(configured / "state") as instance:
        launcher, sent = cast("Any", instance.run_launcher), list[Any]()
        launcher.client = SimpleNamespace(submit_job=lambda **job: sent.append(job))
        run, context = _a_run(instance)
        launcher.launch_run(context)
    *words, document = shlex.split(sent[0]["entrypoint"])
    assert "fleet: '2026'" in document, "a quote of its own, which ends what upstream wraps in quotes"
    assert words[-2:] == ["api", "execute_run"]
    assert json.loads(document)["pipeline_run_id"] == run.run_id
    assert sent[0]["runtime_env"]["env_vars"]["DAGSTER_HOME"] == str(configured / "state" / "dagster")


def test_a_run_on_kubernetes_is_a_job_that_kubernetes_takes(configured: Path) -> None:
    import kubernetes_validate
    from kubernetes import client

    written(
        configured, {"launcher": "kubernetes", "options": {**KUBERNETES, "kubeconfig_file": _kubeconfig(configured)}}
    )
    with open_instance(configured / "state") as instance:
        launcher, sent = cast("Any", instance.run_launcher), list[Any]()
        launcher._api_client = SimpleNamespace(
            create_namespaced_job_with_retries=lambda body, namespace: sent.append((body, namespace))
        )
        run, context = _a_run(instance)
        launcher.launch_run(context)
    job, namespace = sent[0]
    document: Any = client.ApiClient().sanitize_for_serialization(job)
    kubernetes_validate.validate(document, "1.32", strict=True)
    assert namespace == "darkstar"
    container = document["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == KUBERNETES["job_image"]
    assert json.loads(container["args"][-1])["pipeline_run_id"] == run.run_id


def _kubeconfig(folder: Path) -> str:
    cluster = {"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}
    context = {"name": "c", "context": {"cluster": "c", "user": "c"}}
    document = {
        "clusters": [cluster],
        "contexts": [context],
        "users": [{"name": "c", "user": {}}],
        "current-context": "c",
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(document))
    return str(path)


def _a_run(instance: dg.DagsterInstance) -> tuple[dg.DagsterRun, Any]:
    """A run of a job that can be found again by name, as a launcher gets it."""
    from dagster._core.launcher import LaunchRunContext
    from dagster._core.test_utils import create_run_for_test

    job = dg.reconstructable(_no_job)
    run = create_run_for_test(instance, job_code_origin=job.get_python_origin(), job_name="_no_job")
    return run, LaunchRunContext(dagster_run=run, workspace=None)


@dg.job
def _no_job() -> None:
    """Do nothing."""
