"""The measured homes and prices: beside the project in `../shared/data`, never inside it."""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from benchmarks.homes.bench_homes import FIRST_DAY, LAST_DAY, ZONE, BenchHomes
from darkstar_pipeline.errors import DataMissingError
from env.time_grid import SLOT_DTYPE, grid, local_day

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
HOMES = SHARED / "bench" / "homes_2025_10_to_2026_08.parquet"
PRICES = SHARED / "spot_prices_se.parquet"
FONTANA = SHARED / "homes" / "fontana_8_homes_hourly_2016_2017.parquet"
FONTANA_SHIFT = timedelta(weeks=470)
"""From a year of August to July to the calendar, as the fontana homes in `HOMES` were moved."""
YEAR = timedelta(weeks=52)
QUARTERS = 4


def present(path: Path) -> Path:
    """Return the path of a file that is there.

    Raises:
        DataMissingError: it is not.
    """
    if not path.exists():
        message = f"{path} is not there"
        raise DataMissingError(message, "put the shared data folder beside the checkout, or use --data shipped")
    return path


@dataclass(frozen=True)
class MeasuredHomes(BenchHomes):
    """Real homes moved by whole weeks onto the real prices of Swedish areas; reading raises `DataMissingError`."""

    description = "measured homes beside the checkout (../shared/data)"
    measured = True
    villa, gaps, no_pv = "fontana_B02", "emhass_fr", "trondheim_2020"
    served = gaps
    pairs = tuple((home, area) for home in (villa, gaps, no_pv) for area in ("SE3", "SE4"))
    every_pair = (
        *pairs,
        *((f"fontana_B0{number}", f"SE{3 + number % 2}") for number in (1, 3, 4, 5, 6, 7, 8)),
        ("si_meter_import_export", "SE4"),
    )
    price_areas = ("SE1", "SE2", "SE3", "SE4")

    def readings(self, home: str) -> pl.DataFrame:
        """See `BenchHomes.readings`."""
        rows = pl.read_parquet(present(HOMES)).filter(pl.col("home") == home)
        if rows.is_empty():
            return _fontana(home)
        return rows.select("slot_start", "load_kwh", "pv_kwh").sort("slot_start")

    def all_prices(self, area: str) -> pl.DataFrame:
        """See `BenchHomes.all_prices`."""
        prices = pl.read_parquet(present(PRICES)).filter(pl.col("area") == area)
        return prices.select(pl.col("slot_start").cast(SLOT_DTYPE), price=pl.col("sek_per_kwh").cast(pl.Float64)).sort(
            "slot_start"
        )

    def pv_forecast(self, home: str) -> pl.DataFrame | None:
        """See `BenchHomes.pv_forecast`; only `emhass_fr` recorded one."""
        if home != self.gaps:
            return None
        rows = pl.read_parquet(present(HOMES)).filter(pl.col("home") == home)
        return rows.select("slot_start", "pv_forecast_kwh")

    def days(self, home: str, split: str, timezone: str) -> list[date]:
        """See `BenchHomes.days`; every fourth ISO week is a test week."""
        calendar = pl.read_parquet(present(HOMES))
        of = home if home in calendar["home"] else self.villa  # the weeks are the same for all
        marked = calendar.filter(pl.col("home") == of).select(local_day(timezone), "split")
        whole = marked.group_by("local_day").agg((pl.col("split") == split).all()).filter(pl.col("split"))
        return whole["local_day"].sort().to_list()


def _fontana(home: str) -> pl.DataFrame:
    """Return a fontana home that is not in `HOMES`, moved onto the calendar as its neighbours there were.

    By whole weeks of the local clock; what lies after its year comes from 52 weeks before; an hour becomes four equal
    slots.
    """
    hours = pl.read_parquet(present(FONTANA)).filter(pl.concat_str(pl.lit("fontana_"), "home") == home)
    hours = hours.select(
        hour=pl.col("ts_local") + FONTANA_SHIFT,
        load_kwh=pl.col("load_kwh") / QUARTERS,
        pv_kwh=pl.col("pv_kwh") / QUARTERS,
    )
    again = hours.with_columns(pl.col("hour") + YEAR).filter(pl.col("hour") > hours["hour"].max())
    clock = pl.col("slot_start").dt.convert_time_zone(ZONE).dt.replace_time_zone(None).dt.truncate("1h")
    calendar = grid(FIRST_DAY, LAST_DAY, ZONE).select("slot_start", hour=clock.cast(hours.schema["hour"]))
    joined = calendar.join(pl.concat([hours, again]), on="hour", how="left", maintain_order="left")
    return joined.select("slot_start", "load_kwh", "pv_kwh")
