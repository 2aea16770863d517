"""Runs the service of a fleet: its plans, kept up to date, and its web server."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.fleet.homes_file import fleet_of
from darkstar_pipeline.fleet.lake import fleet_lake
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.fleet.admission import TenantAdmission
from darkstar_pipeline.service.fleet.app import MOST_BODY_BYTES, create_fleet_app
from darkstar_pipeline.service.fleet.dependencies import FleetState
from darkstar_pipeline.service.fleet.directory import Directory
from darkstar_pipeline.service.fleet.plan_shelf import PlanShelf
from darkstar_pipeline.service.fleet.rounds import PlanningRounds
from darkstar_pipeline.service.fleet.tenant_tokens import TenantTokens
from darkstar_pipeline.service.http.listener import connection_limits, listener_config, open_socket
from darkstar_pipeline.service.logs import configure_logs
from darkstar_pipeline.service.periodic import PeriodicCheck
from darkstar_pipeline.service.schemas.health import Component
from darkstar_pipeline.service.server import QuietServer

STOP_SECONDS = 5.0


class FleetServer:
    """A fleet's service with all its parts.

    Args:
        settings: the whole configuration.
        home: the state folder.
        clock: the service's clock.
        plans: whether this service plans too; one that only answers leaves it to another process.

    Raises:
        ConfigurationError: there is no fleet, or its homes or tokens cannot be read.
    """

    def __init__(self, settings: Settings, home: Path, clock: Clock, *, plans: bool) -> None:
        fleet = fleet_of(settings)
        lake = fleet_lake(fleet, home)
        self.shelf = PlanShelf(lake)
        self.directory = Directory(fleet, home, self.shelf)
        tokens = TenantTokens(home)
        tokens.all()
        self._admission = TenantAdmission(tokens)
        self.rounds = PlanningRounds(home, clock) if plans else None
        self.running = FleetState(
            settings=settings,
            service=fleet.defaults.service,
            lake=lake,
            directory=self.directory,
            shelf=self.shelf,
            admission=self._admission,
            clock=clock,
            components=self.components,
        )
        seconds = fleet.defaults.service.poll_seconds
        self._checks = [PeriodicCheck(self.refresh, name="plans", first_seconds=seconds, seconds=seconds)]
        if self.rounds is not None:
            self._checks.append(
                PeriodicCheck(self.rounds.check, name="planning rounds", first_seconds=0.0, seconds=seconds)
            )

    def refresh(self) -> None:
        """Read what has changed of plans and homes."""
        self.shelf.refresh()
        self.directory.refresh()

    def components(self) -> list[Component]:
        """Return the states of the parts."""
        parts = [
            Component(name="plans", ok=not self.shelf.problem, note=self.shelf.problem),
            Component(name="tokens", ok=not self._admission.problem, note=self._admission.problem),
            Component(name="homes", ok=not self.directory.problem, note=self.directory.problem),
        ]
        return [*parts, *(() if self.rounds is None else (self.rounds.status(),))]

    def start(self) -> None:
        """Read the plans that are there, then keep them up to date."""
        self.refresh()
        for check in self._checks:
            check.start()

    def stop(self) -> None:
        """Stop planning and reading."""
        if self.rounds is not None:
            self.rounds.stop()
        for check in self._checks:
            check.stop(STOP_SECONDS)


def serve_fleet(
    settings: Settings,
    home: Path,
    *,
    clock: Clock,
    host: str,
    port: int,
    plans: bool,
    started: Callable[[], None],
) -> None:
    """Serve a fleet until a signal comes.

    Args:
        settings: the whole configuration.
        home: the state folder.
        clock: the service's clock.
        host: address to listen on.
        port: port to listen on.
        plans: whether this service plans too.
        started: called once the service is started.

    Raises:
        ConfigurationError: there is no fleet, its homes or tokens cannot be read, or the address cannot be had.
    """
    listening = open_socket(host, port)  # before anything starts, so that a refusal leaves nothing behind
    configure_logs(json=not sys.stderr.isatty())
    service = FleetServer(settings, home, clock, plans=plans)

    def begin() -> None:
        service.start()
        started()

    app = create_fleet_app(service.running, begin=begin, end=service.stop)
    limits = connection_limits(service.running.service)
    config = listener_config(
        app,
        host=host,
        port=port,
        metrics=service.running.metrics,
        limits=replace(limits, body_bytes=max(limits.body_bytes, MOST_BODY_BYTES)),
        trusted_proxies=service.running.service.trusted_proxies,
    )
    QuietServer(config).run(sockets=[listening])
