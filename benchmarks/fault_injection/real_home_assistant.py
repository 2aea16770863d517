"""A real Home Assistant in a temporary folder, whose inverter is a set of its own input entities.

`scripts/home_assistant.sh` makes its environment. It is set up as a person would do it: the onboarding creates a user,
whose token all requests carry.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

HASS = Path(__file__).resolve().parents[2] / ".venv-ha" / "bin" / "hass"
"""Home Assistant's command, where `scripts/home_assistant.sh` puts it."""
START_SECONDS = 90.0
CLIENT = "http://127.0.0.1/"

CONFIGURATION = """
homeassistant:
  name: Test
  time_zone: Europe/Stockholm
  unit_system: metric
  country: SE
http:
  server_host: 127.0.0.1
  server_port: {port}
frontend:
api:
websocket_api:
recorder:
  commit_interval: 1
history:
input_number:
  charge_power: {{min: 0, max: 5000, step: 1, unit_of_measurement: W, mode: box}}
  discharge_power: {{min: 0, max: 5000, step: 1, unit_of_measurement: W, mode: box}}
  export_power: {{min: 0, max: 20000, step: 1, unit_of_measurement: W, mode: box}}
  charge_current: {{min: 0, max: 100, step: 0.1, unit_of_measurement: A, mode: box}}
  discharge_current: {{min: 0, max: 100, step: 0.1, unit_of_measurement: A, mode: box}}
  soc: {{min: -100, max: 1000, step: 0.1, initial: 55, mode: box}}
  load: {{min: 0, max: 100000, step: 1, initial: 800, mode: box}}
  pv: {{min: 0, max: 100000, step: 1, initial: 1200, mode: box}}
input_select:
  work_mode:
    options: [self_use, charge, discharge, export, hold]
    initial: self_use
template:
  - sensor:
      - name: Battery SoC
        unit_of_measurement: "%"
        device_class: battery
        state: "{{{{ states('input_number.soc') }}}}"
      - name: House load
        unit_of_measurement: W
        device_class: power
        state_class: measurement
        state: "{{{{ states('input_number.load') }}}}"
      - name: Solar power
        unit_of_measurement: kW
        device_class: power
        state_class: measurement
        state: "{{{{ states('input_number.pv') | float(0) / 1000 }}}}"
logger:
  default: warning
"""


class RealHomeAssistant:
    """A Home Assistant that can be started, stopped and killed.

    Args:
        folder: folder of its configuration; created.

    Attributes:
        patience_seconds: longest wait for an answer [s].
    """

    patience_seconds = 10.0

    def __init__(self, folder: Path) -> None:
        self.folder, self.token, self._refresh_token = folder, "", ""
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "configuration.yaml").write_text(CONFIGURATION.format(port=self.port))

    def start(self) -> None:
        """Start it and wait until it runs.

        Raises:
            RuntimeError: it does not run in time; the message has the end of its log.
        """
        with (self.folder / "output.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                [str(HASS), "--config", str(self.folder), "--skip-pip"],
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, "UV_SYSTEM_PYTHON": "1"},
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            if self._runs():
                return
            time.sleep(0.2)
        log_end = (self.folder / "output.log").read_text(errors="replace")[-2000:]
        message = f"Home Assistant does not run: {log_end}"
        raise RuntimeError(message)

    def _runs(self) -> bool:
        try:
            if not self.token:
                self.token, self._refresh_token = self._onboarded()
            return self.request("GET", "/api/config")["state"] == "RUNNING" and self.remembers(self._refresh_token)
        except (httpx2.HTTPError, KeyError):
            return False

    def remembers(self, name: str) -> bool:
        """Return whether a token, by its text or client's name, is on the disk; before that a kill makes it forgotten.

        It is written a second after the last request of anybody: who asks without a pause keeps it from the disk.
        """
        stored = self.folder / ".storage" / "auth"
        return stored.exists() and name in stored.read_text(encoding="utf-8")

    def _onboarded(self) -> tuple[str, str]:
        """Onboard a user and return an access token and the refresh token of theirs."""
        user = {
            "client_id": CLIENT,
            "name": "Test",
            "username": "test",
            "password": "test of a test",
            "language": "en",
        }
        onboarded = httpx2.post(f"{self.url}/api/onboarding/users", json=user, timeout=10)
        onboarded.raise_for_status()
        code = {"client_id": CLIENT, "grant_type": "authorization_code", "code": onboarded.json()["auth_code"]}
        tokens = httpx2.post(f"{self.url}/auth/token", data=code, timeout=10)
        tokens.raise_for_status()
        return tokens.json()["access_token"], tokens.json()["refresh_token"]

    def request(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON of any shape
        """Return an answer of its API, parsed from JSON."""
        headers = {"authorization": f"Bearer {self.token}"}
        response = httpx2.request(
            method, f"{self.url}{path}", json=body, headers=headers, timeout=self.patience_seconds
        )
        response.raise_for_status()
        return response.json()

    def state(self, entity: str) -> str:
        """Return the state of an entity."""
        return self.request("GET", f"/api/states/{entity}")["state"]

    def number(self, entity: str) -> float:
        """Return the state of an entity as a number."""
        return float(self.state(entity))

    def set(self, entity: str, value: float | str) -> None:
        """Set an input entity, as a person at the dashboard does."""
        domain = entity.partition(".")[0]
        if domain == "input_select":
            self.request("POST", f"/api/services/{domain}/select_option", {"entity_id": entity, "option": value})
        else:
            self.request("POST", f"/api/services/{domain}/set_value", {"entity_id": entity, "value": value})

    def stop(self) -> None:
        """Stop it by SIGTERM."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it by SIGKILL."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        try:
            os.killpg(process.pid, number)
            process.wait(timeout=30)
        except ProcessLookupError:
            pass
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def home_assistant(folder: Path) -> Generator[RealHomeAssistant]:
    """Run a Home Assistant in a folder."""
    running = RealHomeAssistant(folder)
    try:
        running.start()
        yield running
    finally:
        running.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
