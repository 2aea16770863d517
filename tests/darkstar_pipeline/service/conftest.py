"""A small home for the service's tests, made once and copied for those that change it."""

import shutil
from collections.abc import Generator
from pathlib import Path

import pytest

from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.home_assistant_api.failures import TOKEN_VARIABLE
from tests.builders.service_home import place_version, put_in_use
from tests.builders.shared_folders import guard_shared
from tests.builders.small_home import small_context, small_settings
from tests.builders.stub_home_assistant import StubHomeAssistant, stub_home_assistant


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder with a fortnight of readings and prices and a champion; not to be changed."""
    folder = tmp_path_factory.mktemp("service")
    context = small_context(folder)
    put_in_use(context, 1, place_version(context, 1))
    return guard_shared("filled", folder)


@pytest.fixture
def context(filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    """A home of one's own, a copy of `filled`."""
    monkeypatch.setenv("DARKSTAR_CONFIG", str(tmp_path / "darkstar.yaml"))
    shutil.copytree(filled, tmp_path / "state")
    return open_context(settings=small_settings(), home=tmp_path / "state")


@pytest.fixture
def stub_home(monkeypatch: pytest.MonkeyPatch) -> Generator[StubHomeAssistant]:
    """A Home Assistant that is no more than its REST interface, and whose token stands in the environment."""
    monkeypatch.setenv(TOKEN_VARIABLE, "a token of this test")
    with stub_home_assistant() as running:
        yield running
