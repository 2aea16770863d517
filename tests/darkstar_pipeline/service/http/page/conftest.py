"""A small home's service and a browser for the tests of the page."""

import shutil
from collections.abc import Generator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from darkstar_pipeline.context import open_context
from darkstar_pipeline.service.engine.planner_engine import PlannerEngine
from tests.builders.service_home import LONG_DAY, made_engine, moment
from tests.builders.small_home import small_settings
from tests.builders.tools import chromium
from tests.builders.watched_page import Watched, served, watching


@pytest.fixture(scope="module")
def engine(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> PlannerEngine:
    """An engine that has planned once, an hour into the long day."""
    state = tmp_path_factory.mktemp("page") / "state"
    shutil.copytree(filled, state)
    made, _ = made_engine(open_context(settings=small_settings(), home=state), moment(LONG_DAY, 1, 3))
    made.check()
    return made


@pytest.fixture(scope="module")
def url(engine: PlannerEngine) -> Generator[str]:
    """The service on a port of its own."""
    with served(engine) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    """A browser for a file's tests; kept longer, its event loop would run beside those of Dagster's tests."""
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=chromium(driver), args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def watched(browser: Browser, url: str, request: pytest.FixtureRequest) -> Generator[Watched]:
    """A page that has logged in, on a desk in light or as the test's parameter says."""
    with watching(browser, url, *getattr(request, "param", ())) as found:
        yield found
