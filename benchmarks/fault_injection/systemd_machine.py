"""A machine that systemd runs: the project's own units, under a real systemd as process 1 of namespaces.

`unshare` gives it PID, mount, cgroup, IPC and UTS namespaces, and a cgroup (v2) of its own. The units are those of
`deploy/`, with what differs here in drop-ins: paths, user, and that only these two are started.
"""

import contextlib
import functools
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from benchmarks.fault_injection.arena_machines import STOP_SECONDS, Programs, strays, until

SYSTEMD = Path("/lib/systemd/systemd")
UNITS = Path(__file__).resolve().parents[2] / "deploy"
SERVICE, GUARD = "darkstar.service", "darkstar-guard.service"
START_SECONDS = 30.0
_BOOT = """\
set -e
mount --make-rprivate /
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system
cp -r "$0"/. /run/systemd/system/
mount -t tmpfs tmpfs /etc/systemd/system
mount -t cgroup2 cgroup2 /sys/fs/cgroup
exec env -i PATH="$PATH" container=arena /lib/systemd/systemd --system --unit=arena.target \\
  --log-target=console --show-status=0
"""
_TARGET = "[Unit]\nDescription=Arena\nDefaultDependencies=no\n"
_DROP_IN = """\
[Unit]
DefaultDependencies=no
Wants=
After=
[Service]
User=
Group=
Environment=
{environment}
EnvironmentFile=
ExecStart=
ExecStart={command}
StateDirectory=
ProtectHome=tmpfs
WorkingDirectory={folder}
ReadWritePaths={folder}
BindPaths={folder}
BindReadOnlyPaths={python}
BindReadOnlyPaths={folder}/hosts:/etc/hosts
StandardOutput=append:{folder}/{log}.log
StandardError=append:{folder}/{log}.log
"""


@functools.cache
def systemd_problem() -> str:
    """Return why no systemd can be run here; empty where one can."""
    for needed in (SYSTEMD, Path("/usr/bin/unshare"), Path("/usr/bin/nsenter"), Path("/usr/bin/systemctl")):
        if not needed.exists():
            return f"{needed} is missing"
    if os.geteuid() != 0:
        return "it needs root"
    if _cgroups() is None:
        return "no cgroup of version 2 is mounted"
    return ""


class SystemdMachine:
    """A systemd with the two units.

    Args:
        programs: what it runs.
        name: name of its cgroup.

    Raises:
        RuntimeError: systemd does not start; the message has the end of its log.
    """

    def __init__(self, programs: Programs, name: str) -> None:
        self.programs = programs
        root = _cgroups()
        if root is None:
            message = systemd_problem()
            raise RuntimeError(message)
        self._cgroup = root / name
        self._cgroup.mkdir(exist_ok=True)
        self._expected = {SERVICE: 0, GUARD: 0}
        self._process = self._boot()

    def _boot(self) -> "subprocess.Popen[bytes]":
        """Start systemd and wait for its target.

        Raises:
            RuntimeError: it does not come; the message has the end of its log.
        """
        units = self._written()
        join = f'echo $$ > {shlex.quote(str(self._cgroup / "cgroup.procs"))}; exec "$@"'
        spaces = ["--pid", "--fork", "--mount", "--cgroup", "--uts", "--ipc", "--kill-child=SIGKILL"]
        command = ["/bin/sh", "-c", join, "arena", "/usr/bin/unshare", *spaces, "/bin/sh", "-c", _BOOT, str(units)]
        with (self.programs.folder / "systemd.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)  # noqa: S603 - our own
        if not until(self._boots, START_SECONDS):
            message = f"systemd does not start: {(self.programs.folder / 'systemd.log').read_text()[-1000:]}"
            self.close()
            raise RuntimeError(message)
        return self._process

    def start_guard(self) -> None:
        """Start the guard's unit, and systemd before it where that was killed."""
        if self._process.poll() is not None:
            self._expected = {SERVICE: 0, GUARD: 0}
            self._process = self._boot()
        self._systemctl("start", GUARD)

    def start_service(self, *arguments: str) -> None:
        """Start the service's unit, with further arguments."""
        if arguments:
            self._drop_in(
                "more", f"[Service]\nExecStart=\nExecStart={shlex.join([*self.programs.serve, *arguments])}\n"
            )
        self._systemctl("reset-failed", SERVICE)
        self._systemctl("start", SERVICE)

    def kill_service(self) -> None:
        """Kill the whole group of the service's unit for good: it is started by hand again, if at all."""
        self._drop_in("for_good", "[Service]\nRestart=no\n")
        self._systemctl("kill", "--signal=SIGKILL", SERVICE)
        until(lambda: not self.service_pids(), 10)

    def kill_once(self) -> None:
        """Kill the whole group of the service's unit; systemd starts it again as the unit says."""
        self._expected[SERVICE] += 1
        self._systemctl("kill", "--signal=SIGKILL", SERVICE)

    def stop_service(self) -> None:
        """Stop the service's unit, as a person does."""
        self._systemctl("stop", SERVICE)

    def end_guard(self) -> None:
        """Kill the guard; systemd starts it again."""
        self._expected[GUARD] += 1
        self._systemctl("kill", "--signal=SIGKILL", GUARD)

    def kill_machine(self) -> None:
        """Kill process 1, and with it the machine."""
        first = self._first()
        if first is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(first, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def service_pids(self) -> list[int]:
        """Return the processes of the service's unit."""
        return self._pids(SERVICE)

    def guard_pids(self) -> list[int]:
        """Return the processes of the guard's unit."""
        return self._pids(GUARD)

    def crashes(self) -> list[str]:
        """Return what systemd had to start again without our having killed it."""
        found: list[str] = []
        for unit, expected in self._expected.items():
            shown = self._systemctl("show", "--property=NRestarts", "--value", unit)
            if shown.isdigit() and int(shown) > expected:
                found.append(f"systemd started {unit} {shown} times again, not {expected}")
        return found

    def forgive(self) -> None:
        """Take it that the service was to end: a start that is refused is no crash."""
        self._expected[SERVICE] = 100

    def close(self) -> None:
        """Kill it, and remove its cgroup."""
        self.kill_machine()
        for pid in strays(self.programs.folder):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for folder in sorted(self._cgroup.rglob("*"), reverse=True):
            if folder.is_dir():
                _removed(folder)
        _removed(self._cgroup)

    def _written(self) -> Path:
        """Write units and drop-ins into a folder, which is copied where systemd looks."""
        folder = self.programs.folder / "units"
        folder.mkdir(exist_ok=True)
        (folder / "arena.target").write_text(_TARGET)
        variables = {"PATH": os.environ.get("PATH", ""), "HOME": "/root", **self.programs.variables}
        environment = "\n".join(f'Environment="{name}={value}"' for name, value in variables.items())
        for unit, command, log in ((SERVICE, self.programs.serve, "service"), (GUARD, self.programs.guard, "guard")):
            shutil.copy(UNITS / unit, folder / unit)
            (folder / f"{unit}.d").mkdir(exist_ok=True)
            text = _DROP_IN.format(
                environment=environment,
                command=shlex.join(command),
                folder=self.programs.folder,
                python=Path(sys.base_prefix),
                log=log,
            )
            (folder / f"{unit}.d" / "arena.conf").write_text(text)
        return folder

    def _drop_in(self, name: str, text: str) -> None:
        """Add a drop-in to the service's unit."""
        path = f"/run/systemd/system/{SERVICE}.d/{name}.conf"
        self._in(["/bin/sh", "-c", f"printf %s {shlex.quote(text)} > {path}"])
        self._systemctl("daemon-reload")

    def _boots(self) -> bool:
        return self._systemctl("is-active", "arena.target") == "active"

    def _first(self) -> int | None:
        """Return process 1 of the namespace, as it is called outside."""
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self._process.pid).children():
                return child.pid
        return None

    def _systemctl(self, *arguments: str) -> str:
        return self._in(["/usr/bin/systemctl", "--no-ask-password", *arguments])

    def _in(self, command: list[str]) -> str:
        """Run a command in the namespaces and return what it printed."""
        first = self._first()
        if first is None:
            return ""
        enter = ["/usr/bin/nsenter", f"--target={first}", "--mount", "--pid", "--cgroup", "--ipc", "--uts"]
        with contextlib.suppress(subprocess.TimeoutExpired):
            done = subprocess.run(  # noqa: S603 - our own commands
                [*enter, *command], capture_output=True, text=True, timeout=STOP_SECONDS, check=False
            )
            with (self.programs.folder / "systemctl.log").open("a") as log:
                log.write(f"{time.time():.1f} {command} {done.returncode} {done.stdout}{done.stderr}\n")
            return done.stdout.strip()
        return ""

    def _pids(self, unit: str) -> list[int]:
        with contextlib.suppress(OSError):
            return [int(pid) for pid in (self._cgroup / "system.slice" / unit / "cgroup.procs").read_text().split()]
        return []


def _cgroups() -> Path | None:
    """Return where cgroups of version 2 are mounted."""
    for line in Path("/proc/mounts").read_text().splitlines():
        _, where, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(where)
    return None


def _removed(folder: Path) -> None:
    for _ in range(20):
        with contextlib.suppress(OSError):
            folder.rmdir()
            return
        time.sleep(0.05)
