"""Sums and means of one group among many have the bits that they have alone."""

import numpy as np
import polars as pl
import pytest

from env.home_rows import average, by_home, total, with_home


@pytest.mark.parametrize("figure", [total, average])
@pytest.mark.parametrize("some_null", [False, True])
def test_figures_of_a_group_do_not_depend_on_the_other_groups(figure, some_null: bool):  # noqa: FBT001 - a parameter
    rng = np.random.default_rng(18)
    homes, days, slots = 200, 4, 96
    grid = {
        "site": np.repeat([f"home-{number}" for number in range(homes)], days * slots),
        "day": np.tile(np.repeat(np.arange(days), slots), homes),
    }
    values = rng.random(homes * days * slots) * rng.choice([1e-3, 1.0, 1e3], homes * days * slots)
    rows = pl.DataFrame({**grid, "kwh": values})
    if some_null:
        rows = rows.with_columns(kwh=pl.when(pl.Series(rng.random(rows.height) > 0.1)).then("kwh"))

    def figures(some: pl.DataFrame) -> pl.DataFrame:
        return some.group_by("site", "day", maintain_order=True).agg(figure(pl.col("kwh")))

    together = figures(rows)
    assert together["kwh"].n_unique() == homes * days
    for number in range(0, homes, 10):
        own = pl.col("site") == f"home-{number}"
        assert figures(rows.filter(own)).equals(together.filter(own))


def test_nothing_adds_up_to_nothing_and_has_no_mean():
    rows = pl.DataFrame({"kwh": [None]}, schema={"kwh": pl.Float64})
    assert rows.select(total(pl.col("kwh"))).item() == 0.0
    assert rows.select(average(pl.col("kwh"))).item() is None


def test_rows_of_one_home_get_a_name_and_others_keep_theirs():
    one, several = pl.DataFrame({"kwh": [1.0]}), pl.DataFrame({"site": ["a", "b"]})
    assert with_home(one)["site"].to_list() == [""]
    assert with_home(several) is several
    assert (by_home(one, "slot_start"), by_home(several, "slot_start")) == (["slot_start"], ["site", "slot_start"])
