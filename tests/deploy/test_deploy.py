"""The deployment names only what there is: commands, options, files, versions; no port is open to others by accident.

Nothing is built here: images need a registry, and units an init. What has its own checker is given to it where it is
installed.
"""

import re
import shlex
import shutil
import subprocess
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from darkstar_pipeline.config.settings import Settings, load_settings
from darkstar_pipeline.fleet.homes_file import fleet_of
from darkstar_pipeline.sample.fleet.areas import fleet_section
from darkstar_pipeline.sample.fleet.make_fleet import FleetRecipe, make_fleet
from tests.builders.command_line import command_line
from tests.conftest import ROOT

DEPLOY = ROOT / "deploy"
ADDON = DEPLOY / "home_assistant_addon"
PROGRAMS = ("python", "dagster-daemon")
DOOR = "darkstar_pipeline.service.door"
LEAST_SECURE = 20  # systemd's exposure level in tenths: 100 is a unit without any protection
COMMAND_LINE = re.compile(
    r"(?:(?:^\s*|`|exec |/bin/)darkstar |run --rm planner )((?:--?)?[a-z][^\n`&|;>#]*)", re.MULTILINE
)


def compose(name: str = "compose.yaml") -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / name).read_text())


def documented_commands() -> list[tuple[str, list[str]]]:
    """Every `darkstar …` that is run or advised in the deployed files and their page."""
    found: list[tuple[str, list[str]]] = []
    for path in [*DEPLOY.rglob("*"), ROOT / "docs" / "operations.md", ROOT / "docs" / "scaling.md"]:
        if not path.is_file() or path.suffix in (".whl", ".txt"):
            continue
        text = path.read_text()
        found += [(path.name, shlex.split(words, comments=True)) for words in COMMAND_LINE.findall(text)]
    services = compose()["services"]
    found += [("compose.yaml", services[name]["command"]) for name in ("planner", "guard")]
    found.append(("compose.fleet.yaml", compose("compose.fleet.yaml")["services"]["fleet"]["command"]))
    for path in (DEPLOY / "kubernetes" / "base").glob("fleet*.yaml"):
        deployment = next(yaml.safe_load_all(path.read_text()))
        found.append((path.name, deployment["spec"]["template"]["spec"]["containers"][0]["args"]))
    init = (ADDON / "addon_init.py").read_text()
    found += [("addon_init.py", list(words)) for words in addon_programs(init)]
    cmd = re.search(r"^CMD (\[.*\])$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert cmd is not None
    found.append(("Dockerfile", yaml.safe_load(cmd.group(1))))
    return [entry for number, entry in enumerate(found) if entry not in found[:number]]


def addon_programs(init: str) -> list[tuple[str, ...]]:
    """What the add-on's init runs."""
    module: dict[str, Any] = {"__name__": "addon_init"}
    exec(compile(init, "addon_init.py", "exec"), module)  # noqa: S102 - our own file, which is no part of a package
    return [module["GUARD"], module["PLANNER"]]


@pytest.mark.parametrize(
    ("file", "words"), documented_commands(), ids=lambda value: value if isinstance(value, str) else " ".join(value)
)
def test_command_exists_with_its_options_when_a_deployed_file_names_it(file: str, words: list[str]) -> None:
    group: Any = command_line()
    left = list(words)
    while hasattr(group, "commands") and left and not left[0].startswith("-"):
        assert left[0] in group.commands, f"{file}: darkstar has no {left[0]}"
        group = group.commands[left.pop(0)]
    options = {name for each in group.params for name in (*each.opts, *each.secondary_opts)}
    assert {word.split("=")[0] for word in left if word.startswith("-")} <= options, file


def test_documented_commands_are_found_when_there_are_some() -> None:
    files = {file for file, _ in documented_commands()}
    assert {
        "darkstar.service",
        "darkstar-guard.service",
        "Dockerfile",
        "compose.yaml",
        "compose.fleet.yaml",
        "fleet.yaml",
        "fleet_planner.yaml",
        "operations.md",
        "scaling.md",
    } <= files


@pytest.mark.parametrize("name", ["compose.yaml", "compose.postgres.yaml", "compose.fleet.yaml"])
def test_compose_refers_only_to_what_it_declares_when_read(name: str) -> None:
    base, overlay = {"services": {}, "volumes": {}} if name == "compose.fleet.yaml" else compose(), compose(name)
    services = {**base["services"], **overlay["services"]}
    volumes = {**base["volumes"], **overlay["volumes"]}
    for service, body in overlay["services"].items():
        assert set(body.get("depends_on", {})) <= services.keys(), service
        for mount in body.get("volumes", []):
            source = mount.split(":")[0]
            assert (DEPLOY / source).is_file() if source.startswith("./") else source in volumes, mount


@pytest.mark.parametrize("name", ["compose.yaml", "compose.fleet.yaml"])
def test_ports_are_bound_to_this_machine_when_containers_run(name: str) -> None:
    services = compose(name)["services"]
    ports = [port for body in services.values() for port in body.get("ports", [])]
    assert len(ports) == 3
    assert all(port.startswith("127.0.0.1:") for port in ports)
    ours = [body for service, body in services.items() if service != "postgres"]
    assert all(body["read_only"] and body["cap_drop"] == ["ALL"] for body in ours)


def test_every_published_page_asks_for_the_token_when_containers_run() -> None:
    pages = {name: body for name, body in compose()["services"].items() if body.get("ports")}
    assert pages.keys() == {"planner", "dagster", "mlflow"}
    assert all(body["environment"]["DARKSTAR_TOKEN"] == "${DARKSTAR_TOKEN}" for body in pages.values())  # noqa: S105
    for name in ("dagster", "mlflow"):
        assert pages[name]["entrypoint"] == ["python", "-m", f"{DOOR}.{name}_page"]
    clients = compose()["x-darkstar"]["environment"]
    assert clients["MLFLOW_TRACKING_TOKEN"].startswith("${DARKSTAR_TOKEN:?"), "nothing starts without one"


def test_programs_and_modules_of_containers_are_installed_when_named(root: Path) -> None:
    services = compose()["services"]
    named = {body["entrypoint"][0] for body in services.values() if "entrypoint" in body} - {"sh"}
    assert named == set(PROGRAMS)
    assert all((root / ".venv" / "bin" / name).exists() or shutil.which(name) for name in named)
    modules = set(re.findall(r"darkstar_pipeline\.[a-z_.]+[a-z]", (DEPLOY / "compose.yaml").read_text()))
    doors = {f"{DOOR}.dagster_page", f"{DOOR}.mlflow_page"}
    assert modules == {"darkstar_pipeline.definitions", "darkstar_pipeline.orchestration.instance", *doors}
    assert all((root / f"{module.replace('.', '/')}.py").exists() for module in modules)


@pytest.mark.parametrize("file", ["Dockerfile", "home_assistant_addon/Dockerfile"])
def test_copied_files_exist_and_reach_the_builder_when_an_image_is_built(root: Path, file: str) -> None:
    text = (DEPLOY / file).read_text()
    copied = {
        word
        for line in re.findall(r"^COPY (?!--from)(.*)$", text, re.MULTILINE)
        for word in line.split()[:-1]
        if "*" not in word
    }
    if file.startswith("home"):
        assert copied == {"image.txt", "constraints.txt", "addon_init.py"}  # two are put there with the wheel
        assert "cp locks/image.txt constraints.txt deploy/home_assistant_addon/" in (ADDON / "DOCS.md").read_text()
        return
    let_in = {
        line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")
    }
    assert copied == let_in
    assert all((root / name).exists() for name in copied)
    packages = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"][
        "packages"
    ]
    assert set(packages) <= copied


def test_addon_has_what_home_assistant_asks_for_when_read(root: Path) -> None:
    addon = yaml.safe_load((ADDON / "config.yaml").read_text())
    assert {"name", "version", "slug", "description", "arch"} <= addon.keys()
    assert addon["version"] == version("darkstar-pipeline")
    assert addon["options"].keys() == addon["schema"].keys()
    read = set(re.findall(r'read\.get\("(\w+)"\)', (ADDON / "addon_init.py").read_text()))
    assert read == addon["options"].keys()
    assert set(yaml.safe_load((ADDON / "build.yaml").read_text())["build_from"]) == set(addon["arch"])
    assert (addon["ingress"], addon["ingress_port"]) == (True, 8420)
    assert not {"ports", "host_network", "webui", "privileged", "full_access"} & addon.keys(), "behind ingress alone"
    assert "port: int = Field(default=8420" in (root / "darkstar_pipeline" / "config" / "service.py").read_text()


@pytest.mark.parametrize("file", ["Dockerfile", "home_assistant_addon/Dockerfile"])
def test_images_install_by_hash_and_pytorch_from_one_index(file: str) -> None:
    text = (DEPLOY / file).read_text().replace("\\\n", " ")
    installs = [words for line in text.splitlines() for words in line.split("&&") if "pip install" in words]
    assert len(installs) >= 3
    for words in installs:
        by_hash = "--require-hashes --no-deps -r" in words
        torch = "--no-deps --index-url https://download.pytorch.org/whl/cpu" in words and "^torch==" in words
        own = words.strip().endswith("*.whl") and "--no-deps" in words
        assert by_hash or torch or own, words
    assert "--extra-index-url" not in text


@pytest.mark.parametrize("lock", ["image", "fleet"])
def test_images_lock_is_one_that_is_written(root: Path, lock: str) -> None:
    assert (root / "locks" / f"{lock}.txt").exists()
    named = re.search(r"^ARG LOCK=(\w+)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert named is not None
    assert named[1] == "image", "one home's image has nothing of a fleet"
    assert compose("compose.fleet.yaml")["x-darkstar"]["build"]["args"]["LOCK"] == "fleet"


def test_fleet_has_two_ray_nodes_and_its_records_in_postgres() -> None:
    services = compose("compose.fleet.yaml")["services"]
    assert services["ray-worker"]["deploy"]["replicas"] == 2
    assert "--address=ray-head:6379" in services["ray-worker"]["entrypoint"]
    assert services["mlflow"]["environment"]["MLFLOW_BACKEND_STORE_URI"].startswith("postgresql+psycopg2://")
    mounts = [mount for name in ("dagster", "dagster-daemon") for mount in services[name]["volumes"]]
    assert mounts.count("./dagster_postgres.yaml:/data/state/dagster/dagster.yaml:ro") == 2
    settings = yaml.safe_load((DEPLOY / "darkstar_fleet.yaml").read_text())
    hosts = {settings["engine"]["address"].removeprefix("ray://").split(":")[0], "store", "postgres", "mlflow"}
    assert hosts <= services.keys()


@pytest.mark.parametrize("file", ["darkstar_fleet.yaml", "kubernetes/overlays/dev/darkstar.yaml"])
def test_a_try_out_can_be_filled_with_synthetic_homes_and_its_configuration_stays(file: str, tmp_path: Path) -> None:
    text = (DEPLOY / file).read_text().replace("s3://darkstar/lake", str(tmp_path / "lake"))
    config = tmp_path / "darkstar.yaml"
    config.write_text(text)
    made = make_fleet(FleetRecipe(homes=3, days=1), config, tmp_path / "state", quarantine=tmp_path / "quarantine")
    assert made.homes.total == 3
    assert made.readings == 3 * 96
    assert config.read_text() == text, "it is mounted read-only"
    assert (
        fleet_of(load_settings(config)).tariffs
        == fleet_of(Settings.model_validate({"fleet": fleet_section(3)})).tariffs
    )


def test_postgres_release_fits_dagster_when_installed() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["postgres"]
    library = version("dagster-duckdb")  # libraries of a Dagster release share their number
    assert f"dagster-postgres=={library}" in extras
    storage = yaml.safe_load((DEPLOY / "dagster_postgres.yaml").read_text())["storage"]["postgres"]["postgres_db"]
    assert storage["scheme"] == "postgresql+psycopg2"


def test_secrets_are_in_no_deployed_file_when_read() -> None:
    seen: set[str] = set()
    for path in DEPLOY.rglob("*"):
        if path.is_file() and path.suffix in (".yaml", ".service", ""):
            for name, value in re.findall(r"(?im)^\s*(\w*(?:token|password))\s*[:=]\s*(\S+)", path.read_text()):
                empty = value.startswith(("${", "{env", '""', '"password?"', "$(", "true", "false"))
                assert empty, f"{path.name}: {name}"
                seen.add(path.name)
    assert len(seen) > 1, "the files have names of secrets in them"


def unit_settings(name: str) -> dict[str, list[str]]:
    """The settings of a unit, each with all its values."""
    found: dict[str, list[str]] = {}
    for line in (DEPLOY / name).read_text().splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def test_guard_is_a_unit_of_its_own_that_is_always_started_again() -> None:
    guard, planner = unit_settings("darkstar-guard.service"), unit_settings("darkstar.service")
    assert guard["ExecStart"] == ["/opt/darkstar/.venv/bin/darkstar control guard"]
    assert (guard["Restart"], guard["StartLimitIntervalSec"]) == (["always"], ["0"])
    assert guard["Before"] == ["darkstar.service"], "it is started before the planner and stopped after it"
    assert "darkstar-guard.service" in planner["Wants"][0]
    assert "darkstar-guard.service" in planner["After"][0]
    assert planner["KillMode"] == ["mixed"]
    assert not {"PartOf", "BindsTo", "Requires"} & guard.keys(), "it does not share the planner's fate"
    shared = ("User", "Group", "StateDirectory", "EnvironmentFile")
    assert all(guard[key] == planner[key] for key in shared)
    assert "DARKSTAR_HOME=/var/lib/darkstar/state" in guard["Environment"]
    assert not any("DARKSTAR_CONFIG" in value for value in guard["Environment"]), "a slip there does not stop it"


def test_guard_has_a_container_of_its_own_on_the_same_volume() -> None:
    services = compose()["services"]
    guard, planner = services["guard"], services["planner"]
    assert guard["volumes"] == planner["volumes"]
    assert guard["restart"] == "unless-stopped"
    assert "pid" not in guard, "its processes are its own"
    assert "DARKSTAR_HA_TOKEN" in guard["environment"]
    assert "depends_on" not in guard
    assert "guard" in planner["depends_on"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
@pytest.mark.parametrize("name", ["darkstar.service", "darkstar-guard.service"])
def test_unit_is_valid_and_closed_when_systemd_looks_at_it(tmp_path: Path, name: str) -> None:
    for each in ("darkstar.service", "darkstar-guard.service"):  # they name one another
        text = (DEPLOY / each).read_text()
        (tmp_path / each).write_text(text.replace("/opt/darkstar/.venv/bin/darkstar", "/bin/true"))
    unit = tmp_path / name
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    command = ["systemd-analyze", "security", "--offline=true", f"--threshold={LEAST_SECURE}", str(unit)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
