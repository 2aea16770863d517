"""Puts the service together and runs it until it is told to stop."""

import logging
from collections.abc import Callable
from types import FrameType

import uvicorn

from darkstar_pipeline.context import Context
from planner.service.app import create_app
from planner.service.clock import Clock
from planner.service.engine import PlannerEngine
from planner.service.metrics import Metrics
from planner.service.running import Running
from planner.service.shadow import Shadows
from planner.service.tokens import Sessions, service_token

KEEP_ALIVE_SECONDS = 30
STOP_SECONDS = 10
_log = logging.getLogger(__name__)


def serve(context: Context, *, clock: Clock, host: str, port: int, started: Callable[[], None]) -> None:
    """Serve a site until a signal comes.

    Args:
        context: the site.
        clock: what time it is.
        host: address to listen on.
        port: port to listen on.
        started: called when the service listens.

    Raises:
        ConfigurationError: the token cannot be had, or the settings contradict each other.
    """
    sessions = Sessions(service_token(context))
    engine = PlannerEngine(context, clock=clock)
    shadows = Shadows()
    engine.listen(shadows.heard)
    running = Running(engine=engine, sessions=sessions, metrics=Metrics(), parts=(shadows.components,))

    def begin() -> None:
        shadows.start()
        engine.start()
        started()

    def end() -> None:
        engine.stop()
        shadows.stop()

    app = create_app(running, begin=begin, end=end)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    _PoliteServer(config).run()


class _PoliteServer(uvicorn.Server):
    """A server that ends like any program when it is asked to stop; uvicorn's would die of the signal once more."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Answer what was asked, then stop; a second signal does not wait."""
        del sig, frame
        self.force_exit, self.should_exit = self.should_exit, True
