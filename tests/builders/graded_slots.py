"""Slots of one home with what its grades rest on, as the rules of `quality` take them."""

import polars as pl

from darkstar_pipeline.quality.graded_homes import GradedHome, facts_of
from env.battery import Battery
from env.home_rows import HOME, with_home


def of_one_home(slots: pl.DataFrame, battery: Battery, *, has_pv: bool = True) -> pl.DataFrame:
    """Return the slots with the name and the facts of their home."""
    return with_home(slots).join(facts_of({"": GradedHome(battery, has_pv)}), on=HOME)
