"""The plan's picture, its blocks and the words around it, in a real browser."""

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from darkstar_pipeline.service.engine.plan_documents import default_plan
from darkstar_pipeline.service.engine.plan_vs_actual import history_document
from darkstar_pipeline.service.engine.planner_engine import PlannerEngine
from tests.builders.service_home import LONG_DAY
from tests.builders.watched_page import ASK_AGAIN, Watched

pytestmark = pytest.mark.slow


def middle_of_chart(page: Page) -> tuple[float, float]:
    """Where the middle of the picture is on the screen, once it is there."""
    page.locator("#chart svg").scroll_into_view_if_needed()
    box = page.locator("#chart svg").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_timeline_shows_the_whole_price_day_with_the_plans_own_numbers(watched: Watched, engine: PlannerEngine) -> None:
    plan, page = engine.plan(), watched.page
    assert len(plan.slots) == 96, "of the long day's hundred, four are over"
    past = history_document(engine.context, LONG_DAY).slots[:4]
    for series in ("import_price", "export_price"):
        expected = [getattr(slot, series) for slot in (*past, *plan.slots)]
        assert watched.shown(series) == pytest.approx(expected), series
    for series in ("load", "pv"):
        read_then_planned = [4 * getattr(slot, f"{series}_kwh") for slot in (*past, *plan.slots)]
        assert watched.shown(series) == pytest.approx(read_then_planned), series
    assert watched.shown("target") == pytest.approx([slot.soc_end_percent for slot in plan.slots])
    assert page.locator("#chart .now-label").count() == 1
    bars: list[Any] = page.eval_on_selector_all(
        "#chart g[data-series='charge'] rect", "all => all.map(r => [r.dataset.slot, Number(r.dataset.value)])"
    )
    assert [value for _, value in bars] == pytest.approx(
        [4 * slot.charge_kwh for slot in plan.slots if slot.charge_kwh]
    )
    rows = page.locator("#table tr")
    assert rows.count() == 1 + len(plan.slots)
    times = [rows.nth(index).locator("th").first.text_content() or "" for index in range(1, 10)]
    assert [text[-5:] for text in times] == [
        "01:00", "01:15", "01:30", "01:45", "02:00", "02:15", "02:30", "02:45", "02:00",
    ]  # fmt: skip
    assert page.inner_text("#command").lower() == engine.command().command.lower()
    assert (watched.errors, watched.foreign) == ([], [])


def test_cursor_moves_by_keys_and_says_why(watched: Watched, engine: PlannerEngine) -> None:
    plan, page = engine.plan(), watched.page
    page.focus("#chart")
    for key, index in (
        ("n", 0),
        ("ArrowRight", 1),
        ("PageDown", 5),
        ("ArrowLeft", 4),
        ("End", 95),
        ("ArrowRight", 95),
    ):
        page.keyboard.press(key)
        text = page.inner_text("#cursor")
        assert plan.slots[index].sentence[1:] in text
        assert plan.slots[index].command in text
    page.keyboard.press("Home")
    text = page.inner_text("#cursor")
    assert "00:00–00:15" in text
    assert "What was read" in text
    assert page.get_attribute("#cursor", "aria-live") == "polite"
    page.mouse.move(*middle_of_chart(page))
    assert page.get_attribute("#cursor", "data-slot") not in (None, plan.slots[95].slot_start.isoformat())
    assert watched.errors == []


def test_timeline_zooms_pans_and_tells_what_is_chosen(watched: Watched) -> None:
    page = watched.page
    page.evaluate("document.getElementById('chart').addEventListener('slotrange', (e) => { window.range = e.detail; })")

    def seen() -> list[float]:
        return watched.shown("import_price")

    whole = seen()
    page.focus("#chart")
    page.keyboard.press("+")
    near = seen()
    assert len(near) < len(whole)
    page.click("#pan-on")
    assert seen() != near
    page.keyboard.press("End")
    page.focus("#chart")
    page.keyboard.press("End")
    assert seen()[-1] == whole[-1], "the window follows the cursor"
    page.keyboard.press("0")
    assert seen() == whole
    assert page.locator("#zoom-all").is_disabled()
    page.mouse.move(*middle_of_chart(page))
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    expect(page.locator("#zoom-all")).to_be_enabled()
    assert len(seen()) < len(whole)
    page.click("#zoom-all")
    page.keyboard.down("Shift")
    x, y = middle_of_chart(page)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y, steps=3)
    page.mouse.up()
    page.keyboard.up("Shift")
    chosen = page.evaluate("window.range")
    assert chosen["done"]
    assert chosen["end"] - chosen["first"] > 1
    assert page.locator("#chart .chosen").count() == 1
    page.focus("#chart")
    page.keyboard.press("Escape")
    assert page.evaluate("window.range.first") is None
    for key in ("Home", "Shift+ArrowRight", "Shift+ArrowRight"):
        page.keyboard.press(key)
    assert page.evaluate("[window.range.first, window.range.end]") == [0, 3]
    assert watched.errors == []


@pytest.mark.parametrize("watched", [((390, 844), "light")], indirect=True, ids=str)
def test_timeline_is_moved_by_fingers(watched: Watched) -> None:
    page = watched.page
    whole = len(watched.shown("import_price"))
    box = page.locator("#chart svg").bounding_box()
    assert box is not None
    y, middle = box["y"] + 60, box["x"] + box["width"] / 2
    finger = """([kind, id, x, y]) => document.querySelector('#chart svg').dispatchEvent(new PointerEvent(kind,
      { pointerId: id, clientX: x, clientY: y, bubbles: true, pointerType: 'touch', isPrimary: id === 1 }))"""
    page.evaluate("HTMLElement.prototype.setPointerCapture = () => {}")  # made-up pointers cannot be captured
    for kind, number, x in (
        ("pointerdown", 1, middle - 20),
        ("pointerdown", 2, middle + 20),
        ("pointermove", 2, middle + 80),
        ("pointerup", 2, middle + 80),
        ("pointerup", 1, middle - 20),
    ):
        page.evaluate(finger, [kind, number, x, y])
    near = watched.shown("import_price")
    assert len(near) == pytest.approx(whole * 40 / 100, abs=2)
    for kind, x in (("pointerdown", middle), ("pointermove", middle - 60), ("pointerup", middle - 60)):
        page.evaluate(finger, [kind, 1, x, y])
    assert watched.shown("import_price") != near
    page.evaluate(finger, ["pointerdown", 1, box["x"] + box["width"] - 14, y])
    assert page.get_attribute("#cursor", "data-slot") is not None
    assert watched.errors == []


def test_plan_is_told_in_blocks_that_lead_into_the_picture(watched: Watched, engine: PlannerEngine) -> None:
    plan, page = engine.plan(), watched.page
    assert f"saves {plan.idle_cost - plan.cost:.2f} SEK" in page.inner_text("#summary")  # type: ignore[operator]
    blocks = page.locator("#blocks li:not(.day-name)")
    assert blocks.count() == len(plan.blocks)
    for index, block in enumerate(plan.blocks):
        assert block.sentence[1:] in blocks.nth(index).inner_text()
    last = plan.blocks[-1]
    blocks.last.locator("button").click()
    assert page.get_attribute("#cursor", "data-slot") == f"{last.start:%Y-%m-%dT%H:%M:%S}.000Z"
    assert page.locator("#chart .chosen").count() == 1


def test_refresh_leaves_the_focus_and_says_nothing_twice(watched: Watched) -> None:
    page = watched.page
    page.locator("#blocks button").first.focus()
    page.evaluate("document.querySelector('#cursor strong').kept = true")
    with page.expect_response("**/overrides"):
        page.evaluate(ASK_AGAIN)
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.activeElement.closest('#blocks') !== null")
    assert page.evaluate("document.querySelector('#cursor strong').kept")


def test_plan_that_nobody_renews_is_told(watched: Watched) -> None:
    page = watched.page

    def old(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "created_at": "2025-10-25T20:03:00Z"})

    page.route("**/plan", old)
    page.evaluate(ASK_AGAIN)
    expect(page.locator("#facts")).to_contain_text("3 h ago, no newer one since")


def test_plan_is_shown_where_its_past_cannot_be_read(watched: Watched, engine: PlannerEngine) -> None:
    page = watched.page
    error = {"code": "outside_service", "message": "the lake does not answer", "hint": ""}
    page.route("**/history?*", lambda route: route.fulfill(status=503, json={"error": error}))
    page.reload()
    expect(page.locator("#problem")).to_contain_text("the lake does not answer")
    expect(page.locator("#chart svg")).to_be_visible()
    assert watched.shown("target") == pytest.approx([slot.soc_end_percent for slot in engine.plan().slots])


def test_no_more_power_is_asked_for_than_the_battery_has(watched: Watched, engine: PlannerEngine) -> None:
    page = watched.page
    page.fill("#override-power", "50")
    expect(page.locator("#override-limit")).to_have_text("This battery: at most 8.0 kW.")
    page.click("#override button")
    assert not page.evaluate("document.getElementById('override-power').checkValidity()")
    assert engine.overrides.active(engine.clock.now()) == []


def test_page_says_that_prices_are_missing_and_what_happens_meanwhile(watched: Watched, engine: PlannerEngine) -> None:
    page, plan = watched.page, engine.plan()
    blind = default_plan(engine.context.site, plan.created_at, why="no prices")

    def without(route: Any) -> None:
        document = {**json.loads(blind.model_dump_json()), "steering": route.fetch().json()["steering"]}
        route.fulfill(json=document)

    def no_prices(route: Any) -> None:
        answer = route.fetch()
        day = answer.json()
        day["slots"] = [{**slot, "import_price": None, "export_price": None} for slot in day["slots"]]
        route.fulfill(response=answer, json=day)

    page.route("**/plan", without)
    page.route("**/history?*", no_prices)
    page.evaluate(ASK_AGAIN)
    expect(page.locator("#no-plan")).to_contain_text("Meanwhile the inverter decides by itself")
    expect(page.locator("#chart svg")).to_contain_text("no price known")
    expect(page.locator("#legend")).not_to_contain_text("buying")
    expect(page.locator("#summary")).to_contain_text("There is no plan without prices")
    expect(page.locator("#blocks-title")).to_be_hidden()
    assert watched.errors == []


def test_legend_names_what_is_drawn_and_nothing_else(watched: Watched, engine: PlannerEngine) -> None:
    page = watched.page
    banded = any(slot.load_low_kwh is not None for slot in engine.plan().slots)
    assert ("8 of 10" in page.inner_text("#legend")) == banded
    text = page.inner_text("main")
    for word in ("energy a slot", "mpc", "idle", "per slot"):
        assert word not in text.lower()
