"""Readings of many homes are read as those of each home alone: rows, refusals, reasons, notes and remarks."""

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkstar_pipeline.config.battery import BatterySettings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.observations import parse_observations
from darkstar_pipeline.sources.readings.homes import RawReadings, parse_homes
from tests.builders.odd_homes import CLOCKS, DAYS, FAULTS, as_text, plain_rows

NOW = datetime(2026, 11, 30, tzinfo=UTC)
ZONE = "Europe/Stockholm"
SITES = [SiteSettings(battery=BatterySettings(charge_kw=kw)) for kw in (3.0, 5.0, 40.0)]

homes = st.lists(
    st.tuples(
        st.sampled_from(sorted(DAYS)),
        st.lists(st.sampled_from(sorted(FAULTS)), min_size=1, max_size=3),
        st.sampled_from(CLOCKS),
        st.sampled_from(range(len(SITES))),
    ),
    min_size=2,
    max_size=6,
)


def rows_of(days: str, faults: list[str], clock: str, rng: np.random.Generator) -> pl.DataFrame:
    """The rows of a home with its faults, as text."""
    rows = plain_rows(days, rng, ZONE)
    for fault in faults:
        rows = FAULTS[fault](rows, rng, ZONE)
    return as_text(rows, clock, rng, ZONE)


def compare(rows: list[pl.DataFrame], sites: list[SiteSettings], clock: str | None, order: np.random.Generator) -> None:
    """Read homes in one file, their rows mixed, and each by itself."""
    named = [part.with_columns(pl.lit(f"h{number}").alias("_home")) for number, part in enumerate(rows)]
    every = pl.concat(named)
    place = np.argsort(np.concatenate([np.sort(order.random(part.height)) for part in rows]), kind="stable")
    mixed = every[place.tolist()]  # each home's rows stay in their order
    raw = RawReadings(file="f.csv", rows=mixed.drop("_home"), homes=mixed["_home"])
    by_name = {f"h{number}": site for number, site in enumerate(sites)}
    together = parse_homes(raw, by_name, ZONE, now=NOW, clock=clock)
    for number, (part, site) in enumerate(zip(rows, sites, strict=True)):
        name, own = f"h{number}", pl.col("site") == f"h{number}"
        raw_part = RawReadings(file="f.csv", rows=part)
        if (told := together.refused.get(name)) is not None:
            with pytest.raises(DataRefusedError) as refused:
                parse_observations(raw_part, site=site, now=NOW, clock=clock)
            assert (refused.value.message, refused.value.hint) == (told.message, told.hint)
            assert together.rows.filter(own).is_empty()
            assert together.rejects.filter(own).is_empty()
            continue
        alone = parse_observations(raw_part, site=site, now=NOW, clock=clock)
        assert together.rows.filter(own).drop("site").equals(alone.rows)
        at = pl.Series([place for place, home in enumerate(mixed["_home"], start=1) if home == name])
        rejects = alone.rejects.with_columns(at.gather(alone.rejects["row"] - 1).alias("row"))
        assert together.rejects.filter(own).drop("site").equals(rejects)
        assert together.notes.filter(own)["note"].to_list() == list(alone.notes)
        assert together.remarks.filter(own).drop("site").equals(alone.remarks)
        assert together.read_as == alone.read_as


@settings(max_examples=8, deadline=None)
@given(homes=homes, clock=st.sampled_from([None, ZONE]), seed=st.integers(0, 2**20))
def test_homes_in_one_file_are_read_as_each_alone(
    homes: list[tuple[str, list[str], str, int]], clock: str | None, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    rows = [rows_of(days, faults, stamps, rng) for days, faults, stamps, _ in homes]
    compare(rows, [SITES[number] for *_, number in homes], clock, rng)


@pytest.mark.parametrize("days", sorted(DAYS))
def test_every_fault_beside_all_others(days: str) -> None:
    rng = np.random.default_rng(7)
    rows = [rows_of(days, [fault], "utc", rng) for fault in FAULTS]
    rows += [rows_of(days, ["none"], clock, rng) for clock in CLOCKS]
    compare(rows, [SITES[number % len(SITES)] for number in range(len(rows))], ZONE, rng)
