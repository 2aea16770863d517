"""A bucket's homes get the plans that each would get alone, from the tables of the bucket."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.config.tariff import PowerTariffSettings, TariffSettings
from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.fleet.homes import FleetHomes
from darkstar_pipeline.models.fleet.classes import homes_by_class
from darkstar_pipeline.models.fleet.store import fleet_models
from darkstar_pipeline.planning.fleet.champion_plans import BY_VALUE
from darkstar_pipeline.planning.fleet.many_plans import FleetPlans, plan_many
from darkstar_pipeline.planning.plan_inputs import inputs_at
from darkstar_pipeline.policies.champions import Champion, Champions
from darkstar_pipeline.warehouse.buckets.bucket_lake import BucketLake
from darkstar_pipeline.warehouse.schemas import METER_READINGS, RAW_SPOT_PRICES, Table
from planner.plans.fallback_chain import CHAMPION, VALUE, FallbackResult, PlanSource, first_usable_plan
from planner.plans.policy_plans import learned_schedule, value_schedule
from planner.policies.adapted_policy import AS_VALUE, WHOLE, Adaptation, AdaptedPolicy
from planner.policies.learned_policy import LearnedPolicy
from planner.value.scenario_source import SCENARIO_DAYS, ScenarioSource
from planner.value.scenario_weights import WeightRules
from tests.builders.fleet_models import pooled_bundle, put_into_use
from tests.builders.fleets import filled_lake, fleet_homes, fleet_rows, fleet_settings

FIRST, LAST = date(2025, 10, 16), date(2025, 10, 27)
AUTUMN, NEXT = date(2025, 10, 26), date(2025, 10, 27)  # a day of 100 slots, and the one after
MOMENTS = {
    "morning": datetime(2025, 10, 25, 6, 20, tzinfo=UTC),
    "short night": datetime(2025, 10, 26, 1, 5, tzinfo=UTC),
    "evening": datetime(2025, 10, 26, 17, 0, tzinfo=UTC),
}
COLUMNS = ("charge_kw", "discharge_kw", "export_kw", "load_kwh", "pv_kwh", "import_price", "soc_end_kwh", "cost")
POWER = TariffSettings(
    valid_from=date(2020, 1, 1), transfer_fee=0.2, energy_tax=0.4,
    power=(PowerTariffSettings(price_per_kw=60.0, top=3),),
)  # fmt: skip


def small_fleet(state: Path, at: datetime, *, tariff: str = "plain") -> tuple[FleetHomes, BucketLake]:
    fleet = fleet_settings(1, {"power": (POWER,)})
    rows = [{**row, "tariff": tariff} for row in fleet_rows(4, areas=("SE3", "SE3", "FI"))]
    homes = fleet_homes(fleet, rows)
    return homes, filled_lake(fleet, homes, state, FIRST, LAST, read_until=at - timedelta(minutes=20))


def alone(
    homes: FleetHomes, lake: BucketLake, site: str, state: Path, at: datetime, policy: LearnedPolicy | None = None
) -> FallbackResult:
    """The plan of a home whose tables are its own."""
    context: Context = open_context(settings=Settings(sites={site: homes[site]}), home=state / "alone" / site)
    for table in (RAW_SPOT_PRICES, METER_READINGS):
        rows = lake.read(table, 0, sites=[site])
        context.lake.write_days(table, site, rows["local_day"].unique().to_list(), rows)
    days = SCENARIO_DAYS if policy is None else max(SCENARIO_DAYS, policy.weight_rules.n_days)
    inputs = inputs_at(context, at, lenient=True, lookback_days=days)
    by_value = PlanSource(VALUE, lambda task: value_schedule(task, inputs.rolling))
    if policy is None:
        return first_usable_plan(inputs.task, [by_value])
    past = ScenarioSource(history=inputs.history)
    by_champion = PlanSource(CHAMPION, lambda task: learned_schedule(task, inputs.rolling, policy, past))
    return first_usable_plan(inputs.task, [by_champion, by_value])


@pytest.mark.parametrize("tariff", ["plain", "power"])
@pytest.mark.parametrize("when", MOMENTS)
def test_plans_of_a_bucket_are_those_of_each_home_alone(tmp_path: Path, when: str, tariff: str) -> None:
    at = MOMENTS[when]
    homes, lake = small_fleet(tmp_path, at, tariff=tariff)
    # Homes alone take the reading at the start of the slot; here the last was some minutes ago.
    expected = {site: homes[site].protocol.start_soc_percent for site in homes.names}
    made = plan_many(Without(lake), homes, at, expected_percent=expected)
    assert not made.problems
    assert {origin for group in made.planned for origin in group.origins} == {BY_VALUE}
    assert_as_alone(made, {site: alone(homes, lake, site, tmp_path, at) for site in homes.names})


def assert_as_alone(made: FleetPlans, expected: Mapping[str, FallbackResult]) -> None:
    found: set[str] = set()
    for group in made.planned:
        for number, site in enumerate(group.names):
            found.add(site)
            own = expected[site].plan
            schedule = group.plans.schedule.filter(pl.col("home") == number)
            assert schedule["slot_start"].to_list() == own.schedule["slot_start"].to_list()
            for name in COLUMNS:
                assert schedule[name].to_numpy() == pytest.approx(own.schedule[name].to_numpy(), abs=1e-6), (site, name)
            row = group.plans.homes.row(number, named=True)
            assert (row["released"], row["verified"]) == (own.released, True)
            assert row["cost"] == pytest.approx(own.cost, abs=1e-6)
            assert group.origins[number].source == expected[site].source
    assert found == set(expected)


RULES = WeightRules(n_days=9, age_days=4.0, weekday=1.5, together=False)


@pytest.mark.parametrize("when", ["short night", "evening"])
def test_plans_by_a_version_are_those_that_each_home_gets_alone_from_it(tmp_path: Path, when: str) -> None:
    at = MOMENTS[when]
    homes, lake = small_fleet(tmp_path, at)
    settings = Settings(fleet=homes.fleet)
    taken = {"home000": Adaptation(follows=True, share=0.5), "home001": WHOLE, "home003": AS_VALUE}
    folder = pooled_bundle(tmp_path / "made", taken, rules=RULES)
    for name, sites in homes_by_class(homes).items():
        if "home002" not in sites:
            put_into_use(settings, tmp_path, name, folder)
    champions = Champions(fleet_models(settings, tmp_path))
    expected = {site: homes[site].protocol.start_soc_percent for site in homes.names}
    made = plan_many(Without(lake), homes, at, expected_percent=expected, champions=champions)
    assert not made.problems
    versions = {site: champions.of(site, homes[site]) for site in homes.names}
    assert [site for site, each in versions.items() if each is None] == ["home002"]  # of another currency
    policies = {
        site: AdaptedPolicy(each.policy, taken[site]) for site, each in versions.items() if isinstance(each, Champion)
    }
    plans = {site: alone(homes, lake, site, tmp_path, at, policies.get(site)) for site in homes.names}
    assert_as_alone(made, plans)
    assert {site for site, each in plans.items() if each.source == CHAMPION} >= {"home001", "home003"}
    unlike = alone(homes, lake, "home001", tmp_path / "again", at)
    assert plans["home001"].plan.schedule["charge_kw"].to_list() != unlike.plan.schedule["charge_kw"].to_list()


def test_homes_that_pay_for_power_are_planned_by_value_whatever_is_in_use(tmp_path: Path) -> None:
    at = MOMENTS["morning"]
    homes, lake = small_fleet(tmp_path, at, tariff="power")
    settings = Settings(fleet=homes.fleet)
    for name in homes_by_class(homes):
        put_into_use(settings, tmp_path, name, pooled_bundle(tmp_path / "made", {}))
    some = {site: homes[site] for site in homes.names[:2]}
    made = plan_many(
        Without(lake), some, at, expected_percent={}, champions=Champions(fleet_models(settings, tmp_path))
    )
    told = {(origin.source, origin.obstacle) for group in made.planned for origin in group.origins}
    assert told == {("value", "demand_charge")}


class Without:
    """A lake without what was read of batteries, so that plans begin where they are expected to."""

    def __init__(self, lake: BucketLake) -> None:
        self.lake = lake

    def read(self, table: Table, first: date, last: date) -> pl.DataFrame:
        rows = self.lake.read(table, 0, first, last)
        return rows.with_columns(
            pl.lit(None, pl.Float64).alias(name) for name in rows.columns if name.startswith("soc_")
        )
