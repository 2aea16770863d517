"""An S3 server on loopback as a process of its own, which counts what it is asked."""

import json
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager

import psutil

from benchmarks.fleet_lake.s3_server import COUNTS_PATH

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}


class S3Process:
    """The server.

    Args:
        endpoint: its address.
        pid: its process.
    """

    def __init__(self, endpoint: str, pid: int) -> None:
        self.endpoint = endpoint
        self._pid = pid

    def environment(self) -> dict[str, str]:
        """Return the variables by which a client finds the server."""
        return {**CREDENTIALS, "AWS_ENDPOINT_URL": self.endpoint}

    def new_place(self, name: str) -> str:
        """Make a bucket; return the place of a lake in it."""
        wanted = urllib.request.Request(f"{self.endpoint}/{name}", method="PUT")  # noqa: S310 - our own server
        urllib.request.urlopen(wanted, timeout=30.0).close()  # noqa: S310
        return f"s3://{name}/lake"

    def requests(self) -> Counter[str]:
        """Return how often each kind of request was made so far."""
        with urllib.request.urlopen(self.endpoint + COUNTS_PATH, timeout=30.0) as answer:  # noqa: S310
            return Counter(json.loads(answer.read()))

    def processor_seconds(self) -> float:
        """Return the processor time of the server so far [s]."""
        used = psutil.Process(self._pid).cpu_times()
        return used.user + used.system


@contextmanager
def s3_process() -> Generator[S3Process]:
    """Run a server as long as the block lasts."""
    command = [sys.executable, "-P", "-m", "benchmarks.fleet_lake.s3_server"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603
    try:
        yield S3Process(process.stdout.readline().strip() if process.stdout else "", process.pid)
    finally:
        process.communicate()
