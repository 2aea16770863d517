"""A fortnight of fetching by the sensor's rule, with faults in half of the answers and a clock change in it."""

import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from darkstar_pipeline.fetching.prices.due import due_fetch
from env.time_grid import day_bounds
from tests.builders.price_home import price_home, quick_client
from tests.builders.price_sources import CET, RATE, PriceSources, euro_per_mwh
from tests.builders.source_server import Asked, Reply, source_server
from tests.darkstar_pipeline.fetching.prices.test_faults import FAULTS, NAMELESS

FIRST, DAYS = date(2026, 3, 22), 14
ORDER = ("elprisetjustnu", "nordpool", "energy_charts")
SETTINGS = {"area": "SE3", "first_day": FIRST.isoformat(), "sources": {"prices": {"order": ORDER}}}


@pytest.mark.thorough  # two thousand looks of the sensor: a minute
@pytest.mark.parametrize("seed", range(2))
def test_every_day_is_known_in_time_and_none_is_wrong(tmp_path: Path, seed: int):
    chance = random.Random(seed)  # noqa: S311 - no secret
    begin = datetime(FIRST.year, FIRST.month, FIRST.day, 12, tzinfo=UTC)
    late = {FIRST + timedelta(days=n): chance.choice([0, 0, 0, 2, 5]) for n in range(DAYS + 2)}
    faults = [fault for fault in FAULTS.values() if not set(fault.not_of) & set(NAMELESS)]
    known_at: dict[date, datetime] = {}
    with source_server() as server, quick_client() as client:
        home = price_home(tmp_path / "state", server, client, begin, SETTINGS)
        for tick in range(DAYS * 144):
            home.now = begin + timedelta(minutes=10 * tick)
            today = home.now.astimezone(CET).date()
            tomorrow = today + timedelta(days=1)
            out = home.now.astimezone(CET).hour >= 13 + late[tomorrow]
            given = {"today": today, "published": tomorrow if out else today}

            def answer(asked: Asked, given: dict[str, Any] = given) -> Reply:
                true = PriceSources(**given).answer(asked)
                if "EXR" in asked.path or chance.random() < 0.5:
                    return true
                fault = chance.choice(faults)
                wrong = PriceSources(**{**given, **fault.content}).answer(asked)
                return fault.reply(wrong)

            server.answer = answer
            due = due_fetch(home.context, home.now)
            if due is not None:
                report = home.fetch(due.first, due.last, *ORDER)
                known_at |= {day: home.now for each in report.given for day in each.days}
        rows = home.prices()
    assert rows["slot_start"].n_unique() == rows.height
    true = pl.Series([euro_per_mwh(at) * RATE / 1000 for at in rows["slot_start"].to_list()])
    assert bool(((rows["price"] - true).abs() < 2e-4).all()), "no price is invented"
    for n in range(1, DAYS):
        day = FIRST + timedelta(days=n)
        assert known_at[day] < day_bounds(day, "Europe/Stockholm")[0] - timedelta(hours=1), "before the day begins"
    assert rows.filter(pl.col("local_day") == date(2026, 3, 29)).height == 92
