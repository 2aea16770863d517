"""Programs that some tests drive and no wheel brings; a test that lacks one is left out and named at the end.

Where `CI` is set, the test fails instead: there everything must run.
"""

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.fault_injection.real_home_assistant import HASS

if TYPE_CHECKING:
    from playwright.sync_api import Playwright

NOT_RUN = "NOT RUN: "
"""Begins the reason of a test that was left out for want of a program; `tests/conftest.py` lists them at the end."""

AMQTT = Path(__file__).resolve().parents[2] / ".venv-mqtt" / "bin" / "amqtt"
"""An MQTT broker that needs no root, where `scripts/system_tools.sh` puts it."""
SEARCHED = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])


def mqtt_broker() -> str:
    """Return the path of the MQTT broker: mosquitto, or aMQTT where `scripts/system_tools.sh` could not have that."""
    path = shutil.which("mosquitto", path=SEARCHED) or (str(AMQTT) if AMQTT.exists() else None)
    return _found(path, "an MQTT broker", "make tools, or sudo apt install mosquitto")


def chromium(driver: "Playwright") -> str:
    """Return the path of a Chromium: the system's, else Playwright's own."""
    names = ("chromium", "chromium-browser", "google-chrome")
    system = next((path for name in names if (path := shutil.which(name))), None)
    own = driver.chromium.executable_path
    path = system or (own if Path(own).exists() else None)
    return _found(path, "Chromium", ".venv/bin/playwright install chromium, or sudo apt install chromium")


def home_assistant() -> str:
    """Return the path of Home Assistant's command."""
    return _found(str(HASS) if HASS.exists() else None, "Home Assistant", "PYTHON_HA=/path/to/python3.13 make tools")


def kubectl() -> str:
    """Return the path of `kubectl`, which builds overlays without a cluster."""
    return _found(shutil.which("kubectl"), "kubectl", "https://kubernetes.io/docs/tasks/tools/")


def postgres_programs() -> Path:
    """Return the folder of Postgres' programs, which Debian keeps out of the path."""
    folders = [path.as_posix() for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    found = shutil.which("initdb", path=os.pathsep.join([*folders, SEARCHED]))
    return Path(_found(found, "Postgres", "make tools, or sudo apt install postgresql")).resolve().parent


def pid_namespace() -> str:
    """Return the path of `unshare`, where it may make a namespace of processes."""
    path = shutil.which("unshare")
    if path is not None:
        probe = [path, "--pid", "--fork", "--mount-proc", "true"]
        path = path if subprocess.run(probe, capture_output=True, check=False).returncode == 0 else None
    return _found(path, "a PID namespace", "run the tests as root on Linux, with util-linux")


def _found(path: str | None, program: str, remedy: str) -> str:
    """Return the path; without one leave the test out, or fail it where everything must run."""
    if path is None:
        message = f"{program} is not installed ({remedy})"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(NOT_RUN + message)
    return path
