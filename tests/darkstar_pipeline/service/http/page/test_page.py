"""The page in a real browser: its views, by keyboard and on a phone, what a person sets, and no question to others."""

from datetime import date
from typing import Any

import polars as pl
import pytest
from playwright.sync_api import Browser, expect

from darkstar_pipeline.config.fingerprints import config_version
from darkstar_pipeline.service.engine.planner_engine import PlannerEngine
from darkstar_pipeline.warehouse.schemas import MISSING_MONEY
from tests.builders.service_home import LONG_DAY, TOKEN, moment
from tests.builders.watched_page import ASK_AGAIN, Watched

pytestmark = pytest.mark.slow
LOST = "The service does not answer, since"
HOSTILE = "<img src=x onerror=alert(1)>"
LEAST_CONTRAST = 4.5


def test_switch_leaves_the_inverter_by_itself_and_stays_so(watched: Watched, engine: PlannerEngine) -> None:
    page = watched.page
    page.focus("#automatic")
    page.keyboard.press("Enter")
    expect(page.locator("#automatic")).to_have_attribute("aria-checked", "false")
    assert not engine.overrides.automatic
    page.reload()
    expect(page.locator("#automatic")).to_have_attribute("aria-checked", "false")
    expect(page.locator("#command")).to_have_text("Self-consumption")
    page.click("#automatic")
    expect(page.locator("#automatic")).to_have_attribute("aria-checked", "true")
    assert engine.overrides.automatic
    assert watched.errors == []


def test_wish_goes_into_the_plan_and_ends(watched: Watched, engine: PlannerEngine) -> None:
    page = watched.page
    page.select_option("#override-mode", "charge")
    page.fill("#override-power", "2.5")
    page.fill("#override-until", "2025-10-26T01:45")
    page.click("#override button")
    expect(page.locator("#overrides li")).to_have_count(1)
    expect(page.locator("#command")).to_have_text("Charge 2.5 kW")
    assert engine.overrides.active(engine.clock.now())[0].until == moment(LONG_DAY, 1, 45)
    page.click("#overrides button")
    expect(page.locator("#overrides li")).to_have_count(0)
    page.fill("#override-until", "2025-10-25T01:45")
    page.click("#override button")
    expect(page.locator("#problem")).to_contain_text("has passed")


def test_door_opens_to_the_token_alone(browser: Browser, url: str) -> None:
    page = browser.new_page()
    page.goto(url)
    expect(page.locator("#login-card")).to_be_visible()
    expect(page.locator("#content")).to_be_hidden()
    page.fill("#token", "not the token")
    page.click("#login button")
    expect(page.locator("#problem")).to_contain_text("token is wrong")
    page.fill("#token", TOKEN)
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_visible()
    page.click("#logout")
    expect(page.locator("#login-card")).to_be_visible()
    page.close()


CONTRASTS = """() => {
  const channel = (c) => { c /= 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
  const light = (rgb) => { const [r, g, b] = rgb.match(/[0-9.]+/g).map(Number).map(channel);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = (node) => { for (let at = node; at; at = at.parentElement) {
    const colour = getComputedStyle(at).backgroundColor;
    if (!/, 0\\)$/.test(colour) && colour !== 'transparent') return colour; } return 'rgb(255, 255, 255)'; };
  const texts = 'main p, main span, main dt, main dd, main td, main th, main li, main button, h1, h2';
  return [...document.querySelectorAll(texts)]
    .filter((node) => node.textContent.trim() && node.getClientRects().length && !node.disabled)
    .map((node) => { const [a, b] = [light(getComputedStyle(node).color), light(behind(node))].sort((x, y) => y - x);
      return [node.tagName + ' ' + node.textContent.slice(0, 20), (a + 0.05) / (b + 0.05)]; });
}"""
UNNAMED = """() => [...document.querySelectorAll('button, input, select, [tabindex="0"], table')]
  .filter((node) => node.getClientRects().length && node.tagName !== 'TABLE')
  .filter((node) => !(node.getAttribute('aria-label') || node.textContent.trim() || node.labels?.length || node.title))
  .map((node) => node.outerHTML.slice(0, 80))"""


@pytest.mark.parametrize(
    "watched", [((360, 780), "dark"), ((360, 780), "light"), ((1200, 900), "dark")], indirect=True, ids=str
)
def test_page_is_readable_on_a_phone_and_in_the_dark(watched: Watched) -> None:
    page = watched.page
    for link in page.locator("#views a").all():
        link.click()
        page.wait_for_load_state("networkidle")
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide == 0, "nothing to scroll sideways"
        pale = [(name, round(ratio, 2)) for name, ratio in page.evaluate(CONTRASTS) if ratio < LEAST_CONTRAST]
        assert pale == []
        assert page.evaluate(UNNAMED) == []
    assert page.locator("main, header, h1").count() == 3
    assert watched.errors == []


def test_views_are_reached_by_their_address_and_by_keyboard(watched: Watched) -> None:
    page = watched.page
    names = page.locator("#views a").all_inner_texts()
    assert names == ["Plan", "Household", "What if", "Report", "Administration"]
    expect(page.locator("#view-plan")).to_be_visible()
    page.goto(f"{watched.url}/#report")
    expect(page.locator("#view-report")).to_be_visible()
    expect(page.locator("#savings table")).to_be_visible()
    expect(page.locator("#view-plan")).to_be_hidden()
    page.focus("#views a[data-view='administration']")
    page.keyboard.press("Enter")
    expect(page.locator("#versions")).to_be_visible()
    assert page.get_attribute("#views a[data-view='administration']", "aria-current") == "page"
    page.go_back()
    expect(page.locator("#view-report")).to_be_visible()
    page.goto(f"{watched.url}/#nonsense")
    expect(page.locator("#view-report")).to_be_visible()
    assert watched.errors == []


def test_page_marks_what_is_old_while_the_service_is_gone_and_recovers(watched: Watched) -> None:
    page = watched.page
    page.route("**/plan", lambda route: route.abort())
    page.evaluate(ASK_AGAIN)
    expect(page.locator("#lost")).to_contain_text(LOST)
    expect(page.locator("#lost")).to_contain_text("What you see is from ")
    expect(page.locator("body")).to_have_class("stale")
    page.route("**/replan", lambda route: route.fulfill(status=502, body="<html>Bad Gateway</html>"))
    page.click("#replan")
    expect(page.locator("#problem")).to_have_text("The service does not answer: ask again when it does.")
    page.unroute("**/plan")
    page.evaluate(ASK_AGAIN)
    expect(page.locator("#lost")).to_be_hidden()
    expect(page.locator("body")).not_to_have_class("stale")


def test_newest_days_of_savings_come_first_below_the_total(watched: Watched) -> None:
    page = watched.page

    def many_days(route: Any) -> None:
        answer = route.fetch()
        savings = answer.json()
        savings["rows"] = [{**savings["total"], "period": f"2025-10-{day}"} for day in range(11, 27)]
        route.fulfill(response=answer, json=savings)

    page.route("**/savings?*", many_days)
    page.goto(f"{watched.url}/#report")
    periods = page.locator("#savings th[scope='row']")
    expect(periods.first).to_have_text("all")
    days = periods.all_inner_texts()[1:]
    assert days == [f"2025-10-{day}" for day in range(26, 10, -1)]
    box = page.evaluate(
        "(() => { const b = document.getElementById('savings'); return b.scrollHeight - b.clientHeight; })()"
    )
    assert box == 0, "nothing hidden in a box"


def test_hostile_name_stays_text(browser: Browser, url: str) -> None:
    page = browser.new_page()
    alerts: list[str] = []
    page.on("dialog", lambda dialog: alerts.append(dialog.message) or dialog.dismiss())

    def named(route: Any) -> None:
        answer = route.fetch()
        plan = answer.json()
        plan["site"] = plan["release_reason"] = plan["slots"][0]["sentence"] = HOSTILE
        route.fulfill(response=answer, json=plan)

    page.route("**/plan", named)
    page.goto(url)
    page.fill("#token", TOKEN)
    page.click("#login button")
    expect(page.locator("#site")).to_have_text(HOSTILE)
    assert page.locator("main img").count() == 0
    assert alerts == []
    page.close()


def test_page_says_whether_the_plan_steers_and_how_the_state_of_charge_is_known(
    watched: Watched, engine: PlannerEngine
) -> None:
    page = watched.page
    expect(page.locator("#steering")).to_have_text(
        "Control is off: the plan is shown, and nothing is written to the inverter."
    )
    assert "steers the battery." not in page.inner_text("main")
    basis = next(each.basis for each in engine.plan().inputs if each.name == "soc")
    words = {"measured": "read", "projected": "expected", "assumed": "assumed"}
    expect(page.locator("#facts")).to_contain_text(f"% ({words[basis or '']}")

    def steering(route: Any) -> None:
        answer = route.fetch()
        command = answer.json()
        command["steering"] = {
            "state": "steering",
            "steers": True,
            "words": "The plan steers the battery.",
            "since": command["slot_start"],
        }
        route.fulfill(response=answer, json=command)

    page.route("**/command", steering)
    page.click("#replan")
    expect(page.locator("#steering")).to_contain_text("The plan steers the battery. Since")
    expect(page.locator("#until")).to_contain_text("then the next command of the plan")
    assert watched.errors == []


def test_page_forces_a_version_only_when_the_refusal_was_read_and_confirmed(watched: Watched) -> None:
    page, sent = watched.page, list[dict[str, Any]]()
    refusal = "the evidence does not carry version 2: it saves 1 % less"

    def models(route: Any) -> None:
        answer = route.fetch()
        document = answer.json()
        document["versions"] = [{**row, "version": 2, "in_use": False, "problem": ""} for row in document["versions"]]
        route.fulfill(response=answer, json=document)

    def refuse(route: Any) -> None:
        sent.append(route.request.post_data_json)
        error = {
            "code": "not_promoted",
            "message": refusal,
            "hint": "`darkstar models promote VERSION --force` insists",
        }
        route.fulfill(status=409, json={"error": error})

    page.route("**/models", models)
    page.route("**/models/promote", refuse)
    page.click("#views a[data-view='administration']")
    use = page.get_by_role("button", name="Use version 2")
    use.click()
    page.fill("#confirm-reason", "it looks good")
    page.click("#confirm-yes")
    expect(page.locator("#confirm-warning")).to_have_text(refusal)
    assert sent == [{"version": 2, "why": "it looks good"}]
    page.keyboard.press("Escape")
    expect(page.locator("#confirm")).to_be_hidden()
    assert len(sent) == 1, "leaving the dialog sends nothing"
    use.click()
    expect(page.locator("#confirm-warning")).to_be_hidden()
    page.fill("#confirm-reason", "once more")
    page.click("#confirm-yes")
    expect(page.locator("#confirm-warning")).to_be_visible()
    page.click("#confirm-yes")
    assert len(sent) == 2, "without a reason nothing is sent"
    page.fill("#confirm-reason", "the evidence is of a broken meter")
    page.click("#confirm-yes")
    expect(page.locator("#problem")).to_contain_text(refusal)
    assert [each.get("force", False) for each in sent] == [False, False, True]
    assert sent[2]["why"] == "the evidence is of a broken meter"


@pytest.mark.parametrize("watched", [((390, 844), "light")], indirect=True, ids=str)
def test_page_says_what_is_missing_with_its_days_as_it_was_stored(watched: Watched, engine: PlannerEngine) -> None:
    page = watched.page
    page.goto(f"{watched.url}/#report")
    expect(page.locator("#missing-note")).to_contain_text("Not worked out yet")
    assert page.locator("#missing").is_hidden()
    shared = {
        "site": "home", "local_day": date(2025, 10, 27), "share": None, "saved": 312.4, "days": 88,
        "first_day": date(2025, 7, 29), "last_day": date(2025, 10, 26),
        "config_version": config_version(engine.context.site_settings, "policies"),
    }  # fmt: skip
    gains = [("hindsight", 43.7, 1.0), ("sun_known", 12.3, 0.281), ("battery_15_kwh", 61.0, None)]
    rows = [
        {**shared, "place": place, "what": what, "gain": gain, "part": part}
        for place, (what, gain, part) in enumerate(gains)
    ]
    stored = pl.DataFrame(rows, schema=MISSING_MONEY.schema)
    engine.context.lake.write_day(MISSING_MONEY, "home", date(2025, 10, 27), stored)
    page.reload()
    expect(page.locator("#missing-total")).to_have_text(
        "On 88 days from 2025-07-29 to 2025-10-26 the full calculation would have saved 312.40 SEK compared with a "
        "battery that is not used, and perfect hindsight 43.70 SEK more."
    )
    expect(page.locator("#missing-note")).to_contain_text("Worked out on 2025-10-27")
    table = [row.split("\t") for row in page.locator("#missing tr").all_inner_texts()]
    assert table[1:] == [["sun known", "12.30", "28 %"], ["battery of 15 kWh, same power", "61.00", "–"]]
    for part in ("document.documentElement", "document.getElementById('missing')"):
        assert page.evaluate(f"{part}.scrollWidth - {part}.clientWidth") == 0, "nothing to scroll sideways"
    assert watched.errors == []
