"""Idle and oracle on days of measured homes, against the figures of an independent program (shared/data/README)."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from env.time_grid import grid
from planner.evaluation.daily_results import daily_results
from planner.replay.daily import replay_days
from planner.value.protocol import Protocol
from tests.builders.homes import DEFAULT_BATTERY, STOCKHOLM, home

DAYS = (date(2025, 10, 26), date(2025, 12, 10), date(2026, 3, 29), date(2026, 6, 21))
PROTOCOL = Protocol(start_soc_kwh=DEFAULT_BATTERY.soc_kwh(50))

# SEK of each day: idle, oracle
PUBLISHED = {
    ("fontana_B02", "SE3"): [(13.4765, 10.9998), (24.6204, 21.7687), (16.0485, 9.0839), (51.8761, 36.5314)],
    ("fontana_B02", "SE4"): [(13.9489, 11.0085), (24.8315, 21.9615), (19.7317, 5.7769), (69.5324, 34.2303)],
    ("emhass_fr", "SE3"): [(6.2409, 1.6886), (28.5607, 25.7169), (5.2629, -1.0769), (17.8149, 15.3353)],
    ("emhass_fr", "SE4"): [(6.4278, 1.6821), (28.7973, 26.0101), (6.8411, -4.6668), (20.2689, 5.2818)],
    ("trondheim_2020", "SE3"): [(64.3906, 60.05), (135.8036, 134.0176), (116.7617, 111.6361), (68.5783, 54.9401)],
    ("trondheim_2020", "SE4"): [(65.6088, 60.2688), (137.9769, 136.3849), (138.7743, 118.4328), (85.6382, 52.8368)],
}


@pytest.fixture(scope="module")
def measured(shared_data: Path) -> pl.DataFrame:
    """`home, area, slot_start, local_day, price, load_kwh, pv_kwh` of the published days; no panels, no PV."""
    slots = pl.concat(grid(day, day, STOCKHOLM) for day in DAYS)
    homes = pl.read_parquet(shared_data / "bench" / "homes_2025_10_to_2026_08.parquet")
    prices = pl.read_parquet(shared_data / "spot_prices_se.parquet").select("area", "slot_start", price="sek_per_kwh")
    return (
        slots.join(homes.select("home", "slot_start", "load_kwh", "pv_kwh"), on="slot_start")
        .join(prices, on="slot_start")
        .with_columns(pl.col("price").cast(pl.Float64), pl.col("load_kwh", "pv_kwh").cast(pl.Float64))
        .with_columns(pl.col("pv_kwh").fill_null(0.0))
    )


@pytest.mark.parametrize(("name", "area"), PUBLISHED)
def test_costs_are_those_published_when_days_are_measured(measured: pl.DataFrame, name: str, area: str) -> None:
    """92, 96 and 100 slots; each figure to its last place."""
    site = home()
    own = measured.filter((pl.col("home") == name) & (pl.col("area") == area)).sort("slot_start")
    slots = site.tariff.with_prices(own, STOCKHOLM)
    assert [part.height for part in slots.partition_by("local_day", maintain_order=True)] == [100, 96, 92, 96]
    forecasts = slots.select("slot_start", "local_day", "load_kwh", "pv_kwh").clear()
    costs = [
        daily_results(replay_days(policy, slots, forecasts, site, PROTOCOL), PROTOCOL, site).sort("day")["cost"]
        for policy in ("idle", "oracle")
    ]
    assert list(zip(*costs, strict=True)) == [pytest.approx(pair, abs=6e-5) for pair in PUBLISHED[name, area]]
