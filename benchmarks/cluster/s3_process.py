"""An S3 server on loopback as a process of its own, moto's, whose log tells every request."""

import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import psutil

_READY_SECONDS = 60.0
_ADDRESS = re.compile(r"Running on (http://127\.0\.0\.1:\d+)")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_REQUEST = re.compile(r'"(GET|PUT|POST|DELETE|HEAD) (\S+) HTTP/1\.1" (\d+)')
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}


class S3Process:
    """The server.

    Args:
        endpoint: its address.
        log: its log.
        process: the process.
    """

    def __init__(self, endpoint: str, log: Path, process: "subprocess.Popen[bytes]") -> None:
        self.endpoint = endpoint
        self._log, self._process = log, process

    def environment(self) -> dict[str, str]:
        """Return the variables by which a client finds the server."""
        return {**CREDENTIALS, "AWS_ENDPOINT_URL": self.endpoint}

    def new_place(self, name: str) -> str:
        """Make a bucket; return the place of a lake in it."""
        httpx2.put(f"{self.endpoint}/{name}", timeout=30.0).raise_for_status()
        return f"s3://{name}/lake"

    def requests(self, place: str) -> Counter[str]:
        """Return how often each kind of request was made for a place, and under `refused` how many of them failed."""
        bucket = place.removeprefix("s3://").partition("/")[0]
        found: Counter[str] = Counter()
        for method, path, status in _REQUEST.findall(_COLOUR.sub("", self._log.read_text(errors="replace"))):
            if path.startswith(f"/{bucket}"):
                listing = method == "GET" and "list-type=2" in path
                found["LIST" if listing else method] += 1
                found["refused"] += status[0] in "45" and status != "404"
        return found

    def processor_seconds(self) -> float:
        """Return the processor time of the server so far [s]."""
        used = psutil.Process(self._process.pid).cpu_times()
        return used.user + used.system


@contextmanager
def s3_process(folder: Path) -> Generator[S3Process]:
    """Run a server as long as the block lasts.

    Args:
        folder: for its log.

    Raises:
        TimeoutError: it did not begin to listen.
    """
    log = folder / "s3.log"
    with log.open("wb") as output:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
        process = subprocess.Popen(command, stdout=output, stderr=output)  # noqa: S603 - our own words
    try:
        yield S3Process(_address(log, process), log, process)
    finally:
        process.terminate()
        process.wait()


def _address(log: Path, process: "subprocess.Popen[bytes]") -> str:
    """Wait for the address in the log of a server that starts."""
    until = time.monotonic() + _READY_SECONDS
    while time.monotonic() < until and process.poll() is None:
        if found := _ADDRESS.search(log.read_text(errors="replace")):
            return found[1]
        time.sleep(0.1)
    message = f"the S3 server does not listen: {log.read_text(errors='replace')[-500:]}"
    raise TimeoutError(message)
