"""Files into the lake: what is merged, what is kept, and that the lake stays as it was otherwise."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.errors import DarkstarError, DataRefusedError
from darkstar_pipeline.ingest.imports import OBSERVATIONS, import_statistics, import_tidy_file
from darkstar_pipeline.warehouse.lake import Lake
from darkstar_pipeline.warehouse.schemas import METER_READINGS, METER_STATISTICS, RAW_SPOT_PRICES
from tests.builders.tidy_files import (
    LATER,
    MIDNIGHT,
    NOW,
    Place,
    bytes_of,
    csv,
    import_prices,
    import_readings,
    prices,
    readings,
    text_with,
    with_value,
)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(Lake(tmp_path / "lake"), tmp_path / "quarantine", tmp_path)


def test_quarantine_gets_no_second_file_when_the_same_rows_are_refused_again(place: Place):
    first = import_readings(place, "rows.csv", text_with(5, 1, "NaN"))
    second = import_readings(place, "rows.csv", text_with(5, 1, "NaN"), now=LATER)
    assert first.quarantine_file == second.quarantine_file
    assert len(list(place.quarantine.iterdir())) == 1


def test_quarantine_keeps_the_rows_when_the_file_is_refused_as_a_whole(place: Place):
    with pytest.raises(DataRefusedError) as raised:
        import_prices(place, "partial.csv", csv(prices(rows=4)))
    (kept,) = place.quarantine.iterdir()
    assert str(kept) in raised.value.hint
    assert pl.read_csv(kept).height == 4


def test_import_changes_no_byte_when_repeated(place: Place):
    import_readings(place, "a.csv", csv(readings(rows=300)))
    import_prices(place, "p.csv", csv(prices(rows=288)))
    before = bytes_of(place.lake.root)
    files = {path: path.stat().st_mtime_ns for path in place.lake.root.rglob("*.parquet")}
    again = import_readings(place, "a.csv", csv(readings(rows=300)), now=LATER)
    prices_again = import_prices(place, "p.csv", csv(prices(rows=288)), now=LATER)
    assert (again.slots_new, again.slots_changed, again.slots_unchanged) == (0, 0, 300)
    assert (prices_again.slots_new, prices_again.slots_changed, prices_again.slots_unchanged) == (0, 0, 288)
    assert bytes_of(place.lake.root) == before
    assert {path: path.stat().st_mtime_ns for path in place.lake.root.rglob("*.parquet")} == files


def test_later_import_wins_also_when_it_is_coarser(place: Place):
    import_readings(place, "quarters.csv", csv(readings()))
    report = import_readings(
        place, "hours.csv", csv(readings(rows=24, minutes=60).with_columns(load_kwh=pl.lit(8.0))), now=LATER
    )
    stored = place.lake.read(METER_READINGS, "home")
    assert report.slots_changed == 96
    assert stored["load_kwh"].to_list() == [2.0] * 96
    assert stored["native_minutes"].unique().to_list() == [60]


def test_later_import_wins_per_slot_and_column_and_only_changed_days_are_written(place: Place):
    import_readings(place, "a.csv", csv(readings(rows=288)))
    before = bytes_of(place.lake.root)
    update = with_value(97, 2.5, frame=with_value(98, None, frame=readings(rows=288))).drop("pv_kwh")
    report = import_readings(place, "b.csv", csv(update), now=LATER)
    assert (report.slots_new, report.slots_changed, report.slots_unchanged) == (0, 1, 286)
    stored = place.lake.read(METER_READINGS, "home")
    changed = stored.filter(pl.col("source") == "b.csv")
    assert changed.select("load_kwh", "pv_kwh", "imported_at").rows() == [(2.5, 0.0, LATER)]
    assert stored["load_kwh"].null_count() == 0
    after = bytes_of(place.lake.root)
    assert [name for name in after if after[name] != before[name]] == [
        "import_provenance/site=home/day=2026-01-10/part.parquet",
        "meter_readings/site=home/day=2026-01-11/part.parquet",
    ]


def test_statistics_are_stored_once_per_hour_and_quantity(place: Place):
    frame = pl.DataFrame(
        {
            "hour_start": [MIDNIGHT, MIDNIGHT, MIDNIGHT + timedelta(hours=1)],
            "quantity": ["load", "pv", "load"],
            "energy_kwh": [1.0, 0.0, None],
        },
        schema_overrides={"hour_start": pl.Datetime("us", "UTC")},
    )
    first = import_statistics(place.target(), frame, source="lts.csv", now=NOW)
    again = import_statistics(place.target(), frame, source="lts.csv", now=LATER)
    assert (first.slots_new, again.slots_new, again.slots_unchanged) == (2, 0, 2)
    stored = place.lake.read(METER_STATISTICS, "home")
    assert stored.select("quantity", "energy_kwh").rows() == [("load", 1.0), ("pv", 0.0)]
    assert stored["local_day"].cast(pl.String).unique().to_list() == ["2026-01-10"]


def test_progress_is_reported_after_every_day(place: Place):
    path = place.folder / "a.csv"
    path.write_bytes(csv(readings(rows=288)))
    calls: list[tuple[int, int]] = []
    import_tidy_file(
        OBSERVATIONS, place.target(), path, now=NOW, progress=lambda done, total: calls.append((done, total))
    )
    assert calls == [(1, 3), (2, 3), (3, 3)]


def test_measured_home_is_imported_whole_and_refused_while_it_holds_several(place: Place, shared_data: Path):
    homes = shared_data / "bench" / "homes_2025_10_to_2026_08.parquet"
    now = datetime(2026, 11, 1, tzinfo=UTC)
    with pytest.raises(DataRefusedError, match="holds 6 homes"):
        import_tidy_file(OBSERVATIONS, place.target(), homes, now=now)
    one = pl.read_parquet(homes).filter(pl.col("home") == "emhass_fr")
    report = import_readings(place, "one.parquet", one, now=now)
    stored = place.lake.read(METER_READINGS, "home")
    assert (report.rows_rejected, report.days, report.slots_new) == (0, 325, 30996)
    assert stored["load_kwh"].sum() == pytest.approx(one["load_kwh"].sum(), abs=1e-9)
    assert stored["native_minutes"].unique().to_list() == [30]


def test_measured_prices_of_four_areas_are_imported_for_the_sites_own(place: Place, shared_data: Path):
    source = pl.read_parquet(shared_data / "spot_prices_se.parquet").filter(
        pl.col("slot_start") >= datetime(2026, 7, 31, 22, tzinfo=UTC)
    )
    report = import_prices(place, "p.parquet", source, now=datetime(2026, 8, 21, tzinfo=UTC))
    mine = source.filter(pl.col("area") == "SE3").sort("slot_start")
    assert report.rows_read == mine.height
    assert place.lake.read(RAW_SPOT_PRICES, "home")["price"].to_list() == pytest.approx(mine["sek_per_kwh"].to_list())


def test_every_refusal_is_an_error_of_the_shell():
    assert issubclass(DataRefusedError, DarkstarError)
