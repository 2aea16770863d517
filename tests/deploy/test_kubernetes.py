"""The manifests of a fleet are what Kubernetes takes, closed, and name only what there is.

`kubectl kustomize` makes the whole of an overlay, as `kubectl apply -k` would; no cluster is asked. Where it is
missing, the files are checked one by one all the same.
"""

import copy
import json
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from darkstar_pipeline.config.fleet.runs import RunsSettings
from darkstar_pipeline.config.settings import load_settings
from darkstar_pipeline.orchestration.fleet_instance import fleet_config
from darkstar_pipeline.orchestration.instance import CONFIG
from tests.builders.tools import kubectl
from tests.conftest import ROOT

KUBERNETES = ROOT / "deploy" / "kubernetes"
OVERLAYS = ("cluster", "dev")
VERSIONS = ("1.32.0", "1.37.0")  # the oldest and the newest that docs/scaling.md names
SECRETS = {"darkstar-access", "darkstar-postgres", "darkstar-store"}
CUSTOM = {"RayCluster"}  # its own pods are checked as pods; its schema is KubeRay's
RAY_GROUP = {"rayStartParams", "template"}
RAY_WORKERS = RAY_GROUP | {"groupName", "minReplicas", "maxReplicas"}
"""Fields that KubeRay's types demand of a head and of a group of workers."""

Manifest = dict[str, Any]


@cache
def rendered_text(overlay: str) -> str:
    """What an overlay applies."""
    command = [kubectl(), "kustomize", str(KUBERNETES / "overlays" / overlay)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rendered(overlay: str) -> list[Manifest]:
    return list(yaml.safe_load_all(rendered_text(overlay)))


def files() -> list[Path]:
    return sorted(path for path in KUBERNETES.rglob("*.yaml") if path.parent.name != "helm")


def kustomizations() -> dict[Path, Manifest]:
    return {path.parent: yaml.safe_load(path.read_text()) for path in files() if path.name == "kustomization.yaml"}


def used_files(folder: Path, kustomization: Manifest) -> set[Path]:
    """The files that a kustomization takes from its own folder."""
    patches = [each["path"] for each in kustomization.get("patches", []) if "path" in each]
    configured = [name for each in kustomization.get("configMapGenerator", []) for name in each.get("files", [])]
    return {(folder / name).resolve() for name in [*kustomization.get("resources", []), *patches, *configured]}


def pods(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Every pod's template, those of Ray's nodes included, by name."""
    for each in manifests:
        name = f"{each['kind']}/{each['metadata']['name']}"
        if each["kind"] in ("Deployment", "StatefulSet"):
            yield name, each["spec"]["template"]
        if each["kind"] == "RayCluster":
            groups = [each["spec"]["headGroupSpec"], *each["spec"]["workerGroupSpecs"]]
            yield from ((f"{name}/{group.get('groupName', 'head')}", group["template"]) for group in groups)


def validated(manifest: Manifest, version: str) -> None:
    for name, template in pods([manifest]) if manifest["kind"] in CUSTOM else ():
        meta = {"name": re.sub(r"\W", "-", name.lower()), **template.get("metadata", {})}
        kubernetes_validate.validate(
            {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template["spec"]}, version, strict=True
        )
    if manifest["kind"] not in CUSTOM:
        kubernetes_validate.validate(manifest, version, strict=True)


def test_each_file_is_used_and_each_that_is_named_exists() -> None:
    named: set[Path] = set()
    for folder, kustomization in kustomizations().items():
        used = used_files(folder, kustomization)
        assert all(path.exists() for path in used), used
        named |= {path for path in used if path.is_file()}
    assert named == {path for path in files() if path.name != "kustomization.yaml"}


def test_each_manifest_is_what_kubernetes_takes_when_read_by_itself() -> None:
    patches = {
        folder / each["path"]
        for folder, k in kustomizations().items()
        for each in k.get("patches", [])
        if "path" in each
    }
    checked = 0
    for path in files():
        for manifest in yaml.safe_load_all(path.read_text()):
            if (
                path not in patches
                and {"kind", "apiVersion"} <= manifest.keys()
                and manifest["kind"] != "Kustomization"
            ):
                validated(manifest, VERSIONS[-1])
                checked += 1
    assert checked > 20


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_overlay_is_what_kubernetes_takes_when_built(overlay: str, version: str) -> None:
    for manifest in rendered(overlay):
        validated(manifest, version)


def test_a_slip_is_found_when_a_manifest_has_one() -> None:
    broken = copy.deepcopy(next(each for each in rendered("cluster") if each["kind"] == "RayCluster"))
    broken["spec"]["workerGroupSpecs"][0]["template"]["spec"]["containers"][0]["redinessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        validated(broken, VERSIONS[0])


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_is_closed_bounded_and_asked_whether_it_lives(overlay: str) -> None:
    seen = 0
    for name, template in pods(rendered(overlay)):
        spec = template["spec"]
        security = spec["securityContext"]
        assert security["runAsNonRoot"] is True, name
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in [*spec["containers"], *spec.get("initContainers", [])]:
            closed = container["securityContext"]
            assert closed["readOnlyRootFilesystem"] is True, name
            assert closed["allowPrivilegeEscalation"] is False, name
            assert closed["capabilities"] == {"drop": ["ALL"]}, name
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}, name
            assert "memory" in container["resources"]["limits"], name
        assert all("livenessProbe" in container for container in spec["containers"]), name
        assert template["metadata"]["labels"]["darkstar-inside"] == "true", f"{name} could reach nothing"
        seen += 1
    assert seen >= 7


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_references_meet_what_the_overlay_brings(overlay: str) -> None:
    manifests = rendered(overlay)
    there = {(each["kind"], each["metadata"]["name"]) for each in manifests}
    for name, template in pods(manifests):
        text = json.dumps(template)
        maps = set(re.findall(r'"configMap(?:Ref)?": \{"name": "([^"]+)"', text))
        claims = set(re.findall(r'"claimName": "([^"]+)"', text))
        assert {("ConfigMap", each) for each in maps} <= there, name
        assert {("PersistentVolumeClaim", each) for each in claims} <= there, name
        account = template["spec"].get("serviceAccountName")
        assert account is None or ("ServiceAccount", account) in there, name
        assert set(re.findall(r'"secret(?:KeyRef|Ref)": \{[^}]*"name": "([^"]+)"', text)) <= SECRETS, name
    labels = [template["metadata"]["labels"] for _, template in pods(manifests)]
    for each in manifests:
        if each["kind"] in ("Service", "PodDisruptionBudget"):
            selector = each["spec"]["selector"].get("matchLabels", each["spec"]["selector"])
            assert any(selector.items() <= mine.items() for mine in labels), each["metadata"]["name"]


def test_secrets_are_referred_to_and_their_commands_are_in_the_guide() -> None:
    assert all(each["kind"] != "Secret" for overlay in OVERLAYS for each in rendered(overlay))
    guide = (ROOT / "docs" / "scaling.md").read_text()
    assert set(re.findall(r"create secret generic ([\w-]+)", guide)) == SECRETS


@pytest.mark.slow  # dagster_k8s takes five seconds to import
def test_runs_are_closed_as_our_pods_and_start_in_the_image_of_the_overlay() -> None:
    from dagster._config import process_config
    from dagster_k8s import K8sRunLauncher

    instance = yaml.safe_load((KUBERNETES / "base" / "dagster.yaml").read_text())
    config = instance["run_launcher"]["config"]
    assert process_config(K8sRunLauncher.config_type(), config).success
    maps = {each["configMap"]["name"] for each in config["volumes"] if "configMap" in each}
    there = {each["metadata"]["name"] for each in rendered("cluster") if each["kind"] == "ConfigMap"}
    assert {*config["env_config_maps"], config["instance_config_map"], *maps} <= there
    assert set(config["env_secrets"]) <= SECRETS
    assert config["security_context"]["readOnlyRootFilesystem"] is True
    assert config["run_k8s_config"]["pod_spec_config"]["security_context"]["run_as_non_root"] is True
    code = dict(pods(rendered("cluster")))["Deployment/dagster-code"]["spec"]["containers"][0]
    current = next(each["value"] for each in code["env"] if each["name"] == "DAGSTER_CURRENT_IMAGE")
    assert current == code["image"] != "darkstar-fleet"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_ray_cluster_has_the_fields_of_kuberays_types(overlay: str) -> None:
    spec = next(each["spec"] for each in rendered(overlay) if each["kind"] == "RayCluster")
    assert spec.keys() == {"rayVersion", "headGroupSpec", "workerGroupSpecs"}
    assert spec["headGroupSpec"].keys() == RAY_GROUP
    for group in spec["workerGroupSpecs"]:
        assert group.keys() == RAY_WORKERS | {"replicas"}
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
    for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
        assert all(isinstance(value, str) for value in group["rayStartParams"].values()), "a map of text to text"


def test_ray_is_the_one_that_is_locked() -> None:
    cluster = yaml.safe_load((KUBERNETES / "ray" / "cluster.yaml").read_text())
    pinned = re.search(r"^ray==(\S+)", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert pinned is not None
    assert cluster["spec"]["rayVersion"] == pinned[1]
    assert cluster["spec"]["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0", "the head does no work"


@pytest.mark.parametrize(
    "file", ["kubernetes/base/darkstar.yaml", "kubernetes/overlays/dev/darkstar.yaml", "darkstar_fleet.yaml"]
)
def test_configuration_is_that_of_a_fleet_on_ray(file: str) -> None:
    settings = load_settings(ROOT / "deploy" / file)
    assert settings.fleet is not None
    assert settings.fleet.lake == "s3://darkstar/lake"
    assert settings.engine.kind == "ray"
    assert (settings.engine.address or "").startswith("ray://ray-head")


def test_dagster_is_set_as_for_any_fleet() -> None:
    written = yaml.safe_load((KUBERNETES / "base" / "dagster.yaml").read_text())
    options = written["run_launcher"]["config"]
    runs = RunsSettings(launcher="kubernetes", options=options, at_once=10, storage=written["storage"])
    assert written == yaml.safe_load(fleet_config(CONFIG, runs))


def test_values_of_public_charts_name_our_image_and_what_the_base_brings() -> None:
    there = {each["metadata"]["name"] for each in rendered("cluster")}
    for path in (KUBERNETES / "helm").glob("*.yaml"):
        text = path.read_text()
        values = json.dumps(yaml.safe_load(text))
        assert re.search(r"helm install .* --version \d+\.\d+\.\d+", text), f"{path.name}: the chart has a number"
        assert set(re.findall(r'"repository": "([^"]+)"', values)) <= {"registry.example.org/darkstar-fleet"}
        assert set(re.findall(r'"(?:claimName|configMap|configMapRef)": (?:\{"name": )?"([^"]+)"', values)) <= there
    assert yaml.safe_load((KUBERNETES / "helm" / "dagster.yaml").read_text())["postgresql"]["enabled"] is False
    dagster = (KUBERNETES / "helm" / "dagster.yaml").read_text()
    pinned = re.search(r"^dagster==(\S+)", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert pinned is not None
    assert f"dagster/dagster --version {pinned[1]} " in dagster, "the chart has the library's number"
