"""A Ray cluster of several nodes on loopback, whose nodes can be killed: a head without work and two workers."""

import os
import threading
from typing import Any

import psutil
import stamina

from darkstar_pipeline.engines.ray_connection import ray_module

NODES, CORES = 2, 1
START_ATTEMPTS = 4
_LOOK_SECONDS = 0.2
_WORKERS = ("ray::_work", "ray::IDLE")
_HEALTH = {"health_check_period_ms": 1000, "health_check_timeout_ms": 2000, "health_check_failure_threshold": 3}


class TwoNodes:
    """The cluster, for as long as the block lasts."""

    def __enter__(self) -> "TwoNodes":
        """Start the nodes."""
        ray_module()  # says how much is told before Ray is first imported
        from ray.cluster_utils import Cluster

        head = {"num_cpus": 0, "_system_config": _HEALTH, "include_dashboard": False}
        self._cluster: Any = Cluster(initialize_head=True, head_node_args=head)
        self._workers = [self._added() for _ in range(NODES)]
        self._seconds: dict[tuple[int, float], float] = {}
        self._at_work: set[tuple[int, float]] = set()
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._watched, daemon=True)
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End every node."""
        self._over.set()
        self._watch.join()
        self._cluster.shutdown()

    @property
    def address(self) -> str:
        """Return the address that a driver connects to."""
        return self._cluster.address

    def kill(self, number: int) -> None:
        """Kill a worker's node at once, with all its processes, and start another in its place."""
        gone = self._workers.pop(number % len(self._workers))
        self._cluster.remove_node(gone, allow_graceful=False)
        self._workers.append(self._added())

    def _added(self) -> Any:  # noqa: ANN401 - Ray's own
        """Start a worker's node, again where it had not started within Ray's 30 s: other work may fill the machine."""
        for attempt in stamina.retry_context(on=_no_start, attempts=START_ATTEMPTS, timeout=None):
            with attempt:
                return self._cluster.add_node(num_cpus=CORES)
        return None

    def processor_seconds(self) -> float:
        """Return the processor time of the cluster's processes so far, those that ended included [s]."""
        return sum(self.seconds_by_kind())

    def seconds_by_kind(self) -> tuple[float, float]:
        """Return the processor time of Ray's workers and of its daemons so far, those that ended included [s]."""
        self._look()
        workers = sum(seconds for key, seconds in self._seconds.items() if key in self._at_work)
        return workers, sum(self._seconds.values()) - workers

    def _watched(self) -> None:
        """Look again and again: a worker ends with its driver, and Ray's daemon does not tell what it used."""
        while not self._over.wait(_LOOK_SECONDS):
            self._look()

    def _look(self) -> None:
        for process in psutil.Process(os.getpid()).children(recursive=True):
            try:
                used, named = process.cpu_times(), " ".join(process.cmdline())
                begun = process.create_time()
            except psutil.NoSuchProcess:
                continue
            if "/ray/" in named or named.startswith("ray::"):
                self._seconds[process.pid, begun] = used.user + used.system
            if named.startswith(_WORKERS):
                self._at_work.add((process.pid, begun))


def _no_start(error: Exception) -> bool:
    """Return whether a node did not start in time; Ray raises a plain exception then."""
    return "timed out during startup" in str(error)
