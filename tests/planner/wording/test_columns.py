"""Sentences of many rows."""

import polars as pl
import pytest

from planner.wording.columns import worded


def test_every_place_takes_its_part_and_a_row_without_one_has_no_sentence() -> None:
    rows = pl.DataFrame({"name": ["a", None, "c"], "kwh": [0.5, 1.0, -2.25]})
    said = rows.select(worded("{}: {} kWh of {}!", "name", pl.col("kwh").round(1), pl.lit(3)))
    assert said.to_series().to_list() == ["a: 0.5 kWh of 3!", None, "c: -2.2 kWh of 3!"]


@pytest.mark.parametrize("parts", [[], ["a", "b"]], ids=["too few", "too many"])
def test_parts_that_do_not_fit_the_places_are_refused(parts: list[str]) -> None:
    with pytest.raises(ValueError, match="zip"):
        worded("one {}", *parts)
