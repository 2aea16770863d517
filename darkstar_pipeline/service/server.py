"""Puts the service together and runs it until it is told to stop."""

import sys
from collections.abc import Callable
from datetime import timedelta
from types import FrameType

import uvicorn

from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.engine.planner_engine import PlannerEngine
from darkstar_pipeline.service.engine.shadow import Shadows
from darkstar_pipeline.service.home_assistant.client import TOKEN_VARIABLE, HomeAssistantClient
from darkstar_pipeline.service.home_assistant.controller import Controller
from darkstar_pipeline.service.home_assistant.home_feed import HomeFeed
from darkstar_pipeline.service.home_assistant.mqtt_publisher import Publisher
from darkstar_pipeline.service.http.app import create_app
from darkstar_pipeline.service.http.dependencies import Running
from darkstar_pipeline.service.http.metrics import Metrics
from darkstar_pipeline.service.http.tokens import Sessions, service_token
from darkstar_pipeline.service.logs import configure_logs
from darkstar_pipeline.service.schemas import Component
from darkstar_pipeline.service.secrets import secret

KEEP_ALIVE_SECONDS = 30
STOP_SECONDS = 10


class Service:
    """A service with all its parts.

    Args:
        context: the site.
        clock: what time it is; where it is not the system's, nothing outside is read, told or steered.

    Raises:
        ConfigurationError: a token cannot be had, or the settings contradict each other.
    """

    def __init__(self, context: Context, clock: Clock) -> None:
        self.sessions = Sessions(service_token(context))
        trial = clock.offset != timedelta()
        self.feed = None if trial else _feed(context, clock)
        self.engine = PlannerEngine(context, clock=clock, live=self.feed)
        self.shadows = Shadows()
        self.engine.listen(self.shadows.heard)
        self.control = None if trial else Controller(context, clock, self.engine.command)
        self.publisher = None
        if context.site_settings.home_assistant.mqtt.enabled and not trial:
            engine = self.engine
            self.publisher = Publisher(context, plan=engine.plan, command=engine.command, clock=clock)
        self.running = Running(
            engine=self.engine,
            sessions=self.sessions,
            metrics=Metrics(),
            parts=(self.shadows.components, self._outside),
        )

    def _outside(self) -> list[Component]:
        """How what reaches outside is."""
        told = [] if self.control is None else self.control.components()
        return [*told, *(part.status() for part in (self.feed, self.publisher) if part is not None)]

    def start(self) -> None:
        """Begin to read, plan, tell and steer."""
        for part in (self.feed, self.shadows, self.engine, self.publisher, self.control):
            if part is not None:
                part.start()

    def stop(self) -> None:
        """Leave the inverter to itself first, then end the rest."""
        for part in (self.control, self.publisher, self.engine, self.shadows, self.feed):
            if part is not None:
                part.stop()


def _feed(context: Context, clock: Clock) -> HomeFeed | None:
    """Who reads the home; None where no sensor is named.

    Raises:
        ConfigurationError: sensors are named, and Home Assistant's address or token is missing.
    """
    home = context.site_settings.home_assistant
    if not any(home.sensors.model_dump().values()):
        return None
    token = secret(TOKEN_VARIABLE, home.token_file)
    if home.url is None or token is None:
        raise ConfigurationError(
            "home_assistant.sensors are named, and its url or token is missing",
            f"set home_assistant.url, and {TOKEN_VARIABLE} or home_assistant.token_file",
        )
    return HomeFeed(context, clock=clock, client=HomeAssistantClient(home.url, token))


def serve(context: Context, *, clock: Clock, host: str, port: int, started: Callable[[], None]) -> None:
    """Serve a site until a signal comes.

    Args:
        context: the site.
        clock: what time it is.
        host: address to listen on.
        port: port to listen on.
        started: called when the service listens.

    Raises:
        ConfigurationError: a token cannot be had, or the settings contradict each other.
    """
    configure_logs(json=not sys.stderr.isatty())
    service = Service(context, clock)

    def begin() -> None:
        service.start()
        started()

    app = create_app(service.running, begin=begin, end=service.stop)
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
