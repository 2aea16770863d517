"""Days of many homes side by side are those of each home alone, to the bit."""

from dataclasses import replace
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from env.power_tariff import PowerTariff, PowerWindow
from env.site import Site
from planner.replay.daily import Home, replay_days
from planner.replay.many_homes import replay_homes
from planner.value.protocol import Protocol
from tests.builders.homes import PAPER_BATTERY, batteries, days_of_slots, home, site_limits

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


NIGHTS_HALF = PowerTariff(price_per_kw=81.25, windows=(PowerWindow(start_minute=22 * 60, end_minute=360, weight=0.5),))
PERIODS = PowerTariff(price_per_kw=20.0, top=2, different_days=False, minutes=15)


def _charging(tariff: PowerTariff, before_kw: float) -> Home:
    """A home that pays for power and has had a peak this month."""
    site = home(PAPER_BATTERY)
    (version,) = site.tariff.versions
    versions = (replace(version, power=(tariff,)),)
    before = ((FIRST - timedelta(days=1), ((before_kw,),)),)
    return replace(site, tariff=replace(site.tariff, versions=versions)), Protocol(
        start_soc_kwh=5.0, month_before=before
    )


def test_homes_that_pay_for_power_are_the_same_bit_for_bit_together_or_alone() -> None:
    """Over the day of 25 hours and the turn of a month, whose peaks begin anew."""
    charged = [(NIGHTS_HALF, 0.5), (PERIODS, 2.0), (NIGHTS_HALF, 6.0), (PERIODS, 0.0)]
    homes = {f"home-{number}": _charging(*each) for number, each in enumerate(charged)}
    days = [FIRST, FIRST + timedelta(days=1), date(2025, 10, 31), date(2025, 11, 1)]
    slots: list[pl.DataFrame] = []
    past: list[pl.DataFrame] = []
    for number, name in enumerate(homes):
        every = days_of_slots(FIRST - timedelta(days=3), days[-1], seed=number)
        own = every.with_columns(site=pl.lit(name), import_price=pl.col("import_price") - 0.4)
        slots.append(own.filter(pl.col("local_day").is_in(days[3 * (number % 2) :])))
        past.append(own.select("site", *READ))
    known, history = pl.concat(slots), pl.concat(past)
    forecasts = known.select("site", "slot_start", "local_day", "load_kwh", "pv_kwh")
    together = replay_homes("value", homes, known, forecasts, history)
    costs = []
    for name, (site, protocol) in homes.items():
        own = pl.col("site") == name
        alone = replay_days(
            "value", known.filter(own).drop("site"), forecasts.filter(own).drop("site"), site, protocol,
            history=history.filter(own).drop("site"), workers=1,
        )  # fmt: skip
        assert together.filter(own).drop("site").select(alone.columns).equals(alone), name
        costs.append(alone["cost"].sum())
    assert len(set(costs)) == len(costs)
