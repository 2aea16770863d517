"""A head of Ray that takes clients from outside, in a process of its own: `python -m tests.builders.ray_head`.

It says its address, and ends with standard input.
"""

import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from benchmarks.cluster.ray_nodes import ray_nodes
from tests.builders.waiting import until
from tests.conftest import ROOT

SCHEME = "ray://"
LONGEST_START = 240.0


@dataclass(frozen=True)
class Head:
    """A running head."""

    address: str
    process: "subprocess.Popen[str]"

    def kill(self) -> None:
        """Kill all its processes, without a farewell."""
        for each in [*psutil.Process(self.process.pid).children(recursive=True), self.process]:
            each.kill()


@contextmanager
def ray_head() -> Generator[Head]:
    """Start a head of two cores with a client server."""
    command = [sys.executable, "-m", __name__]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)
    try:
        said = process.stdout or []  # of nodes that had to be begun again, too
        yield Head(next(line.strip() for line in said if line.startswith(SCHEME)), process)
    finally:
        process.communicate()


def main() -> None:
    """Run a head until standard input ends."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with ray_nodes(num_cpus=2, ray_client_server_port=port):
        until(lambda: _listens(port), "a client server", LONGEST_START, pause_seconds=0.2)
        sys.stdout.write(f"{SCHEME}127.0.0.1:{port}\n")
        sys.stdout.flush()
        sys.stdin.read()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 5.0).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
