"""`value` on days it knows better than anybody could: what is missing, split into sun, load and prices.

The policy is the same and so is the world; only what it expects changes. Where load or PV is known, every scenario has
the readings to come. The gains do not add up: knowing both is worth more than their sum, or less.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from env.inverter import Energy
from env.site import Site
from planner.forecasts.central import central_forecasts
from planner.policies.rolling import RollingValue
from planner.policies.window import PUBLISHED_MINUTE, Window
from planner.replay.continuous import run_window
from planner.replay.daily import replay_days
from planner.replay.schedules import schedule_frame
from planner.value.protocol import Protocol
from planner.value.scenario_source import Past, scenarios_by_day
from planner.value.scenarios import Scenarios


@dataclass(frozen=True, kw_only=True)
class Knowledge:
    """The part of the future that is known beforehand.

    Attributes:
        load: load to come.
        pv: PV to come.
        prices: the next day's prices from its eve's midnight on, not from 13:00; only where days follow days.
    """

    load: bool = False
    pv: bool = False
    prices: bool = False

    def of(self, scenarios: Scenarios, load_kwh: Energy, pv_kwh: Energy) -> Scenarios:
        """Return the scenarios with what is known in each of them.

        Args:
            scenarios: of one home.
            load_kwh: what will be read `(n_slots,)` [kWh].
            pv_kwh: what will be read `(n_slots,)` [kWh].
        """
        shape = scenarios.load_kwh.shape
        load = np.broadcast_to(load_kwh, shape).copy() if self.load else scenarios.load_kwh
        pv = np.broadcast_to(pv_kwh, shape).copy() if self.pv else scenarios.pv_kwh
        return Scenarios(load, pv, scenarios.prior)


DAILY_KNOWLEDGE: Mapping[str, Knowledge] = {
    "sun": Knowledge(pv=True),
    "load": Knowledge(load=True),
    "sun_and_load": Knowledge(load=True, pv=True),
}
CONTINUOUS_KNOWLEDGE: Mapping[str, Knowledge] = {
    **DAILY_KNOWLEDGE,
    "prices": Knowledge(prices=True),
    "all": Knowledge(load=True, pv=True, prices=True),
}
"""By name; `all` is the whole home and the next day's prices."""


def replay_known_days(
    knowledge: Knowledge,
    slots: pl.DataFrame,
    forecasts: pl.DataFrame,
    site: Site,
    protocol: Protocol,
    *,
    history: Past,
) -> pl.DataFrame:
    """Replay `value` on separate days; arguments and result as for `planner.replay.daily.replay_days`."""
    planned = slots.sort("slot_start").join(
        central_forecasts(forecasts), on=["slot_start", "local_day"], how="left", maintain_order="left"
    )
    expected = scenarios_by_day(history, planned, site.timezone)
    read = planned.partition_by("local_day", maintain_order=True, as_dict=True)
    known: dict[date, Scenarios] = {
        day: knowledge.of(expected[day], *_readings(frame)) for (day,), frame in read.items()
    }
    return replay_days("value", slots, forecasts, site, protocol, history=known)


def replay_known_window(knowledge: Knowledge, window: Window) -> pl.DataFrame:
    """Replay `value` through a window; the result is as of `planner.replay.continuous.replay_window`."""
    return schedule_frame("value", window.days, run_window(window, _KnowingValue(window, knowledge).decide))


class _KnowingValue(RollingValue):
    """`value` through a window whose future it knows in part."""

    def __init__(self, window: Window, knowledge: Knowledge) -> None:
        super().__init__(window)
        self.knowledge = knowledge
        self.published_minute = 0 if knowledge.prices else PUBLISHED_MINUTE

    def scenarios(self) -> Scenarios:
        """Return the scenarios of the span, with what is known in them."""
        world, span = self.window.world, slice(self.first, self.end)
        return self.knowledge.of(super().scenarios(), world.load_kwh[0, span], world.pv_kwh[0, span])


def _readings(slots: pl.DataFrame) -> tuple[Energy, Energy]:
    load, pv = (slots[name].cast(pl.Float64).to_numpy() for name in ("load_kwh", "pv_kwh"))
    return load, pv
