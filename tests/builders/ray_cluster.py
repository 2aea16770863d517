"""A cluster of Ray on this machine, whose nodes can be killed or cut off."""

import os
import signal
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from darkstar_pipeline.engines.ray_connection import ray_module

HEALTH = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 1000,
    "health_check_timeout_ms": 1000,
    "health_check_failure_threshold": 3,
    "task_oom_retries": 2,
}
_STORE_BYTES = 150_000_000


class Nodes:
    """The nodes of a cluster; the first one is its head, which has a core and no way out of it."""

    def __init__(self, cluster: Any) -> None:
        self._cluster = cluster
        self._others: list[Any] = []

    @property
    def address(self) -> str:
        """Return the address of the cluster."""
        return self._cluster.address

    def add(self) -> None:
        """Add a node with a core."""
        self._others.append(self._cluster.add_node(num_cpus=1, object_store_memory=_STORE_BYTES))

    def kill(self) -> None:
        """Kill the second node with all its processes, without a farewell."""
        self._cluster.remove_node(self._others.pop(), allow_graceful=False)

    def cut_off(self) -> None:
        """Stop the daemon of the second node: its workers go on, and nobody hears of them."""
        raylet: int = self._others[-1].all_processes["raylet"][0].process.pid
        os.kill(raylet, signal.SIGSTOP)

    def replace(self) -> None:
        """Put another node in the place of the second one, whether that is dead or cut off."""
        while self._others:
            self.kill()
        self.add()


@contextmanager
def cluster() -> Generator[Nodes]:
    """Start a cluster of two nodes with a core each."""
    ray_module()  # says how much is told before Ray is first imported
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": _STORE_BYTES, "_system_config": HEALTH}
    started = Cluster(initialize_head=True, head_node_args=head)
    try:
        nodes = Nodes(started)
        nodes.add()
        yield nodes
    finally:
        started.shutdown()
