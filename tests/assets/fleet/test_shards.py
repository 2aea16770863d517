"""A fleet's days from raw readings to results, equal to those of its homes alone."""

import shutil
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from assets.fleet.backfill import FleetReport, backfill_fleet, cut_days, fleet_shards
from assets.fleet.homes import Homes
from assets.fleet.outcomes import work_out
from assets.fleet.replays import hindsight
from assets.fleet.shards import FleetShard
from darkstar_pipeline.backfill import run_backfill
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.errors import ConfigurationError, OutsideServiceError
from darkstar_pipeline.evaluation.fleet_verdict import fleet_verdict
from darkstar_pipeline.fleet.homes_file import change_homes, fleet_of, open_homes
from darkstar_pipeline.fleet.lake import fleet_lake
from darkstar_pipeline.models.fleet.classes import class_of
from darkstar_pipeline.models.fleet.store import fleet_models
from darkstar_pipeline.warehouse.buckets.object_names import object_key
from darkstar_pipeline.warehouse.buckets.object_store import FolderStore
from darkstar_pipeline.warehouse.buckets.stored_objects import StoredObject
from darkstar_pipeline.warehouse.schemas import (
    DATA_QUALITY_DAILY,
    METER_READINGS,
    ORACLE_DAILY_RESULTS,
    ORACLE_SCHEDULES,
    POLICY_DAILY_RESULTS,
    POLICY_SCHEDULES,
    PRICE_REPAIRS,
    RAW_SPOT_PRICES,
    SLOT_FORECASTS,
    SLOT_OBSERVATIONS,
    SPOT_PRICES,
    TRAINING_EPISODES,
)
from env.time_grid import days_between
from planner.errors import PolicyMismatchError, SolverError
from tests.builders.fleet_homes import fill_fleet, fleet_settings, home_rows, imported_prices, imported_readings
from tests.builders.fleet_models import pooled_bundle, put_into_use

FIRST, LAST = date(2025, 10, 25), date(2025, 10, 27)  # the day with 100 slots between
DAYS = list(days_between(FIRST, LAST))
IMPORTED = list(days_between(date(2025, 10, 15), LAST))
MADE = (
    SPOT_PRICES,
    PRICE_REPAIRS,
    SLOT_OBSERVATIONS,
    DATA_QUALITY_DAILY,
    SLOT_FORECASTS,
    ORACLE_SCHEDULES,
    ORACLE_DAILY_RESULTS,
    POLICY_SCHEDULES,
    POLICY_DAILY_RESULTS,
    TRAINING_EPISODES,
)
ASSETS = ",".join(table.name for table in MADE if table is not PRICE_REPAIRS)
HOMES = {
    "home-1": {},
    "home-2": {"capacity_kwh": 10.0, "charge_kw": 5.0, "discharge_kw": 5.0, "import_kw": 11.0},
    "home-3": {"capacity_kwh": 5.0, "charge_kw": 2.5, "discharge_kw": 2.5, "export_kw": 0.0, "curtailable": True},
    "dark-4": {},
}


def backfilled(settings: Settings, state: Path) -> FleetReport:
    return backfill_fleet(fleet_shards(settings, state, FIRST, LAST))


def alone(settings: Settings, state: Path, site: str) -> Context:
    """The home of a configuration of its own, with the same imports."""
    context = open_context(site, settings=settings, home=state)
    context.lake.write_days(RAW_SPOT_PRICES, site, IMPORTED, imported_prices(site, IMPORTED))
    context.lake.write_days(METER_READINGS, site, IMPORTED, imported_readings(site, IMPORTED))
    return context


@pytest.mark.slow
@pytest.mark.parametrize("charged", [False, pytest.param(True, marks=pytest.mark.thorough)], ids=["plain", "charged"])
def test_home_of_a_fleet_has_the_rows_that_its_own_backfill_gives(tmp_path: Path, *, charged: bool) -> None:
    power = [{"price_per_kw": 60.0}] if charged else []
    settings, state = fleet_settings(tariffs={"fees": [{"power": power}]}), tmp_path / "fleet"
    fill_fleet(settings, state, {name: {**home, "tariff": "fees"} for name, home in HOMES.items()}, DAYS)
    report = backfilled(settings, state)
    assert (report.homes, report.home_days, report.usable_days, report.left_out) == (4, 12, 12, ())
    homes, lake, name = open_homes(settings, state), fleet_lake(fleet_of(settings), state), "home-2"
    context = alone(Settings(sites={name: homes[name]}), tmp_path / "alone", name)
    run_backfill(context, FIRST, LAST, select=ASSETS)
    for table in MADE:
        theirs = lake.read(table, lake.bucket(name), FIRST, LAST, sites=[name])
        assert theirs.equals(context.lake.read(table, name, FIRST, LAST)), table.name
        assert theirs.height > 0 or table is PRICE_REPAIRS


def test_homes_that_cannot_be_worked_on_are_left_out_with_the_reason_and_others_go_on(tmp_path: Path) -> None:
    settings, state = fleet_settings(buckets=1), tmp_path / "fleet"
    fill_fleet(settings, state, {"good": {}, "odd": {"tariff": "nowhere"}, "new": {}}, DAYS)
    lake = fleet_lake(fleet_of(settings), state)
    lake.replace_sites(METER_READINGS, 0, IMPORTED, imported_readings("new", IMPORTED).clear(), ["new"])
    report = backfill_fleet(fleet_shards(settings, state, FIRST, FIRST))
    assert (report.homes, report.home_days, report.usable_days) == (1, 1, 1)
    reasons = {each.site: each.reason for each in report.left_out}
    assert set(reasons) == {"odd", "new"}
    assert "nowhere" in reasons["odd"]
    assert reasons["new"] == f"no readings from {FIRST} to {FIRST}"
    assert lake.read(POLICY_DAILY_RESULTS, 0, FIRST, FIRST)["site"].unique().to_list() == ["good"]


def test_rows_of_a_home_that_is_left_out_later_stay_and_are_told_and_not_judged(tmp_path: Path) -> None:
    settings, state = fleet_settings(buckets=1), tmp_path / "fleet"
    fill_fleet(settings, state, {"good": {}, "late": {}}, DAYS)
    lake = fleet_lake(fleet_of(settings), state)
    backfill_fleet(fleet_shards(settings, state, FIRST, FIRST))
    before = {table: lake.read(table, 0, FIRST, FIRST) for table in MADE}
    lake.replace_sites(METER_READINGS, 0, IMPORTED, imported_readings("late", IMPORTED).clear(), ["late"])
    (shard,) = fleet_shards(settings, state, FIRST, FIRST)
    outcome = work_out(shard)
    assert outcome.report is not None
    assert [(each.site, each.kept_days) for each in outcome.report.left_out] == [("late", 1)]
    assert all(lake.read(table, 0, FIRST, FIRST).equals(rows) for table, rows in before.items())
    assert outcome.grades["homes"].sum() == 1
    assert set(outcome.costs["homes"]) == {1}
    assert set(outcome.worst["site"]) == {"good"}
    assert lake.days_done(POLICY_SCHEDULES, "late") == [FIRST]


def test_damaged_object_leaves_its_bucket_out_and_others_go_on(tmp_path: Path) -> None:
    settings, state = fleet_settings(buckets=2), tmp_path / "fleet"
    fill_fleet(settings, state, {f"home-{number}": {} for number in range(4)}, DAYS)
    homes, lake = open_homes(settings, state), fleet_lake(fleet_of(settings), state)
    read, made_anew = object_key(METER_READINGS, 0, FIRST), object_key(SPOT_PRICES, 1, FIRST)
    for key in (read, made_anew):
        lake.store.put(key, b"PAR1 damaged")
    report = backfill_fleet(fleet_shards(settings, state, FIRST, FIRST))
    assert {each.site for each in report.left_out} == set(homes.in_bucket(0).names)
    assert all(read in each.reason for each in report.left_out)
    assert lake.store.get(object_key(POLICY_DAILY_RESULTS, 0, FIRST)) is None
    assert report.homes == len(homes.in_bucket(1)) > 0
    assert report.damaged


def test_home_that_fails_is_found_among_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(homes: Homes, *frames: object) -> pl.DataFrame:
        if "bad" in homes.names:
            message = "its solver gave up"
            raise SolverError(message)
        return hindsight(homes, *frames)  # pyright: ignore[reportArgumentType] - as they came

    monkeypatch.setattr("assets.fleet.shards.hindsight", failing)
    settings, state = fleet_settings(buckets=1), tmp_path / "fleet"
    fill_fleet(settings, state, {"a": {}, "bad": {}, "c": {}}, [FIRST])
    report = backfill_fleet(fleet_shards(settings, state, FIRST, FIRST))
    assert [(each.site, each.reason) for each in report.left_out] == [("bad", "its solver gave up")]
    assert report.home_days == 2


def test_one_home_is_replaced_and_the_others_rows_stay(tmp_path: Path) -> None:
    settings, state = fleet_settings(buckets=1), tmp_path / "fleet"
    fill_fleet(settings, state, {"a": {}, "b": {}}, [FIRST])
    lake = fleet_lake(fleet_of(settings), state)
    for site in ("a", "b"):
        backfill_fleet(fleet_shards(settings, state, FIRST, FIRST, site=site))
    apart = lake.read(POLICY_SCHEDULES, 0, FIRST, FIRST)
    backfill_fleet(fleet_shards(settings, state, FIRST, FIRST))
    assert lake.read(POLICY_SCHEDULES, 0, FIRST, FIRST).equals(apart)


def test_days_are_cut_by_the_number_of_homes_and_at_months_where_power_is_charged(tmp_path: Path) -> None:
    charged = [{"power": [{"price_per_kw": 60.0}]}]
    settings = fleet_settings(buckets=1, tariffs={"charged": charged})
    homes = {f"home-{number}": {} for number in range(300)}
    change_homes(tmp_path, lambda _: home_rows(homes))
    plain = open_homes(settings, tmp_path)
    assert cut_days(plain, date(2026, 1, 30), date(2026, 2, 4)) == [
        (date(2026, 1, 30), date(2026, 2, 1)),
        (date(2026, 2, 2), date(2026, 2, 4)),
    ]
    change_homes(tmp_path, lambda _: home_rows({**homes, "home-0": {"tariff": "charged"}}))
    assert cut_days(open_homes(settings, tmp_path), date(2026, 1, 30), date(2026, 2, 4)) == [
        (date(2026, 1, 30), date(2026, 1, 31)),
        (date(2026, 2, 1), date(2026, 2, 4)),
    ]


def test_fleet_without_homes_or_the_one_asked_for_is_refused(tmp_path: Path) -> None:
    settings = fleet_settings()
    with pytest.raises(ConfigurationError, match="no homes"):
        fleet_shards(settings, tmp_path, FIRST, FIRST)
    change_homes(tmp_path, lambda _: home_rows({"a": {}}))
    with pytest.raises(ConfigurationError, match="no home 'b'"):
        fleet_shards(settings, tmp_path, FIRST, FIRST, site="b")
    with pytest.raises(ConfigurationError, match="no bucket 7"):
        fleet_shards(settings, tmp_path, FIRST, FIRST, bucket=7)


def test_a_champion_is_replayed_where_it_is_named_and_value_stands_for_one_that_is_not_there(tmp_path: Path) -> None:
    policies = ["idle", "value", "champion"]
    settings = fleet_settings(buckets=1, defaults={"first_day": "2025-01-01", "policies": policies})
    state = tmp_path / "fleet"
    fill_fleet(settings, state, {"fast": {"capacity_kwh": 5.0, "charge_kw": 5.0}, "slow": {"charge_kw": 1.0}}, DAYS)
    homes, lake = open_homes(settings, state), fleet_lake(fleet_of(settings), state)
    put_into_use(settings, state, class_of(homes["fast"]), pooled_bundle(tmp_path / "made", {}))
    report = backfill_fleet(fleet_shards(settings, state, FIRST, FIRST))
    assert not report.left_out
    results = lake.read(POLICY_DAILY_RESULTS, 0, FIRST, FIRST)
    cost = {(row["site"], row["policy"]): row["cost"] for row in results.iter_rows(named=True)}
    assert cost["slow", "champion"] == cost["slow", "value"]
    assert cost["fast", "champion"] != cost["fast", "value"]
    models = results.drop_nulls("model").select("site", "policy").rows()
    assert models == [("fast", "champion")]
    totals = fleet_verdict(homes, lake, FIRST, FIRST, most_worst=0).totals
    assert set(totals["policy"]) == {"idle", "value", "champion", "oracle"}
    champion = totals.row(by_predicate=pl.col("policy") == "champion", named=True)
    assert champion["cost"] == pytest.approx(cost["slow", "value"] + cost["fast", "champion"])


def champion_fleet(state: Path, tariff: str = "") -> tuple[Settings, FleetShard]:
    """A home with a version in use, and its shard."""
    settings = fleet_settings(buckets=1, defaults={"first_day": "2025-01-01", "policies": ["idle", "champion"]})
    fill_fleet(settings, state, {"home": {}}, [FIRST])
    name = class_of(open_homes(settings, state)["home"])
    put_into_use(settings, state, name, pooled_bundle(state / "made", {}, tariff=tariff))
    shutil.rmtree(fleet_models(settings, state).cache)  # as on a machine that has not opened it yet
    (shard,) = fleet_shards(settings, state, FIRST, FIRST)
    return settings, shard


@pytest.mark.parametrize("fault", ["another state", "another tariff"])
def test_value_stands_for_a_champion_that_does_not_fit_and_the_report_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    def refuse(*_args: object, **_named: object) -> None:
        message = "made for another state"
        raise PolicyMismatchError(message)

    if fault == "another state":
        monkeypatch.setattr("planner.policies.learned_days.check_state", refuse)
    settings, shard = champion_fleet(tmp_path, tariff="" if fault == "another state" else "of the neighbours")
    with caplog.at_level("WARNING"):
        report = backfill_fleet([shard])
    assert not report.left_out
    results = fleet_lake(fleet_of(settings), tmp_path).read(POLICY_DAILY_RESULTS, 0, FIRST, FIRST)
    assert results.select("policy", "model").rows() == [("champion", None), ("idle", None)]
    (told,) = report.passed_over
    assert (told.site, told.first, told.last) == ("home", FIRST, FIRST)
    assert fault in told.reason
    assert f"the champion of 1 home cannot be replayed, value stands for it: {told.reason}" in caplog.text


@pytest.mark.parametrize("place", ["models/pointer", "models/bundles"])
def test_a_store_that_fails_fails_the_shard_and_is_no_unreadable_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    settings, shard = champion_fleet(tmp_path)
    get = FolderStore.get

    def failing(store: FolderStore, key: str) -> StoredObject | None:
        if key.startswith(place):
            message = f"the lake failed at {key}: 500"
            raise OutsideServiceError(message)
        return get(store, key)

    monkeypatch.setattr(FolderStore, "get", failing)
    outcome = work_out(shard)  # raised by the shard, and in Dagster the failure of its bucket alone
    assert outcome.report is None
    assert outcome.failure.startswith(f"the lake failed at {place}")
    assert fleet_lake(fleet_of(settings), tmp_path).read(POLICY_DAILY_RESULTS, 0, FIRST, FIRST).is_empty()


def test_home_is_left_out_where_this_machine_cannot_keep_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    _, shard = champion_fleet(tmp_path)
    monkeypatch.setattr("darkstar_pipeline.models.fleet.store.make_folder", full)
    (left,) = backfill_fleet([shard]).left_out
    assert "No space left" in left.reason
