"""Made-up days to live through: both days the clock changes, negative and zero prices, homes that differ."""

from datetime import UTC, date, datetime

import numpy as np

from env.battery import Battery
from env.gym.episodes import Episodes, Outlook, joined
from env.inverter import Energy
from env.site import Limits, Site
from env.time_grid import day_start, slot_count, zone
from tests.builders.homes import home

ZONE = "Europe/Stockholm"
SPRING, AUTUMN, PLAIN_DAY = date(2026, 3, 29), date(2025, 10, 26), date(2026, 2, 3)
DAYS = (SPRING, AUTUMN, PLAIN_DAY, date(2026, 6, 21))
TIGHT = Limits(import_kw=9, export_kw=4, inverter_kw=7, curtailable=True)
SMALL = Battery.from_percent(
    capacity_kwh=6, min_soc_percent=5, max_soc_percent=95, charge_kw=3, discharge_kw=2.5, round_trip_efficiency=0.9,
    wear_cost=0.1, cycle_cost=0.3, retention_per_hour=0.999,
)  # fmt: skip
CURVED = Battery.from_percent(
    capacity_kwh=10, min_soc_percent=0, max_soc_percent=100, charge_kw=4, discharge_kw=5, round_trip_efficiency=0.9,
    wear_cost=0.0, charge_curve=((1, 0.8), (4, 0.95)), discharge_curve=((2, 0.9), (5, 0.95)),
)  # fmt: skip


def sites() -> tuple[Site, ...]:
    """A large battery, a small one behind tight limits, one whose efficiency depends on its power."""
    return home(), home(SMALL, TIGHT), home(CURVED)


def clock_minutes(day: date) -> Energy:
    """The wall clock at every slot of a local day [min]."""
    start = day_start(day, ZONE).timestamp()
    at = [datetime.fromtimestamp(start + 900 * slot, UTC) for slot in range(slot_count(day, ZONE))]
    local = [moment.astimezone(zone(ZONE)) for moment in at]
    return np.array([moment.hour * 60.0 + moment.minute for moment in local])


def day_episode(site: Site, day: date, seed: int, *, n_scenarios: int = 3, n_soc: int = 9) -> Episodes:
    """One day at one home, with an outlook and a baseline."""
    rng, n = np.random.default_rng(seed), slot_count(day, ZONE)
    hour = np.arange(n) / 4
    spot = 0.5 + 0.7 * np.sin((hour - 9) / 24 * 4 * np.pi) + rng.normal(0, 0.1, n)
    spot[rng.random(n) < 0.1] = 0.0
    load = rng.gamma(2.0, 0.15, n)
    pv = np.clip(np.sin((hour - 6) / 12 * np.pi), 0, None) * rng.uniform(0, 2)
    value = np.cumsum(rng.uniform(0, 2, (1, n, n_soc)), axis=2)
    weight = rng.random((1, n, n_scenarios))
    battery = site.battery
    return Episodes(
        sites=(site,),
        home=np.zeros(1, dtype=np.intp),
        n_slots=np.array([n]),
        load_kwh=load[None],
        pv_kwh=pv[None],
        import_price=1.25 * (spot + 0.3)[None],
        export_price=spot[None],
        load_forecast=rng.gamma(2.0, 0.15, n)[None],
        pv_forecast=(pv * rng.uniform(0.5, 1.5, n))[None],
        clock_minutes=clock_minutes(day)[None],
        start_soc_kwh=np.array([battery.soc_kwh(50)]),
        settlement_value=np.array([0.8]),
        outlook=Outlook(
            load_kwh=rng.gamma(2.0, 0.15, (1, n, n_scenarios)),
            pv_kwh=pv[None, :, None] * rng.uniform(0, 2, (1, n, n_scenarios)),
            weight=weight / weight.sum(axis=2, keepdims=True),
            value=value,
        ),
        baseline_cost=rng.normal(0, 1, (1, n)),
    )


def several(*homes: Site, days: tuple[date, ...] = DAYS) -> Episodes:
    """Every day at every home."""
    return joined([day_episode(site, day, 10 * i + j) for i, site in enumerate(homes) for j, day in enumerate(days)])


def mixed() -> Episodes:
    """Twelve rows: three homes, days of 92, 96 and 100 slots."""
    return several(*sites())
