"""A home of the arena: its state folder, its processes, its inverter in Home Assistant, and what can be seen of it."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import httpx2
import yaml

from benchmarks.fault_injection.arena_assistant import WELL, ArenaAssistant, by_work_mode
from benchmarks.fault_injection.arena_machines import PROGRAM, Machine, ProcessMachine, Programs, strays, until
from benchmarks.fault_injection.fault_list import Lab
from benchmarks.fault_injection.faulty_link import FaultyLink, LinkLoop
from benchmarks.fault_injection.systemd_machine import SystemdMachine
from benchmarks.homes.fresh_home import FreshHome
from benchmarks.homes.served_home import SITE, TOKEN
from darkstar_pipeline.service.home_assistant.lease import look_at_lease, uptime_seconds
from darkstar_pipeline.service.state_folder import service_folder

LEASE_SECONDS = 15.0
CONFIRM_SECONDS = 2.0
POWER_KW = 5.0
STEERING_SECONDS = 90.0
STATE_MEGABYTES, STATE_FILES = 96, 5000
NAME = "assistant.test"
HOSTS = f"127.0.0.1 localhost {NAME}\n"
NO_HOSTS = "127.0.0.1 localhost\n"
LOOK_SECONDS = 0.5

Setting = Literal["processes", "child", "containers", "one container", "systemd"]
"""Where service and guard run: apart as processes, the guard as the service's child, each in a PID namespace, both in
one PID namespace, or as units of systemd."""


@dataclass
class Seen:
    """Signs and lease of a home, seen since its control began to steer.

    Attributes:
        signs: what told that something is wrong, `health:PART` or `guard:STATE`, with its first words.
        lease_ends: when the last lease that was held ends or ended, by the monotonic clock [s].
    """

    signs: dict[str, str] = field(default_factory=dict[str, str])
    lease_ends: float = 0.0


class ArenaHome:
    """A home of the arena.

    Args:
        number: of its entities in Home Assistant.
        folder: folder of its own; created.
        assistant: Home Assistant.
        links: runs its connection.
        template: a home as it should be, to copy.
        at: the moment that the template's readings end at.
    """

    def __init__(
        self,
        number: int,
        folder: Path,
        assistant: ArenaAssistant,
        links: LinkLoop,
        *,
        template: FreshHome,
        at: datetime,
    ) -> None:
        self.number, self.folder, self.assistant = number, folder, assistant
        self.template, self.at = template, at
        self.link = FaultyLink(links, assistant.port)
        self.power_kw = POWER_KW
        self.seen = Seen()
        self.setting: Setting = "processes"
        self.refresh_token = ""
        self._machine: Machine | None = None
        self._client: httpx2.Client | None = None

    @property
    def machine(self) -> Machine:
        """The machine that its processes run on.

        Raises:
            RuntimeError: it has none yet.
        """
        if self._machine is None:
            message = "the home has no machine"
            raise RuntimeError(message)
        return self._machine

    @property
    def state(self) -> Path:
        """The state folder, a file system of its own."""
        return self.folder / "state"

    @property
    def kept_folder(self) -> Path:
        """A folder beside it that stays from one scenario to the next: of its switch and its clock."""
        return self.folder.with_name(f"{self.folder.name}-kept")

    @property
    def service_folder(self) -> Path:
        """The folder of lease and guard."""
        return service_folder(self.state, SITE)

    @property
    def token_file(self) -> Path:
        """The file with Home Assistant's token."""
        return self.folder / "token"

    @property
    def lab(self) -> Lab:
        """The home as faults of its state folder see it."""
        return Lab(FreshHome(self.folder), self.at, self.template.folder)

    @property
    def timer(self) -> str:
        """The timer of its dead man's switch."""
        return f"timer.arena_{self.number}"

    def install_switch(self) -> None:
        """Have `darkstar control install` write the dead man's switch into Home Assistant's packages."""
        folder = self.kept_folder
        folder.mkdir()
        shutil.copy(self.template.folder / "darkstar.yaml", folder)
        (folder / "state").mkdir()
        shutil.copy(self.template.state / "state.json", folder / "state")
        self.configure(lambda _: None, folder=folder)
        FreshHome(folder).run("control", "install", "--to", str(self.assistant.packages))

    def begin(
        self, setting: Setting, change: Callable[[dict[str, Any]], None], *, variables: dict[str, str], guard: list[str]
    ) -> str:
        """Start everything and have the inverter charge; return why it does not, empty where it does.

        Args:
            setting: where the processes run.
            change: changes the site's settings before the start.
            variables: further environment variables.
            guard: command of the guard in the place of the project's; empty for that.
        """
        self.setting, self.seen, self.power_kw = setting, Seen(), POWER_KW
        self._copied()
        access, self.refresh_token = self.assistant.new_login()
        self.write_token(access)
        (self.folder / "hosts").write_text(HOSTS)
        self.configure(change)
        if not self._at_rest():
            return "the inverter does not rest at its default before"
        port = _free_port()
        known = {
            "DARKSTAR_HOME": str(self.state),
            "DARKSTAR_CONFIG": str(self.folder / "darkstar.yaml"),
            "DARKSTAR_TOKEN": TOKEN,
        }
        apart = guard or [*PROGRAM, "control", "guard"]
        programs = Programs(
            self.folder,
            {**known, **variables},
            serve=[*PROGRAM, "serve", "--port", str(port)],
            guard=[] if setting in ("child", "one container") else apart,
        )
        headers = {"authorization": f"Bearer {TOKEN}"}
        self._client = httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=3)
        self._machine = _machine(setting, programs, f"darkstar-arena-{os.getpid()}-{self.number}")
        self.service_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.machine.start_guard()
        if programs.guard:  # on a busy machine the service would start one of its own meanwhile
            until((self.service_folder / "guard.json").exists, STEERING_SECONDS)
        self.machine.start_service()
        if not until(self._ready, STEERING_SECONDS):
            return f"the service does not start: {self.log('service')}"
        self.command(POWER_KW)
        if not until(self.charges, STEERING_SECONDS):
            return f"the inverter was never told to charge: {self.answer('/health')}"
        self.seen = Seen(lease_ends=self.seen.lease_ends)
        return ""

    def end(self) -> None:
        """Kill what is left, and have the inverter rest at its default."""
        if self._client is not None:
            self._client.close()
        if self._machine is not None:
            self._machine.close()
        self.link.set("through")
        self._machine = self._client = None
        _unmounted(self.state)

    def configure(self, change: Callable[[dict[str, Any]], None], folder: Path | None = None) -> None:
        """Write the settings anew, with a change of the site's."""
        path = (folder or self.folder) / "darkstar.yaml"
        document = yaml.safe_load((self.template.folder / "darkstar.yaml").read_text())
        site = document["sites"][SITE]
        site["service"] |= {"poll_seconds": 1.0, "soc_stale_minutes": 240}
        site["home_assistant"] |= {
            "url": f"http://{NAME}:{self.link.port}",
            "token_file": str(self.token_file),
            "control": {
                "enabled": True,
                "dry_run": False,
                "lease_minutes": LEASE_SECONDS / 60,
                "confirm_seconds": CONFIRM_SECONDS,
                "dead_man_timer": self.timer,
                **_profile(self.number),
            },
        }
        change(site)
        path.write_text(yaml.safe_dump(document))

    def write_token(self, token: str) -> None:
        """Write the token file as it should be."""
        self.token_file.write_text(token)
        self.token_file.chmod(0o600)

    def command(self, power_kw: float) -> None:
        """Ask the service by hand to charge with a power."""
        self.power_kw = power_kw
        until_when = (datetime.now(self.at.tzinfo) + timedelta(hours=3)).isoformat()
        self._post("/overrides", {"mode": "charge", "power_kw": power_kw, "until": until_when})

    def charges(self) -> bool:
        """Return whether the inverter charges as asked, under a lease."""
        self.look()
        lease = look_at_lease(self.service_folder).lease
        held = lease is not None and not lease.released and not lease.expired
        charges = abs(self.assistant.inverter(self.number).charge - 1000 * self.power_kw) < 10  # noqa: PLR2004 - W
        return held and charges and not self.assistant.at_default(self.number)

    def look(self) -> None:
        """Look at health, guard and lease, once, and note every sign of something wrong."""
        for part in self.answer("/health").get("components", []):
            if not part["ok"]:
                self._sign(f"health:{part['name']}", part["note"])
        for name in ("guard.json", "standby.json"):
            with contextlib.suppress(OSError, ValueError, RecursionError):
                status = json.loads((self.service_folder / name).read_bytes())
                self._sign(f"guard:{status['lease']}", "")
                if status["problem"]:
                    self._sign("guard:problem", status["problem"])
        reading = look_at_lease(self.service_folder)
        if reading.problem:
            self._sign("lease:damaged", reading.problem)
        if reading.lease is not None:
            if reading.lease.released:
                self._sign("lease:released", "")
            elif reading.lease.ends > 0:
                self.seen.lease_ends = time.monotonic() + reading.lease.ends - uptime_seconds()
        if self.assistant.is_armed(self.number):
            self._sign("switch:armed", "")

    def watch(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Look again and again until something holds; return whether it does in time."""

        def seen() -> bool:
            self.look()
            return holds()

        return until(seen, seconds, LOOK_SECONDS)

    def answer(self, path: str) -> dict[str, Any]:
        """Return an answer of the service; empty where it gives none."""
        if self._client is None:
            return {}
        try:
            return self._client.get(path).json()
        except (httpx2.HTTPError, ValueError):
            return {}

    def log(self, name: str) -> str:
        """Return the end of a log."""
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace")[-600:] if path.exists() else ""

    def hidden_guards(self) -> list[int]:
        """Return the guards that the service has started."""
        found: list[int] = []
        for pid in strays(self.folder):
            with contextlib.suppress(OSError):
                if b"service.control.guard" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(pid)
        return found

    def _sign(self, name: str, words: str) -> None:
        self.seen.signs.setdefault(name, words)

    def _ready(self) -> bool:
        return bool(self.answer("/ready").get("ready"))

    def _post(self, path: str, body: dict[str, Any]) -> None:
        if self._client is not None:
            with contextlib.suppress(httpx2.HTTPError):
                self._client.post(path, json=body, timeout=30)

    def _copied(self) -> None:
        """Make the state folder anew, a copy of the template's."""
        _unmounted(self.state)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.state.mkdir(parents=True)
        size = f"size={STATE_MEGABYTES}m,nr_inodes={STATE_FILES},mode=0755"
        subprocess.run(["/bin/mount", "-t", "tmpfs", "-o", size, "tmpfs", str(self.state)], check=True)  # noqa: S603 - ours
        for name in ("lake", "models", "state.json"):
            source = self.template.state / name
            if source.is_dir():
                shutil.copytree(source, self.state / name)
            elif source.exists():
                shutil.copy(source, self.state / name)

    def _at_rest(self) -> bool:
        """Have the inverter, well, at its default, and the dead man's switch disarmed."""
        number = self.number
        self.assistant.set(f"input_select.inverter_{number}", WELL)
        self.assistant.request("POST", "/api/services/timer/cancel", {"entity_id": self.timer})
        armed = f"input_boolean.{self.timer.partition('.')[2]}_armed"
        until(lambda: self.assistant.state(self.timer) == "idle", 5)
        self.assistant.request("POST", "/api/services/input_boolean/turn_off", {"entity_id": armed})
        self.assistant.set_inverter(number, charge=0.0, discharge=8000.0, mode="self_use")
        return until(lambda: self.assistant.at_default(number) and not self.assistant.is_armed(number), 10)


def _profile(number: int) -> dict[str, Any]:
    """Return profile and mapping: by power in homes of even number, by work mode in the others."""
    powers = {"charge": f"number.charge_{number}", "discharge": f"number.discharge_{number}"}
    if not by_work_mode(number):
        return {"profile": "power", "mapping": powers}
    return {"profile": "work_mode", "mapping": {**powers, "mode": f"select.mode_{number}"}}


def _machine(setting: Setting, programs: Programs, name: str) -> Machine:
    if setting == "systemd":
        return SystemdMachine(programs, name)
    contained = setting in ("containers", "one container")
    return ProcessMachine(programs, contained=contained, together=setting == "one container")


def _unmounted(folder: Path) -> None:
    if folder.is_mount():
        subprocess.run(["/bin/umount", "--lazy", str(folder)], check=False)  # noqa: S603 - ours


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
