"""A planned fleet of two tenants, made once, and its service as each of them sees it."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.fleet.app import create_fleet_app
from darkstar_pipeline.service.fleet.server import FleetServer
from tests.builders.fleets import PLANNED_AT, fleet_settings, planned_fleet
from tests.builders.shared_folders import guard_shared


@pytest.fixture(scope="session")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fleet")
    planned_fleet(folder)
    return guard_shared("planned", folder)


@pytest.fixture
def state(planned: Path, tmp_path: Path) -> Path:
    """A state folder of one's own."""
    shutil.copytree(planned, tmp_path / "state")
    return tmp_path / "state"


@pytest.fixture
def service(state: Path) -> FleetServer:
    """The service three minutes after the plans were made."""
    return served(state)


def served(state: Path, *, after: timedelta = timedelta(minutes=3)) -> FleetServer:
    clock = Clock(offset=PLANNED_AT + after - datetime.now(UTC))
    server = FleetServer(Settings(fleet=fleet_settings(2)), state, clock, plans=False)
    server.refresh()
    return server


Ask = Callable[..., TestClient]


@pytest.fixture
def ask(service: FleetServer) -> Ask:
    """Makes a client with a token of its own: of a tenant, or the operator's."""
    return lambda tenant=None, scopes=("read",): asking(service, tenant, scopes)


def asking(service: FleetServer, tenant: str | None, scopes: tuple[str, ...] = ("read",)) -> TestClient:
    _, secret = service.running.admission.tokens.create(tenant, scopes)  # pyright: ignore[reportArgumentType]
    client = TestClient(create_fleet_app(service.running), base_url="http://localhost", raise_server_exceptions=False)
    client.headers["authorization"] = f"Bearer {secret}"
    return client
