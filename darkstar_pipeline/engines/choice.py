"""Chooses the engine of a command or an asset by `engine` in `darkstar.yaml`, when its first shards come."""

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, TypeVar

from planner.local_engine import LocalEngine
from planner.parallel import Engine, running_on

if TYPE_CHECKING:
    from darkstar_pipeline.config.fleet.engine import EngineSettings

Shard = TypeVar("Shard")
Answer = TypeVar("Answer")


@contextmanager
def on_engine(settings: Callable[[], "EngineSettings"]) -> Generator[None]:
    """Work on shards by the configured engine for a while; nothing is read, imported or started before the first ones.

    Args:
        settings: returns the settings of the engine.
    """
    with ExitStack() as at_end, running_on(_Chosen(settings, at_end)):
        yield


class _Chosen:
    """The engine that is configured."""

    def __init__(self, settings: Callable[[], "EngineSettings"], at_end: ExitStack) -> None:
        self._settings, self._at_end = settings, at_end
        self._engine: Engine | None = None

    def answers(
        self, fn: Callable[[Shard], Answer], shards: Sequence[Shard], *, workers: int | None = None
    ) -> Generator[tuple[int, Answer]]:
        """Yield the number and the answer of every shard, as they come."""
        if self._engine is None:
            self._engine = self._made(self._settings())
        yield from self._engine.answers(fn, shards, workers=workers)

    def _made(self, settings: "EngineSettings") -> Engine:
        if settings.kind == "local":
            return LocalEngine(settings.workers)
        from darkstar_pipeline.engines.ray_engine import RayEngine

        return self._at_end.enter_context(RayEngine(settings.address, settings.workers))
