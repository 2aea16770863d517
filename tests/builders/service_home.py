"""A small home with a planner service at work on it, at a moment of its fortnight."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from starlette.testclient import TestClient

from darkstar_pipeline.config.fingerprints import tariff_version
from darkstar_pipeline.context import Context
from darkstar_pipeline.models.champion_pointer import Pointer, write_pointer
from darkstar_pipeline.models.version import RegisteredModel, registered_name
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.devices.household import Household
from darkstar_pipeline.service.engine.planner_engine import PlannerEngine
from darkstar_pipeline.service.http.app import create_app
from darkstar_pipeline.service.http.dependencies import ServiceState
from darkstar_pipeline.service.http.metrics import Metrics
from darkstar_pipeline.service.http.tokens import AccessToken
from env.gym.actions import Correction
from env.gym.scaled_state import V2
from planner.artifacts.bundle import Bundle, save_bundle
from planner.policies.rl_policy import AntaresRLPolicyV1, rl_manifest
from planner.value.scenario_weights import NAIVE
from tests.builders.small_home import ZONE

TOKEN = "a token of the tests, long enough"  # noqa: S105 - of nothing but tests
LONG_DAY = date(2025, 10, 26)
COLUMNS = tuple(column.name for column in V2)


def moment(day: date = LONG_DAY, hour: int = 14, minute: int = 3, *, fold: int = 0) -> datetime:
    """A local moment, in UTC."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo(ZONE), fold=fold).astimezone(UTC)


@dataclass
class HandClock(Clock):
    """A clock that stands still until it is set."""

    at: datetime = datetime(2000, 1, 1, tzinfo=UTC)
    seconds: float = 1000.0

    def now(self) -> datetime:
        """The moment it was set to."""
        return self.at

    def monotonic(self) -> float:
        """Seconds it was moved by."""
        return self.seconds


def place_version(context: Context, version: int, *, tariff: str | None = None, state: str = "v2") -> Bundle:
    """A trained policy in the state folder that corrects nothing, as a registered version leaves it."""
    tensors = {"0.weight": np.zeros((1, len(COLUMNS)), np.float32), "0.bias": np.full(1, 1e-9 * version, np.float32)}
    manifest = rl_manifest(
        algorithm="ppo",
        state=state,
        columns=COLUMNS,
        correction=Correction(offset=0.5),
        weight_rules=NAIVE,
        tariff=tariff_version(context.site_settings) if tariff is None else tariff,
    )
    return save_bundle(_models(context) / f"v{version}", manifest, AntaresRLPolicyV1(manifest, tensors).files())


def put_in_use(context: Context, version: int, bundle: Bundle) -> None:
    """Point the champion at a version."""
    pointer = Pointer(
        version=version,
        identity=bundle.identity,
        path=f"v{version}",
        model=registered_name(context.site_name),
        move=f"m{version}",
        at=datetime(2025, 10, 1, tzinfo=UTC),
    )
    write_pointer(_models(context), pointer)


def _models(context: Context) -> Path:
    return RegisteredModel.of(context).folder


def made_engine(context: Context, at: datetime | None = None) -> tuple[PlannerEngine, HandClock]:
    """An engine that plans on request, and its clock."""
    clock = HandClock(at=moment() if at is None else at)
    return PlannerEngine(context, clock=clock), clock


def client_of(engine: PlannerEngine, household: Household | None = None) -> TestClient:
    """Somebody who asks the service of an engine, without a token."""
    running = ServiceState(engine=engine, token=AccessToken(TOKEN), metrics=Metrics(), household=household)
    return TestClient(create_app(running), base_url="http://localhost", raise_server_exceptions=False)


@contextmanager
def asking(engine: PlannerEngine, household: Household | None = None) -> Generator[TestClient]:
    """Somebody who asks the service of an engine, with the token."""
    with client_of(engine, household) as client:
        client.headers["authorization"] = f"Bearer {TOKEN}"
        yield client
