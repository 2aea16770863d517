"""The day of each change of the clock with a service at work, failing sources and plans judged by the truth."""

from pathlib import Path

import pytest

from benchmarks.fortnight.fortnight import SHORT_AUTUMN, SHORT_SPRING
from benchmarks.fortnight.service_days import Span, simulate
from benchmarks.homes.shipped import ShippedHomes


@pytest.mark.thorough  # three thousand looks of the service and some hundred plans: half a minute
@pytest.mark.parametrize(("span", "slots"), [(SHORT_SPRING, 92), (SHORT_AUTUMN, 100)], ids=["spring", "autumn"])
def test_every_slot_is_planned_and_no_plan_rests_on_invented_data(tmp_path: Path, span: Span, slots: int) -> None:
    days = simulate(tmp_path, ShippedHomes(), span)
    found = days.plans
    assert found.slots == slots
    assert (found.unplanned, found.invented, found.untold, found.fallen) == ([], [], [], [])
    assert found.rungs["self_consumption"] > 0, "its prices come hours after it has begun"
    assert found.rungs["value"] > slots // 2
    assert days.unsteered == []
    assert days.steered > slots // 2
    assert days.lake.wrong_prices == 0
    assert days.faults.total() > 10
