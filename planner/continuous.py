"""The continuous protocol: stored energy carried through the whole window, prices known as they were published.

A planner at a slot knows the prices to the end of the local day, from 13:00 on those of the next day too, its forecasts
and the readings up to the slot. Days that are refused are left out, and the battery waits over them. The window is
settled once, at its end. Bounds: `oracle` knows the whole window; `oracle_published` knows load and PV, but prices only
as they were published: what a planner with perfect forecasts of the home could reach.
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

from env.inverter import Command, Energy
from env.simulator import Decide, Replay, World, simulate, slot_cost
from env.site import Site
from env.time_grid import local_clock
from planner.commanding import exact_commands, full_export_kw
from planner.end_values import END_STEPS, end_curve, end_values, start_values
from planner.linear_program import HomeProgram
from planner.mpc import MpcHorizon, corrected_load, corrected_pv
from planner.protocol import Protocol
from planner.replay import as_flows, constant_command, schedule_frame, unused_battery
from planner.scenarios import day_scenarios
from planner.steadiness import Steadiness, SteadinessRules
from planner.value_function import Scenarios, soc_grid
from planner.value_policy import ValueDays

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
    window = Window(_with_forecasts(slots, forecasts), site, protocol, history)
    return schedule_frame(policy, window.slots.select(slots.columns), CONTINUOUS[policy](window))


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


class _RollingMpc:
    """MPC through a window: one hot program for what is left of a day, one for that and the next.

    Args:
        window: the days.
        perfect: whether load and PV are known ahead: the bound of what is published.
    """

    def __init__(self, window: Window, *, perfect: bool) -> None:
        self.window, self.perfect = window, perfect
        self.programs: dict[int, HomeProgram] = {}
        self.day = -1
        self.end = -1
        self.horizon: MpcHorizon | None = None
        rules = window.protocol.steadiness
        self.steadiness = None if perfect or rules == SteadinessRules() else Steadiness(window.site, rules)
        kinds = ("kwh", "kwh") if perfect else ("forecast", "tomorrow")
        self.today, self.tomorrow = ((window.column(f"load_{kind}"), window.column(f"pv_{kind}")) for kind in kinds)

    def decide(self, slot: int, soc_kwh: Energy) -> Command:
        """Plan from a slot to the end of what is published."""
        window = self.window
        if slot >= window.starts[self.day + 1]:
            self._begin_day()
        first, end = int(window.starts[self.day]), window.horizon(slot, self.day)
        if end != self.end or self.horizon is None:
            self.horizon, self.end = self._horizon(first, end), end
        load, pv = self._expected(slot, end)
        told = self.horizon.told(slot - first, float(soc_kwh[0]), load, pv, self.steadiness)
        return Command(*(np.asarray(power) for power in told))

    def _begin_day(self) -> None:
        self.day += 1
        self.end = -1
        if self.steadiness is not None:
            self.steadiness.new_day()

    def _horizon(self, first: int, end: int) -> MpcHorizon:
        window, n_slots = self.window, end - first
        if n_slots not in self.programs:
            self.programs[n_slots] = HomeProgram(window.site, n_slots, end_steps=END_STEPS)
        at_end = end == window.starts[-1]  # the window is settled there, and everybody knows how
        grid = soc_grid(window.site.battery)
        values = window.settlement_value * (grid - grid[0]) if at_end else window.end_values[self.day]
        return MpcHorizon(
            window.site,
            window.column("import_price")[first:end],
            window.column("export_price")[first:end],
            end=end_curve(values, window.site.battery),
            program=self.programs[n_slots],
        )

    def _expected(self, slot: int, end: int) -> tuple[Energy, Energy]:
        """Load and PV from a slot on, corrected by what was read in the slot before."""
        window, midnight = self.window, int(self.window.starts[self.day + 1])
        load, pv = (
            np.concatenate([today[slot:midnight], tomorrow[midnight:end]])
            for today, tomorrow in zip(self.today, self.tomorrow, strict=True)
        )
        if self.perfect or slot == 0:
            return load, pv
        last_load, last_pv = window.world.load_kwh[0, slot - 1], window.world.pv_kwh[0, slot - 1]
        load = corrected_load(load, float(last_load - self.today[0][slot - 1]))
        return load, corrected_pv(pv, float(last_pv), float(self.today[1][slot - 1]))


class _RollingValue:
    """The policy `value` through a window: worked out anew each midnight, and when the next day is published."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.day = -1
        self.end = -1
        self.first = 0
        self.days: ValueDays | None = None
        self.scenarios = _scenarios_by_day(window)

    def decide(self, slot: int, soc_kwh: Energy) -> Command:
        """Choose the command of a slot."""
        window = self.window
        if slot >= window.starts[self.day + 1]:
            self.day, self.end = self.day + 1, -1
        end = window.horizon(slot, self.day)
        if end != self.end or self.days is None:
            self.days, self.end, self.first = self._planned(slot, end), end, slot
        if slot == self.first:
            return self.days.command(0, soc_kwh, None, None)
        world = window.world
        return self.days.command(slot - self.first, soc_kwh, world.load_kwh[:, slot - 1], world.pv_kwh[:, slot - 1])

    def _planned(self, slot: int, end: int) -> ValueDays:
        """The value function from a slot to the end of what is published."""
        window, start = self.window, int(self.window.starts[self.day])
        today = self.scenarios[self.day]
        beyond = end - int(window.starts[self.day + 1])
        load, pv = (
            np.concatenate([part[:, :, slot - start :], _stretched(part, beyond)], axis=2)
            for part in (today.load_kwh, today.pv_kwh)
        )
        grid = soc_grid(window.site.battery)
        at_end = end == window.starts[-1]
        values = window.settlement_value * (grid - grid[0]) if at_end else window.end_values[self.day]
        return ValueDays(
            site=window.site,
            scenarios=Scenarios(load, pv),
            import_price=window.column("import_price")[None, slot:end],
            export_price=window.column("export_price")[None, slot:end],
            end_value=values[None],
        )


def _stretched(part: Energy, n_slots: int) -> Energy:
    """The first slots of each scenario, its last repeated where the next day is longer by a clock change."""
    have = part.shape[2]
    longer = np.repeat(part[:, :, -1:], max(n_slots - have, 0), axis=2)
    return np.concatenate([part[:, :, :n_slots], longer], axis=2)


def _scenarios_by_day(window: Window) -> list[Scenarios]:
    """What each day may be, as known on its morning; each `(1, n_scenarios, n_slots)`."""
    sized = window.slots.with_columns(n_slots=pl.len().over("local_day"))
    found: dict[date, Scenarios] = {}
    for part in sized.partition_by("n_slots", maintain_order=True):
        scenarios = day_scenarios(window.history, part, window.site.timezone)
        for index, day in enumerate(part["local_day"].unique(maintain_order=True).to_list()):
            own = slice(index, index + 1)
            found[day] = Scenarios(scenarios.load_kwh[own], scenarios.pv_kwh[own])
    return [found[day] for day in window.slots["local_day"].unique(maintain_order=True).to_list()]


def _run(window: Window, decide: Decide, site: Site | None = None) -> Replay:
    return simulate(decide, window.world, site or window.site, np.array([window.protocol.start_soc_kwh]))


def _idle(window: Window) -> Replay:
    return _run(window, constant_command(0.0, full_export_kw(window.site)), unused_battery(window.site))


def _self_consumption(window: Window) -> Replay:
    return _run(window, constant_command(window.site.battery.discharge_kw, 0.0))


def _oracle(window: Window) -> Replay:
    """The whole window in one program."""
    world, site, start = window.world, window.site, window.protocol.start_soc_kwh
    program = HomeProgram(site, world.load_kwh.shape[1])
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
    "mpc": lambda window: _run(window, _RollingMpc(window, perfect=False).decide),
    "value": lambda window: _run(window, _RollingValue(window).decide),
    "oracle_published": lambda window: _run(window, _RollingMpc(window, perfect=True).decide),
    "oracle": _oracle,
}
