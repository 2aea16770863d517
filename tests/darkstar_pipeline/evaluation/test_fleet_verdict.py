"""The verdict on a fleet: only days that count, sums by area, the homes' distribution and the worst of them."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.config.fingerprints import config_version
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.evaluation.fleet_verdict import FleetVerdict, fleet_verdict
from darkstar_pipeline.fleet.homes_file import change_homes, fleet_of, open_homes
from darkstar_pipeline.fleet.lake import fleet_lake
from darkstar_pipeline.warehouse.buckets.object_names import object_key
from darkstar_pipeline.warehouse.schemas import ORACLE_DAILY_RESULTS, POLICY_DAILY_RESULTS, Table
from tests.builders.fleet_homes import fleet_settings, home_rows

FIRST, LAST = date(2026, 3, 1), date(2026, 3, 2)
HOMES = {"a": {"area": "SE3"}, "b": {"area": "SE4"}, "c": {"area": "SE4"}}


def row(table: Table, site: str, day: date, version: str, **cells: object) -> pl.DataFrame:
    """A row of results with zeros where nothing is said."""
    zeros = {name: "clean" if dtype == pl.String else 0 for name, dtype in table.schema.items()}
    return pl.DataFrame([{**zeros, "site": site, "day": day, "config_version": version, **cells}])


def write(settings: Settings, state: Path, costs: dict[str, dict[date, dict[str, float]]]) -> None:
    """Store costs by home, day and policy, of the present configuration."""
    homes, lake = open_homes(settings, state), fleet_lake(fleet_of(settings), state)
    policies, oracle = [], []
    for site, days in costs.items():
        versions = {stage: config_version(homes[site], stage) for stage in ("policies", "oracle")}  # pyright: ignore[reportArgumentType] - both are stages
        for day, by_policy in days.items():
            for policy, cost in by_policy.items():
                if policy == "oracle":
                    oracle.append(row(ORACLE_DAILY_RESULTS, site, day, versions["oracle"], cost=cost))
                else:
                    made = row(POLICY_DAILY_RESULTS, site, day, versions["policies"], policy=policy, cost=cost)
                    policies.append(made)
    for table, rows in ((POLICY_DAILY_RESULTS, policies), (ORACLE_DAILY_RESULTS, oracle)):
        lake.write_days(table, 0, [FIRST, LAST], pl.concat(rows).select(table.schema.names()))


@pytest.fixture
def verdict(tmp_path: Path) -> FleetVerdict:
    settings = fleet_settings(buckets=1)
    change_homes(tmp_path, lambda _: home_rows({**HOMES, "d": {}}))
    good, partly = {"idle": 10.0, "value": 4.0, "oracle": 2.0}, {"idle": 10.0, "value": 4.0}
    write(
        settings,
        tmp_path,
        {
            "a": {FIRST: good, LAST: partly},
            "b": {FIRST: {"idle": 5.0, "value": 6.0, "oracle": 1.0}},
            "c": {FIRST: {"idle": 3.0, "value": 3.0, "oracle": 3.0}},
        },
    )
    homes, lake = open_homes(settings, tmp_path), fleet_lake(fleet_of(settings), tmp_path)
    assert fleet_verdict(homes, lake, FIRST, LAST, most_worst=0).worst.is_empty()
    return fleet_verdict(homes, lake, FIRST, LAST, most_worst=2)


def test_days_count_where_hindsight_and_every_policy_have_results(verdict: FleetVerdict) -> None:
    assert (verdict.homes, verdict.without) == (3, 1)
    value = verdict.totals.row(by_predicate=pl.col("policy") == "value", named=True)
    assert (value["homes"], value["home_days"], value["cost"], value["idle_cost"]) == (3, 3, 13.0, 18.0)
    assert value["captured_share"] == pytest.approx(5 / 12)


def test_areas_are_summed_by_themselves(verdict: FleetVerdict) -> None:
    value = verdict.by_area.filter(pl.col("policy") == "value").select("area", "homes", "captured_share")
    assert value.rows() == [("SE3", 1, 0.75), ("SE4", 2, -0.25)]


def test_homes_where_nothing_could_be_saved_are_in_no_distribution(verdict: FleetVerdict) -> None:
    assert verdict.distribution.select("policy", "homes").rows() == [("value", 2)]


def test_worst_homes_are_named_with_the_reason(verdict: FleetVerdict) -> None:
    assert verdict.worst.select("site", "missed", "reason").rows() == [
        ("b", 5.0, "costs more than a battery that is not used"),
        ("a", 2.0, "saves 75 % of what it could"),
    ]


def test_results_of_another_configuration_do_not_count(tmp_path: Path) -> None:
    settings = fleet_settings(buckets=1)
    change_homes(tmp_path, lambda _: home_rows({"a": {}}))
    write(settings, tmp_path, {"a": {FIRST: {"idle": 10.0, "value": 4.0, "oracle": 2.0}}})
    change_homes(tmp_path, lambda _: home_rows({"a": {"capacity_kwh": 5.0}}))
    homes, lake = open_homes(settings, tmp_path), fleet_lake(fleet_of(settings), tmp_path)
    assert fleet_verdict(homes, lake, FIRST, LAST, most_worst=2).homes == 0


def test_home_of_a_class_that_is_gone_is_without_results_and_stops_no_other(tmp_path: Path) -> None:
    settings = fleet_settings(buckets=1)
    change_homes(tmp_path, lambda _: home_rows({"a": {}, "b": {}}))
    costs = {FIRST: {"idle": 10.0, "value": 4.0, "oracle": 2.0}}
    write(settings, tmp_path, {"a": costs, "b": costs})
    change_homes(tmp_path, lambda _: home_rows({"a": {}, "b": {"tariff": "gone"}}))
    homes, lake = open_homes(settings, tmp_path), fleet_lake(fleet_of(settings), tmp_path)
    found = fleet_verdict(homes, lake, FIRST, LAST, most_worst=2)
    assert (found.homes, found.without) == (1, 1)


def test_a_damaged_object_leaves_its_bucket_out_and_is_named(tmp_path: Path) -> None:
    settings = fleet_settings(buckets=2)
    homes = {f"home-{number}": {} for number in range(6)}
    change_homes(tmp_path, lambda _: home_rows(homes))
    lake = fleet_lake(fleet_of(settings), tmp_path)
    good = {name: {FIRST: {"idle": 10.0, "value": 4.0, "oracle": 2.0}} for name in homes if lake.bucket(name) == 0}
    write(settings, tmp_path, good)
    key = object_key(ORACLE_DAILY_RESULTS, 1, LAST)
    lake.store.put(key, b"PAR1 damaged")
    verdict = fleet_verdict(open_homes(settings, tmp_path), lake, FIRST, LAST, most_worst=2)
    assert (verdict.homes, verdict.without) == (len(good), len(homes) - len(good))
    assert list(verdict.damaged) == [1]
    assert key in verdict.damaged[1]


def test_money_of_two_currencies_is_neither_ranked_together_nor_held_to_one_least(tmp_path: Path) -> None:
    settings = fleet_settings(buckets=1)
    change_homes(tmp_path, lambda _: home_rows({"a": {}, "b": {"area": "FI"}, "c": {"area": "FI"}}))
    dear, little = {"idle": 10.0, "value": 4.0, "oracle": 2.0}, {"idle": 0.01, "value": 0.006, "oracle": 0.005}
    write(settings, tmp_path, {"a": {FIRST: dear}, "b": {FIRST: little}, "c": {FIRST: dear}})
    homes, lake = open_homes(settings, tmp_path), fleet_lake(fleet_of(settings), tmp_path)
    worst = fleet_verdict(homes, lake, FIRST, LAST, most_worst=2).worst
    assert worst.select("currency", "site").rows() == [("EUR", "c"), ("EUR", "b"), ("SEK", "a")]
