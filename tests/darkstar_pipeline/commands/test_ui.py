import http.client
import json
import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from darkstar_pipeline.console.supervisor import LOOPBACK, free_port
from tests.builders.command_line import PROGRAM, Darkstar, environment
from tests.builders.waiting import until


def status(url: str, path: str) -> int:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
    connection.request("GET", path)
    answer = connection.getresponse().status
    connection.close()
    return answer


def processes_of(folder: Path) -> list[str]:
    """Command lines of every process that works on a folder's state."""
    mark = f"DARKSTAR_HOME={folder}/state".encode()
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:  # gone meanwhile, or another user's
            continue
    return found


def test_ui_ends_with_two_when_nothing_is_configured(home: Path, darkstar: Darkstar) -> None:
    done = darkstar("ui", "--json")
    assert (done.code, done.error["code"]) == (2, "configuration")
    assert not (home / "state").exists()


def test_ui_ends_with_two_when_the_wanted_port_is_taken(home: Path, darkstar: Darkstar) -> None:
    assert home.is_dir()
    assert darkstar("init", "--yes").code == 0
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = darkstar("ui", "--dagster-port", str(port), "--json")
    assert (done.code, done.error["code"]) == (2, "configuration")
    assert str(port) in done.error["message"]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for left-over processes in /proc")
def test_ui_opens_every_page_and_leaves_nothing_when_stopped(home: Path, darkstar: Darkstar) -> None:
    assert darkstar("init", "--yes").code == 0
    first = free_port(23_000)
    planner = free_port(25_000)
    ports = ("--dagster-port", str(first), "--mlflow-port", str(free_port(24_000)), "--planner-port", str(planner))
    with subprocess.Popen(
        [PROGRAM, "ui", "--json", *ports],
        cwd=home,
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            addresses = json.loads(process.stdout.readline())
            assert addresses["dagster"] == f"http://{LOOPBACK}:{first}"
            assert status(addresses["dagster"], "/server_info") == 200
            assert status(addresses["mlflow"], "/health") == 200
            assert addresses["planner"] == f"http://{LOOPBACK}:{planner}"
            assert status(addresses["planner"], "/health") == 200
            assert status(addresses["planner"], "/plan") == 401
            assert len(processes_of(home)) >= 5
            os.kill(process.pid, signal.SIGTERM)
            out, err = process.communicate(timeout=60)
        finally:
            process.terminate()  # where a check failed; one that ended is left alone
    assert (process.returncode, out) == (0, "")
    assert err.endswith("stopped\n")
    until(lambda: processes_of(home) == [], "no process is left", 5)
    assert (home / "state" / "mlflow" / "mlflow.db").exists()
    assert not (home / "mlruns").exists()
