import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from darkstar_pipeline.console import last_resort
from darkstar_pipeline.console.supervisor import (
    LOOPBACK,
    ProcessSupervisor,
    Program,
    ServiceFailedError,
    free_port,
    is_free,
    stop_on_signals,
)
from darkstar_pipeline.errors import ConfigurationError
from tests.builders.waiting import until

# A page that starts a grandchild, as Dagster's programs do; the grandchild ignores polite signals.
PAGE = """
import http.server, subprocess, sys
stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open(%r, 'w').close(); time.sleep(60)"
child = subprocess.Popen([sys.executable, "-c", stubborn % sys.argv[2]])
print("child", child.pid, flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[ProcessSupervisor]:
    supervisor = ProcessSupervisor(tmp_path / "logs", os.environ)
    yield supervisor
    supervisor.request_stop()
    supervisor.request_stop()
    supervisor.stop()


def page(tmp_path: Path) -> Program:
    port = free_port(18_000)
    return Program(name="page", command=(sys.executable, "-c", PAGE, str(port), str(tmp_path / "ready")), port=port)


def is_alive(pid: int) -> bool:
    """Return whether a process runs; a zombie does not."""
    status = Path(f"/proc/{pid}/stat")
    if not status.exists():
        return False
    return status.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_free_port_takes_the_next_when_one_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not is_free(port)
        assert free_port(port) > port


def test_free_port_skips_ports_that_are_taken() -> None:
    port = free_port(18_100)
    assert free_port(port, taken=(port,)) > port


def test_free_port_refuses_when_there_is_none() -> None:
    with pytest.raises(ConfigurationError, match="no free port"):
        free_port(65_536)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")
def test_stop_leaves_nothing_when_a_grandchild_ignores_signals(supervisor: ProcessSupervisor, tmp_path: Path) -> None:
    service = page(tmp_path)
    supervisor.start(service)
    assert supervisor.wait_ready(30)
    until((tmp_path / "ready").exists, "the grandchild ignores signals")
    child = int(supervisor.log_file(service).read_text().split()[1])
    assert is_alive(child)
    supervisor.request_stop()
    supervisor.request_stop()  # no patience
    supervisor.stop()
    assert not is_alive(child)
    assert is_free(service.port or 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_waiting_ends_and_services_stop_when_signalled(supervisor: ProcessSupervisor, number: signal.Signals) -> None:
    before = signal.getsignal(number)
    idle = Program(name="idle", command=(sys.executable, "-c", "import time; time.sleep(60)"))
    timer = threading.Timer(0.3, os.kill, (os.getpid(), number))
    started = time.monotonic()
    with stop_on_signals(supervisor):
        supervisor.start(idle)
        assert supervisor.wait_ready(30)
        timer.start()
        supervisor.wait_stopped()
    assert time.monotonic() - started < 15
    assert signal.getsignal(number) == before


def test_waiting_raises_with_the_last_line_when_a_service_ends(supervisor: ProcessSupervisor) -> None:
    broken = Program(name="broken", command=(sys.executable, "-c", "print('port is taken'); raise SystemExit(3)"))
    supervisor.start(broken)
    with pytest.raises(ServiceFailedError, match="broken ended with code 3: port is taken"):
        supervisor.wait_stopped()


def test_waiting_raises_when_a_page_never_answers(supervisor: ProcessSupervisor) -> None:
    port = free_port(18_200)
    silent = Program(name="silent", command=(sys.executable, "-c", "import time; time.sleep(60)"), port=port)
    supervisor.start(silent)
    with pytest.raises(ServiceFailedError, match="silent does not answer"):
        supervisor.wait_ready(0.5)


SUPERVISED = """
import os, sys
from pathlib import Path
from darkstar_pipeline.console.supervisor import Program, ProcessSupervisor
supervisor = ProcessSupervisor(Path(sys.argv[1]), os.environ)
supervisor.start(Program(name="idle", command=(sys.executable, "-c", "import time; time.sleep(600)")))
print(supervisor._running[0][1].pid, flush=True)
input()
"""


def test_programs_end_when_their_supervisor_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SUPERVISED, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        idle = int(process.stdout.readline())
        assert is_alive(idle)
        process.kill()
    until(lambda: not is_alive(idle), "the program ends with its supervisor")


def test_programs_are_left_to_their_supervisor_when_it_says_so() -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True) as process:
        last_resort.watch([f"{process.pid}\n", "done\n"])
        assert process.poll() is None
        last_resort.end_groups([process.pid], grace_seconds=0.0)
        assert process.wait(30) != 0
