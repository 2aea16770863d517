"""The page in Swedish and German: in the browser's language or the person's, and as narrow as a phone."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from planner.wording.languages import catalogue
from tests.builders.watched_page import Watched

PICTURES = os.environ.get("DARKSTAR_TEST_PICTURES")
"""Folder for pictures of what the tests see, for a person to look at; None for none."""
WORDS = {"sv": ("Logga ut", "laddningsnivå", "kr"), "de": ("Abmelden", "ladestand", "kr")}
CUT = """() => [...document.querySelectorAll("main *, header *")]
  .filter((node) => node.offsetParent && node.scrollWidth > node.clientWidth + 1 && node.clientWidth > 0
    && getComputedStyle(node).overflowX !== "visible" && !node.closest(".scroll, .wide, svg, select, input, textarea"))
  .map((node) => node.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize(
    ("watched", "language"),
    [(((390, 844), "light", "sv-SE"), "sv"), (((390, 844), "dark", "de-AT"), "de")],
    indirect=["watched"],
    ids=["sv", "de"],
)
def test_page_speaks_the_browser_s_language_and_fits_a_phone(watched: Watched, language: str) -> None:
    page = watched.page
    assert page.get_attribute("html", "lang") == language
    expect(page.locator("#logout")).to_have_text(catalogue(language)["Log out"])  # type: ignore[index]
    english = [text for text in catalogue(language) if re.fullmatch(r"[A-Z][a-z]+ [a-z ]+", text)]  # type: ignore[arg-type]
    for link in page.locator("#views a").all():
        link.click()
        page.wait_for_load_state("networkidle")
        name = link.get_attribute("data-view")
        if PICTURES:
            page.screenshot(path=Path(PICTURES) / f"{language}_{name}.png", full_page=True)
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide == 0, f"{name}: nothing to scroll sideways"
        assert page.evaluate(CUT) == [], name
        shown = page.locator("main").inner_text()
        assert [text for text in english if text in shown and catalogue(language)[text] != text] == [], name  # type: ignore[index]
        assert re.search(r"\d\.\d\d (?:SEK|kWh|kW|%)", shown) is None, f"{name}: decimal commas"
        scales = page.locator("#content svg text:not(.title)").all_text_contents()
        assert [text for text in scales if re.search(r"\d\.\d", text)] == [], f"{name}: scales"
    assert [each for each in watched.errors if "404" not in each] == []


def test_language_that_is_chosen_stays(watched: Watched) -> None:
    page = watched.page
    assert page.get_attribute("html", "lang") == "en"
    with page.expect_navigation():
        page.select_option("#language", "de")
    page.wait_for_selector("#chart svg")
    assert page.get_attribute("html", "lang") == "de"
    expect(page.locator("#views a").first).to_have_text("Plan")
    expect(page.locator("#logout")).to_have_text("Abmelden")
    page.reload()
    page.wait_for_selector("#chart svg")
    assert page.input_value("#language") == "de"
    assert [each for each in watched.errors if "404" not in each] == []
