"""Ends are worked out where something that they follow from has changed, and nowhere else."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.fleet.lake import fleet_lake
from darkstar_pipeline.planning.fleet import homes_ends
from darkstar_pipeline.planning.fleet.homes_ends import end_key
from darkstar_pipeline.planning.fleet.kept_ends import KeptEnds, ends_key
from darkstar_pipeline.planning.fleet.rounds import plan_fleet
from env.inverter import Energy
from env.simulator import World
from planner.value.end_of_prices import PAST_DAYS, EndOfPrices, HomeAtEnd, ends_of_prices
from planner.value.forecast_ends import PricedPaths
from planner.value.protocol import Protocol
from planner.value.scenarios import Scenarios
from tests.builders.fleets import PLANNED_AT, planned_fleet
from tests.builders.homes import home

SITE, DAY = home(), date(2026, 6, 1)
PROTOCOL = Protocol(start_soc_kwh=SITE.battery.soc_kwh(50.0))


def table(value: float = 0.5) -> Energy:
    return np.full((1, 96), value)


AT_END = HomeAtEnd(
    Scenarios(table()[None], table()[None]),
    [World(table(), table(), table(), table())],
    0.4,
    PricedPaths(table(), table()),
)
OTHERS = {
    "load": replace(AT_END, scenarios=Scenarios(table(0.6)[None], table()[None])),
    "pv": replace(AT_END, scenarios=Scenarios(table()[None], table(0.6)[None])),
    "price of a past day": replace(AT_END, past_days=[World(table(), table(), table(0.6), table())]),
    "past days": replace(AT_END, past_days=[*AT_END.past_days, *AT_END.past_days]),
    "no past day": replace(AT_END, past_days=[]),
    "settlement": replace(AT_END, settlement_value=0.5),
    "path": replace(AT_END, paths=PricedPaths(table(), table(0.6))),
    "no path": replace(AT_END, paths=None),
}


@pytest.mark.parametrize("changed", OTHERS)
def test_a_key_changes_with_all_that_an_end_follows_from(changed: str) -> None:
    key = end_key(DAY, SITE, PROTOCOL, AT_END)
    assert end_key(DAY, SITE, PROTOCOL, replace(AT_END)) == key
    assert end_key(DAY, SITE, PROTOCOL, OTHERS[changed]) != key


def test_a_key_changes_with_day_battery_limits_and_protocol() -> None:
    battery, limits = replace(SITE.battery, charge_kw=3.0), replace(SITE.limits, import_kw=11.0)
    keys = {
        end_key(DAY, SITE, PROTOCOL, AT_END),
        end_key(DAY + timedelta(days=1), SITE, PROTOCOL, AT_END),
        end_key(DAY, replace(SITE, battery=battery), PROTOCOL, AT_END),
        end_key(DAY, replace(SITE, limits=limits), PROTOCOL, AT_END),
        end_key(DAY, SITE, replace(PROTOCOL, start_soc_kwh=0.0), AT_END),
    }
    assert len(keys) == 5


def test_an_object_gives_back_the_same_bits_and_a_damaged_one_nothing(caplog: pytest.LogCaptureFixture) -> None:
    values = np.random.default_rng(1).normal(size=61)
    written, read, damaged = KeptEnds({"a": (b"k", EndOfPrices(values, PAST_DAYS))}), KeptEnds(), KeptEnds()
    data = written.encoded(["a", "b"])
    read.read(data, "an object")
    assert read.known["a"][1].values.tobytes() == values.tobytes()
    assert (read.known["a"][0], read.known["a"][1].basis, read.fresh) == (b"k", PAST_DAYS, set())
    damaged.read(data[:-9], "an object")
    assert (damaged.known, "an object is damaged" in caplog.text) == ({}, True)


@pytest.fixture
def worked_out(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of homes whose ends were worked out together."""
    counts: list[int] = []

    def counted(homes: list[HomeAtEnd], **given: object) -> list[EndOfPrices]:
        counts.append(len(homes))
        return ends_of_prices(homes, **given)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(homes_ends, "ends_of_prices", counted)
    return counts


def test_a_round_takes_the_ends_of_the_one_before_and_makes_damaged_ones_anew(
    tmp_path: Path, worked_out: list[int]
) -> None:
    settings: Settings = planned_fleet(tmp_path)
    assert sum(worked_out) == 7  # one of eight homes was never read
    worked_out.clear()
    plan_fleet(settings, tmp_path, PLANNED_AT + timedelta(minutes=15))
    assert not worked_out
    assert settings.fleet is not None
    lake = fleet_lake(settings.fleet, tmp_path)
    lake.store.put(ends_key(lake.bucket("home000")), b"half of a file")
    plan_fleet(settings, tmp_path, PLANNED_AT + timedelta(minutes=30), site="home000")
    assert worked_out == [1]
    plan_fleet(settings, tmp_path, PLANNED_AT + timedelta(minutes=45), site="home000")
    assert worked_out == [1]
