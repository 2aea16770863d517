from datetime import date

import polars as pl
import pytest

from darkstar_pipeline.quality.price_filling import with_filled_prices
from env.time_grid import grid

DAY = date(2026, 1, 15)
LEVEL = [0.2 + 0.01 * slot for slot in range(96)]


def filled(*, zeros=(), missing=(), second=None, hour_price=None, hourly=False):
    seen = [0.0 if slot in zeros else None if slot in missing else price for slot, price in enumerate(LEVEL)]
    frame = grid(DAY, DAY, "Europe/Stockholm").with_columns(
        price=pl.Series(seen, dtype=pl.Float64),
        recorder_zero=pl.Series([slot in zeros for slot in range(96)]),
        second=pl.lit(second, pl.Float64),
        hour_price=pl.lit(hour_price, pl.Float64),
        hourly=pl.lit(value=hourly),
    )
    return with_filled_prices(frame)


@pytest.mark.parametrize(
    ("case", "methods"),
    [
        ({"zeros": range(40, 48)}, {"interpolated"}),
        ({"zeros": range(40, 49)}, {"estimated"}),
        ({"missing": range(40, 48)}, {"interpolated"}),
        ({"missing": range(40, 49)}, set()),
        ({"missing": range(40, 49), "second": 0.7}, {"second_source"}),
        ({"missing": range(40, 48), "second": 0.7}, {"interpolated"}),
        ({"zeros": range(40, 42), "second": 0.7}, {"second_source"}),
        ({"zeros": range(40, 60), "hour_price": 0.7}, {"market_hour"}),
        ({"missing": range(40, 60), "hour_price": 0.7}, {"market_hour"}),
        ({"zeros": range(40, 45), "missing": range(45, 50)}, {"estimated"}),
        ({"zeros": range(4)}, {"nearest"}),
        ({"missing": range(88, 96)}, {"nearest"}),
        ({"missing": range(96)}, set()),
        ({"missing": range(40, 44), "zeros": range(44, 48)}, {"interpolated"}),
    ],
)
def test_a_price_is_filled_by_the_best_method_when_it_is_missing_or_rejected(case, methods):
    frame = filled(**case)
    assert set(frame["method"].drop_nulls().to_list()) == methods


def test_lines_are_drawn_through_true_zeros_when_those_are_the_neighbours():
    frame = filled(missing=range(40, 43))
    assert frame["filled"][40:43].to_list() == pytest.approx(LEVEL[40:43])
    assert frame["filled"][:40].to_list() == LEVEL[:40]
