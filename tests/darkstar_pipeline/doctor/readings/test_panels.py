"""Findings on panels that give nothing: told, and warned of where it lasts."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.doctor.finding import Verdict
from darkstar_pipeline.doctor.readings.panels import check_panels
from darkstar_pipeline.warehouse.schemas import METER_READINGS
from tests.builders.month_home import LAST, month_context, readings
from tests.builders.small_home import as_imported

NOW = datetime(2025, 11, 5, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("dark", "verdict", "told"),
    [
        ([], Verdict.OK, "they gave something on each day"),
        ([LAST - timedelta(days=5)], Verdict.OK, "next to nothing on 2025-10-30;"),
        ([LAST - timedelta(days=by) for by in (2, 1, 0)], Verdict.WARN, "on 2025-11-02, 2025-11-03, 2025-11-04;"),
        ([LAST - timedelta(days=by) for by in range(6)], Verdict.WARN, "on 6 of the last 14 days"),
    ],
    ids=["none", "one", "three", "six"],
)
def test_panels_are_warned_of_when_they_give_nothing_for_days(
    tmp_path: Path, dark: list[date], verdict: Verdict, told: str
) -> None:
    context = month_context(tmp_path)
    unlit = readings().filter(pl.col("local_day").is_in(dark)).with_columns(pv_kwh=pl.lit(0.0))
    if dark:
        rows = as_imported(METER_READINGS, unlit.drop("local_clock"), "home")
        context.lake.write_days(METER_READINGS, "home", sorted(dark), rows)
    found = check_panels(context.settings, tmp_path, "home", NOW)
    assert found is not None
    assert (found.verdict, told in found.detail) == (verdict, True), found.detail
    assert ("snow" in found.remedy) is (verdict is Verdict.WARN)


def test_panels_are_no_matter_when_a_home_has_none(tmp_path: Path) -> None:
    context = month_context(tmp_path)
    days = readings()["local_day"].unique().sort().to_list()
    rows = as_imported(METER_READINGS, readings().drop("local_clock", "pv_kwh"), "home")
    context.lake.write_days(METER_READINGS, "home", days, rows)
    assert check_panels(context.settings, tmp_path, "home", NOW) is None
