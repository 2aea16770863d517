"""Tidy files that show the home's clock: read when the person says so, on both days on which it changes."""

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.observations import read_observations
from darkstar_pipeline.sources.prices import read_prices
from env.time_grid import grid

NOW = datetime(2026, 11, 30, tzinfo=UTC)
SITE = SiteSettings()
STOCKHOLM = "Europe/Stockholm"


def local_day(day: date) -> pl.DataFrame:
    """A whole local day, its stamps as the wall clock shows them, and the instants that they are."""
    clock = pl.col("slot_start").dt.convert_time_zone(STOCKHOLM).dt.strftime("%Y-%m-%d %H:%M")
    return grid(day, day, STOCKHOLM).with_columns(at=pl.col("slot_start"), shown=clock)


@pytest.mark.parametrize(("day", "slots"), [(date(2026, 3, 29), 92), (date(2026, 10, 25), 100), (date(2026, 5, 1), 96)])
def test_local_clock_is_read_on_every_day(tmp_path: Path, day: date, slots: int) -> None:
    rows = local_day(day)
    tidy = rows.select(slot_start="shown", load_kwh=pl.int_range(pl.len()) / 1000 + 0.1)
    tidy.write_csv(tmp_path / "readings.csv")
    read = read_observations(tmp_path / "readings.csv", site=SITE, now=NOW, clock=STOCKHOLM)
    assert read.rows["slot_start"].to_list() == rows["at"].to_list()
    assert read.rows.height == slots
    assert read.rows["load_kwh"].to_list() == pytest.approx(tidy["load_kwh"].to_list())


def test_prices_of_a_local_clock_are_read_too(tmp_path: Path) -> None:
    rows = local_day(date(2026, 10, 25))
    rows.select(slot_start="shown", price=0.3 + pl.int_range(pl.len()) / 1000).write_csv(tmp_path / "prices.csv")
    read = read_prices(tmp_path / "prices.csv", site=SITE, area=None, now=NOW, clock=STOCKHOLM)
    assert read.rows["slot_start"].to_list() == rows["at"].to_list()
    utc = read_prices(tmp_path / "prices.csv", site=SITE, area=None, now=NOW, clock="UTC")
    assert utc.rows["slot_start"][0] == datetime(2026, 10, 25, tzinfo=UTC)


def test_stamps_without_offset_are_refused_with_the_way_where_nobody_says_whose_they_are(tmp_path: Path) -> None:
    local_day(date(2026, 5, 1)).select(slot_start="shown", load_kwh=0.1).write_csv(tmp_path / "readings.csv")
    with pytest.raises(DataRefusedError, match="has no offset from UTC") as refused:
        read_observations(tmp_path / "readings.csv", site=SITE, now=NOW)
    assert "--clock local" in refused.value.hint


def test_stamps_with_offset_are_what_they_say_whatever_the_clock(tmp_path: Path) -> None:
    (tmp_path / "readings.csv").write_text(
        "slot_start,load_kwh\n" + "\n".join(f"2026-05-01T{hour:02d}:00:00Z,0.5" for hour in range(8))
    )
    read = read_observations(tmp_path / "readings.csv", site=SITE, now=NOW, clock=STOCKHOLM)
    assert read.rows["slot_start"][0] == datetime(2026, 5, 1, tzinfo=UTC)
