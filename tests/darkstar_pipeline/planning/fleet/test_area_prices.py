"""The prices of an area are read once for its homes; older ones are kept until a month begins."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.fleet.homes import FleetHomes
from darkstar_pipeline.fleet.lake import fleet_lake
from darkstar_pipeline.planning.fleet.area_prices import Market, area_prices
from darkstar_pipeline.warehouse.buckets.bucket_lake import BucketLake
from darkstar_pipeline.warehouse.buckets.object_names import object_key
from darkstar_pipeline.warehouse.schemas import RAW_SPOT_PRICES, SPOT_PRICES, Table
from env.time_grid import days_between, grid
from planner.forecasts.price_forecast import NEEDED_DAYS, PriceForecaster
from tests.builders.fleets import as_imported, fleet_homes, fleet_rows, fleet_settings, home_rows

AT = datetime(2026, 3, 20, 11, 7, tzinfo=UTC)
TODAY, FIRST = date(2026, 3, 20), date(2025, 11, 20)
SWEDEN, FINLAND = Market("SE3", "SEK", "Europe/Stockholm"), Market("FI", "EUR", "Europe/Helsinki")
Reads = list[tuple[str, date]]


@pytest.fixture
def homes() -> FleetHomes:
    return fleet_homes(fleet_settings(1), fleet_rows(4, areas=("SE3", "FI")))


@pytest.fixture
def lake(homes: FleetHomes, tmp_path: Path) -> BucketLake:
    return fleet_lake(homes.fleet, tmp_path)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    """Days of tables that are read."""
    seen: Reads = []
    real = BucketLake.read_days

    def counted(
        self: BucketLake, table: Table, bucket: int, days: Sequence[date], *, sites: Sequence[str] | None = None
    ) -> pl.DataFrame:
        seen.extend((table.name, day) for day in days)
        return real(self, table, bucket, days, sites=sites)

    monkeypatch.setattr(BucketLake, "read_days", counted)
    return seen


def prices_of(site: str, timezone: str, first: date, last: date) -> pl.DataFrame:
    return as_imported(RAW_SPOT_PRICES, home_rows(site, timezone, first, last, seed=0)[0])


def write(lake: BucketLake, rows: pl.DataFrame, table: Table = RAW_SPOT_PRICES) -> None:
    lake.replace_sites(table, 0, rows["local_day"].unique(), rows, rows["site"].unique().to_list())


def test_prices_are_those_of_the_home_that_has_most_of_a_day(lake: BucketLake, homes: FleetHomes) -> None:
    young, old = "home000", "home002"  # of Sweden
    write(lake, prices_of(old, SWEDEN.timezone, FIRST, TODAY))
    write(lake, prices_of(young, SWEDEN.timezone, TODAY - timedelta(days=2), TODAY).gather_every(2))
    write(lake, prices_of("home001", FINLAND.timezone, TODAY - timedelta(days=9), TODAY))
    found = area_prices(lake, homes, AT)
    assert set(found) == {SWEDEN, FINLAND}
    assert (found[FINLAND].recent.height, found[FINLAND].fits) == (9 * 96, {})
    own, whole = found[SWEDEN], lake.read(RAW_SPOT_PRICES, 0, sites=[old]).select("slot_start", "price")
    starts = grid(TODAY - timedelta(days=NEEDED_DAYS), TODAY - timedelta(days=1), SWEDEN.timezone)["slot_start"]
    assert own.recent.equals(whole.filter(pl.col("slot_start").is_in(starts.implode())))
    published = whole.filter(pl.col("slot_start") > starts[-1])
    paths = own.forecaster(published, SWEDEN.timezone).paths(TODAY)
    expected = PriceForecaster(whole, SWEDEN.timezone).paths(TODAY)
    assert paths is not None
    assert expected is not None
    assert paths.tobytes() == expected.tobytes()
    assert area_prices(lake, homes, AT, site="home001").keys() == {FINLAND}


def test_a_repaired_day_is_taken_before_the_imported_one(lake: BucketLake, homes: FleetHomes) -> None:
    write(lake, prices_of("home000", SWEDEN.timezone, FIRST, TODAY))
    day = TODAY - timedelta(days=3)
    own = prices_of("home000", SWEDEN.timezone, day, day)
    repaired = own.with_columns(price=pl.lit(7.5), repaired=pl.lit(value=True))
    write(lake, as_imported(SPOT_PRICES, repaired), SPOT_PRICES)
    recent = area_prices(lake, homes, AT)[SWEDEN].recent
    assert recent.filter(pl.col("price") == 7.5).height == 96


def test_older_prices_are_read_once_a_month_and_missing_ones_once_a_day(
    lake: BucketLake, homes: FleetHomes, reads: Reads
) -> None:
    write(lake, prices_of("home000", SWEDEN.timezone, FIRST + timedelta(days=5), TODAY))
    write(lake, prices_of("home001", FINLAND.timezone, FIRST, TODAY))
    old = [*days_between(FIRST, TODAY - timedelta(days=NEEDED_DAYS + 1))]

    def older(at: datetime) -> list[date]:
        reads.clear()
        area_prices(lake, homes, at, site="home000")
        return sorted({day for _, day in reads if day in old})

    assert older(AT) == old
    assert older(AT + timedelta(minutes=15)) == []
    assert older(AT + timedelta(days=1)) == old[:5]  # that Finland alone has
    write(lake, prices_of("home000", SWEDEN.timezone, FIRST, FIRST))
    assert older(AT + timedelta(days=1, minutes=15)) == []
    assert older(AT + timedelta(days=2)) == old[:5]
    assert older(AT + timedelta(days=3)) == old[1:5]
    assert older(AT + timedelta(days=13)) == old  # another month
    area_prices(lake, homes, AT + timedelta(days=400), site="home000")  # somebody tries a moment to come
    assert older(AT + timedelta(days=13)) == old
    area_prices(lake, homes, AT + timedelta(days=15), site="home000")
    assert older(AT + timedelta(days=13)) == old[1:5]


def test_an_earlier_moment_sees_no_later_prices(lake: BucketLake, homes: FleetHomes) -> None:
    write(lake, prices_of("home000", SWEDEN.timezone, FIRST, TODAY))
    before = AT - timedelta(days=12)
    first = area_prices(lake, homes, before)[SWEDEN]
    area_prices(lake, homes, AT)
    again = area_prices(lake, homes, before)[SWEDEN]
    assert again.recent.equals(first.recent)
    assert {month: fit.weights.tobytes() for month, fit in again.fits.items()} == {
        month: fit.weights.tobytes() for month, fit in first.fits.items()
    }


def test_damaged_prices_leave_the_market_without_a_forecast_and_damaged_kept_ones_are_read_again(
    lake: BucketLake, homes: FleetHomes, caplog: pytest.LogCaptureFixture
) -> None:
    write(lake, prices_of("home000", SWEDEN.timezone, FIRST, TODAY))
    fits = area_prices(lake, homes, AT, site="home000")[SWEDEN].fits
    lake.store.put(SWEDEN.key, b"half of a file")
    assert area_prices(lake, homes, AT, site="home000")[SWEDEN].fits.keys() == fits.keys()
    assert "is damaged and made anew" in caplog.text
    lake.store.put(object_key(RAW_SPOT_PRICES, 0, TODAY - timedelta(days=1)), b"half of a file")
    assert area_prices(lake, homes, AT) == {}
    assert "are not forecast" in caplog.text
