"""The planner's page in a real browser, with what goes wrong on it; and its service on a port of its own."""

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, ConsoleMessage, Page

from darkstar_pipeline.service.engine.planner_engine import PlannerEngine
from darkstar_pipeline.service.http.app import create_app
from darkstar_pipeline.service.http.dependencies import ServiceState
from darkstar_pipeline.service.http.metrics import Metrics
from darkstar_pipeline.service.http.tokens import AccessToken
from tests.builders.service_home import TOKEN
from tests.builders.waiting import until

ASK_AGAIN = "document.dispatchEvent(new Event('visibilitychange'))"
"""Script that has the page ask the service at once."""


@dataclass
class Watched:
    """A page, and what went wrong on it."""

    page: Page
    url: str
    errors: list[str] = field(default_factory=list[str])
    foreign: list[str] = field(default_factory=list[str])

    def shown(self, series: str) -> list[float]:
        """The numbers of a line of the plan's picture."""
        return json.loads(self.page.get_attribute(f"#chart path[data-series='{series}']", "data-values") or "")


def _is_fault(message: ConsoleMessage) -> bool:
    """Whether the console tells a fault of the page: a month without data is an answer."""
    return message.type in ("error", "warning") and "/report?month=" not in message.location["url"]


@contextmanager
def served(engine: PlannerEngine) -> Generator[str]:
    """The address of an engine's service."""
    running = ServiceState(engine=engine, token=AccessToken(TOKEN), metrics=Metrics())
    with on_loopback(create_app(running)) as url:
        yield url


@contextmanager
def on_loopback(app: FastAPI) -> Generator[str]:
    """The address of an application that listens on a port of its own choice, until the block ends."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        until(lambda: server.started, "the service listens")
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)


@contextmanager
def watching(
    browser: Browser, url: str, size: tuple[int, int] = (1200, 900), scheme: str = "light", locale: str = "en-GB"
) -> Generator[Watched]:
    """A page that has logged in and shows the plan, in a browser far from the home."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if scheme == "dark" else "light",
        timezone_id="America/New_York",
        locale=locale,
    )
    page = context.new_page()
    found = Watched(page, url)
    page.on("console", lambda message: found.errors.append(message.text) if _is_fault(message) else None)
    page.on("pageerror", lambda error: found.errors.append(str(error)))
    page.on("request", lambda asked: None if asked.url.startswith((url, "data:")) else found.foreign.append(asked.url))
    page.goto(url)
    page.fill("#token", TOKEN)
    page.click("#login button")
    page.wait_for_selector("#chart svg")
    yield found
    context.close()
