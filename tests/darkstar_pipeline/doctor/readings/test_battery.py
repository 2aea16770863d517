"""The battery by its readings: what is offered, and full charges that do not come."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.doctor.finding import CheckResult, Verdict
from darkstar_pipeline.doctor.readings.battery import check_battery
from darkstar_pipeline.warehouse.schemas import METER_READINGS
from tests.builders.month_home import month_context, readings
from tests.builders.small_home import as_imported

NOW = datetime(2025, 11, 5, 9, tzinfo=UTC)


def checked(folder: Path, household: dict[str, Any] | None = None, *, most_percent: float = 90.0) -> CheckResult | None:
    """A battery of 9.1 kWh that goes up in four hours and down in the next four."""
    context = month_context(folder)
    house = readings()
    slot = np.arange(house.height) % 32
    level = 10 + (most_percent - 10) * np.where(slot < 16, slot, 32 - slot) / 16
    later = np.roll(level, -1)
    moved = np.abs(later - level) / 100 * 9.1
    read = house.with_columns(
        soc_start_percent=pl.Series(level),
        soc_end_percent=pl.Series(later),
        batt_charge_kwh=pl.Series(np.where(later > level, moved / 0.95, 0.0)),
        batt_discharge_kwh=pl.Series(np.where(later < level, moved * 0.95, 0.0)),
    )
    days = read["local_day"].unique().sort().to_list()
    context.lake.write_days(METER_READINGS, "home", days, as_imported(METER_READINGS, read.drop("local_clock"), "home"))
    site = {"battery": {"capacity_kwh": 10.0}, "household": household or {}}
    return check_battery(Settings.model_validate({"sites": {"home": site}}), folder, "home", NOW)


def test_capacity_is_offered_and_not_imposed(tmp_path: Path) -> None:
    found = checked(tmp_path)
    assert found is not None
    assert found.verdict is Verdict.OK
    assert "show 9.1 kWh (10 set), 90 % out per kWh in" in found.detail
    assert "to use battery.capacity_kwh: 9.1: darkstar care accept capacity" in found.detail


def test_full_charges_that_do_not_come_are_told(tmp_path: Path) -> None:
    found = checked(tmp_path, {"care": {"full_charge_every_days": 7}})
    assert found is not None
    assert found.verdict is Verdict.WARN
    assert "every 7 days, none in 120 days" in found.detail
    assert found.remedy


def test_full_charges_that_come_are_no_warning(tmp_path: Path) -> None:
    found = checked(tmp_path, {"care": {"full_charge_every_days": 14}}, most_percent=100.0)
    assert found is not None
    assert found.verdict is Verdict.OK
