"""A Ray cluster on this machine that other clusters on it do not meet: free ports only, and a folder of its own.

Ray's head listens for jobs on a fixed port of its own accord (52365). A second head on the machine goes on without that
listener and takes no job, for ever; and the last one to start or end rewrites the address that all others share in
`/tmp/ray`. Hence every cluster of the tests and benchmarks is started here.
"""

import os
import warnings
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import stamina

from darkstar_pipeline.engines.ray_connection import ray_module

START_ATTEMPTS = 4
STORE_BYTES = 150_000_000
_FREE_PORTS = {"dashboard_agent_listen_port": 0, "dashboard_port": 0}


class RayNodes:
    """The nodes of a running cluster.

    Attributes:
        cluster: Ray's own object.
        folder: what Ray writes of it.
    """

    def __init__(self, cluster: Any, folder: Path) -> None:  # noqa: ANN401 - Ray's own
        self.cluster, self.folder = cluster, folder

    @property
    def address(self) -> str:
        """Return the address that a driver connects to."""
        return self.cluster.address

    def added(self, **options: object) -> Any:  # noqa: ANN401 - Ray's own
        """Start a node, again where it had not started within Ray's 30 s: other work may fill the machine."""
        for attempt in stamina.retry_context(on=_no_start, attempts=START_ATTEMPTS, timeout=None):
            with attempt, _nothing_left():
                return self.cluster.add_node(object_store_memory=STORE_BYTES, **options)
        return None

    def kill(self, node: Any) -> None:  # noqa: ANN401 - Ray's own
        """Kill a node with all its processes, without a farewell."""
        self.cluster.remove_node(node, allow_graceful=False)


@contextmanager
def ray_nodes(**head: object) -> Generator[RayNodes]:
    """Start a cluster of a head, as `RayParams` names its options, for as long as the block lasts."""
    ray_module()  # says how much is told before Ray is first imported
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Ray's own modules
        from ray.cluster_utils import Cluster
    with TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder, _temporary_folder(folder):
        cluster: Any = Cluster()
        nodes = RayNodes(cluster, Path(folder))
        try:
            nodes.added(**{"include_dashboard": False, **_FREE_PORTS, **head})
            yield nodes
        finally:
            cluster.shutdown()


@contextmanager
def _temporary_folder(folder: str) -> Generator[None]:
    """Let Ray put its sessions and the address of the last cluster there, in this process and those that it starts."""
    before = os.environ.get("RAY_TMPDIR")
    os.environ["RAY_TMPDIR"] = folder
    try:
        yield
    finally:
        os.environ.pop("RAY_TMPDIR")
        if before is not None:
            os.environ["RAY_TMPDIR"] = before


@contextmanager
def _nothing_left() -> Generator[None]:
    """End the processes that a start has left where it failed; Ray forgets them."""
    this = psutil.Process()
    before = set(this.children())
    try:
        yield
    except Exception:
        started = set(this.children()) - before
        left = [process for child in started for process in (child, *_descendants(child))]
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left)
        raise


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    """Return what a process has started, and what that has; nothing where it has ended."""
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _no_start(error: Exception) -> bool:
    """Return whether a node did not start in time; Ray raises a plain exception then."""
    return "timed out during startup" in str(error)
