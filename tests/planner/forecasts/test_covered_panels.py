"""Days with covered or dead panels are recognised by their readings; overcast days are not."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from env.time_grid import day_bounds, days_between, grid
from planner.forecasts.clear_sky import PvSystem, clear_sky_kwh_per_kw
from planner.forecasts.covered_panels import covered_slots
from planner.forecasts.slot_series import SlotSeries, slot_series
from tests.builders.homes import STOCKHOLM

FIRST, LAST = date(2026, 2, 1), date(2026, 4, 30)
PLACE = PvSystem(latitude=59.3, longitude=18.1)


def home(shares: dict[date, float]) -> SlotSeries:
    """Panels of 5 kW whose days give some share of a clear sky; a half by default, a clear one each week."""
    slots = grid(FIRST, LAST, STOCKHOLM)
    days = list(days_between(FIRST, LAST))
    usual = {day: 1.0 if day.weekday() == 0 else 0.5 for day in days} | shares
    read = slots.with_columns(load_kwh=pl.lit(0.2), pv_kwh=pl.lit(0.0))
    physics = clear_sky_kwh_per_kw(slot_series(read, STOCKHOLM), PLACE)[: slots.height]
    share = slots.join(
        pl.DataFrame({"local_day": days, "share": [usual[day] for day in days]}), on="local_day", maintain_order="left"
    )["share"].to_numpy()
    return slot_series(read.with_columns(pv_kwh=pl.Series(5.0 * physics * share)), STOCKHOLM)


def recognised(series: SlotSeries, panels: PvSystem | None) -> list[date]:
    covered = covered_slots(series, panels)
    found: list[date] = []
    for day in days_between(FIRST, LAST):
        start, end = (series.index(moment) for moment in day_bounds(day, STOCKHOLM))
        assert covered[start:end].all() == covered[start:end].any()
        if covered[start]:
            found.append(day)
    return found


SNOW = [date(2026, 2, 10) + timedelta(days=by) for by in range(5)]
SHORT = date(2026, 3, 29)


@pytest.mark.parametrize("panels", [PLACE, None], ids=["known place", "unknown place"])
def test_days_under_snow_and_dead_days_are_recognised_and_overcast_ones_are_not(panels: PvSystem | None) -> None:
    shares = dict.fromkeys(SNOW, 0.004) | {SHORT: 0.0, date(2026, 4, 7): 0.02, date(2026, 4, 8): 0.05}
    assert recognised(home(shares), panels) == [*SNOW, SHORT]


def test_nothing_is_recognised_when_there_are_no_panels_or_nothing_was_read() -> None:
    assert recognised(home(dict.fromkeys(days_between(FIRST, LAST), 0.0)), None) == []
    series = home({})
    unread = SlotSeries(**{**vars(series), "pv_kwh": np.full(len(series), np.nan)})
    assert recognised(unread, PLACE) == []


def test_day_that_was_read_in_part_is_not_judged() -> None:
    series = home({SHORT: 0.0})
    start = series.index(day_bounds(SHORT, STOCKHOLM)[0])
    gaps = series.pv_kwh.copy()
    gaps[start : start + 20] = np.nan
    assert recognised(SlotSeries(**{**vars(series), "pv_kwh": gaps}), PLACE) == []
