"""Readings that an import refused, altered or missed, and the rows of the quarantine that they become."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from darkstar_pipeline.sources.parsed import no_rejects
from darkstar_pipeline.sources.quarantine import keep_rejects, with_refused_readings
from darkstar_pipeline.sources.remarks import (
    ALTERED,
    REFUSED,
    all_remarks,
    remarks_at,
    remarks_between,
    remarks_on,
    remarks_on_rejects,
)
from env.time_grid import SLOT_DTYPE

BERLIN = "Europe/Berlin"
START = datetime(2026, 1, 10, 22, tzinfo=UTC)  # an hour before a local midnight


def readings(*rows: tuple[float | None, str]) -> pl.DataFrame:
    """Readings given as (minutes, reason)."""
    stamps = [None if minute is None else START + timedelta(minutes=minute) for minute, _ in rows]
    return pl.DataFrame({"slot_start": pl.Series(stamps).cast(SLOT_DTYPE), "reason": [reason for _, reason in rows]})


def spans(remarks: pl.DataFrame) -> list[tuple[str, int, float, float]]:
    """Reason, number of readings, first and last slot [min]."""
    rows = remarks.select("reason", "readings", "first_slot", "last_slot").rows()
    return [(reason, count, *((at - START) / timedelta(minutes=1) for at in ends)) for reason, count, *ends in rows]


def test_reasons_that_differ_in_numbers_are_one_a_day():
    found = remarks_on(
        readings((31, "2 kW"), (14, "1 kW"), (None, "3 kW"), (61, "4 kW"), (16, "NaN")), "load_kwh", REFUSED, BERLIN
    )
    assert spans(found) == [("1 kW", 2, 0, 30), ("NaN", 1, 15, 15), ("4 kW", 1, 60, 60)]
    assert found["quantity"].unique().to_list() == ["load_kwh"]
    assert remarks_on(readings((None, "x")), "load_kwh", REFUSED, BERLIN).is_empty()


def test_instants_and_spans_are_told_by_their_slots():
    begin = START.timestamp()
    assert spans(remarks_at(begin + np.array([899.0, 900.0]), "load_kwh", ALTERED, "held", BERLIN)) == [
        ("held", 2, 0, 15)
    ]
    assert remarks_at(np.array([]), "load_kwh", ALTERED, "held", BERLIN).is_empty()
    gaps = begin + np.array([[900.0, 1800.0], [1801.0, 2701.0]])
    assert spans(remarks_between(gaps, "load_kwh", REFUSED, "lost", BERLIN)) == [("lost", 3, 15, 45)]


def test_remarks_on_one_slot_are_added():
    parts = [remarks_on(readings((0, "x"), (20, "x")), "load_kwh", REFUSED, BERLIN)] * 2
    assert spans(all_remarks(parts)) == [("x", 4, 0, 15)]
    other = remarks_on(readings((0, "x")), "pv_kwh", REFUSED, BERLIN)
    assert all_remarks([*parts, other]).height == 2
    assert all_remarks([]).is_empty()


def test_refused_rows_are_remarked_by_their_quantity():
    rejects = pl.concat(
        [
            no_rejects(),
            readings((0, "x"), (15, "x"), (0, "y"))
            .with_columns(
                file=pl.lit("f.csv"),
                row=pl.int_range(3),
                raw=pl.lit("{}"),
                quantity=pl.Series([None, "pv_kwh", None], dtype=pl.String),
            )
            .select(no_rejects().columns),
        ]
    )
    found = all_remarks(remarks_on_rejects(rejects, BERLIN))
    assert found.select("quantity", "reason").rows() == [("all", "x"), ("all", "y"), ("pv_kwh", "x")]


def test_series_that_were_refused_are_kept_once_and_altered_ones_are_not(tmp_path):
    refused = remarks_on(readings((0, "x"), (15, "x")), "load_kwh", REFUSED, BERLIN)
    altered = remarks_on(readings((0, "held")), "load_kwh", ALTERED, BERLIN)
    kept = with_refused_readings(no_rejects(), pl.concat([refused, altered]), "f.csv")
    assert kept.select("file", "row", "reason", "slot_start", "quantity").rows() == [
        ("f.csv", None, "x", START, "load_kwh")
    ]
    assert '"readings":2' in kept["raw"][0]
    assert with_refused_readings(kept, refused, "f.csv").height == 1
    file = keep_rejects(tmp_path, kept)
    assert file is not None
    assert file == keep_rejects(tmp_path, kept)
    assert keep_rejects(tmp_path, no_rejects()) is None
