"""Remarks: counts and spans by local day and reason."""

from datetime import date

import numpy as np
import polars as pl

from darkstar_pipeline.sources.remarks import REFUSED, REMARKS, all_remarks, remarks_at, remarks_between, remarks_on
from env.time_grid import day_start

ZONE = "Europe/Stockholm"
MIDNIGHT = day_start(date(2025, 10, 26), ZONE).timestamp()  # the clock goes back: 25 hours
HOUR = 3600.0


def test_readings_are_counted_by_local_day_when_one_has_twenty_five_hours():
    seconds = MIDNIGHT + HOUR * np.array([-0.01, 0.1, 24.9, 25.1])
    found = remarks_at(seconds, "load_kwh", REFUSED, "odd", ZONE)
    assert found.schema == REMARKS
    hours = (pl.col("first_slot", "last_slot").dt.epoch("s") - int(MIDNIGHT)) / HOUR
    assert found.select("readings", hours).rows() == [(1, -0.25, -0.25), (2, 0.0, 24.75), (1, 25.0, 25.0)]


def test_reasons_are_one_when_only_their_numbers_differ():
    at = pl.Series([0, 900, 1800]).cast(pl.Datetime("us", "UTC"))
    reasons = ["load_kwh -1.5 kWh is negative", "load_kwh -2 kWh is negative", "pv_kwh -2 kWh is negative"]
    found = remarks_on(pl.DataFrame({"slot_start": at, "reason": reasons}), "all", REFUSED, ZONE)
    assert found.select("reason", "readings").rows() == [(reasons[0], 2), (reasons[2], 1)]


def test_a_span_has_the_slots_that_it_touches_and_each_once():
    spans = np.array([[MIDNIGHT + 60, MIDNIGHT + 1000], [MIDNIGHT + 1000, MIDNIGHT + 1800]])
    assert remarks_between(spans, "load_kwh", REFUSED, "lost", ZONE)["readings"].to_list() == [2]
    assert remarks_between(np.empty((0, 2)), "load_kwh", REFUSED, "lost", ZONE).is_empty()


def test_equal_remarks_are_added_when_they_come_from_two_parts():
    one = remarks_at(np.array([MIDNIGHT]), "load_kwh", REFUSED, "odd", ZONE)
    assert all_remarks([one, one])["readings"].to_list() == [2]
    assert all_remarks([]).schema == REMARKS
