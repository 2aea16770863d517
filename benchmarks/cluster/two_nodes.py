"""A Ray cluster of several nodes on loopback, whose nodes can be killed: a head without work and two workers."""

import os
import threading
from contextlib import ExitStack
from typing import Any

import psutil

from benchmarks.cluster.ray_nodes import ray_nodes

NODES, CORES = 2, 1
_LOOK_SECONDS = 0.2
_WORKERS = ("ray::_work", "ray::IDLE")
_HEALTH = {"health_check_period_ms": 1000, "health_check_timeout_ms": 2000, "health_check_failure_threshold": 3}


class TwoNodes:
    """The cluster, for as long as the block lasts."""

    def __enter__(self) -> "TwoNodes":
        """Start the nodes."""
        with ExitStack() as block:
            self._nodes = block.enter_context(ray_nodes(num_cpus=0, _system_config=_HEALTH))
            self._workers = [self._added() for _ in range(NODES)]
            self._end = block.pop_all().close
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
        self._end()

    @property
    def address(self) -> str:
        """Return the address that a driver connects to."""
        return self._nodes.address

    def kill(self, number: int) -> None:
        """Kill a worker's node at once, with all its processes, and start another in its place."""
        self._nodes.kill(self._workers.pop(number % len(self._workers)))
        self._workers.append(self._added())

    def _added(self) -> Any:  # noqa: ANN401 - Ray's own
        return self._nodes.added(num_cpus=CORES)

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
