"""Costs of engines beside the work: processor time a task, idle workers, killed ones; and that answers are the same.

The work is arithmetic for a given processor time, so that the figures are the engines' alone. Wall times wobble with
other work on the machine: what is compared was measured in one run, and costs are processor time of all processes.
"""

import os
import signal
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.cluster.shards import cut_shards
from benchmarks.cluster.two_nodes import CORES, NODES, TwoNodes
from benchmarks.harness.results import Row, Scope
from darkstar_pipeline.engines.ray_engine import RayEngine
from planner.local_engine import LocalEngine
from planner.parallel import map_shards, running_on

WORKERS = NODES * CORES
ITEM_SECONDS = 0.1
_MOST_IDLE, _MOST_OVERHEAD = 0.02, 0.15
_LOST = np.random.default_rng(18)


def run(scope: Scope) -> list[Row]:
    """Measure in process, over processes and on two nodes of Ray."""
    tasks, items, losses = scope.of(2000, 200), range(scope.of(400, 60)), scope.of(3, 1)
    rows = _overheads("in process", partial(_local, 1), tasks) + _overheads(
        "processes", partial(_local, WORKERS), tasks
    )
    with running_on(LocalEngine(WORKERS)):
        rows += _idle("processes", items) + _killed("processes", items)
    with TwoNodes() as nodes, RayEngine(nodes.address, WORKERS) as engine, running_on(engine):
        map_shards(_nothing, range(WORKERS * 4))  # workers start and import
        rows += _overheads("ray", partial(_on_ray, nodes), tasks)
        before = _own_seconds() + nodes.processor_seconds()
        rows += _idle("ray", items)
        used = _own_seconds() + nodes.processor_seconds() - before
        share = used / (ITEM_SECONDS * len(items)) - 1.0
        rows.append(
            Row("overhead_ray", share, "of the work", f"<= {_MOST_OVERHEAD}", share <= _MOST_OVERHEAD, applies="whole")
        )
        rows += _killed("ray", items)
        for number in range(losses):
            rows += _node_killed(nodes, items, number)
    return rows


def _named(figure: str, engine: str) -> str:
    return f"{figure}_{engine.replace(' ', '_')}"


def _overheads(engine: str, cost: Callable[[int], float], tasks: int) -> list[Row]:
    """Return the processor time that a task costs beside its work, which is none; what a start costs is taken off."""
    few = 2 * WORKERS
    return [Row(_named("task", engine), 1000.0 * (cost(tasks + few) - cost(few)) / tasks, "ms of processor time")]


def _local(workers: int, tasks: int) -> float:
    before = _own_seconds()
    map_shards(_nothing, range(tasks), workers=workers)
    return _own_seconds() - before


def _on_ray(nodes: TwoNodes, tasks: int) -> float:
    before = _own_seconds() + nodes.processor_seconds()
    map_shards(_nothing, range(tasks))
    return _own_seconds() + nodes.processor_seconds() - before


def _own_seconds() -> float:
    """Return the processor time of this process and of its children that have ended [s]."""
    used = [getrusage(RUSAGE_SELF), getrusage(RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _nothing(shard: int) -> int:
    return shard


Span = tuple[int, float, float]
"""Process that worked on a shard, and when it began and ended [s]."""


def _idle(engine: str, items: Sequence[int]) -> list[Row]:
    """Return the share of the workers' time between the first shard's start and the last one's end without work."""
    shards = cut_shards(items, ITEM_SECONDS)
    spans = map_shards(_worked, shards)
    first, last = min(start for _, start, _ in spans), max(end for _, _, end in spans)
    # The last shards end one after the other whatever the engine, so that only whole rounds are looked at.
    ends = sorted({pid: max(end for own, _, end in spans if own == pid) for pid, _, _ in spans}.values())
    until = ends[0]
    busy = sum(max(0.0, min(end, until) - start) for _, start, end in spans)
    idle = 1.0 - busy / (len(ends) * (until - first))
    met = idle <= _MOST_IDLE
    return [
        Row(_named("idle_share", engine), idle, "", f"<= {_MOST_IDLE}", met, applies="whole"),
        Row(_named("wall", engine), last - first, "s"),
    ]


def _worked(shard: Sequence[int]) -> Span:
    """Work for as long as the items of a shard take."""
    start = time.monotonic()
    for _ in shard:
        _arithmetic(ITEM_SECONDS)
    return os.getpid(), start, time.monotonic()


def _arithmetic(seconds: float) -> None:
    until = time.thread_time() + seconds
    numbers = np.arange(1.0, 4096.0)
    while time.thread_time() < until:
        numbers = np.sqrt(numbers + 1.0)


def _killed(engine: str, items: Sequence[int]) -> list[Row]:
    """Kill a worker in the middle; return whether the answers are those of one process."""
    with TemporaryDirectory() as folder:
        shards = cut_shards(items, ITEM_SECONDS)
        found = map_shards(partial(_summed, Path(folder), shards[len(shards) // 2][0]), shards)
        return _same("worker_killed", engine, found, shards, Path(folder))


def _node_killed(nodes: TwoNodes, items: Sequence[int], number: int) -> list[Row]:
    """Kill a node at a random moment of the work; return whether the answers are those of one process."""
    with TemporaryDirectory() as folder:
        shards = cut_shards(items, ITEM_SECONDS)
        after = int(_LOST.integers(1, len(shards) // 2))

        def lose(done: int, _: int) -> None:
            if done == after:
                nodes.kill(number)

        found = map_shards(partial(_summed, Path(folder), None), shards, progress=lose)
        return _same(f"node_killed_{number + 1}", "ray", found, shards, Path(folder))


def _summed(folder: Path, deadly: int | None, shard: Sequence[int]) -> float:
    """Return a number of a shard, whose beginnings are counted; the first worker of the deadly one is killed."""
    begun = len(list(folder.glob(f"{shard[0]}-*")))
    (folder / f"{shard[0]}-{begun}").touch()
    if begun == 0 and shard[0] == deadly:
        os.kill(os.getpid(), signal.SIGKILL)
    _worked(shard)
    return float(np.sqrt(np.array(shard, dtype=float)).sum())


def _same(figure: str, engine: str, found: Sequence[float], shards: Sequence[Sequence[int]], folder: Path) -> list[Row]:
    serial = [float(np.sqrt(np.array(shard, dtype=float)).sum()) for shard in shards]
    again = len(list(folder.iterdir())) - len(shards)
    return [
        Row(_named(f"{figure}_same", engine), int(found == serial), "", "== 1", found == serial),
        Row(_named(f"{figure}_begun_again", engine), again, "shards"),
    ]
