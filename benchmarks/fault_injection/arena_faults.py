"""Faults of a home that is controlled: what dies, what Home Assistant answers, what the inverter does, what is damaged.

Each is put into a home whose inverter charges under a lease. Scenarios (`arena_scenarios`) have one or two of them.
"""

import contextlib
import os
import random
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from benchmarks.fault_injection.arena_assistant import WELL
from benchmarks.fault_injection.arena_home import HOSTS, NO_HOSTS, STATE_FILES, ArenaHome
from benchmarks.fault_injection.arena_machines import until
from benchmarks.fault_injection.faulty_link import NESTED, LinkFault
from benchmarks.fault_injection.shifted_clock import shift_clock
from benchmarks.fault_injection.systemd_machine import SystemdMachine

NOTICE_SECONDS = 25.0
HUNG_NOTICE_SECONDS = 60.0
GUARD_ACTED = ("guard:expired", "guard:released", "lease:released")
CONTROL = ("health:control", "guard:problem", "health:guard")
OTHER_KW = 3.0
OTHER_W = 1234.0

Act = Callable[[ArenaHome], None]


def nothing(_: Any) -> None:  # noqa: ANN401 - a home or settings
    """Do nothing."""


@dataclass(frozen=True, kw_only=True)
class ArenaFault:
    """A fault of a controlled home.

    Attributes:
        name: the fault in words.
        inject: puts it in.
        tells: signs of which one must be seen; empty where nothing has to be told.
        heal: removes it, where the default cannot be set before; None where it stays to the end.
        ends: whether it ends control by itself; where none does, the service is killed once all are told.
        switch: whether only the dead man's switch in Home Assistant can help.
        refused: whether a start of the service may be refused because of it.
        shared: how Home Assistant itself goes, for all homes at once; empty where it stays.
        notice: longest wait for its sign [s].
        settles: time that is waited after it [s], for what ought to deal with it.
        configure: changes the site's settings before the start.
        clock: whether the home's processes need a clock that can be shifted.
    """

    name: str
    inject: Act = nothing
    tells: tuple[str, ...] = ()
    heal: Act | None = None
    ends: bool = False
    switch: bool = False
    refused: bool = False
    shared: Literal["", "killed", "stopped"] = ""
    notice: float = NOTICE_SECONDS
    settles: float = 0.0
    configure: Callable[[dict[str, Any]], None] = nothing
    clock: bool = False


# What dies.


def kill_service(home: ArenaHome) -> None:
    """Kill the service with all that dies with it."""
    home.machine.kill_service()


def kill_service_once(home: ArenaHome) -> None:
    """Kill the service's group; systemd starts it again, elsewhere nobody does."""
    if isinstance(home.machine, SystemdMachine):
        home.machine.kill_once()
    else:
        home.machine.kill_service()


def stop_service(home: ArenaHome) -> None:
    """Stop the service politely."""
    home.machine.stop_service()


def kill_machine(home: ArenaHome) -> None:
    """Kill everything at once."""
    home.machine.kill_machine()


def restart_after_kill(home: ArenaHome) -> None:
    """Kill the service and start it again within the lease."""
    home.machine.kill_service()
    home.machine.start_service()


def restart_everything(change: Callable[[dict[str, Any]], None], *arguments: str) -> Act:
    """Return an act that kills everything, changes the settings, and starts guard and service again."""

    def act(home: ArenaHome) -> None:
        home.machine.kill_machine()
        home.configure(change)
        home.machine.start_guard()
        home.machine.start_service(*arguments)

    return act


def dry_run(site: dict[str, Any]) -> None:
    """Set the dry run."""
    site["home_assistant"]["control"]["dry_run"] = True


def control_off(site: dict[str, Any]) -> None:
    """Turn control off."""
    site["home_assistant"]["control"] |= {"enabled": False, "mapping": {}}


def kill_and_start_often(home: ArenaHome) -> None:
    """Kill the service at random moments of its start, again and again, and leave it dead."""
    rng = random.Random(home.number)  # noqa: S311 - moments to kill at, not secrets
    home.machine.kill_service()
    for _ in range(4):
        home.machine.start_service()
        home.watch(lambda: False, rng.uniform(0.2, 4.0))
        home.machine.kill_service()


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def hang_service(home: ArenaHome) -> None:
    """Stop every thread of the service."""
    guards = home.hidden_guards()
    _signal([pid for pid in home.machine.service_pids() if pid not in guards], signal.SIGSTOP)


def wake_service(home: ArenaHome) -> None:
    """Let the service go on."""
    _signal(home.machine.service_pids(), signal.SIGCONT)


def hang_guard(home: ArenaHome) -> None:
    """Stop every thread of the guard."""
    _signal(home.machine.guard_pids() or home.hidden_guards(), signal.SIGSTOP)


def kill_guard(home: ArenaHome) -> None:
    """Kill the guard."""
    home.machine.end_guard()
    _signal(home.hidden_guards(), signal.SIGKILL)


# What Home Assistant answers.


def link(fault: LinkFault) -> Act:
    """Return an act that lets the connection to Home Assistant fail."""
    return lambda home: home.link.set(fault)


def link_back(home: ArenaHome) -> None:
    """Let the connection be well."""
    home.link.set("through")


def no_name(home: ArenaHome) -> None:
    """Let the name of Home Assistant be resolved no more; open connections are cut."""
    (home.folder / "hosts").write_text(NO_HOSTS)
    home.link.set("through")


def name_back(home: ArenaHome) -> None:
    """Let the name be resolved again."""
    (home.folder / "hosts").write_text(HOSTS)


def revoke_token(home: ArenaHome) -> None:
    """Have Home Assistant refuse the token from now on."""
    home.assistant.revoke(home.refresh_token)


def new_token(home: ArenaHome) -> None:
    """Write a new token."""
    access, home.refresh_token = home.assistant.new_login()
    home.write_token(access)


def outage_begins(home: ArenaHome) -> None:
    """Have Home Assistant go once every home is ready."""
    if home.assistant.outage is not None:
        home.assistant.outage.begin()


def outage_ends(home: ArenaHome) -> None:
    """Have Home Assistant come back once every home is through with it."""
    if home.assistant.outage is not None:
        home.assistant.outage.end()


# What the inverter does.


def inverter(condition: str) -> Act:
    """Return an act that sets what is wrong with the inverter, then has another power asked for."""

    def act(home: ArenaHome) -> None:
        home.assistant.set(f"input_select.inverter_{home.number}", condition)
        home.command(OTHER_KW + 0.4)

    return act


def inverter_well(home: ArenaHome) -> None:
    """Let the inverter be well."""
    home.assistant.set(f"input_select.inverter_{home.number}", WELL)


def changed_by_another(home: ArenaHome) -> None:
    """Change the power by another program, and wait until the command stands again."""
    home.assistant.set(f"input_number.charge_{home.number}", OTHER_W)
    if not until(lambda: home.assistant.inverter(home.number).charge != OTHER_W, 20):
        home.seen.signs.setdefault("arena:the other program's power stays", "")


# What is damaged.


def lease_file(content: bytes) -> Act:
    """Return an act that overwrites the lease."""
    return lambda home: _overwritten(home.service_folder / "lease.json", content)


def lease_gone(home: ArenaHome) -> None:
    """Remove the lease."""
    (home.service_folder / "lease.json").unlink(missing_ok=True)


def status_damaged(home: ArenaHome) -> None:
    """Overwrite the guard's sign of life."""
    _overwritten(home.service_folder / "guard.json", NESTED)


def locks_gone(home: ArenaHome) -> None:
    """Remove every lock file of the service's folder."""
    for path in home.service_folder.glob("*lock"):
        path.unlink()


def open_token(home: ArenaHome) -> None:
    """Let everybody read the token."""
    home.token_file.chmod(0o644)


def token_gone(home: ArenaHome) -> None:
    """Remove the token file."""
    home.token_file.unlink()


def fill_disk(home: ArenaHome) -> None:
    """Fill the file system of the state folder to the last byte."""
    with contextlib.suppress(OSError), (home.state / "balloon").open("wb", buffering=0) as out:
        while True:
            out.write(b"\0" * 4096)


def fill_inodes(home: ArenaHome) -> None:
    """Make files until the file system of the state folder takes no other one."""
    with contextlib.suppress(OSError):
        for number in range(STATE_FILES):
            (home.state / f"straw{number}").touch()


def slip(home: ArenaHome) -> None:
    """Make a slip in the configuration."""
    (home.folder / "darkstar.yaml").write_text("sites: {bench: {battery: [")


def shifted(hours: float) -> Act:
    """Return an act that shifts the clock of the home's processes."""
    return lambda home: shift_clock(home.kept_folder, hours)


def _overwritten(path: Path, content: bytes) -> None:
    """Overwrite a file in place."""
    with contextlib.suppress(OSError):
        path.write_bytes(content)


def broker_away(site: dict[str, Any]) -> None:
    """Publish to a broker that is not there."""
    site["home_assistant"]["mqtt"] = {"enabled": True, "host": "127.0.0.1", "port": 9}


def no_solver_time(site: dict[str, Any]) -> None:
    """Give the solvers next to no time."""
    site["service"]["solver_seconds"] = 1e-6


def lake_gone(home: ArenaHome) -> None:
    """Remove the lake."""
    shutil.rmtree(home.lab.lake.root, ignore_errors=True)
