"""Blocks by hand on the page: hours are painted by mouse, finger or keys, priced, and accepted or dropped."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from darkstar_pipeline.service.engine.planner_engine import PlannerEngine
from darkstar_pipeline.service.schemas.overrides import OverrideRequest
from tests.builders.service_home import LONG_DAY, moment
from tests.builders.waiting import until
from tests.builders.watched_page import Watched

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("watched", [((1200, 900),), ((390, 844),)], indirect=True, ids=["desk", "phone"])
def test_painted_hours_are_priced_accepted_shown_and_removed(watched: Watched, engine: PlannerEngine) -> None:
    page = watched.page
    page.click("#hand-choose")
    page.locator("#chart").scroll_into_view_if_needed()
    box = page.locator("#chart svg").bounding_box()
    assert box is not None
    left, y = box["x"] + 46 + 0.55 * (box["width"] - 56), box["y"] + 120
    page.mouse.move(left, y)
    page.mouse.down()
    page.mouse.move(left + 0.08 * box["width"], y, steps=6)
    page.mouse.up()
    expect(page.locator("#hand-form")).to_be_visible()
    assert page.locator("#hand-mode option:not([hidden])").count() == 5, "loads that are not there are not offered"
    page.select_option("#hand-mode", "hold")
    expect(page.locator("#hand-power")).to_be_disabled()
    page.select_option("#hand-mode", "charge")
    page.fill("#hand-power", "2")
    page.click("#hand-ask")
    expect(page.locator("#hand-price")).to_contain_text("than the plan as it is")
    assert page.locator("#hand-plan .own").count() >= 1
    page.fill("#hand-power", "3")
    expect(page.locator("#hand-answer"), "a price is of what was asked").to_be_hidden()
    page.fill("#hand-target", "90")
    page.click("#hand-ask")
    expect(page.locator("#hand-answer")).to_be_visible()
    since = engine.overrides.add(OverrideRequest(mode="vacation", until=moment(hour=23)), engine.clock.now())
    page.click("#hand-accept")
    expect(page.locator("#hand-problem")).to_contain_text("has changed meanwhile: this is the price now")
    assert engine.overrides.active(engine.clock.now()) == [since], "the new price is shown first"
    engine.overrides.end(since.id)
    watched.errors.clear()  # the browser tells an answer that refuses
    page.click("#hand-ask")
    expect(page.locator("#hand-problem")).to_be_hidden()
    page.click("#hand-accept")
    expect(page.locator("#overrides li")).to_have_count(1)
    expect(page.locator("#overrides li")).to_contain_text("Charge 3.0 kW → 90 % from")
    expect(page.locator("#chart .by-hand")).to_have_count(1)
    [block] = engine.overrides.active(engine.clock.now())
    assert (block.mode, block.power_kw, block.target_percent) == ("charge", 3.0, 90)
    assert block.begins > engine.clock.now()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.click("#overrides button")
    expect(page.locator("#overrides li")).to_have_count(0)
    expect(page.locator("#chart .by-hand")).to_have_count(0)
    assert watched.errors == []


def test_hours_are_chosen_by_keys_and_an_overlap_is_replaced_when_asked(
    watched: Watched, engine: PlannerEngine
) -> None:
    page = watched.page
    page.focus("#chart")
    page.keyboard.press("n")
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("#hand-mode")).to_be_focused()
    assert "01:00–02:00" in page.inner_text("#hand-when")
    page.select_option("#hand-mode", "hold")
    page.keyboard.press("Enter")
    page.click("#hand-ask")
    page.click("#hand-accept")
    expect(page.locator("#overrides li")).to_have_count(1)
    first = engine.overrides.active(engine.clock.now())[0].id
    page.focus("#chart")
    page.keyboard.press("Shift+ArrowRight")
    page.click("#hand-ask")
    expect(page.locator("#hand-problem")).to_contain_text(first)
    watched.errors.clear()  # the browser tells an answer that refuses
    page.click("#hand-replace")
    page.click("#hand-accept")
    until(lambda: engine.overrides.active(engine.clock.now())[0].id != first, "it is replaced")
    [block] = engine.overrides.active(engine.clock.now())
    assert block.until <= moment(LONG_DAY, 3, 0) + timedelta(hours=1)
    expect(page.locator(f"#overrides li[data-id='{block.id}']")).to_have_count(1)
    page.click("#overrides button")
    expect(page.locator("#overrides li")).to_have_count(0)
    page.focus("#chart")
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator("#hand-form")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#hand-form")).to_be_hidden()
    assert watched.errors == []
