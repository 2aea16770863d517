"""The week of stored data: its days, its gaps, and what is marked."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from darkstar_pipeline.pictures import png_bytes, week_figure
from env.time_grid import grid

ZONE = "Europe/Stockholm"
FIRST = date(2025, 10, 24)  # the clock goes back on the 26th


def week(**columns: pl.Expr) -> pl.DataFrame:
    return grid(FIRST, FIRST + timedelta(days=6), ZONE).with_columns(**columns)


def drawn(frame: pl.DataFrame, columns: list[str], **marks: object):
    options = {"site": "home", "timezone": ZONE, "currency": "SEK", "unlike": {}, "refused": []} | marks
    return week_figure(frame, columns, **options)  # pyright: ignore[reportArgumentType]


def spans(axes: Axes, *, hatched: bool) -> list[tuple[float, float]]:
    """Start and width of what is hatched or shaded [h]."""
    found = [patch for patch in axes.patches if isinstance(patch, Rectangle) and bool(patch.get_hatch()) is hatched]
    return [(span.get_x(), span.get_width()) for span in found]


def test_a_strip_a_quantity_is_drawn_as_long_as_its_days_were():
    figure = drawn(week(load_kwh=pl.lit(0.25), price=pl.lit(-0.1)), ["load_kwh", "price"])
    load, price = figure.axes
    assert load.get_xlim() == (0, 7 * 24 + 1)
    assert [text.get_text() for text in price.texts] == [
        f"{day:%a} {day.day}" for day in pl.date_range(FIRST, FIRST + timedelta(days=6), eager=True)
    ]
    words = [text.get_text() for text in figure.texts]
    assert {"up to 1 kW", "-0.1 to -0.1 SEK/kWh"} <= set(words)


def test_missing_slots_are_hatched_and_counted():
    slot = pl.int_range(pl.len())
    some = pl.when(slot.is_between(10, 13) | (slot == 20)).then(None).otherwise(0.25)
    figure = drawn(week(load_kwh=some, pv_kwh=pl.lit(None, pl.Float64)), ["load_kwh", "pv_kwh"])
    load, pv = figure.axes
    assert spans(load, hatched=True) == [(2.5, 1), (5, 0.25)]
    assert spans(pv, hatched=True) == [(0, 7 * 24 + 1)]
    assert {"up to 1 kW, 5 slots missing", "nothing stored"} <= {text.get_text() for text in figure.texts}


def test_a_reading_that_is_not_believed_is_marked_and_does_not_flatten_the_others():
    frame = week(load_kwh=pl.when(pl.int_range(pl.len()) == 40).then(9.0).otherwise(0.25))
    figure = drawn(frame, ["load_kwh"], unlike={"load_kwh": [frame["slot_start"][40]]})
    axes = figure.axes[0]
    marks = next(line for line in axes.lines if line.get_marker() == "x")
    assert np.asarray(marks.get_xdata()).tolist() == [10.125]
    assert axes.get_ylim()[1] == pytest.approx(1.12)


def test_a_refused_day_is_shaded_in_every_strip_and_the_bytes_repeat():
    frame = week(load_kwh=pl.lit(0.25), pv_kwh=pl.lit(0.0))
    plain, marked = (
        drawn(frame, ["load_kwh", "pv_kwh"], refused=refused) for refused in ([], [FIRST + timedelta(days=2)])
    )
    assert [spans(axes, hatched=False) for axes in marked.axes] == [[(48, 25)]] * 2
    assert png_bytes(marked) == png_bytes(marked) != png_bytes(plain)
