"""Shards as tasks of Ray: a cluster that runs already, or one on this machine for a while.

Ray schedules, retries and watches over the nodes. What travels is pickled as the local engine does it, since what Ray
hands over by itself are arrays in shared memory that nobody may write to.
"""

import faulthandler
import logging
import pickle
import re
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import islice
from types import TracebackType
from typing import Any, TypeVar, cast

import stamina

from darkstar_pipeline.engines.ray_connection import EXTRA, connect, head_of, listens, ray_module
from darkstar_pipeline.errors import ConfigurationError, OutsideServiceError
from planner.errors import ShardLostError
from planner.local_engine import ATTEMPTS, become_worker, in_worker, named, whole

Shard = TypeVar("Shard")
Answer = TypeVar("Answer")

DEADLINE_SECONDS = 3600.0
"""Longest time of a shard; its worker ends itself then, as a killed one, and Ray begins the shard again [s].

So long at most no shard may be answered at all, too: Ray waits for ever for a worker whose node hangs but does not die.
"""
WATCH_SECONDS, MOST_MISSED = 5.0, 4
"""How often a head is looked for while no shard is answered, and how often in a row it may be missed [s]."""
_INLINE_BYTES = 90_000
"""Work of this size travels with every task (Ray takes 100 kB), so that a worker needs nothing of its node's store."""
_WAITING_PER_CORE = 2
"""Shards handed over per core of the cluster, so that none waits for the next; all the others stay here."""
_MISSING = re.compile(r"No module named '([\w.]+)'")
_log = logging.getLogger(__name__)


class RayEngine:
    """Ray, joined or started when it is first needed, and left when the block ends.

    Args:
        address: `auto`, `host:port` or `ray://host:port` of a cluster; None starts one of this machine's cores.
        workers: shards at work at a time at most; None for as many as there are cores.
        deadline_seconds: longest time of a shard [s].
    """

    def __init__(
        self, address: str | None = None, workers: int | None = None, *, deadline_seconds: float = DEADLINE_SECONDS
    ) -> None:
        self._address, self._workers, self._deadline = address, workers, deadline_seconds
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
            ConfigurationError: Ray is not installed, another version of it or of Python runs in the cluster, or a node
                lacks a package.
            OutsideServiceError: the cluster cannot be reached, or is lost at work.
            ShardLostError: a shard's worker or node ended again and again before it had answered.
        """
        if in_worker():
            yield from enumerate(map(fn, shards))
            return
        if self._leave is None:
            self._leave = connect(self._address, self._workers)
        stamina.instrumentation.set_on_retry_hooks([])  # its own writes to stdout, where a command's JSON goes
        left = set(range(len(shards)))
        try:
            for attempt in stamina.retry_context(on=_StalledError, attempts=ATTEMPTS, timeout=None):
                with attempt:
                    for number, answer in self._round(fn, shards, sorted(left), workers):
                        left.discard(number)
                        yield number, answer
        except _StalledError as error:
            raise ShardLostError(named(shards, min(left)), ATTEMPTS) from error

    def _round(
        self, fn: Callable[[Shard], Answer], shards: Sequence[Shard], numbers: Sequence[int], workers: int | None
    ) -> Generator[tuple[int, Answer]]:
        """Yield the answers of some shards; those at work are cancelled where this ends early."""
        ray = ray_module()
        dumps: Callable[[object], bytes] = ray.cloudpickle.dumps
        task = ray.remote(max_retries=ATTEMPTS - 1, retry_exceptions=False)(_work)
        work, left = dumps(fn), iter(numbers)
        at_work: dict[object, int] = {}
        try:
            with self._reached():
                shared = work if len(work) <= _INLINE_BYTES else ray.put(work)
            while True:
                with self._reached():
                    room = (workers or self._workers or self._room()) - len(at_work)
                    for number in islice(left, max(room, 0)):
                        at_work[task.remote(shared, dumps(shards[number]), self._deadline)] = number
                    if not at_work:
                        return
                    done = self._done(list(at_work))
                if not done:
                    waiting = ", ".join(named(shards, number) for number in at_work.values())
                    _log.warning("no answer for %.0f s from %s: begun again", self._deadline, waiting)
                    raise _StalledError
                number = at_work.pop(done[0])
                with self._reached():
                    answer = _answer(done[0], shards, number)
                yield number, cast("Answer", answer)
        except _ClusterLostError:
            at_work.clear()  # it works no more
            raise
        finally:
            for waited in at_work:
                ray.cancel(waited, force=True)

    def _done(self, waited: Sequence[object]) -> Sequence[object]:
        """Return a shard that is answered; none where there is none within the deadline.

        Raises:
            ConnectionError: nobody listens at the head any more. Ray itself ends this process then, after a minute
                (a client is told by an error).
        """
        ray, head = ray_module(), head_of(self._address)
        end, missed = time.monotonic() + self._deadline, 0
        while (left := end - time.monotonic()) > 0:
            done, _ = ray.wait(waited, timeout=left if head is None else min(left, WATCH_SECONDS))
            if done:
                return done
            missed = 0 if head is None or listens(head) else missed + 1
            if head is not None and missed == MOST_MISSED:
                message = f"nobody has listened at {head[0]}:{head[1]} for {MOST_MISSED * WATCH_SECONDS:.0f} s"
                raise ConnectionError(message)
        return []

    @contextmanager
    def _reached(self) -> Generator[None]:
        """Tell a person that the cluster itself was lost; errors of the work are its own."""
        try:
            yield
        except Exception as error:
            if not _of_connection(error):
                raise
            message = f"the Ray cluster at {self._address} (engine.address) was lost at work: {_last_line(error)}"
            hint = "start it again, then run this again: what was written stays"
            raise _ClusterLostError(message, hint) from error

    def _room(self) -> int:
        """Return how many shards the cluster takes now; nodes come and go."""
        return _WAITING_PER_CORE * max(int(ray_module().cluster_resources().get("CPU", 0)), 1)


class _ClusterLostError(OutsideServiceError):
    """The cluster itself is gone."""


class _StalledError(Exception):
    """Nothing is answered any more."""


def _work(work: bytes, shard: bytes, deadline_seconds: float) -> bytes:
    """Answer a shard, in a worker of Ray."""
    dumps: Callable[[object], bytes] = ray_module().cloudpickle.dumps
    become_worker()
    faulthandler.dump_traceback_later(deadline_seconds, exit=True)
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
        cause = cast("Exception", error.cause)
        if (module := _lacking(cause)) is not None:
            message = f"a node of the Ray cluster lacks the package {module}, which is installed here"
            raise ConfigurationError(message, f"run `{EXTRA}` of this version on every node") from error
        raise cause from error
    except RuntimeEnvSetupError as error:
        message = f"Ray's workers could not be given the code: {error}"
        raise OutsideServiceError(message, "see the logs of its nodes, and `docs/fleet.md`, Engines") from error
    except RayError as error:
        raise ShardLostError(named(shards, number), ATTEMPTS) from error


def _lacking(error: Exception) -> str | None:
    """Return the module that a worker could not import, where this process has it."""
    found = _MISSING.search(str(error))
    if found is None or not isinstance(error, (ImportError, RuntimeError)):
        return None
    module = found[1].partition(".")[0]
    return module if find_spec(module) is not None else None


def _of_connection(error: Exception) -> bool:
    """Return whether the way to the cluster failed, as Ray's client or gRPC says it, and not the work itself."""
    from ray.exceptions import RayError

    is_failed_call = isinstance(error, ConnectionError) or type(error).__module__.startswith("grpc.")
    return is_failed_call and not isinstance(error.__cause__, RayError)


def _last_line(error: BaseException) -> str:
    """Return the end of what Ray says, whose beginning may be a stack."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1]
