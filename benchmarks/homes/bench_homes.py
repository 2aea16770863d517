"""The measured homes and prices that benchmarks run on: beside the project, never inside it."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl

from darkstar_pipeline.config.planning import ForecastSettings, MpcSettings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.errors import DataMissingError
from env.site import Site
from env.time_grid import grid, local_day
from planner.forecasts.naive import naive_forecasts
from planner.value.protocol import Protocol, WriteBudgetRules

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
HOMES = SHARED / "bench" / "homes_2025_10_to_2026_08.parquet"
PRICES = SHARED / "spot_prices_se.parquet"
PAIRS = tuple((home, area) for home in ("fontana_B02", "emhass_fr", "trondheim_2020") for area in ("SE3", "SE4"))
FIRST_DAY, LAST_DAY = date(2025, 10, 1), date(2026, 8, 21)  # 325 local days


def default_site() -> Site:
    """The home that `darkstar init --yes` describes."""
    return SiteSettings().site("bench")


def _present(path: Path) -> Path:
    if not path.exists():
        message = f"{path} is not there"
        raise DataMissingError(message, "put the shared data folder beside the checkout")
    return path


def bench_readings(home: str) -> pl.DataFrame:
    """Tidy readings of a home: `slot_start, load_kwh, pv_kwh`.

    Raises:
        DataMissingError: the shared data is not there.
    """
    everything = pl.read_parquet(_present(HOMES))
    return everything.filter(pl.col("home") == home).select("slot_start", "load_kwh", "pv_kwh").sort("slot_start")


def bench_history(home: str) -> pl.DataFrame:
    """Readings as a home without gaps in its hardware has them: a home without panels makes 0."""
    readings = bench_readings(home)
    without = readings["pv_kwh"].null_count() == readings.height
    return readings.with_columns(pv_kwh=pl.lit(0.0)) if without else readings


def bench_days(home: str, split: str, timezone: str) -> list[date]:
    """Local days that lie wholly in the `train` or the `test` weeks."""
    marked = pl.read_parquet(_present(HOMES)).filter(pl.col("home") == home).select(local_day(timezone), "split")
    whole = marked.group_by("local_day").agg((pl.col("split") == split).all()).filter(pl.col("split"))
    return whole["local_day"].sort().to_list()


def bench_prices(area: str) -> pl.DataFrame:
    """Tidy spot prices of an area over the bench homes' span: `slot_start, price`."""
    prices = pl.read_parquet(_present(PRICES)).filter(pl.col("area") == area)
    span = grid(FIRST_DAY, LAST_DAY, "Europe/Stockholm")["slot_start"]
    return (
        prices.filter(pl.col("slot_start").is_between(span[0], span[-1]))
        .select("slot_start", pl.col("sek_per_kwh").cast(pl.Float64).alias("price"))
        .sort("slot_start")
    )


def bench_slots(home: str, area: str, site: Site, first: date, last: date) -> pl.DataFrame:
    """Slots of the days with every core reading, priced: what `planner.replay.daily` takes."""
    joined = grid(first, last, site.timezone).join(bench_history(home), on="slot_start", how="left")
    joined = joined.join(bench_prices(area), on="slot_start", how="left").sort("slot_start")
    whole = pl.all_horizontal(pl.col("load_kwh", "pv_kwh", "price").is_not_null()).all().over("local_day")
    priced = site.tariff.with_prices(joined.filter(whole), site.timezone)
    return priced.select("slot_start", "local_day", "import_price", "export_price", "load_kwh", "pv_kwh")


def bench_window(home: str, area: str, site: Site, *, split: str | None = None) -> pl.DataFrame:
    """`bench_slots` of the span without its first and last day; only the `train` or the `test` weeks where asked."""
    slots = bench_slots(home, area, site, FIRST_DAY + timedelta(days=1), LAST_DAY - timedelta(days=1))
    if split is None:
        return slots
    days = pl.Series(bench_days(home, split, site.timezone), dtype=pl.Date)
    return slots.filter(pl.col("local_day").is_in(days.implode()))


def bench_protocol(site: Site) -> Protocol:
    """Days from half full, commands as steady as a new home's."""
    return Protocol(
        start_soc_kwh=site.battery.soc_kwh(50.0), write_budget=WriteBudgetRules(**MpcSettings().model_dump())
    )


def bench_forecasts(home: str, slots: pl.DataFrame, site: Site) -> pl.DataFrame:
    """The naive forecasts of a new home for the days of `slots`."""
    days, averaged = slots["local_day"].unique().sort().to_list(), ForecastSettings()
    return naive_forecasts(
        bench_history(home), days, site.timezone, load_days=averaged.load_days, pv_days=averaged.pv_days
    )
