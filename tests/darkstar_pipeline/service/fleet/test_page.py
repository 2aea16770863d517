"""The fleet's page in a browser: it asks for a token, lists homes, shows a plan, and asks no other host."""

from collections.abc import Generator

import pytest
from playwright.sync_api import Page, sync_playwright

from darkstar_pipeline.service.fleet.app import create_fleet_app
from darkstar_pipeline.service.fleet.server import FleetServer
from tests.builders.tools import chromium
from tests.builders.waiting import until
from tests.builders.watched_page import on_loopback

pytestmark = pytest.mark.slow  # a browser starts


@pytest.fixture
def url(service: FleetServer) -> Generator[str]:
    with on_loopback(create_fleet_app(service.running)) as address:
        yield address


def test_a_tenant_finds_its_homes_and_their_plans(service: FleetServer, url: str) -> None:
    _, secret = service.running.admission.tokens.create("a", ("read",))
    faults: list[str] = []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium(driver), args=["--no-sandbox"])
        for width, locale, name in ((1200, "en-GB", "Homes"), (390, "sv-SE", "Hem")):
            page = browser.new_page(viewport={"width": width, "height": 800}, locale=locale)
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.on("request", lambda asked: None if asked.url.startswith((url, "data:")) else faults.append(asked.url))
            page.goto(url)
            page.fill("#token", secret)
            page.press("#token", "Enter")
            page.wait_for_selector("#homes table")
            assert page.inner_text("#homes-title") == name
            assert listed(page) == ["home000", "home002", "home004", "home006"]
            page.fill("#like", "004")
            until(lambda: listed(page) == ["home004"], "the name chooses")  # noqa: B023 - asked at once
            page.click("#homes a")
            page.wait_for_selector("#chart svg")
            assert page.inner_text("#home-title") == "home004"
            assert page.locator("#slots tr").count() == 1 + 52
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            page.click("#view-home a")
            page.wait_for_selector("#view-fleet:not([hidden])")
            page.close()
        browser.close()
    assert not faults


def listed(page: Page) -> list[str]:
    return page.locator("#homes a").all_inner_texts()
