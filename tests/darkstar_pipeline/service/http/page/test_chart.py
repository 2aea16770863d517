"""The timeline's rows and drawing, on days that a small home does not have; and colours that everybody tells apart."""

import json
import re
from collections.abc import Generator, Sequence
from datetime import date, timedelta
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from darkstar_pipeline.service.http.routes.pages import PAGE
from env.time_grid import day_start
from tests.builders.watched_page import watching

pytestmark = pytest.mark.slow
ZONE = "Europe/Stockholm"
LEAST_CONTRAST = 3.0
LEAST_DIFFERENCE = 18.0
PANELS = (("price", "export"), ("load", "pv", "others"), ("charge", "discharge", "read"), ("soc", "read", "discharge"))
# Machado, Oliveira and Fernandes (2009): how the colours look without one kind of cone.
SIGHTS = {
    "full": np.eye(3),
    "protanopia": np.array([
        [0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998],
    ]),
    "deuteranopia": np.array([
        [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881],
    ]),
    "tritanopia": np.array([
        [1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900],
    ]),
}  # fmt: skip


@pytest.fixture(scope="module")
def page(browser: Browser, url: str) -> Generator[Page]:
    """A page whose scripts are asked."""
    with watching(browser, url) as found:
        yield found.page


def day_of_history(day: date, price: float = 1.0) -> dict[str, Any]:
    """A day without plans and readings, as `GET /history` has it."""
    start, end = day_start(day, ZONE), day_start(day + timedelta(days=1), ZONE)
    nothing = dict.fromkeys(
        ("planned_load_kwh", "planned_pv_kwh", "planned_import_kwh", "planned_export_kwh", "load_kwh")
    )
    slots = [
        {
            **nothing,
            "slot_start": f"{start + timedelta(minutes=15 * index):%Y-%m-%dT%H:%M:%SZ}",
            "import_price": price,
            "export_price": -price,
        }
        for index in range((end - start) // timedelta(minutes=15))
    ]
    return {"day": day.isoformat(), "timezone": ZONE, "slots": slots}


@pytest.mark.parametrize(
    ("day", "n_slots", "twice"), [(date(2025, 3, 30), 92, []), (date(2025, 10, 26), 100, ["CEST", "CET"])], ids=str
)
def test_days_of_the_clock_change_have_their_23_and_25_hours(
    page: Page, day: date, n_slots: int, twice: Sequence[str]
) -> None:
    script = """async (history) => {
      const { dayRows } = await import('./static/timeline/rows.js');
      return dayRows(history).map((row) => [row.time, row.twice ?? '', row.end - row.start]);
    }"""
    rows: list[tuple[str, str, int]] = page.evaluate(script, day_of_history(day))
    assert len(rows) == n_slots
    assert {length for _, _, length in rows} == {900_000}
    times = [time for time, _, _ in rows]
    assert times.count("02:00") == len(twice)
    assert (times[0], times[-1]) == ("00:00", "23:45")
    assert [zone for time, zone, _ in rows if time == "02:30"] == list(twice)


def test_negative_prices_are_drawn_below_the_one_zero(page: Page) -> None:
    script = """async (history) => {
      const { dayRows } = await import('./static/timeline/rows.js');
      const { Chart } = await import('./static/timeline/chart.js');
      const holder = document.createElement('div');
      const lines = [{ key: 'import_price' }, { key: 'export_price' }];
      const panel = { title: '', unit: '', height: 100, lines };
      new Chart(holder, dayRows(history), history.timezone, [panel], { width: 600 });
      const path = (key) => holder.querySelector(`[data-series=${key}]`).getAttribute('d');
      const y = (key) => Number(path(key).match(/M[0-9.]+ ([0-9.]+)/)[1]);
      const zeros = [...holder.querySelectorAll('.zero')].map((zero) => Number(zero.getAttribute('y1')));
      return [y('import_price'), y('export_price'), zeros];
    }"""
    below, above, zeros = page.evaluate(script, day_of_history(date(2025, 10, 27), price=-0.4))
    assert len(zeros) == 1
    assert above < zeros[0] < below, "down is more on a screen"


def test_powers_are_in_kilowatts_as_read_and_as_they_had_been_planned(page: Page) -> None:
    history = day_of_history(date(2025, 10, 27))
    read = {"load_kwh": 0.5, "pv_kwh": 0.25, "charge_kwh": 0.75, "discharge_kwh": 0, "import_kwh": 1, "export_kwh": 0}
    history["slots"][0] |= {**read, "soc_percent": 40, "planned_load_kwh": 0.4, "planned_soc_percent": 45}
    script = """async (history) => {
      const { dayRows } = await import('./static/timeline/rows.js');
      const { load, pv, charge, grid, soc, planned_load, target } = dayRows(history)[0];
      return [load, pv, charge, grid, soc, planned_load, target];
    }"""
    assert page.evaluate(script, history) == [2, 1, 3, 4, 40, 1.6, 45]


def test_batteries_behind_the_first_are_in_the_picture(page: Page) -> None:
    slot = {
        **dict.fromkeys(("load_kwh", "pv_kwh", "import_kwh", "export_kwh", "charge_kwh", "discharge_kwh"), 0.25),
        "slot_start": "2025-10-27T08:00:00Z",
        "others": {"battery_2_charge_kwh": 0.5, "battery_2_discharge_kwh": 0.0, "battery_2_soc_end_kwh": 6.0},
    }
    script = """async (slots) => {
      const { rowsOf } = await import('./static/timeline/rows.js');
      const rows = rowsOf({ slots, timezone: 'Europe/Stockholm' }, [], 0);
      return rows.map((row) => [row.charge, row.discharge, row.further]);
    }"""
    assert page.evaluate(script, [slot]) == [[3, 1, 2]]
    assert page.evaluate(script, [slot | {"others": {}}]) == [[1, 1, None]]


def test_picture_ends_with_the_last_price_and_has_no_holes(page: Page) -> None:
    history = day_of_history(date(2025, 10, 27))
    for index in (*range(40, 50), *range(80, 96)):
        history["slots"][index]["import_price"] = None
    script = """async (text) => {
      const history = JSON.parse(text);  // a null stays one
      const { rowsOf } = await import('./static/timeline/rows.js');
      const now = Date.parse(history.slots[8].slot_start);
      return rowsOf({ slots: [], timezone: history.timezone }, [history], now).map((row) => [row.time, row.past]);
    }"""
    rows: list[tuple[str, bool]] = page.evaluate(script, json.dumps(history))
    assert len(rows) == 80
    assert sum(past for _, past in rows) == 8
    assert rows[-1][0] == "19:45"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-03-30T01:59", "2025-03-30T00:59:00.000Z"),
        ("2025-03-30T02:30", "The clock leaves this hour out that day: choose another."),
        ("2025-03-30T03:00", "2025-03-30T01:00:00.000Z"),
        ("2025-10-26T02:30", "2025-10-26T00:30:00.000Z"),
        ("20255-10-26T02:30", "Choose a day and a time of day."),
        ("", "Choose a day and a time of day."),
    ],
)
def test_times_of_the_clock_are_moments_or_said_to_be_none(page: Page, text: str, moment: str) -> None:
    script = """async ([text, zone]) => {
      const { momentOf } = await import('./static/format.js');
      try { return momentOf(text, zone).toISOString(); } catch (error) { return error.message; }
    }"""
    assert page.evaluate(script, [text, ZONE]) == moment


def test_zeros_alone_are_drawn_on_the_zero(page: Page) -> None:
    script = """async (history) => {
      const { dayRows } = await import('./static/timeline/rows.js');
      const { Chart } = await import('./static/timeline/chart.js');
      const holder = document.createElement('div');
      const panel = { title: '', unit: '', height: 100, lines: [{ key: 'import_price' }], bars: [{ key: 'charge' }] };
      new Chart(holder, dayRows(history), history.timezone, [panel], { width: 600 });
      return holder.innerHTML;
    }"""
    drawn = page.evaluate(script, day_of_history(date(2025, 10, 27), price=0))
    assert "NaN" not in drawn
    assert 'class="zero"' in drawn


@pytest.mark.parametrize("width", [280, 390, 600, 860, 1200])
def test_times_of_the_axis_stand_apart(page: Page, width: int) -> None:
    script = """async ([history, width]) => {
      const { dayRows } = await import('./static/timeline/rows.js');
      const { Chart } = await import('./static/timeline/chart.js');
      const holder = document.createElement('div');
      holder.className = 'chart';
      document.body.append(holder);
      const panel = { title: '', unit: '', height: 100, lines: [{ key: 'import_price' }] };
      const drawn = [8, 24, 42, 54, 96].map((end) => {
        new Chart(holder, dayRows(history), history.timezone, [panel], { width, end });
        holder.firstChild.style.width = `${width}px`;
        const times = [...holder.querySelectorAll('text')].filter((text) => /^[0-9]{2}:/.test(text.textContent));
        return times.map((text) => { const box = text.getBBox(); return [box.x, box.x + box.width]; });
      });
      holder.remove();
      return drawn;
    }"""
    for times in page.evaluate(script, [day_of_history(date(2025, 10, 27)), width]):
        assert len(times) > 1
        assert all(right + 3 < left for (_, right), (left, _) in pairwise(times))


def test_bands_that_are_not_there_are_neither_drawn_nor_named(page: Page) -> None:
    script = """async (history) => {
      const { dayRows } = await import('./static/timeline/rows.js');
      const { legend } = await import('./static/timeline/chart.js');
      const holder = document.createElement('ul');
      legend(holder, dayRows(history), [['b-load', 'load_low', 'a band'], ['s-price', 'import_price', 'a price']]);
      return holder.textContent;
    }"""
    assert page.evaluate(script, day_of_history(date(2025, 10, 27))) == "a price"


def colours(theme: str) -> dict[str, np.ndarray]:
    """The colours of a theme as linear red, green and blue."""
    block = theme_block(theme)
    found = re.findall(r"--([a-z]+): #([0-9a-f]{6});", block)
    rgb = {name: np.array([int(code[i : i + 2], 16) for i in (0, 2, 4)]) / 255 for name, code in found}
    return {name: np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) for name, c in rgb.items()}


def theme_block(theme: str) -> str:
    """The part of the style sheet with a theme's colours."""
    style = (PAGE / "style.css").read_text()
    start = style.index(':root[data-theme="dark"]' if theme == "dark" else ":root {")
    return style[start : style.index("}", start)]


def lab(linear: np.ndarray) -> np.ndarray:
    """A colour in CIELAB, where distances are as they are seen."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ np.clip(linear, 0, 1) / np.array([0.9505, 1.0, 1.089])
    root = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_of_a_panel_differ_for_everybody_and_from_the_paper(theme: str) -> None:
    known = colours(theme)
    light = {name: float(np.array([0.2126, 0.7152, 0.0722]) @ colour) for name, colour in known.items()}
    pale: dict[str, float] = {}
    for name in {name for panel in PANELS for name in panel}:
        a, b = sorted((light[name], light["card"]))
        pale[name] = (b + 0.05) / (a + 0.05)
    assert {name: ratio for name, ratio in pale.items() if ratio < LEAST_CONTRAST} == {}
    alike = {
        (sight, one, other): distance
        for sight, seen in SIGHTS.items()
        for panel in PANELS
        for one, other in combinations(panel, 2)
        if (distance := float(np.linalg.norm(lab(seen @ known[one]) - lab(seen @ known[other])))) < LEAST_DIFFERENCE
    }
    assert alike == {}
