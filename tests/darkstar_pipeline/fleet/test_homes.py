"""Homes of a fleet as a mapping: settings are made when they are asked for, and once for homes that are alike."""

import pickle
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.backfill import run_backfill
from darkstar_pipeline.config.fleet.columns import HOMES_SCHEMA
from darkstar_pipeline.config.fleet.rows import row_settings
from darkstar_pipeline.config.fleet.settings import FleetSettings
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.context import open_context
from darkstar_pipeline.doctor.finding import Verdict
from darkstar_pipeline.doctor.fleet.homes import check_fleet
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.fleet.homes import FleetHomes
from darkstar_pipeline.fleet.homes_file import change_homes, homes_path, open_homes
from darkstar_pipeline.fleet.selection import page_of
from darkstar_pipeline.warehouse.buckets.bucket_lake import HomeTables
from darkstar_pipeline.warehouse.buckets.object_names import bucket_of
from darkstar_pipeline.warehouse.lake import Lake

FLEET = FleetSettings.model_validate({"buckets": 4, "tariffs": {"villa": [{"transfer_fee": 0.3}]}})


def homes_of(*rows: dict[str, object]) -> FleetHomes:
    """Homes with these cells."""
    return FleetHomes(FLEET, pl.DataFrame([{"tenant": "default", **row} for row in rows], schema=HOMES_SCHEMA))


THREE = homes_of(
    {"site": "c", "capacity_kwh": 10.0}, {"site": "a", "capacity_kwh": 10.0}, {"site": "b", "tariff": "villa"}
)


def test_homes_are_a_mapping_in_order_of_names() -> None:
    assert list(THREE) == THREE.names == ["a", "b", "c"]
    assert len(THREE) == 3
    assert "b" in THREE
    assert "bb" not in THREE
    assert "z" not in THREE
    with pytest.raises(KeyError, match="bb"):
        THREE["bb"]


def test_settings_are_those_of_the_row_and_made_once_for_rows_alike() -> None:
    assert THREE["b"] == row_settings(FLEET, {"tariff": "villa"})
    assert THREE["a"] is THREE["c"]


def test_buckets_share_the_homes_out() -> None:
    parts = [THREE.in_bucket(bucket) for bucket in range(4)]
    assert sorted(name for part in parts for name in part) == THREE.names
    assert all(bucket_of(name, 4) == bucket for bucket, part in enumerate(parts) for name in part)


def test_homes_of_a_tenant_have_no_other() -> None:
    homes = homes_of({"site": "a", "tenant": "anna"}, {"site": "b", "tenant": "bo"})
    assert homes.of_tenant("anna").names == ["a"]
    assert homes.tenant("b") == "bo"


def test_homes_can_be_sent_to_another_process() -> None:
    sent = pickle.loads(pickle.dumps(THREE))  # noqa: S301 - our own bytes
    assert sent.names == THREE.names
    assert sent["b"] == THREE["b"]


def test_pages_follow_each_other_without_gap() -> None:
    names: list[str] = []
    after = None
    while True:
        page = page_of(THREE, after=after, limit=2)
        names += page.rows["site"].to_list()
        assert page.matching == 3
        if (after := page.next_after) is None:
            break
    assert names == THREE.names


def test_page_keeps_to_its_conditions() -> None:
    assert page_of(THREE, tariff="villa", limit=9).rows["site"].to_list() == ["b"]
    assert page_of(THREE, area="SE3", like="c", limit=9).rows["site"].to_list() == ["c"]
    assert page_of(THREE, area="SE4", limit=9).matching == 0


def test_row_that_no_longer_fits_the_configuration_is_an_error_with_its_home() -> None:
    homes = homes_of({"site": "a", "tariff": "gone"}, {"site": "b", "charge_kw": 5000.0})
    with pytest.raises(ConfigurationError, match=r"home a of the fleet: 'gone' is not under fleet\.tariffs"):
        homes["a"]
    with pytest.raises(ConfigurationError, match=r"home b of the fleet: battery: 5000 kW would fill"):
        homes["b"]


def test_context_of_a_fleets_home_has_its_tables_and_stands_among_the_sites(tmp_path: Path) -> None:
    settings = Settings(sites={"own": SiteSettings()}, fleet=FLEET)
    change_homes(tmp_path, lambda _: THREE.rows)
    context = open_context("b", settings=settings, home=tmp_path)
    again = open_context("b", settings=context.settings, home=tmp_path)
    own = open_context("own", settings=context.settings, home=tmp_path)

    assert context.site_settings == context.settings.sites["b"] == THREE["b"]
    assert isinstance(context.lake, HomeTables)
    assert isinstance(again.lake, HomeTables)
    assert isinstance(own.lake, Lake)
    with pytest.raises(ConfigurationError, match="neither under sites nor among the fleet's 3 homes"):
        open_context("z", settings=settings, home=tmp_path)
    with pytest.raises(ConfigurationError, match="is a home of the fleet, whose days are backfilled by the bucket"):
        run_backfill(context, date(2026, 3, 1), date(2026, 3, 2))


def test_doctor_finds_rows_that_no_longer_fit(tmp_path: Path) -> None:
    settings = Settings(fleet=FLEET)
    assert check_fleet(settings, tmp_path)[0].verdict is Verdict.WARN
    change_homes(tmp_path, lambda _: THREE.rows)
    assert check_fleet(settings, tmp_path)[0].detail == "3 homes in 4 buckets"
    found = check_fleet(Settings(fleet=FleetSettings(buckets=4)), tmp_path)[0]
    assert found.verdict is Verdict.FAIL
    assert "b, tariff: 'villa' is not under fleet.tariffs" in found.detail
    assert check_fleet(Settings(), tmp_path) == []


def test_a_name_under_sites_and_in_the_fleet_is_refused_for_the_site_and_told_by_the_fleet(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    change_homes(tmp_path, lambda _: THREE.rows)
    settings = Settings(fleet=FLEET, sites={"b": SiteSettings(), "cabin": SiteSettings()}, default_site="b")
    for named in ("b", None):
        with pytest.raises(
            ConfigurationError, match=r"b stands under sites .* and among the homes of the fleet"
        ) as told:
            open_context(named, settings=settings, home=tmp_path)
        assert "take its section out of darkstar.yaml" in told.value.hint
    assert open_context("cabin", settings=settings, home=tmp_path).site_name == "cabin"
    assert open_context("a", settings=settings, home=tmp_path).settings.is_of_fleet("a")
    for _ in range(2):
        assert open_homes(settings, tmp_path).names == THREE.names
    assert [each.message for each in caplog.records if "goes by its row" in each.message] == [
        "b stands under sites of darkstar.yaml and among the homes of the fleet, whose tables are others; "
        "the fleet goes by its row"
    ]
    names, rows = check_fleet(settings, tmp_path)
    assert (names.verdict, rows.verdict) == (Verdict.FAIL, Verdict.OK)
    assert names.detail.startswith("b: under sites")


def test_a_site_beside_a_fleet_whose_file_is_damaged_is_opened_and_the_file_named_by_the_fleet(tmp_path: Path) -> None:
    change_homes(tmp_path, lambda _: THREE.rows)
    path = homes_path(tmp_path)
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)
    settings = Settings(fleet=FLEET, sites={"cabin": SiteSettings()})
    assert open_context(settings=settings, home=tmp_path).site_name == "cabin"
    with pytest.raises(ConfigurationError, match=r"homes\.parquet cannot be read") as told:
        open_homes(settings, tmp_path)
    assert "restore it from a backup" in told.value.hint
