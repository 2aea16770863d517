"""The views beside the plan in a real browser: what is sent, what is wrong at its field, and what nobody sees twice."""

from collections.abc import Generator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from darkstar_pipeline.service.engine.planner_engine import PlannerEngine
from tests.builders.graded_home import graded_context
from tests.builders.service_home import TOKEN, made_engine
from tests.builders.state_hash import state_hash

pytestmark = pytest.mark.slow
GO = "#view-whatif .go button.primary"
RESULT = "#view-whatif section:focus"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> PlannerEngine:
    """The graded fortnight, in the afternoon of the day with 100 slots."""
    made, _ = made_engine(graded_context(tmp_path_factory.mktemp("views") / "state"))
    made.check()
    return made


@pytest.fixture
def page(browser: Browser, url: str) -> Generator[Page]:
    """A page on a phone that has logged in."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, timezone_id="America/New_York")
    opened = context.new_page()
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("request", lambda asked: None if asked.url.startswith((url, "data:")) else faults.append(asked.url))
    opened.goto(url)
    opened.fill("#token", TOKEN)
    opened.click("#login button")
    opened.wait_for_selector("#views a")
    yield opened
    context.close()
    assert faults == []


def show(page: Page, name: str) -> None:
    """Bring a view to sight by its entry in the navigation."""
    page.click(f"#views a[data-view='{name}']")
    expect(page.locator(f"#view-{name}")).to_be_visible()


def is_within(page: Page) -> bool:
    """Whether nothing is to be scrolled sideways."""
    wide: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wide == 0


def test_what_if_tells_what_is_wrong_at_its_field_and_answers_on_paper(page: Page, engine: PlannerEngine) -> None:
    before, plan, sent = state_hash(engine.context.home), engine.plan().id, list[Any]()
    page.on("request", lambda asked: sent.append(asked.post_data_json) if "/whatif/" in asked.url else None)
    show(page, "whatif")
    expect(page.locator("#view-whatif .safe")).to_contain_text("the plan in force and the battery stay as they are")
    page.fill("[name='battery.capacity_kwh']", "-5")
    page.fill(".row input >> nth=0", "tarif.vat")
    page.fill(".row input >> nth=1", "0.3")
    page.click(GO)
    wrong = page.locator("#view-whatif .wrong")
    expect(wrong).to_have_count(2)
    assert "-5 is below" in page.locator(".field:has([name='battery.capacity_kwh']) .wrong").inner_text()
    assert "did you mean tariff" in page.locator(".row .wrong").inner_text()
    expect(page.locator("[name='battery.capacity_kwh']")).to_be_focused()
    page.fill("[name='battery.capacity_kwh']", "5")
    page.fill(".row input >> nth=0", "tariff.power")
    page.fill(".row input >> nth=1", "[{price_per_kw: 81.25}]")
    page.click("summary:has-text('Relaxed')")
    page.check("[name=no_wear]")
    page.keyboard.press("Enter")
    page.wait_for_selector(f"{RESULT} svg")
    expect(wrong).to_have_count(0)
    settings = {"battery.capacity_kwh": 5, "tariff.power": [{"price_per_kw": 81.25}]}
    assert sent[-1] == {"settings": settings, "no_wear": True}
    result = page.locator(RESULT)
    expect(result.locator(".problem")).to_have_text("Relaxed economics, not the home's own: wear 0")
    expect(result.locator("table caption")).to_have_text("Relaxed economics, not the home's own: wear 0")
    expect(result.locator("ul.changed")).to_contain_text("battery.capacity_kwh: 34.2 → 5")
    assert is_within(page)
    assert (state_hash(engine.context.home), engine.plan().id) == (before, plan)


def test_sizes_show_progress_begin_once_and_can_be_cancelled(page: Page) -> None:
    job: dict[str, Any] = {"id": "1a2b3c4d", "state": "running", "progress": 0.25, "error": "", "result": None}
    sent: list[tuple[str, Any]] = []

    def answer(route: Any) -> None:
        asked = route.request
        sent.append((asked.method, asked.post_data_json))
        if asked.method == "DELETE":
            route.fulfill(status=204)
        else:
            route.fulfill(status=202 if asked.method == "POST" else 200, json=job)

    page.route("**/whatif/sizing**", answer)
    show(page, "whatif")
    page.click("[data-kind='sizing']")
    page.fill("[name='capacities_kwh']", "5, ten")
    page.click(GO)
    expect(page.locator(".field:has([name='capacities_kwh']) .wrong")).to_contain_text("write numbers")
    assert sent == []
    page.fill("[name='capacities_kwh']", "5, 7.5")
    page.fill("[name='cost_fixed']", "1000")
    page.click(GO)
    expect(page.locator("#view-whatif .working span")).to_contain_text("25 % done")
    expect(page.locator(GO)).to_be_disabled()
    page.locator("[name='cost_fixed']").press("Enter")  # a second one is not begun
    page.reload()  # nor by coming back
    expect(page.locator("#view-whatif .working span")).to_contain_text("25 % done")
    begun = [body for method, body in sent if method == "POST"]
    assert begun == [{"capacities_kwh": [5, 7.5], "powers_kw": [3, 5, 10], "pv_scales": [1], "cost_fixed": 1000}]
    page.click("#view-whatif .working button")
    expect(page.locator("#view-whatif .working")).to_be_hidden()
    assert sent[-1][0] == "DELETE"
    job |= {"state": "failed", "error": "no day of the span is usable"}
    page.click(GO)
    expect(page.locator("#view-whatif .problem[role=alert]")).to_have_text("no day of the span is usable")
