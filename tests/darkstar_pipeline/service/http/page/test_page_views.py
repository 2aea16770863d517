"""The views beside the plan in a real browser: what is sent, what is wrong at its field, and what nobody sees twice."""

from collections.abc import Generator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from darkstar_pipeline.service.engine.planner_engine import PlannerEngine
from tests.builders.graded_home import graded_context
from tests.builders.service_home import TOKEN, made_engine
from tests.builders.state_hash import state_hash
from tests.darkstar_pipeline.service.http.page.test_page import CONTRASTS, LEAST_CONTRAST, UNNAMED

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
    page.fill("#view-whatif .row input >> nth=0", "tarif.vat")
    page.fill("#view-whatif .row input >> nth=1", "0.3")
    page.click(GO)
    wrong = page.locator("#view-whatif .wrong")
    expect(wrong).to_have_count(2)
    assert "-5 is below" in page.locator(".field:has([name='battery.capacity_kwh']) .wrong").inner_text()
    assert "did you mean tariff" in page.locator(".row .wrong").inner_text()
    expect(page.locator("[name='battery.capacity_kwh']")).to_be_focused()
    page.fill("[name='battery.capacity_kwh']", "5")
    page.fill("#view-whatif .row input >> nth=0", "tariff.power")
    page.fill("#view-whatif .row input >> nth=1", "[{price_per_kw: 81.25}]")
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
    page.fill("#view-whatif .row input >> nth=1", "x")
    page.click(GO)
    expect(page.locator("#view-whatif .problem[role=alert]")).to_be_visible()
    expect(page.get_by_role("region", name="Result")).to_be_hidden()  # no answer to what was asked before
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


def test_a_job_outlives_a_lost_session_and_a_service_that_is_away(page: Page) -> None:
    job: dict[str, Any] = {"id": "1a2b3c4d", "state": "running", "progress": 0.25, "error": "", "result": None}
    answers = [
        {"status": 202, "json": job},
        {"status": 502, "body": "<html>Bad Gateway</html>"},  # a proxy while the service starts again
        {"status": 401, "json": {"error": {"code": "unauthorized", "message": "this session has ended", "hint": ""}}},
        {"status": 200, "json": job | {"state": "failed", "progress": 1.0, "error": "no day of the span is usable"}},
    ]
    page.route("**/whatif/sizing**", lambda route: route.fulfill(**answers.pop(0)))
    show(page, "whatif")
    page.click("[data-kind='sizing']")
    page.click(GO)
    expect(page.locator("#login-card")).to_be_visible()
    page.fill("#token", TOKEN)
    page.click("#login button")
    expect(page.locator("#view-whatif .problem[role=alert]")).to_have_text("no day of the span is usable")
    assert answers == []


def test_wrong_times_and_powers_are_told_at_their_field(page: Page) -> None:
    show(page, "household")
    for value, why in (
        ("", "Choose a day and a time"),
        ("2026-03-29T02:30", "leaves this hour out"),
        ("2025-10-26T02:30", "has passed"),
    ):
        page.fill("#view-household [name='until']", value)
        page.click("#view-household button:has-text('Ask for it')")
        expect(page.locator(".field:has([name='until']) .wrong")).to_contain_text(why)
    page.fill("#view-household [name='kw']", "1e9")
    page.click("#view-household button:has-text('When to start')")
    expect(page.locator(".field:has([name='kw']) .wrong")).to_have_text(
        "'1000000000' is above 1000, the most that it may be"
    )
    page.context.clear_cookies()
    page.click("#view-household button:has-text('When to start')")
    expect(page.locator("#login-card")).to_be_visible()


def test_double_clicks_are_one_click(page: Page, engine: PlannerEngine) -> None:
    page.fill("#override-until", "2025-10-26T16:00")
    page.dblclick("#override button")
    expect(page.locator("#overrides li")).to_have_count(1)
    page.select_option("#override-mode", "vacation")
    page.click("#override button")
    expect(page.locator("#overrides li")).to_have_count(2)
    page.dblclick("#overrides li >> nth=0 >> button")
    expect(page.locator("#overrides li")).to_have_count(1)
    expect(page.locator("#problem")).to_be_hidden()
    page.click("#overrides li button")
    expect(page.locator("#overrides li")).to_have_count(0)
    assert engine.overrides.active(engine.clock.now()) == []


def test_every_view_is_read_on_a_phone_in_both_colours(page: Page) -> None:
    for name, seen in {
        "household": "#view-household .card p",
        "whatif": "#view-whatif form",
        "report": "#view-report .card table",
        "administration": "#view-administration .card td",
    }.items():
        show(page, name)
        page.wait_for_selector(seen)
        for _ in ("light", "dark"):
            assert is_within(page), name
            pale = [(text, round(ratio, 2)) for text, ratio in page.evaluate(CONTRASTS) if ratio < LEAST_CONTRAST]
            assert pale == [], name
            page.click("#theme")
        assert page.evaluate(UNNAMED) == [], name


def test_reserve_is_asked_for_with_its_price_and_ended(page: Page, engine: PlannerEngine) -> None:
    show(page, "household")
    page.fill("[name='reserve_percent']", "140")
    page.click("#view-household button:has-text('Ask for it')")
    expect(page.locator(".field:has([name='reserve_percent']) .wrong")).to_contain_text("140 is above 100")
    page.fill("[name='reserve_percent']", "40")
    page.keyboard.press("Enter")
    wish = page.locator("#view-household .overrides li")
    expect(wish).to_contain_text("A reserve of 40 % until")
    expect(page.locator("#view-household table", has_text="Reserve for outages")).to_contain_text("not used below 52 %")
    assert [each.mode for each in engine.overrides.active(engine.clock.now())] == ["reserve"]
    wish.locator("button").focus()
    page.evaluate("import('./static/frame.js').then((frame) => frame.refresh())")
    expect(wish.locator("button")).to_be_focused()  # a refresh leaves what is the same
    page.keyboard.press("Enter")
    expect(wish).to_have_count(0)
    page.select_option("#view-household [name='mode']", "vacation")
    expect(page.locator("[name='reserve_percent']")).to_be_hidden()
    page.click("#view-household button:has-text('When to start')")
    expect(page.locator("#view-household .big")).to_contain_text("Best start", timeout=30_000)


def test_upkeep_asks_first_and_says_what_it_did(page: Page) -> None:
    sent: list[tuple[str, Any]] = []
    page.on("request", lambda asked: sent.append((asked.url, asked.post_data_json)) if asked.method == "POST" else None)
    show(page, "administration")
    for name in ("Empty the caches", "Reset what was learned", "Train everything again"):
        page.get_by_role("button", name=name).click()
        page.keyboard.press("Escape")
        expect(page.locator("#confirm")).to_be_hidden()
    assert sent == []
    page.get_by_role("button", name="Empty the caches").click()
    page.click("#confirm-yes")
    expect(page.locator("#view-administration [role=status]", has_text="were freed")).to_be_visible()
    page.get_by_role("button", name="Take back today's").click()
    page.click("#confirm-yes")
    expect(page.locator("#view-administration [role=status]", has_text="Nothing to take back.")).to_be_visible()
    assert [(url.rpartition("/")[2], body) for url, body in sent] == [("clear", None), ("reset", {"to": "2025-10-25"})]
    job = {"id": "1a2b3c4d", "state": "running", "progress": 0.5, "error": "", "result": None}
    page.route("**/retrain**", lambda route: route.fulfill(status=202, json=job))
    page.get_by_role("button", name="Train everything again").click()
    page.click("#confirm-yes")
    expect(page.locator("#confirm")).to_be_visible()  # not without a reason
    page.fill("#confirm-reason", "the heat pump is new")
    page.click("#confirm-yes")
    expect(page.locator("#view-administration .working span", has_text="50 % done")).to_be_visible()
    assert sent[-1][1] == {"why": "the heat pump is new"}
    page.unroute("**/retrain**")  # the service knows of none, as after a restart
    expect(page.locator("#problem")).to_contain_text("started anew and knows nothing of this calculation")
    page.context.clear_cookies()
    page.get_by_role("button", name="Empty the caches").click()
    page.click("#confirm-yes")
    expect(page.locator("#login-card")).to_be_visible()


NUMBERS = """async () => {
  const [forms, changes] = await Promise.all(["forms", "changes"].map((name) => import(`./static/${name}.js`)));
  return [...["5, 7.5 10", "5,7.5", "5; 7,5; 10", "5, 7,5, 10"].map((text) => forms.numbersOf("sizes", text)),
    ...["0,25", "0.25", "[{price_per_kw: 81.25}]", "SE4", "true"].map(changes.settingValue)];
}"""


def test_numbers_are_read_as_the_language_writes_them(page: Page) -> None:
    values = [0.25, [{"price_per_kw": 81.25}], "SE4", True]
    assert page.evaluate(NUMBERS) == [[5, 7.5, 10], [5, 7.5], [5, 7, 5, 10], [5, 7, 5, 10], "0,25", *values]
    page.select_option("#language", "de")
    expect(page.locator("#views a[data-view='whatif']")).to_have_text("Was wäre wenn")
    assert page.evaluate(NUMBERS) == [[5, 7.5, 10], [5, 7.5], [5, 7.5, 10], [5, 7.5, 10], 0.25, *values]
