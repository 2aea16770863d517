"""One home, under `sites` of a file and as a row of a table: the same bytes of every table, from raw to results.

Imports and backfill go the way of a single home there and of a fleet here, over the spring clock change.
"""

import io
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from assets.fleet.backfill import backfill_fleet, fleet_shards
from darkstar_pipeline.backfill import run_backfill
from darkstar_pipeline.config.settings import load_settings
from darkstar_pipeline.context import open_context
from darkstar_pipeline.fleet.homes_file import fleet_of, open_homes
from darkstar_pipeline.fleet.lake import fleet_lake
from darkstar_pipeline.ingest.fleet.homes import import_homes
from darkstar_pipeline.ingest.fleet.prices import import_prices
from darkstar_pipeline.ingest.fleet.readings import import_readings
from darkstar_pipeline.ingest.imports import OBSERVATIONS, PRICES, import_tidy_file
from darkstar_pipeline.ingest.target import ImportTarget
from darkstar_pipeline.models.fleet.classes import class_of
from darkstar_pipeline.models.promotion import promote
from darkstar_pipeline.models.version import RegisteredModel
from darkstar_pipeline.sample.fleet.areas import AREAS
from darkstar_pipeline.sample.fleet.homes import home_name
from darkstar_pipeline.sample.fleet.series import area_prices, area_slots, home_series
from darkstar_pipeline.warehouse.schemas import (
    IMPORT_PROVENANCE,
    MODEL_PROMOTIONS,
    POLICY_SCHEDULES,
    RAW_SPOT_PRICES,
    TABLES,
)
from planner.policies.adapted_policy import Adaptation
from planner.value.scenario_weights import WeightRules
from tests.builders.fleet_models import pooled_bundle, put_into_use

SITE, NOW = "villa", datetime(2026, 4, 2, tzinfo=UTC)
IMPORTED = date(2026, 3, 24)
FIRST, LAST = date(2026, 3, 28), date(2026, 3, 29)
FILE = """
sites:
  villa:
    area: SE4
    has_pv: true
    battery: {capacity_kwh: 13.5, charge_kw: 5, discharge_kw: 5, min_soc_percent: 10}
    limits: {import_kw: 17.3}
    forecast: {panels_kw: 8}
    tariff:
    - {transfer_fee: 0.2, time_of_use: [{weekdays: [6, 7], transfer_fee: 0.05}]}
    policies: [idle, champion]
"""
FLEET = """
fleet:
  buckets: 2
  defaults:
    battery: {min_soc_percent: 10}
    policies: [idle, champion]
  tariffs:
    hours:
    - {transfer_fee: 0.2, time_of_use: [{weekdays: [6, 7], transfer_fee: 0.05}]}
"""
ROW = """site,area,has_pv,capacity_kwh,charge_kw,discharge_kw,import_kw,panels_kw,tariff
villa,SE4,true,13.5,5,5,17.3,8,hours
other,SE3,,5,2.5,2.5,,,
"""
MADE = (
    "spot_prices,slot_observations,data_quality_daily,slot_forecasts,oracle_schedules,oracle_daily_results,"
    "policy_schedules,policy_daily_results,training_episodes"
)


def files_in(folder: Path) -> tuple[Path, Path]:
    """Readings and prices of the home, the latter with some below zero."""
    slots = area_slots(AREAS[1], IMPORTED, 7)
    row = pl.DataFrame({"site": [home_name(7)], "has_pv": [True], "panels_kw": [8.0]})
    load, pv = home_series(AREAS[1], slots, row, 0)
    prices = area_prices(AREAS[1], slots, 0)
    assert prices.min() < 0
    readings = slots.select(pl.lit(SITE).alias("site"), "slot_start").with_columns(
        pl.Series("load_kwh", load[0]), pl.Series("pv_kwh", pv[0])
    )
    spot = slots.select("slot_start", pl.lit("SE4").alias("area")).with_columns(pl.Series("price", prices))
    for frame, name in ((readings, "readings.csv"), (spot, "spot.csv")):
        frame.write_csv(folder / name, datetime_format="%Y-%m-%dT%H:%M:%SZ")
    return folder / "readings.csv", folder / "spot.csv"


def as_bytes(rows: pl.DataFrame) -> bytes:
    """The rows as a Parquet file."""
    buffer = io.BytesIO()
    rows.write_parquet(buffer)
    return buffer.getvalue()


@pytest.mark.thorough  # two backfills, one of them through Dagster
def test_home_gives_the_same_bytes_from_yaml_and_from_a_row(tmp_path: Path) -> None:
    readings, spot = files_in(tmp_path)
    for name, text in (("home.yaml", FILE), ("fleet.yaml", FLEET), ("homes.csv", ROW)):
        (tmp_path / name).write_text(text)

    own = open_context(SITE, settings=load_settings(tmp_path / "home.yaml"), home=tmp_path / "own")
    folder = RegisteredModel.of(own).version_folder(3)
    folder.parent.mkdir(parents=True)
    pooled_bundle(folder, {SITE: Adaptation(follows=True, share=0.5)}, rules=WeightRules(n_days=9))
    promote(own, 3, actor="me", reason="so", evidence=None, force=True)
    import_tidy_file(OBSERVATIONS, ImportTarget.of(own), readings, now=NOW)
    import_tidy_file(PRICES, ImportTarget.of(own), spot, now=NOW)
    run_backfill(own, FIRST, LAST, select=MADE)

    state, settings = tmp_path / "fleet", load_settings(tmp_path / "fleet.yaml")
    import_homes(settings, state, tmp_path / "homes.csv", quarantine=tmp_path / "q")
    homes, lake = open_homes(settings, state), fleet_lake(fleet_of(settings), state)
    import_readings(homes, lake, readings, quarantine=tmp_path / "q", now=NOW)
    import_prices(homes, lake, spot, quarantine=tmp_path / "q", now=NOW)
    put_into_use(settings, state, class_of(homes[SITE]), folder)  # a pooled version there, the home's own here
    backfill_fleet(fleet_shards(settings, state, FIRST, LAST, site=SITE))

    row = open_context(SITE, settings=settings, home=state)
    assert row.site_settings == own.site_settings
    assert row.site == own.site
    filled: set[str] = set()
    for table in TABLES.values():
        theirs, mine = own.lake.read(table, SITE), row.lake.read(table, SITE)
        if table in (IMPORT_PROVENANCE, MODEL_PROMOTIONS):  # not of a fleet's tidy files, and not of a class's version
            continue
        assert as_bytes(mine) == as_bytes(theirs), table.name
        filled |= {table.name} if theirs.height else set()
    schedules = row.lake.read(POLICY_SCHEDULES, SITE)
    assert set(schedules["policy"]) == {"idle", "champion"}
    assert schedules.filter(pl.col("policy") == "champion")["model"].null_count() == 0
    assert filled >= {RAW_SPOT_PRICES.name, "meter_readings", *MADE.split(",")}
