"""The continuous protocol: stored energy carried through the whole window, prices known as they were published.

A planner at a slot knows the prices to the end of the local day, from 13:00 on those of the next day too, its forecasts
and the readings up to the slot. Days that are refused are left out, and the battery waits over them. The window is
settled once, at its end. Bounds: `oracle` knows the whole window; `oracle_published` knows load and PV, but prices only
as they were published: what a planner with perfect forecasts of the home could reach.

Where power is charged, planners carry the month's peaks too (`power_watch`), and `oracle` weighs the months' charges
with the window's energy; `oracle_published` does not see them and is no bound then.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from env.command_menu import full_export_kw
from env.inverter import Command, Energy
from env.simulator import Decide, Replay, World, simulate, slot_cost
from env.site import Site
from env.time_grid import local_clock
from planner.demand_charges.bills import charges_power
from planner.demand_charges.peak_tracker import LIKE_DAYS, PowerWatch, imagined
from planner.optimizer.home_program import HomeProgram
from planner.optimizer.peak_calendar import month_demands
from planner.optimizer.plan_commands import exact_commands
from planner.policies.mpc import ExactHorizon, ExactPrograms, Mpc, Span, exact_program
from planner.policies.value_policy import ValueDays
from planner.policies.write_budget import Steadiness
from planner.replay.daily import as_flows, constant_command, schedule_frame, unused_battery
from planner.value.overnight_value import end_values, start_values
from planner.value.protocol import Protocol
from planner.value.scenario_source import ScenarioSource
from planner.value.scenario_weights import Beliefs
from planner.value.slot_prices import PowerMeter, SlotPrices
from planner.value.terminal_value import END_STEPS, end_curve
from planner.value.value_function import Scenarios, soc_grid, value_function

PUBLISHED_MINUTE = 13 * 60  # local clock at which the next day's prices are there [min]
WINDOW_SECONDS = 600.0


@dataclass(frozen=True)
class Window:
    """The usable days of a window, one after the other.

    Attributes:
        slots: `slot_start, local_day, import_price, export_price, load_kwh, pv_kwh, load_forecast, pv_forecast` (made
            on the morning of the day) and `load_tomorrow, pv_tomorrow` (made on the morning of the day before).
        site: battery, limits, time zone.
        protocol: start, settlement, steadiness.
        history: readings that scenarios are taken from.
    """

    slots: pl.DataFrame
    site: Site
    protocol: Protocol
    history: pl.DataFrame

    @cached_property
    def world(self) -> World:
        """The window as one long episode, `(1, n_slots)`."""
        names = ("load_kwh", "pv_kwh", "import_price", "export_price")
        return World(*(self.column(name)[None] for name in names))

    def column(self, name: str) -> Energy:
        """A column `(n_slots,)`."""
        return self.slots[name].cast(pl.Float64).to_numpy()

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """First slot of each day, and the end of the last `(n_days + 1,)`."""
        lengths = self.slots.group_by("local_day", maintain_order=True).len()["len"]
        return np.concatenate([[0], np.cumsum(lengths.cast(pl.Int64).to_numpy())])

    @cached_property
    def next_is_known(self) -> NDArray[np.bool_]:
        """Whether the calendar's next day is the window's next day `(n_days,)`."""
        days = self.slots["local_day"].unique(maintain_order=True).to_list()
        follows = [later - day == timedelta(days=1) for day, later in pairwise(days)]
        return np.array([*follows, False])

    @cached_property
    def clock(self) -> NDArray[np.int64]:
        """Minutes since local midnight of each slot [min]."""
        return self.slots.select(local_clock(self.site.timezone))["local_clock"].to_numpy()

    @cached_property
    def settlement_value(self) -> float:
        """Worth of a stored kWh at the end of the window: that of its last day [money/kWh]."""
        return window_settlement(self.slots, self.site, self.protocol)

    @cached_property
    def end_values(self) -> Energy:
        """What stored energy is expected to be worth after each day, as known on its morning `(n_days, n_soc)`."""
        ends = self.starts
        days = [World(*(t[:, a:b] for t in vars(self.world).values())) for a, b in pairwise(ends)]
        battery = self.site.battery
        grid = soc_grid(battery)
        fallback = np.array([self.protocol.settlement(day.import_price[0], battery) for day in days])
        return end_values(start_values(days, self.site, self.protocol), fallback=fallback * (grid[1] - grid[0]))

    def horizon(self, slot: int, day: int) -> int:
        """End of what is published at a slot's start."""
        knows_next = self.clock[slot] >= PUBLISHED_MINUTE and self.next_is_known[day]
        return int(self.starts[day + 2] if knows_next else self.starts[day + 1])


def replay_window(
    policy: str, slots: pl.DataFrame, forecasts: pl.DataFrame, history: pl.DataFrame, site: Site, protocol: Protocol
) -> pl.DataFrame:
    """What a policy does in the window, stored energy carried through.

    Args:
        policy: one of `CONTINUOUS`.
        slots: `slot_start, local_day, import_price, export_price, load_kwh, pv_kwh` of whole days.
        forecasts: `slot_start, local_day` (of the vintage)`, load_kwh, pv_kwh`, each vintage for its day and the next.
        history: readings `slot_start, load_kwh, pv_kwh` that scenarios are taken from.
        site: battery, limits, time zone.
        protocol: start, settlement, steadiness.

    Returns:
        As `replay.replay_days`.
    """
    window = open_window(slots, forecasts, history, site, protocol)
    return schedule_frame(policy, window.slots.select(slots.columns), CONTINUOUS[policy](window))


def open_window(
    slots: pl.DataFrame, forecasts: pl.DataFrame, history: pl.DataFrame, site: Site, protocol: Protocol
) -> Window:
    """The window of these days; arguments as for `replay_window`."""
    return Window(_with_forecasts(slots, forecasts), site, protocol, history)


def window_settlement(slots: pl.DataFrame, site: Site, protocol: Protocol) -> float:
    """Worth of a stored kWh at the end of the window of these slots: that of its last day [money/kWh]."""
    last = slots.filter(pl.col("local_day") == pl.col("local_day").max())
    return protocol.settlement(last["import_price"].to_numpy(), site.battery)


def _with_forecasts(slots: pl.DataFrame, forecasts: pl.DataFrame) -> pl.DataFrame:
    """The slots with the forecasts of the same morning, and of the morning before."""
    central = forecasts.filter(pl.col("quantile") == 0.5) if "quantile" in forecasts.columns else forecasts  # noqa: PLR2004 - the median
    same = central.select("slot_start", "local_day", load_forecast="load_kwh", pv_forecast="pv_kwh")
    before = central.select(
        "slot_start",
        (pl.col("local_day") + pl.duration(days=1)).alias("local_day"),
        load_tomorrow="load_kwh",
        pv_tomorrow="pv_kwh",
    )
    keys = ["slot_start", "local_day"]
    joined = slots.sort("slot_start").join(same, on=keys, how="left", maintain_order="left")
    joined = joined.join(before, on=keys, how="left", maintain_order="left")
    names = ("load_forecast", "pv_forecast", "load_tomorrow", "pv_tomorrow")
    return joined.with_columns(pl.col(names).fill_null(0.0).fill_nan(0.0))


class Rolling:
    """A planner through a window: its span is opened anew at midnight, and when the next day is published.

    Args:
        window: the days.
    """

    def __init__(self, window: Window) -> None:
        self.window = window
        self.day = -1
        self.first, self.end = 0, -1

    def decide(self, slot: int, soc_kwh: Energy) -> Command:
        """The command of a slot."""
        window = self.window
        if slot >= window.starts[self.day + 1]:
            self.day, self.end = self.day + 1, -1
            self.begin_day()
        end = window.horizon(slot, self.day)
        if end != self.end:
            self.first, self.end = slot, end
            self.open(slot, end)
        return self.command(slot - self.first, soc_kwh)

    def take(self, first: int, end: int) -> None:
        """Take slots `first` to `end` for what is known, whatever the clock says; `first` lies on the first day."""
        self.day, self.first, self.end = 0, first, end
        self.begin_day()
        self.open(first, end)

    def begin_day(self) -> None:
        """Midnight has passed."""

    def open(self, first: int, end: int) -> None:
        """Slots `first` to `end` of the window are what is known now."""
        raise NotImplementedError

    def command(self, slot: int, soc_kwh: Energy) -> Command:
        """The command of a slot of the span."""
        raise NotImplementedError

    def end_value(self) -> Energy:
        """What is stored at the span's end is worth, on the grid `(n_soc,)`; a window's settlement is known [money]."""
        window, grid = self.window, soc_grid(self.window.site.battery)
        at_end = self.end == window.starts[-1]
        return window.settlement_value * (grid - grid[0]) if at_end else window.end_values[self.day]

    def last(self, slot: int) -> tuple[Energy, Energy] | tuple[None, None]:
        """What was read in the slot before, where it lies in the span."""
        if slot == 0:
            return None, None
        world, before = self.window.world, self.first + slot - 1
        return world.load_kwh[:, before], world.pv_kwh[:, before]

    def prices(self) -> tuple[Energy, Energy]:
        """Import and export price of the span."""
        world, span = self.window.world, slice(self.first, self.end)
        return world.import_price[0, span], world.export_price[0, span]


class OnScenarios(Rolling):
    """A planner that takes its scenarios from the days before, or from where it is told."""

    def __init__(self, window: Window, source: ScenarioSource | None = None) -> None:
        super().__init__(window)
        self.by_day = _scenarios_by_day(window, source or ScenarioSource(history=window.history))
        self.months = _Months(window) if charges_power(window.site) else None

    def decide(self, slot: int, soc_kwh: Energy) -> Command:
        """The command of a slot."""
        if self.months is not None:
            self.months.read(slot, soc_kwh)
        return super().decide(slot, soc_kwh)

    def begin_day(self) -> None:
        """A day begins: the month has another peak."""
        if self.months is not None:
            self.months.begin_day(self.day, self.by_day[self.day])

    def power(self) -> SlotPrices | None:
        """What power costs in the slots of the span."""
        return None if self.months is None else self.months.prices(self.first, self.end)

    def scenarios(self) -> Scenarios:
        """What the span may be."""
        start, midnight = self.window.starts[self.day], int(self.window.starts[self.day + 1])
        today = self.by_day[self.day]
        load, pv = (
            np.concatenate([part[:, :, self.first - start :], _stretched(part, self.end - midnight)], axis=2)
            for part in (today.load_kwh, today.pv_kwh)
        )
        return Scenarios(load, pv, today.prior)


class _Months:
    """The months of a window where power is charged, as its meter and its calendar tell.

    Args:
        window: the days.
    """

    def __init__(self, window: Window) -> None:
        self.window, self.day = window, -1
        self.watch = PowerWatch(window.site, window.protocol)
        everything = np.zeros((0, len(window.slots)))
        free = SlotPrices(free_kwh=everything, price=everything, period=everything.astype(np.int64))
        self.meter = PowerMeter(window.site, free)
        self.days = window.slots.partition_by("local_day", maintain_order=True)

    def read(self, slot: int, soc_kwh: Energy) -> None:
        """A slot begins."""
        world, before = self.window.world, max(slot - 1, 0)
        self.meter.read(slot, soc_kwh, world.load_kwh[:, before], world.pv_kwh[:, before])

    def begin_day(self, day: int, scenarios: Scenarios) -> None:
        """Another day begins, which may be like its scenarios."""
        if day > 0:
            past = slice(int(self.window.starts[day - 1]), int(self.window.starts[day]))
            ended = self.days[day - 1].select("slot_start")
            self.watch.end(ended.with_columns(import_kwh=pl.Series(self.meter.bought[past])))
        self.watch.begin(self.days[day]["local_day"][0])
        self.day, self.imagined = day, imagined(self.days[day], scenarios)

    def prices(self, first: int, end: int) -> SlotPrices:
        """What power costs in slots `first` to `end`; what begins in the next month is charged as this one is."""
        return self.watch.prices(
            self.window.slots["slot_start"][first:end],
            self.days[max(self.day - LIKE_DAYS, 0) : self.day],
            self.imagined,
        )


class _RollingMpc(OnScenarios):
    """MPC through a window."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self.steadiness = Steadiness(window.site, window.protocol.steadiness)
        self.program = exact_program(window.site, len(window.slots))
        self.programs = ExactPrograms(window.site)
        self.today, self.tomorrow = (
            (window.column(f"load_{kind}"), window.column(f"pv_{kind}")) for kind in ("forecast", "tomorrow")
        )

    def begin_day(self) -> None:
        """Begin to count another day's writes."""
        super().begin_day()
        self.steadiness.new_day()

    def open(self, first: int, end: int) -> None:
        """Work out what stored energy is worth over the span."""
        site, scenarios, (bought, sold) = self.window.site, self.scenarios(), self.prices()
        midnight = int(self.window.starts[self.day + 1])
        load, pv = (
            np.concatenate([today[first:midnight], tomorrow[midnight:end]])
            for today, tomorrow in zip(self.today, self.tomorrow, strict=True)
        )
        power, prices = self.power(), (bought[None], sold[None])
        value = value_function(scenarios, *prices, site=site, end_value=self.end_value()[None], power=power)
        span = Span(
            import_price=bought,
            export_price=sold,
            load_forecast=load,
            pv_forecast=pv,
            value=value,
            beliefs=Beliefs(scenarios),
            power=power,
        )
        program = self.program if len(bought) >= self.program.n_slots else None
        self.mpc = Mpc(site, span, steadiness=self.steadiness, program=program, programs=self.programs)

    def command(self, slot: int, soc_kwh: Energy) -> Command:
        """Plan from a slot on."""
        load, pv = self.last(slot)
        known = (None, None) if load is None or pv is None else (float(load[0]), float(pv[0]))
        return self.mpc.command(slot, float(soc_kwh[0]), *known)


class RollingValue(OnScenarios):
    """The policy `value` through a window."""

    def open(self, first: int, end: int) -> None:
        """Work out what stored energy is worth over the span."""
        del first, end
        bought, sold = self.prices()
        self.days = ValueDays(
            site=self.window.site,
            scenarios=self.scenarios(),
            import_price=bought[None],
            export_price=sold[None],
            end_value=self.end_value()[None],
            power=self.power(),
        )

    def command(self, slot: int, soc_kwh: Energy) -> Command:
        """Choose the command of a slot."""
        return self.days.command(slot, soc_kwh, *self.last(slot))

    def worth(self, slot: int) -> Energy:
        """What is stored at the end of the slot just decided is worth, on the grid `(n_soc,)` [money]."""
        return self.days.value.expected(slot + 1, self.days.belief)[0]


class _RollingOracle(Rolling):
    """Load and PV known, prices only as published: every slot planned exactly to the end of what is known."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self.programs: dict[int, HomeProgram] = {}

    def open(self, first: int, end: int) -> None:
        """Take over the prices of the span."""
        site, n_slots = self.window.site, end - first
        if n_slots not in self.programs:
            self.programs[n_slots] = HomeProgram(site.commanded, n_slots, end_steps=END_STEPS)
        curve = end_curve(self.end_value(), site.battery)
        self.horizon = ExactHorizon(site, *self.prices(), end=curve, program=self.programs[n_slots])

    def command(self, slot: int, soc_kwh: Energy) -> Command:
        """Plan from a slot on."""
        world, ahead = self.window.world, slice(self.first + slot, self.end)
        return self.horizon.command(slot, float(soc_kwh[0]), world.load_kwh[0, ahead], world.pv_kwh[0, ahead])


def _stretched(part: Energy, n_slots: int) -> Energy:
    """The first slots of each scenario, its last repeated where the next day is longer by a clock change."""
    have = part.shape[2]
    longer = np.repeat(part[:, :, -1:], max(n_slots - have, 0), axis=2)
    return np.concatenate([part[:, :, :n_slots], longer], axis=2)


def _scenarios_by_day(window: Window, source: ScenarioSource) -> list[Scenarios]:
    """What each day may be, as known on its morning; each `(1, n_scenarios, n_slots)`."""
    sized = window.slots.with_columns(n_slots=pl.len().over("local_day"))
    found: dict[date, Scenarios] = {}
    for part in sized.partition_by("n_slots", maintain_order=True):
        scenarios = source.scenarios(part, window.site.timezone)
        for index, day in enumerate(part["local_day"].unique(maintain_order=True).to_list()):
            own = slice(index, index + 1)
            found[day] = scenarios.part(own)
    return [found[day] for day in window.slots["local_day"].unique(maintain_order=True).to_list()]


def run_window(window: Window, decide: Decide, site: Site | None = None) -> Replay:
    """Live through the window from the protocol's start; another site where the battery is not the home's."""
    return simulate(decide, window.world, site or window.site, np.array([window.protocol.start_soc_kwh]))


def _idle(window: Window) -> Replay:
    return run_window(window, constant_command(0.0, full_export_kw(window.site)), unused_battery(window.site))


def _self_consumption(window: Window) -> Replay:
    return run_window(window, constant_command(window.site.battery.discharge_kw, 0.0))


def _oracle(window: Window) -> Replay:
    """The whole window in one program."""
    world, site, start = window.world, window.site, window.protocol.start_soc_kwh
    power = month_demands(window.slots["slot_start"], site)
    program = HomeProgram(site.commanded, world.load_kwh.shape[1], power=power)
    program.set_prices(world.import_price[0], world.export_price[0], window.settlement_value)
    program.set_house(world.load_kwh[0], world.pv_kwh[0], world.export_price[0])
    program.start_at(0, start)
    flows = as_flows(np.maximum(program.solve(time_limit=WINDOW_SECONDS).flows, 0.0)[None], site)
    told = exact_commands(
        charge_kwh=flows.charge_kwh, discharge_kwh=flows.discharge_kwh, load_kwh=world.load_kwh, pv_kwh=world.pv_kwh
    )
    soc = np.concatenate([[[start]], flows.soc_end_kwh], axis=1)
    return Replay(told, flows, soc, slot_cost(flows, world, site.battery))


Replayer: TypeAlias = Callable[[Window], Replay]
CONTINUOUS: dict[str, Replayer] = {
    "idle": _idle,
    "self_consumption": _self_consumption,
    "mpc": lambda window: run_window(window, _RollingMpc(window).decide),
    "value": lambda window: run_window(window, RollingValue(window).decide),
    "oracle_published": lambda window: run_window(window, _RollingOracle(window).decide),
    "oracle": _oracle,
}
