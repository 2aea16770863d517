"""A window of days in the continuous protocol, and what is known of it in each slot.

A planner at a slot knows the prices to the end of the local day, from 13:00 on those of the next day too, its forecasts
and the readings up to the slot. Refused days are left out, and the battery waits over them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import pairwise

import numpy as np
import polars as pl

from env.inverter import Energy
from env.power_tariff import MonthState
from env.simulator import World
from env.site import Site
from env.time_grid import local_clock
from env.types import Integers, Mask
from planner.byhand.commands import HandCommands
from planner.care.soc_targets import SocTargets, reserve_kwh, soc_targets
from planner.forecasts.central import central_forecasts
from planner.value.forecast_ends import DayPrices, forecast_end_values
from planner.value.full_charge import past_full_charge_prices
from planner.value.overnight_value import end_values, start_values
from planner.value.protocol import Protocol
from planner.value.scenario_source import Past, scenarios_by_day
from planner.value.scenarios import Scenarios
from planner.value.value_function import soc_grid

PUBLISHED_MINUTE = 13 * 60
FORECASTS = ("load_forecast", "pv_forecast", "load_tomorrow", "pv_tomorrow")


@dataclass(frozen=True)
class Window:
    """The usable days of a window, one after the other.

    Attributes:
        slots: `slot_start, local_day, import_price, export_price, load_kwh, pv_kwh, load_forecast, pv_forecast` (made
            on the morning of the day) and `load_tomorrow, pv_tomorrow` (made on the morning of the day before).
        site: battery, limits, time zone.
        protocol: start, settlement, write budget.
        history: readings that scenarios are taken from, or the scenarios of each day.
        prices: forecaster of the spot prices of days that are not published; None where there is none.
        last_value: value of stored energy at the window's end, on `soc_grid` `(n_soc,)` [money]; None where the
            protocol settles it.
        month: the metered month at the slot that is decided, a state for each component of the demand charge; empty in
            a replay, which meters its own imports.
        import_kwh: metered import of the first slots, NaN where there is none [kWh]; empty in a replay.
        targets: reserve and care of its slots, where they do not follow from the calendar alone.
        by_hand: commands of its slots that people have set; None for none.
    """

    slots: pl.DataFrame
    site: Site
    protocol: Protocol
    history: Past
    prices: DayPrices | None = None
    last_value: Energy | None = None
    month: tuple[MonthState, ...] = ()
    import_kwh: tuple[float, ...] = ()
    targets: SocTargets | None = None
    by_hand: HandCommands | None = None

    @property
    def days(self) -> pl.DataFrame:
        """The slots without the forecasts."""
        return self.slots.drop(FORECASTS)

    @cached_property
    def world(self) -> World:
        """The window as one long episode, `(1, n_slots)`."""
        names = ("load_kwh", "pv_kwh", "import_price", "export_price")
        return World(*(self.column(name)[None] for name in names))

    def column(self, name: str) -> Energy:
        """Return a column `(n_slots,)`."""
        return self.slots[name].cast(pl.Float64).to_numpy()

    @cached_property
    def starts(self) -> Integers:
        """First slot of each day, and the end of the last `(n_days + 1,)`."""
        lengths = self.slots.group_by("local_day", maintain_order=True).len()["len"]
        return np.concatenate([[0], np.cumsum(lengths.cast(pl.Int64).to_numpy())])

    @cached_property
    def next_is_known(self) -> Mask:
        """True where the calendar's next day is the window's next day `(n_days,)`."""
        days = self.slots["local_day"].unique(maintain_order=True).to_list()
        follows = [later - day == timedelta(days=1) for day, later in pairwise(days)]
        return np.array([*follows, False])

    @cached_property
    def clock(self) -> Integers:
        """Minutes since local midnight of each slot [min]."""
        return self.slots.select(local_clock(self.site.timezone))["local_clock"].to_numpy()

    @cached_property
    def settlement_value(self) -> float:
        """Settlement value at the end of the window: that of its last day [money/kWh]."""
        return window_settlement(self.slots, self.site, self.protocol)

    @cached_property
    def last_values(self) -> Energy:
        """Value of stored energy at the window's end, on `soc_grid` `(n_soc,)` [money]."""
        if self.last_value is not None:
            return self.last_value
        grid = soc_grid(self.site.battery)
        return self.settlement_value * (grid - grid[0])

    @cached_property
    def end_values(self) -> Energy:
        """Expected value of stored energy after each day, as known at its start `(n_days, n_soc)` [money]."""
        return self._beyond(0)

    @cached_property
    def next_end_values(self) -> Energy:
        """Expected value after the day that follows each, known once its prices are `(n_days, n_soc)` [money]."""
        return self._beyond(1)

    @cached_property
    def _past_means(self) -> Energy:
        """Value of stored energy after a day as the days before it had it `(n_days, n_soc)` [money]."""
        days = [World(*(t[:, a:b] for t in vars(self.world).values())) for a, b in pairwise(self.starts)]
        battery = self.site.battery
        grid = soc_grid(battery)
        fallback = np.array([self.protocol.settlement(day.import_price[0], battery) for day in days])
        return end_values(start_values(days, self.site, self.protocol), fallback=fallback * (grid[1] - grid[0]))

    def _beyond(self, more_days: int) -> Energy:
        """Return the expected value after the published prices, which reach so many days beyond each day."""
        if self.prices is None:
            return self._past_means
        calendar: list[date] = self.slots["local_day"].unique(maintain_order=True).to_list()
        published = [day + timedelta(days=more_days) for day in calendar]
        scenarios = [self.scenarios[day] for day in calendar]
        return forecast_end_values(published, scenarios, self._past_means, prices=self.prices, site=self.site)

    @cached_property
    def scenarios(self) -> Mapping[date, Scenarios]:
        """Scenarios of each day, as its midnight saw them."""
        return scenarios_by_day(self.history, self.slots, self.site.timezone)

    @cached_property
    def floor_kwh(self) -> Energy:
        """Stored energy that is kept for outages by the calendar, the minimum included `(n_slots,)` [kWh]."""
        return reserve_kwh(self.site.care, self.slots["slot_start"], self.site)

    @property
    def places_full_charges(self) -> bool:
        """Return whether full charges are still to be placed: wished for, and not among given targets."""
        return self.targets is None and self.site.care.full_charge_days is not None

    @cached_property
    def past_full_charges(self) -> Energy:
        """Price of a full charge at the best hour of each day, known once the day is over `(n_days,)` [money]."""
        days = [World(*(t[:, a:b] for t in vars(self.world).values())) for a, b in pairwise(self.starts)]
        return past_full_charge_prices(days, self.site, self.protocol)

    def targets_of(self, first: int, end: int) -> SocTargets | None:
        """Return the reserve and care of slots `first` to `end`; None for a site without."""
        if self.targets is not None or not self.site.care.wanted:
            return None if self.targets is None else self.targets.slots(first, end)
        prices = (self.world.import_price[:, first:end], self.world.export_price[:, first:end])
        return soc_targets(self.site, self.floor_kwh[None, first:end], *prices)

    def by_hand_of(self, first: int, end: int) -> HandCommands | None:
        """Return the commands that people have set in slots `first` to `end`; None for none."""
        return None if self.by_hand is None else self.by_hand.slots(first, end)

    def horizon(self, slot: int, day: int, published_minute: int = PUBLISHED_MINUTE) -> int:
        """Return the end of the published prices at a slot's start; the next day's are there at a local clock [min]."""
        knows_next = self.clock[slot] >= published_minute and self.next_is_known[day]
        return int(self.starts[day + 2] if knows_next else self.starts[day + 1])

    def forecasts(self, first: int, midnight: int, end: int) -> tuple[Energy, Energy]:
        """Return the forecasts of load and PV in slots `first` to `end` as the morning before `midnight` saw them.

        Args:
            first: index of the first slot, before midnight.
            midnight: first slot of the next day, which the forecast of the day before reaches into.
            end: index after the last slot.
        """
        today, tomorrow = slice(first, midnight), slice(midnight, end)
        load, pv = (
            np.concatenate([self.column(f"{name}_forecast")[today], self.column(f"{name}_tomorrow")[tomorrow]])
            for name in ("load", "pv")
        )
        return load, pv


def open_window(
    slots: pl.DataFrame,
    forecasts: pl.DataFrame,
    history: Past,
    site: Site,
    protocol: Protocol,
    *,
    prices: DayPrices | None = None,
) -> Window:
    """Return the window of these days; arguments as for `planner.replay.continuous.replay_window`."""
    return Window(_with_forecasts(slots, forecasts), site, protocol, history, prices=prices)


def window_settlement(slots: pl.DataFrame, site: Site, protocol: Protocol) -> float:
    """Return the settlement value at the end of the window of these slots: that of its last day [money/kWh]."""
    last = slots.filter(pl.col("local_day") == pl.col("local_day").max())
    return protocol.settlement(last["import_price"].to_numpy(), site.battery)


def _with_forecasts(slots: pl.DataFrame, forecasts: pl.DataFrame) -> pl.DataFrame:
    """Join the forecasts of the same morning, and of the morning before."""
    same = central_forecasts(forecasts)
    before = same.select(
        "slot_start",
        (pl.col("local_day") + pl.duration(days=1)).alias("local_day"),
        load_tomorrow="load_forecast",
        pv_tomorrow="pv_forecast",
    )
    keys = ["slot_start", "local_day"]
    joined = slots.sort("slot_start").join(same, on=keys, how="left", maintain_order="left")
    joined = joined.join(before, on=keys, how="left", maintain_order="left")
    return joined.with_columns(pl.col(FORECASTS).fill_null(0.0).fill_nan(0.0))
