"""Runs the planner and its guard in a Home Assistant add-on, as two processes that do not share a fate.

The guard restores the inverter's default when the planner dies, so each is started again by itself, for ever. On
SIGTERM the planner goes first, which hands the inverter back, and then the guard. Options become environment variables,
so secrets stay out of command lines. Nothing but Python's own library is used: what keeps the guard alive is small.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

INGRESS = "172.30.32.2"
"""The Supervisor's address, by which Home Assistant's ingress comes; it is the same on every machine."""
UNPRIVILEGED = ("--clear-groups", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all")
GUARD, PLANNER = ("control", "guard"), ("serve", "--host", "0.0.0.0", "--ingress-from", INGRESS)  # noqa: S104 - a container
STOP_SECONDS = {GUARD: 5.0, PLANNER: 30.0}
MOST_PAUSE = 60.0
POLL_SECONDS = 0.2


class Kept:
    """A program that is started again whenever it ends.

    Args:
        words: arguments of `darkstar`.
        prefix: command that gives up privileges, if any.
        environment: its environment.
        pause: pause before it is started again [s]; it grows while the program keeps ending at once.
    """

    def __init__(
        self, words: tuple[str, ...], *, prefix: Sequence[str], environment: Mapping[str, str], pause: float
    ) -> None:
        self.words, self._prefix, self._environment = words, tuple(prefix), dict(environment)
        self._least = self._pause = pause
        self._process: subprocess.Popen[bytes] | None = None
        self._began = self._due = 0.0

    def look(self) -> None:
        """Start the program where it does not run and its pause is over."""
        now = time.monotonic()
        if self._process is not None and (code := self._process.poll()) is not None:
            self._process = None
            self._pause = self._least if now - self._began > MOST_PAUSE else min(2 * self._pause, MOST_PAUSE)
            self._due = now + self._pause
            say(f"`darkstar {self.words[0]}` ended with code {code}; it is started again in {self._pause:.0f} s")
        if self._process is None and now >= self._due:
            self._began = now
            command = [*self._prefix, "darkstar", *self.words]
            try:
                self._process = subprocess.Popen(command, env=self._environment, start_new_session=True)  # noqa: S603
            except OSError as error:
                self._due = now + MOST_PAUSE
                say(f"`darkstar {self.words[0]}` cannot be started: {error.strerror}; tried again in a minute")

    def stop(self) -> None:
        """Ask the program to end, and kill what is left of it after its time."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS.get(self.words, MOST_PAUSE))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def say(line: str) -> None:
    """Write a line into the add-on's log."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def secrets_of(options: Path) -> dict[str, str]:
    """Return the secrets as the programs read them; an empty option is left out."""
    try:
        read = json.loads(options.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        say(f"{options} cannot be read ({error}): no option is used")
        read = {}
    named = {
        "DARKSTAR_TOKEN": read.get("token"),
        "DARKSTAR_MQTT_PASSWORD": read.get("mqtt_password"),
        # The Supervisor's own token opens Home Assistant's interface at http://supervisor/core.
        "DARKSTAR_HA_TOKEN": os.environ.get("SUPERVISOR_TOKEN"),
    }
    return {name: str(value) for name, value in named.items() if value}


def hand_over(paths: Sequence[Path], user: int) -> None:
    """Give folders and what is in them to the user that the programs run as; a link is never followed."""
    for top in paths:
        for path in (top, *top.rglob("*")):
            if path.lstat().st_uid != user:
                os.chown(path, user, user, follow_symlinks=False)


def main() -> None:
    """Run until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--user", type=int, help="number of the user that the programs run as; default: this one")
    parser.add_argument("--options", type=Path, default=Path("/data/options.json"))
    parser.add_argument("--pause", type=float, default=2.0, help="before a program that ended is started again [s]")
    chosen = parser.parse_args()
    home, config = Path(os.environ["DARKSTAR_HOME"]), Path(os.environ["DARKSTAR_CONFIG"])
    shared = {name: value for name, value in os.environ.items() if name not in ("SUPERVISOR_TOKEN", "HASSIO_TOKEN")}
    secret = secrets_of(chosen.options)
    prefix: tuple[str, ...] = ()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    if chosen.user is not None:
        prefix = ("setpriv", f"--reuid={chosen.user}", f"--regid={chosen.user}", *UNPRIVILEGED, "--")
        shared["HOME"] = "/tmp"  # noqa: S108 - root's is closed to it, and libraries look there for caches
        hand_over((home, config.parent), chosen.user)
    stopping = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    guard_secret = {name: value for name, value in secret.items() if name == "DARKSTAR_HA_TOKEN"}
    guard = Kept(GUARD, prefix=prefix, environment={**shared, **guard_secret}, pause=chosen.pause)
    planner = Kept(PLANNER, prefix=prefix, environment={**shared, **secret}, pause=chosen.pause)
    guard.look()
    if not config.exists():
        subprocess.run([*prefix, "darkstar", "init", "--yes"], env=shared, check=False)  # noqa: S603 - our own words
        say(f"A first configuration is {config.name} in the add-on's folder: edit it and restart the add-on.")
    while not stopping:
        guard.look()
        planner.look()
        time.sleep(POLL_SECONDS)
    planner.stop()
    guard.stop()


if __name__ == "__main__":
    main()
