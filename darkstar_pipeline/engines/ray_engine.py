"""Shards as tasks of Ray: a cluster that runs already, or one on this machine for a while.

Ray schedules, retries and watches over the nodes. What travels is pickled as the local engine does it, since what Ray
hands over by itself are arrays in shared memory that nobody may write to.
"""

import faulthandler
import pickle
from collections.abc import Callable, Generator, Sequence
from itertools import islice
from types import TracebackType
from typing import Any, TypeVar, cast

from darkstar_pipeline.engines.ray_connection import connect, ray_module
from darkstar_pipeline.errors import OutsideServiceError
from planner.errors import ShardLostError
from planner.local_engine import ATTEMPTS, become_worker, in_worker, named, whole

Shard = TypeVar("Shard")
Answer = TypeVar("Answer")

DEADLINE_SECONDS = 3600.0
"""Longest time of a shard; its worker ends itself then, as a killed one, and the shard is begun again [s]."""
_WAITING_PER_CORE = 2
"""Shards handed over per core of the cluster, so that none waits for the next; all the others stay here."""


class RayEngine:
    """Ray, joined or started when it is first needed, and left when the block ends.

    Args:
        address: `auto`, `host:port` or `ray://host:port` of a cluster; None starts one of this machine's cores.
        workers: shards at work at a time at most; None for as many as there are cores.
    """

    def __init__(self, address: str | None = None, workers: int | None = None) -> None:
        self._address, self._workers = address, workers
        self._leave: Callable[[], None] | None = None

    def __enter__(self) -> "RayEngine":
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the cluster, and end it where it is our own."""
        if self._leave is not None:
            self._leave()
            self._leave = None

    def answers(
        self, fn: Callable[[Shard], Answer], shards: Sequence[Shard], *, workers: int | None = None
    ) -> Generator[tuple[int, Answer]]:
        """Yield the number and the answer of every shard, as they come.

        Raises:
            ConfigurationError: Ray is not installed, or another version of it or of Python runs in the cluster.
            OutsideServiceError: the cluster cannot be reached.
            ShardLostError: a shard's worker or node ended again and again before it had answered.
        """
        if in_worker():
            yield from enumerate(map(fn, shards))
            return
        if self._leave is None:
            self._leave = connect(self._address, self._workers)
        ray = ray_module()
        dumps: Callable[[object], bytes] = ray.cloudpickle.dumps
        task = ray.remote(max_retries=ATTEMPTS - 1, retry_exceptions=False)(_work)
        work, left = ray.put(dumps(fn)), iter(range(len(shards)))
        at_work: dict[object, int] = {}
        try:
            while True:
                room = (workers or self._workers or self._room()) - len(at_work)
                for number in islice(left, max(room, 0)):
                    at_work[task.remote(work, dumps(shards[number]))] = number
                if not at_work:
                    return
                done, _ = ray.wait(list(at_work))
                number = at_work.pop(done[0])
                yield number, cast("Answer", _answer(done[0], shards, number))
        finally:
            for waited in at_work:
                ray.cancel(waited, force=True)

    def _room(self) -> int:
        """Return how many shards the cluster takes now; nodes come and go."""
        return _WAITING_PER_CORE * max(int(ray_module().cluster_resources().get("CPU", 0)), 1)


def _work(work: bytes, shard: bytes) -> bytes:
    """Answer a shard, in a worker of Ray."""
    dumps: Callable[[object], bytes] = ray_module().cloudpickle.dumps
    become_worker()
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
    try:
        return dumps(whole(pickle.loads(work), pickle.loads(shard)))  # noqa: S301 - ours
    finally:
        faulthandler.cancel_dump_traceback_later()


def _answer(done: object, shards: Sequence[object], number: int) -> Any:  # noqa: ANN401 - whatever it is
    """Return the answer of a task that is done."""
    from ray.exceptions import RayError, RayTaskError, RuntimeEnvSetupError

    try:
        return pickle.loads(ray_module().get(done))  # noqa: S301 - ours
    except RayTaskError as error:
        raise cast("Exception", error.cause) from error
    except RuntimeEnvSetupError as error:
        message = f"Ray's workers could not be given the code: {error}"
        raise OutsideServiceError(message, "see the logs of its nodes, and `docs/fleet.md`, Engines") from error
    except RayError as error:
        raise ShardLostError(named(shards, number), ATTEMPTS) from error
