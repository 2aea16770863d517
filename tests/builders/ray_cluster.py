"""A cluster of Ray on this machine, whose nodes can be killed or cut off."""

import os
import signal
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from benchmarks.cluster.ray_nodes import RayNodes, ray_nodes

HEALTH = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 1000,
    "health_check_timeout_ms": 1000,
    "health_check_failure_threshold": 3,
    "task_oom_retries": 2,
}

LAST_CHARACTERS = 4000


class Nodes:
    """The nodes of a cluster; the first one is its head, which has a core and no way out of it."""

    def __init__(self, nodes: RayNodes) -> None:
        self._nodes = nodes
        self._others: list[Any] = []

    @property
    def address(self) -> str:
        """Return the address of the cluster."""
        return self._nodes.address

    def add(self) -> None:
        """Add a node with a core."""
        self._others.append(self._nodes.added(num_cpus=1))

    def kill(self) -> None:
        """Kill the second node with all its processes, without a farewell."""
        self._nodes.kill(self._others.pop())

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
    with ray_nodes(num_cpus=1, _system_config=HEALTH) as started:
        nodes = Nodes(started)
        nodes.add()
        yield nodes


def jobs_address(nodes: RayNodes) -> str:
    """The address that takes jobs; the head has a dashboard."""
    return f"http://{nodes.cluster.head_node.webui_url}"


def agent_logs(nodes: RayNodes) -> str:
    """The ends of what the head's agent and dashboard have written, to be told where something fails."""
    paths = sorted(nodes.folder.glob("ray/session_2*/logs/dashboard*.log"))
    return "\n".join(f"{path.name}:\n{path.read_text(errors='replace')[-LAST_CHARACTERS:]}" for path in paths)
