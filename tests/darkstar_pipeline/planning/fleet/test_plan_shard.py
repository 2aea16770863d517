"""A round of planning: bad homes and bad buckets keep their last plans and stop no others."""

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.config.fingerprints import config_version
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.fleet.homes_file import change_homes, open_homes
from darkstar_pipeline.fleet.lake import fleet_lake
from darkstar_pipeline.models.fleet.classes import homes_by_class
from darkstar_pipeline.models.fleet.moves import rollback_class
from darkstar_pipeline.models.fleet.pointer import POINTER_KEY
from darkstar_pipeline.models.fleet.resolution import is_drawn
from darkstar_pipeline.models.fleet.store import fleet_models
from darkstar_pipeline.planning.fleet import champion_plans, many_plans, plan_shard
from darkstar_pipeline.planning.fleet.plan_rows import decoded_plans, expected_percent, plans_key
from darkstar_pipeline.planning.fleet.plan_shard import shards_of
from darkstar_pipeline.planning.fleet.rounds import PlanningRound, plan_fleet
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.fleet.server import FleetServer
from darkstar_pipeline.warehouse.buckets.object_names import object_key
from darkstar_pipeline.warehouse.schemas import METER_READINGS, ORACLE_DAILY_RESULTS, POLICY_DAILY_RESULTS
from env.simulator import Replay
from env.time_grid import slot_of
from planner.fleet.homes_ahead import HomesAhead
from planner.fleet.learned_plans import LearnedView
from planner.fleet.value_plans import HomesPlans
from planner.policies.adapted_policy import AS_VALUE
from planner.policies.learned_policy import LearnedPolicy
from planner.value.scenario_weights import WeightRules
from tests.builders.fleet_models import FORCED, pooled_bundle, put_into_use
from tests.builders.fleets import PLANNED_AT, planned_fleet
from tests.darkstar_pipeline.service.fleet.conftest import asking

LATER = PLANNED_AT + timedelta(minutes=15)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return planned_fleet(tmp_path)


def rows(settings: Settings, state: Path) -> pl.DataFrame:
    assert settings.fleet is not None
    store = fleet_lake(settings.fleet, state).store
    found = [store.get(plans_key(bucket)) for bucket in range(2)]
    return pl.concat([decoded_plans(each.data) for each in found if each is not None]).sort("site")


def planned(settings: Settings, state: Path) -> PlanningRound:
    return plan_fleet(settings, state, LATER)


def test_a_home_that_cannot_be_planned_keeps_its_last_plan_with_the_reason(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = many_plans.plan_homes

    def refuse_one(homes: HomesAhead) -> HomesPlans:
        if "home002" in homes.names:
            message = "a number that nobody expected"
            raise ValueError(message)
        return real(homes)

    monkeypatch.setattr(many_plans, "plan_homes", refuse_one)
    made = planned(settings, tmp_path)
    assert (made.planned, made.problems) == (6, {"failed": 1, "no_readings": 1})
    found = rows(settings, tmp_path)
    wrong = found.row(by_predicate=pl.col("site") == "home002", named=True)
    assert (wrong["created_at"], wrong["problem"]) == (PLANNED_AT, "failed")
    assert "a number that nobody expected" in wrong["details"]
    assert wrong["plan"] is not None
    others = found.filter(~pl.col("site").is_in(["home002", "home007"]))
    assert set(others["created_at"]) == {LATER}


def test_one_home_is_planned_and_the_others_keep_their_plans(settings: Settings, tmp_path: Path) -> None:
    before = rows(settings, tmp_path)
    made = plan_fleet(settings, tmp_path, LATER, site="home002")
    assert (made.planned, made.problems) == (1, {})
    found, own = rows(settings, tmp_path), pl.col("site") == "home002"
    assert found.filter(~own).equals(before.filter(~own))
    assert found.filter(own)["created_at"].to_list() == [LATER]
    with pytest.raises(ConfigurationError, match="among the fleet's 8 homes"):
        plan_fleet(settings, tmp_path, LATER, site="home999")


def test_a_bucket_that_cannot_be_read_keeps_its_plans_and_stops_no_other(settings: Settings, tmp_path: Path) -> None:
    assert settings.fleet is not None
    lake = fleet_lake(settings.fleet, tmp_path)
    lake.store.put(object_key(METER_READINGS, 1, date(2025, 10, 25)), b"half of a file")
    made = planned(settings, tmp_path)
    assert list(made.errors) == [1]
    assert made.problems["bucket"] > 0
    found = rows(settings, tmp_path)
    of_bucket = found.filter(pl.col("site").map_elements(lake.bucket, pl.Int64) == 1)
    assert set(of_bucket["created_at"].drop_nulls()) == {PLANNED_AT}
    assert set(found.join(of_bucket, on="site", how="anti")["created_at"].drop_nulls()) == {LATER}


def test_a_home_with_wrong_settings_is_told_and_one_that_has_left_has_no_plan(
    settings: Settings, tmp_path: Path
) -> None:
    change_homes(
        tmp_path,
        lambda homes: homes.filter(pl.col("site") != "home000").with_columns(
            tariff=pl.when(pl.col("site") == "home001").then(pl.lit("gone")).otherwise("tariff")
        ),
    )
    made = planned(settings, tmp_path)
    assert made.problems == {"settings": 1, "no_readings": 1}
    found = rows(settings, tmp_path)
    assert "home000" not in found["site"]
    assert "'gone' is not under fleet.tariffs" in found.filter(pl.col("site") == "home001")["details"][0]


def test_the_plan_before_tells_the_battery_where_nothing_was_read(settings: Settings, tmp_path: Path) -> None:
    known = rows(settings, tmp_path)
    expected = expected_percent(known, slot_of(LATER))
    plan = known.row(by_predicate=pl.col("site") == "home000", named=True)
    assert expected["home000"] == plan["soc_start_percent"][1]
    assert "home007" not in expected
    assert expected_percent(known, datetime(2025, 10, 28, tzinfo=LATER.tzinfo)) == {}


def test_neighbouring_buckets_go_together_up_to_a_thousand_homes(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings.fleet is not None
    many = replace_buckets(settings, 4)
    homes = open_homes(many, tmp_path)
    assert many.fleet is not None
    lake, models = fleet_lake(many.fleet, tmp_path), fleet_models(many, tmp_path)
    assert [len(shard.buckets) for shard in shards_of(models, lake, homes, {}, LATER)] == [4]
    monkeypatch.setattr(plan_shard, "HOMES_TOGETHER", 1)
    apart = shards_of(models, lake, homes, {}, LATER)
    assert [site for shard in apart for _, own in shard.buckets for site in own.names] != []
    assert all(len(shard.buckets) == 1 for shard in apart)


def replace_buckets(settings: Settings, buckets: int) -> Settings:
    assert settings.fleet is not None
    return settings.model_copy(update={"fleet": settings.fleet.model_copy(update={"buckets": buckets})})


def test_what_the_policy_paid_on_judged_days_stands_beside_the_plan(settings: Settings, tmp_path: Path) -> None:
    assert settings.fleet is not None
    homes = open_homes(settings, tmp_path)
    lake, day = fleet_lake(settings.fleet, tmp_path), date(2025, 10, 24)
    bucket = lake.bucket("home000")
    versions = {stage: config_version(homes["home000"], stage) for stage in ("oracle", "policies")}
    for table, costs in ((POLICY_DAILY_RESULTS, {"idle": 10.0, "value": 3.0}), (ORACLE_DAILY_RESULTS, {"": 2.0})):
        version = versions["oracle" if table is ORACLE_DAILY_RESULTS else "policies"]
        known = {"site": "home000", "day": day, "config_version": version}
        results = [{**known, "policy": policy, "cost": cost} for policy, cost in costs.items()]
        zero = {name: "" if dtype == pl.String else 0 for name, dtype in table.schema.items()}
        filled = pl.DataFrame([{**zero, **row} for row in results]).select(table.schema.names())
        lake.write_days(table, bucket, [day], filled.cast(dict(table.schema)))  # pyright: ignore[reportArgumentType]
    planned(settings, tmp_path)
    row = rows(settings, tmp_path).row(by_predicate=pl.col("site") == "home000", named=True)
    assert (row["judged_days"], row["paid"], row["idle_paid"], row["oracle_paid"]) == (1, 3.0, 10.0, 2.0)
    server = FleetServer(settings, tmp_path, Clock(offset=LATER - datetime.now(UTC)), plans=False)
    server.refresh()
    home = asking(server, "a").get("/sites/home000").json()
    assert home["captured_share"] == pytest.approx(7 / 8)
    summary = asking(server, None).get("/fleet/summary").json()
    assert summary["captured_shares"] == {"SEK": pytest.approx(7 / 8)}
    assert summary["areas"][0]["captured_share"] == pytest.approx(7 / 8)


def in_use(settings: Settings, state: Path, folder: Path, *, version: int = 1, share: float = 1.0) -> None:
    """Put a bundle into use for both classes of the homes."""
    for name in homes_by_class(open_homes(settings, state)):
        put_into_use(settings, state, name, folder, version=version, share=share)


def told(settings: Settings, state: Path) -> dict[str, tuple[str, str]]:
    """Source and obstacle of the homes that are planned."""
    known = rows(settings, state).filter(pl.col("problem") == "")
    return {row["site"]: (row["source"], row["obstacle"]) for row in known.iter_rows(named=True)}


def test_a_canary_a_promotion_and_a_rollback_show_in_the_next_round(settings: Settings, tmp_path: Path) -> None:
    folder = pooled_bundle(tmp_path / "made", {"home001": AS_VALUE}, rules=WeightRules(n_days=9), offset=0.001)
    assert planned(settings, tmp_path).sources == {"value": 7}
    in_use(settings, tmp_path, folder, share=0.5)
    made, known = planned(settings, tmp_path), rows(settings, tmp_path).filter(pl.col("problem") == "")
    some = {
        site
        for name, sites in homes_by_class(open_homes(settings, tmp_path)).items()
        for site in sites
        if is_drawn(site, name, 1, 0.5)
    } - {"home007"}
    assert set(known.filter(pl.col("source") == "champion")["site"]) == some
    assert 0 < len(some) < 7
    assert made.sources == {"champion": len(some), "value": 7 - len(some)}
    assert made.obstacles == {}
    model = known.filter(pl.col("source") == "champion")["model"][0]
    assert model.startswith("models:/antares-class-sek-")
    assert model.endswith("/1")
    in_use(settings, tmp_path, folder)
    assert planned(settings, tmp_path).sources == {"champion": 7}
    models = fleet_models(settings, tmp_path)
    for name in models.pointer().classes:
        rollback_class(models, name, FORCED)
    assert planned(settings, tmp_path).sources == {"value": 7}


def test_a_version_that_cannot_be_had_leaves_value_and_says_why(settings: Settings, tmp_path: Path) -> None:
    in_use(settings, tmp_path, pooled_bundle(tmp_path / "made", {}))
    models = fleet_models(settings, tmp_path)
    shutil.rmtree(models.cache)
    (ref,) = {str(each.champion.path) for each in models.pointer().classes.values() if each.champion is not None}
    models.store.put(f"{ref}/trees.txt", b"half")
    made = planned(settings, tmp_path)
    assert (made.planned, made.sources, made.obstacles) == (7, {"value": 7}, {"unreadable": 7})
    assert "trees.txt" in rows(settings, tmp_path)["obstacle_details"][0]
    models.store.put(POINTER_KEY, b"{")
    made = planned(settings, tmp_path)
    assert (made.sources, made.obstacles) == ({"value": 7}, {"unreadable": 7})
    server = FleetServer(settings, tmp_path, Clock(offset=LATER - datetime.now(UTC)), plans=False)
    server.refresh()
    home = asking(server, "a").get("/sites/home000").json()
    assert (home["source"], home["obstacle"]) == ("value", "unreadable")
    assert "pointer.json is damaged" in home["source_why"]
    assert asking(server, "a").get("/sites/home000/plan").json()["obstacle"] == "unreadable"
    summary = asking(server, None).get("/fleet/summary").json()
    assert (summary["sources"], summary["obstacles"]) == ({"value": 7}, {"unreadable": 7})
    assert 'darkstar_fleet_obstacles{reason="unreadable"} 7.0' in asking(server, None).get("/metrics").text


def test_a_home_that_a_version_fails_for_is_planned_by_value_and_the_others_by_the_version(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_use(settings, tmp_path, pooled_bundle(tmp_path / "made", {}, offset=0.001))
    real = champion_plans.roll_out_learned

    def refuse_one(policy: LearnedPolicy, view: LearnedView, homes: HomesAhead) -> Replay:
        if "home002" in homes.names:
            message = "a number that nobody expected"
            raise ValueError(message)
        return real(policy, view, homes)

    monkeypatch.setattr(champion_plans, "roll_out_learned", refuse_one)
    assert planned(settings, tmp_path).obstacles == {"failed": 1}
    others = {f"home00{number}": ("champion", "") for number in range(7)}
    assert told(settings, tmp_path) == {**others, "home002": ("value", "failed")}


@pytest.mark.parametrize("leaves", ["-1 1 -1 1", "1 -1 1 -1"], ids=["hoards nothing", "hoards all"])
def test_a_version_whose_plans_cost_more_than_none_is_passed_over(
    settings: Settings, tmp_path: Path, leaves: str
) -> None:
    in_use(settings, tmp_path, pooled_bundle(tmp_path / "made", {}, offset=50.0, leaves=leaves))
    made, by_value = planned(settings, tmp_path), told(settings, tmp_path)
    assert made.planned == 7
    assert made.obstacles["refused"] >= 1
    assert all(found == ("champion", "") or found[1] == "refused" for found in by_value.values())
