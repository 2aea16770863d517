"""The add-on's init, run for real with a stand-in for `darkstar`: the guard outlives the planner, neither is root."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.builders.waiting import until
from tests.conftest import ROOT

INIT = ROOT / "deploy" / "home_assistant_addon" / "addon_init.py"
USER = 10_001
CAN_DROP = os.geteuid() == 0 and shutil.which("setpriv") is not None
STAND_IN = """#!/bin/sh
say() {
    secrets="${DARKSTAR_TOKEN:-none} ${DARKSTAR_HA_TOKEN:-none} ${SUPERVISOR_TOKEN:-none}"
    echo "$1 $$ $2 $(id -u) $secrets" >> "$STAND_IN_LOG"
}
if [ "$1" = init ]; then : > "$DARKSTAR_CONFIG"; say begin init; exit; fi
trap 'say end "$1"; exit 0' TERM
say begin "$1"
sleep 600 & wait
"""


@dataclass(frozen=True)
class Addon:
    """A running init, and what its programs have noted."""

    folder: Path
    process: subprocess.Popen[str]

    def notes(self, event: str, program: str) -> list[list[str]]:
        """What programs of a name noted: event, process, name, user, secrets."""
        log = self.folder / "log"
        lines = [line.split() for line in log.read_text().splitlines()] if log.exists() else []
        return [words for words in lines if (words[0], words[2]) == (event, program)]

    def begun(self, program: str) -> list[int]:
        """Processes that a program has had."""
        return [int(words[1]) for words in self.notes("begin", program)]


@pytest.fixture
def addon() -> Generator[Addon]:
    folder = Path(tempfile.mkdtemp(prefix="addon-"))  # pytest's own folders are closed to another user
    folder.chmod(0o777)
    try:
        (folder / "darkstar").write_text(STAND_IN)
        (folder / "darkstar").chmod(0o755)
        (folder / "config").mkdir()
        (folder / "options.json").write_text(json.dumps({"token": "the-token", "mqtt_password": ""}))
        (folder / "options.json").chmod(0o600)
        words = ["--options", str(folder / "options.json"), "--pause", "0.05"]
        with subprocess.Popen(
            [sys.executable, "-I", str(INIT), *words, *(["--user", str(USER)] if CAN_DROP else [])],
            env={
                "PATH": f"{folder}:/usr/bin:/bin",
                "STAND_IN_LOG": str(folder / "log"),
                "DARKSTAR_HOME": str(folder / "state"),
                "DARKSTAR_CONFIG": str(folder / "config" / "darkstar.yaml"),
                "SUPERVISOR_TOKEN": "of-the-supervisor",
            },
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            found = Addon(folder, process)
            try:
                until(lambda: bool(found.begun("serve") and found.begun("control")), "both programs run")
                yield found
            finally:
                process.terminate()
                process.wait(20)
    finally:
        shutil.rmtree(folder)


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_guard_outlives_the_planner_and_each_is_started_again(addon: Addon) -> None:
    (guard,), (planner,) = addon.begun("control"), addon.begun("serve")
    os.killpg(planner, signal.SIGKILL)
    until(lambda: len(addon.begun("serve")) == 2, "the planner is started again")
    assert addon.begun("control") == [guard]
    assert is_alive(guard)
    os.killpg(guard, signal.SIGKILL)
    until(lambda: len(addon.begun("control")) == 2, "the guard is started again")
    assert len(addon.begun("serve")) == 2


def test_planner_is_stopped_before_the_guard(addon: Addon) -> None:
    addon.process.terminate()
    assert addon.process.wait(20) == 0
    ends = [line.split()[2] for line in (addon.folder / "log").read_text().splitlines() if line.startswith("end")]
    assert ends == ["serve", "control"]
    assert not any(is_alive(process) for name in ("serve", "control") for process in addon.begun(name))


def test_programs_get_the_secrets_that_they_need_and_are_not_root(addon: Addon) -> None:
    ((*_, planner_user, token, home_token, supervisor),) = addon.notes("begin", "serve")
    ((*_, guard_user, no_token, guard_token, _),) = addon.notes("begin", "control")
    assert (token, home_token, supervisor) == ("the-token", "of-the-supervisor", "none")
    assert (no_token, guard_token) == ("none", "of-the-supervisor")
    if not CAN_DROP:
        pytest.skip("only root can give up being root")
    assert planner_user == guard_user == str(USER)
    assert (addon.folder / "config" / "darkstar.yaml").stat().st_uid == USER
    assert (addon.folder / "state").stat().st_uid == USER
    (guard,) = addon.begun("control")
    status = Path(f"/proc/{guard}/status").read_text()
    assert "NoNewPrivs:\t1" in status
    assert all(f"Cap{kind}:\t{'0' * 16}" in status for kind in ("Inh", "Prm", "Eff", "Bnd"))
