"""A bucket's homes get the plans that each would get alone, from the tables of the bucket."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.config.tariff import PowerTariffSettings, TariffSettings, TimeOfUseSettings
from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.fleet.homes import FleetHomes
from darkstar_pipeline.models.fleet.classes import homes_by_class
from darkstar_pipeline.models.fleet.store import fleet_models
from darkstar_pipeline.planning.fleet.area_prices import area_prices
from darkstar_pipeline.planning.fleet.champion_plans import BY_VALUE
from darkstar_pipeline.planning.fleet.homes_ends import HomesEnds
from darkstar_pipeline.planning.fleet.kept_ends import KeptEnds
from darkstar_pipeline.planning.fleet.many_plans import FleetPlans, plan_many
from darkstar_pipeline.planning.plan_inputs import PlanInputs, inputs_at
from darkstar_pipeline.policies.champions import Champion, Champions
from darkstar_pipeline.warehouse.buckets.bucket_lake import BucketLake
from darkstar_pipeline.warehouse.schemas import METER_READINGS, RAW_SPOT_PRICES, Table
from env.inverter import Energy
from planner.plans.fallback_chain import CHAMPION, VALUE, FallbackResult, PlanSource, first_usable_plan
from planner.plans.policy_plans import learned_schedule, value_schedule
from planner.plans.reasons import with_reasons
from planner.policies.adapted_policy import AS_VALUE, WHOLE, Adaptation, AdaptedPolicy
from planner.policies.learned_policy import LearnedPolicy
from planner.value.end_of_prices import FORECAST, PAST_DAYS, EndBasis
from planner.value.scenario_source import SCENARIO_DAYS, ScenarioSource
from planner.value.scenario_weights import WeightRules
from tests.builders.fleet_models import pooled_bundle, put_into_use
from tests.builders.fleets import filled_lake, fleet_homes, fleet_rows, fleet_settings

READ_DAYS, LEARNED_DAYS = 10, 105  # before the moment; with fewer prices nothing is forecast
MOMENTS = {
    "before the long day": datetime(2025, 10, 25, 6, 20, tzinfo=UTC),
    "in the long night": datetime(2025, 10, 26, 1, 5, tzinfo=UTC),
    "evening": datetime(2025, 10, 26, 17, 0, tzinfo=UTC),
    "before the short day": datetime(2026, 3, 28, 6, 20, tzinfo=UTC),
    "as its prices are there": datetime(2026, 3, 28, 13, 5, tzinfo=UTC),
    "of the next month": datetime(2025, 10, 31, 13, 5, tzinfo=UTC),
}
COLUMNS = ("charge_kw", "discharge_kw", "export_kw", "load_kwh", "pv_kwh", "import_price", "soc_end_kwh", "cost")
HOURS = TariffSettings(
    valid_from=date(2020, 1, 1), vat=0.25, transfer_fee=0.1, energy_tax=0.3, export_bonus=0.05,
    time_of_use=(TimeOfUseSettings(start=time(6), end=time(22), transfer_fee=0.5),),
)  # fmt: skip
POWER = TariffSettings(
    valid_from=date(2020, 1, 1), transfer_fee=0.2, energy_tax=0.4,
    power=(PowerTariffSettings(price_per_kw=60.0, top=3),),
)  # fmt: skip


def small_fleet(
    state: Path,
    at: datetime,
    *,
    tariffs: Sequence[str] = ("plain", "hours", "hours", "power"),
    learned_days: int = LEARNED_DAYS,
) -> tuple[FleetHomes, BucketLake]:
    """Four homes of two batteries, two areas and several tariffs, and what was known a while ago."""
    fleet = fleet_settings(1, {"power": (POWER,), "hours": (HOURS,)})
    rows = [
        {**row, "tariff": tariffs[number % len(tariffs)]}
        for number, row in enumerate(fleet_rows(4, areas=("SE3", "SE3", "FI")))
    ]
    homes = fleet_homes(fleet, rows)
    first, last = at.date() - timedelta(days=READ_DAYS), at.date() + timedelta(days=1)
    begin, until = at.date() - timedelta(days=max(READ_DAYS, learned_days)), at - timedelta(minutes=20)
    return homes, filled_lake(fleet, homes, state, first, last, read_until=until, priced_from=begin)


def valued(homes: FleetHomes, lake: BucketLake, at: datetime) -> HomesEnds:
    return HomesEnds(area_prices(lake, homes, at), KeptEnds())


def alone(
    homes: FleetHomes, lake: BucketLake, site: str, state: Path, at: datetime, policy: LearnedPolicy | None = None
) -> "Alone":
    """The plan of a home whose tables are its own."""
    context: Context = open_context(settings=Settings(sites={site: homes[site]}), home=state / "alone" / site)
    for table in (RAW_SPOT_PRICES, METER_READINGS):
        rows = lake.read(table, 0, sites=[site])
        context.lake.write_days(table, site, rows["local_day"].unique().to_list(), rows)
    days = SCENARIO_DAYS if policy is None else max(SCENARIO_DAYS, policy.weight_rules.n_days)
    return plan_of(inputs_at(context, at, lenient=True, lookback_days=days), policy)


def plan_of(inputs: PlanInputs, policy: LearnedPolicy | None) -> "Alone":
    end = inputs.rolling.window.last_values, inputs.task.end.basis
    by_value = PlanSource(VALUE, lambda task: value_schedule(task, inputs.rolling))
    if policy is None:
        return Alone(first_usable_plan(inputs.task, [by_value]), *end)
    past = ScenarioSource(history=inputs.history)
    by_champion = PlanSource(CHAMPION, lambda task: learned_schedule(task, inputs.rolling, policy, past))
    return Alone(first_usable_plan(inputs.task, [by_champion, by_value]), *end)


@dataclass(frozen=True)
class Alone:
    """The plan of a home by itself, and what the end of it is valued by."""

    result: FallbackResult
    end_values: Energy
    basis: EndBasis


def start_percent(homes: FleetHomes) -> dict[str, float]:
    """Homes alone take the reading at the start of the slot; here the last was some minutes ago."""
    return {site: homes[site].protocol.start_soc_percent for site in homes.names}


CLOCK_CHANGES = ("before the short day", "before the long day")


@pytest.mark.parametrize(
    "when",
    [pytest.param(each, marks=() if each in CLOCK_CHANGES else pytest.mark.thorough) for each in MOMENTS],
)
def test_plans_of_a_bucket_are_those_of_each_home_alone(tmp_path: Path, when: str) -> None:
    at = MOMENTS[when]
    homes, lake = small_fleet(tmp_path, at)
    ends = valued(homes, lake, at)
    made = plan_many(Without(lake), homes, at, expected_percent=start_percent(homes), valued=ends)
    assert not made.problems
    assert {origin for group in made.planned for origin in group.origins} == {BY_VALUE}
    expected = {site: alone(homes, lake, site, tmp_path, at) for site in homes.names}
    assert {each.basis for each in expected.values()} == {FORECAST}
    assert_as_alone(made, ends, expected)


def test_days_without_readings_are_no_past_days_and_older_ones_do_not_stand_in(tmp_path: Path) -> None:
    at = MOMENTS["in the long night"]
    homes, lake = small_fleet(tmp_path, at, learned_days=30)
    for back in (2, 5):
        lake.write_days(
            METER_READINGS, 0, [at.date() - timedelta(days=back)], pl.DataFrame(schema=METER_READINGS.schema)
        )
    ends = valued(homes, lake, at)
    made = plan_many(Without(lake), homes, at, expected_percent=start_percent(homes), valued=ends)
    expected = {site: alone(homes, lake, site, tmp_path, at) for site in homes.names}
    assert {each.basis for each in expected.values()} == {PAST_DAYS}
    assert_as_alone(made, ends, expected)


def assert_as_alone(made: FleetPlans, ends: HomesEnds, expected: Mapping[str, Alone]) -> None:
    found: set[str] = set()
    for group in made.planned:
        for number, site in enumerate(group.names):
            found.add(site)
            own = expected[site].result.plan
            assert group.ends[number] == expected[site].basis
            assert ends.kept.known[site][1].values == pytest.approx(expected[site].end_values, abs=1e-9)
            schedule = group.plans.schedule.filter(pl.col("home") == number)
            by_flows = [with_reasons(each) for each in (schedule, own.schedule)]
            for name in ("slot_start", "reason"):
                assert by_flows[0][name].to_list() == by_flows[1][name].to_list()
            for name in COLUMNS:
                assert schedule[name].to_numpy() == pytest.approx(own.schedule[name].to_numpy(), abs=1e-9), (site, name)
            row = group.plans.homes.row(number, named=True)
            assert (row["released"], row["verified"]) == (own.released, True)
            for name in ("cost", "idle_cost", "self_consumption_cost"):
                assert row[name] == pytest.approx(getattr(own, name), abs=1e-9)
            assert group.origins[number].source == expected[site].result.source
    assert found == set(expected)


RULES = WeightRules(n_days=9, age_days=4.0, weekday=1.5, together=False)


@pytest.mark.parametrize("when", ["in the long night", pytest.param("evening", marks=pytest.mark.thorough)])
def test_plans_by_a_version_are_those_that_each_home_gets_alone_from_it(tmp_path: Path, when: str) -> None:
    at = MOMENTS[when]
    homes, lake = small_fleet(tmp_path, at, tariffs=("plain",))
    settings, ends = Settings(fleet=homes.fleet), valued(homes, lake, at)
    taken = {"home000": Adaptation(follows=True, share=0.5), "home001": WHOLE, "home003": AS_VALUE}
    folder = pooled_bundle(tmp_path / "made", taken, rules=RULES)
    for name, sites in homes_by_class(homes).items():
        if "home002" not in sites:
            put_into_use(settings, tmp_path, name, folder)
    champions = Champions(fleet_models(settings, tmp_path))
    made = plan_many(Without(lake), homes, at, expected_percent=start_percent(homes), valued=ends, champions=champions)
    assert not made.problems
    versions = {site: champions.of(site, homes[site]) for site in homes.names}
    assert [site for site, each in versions.items() if each is None] == ["home002"]  # of another currency
    policies = {
        site: AdaptedPolicy(each.policy, taken[site]) for site, each in versions.items() if isinstance(each, Champion)
    }
    plans = {site: alone(homes, lake, site, tmp_path, at, policies.get(site)) for site in homes.names}
    assert_as_alone(made, ends, plans)
    assert {site for site, each in plans.items() if each.result.source == CHAMPION} >= {"home001", "home003"}
    unlike = alone(homes, lake, "home001", tmp_path / "again", at)
    assert (
        plans["home001"].result.plan.schedule["charge_kw"].to_list()
        != unlike.result.plan.schedule["charge_kw"].to_list()
    )


def test_homes_that_pay_for_power_are_planned_by_value_whatever_is_in_use(tmp_path: Path) -> None:
    at = MOMENTS["before the long day"]
    homes, lake = small_fleet(tmp_path, at, tariffs=("power",))
    settings = Settings(fleet=homes.fleet)
    for name in homes_by_class(homes):
        put_into_use(settings, tmp_path, name, pooled_bundle(tmp_path / "made", {}))
    some = {site: homes[site] for site in homes.names[:2]}
    champions = Champions(fleet_models(settings, tmp_path))
    ends = valued(homes, lake, at)
    made = plan_many(Without(lake), some, at, expected_percent={}, valued=ends, champions=champions)
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
