"""The rules on the slot grid: an hourly source's hours are its readings."""

from datetime import date

import polars as pl

from darkstar_pipeline.quality.unlike_slots import unlike_slots
from env.time_grid import grid

ZONE = "Europe/Stockholm"
FIRST, LAST = date(2024, 2, 5), date(2024, 2, 9)
SLOT = pl.int_range(pl.len())


def load(change: pl.Expr, *, hourly: bool) -> pl.DataFrame:
    """Some days of a load around 0.2 kWh a slot, of which some is changed [kWh per slot]."""
    position = SLOT // 4 if hourly else SLOT
    return grid(FIRST, LAST, ZONE).with_columns(load_kwh=0.18 + 0.01 * (position % 7)).with_columns(load_kwh=change)


def test_one_low_hour_is_one_reading_when_the_source_is_hourly():
    low = pl.when(SLOT.is_between(240, 243)).then(0.025).otherwise("load_kwh")
    assert unlike_slots(load(low, hourly=True), "load_kwh", ZONE).is_empty()
    found = unlike_slots(load(low, hourly=False), "load_kwh", ZONE)
    assert found["unlike"].unique().to_list() == ["load_kwh is below what this home needs to stand by"]
    assert found.height == 4


def test_a_spike_of_an_hourly_source_takes_its_four_slots():
    spike = pl.when(SLOT.is_between(240, 243)).then(15.0).otherwise("load_kwh")
    slots = load(spike, hourly=True)
    assert unlike_slots(slots, "load_kwh", ZONE)["slot_start"].to_list() == slots["slot_start"][240:244].to_list()


def test_days_are_judged_by_themselves_when_only_some_are_hourly():
    hourly = load(pl.col("load_kwh"), hourly=True)
    mixed = load(pl.col("load_kwh"), hourly=False).with_columns(
        load_kwh=pl.when(SLOT < 192).then(hourly["load_kwh"]).otherwise("load_kwh")
    )
    low = mixed.with_columns(
        load_kwh=pl.when(SLOT.is_between(96, 99) | SLOT.is_between(300, 303)).then(0.025).otherwise("load_kwh")
    )
    found = unlike_slots(low, "load_kwh", ZONE)["slot_start"]
    assert found.to_list() == low["slot_start"][300:304].to_list()


def test_a_column_without_values_has_nothing_unlike():
    slots = grid(FIRST, LAST, ZONE).with_columns(load_kwh=pl.lit(None, pl.Float64))
    assert unlike_slots(slots, "load_kwh", ZONE).is_empty()
