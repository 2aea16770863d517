"""Homes that pay for power are planned together, each to the bit as it is planned by itself."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.config.tariff import PowerTariffSettings, PowerWindowSettings, TariffSettings
from darkstar_pipeline.planning.fleet.homes_ends import HomesEnds
from darkstar_pipeline.planning.fleet.kept_ends import KeptEnds
from darkstar_pipeline.planning.fleet.many_plans import FleetPlans, plan_many
from tests.builders.fleets import filled_lake, fleet_homes, fleet_rows, fleet_settings
from tests.darkstar_pipeline.planning.fleet.test_many_plans import Without

NIGHTS = PowerWindowSettings(start=time(22), end=time(6), weight=0.5)
CHARGES = {
    "days": (PowerTariffSettings(price_per_kw=60.0, top=3),),
    "nights": (
        PowerTariffSettings(price_per_kw=40.0, top=1, minutes=15, windows=(NIGHTS,)),
        PowerTariffSettings(price_per_kw=80.0, top=2, months=(11, 12, 1, 2, 3)),
    ),
    "periods": (PowerTariffSettings(price_per_kw=30.0, top=2, different_days=False),),
}
MOMENTS = {
    "hour left out, negative prices": datetime(2026, 3, 29, 12, 20, tzinfo=UTC),
    "hour shown twice": datetime(2025, 10, 26, 1, 5, tzinfo=UTC),
    "before the turn of a month": datetime(2025, 10, 31, 14, 10, tzinfo=UTC),
    "peaks begin anew": datetime(2025, 10, 31, 23, 5, tzinfo=UTC),
}


def rows_of(made: FleetPlans) -> dict[str, tuple[pl.DataFrame, dict[str, object]]]:
    """Each home's schedule and figures."""
    return {
        name: (
            group.plans.schedule.filter(pl.col("home") == place).drop("home"),
            {key: value for key, value in group.plans.homes.row(place, named=True).items() if key != "home"},
        )
        for group in made.planned
        for place, name in enumerate(group.names)
    }


@pytest.mark.parametrize("when", MOMENTS)
def test_homes_with_other_charges_and_peaks_are_planned_together_as_alone(tmp_path: Path, when: str) -> None:
    at = MOMENTS[when]
    tariffs = {
        name: (TariffSettings(valid_from=date(2020, 1, 1), transfer_fee=0.2, energy_tax=0.4, power=power),)
        for name, power in CHARGES.items()
    }
    fleet = fleet_settings(1, tariffs)
    rows = fleet_rows(7)
    names = [list(CHARGES)[number % 3] for number in range(7)]
    homes = fleet_homes(
        fleet, [{**row, "capacity_kwh": 10.0, "tariff": name} for row, name in zip(rows, names, strict=True)]
    )
    last = at.date() + timedelta(days=1)
    lake = filled_lake(fleet, homes, tmp_path, last - timedelta(days=10), last, read_until=at - timedelta(minutes=20))
    together = plan_many(Without(lake), homes, at, expected_percent={}, valued=HomesEnds({}, KeptEnds()))
    assert not together.problems
    assert sorted(len(group.names) for group in together.planned) == [2, 2, 3]
    found = rows_of(together)
    assert len({figures["cost"] for _, figures in found.values()}) == len(homes.names)
    for name in homes.names:
        ends = HomesEnds({}, KeptEnds())
        alone = plan_many(Without(lake), {name: homes[name]}, at, expected_percent={}, valued=ends)
        ((schedule, figures),) = rows_of(alone).values()
        assert schedule.equals(found[name][0]), name
        assert figures == found[name][1], name
