"""Days of many homes side by side are those of each home alone, to the bit."""

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from env.site import Site
from planner.replay.daily import Home, replay_days
from planner.replay.many_homes import replay_homes
from planner.value.protocol import Protocol
from tests.builders.homes import batteries, days_of_slots, home, site_limits

FIRST = date(2025, 10, 25)  # the next day has 100 slots
READ = ("slot_start", "load_kwh", "pv_kwh")


def fleet_homes() -> st.SearchStrategy[list[Home]]:
    """A few homes of any battery and limits, with starts and settlements of their own."""
    return st.lists(st.builds(_home, batteries(), site_limits(), st.booleans(), st.booleans()), min_size=2, max_size=5)


def _home(battery: object, limits: object, full: bool, settled: bool) -> Home:  # noqa: FBT001 - drawn
    site: Site = home(battery, limits)  # pyright: ignore[reportArgumentType] - drawn
    start = site.battery.max_soc_kwh if full else site.battery.min_soc_kwh
    return site, Protocol(start_soc_kwh=start, settlement_value=0.7 if settled else None)


def frames(n_homes: int) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Slots, forecasts and past readings of homes of their own."""
    slots, forecasts, past = [], [], []
    for number in range(n_homes):
        site = pl.lit(f"home-{number}").alias("site")
        every = days_of_slots(FIRST - timedelta(days=3), FIRST + timedelta(days=1 + number % 2), seed=number)
        slots.append(every.filter(pl.col("local_day") >= FIRST).with_columns(site))
        forecasts.append(slots[-1].select("site", "slot_start", "local_day", "load_kwh", pv_kwh=pl.col("pv_kwh") * 0.8))
        past.append(every.select(site, *READ))
    return pl.concat(slots), pl.concat(forecasts), pl.concat(past)


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["idle", "self_consumption", "value", "oracle"])
@settings(max_examples=5)
@given(drawn=fleet_homes())
def test_homes_are_the_same_bit_for_bit_when_replayed_together_or_alone(policy: str, drawn: list[Home]) -> None:
    slots, forecasts, past = frames(len(drawn))
    homes = {f"home-{number}": each for number, each in enumerate(drawn)}
    together = replay_homes(policy, homes, slots, forecasts, past)
    for name, (site, protocol) in homes.items():
        own = pl.col("site") == name
        alone = replay_days(
            policy, slots.filter(own).drop("site"), forecasts.filter(own).drop("site"), site, protocol,
            history=past.filter(own).drop("site"),
        )  # fmt: skip
        theirs = together.filter(own).drop("site").select(alone.columns)
        assert theirs.equals(alone), (name, site)


def test_homes_without_slots_have_no_schedule() -> None:
    slots, forecasts, past = frames(1)
    homes = {"home-0": (home(), Protocol(start_soc_kwh=5.0)), "home-9": (home(), Protocol(start_soc_kwh=5.0))}
    made = replay_homes("idle", homes, slots, forecasts, past)
    assert made["site"].unique().to_list() == ["home-0"]
    assert made.height == slots.height
