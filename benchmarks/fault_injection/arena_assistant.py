"""A real Home Assistant for many homes: each has an inverter of its own, whose entities can misbehave.

What an inverter really does stands in its input entities (`input_number`, `input_select`); what Darkstar reads and
writes are template entities above them, which are unavailable, ignore writes, settle elsewhere or read NaN when an
`input_select` says so. The packages of `darkstar control install` are loaded as a person would load them.
"""

import contextlib
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.fault_injection.real_home_assistant import CLIENT, RealHomeAssistant

DEFAULT_W = 8000.0
LARGEST_W = 10_000.0
SAME_W = 80.0
SELF_USE = "self_use"
WELL = "well"
CONDITIONS = (WELL, "unavailable", "ignores writes", "settles low", "reads NaN", "takes whole kilowatts")
TOKEN_SECONDS = 1200.0
"""Age at which the arena has a new token of its own [s]; Home Assistant lets one live for half an hour."""

PATIENCE_SECONDS = 60.0
"""Longest wait for its answer [s], where a dozen homes start at once on a machine that has other work."""
OUTAGE_SECONDS = 240.0
"""Longest wait of a home for the others of an outage [s]."""

_HEAD = """
homeassistant:
  name: Arena
  time_zone: Europe/Stockholm
  unit_system: metric
  country: SE
  packages: !include_dir_named packages
http:
  server_host: 127.0.0.1
  server_port: {port}
api:
websocket_api:
logger:
  default: warning
"""
_HOME = """
input_number:
  charge_{n}: {{min: 0, max: 10000, step: 1, mode: box}}
  discharge_{n}: {{min: 0, max: 10000, step: 1, mode: box}}
input_select:
  mode_{n}: {{options: [self_use, charge, discharge, export, hold]}}
  inverter_{n}: {{options: {conditions}}}
template:
  - number:
{numbers}
  - select:
      - name: Mode {n}
        state: "{{{{ states('input_select.mode_{n}') }}}}"
        options: "{{{{ ['self_use', 'charge', 'discharge', 'export', 'hold'] }}}}"
        availability: "{{{{ not is_state('input_select.inverter_{n}', 'unavailable') }}}}"
        select_option:
          - condition: template
            value_template: "{{{{ not is_state('input_select.inverter_{n}', 'ignores writes') }}}}"
          - action: input_select.select_option
            target: {{entity_id: input_select.mode_{n}}}
            data: {{option: "{{{{ option }}}}"}}
"""
_NUMBER = """
      - name: {title} {n}
        unit_of_measurement: W
        min: 0
        max: 10000
        step: 1
        availability: "{{{{ not is_state('input_select.inverter_{n}', 'unavailable') }}}}"
        state: >-
          {{{{ float('nan') if is_state('input_select.inverter_{n}', 'reads NaN')
              else states('input_number.{key}_{n}') }}}}
        set_value:
          - condition: template
            value_template: "{{{{ not is_state('input_select.inverter_{n}', 'ignores writes') }}}}"
          - action: input_number.set_value
            target: {{entity_id: input_number.{key}_{n}}}
            data: {{value: "{{{{ {taken} }}}}"}}
"""
_LOW = "value * 0.9 if is_state('input_select.inverter_{n}', 'settles low') else {coarse}"
_COARSE = "(value / 1000) | round * 1000 if is_state('input_select.inverter_{n}', 'takes whole kilowatts') else value"


@dataclass(frozen=True)
class InverterState:
    """The true state of an inverter: powers [W], and its mode."""

    charge: float
    discharge: float
    mode: str


@dataclass
class _Watched:
    """The inverter of a home as last told, and every change: moment, and whether it is at its default."""

    values: dict[str, str] = field(default_factory=dict[str, str])
    changes: list[tuple[float, bool]] = field(default_factory=list[tuple[float, bool]])


class Outage:
    """An outage of Home Assistant itself, which all homes of a group wait for, and end together.

    Args:
        assistant: Home Assistant.
        n_homes: number of homes in the group.
        killed: whether it is killed, rather than stopped.
    """

    def __init__(self, assistant: "ArenaAssistant", n_homes: int, *, killed: bool) -> None:
        self._assistant, self._killed = assistant, killed
        self._missing = n_homes
        self._arrived = {"begin": 0, "end": 0}
        self._done: set[str] = set()
        self._changed = threading.Condition()

    def begin(self) -> None:
        """Wait until every home is ready, and have Home Assistant go."""
        self._arrive("begin")

    def end(self) -> None:
        """Wait until every home is through with it, and have Home Assistant come back."""
        self._arrive("end")

    def leave(self) -> None:
        """Take part no longer, because the home could not be tried."""
        with self._changed:
            self._missing -= 1
            self._advance()

    def _arrive(self, phase: str) -> None:
        with self._changed:
            self._arrived[phase] += 1
            self._advance()
            if not self._changed.wait_for(lambda: phase in self._done, OUTAGE_SECONDS):
                message = "the other homes of the outage do not come"
                raise TimeoutError(message)

    def _advance(self) -> None:
        for phase, act in (("begin", self._go), ("end", self._assistant.start)):
            if phase not in self._done and self._arrived[phase] and self._arrived[phase] >= self._missing:
                act()
                self._done.add(phase)
        self._changed.notify_all()

    def _go(self) -> None:
        if self._killed:
            self._assistant.save_states()
            self._assistant.kill()
        else:
            self._assistant.stop()


class ArenaAssistant(RealHomeAssistant):
    """A Home Assistant with the inverters of so many homes.

    Args:
        folder: folder of its configuration; created.
        n_homes: number of homes.
    """

    patience_seconds = PATIENCE_SECONDS

    def __init__(self, folder: Path, n_homes: int) -> None:
        super().__init__(folder)
        self.n_homes = n_homes
        self.packages.mkdir()
        (folder / "configuration.yaml").write_text(_HEAD.format(port=self.port))
        for number in range(n_homes):
            (self.packages / f"inverter_{number}.yaml").write_text(_package(number))
        self._watched = {number: _Watched() for number in range(n_homes)}
        self._armed: set[str] = set()
        self._following: threading.Thread | None = None
        self._ended = threading.Event()
        self._minted = time.monotonic()
        self.outage: Outage | None = None
        self._login = threading.Lock()

    @property
    def packages(self) -> Path:
        """Folder of its packages."""
        return self.folder / "packages"

    def request(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON of any shape
        """Return an answer of its API; the arena's own token is renewed before it ends."""
        if self._refresh_token and time.monotonic() - self._minted > TOKEN_SECONDS:
            self._minted = time.monotonic()
            grant = {"client_id": CLIENT, "grant_type": "refresh_token", "refresh_token": self._refresh_token}
            self.token = _posted(f"{self.url}/auth/token", data=grant)["access_token"]
        return super().request(method, path, body)

    def new_login(self) -> tuple[str, str]:
        """Log the user in once more; return an access token, and the refresh token that can be revoked."""
        with self._login:  # a password costs a second of processor time
            return self._logged_in()

    def _logged_in(self) -> tuple[str, str]:
        begun = {"client_id": CLIENT, "handler": ["homeassistant", None], "redirect_uri": CLIENT}
        flow = _posted(f"{self.url}/auth/login_flow", json=begun)["flow_id"]
        given = {"client_id": CLIENT, "username": "test", "password": "test of a test"}
        code = _posted(f"{self.url}/auth/login_flow/{flow}", json=given)["result"]
        grant = {"client_id": CLIENT, "grant_type": "authorization_code", "code": code}
        tokens = _posted(f"{self.url}/auth/token", data=grant)
        return tokens["access_token"], tokens["refresh_token"]

    def revoke(self, refresh_token: str) -> None:
        """Revoke a login: its access token is refused from now on."""
        httpx2.post(f"{self.url}/auth/revoke", data={"token": refresh_token}, timeout=10).raise_for_status()

    def save_states(self) -> None:
        """Have it store what a restart restores, so that an inverter keeps what it was told when it is killed."""
        self.request("POST", "/api/services/homeassistant/save_persistent_states", {})

    def follow(self) -> None:
        """Follow every change of the inverters from now on, over restarts too."""
        self._following = threading.Thread(target=self._follow, name="inverters", daemon=True)
        self._following.start()

    def unfollow(self) -> None:
        """Follow no longer."""
        self._ended.set()

    def at_default_since(self, number: int, moment: float) -> float | None:
        """Return when the inverter of a home was first at its default since a moment; None where it never was.

        Args:
            number: of the home.
            moment: by the monotonic clock [s].
        """
        was = False
        for when, is_default in list(self._watched[number].changes):
            if when <= moment:
                was = is_default
            elif was:
                return moment
            elif is_default:
                return when
        return moment if was else None

    def at_default(self, number: int) -> bool:
        """Return whether the inverter of a home was last seen at its default."""
        changes = self._watched[number].changes
        return bool(changes) and changes[-1][1]

    def is_armed(self, number: int) -> bool:
        """Return whether the dead man's switch of a home is armed."""
        return f"arena_{number}_armed" in self._armed

    def set_inverter(self, number: int, *, charge: float, discharge: float, mode: str) -> None:
        """Set what an inverter really does, past everything that may be wrong with it."""
        self.set(f"input_number.charge_{number}", charge)
        self.set(f"input_number.discharge_{number}", discharge)
        self.set(f"input_select.mode_{number}", mode)

    def inverter(self, number: int) -> InverterState:
        """Return what the inverter of a home really does."""
        values = self._watched[number].values
        return InverterState(
            charge=float(values.get("charge", "nan")),
            discharge=float(values.get("discharge", "nan")),
            mode=values.get("mode", ""),
        )

    def _follow(self) -> None:
        while not self._ended.is_set():
            with contextlib.suppress(httpx2.HTTPError, OSError, ValueError):
                self._stream()
            self._ended.wait(0.2)

    def _stream(self) -> None:
        """Take the present states, then every change, until the connection ends."""
        headers = {"authorization": f"Bearer {self.token}"}
        address = f"{self.url}/api/stream?restrict=state_changed"
        with httpx2.stream("GET", address, headers=headers, timeout=httpx2.Timeout(10, read=70)) as events:
            events.raise_for_status()
            for state in self.request("GET", "/api/states"):
                self._note(state)
            for line in events.iter_lines():
                if line.startswith("data: {"):
                    self._note(json.loads(line.removeprefix("data: "))["data"]["new_state"])
                if self._ended.is_set():
                    return

    def _note(self, state: Mapping[str, Any] | None) -> None:
        """Note the state of an entity, where it is part of an inverter."""
        domain, _, name = str((state or {}).get("entity_id", "")).partition(".")
        key, _, number = name.rpartition("_")
        if state is not None and domain == "input_boolean" and name.endswith("_armed"):
            (self._armed.add if state["state"] == "on" else self._armed.discard)(name)
        if state is None or domain not in ("input_number", "input_select") or not number.isdigit():
            return
        if key not in ("charge", "discharge", "mode") or state["state"] in ("unknown", "unavailable"):
            return
        watched = self._watched[int(number)]
        watched.values[key] = state["state"]
        values = watched.values
        if len(values) == len(("charge", "discharge", "mode")):
            watched.changes.append((time.monotonic(), _is_default(values, by_mode=by_work_mode(int(number)))))


def by_work_mode(number: int) -> bool:
    """Return whether the inverter of a home is commanded by its work mode: those of odd number are."""
    return number % 2 == 1


def _is_default(values: Mapping[str, str], *, by_mode: bool) -> bool:
    """Return whether an inverter is at its default: by its mode, or by charging nothing and discharging as it likes."""
    if by_mode:
        return values["mode"] == SELF_USE
    return float(values["charge"]) <= 1.0 and abs(float(values["discharge"]) - DEFAULT_W) <= SAME_W


def _package(number: int) -> str:
    taken = _LOW.format(n=number, coarse=_COARSE.format(n=number))
    numbers = "".join(
        _NUMBER.format(n=number, title=key.capitalize(), key=key, taken=taken) for key in ("charge", "discharge")
    )
    return _HOME.format(n=number, conditions=json.dumps(CONDITIONS), numbers=numbers.lstrip("\n"))


def _posted(url: str, **body: Any) -> Any:  # noqa: ANN401 - JSON of any shape
    answer = httpx2.post(url, timeout=PATIENCE_SECONDS, **body)
    answer.raise_for_status()
    return answer.json()
