"""Schedules that are as they should be, on varied homes and days, and the site each is judged by."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache

import polars as pl

from env.site import Limits, Site
from planner.forecasts.naive import naive_forecasts
from planner.replay.daily import replay_days
from planner.value.protocol import Protocol
from planner.verification.verifier import Verification
from tests.builders.homes import DEFAULT_BATTERY, PAPER_BATTERY, STOCKHOLM, days_of_slots, home, start_soc

SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
REPLAYED = ("idle", "self_consumption", "mpc", "oracle")
LEAKY = replace(
    PAPER_BATTERY,
    retention_per_hour=0.99,
    cycle_cost=0.7,
    charge_taper=((60.0, 4.0), (80.0, 3.0), (100.0, 0.4)),
    discharge_taper=((0.0, 0.5), (30.0, 4.0)),
)
CURVED = replace(
    PAPER_BATTERY, charge_curve=((1.0, 0.85), (4.0, 0.95)), discharge_curve=((1.0, 0.8), (4.0, 0.9))
)  # a convex loss is not what the oracle may assume: only policies that the inverter runs
TIGHT = Limits(import_kw=3, export_kw=2, inverter_kw=3, curtailable=True)
HOMES = {
    "default": home(),
    "fuse": home(limits=Limits(import_kw=5)),
    "export ban": home(PAPER_BATTERY, Limits(export_kw=0)),
    "curtails_surplus": home(PAPER_BATTERY, Limits(export_kw=2, curtailable=True)),
    "inverter": home(DEFAULT_BATTERY, Limits(inverter_kw=3)),
    "tight": home(PAPER_BATTERY, TIGHT),
    "leaky": home(LEAKY, Limits(curtailable=True)),
}


@dataclass(frozen=True)
class Example:
    """A schedule of some days in daily episodes, and what it is judged by."""

    policy: str
    site: Site
    start_soc_kwh: float
    slots: pl.DataFrame


def unused(site: Site) -> Site:
    """The home as `idle` runs it: with a battery that has no power."""
    return replace(site, battery=replace(site.battery, charge_kw=0.0, discharge_kw=0.0))


@cache
def example(name: str, policy: str) -> Example:
    """Two days around each clock change, negative prices among them, on one of `HOMES`."""
    site, seed = HOMES[name], sorted(HOMES).index(name)
    days = [days_of_slots(middle, middle + timedelta(days=1), seed=seed) for middle in (SPRING, AUTUMN)]
    deep = 0.6 if policy == "mpc" else 1.6  # being paid to import makes MPC decide with binaries: a minute for a day
    below_zero = pl.when(pl.col("local_day") == AUTUMN).then(deep).otherwise(0.0)
    slots = pl.concat(days).with_columns(
        pl.col("load_kwh") * 1.4, pl.col("import_price") - below_zero, pl.col("export_price") - below_zero
    )
    start = start_soc(site, 0.5)
    whole = slots["local_day"].unique().sort().to_list()
    forecasts = naive_forecasts(slots, whole, STOCKHOLM, load_days=7, pv_days=3)
    replayed = replay_days(policy, slots, forecasts, site, Protocol(start_soc_kwh=start), workers=1)
    return Example(policy, unused(site) if policy == "idle" else site, start, replayed)


def findings_of(verification: Verification) -> list[tuple[int, str]]:
    """Slot and rule of every violation."""
    return [(each.slot_index, each.rule) for each in verification.violations]
