"""Planners through a window: the span of known prices is opened anew at midnight and when the next day is published.

With a demand charge planners carry the month's peaks, too (`planner.demand_charges.peak_tracker`).
"""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial

import numpy as np
import polars as pl

from env.inverter import Command, Decision, Energy
from env.power_tariff import MonthState, month_state
from env.simulator import World
from planner.care.soc_targets import SocTargets, no_targets
from planner.demand_charges.bills import has_demand_charge
from planner.demand_charges.peak_tracker import SIMILAR_DAYS, PeakTracker
from planner.optimizer.home_program import HomeProgram
from planner.policies.full_charges import FullCharges
from planner.policies.mpc import ExactHorizon, ExactPrograms, Mpc, exact_program, known_span
from planner.policies.plan_before import SteadyChoices
from planner.policies.value_policy import ValueDays, cheapest
from planner.policies.window import PUBLISHED_MINUTE, Window
from planner.policies.write_budget import WriteBudget
from planner.value.scenario_source import ScenarioSource
from planner.value.scenarios import Scenarios, stretched
from planner.value.slot_prices import PowerMeter, SlotPrices
from planner.value.terminal_value import END_STEPS, concave_terminal_value
from planner.value.value_function import in_order


class RollingPlanner:
    """A planner through a window: its span is opened anew at midnight, and when the next day is published.

    Args:
        window: the days.
    """

    published_minute = PUBLISHED_MINUTE

    def __init__(self, window: Window) -> None:
        self.window = window
        self.day = -1
        self.first: int = 0
        self.end: int = -1
        self.full_charges = FullCharges(window) if window.places_full_charges else None

    def decide(self, slot: int, soc_kwh: Energy) -> Decision:
        """Return the command of a slot of the window."""
        window = self.window
        if self.full_charges is not None and self.full_charges.read(slot, float(soc_kwh[0])):
            self.end = -1  # what was wanted has come about: the span is opened anew without it
        if slot >= window.starts[self.day + 1]:
            self.day, self.end = self.day + 1, -1
            self.begin_day()
        end = window.horizon(slot, self.day, self.published_minute)
        if end != self.end:
            self.first, self.end = slot, end
            self.open(slot, end)
        return self.command(slot - self.first, soc_kwh)

    def open_at(self, first: int, end: int) -> None:
        """Open the span of slots `first` to `end`, whatever the clock says; `first` lies on the first day."""
        self.day, self.first, self.end = 0, first, end
        self.begin_day()
        self.open(first, end)

    def begin_day(self) -> None:
        """Begin a day after midnight."""

    def open(self, first: int, end: int) -> None:
        """Open the span of slots `first` to `end`, whose prices are published now."""
        raise NotImplementedError

    def command(self, slot: int, soc_kwh: Energy) -> Decision:
        """Return the command of a slot of the span."""
        raise NotImplementedError

    def end_value(self) -> Energy:
        """Return the value of stored energy at the span's end, on the grid `(n_soc,)` [money]."""
        window = self.window
        if self.end == window.starts[-1]:
            return window.last_values
        knows_next = self.end > window.starts[self.day + 1]
        return window.next_end_values[self.day] if knows_next else window.end_values[self.day]

    def last(self, slot: int) -> tuple[Energy, Energy] | tuple[None, None]:
        """Return load and PV of the slot before, where it lies in the span."""
        if slot == 0:
            return None, None
        world, before = self.window.world, self.first + slot - 1
        return world.load_kwh[:, before], world.pv_kwh[:, before]

    def targets(self) -> SocTargets | None:
        """Return the reserve and care of the span; None for a site without."""
        targets = self.window.targets_of(self.first, self.end)
        if targets is None or self.full_charges is None:
            return targets
        return self.full_charges.placed(self.first, targets, self.expected(), self.end_value(), self.power())

    def expected(self) -> World:
        """Return what is expected of the span, here that it is known."""
        span = slice(self.first, self.end)
        return World(*(table[:, span] for table in vars(self.window.world).values()))

    def power(self) -> SlotPrices | None:
        """Return the demand charge of the span; None for none."""
        return None

    def prices(self) -> tuple[Energy, Energy]:
        """Return import and export price of the span."""
        world, span = self.window.world, slice(self.first, self.end)
        return world.import_price[0, span], world.export_price[0, span]


class ScenarioPlanner(RollingPlanner):
    """A planner with scenarios, by default the days before."""

    def __init__(self, window: Window, source: ScenarioSource | None = None) -> None:
        super().__init__(window)
        scenarios = window.scenarios if source is None else source.by_day(window.slots, window.site.timezone)
        self.by_day = [scenarios[day] for day in window.slots["local_day"].unique(maintain_order=True).to_list()]
        self.months = _Months(window, scenarios) if has_demand_charge(window.site) else None

    def decide(self, slot: int, soc_kwh: Energy) -> Decision:
        """Return the command of a slot."""
        if self.months is not None:
            self.months.read(slot, soc_kwh)
        return super().decide(slot, soc_kwh)

    def begin_day(self) -> None:
        """Begin a day, with the peaks of the day before."""
        if self.months is not None:
            self.months.begin_day(self.day)

    def power(self) -> SlotPrices | None:
        """Return the demand charge of the span; None where the tariff has none."""
        return None if self.months is None else self.months.prices(self.first, self.end)

    def expected(self) -> World:
        """Return the mean of the scenarios."""
        scenarios, (import_price, export_price) = self.scenarios(), self.prices()
        weights = np.full(scenarios.load_kwh.shape[:2], 1 / scenarios.load_kwh.shape[1])
        prior = (weights if scenarios.prior is None else scenarios.prior)[..., None]
        load, pv = (in_order(prior * table) for table in (scenarios.load_kwh, scenarios.pv_kwh))
        return World(load, pv, import_price[None], export_price[None])

    def scenarios(self) -> Scenarios:
        """Return the scenarios of the span."""
        start, midnight = self.window.starts[self.day], int(self.window.starts[self.day + 1])
        today = self.by_day[self.day]
        load, pv = (
            np.concatenate([part[:, :, self.first - start :], stretched(part, self.end - midnight)], axis=2)
            for part in (today.load_kwh, today.pv_kwh)
        )
        return Scenarios(load, pv, today.prior)


class _Months:
    """The months of a window with a demand charge: metered imports and peaks.

    Args:
        window: the days.
        scenarios: of each day.
    """

    def __init__(self, window: Window, scenarios: Mapping[date, Scenarios]) -> None:
        self.window, self.day = window, -1
        self.peaks = PeakTracker(window.site, window.protocol, scenarios)
        self.meter = PowerMeter(window.site, SlotPrices.nothing(len(window.slots)))
        self.days = window.slots.partition_by("local_day", maintain_order=True)

    def read(self, slot: int, soc_kwh: Energy) -> None:
        """Begin a slot: meter the one before."""
        world, before = self.window.world, max(slot - 1, 0)
        self.meter.read(slot, soc_kwh, world.load_kwh[:, before], world.pv_kwh[:, before])

    def begin_day(self, day: int) -> None:
        """Begin another day."""
        if day > 0:
            past = slice(int(self.window.starts[day - 1]), int(self.window.starts[day]))
            ended = self.days[day - 1].select("slot_start")
            self.peaks.end_day(ended.with_columns(import_kwh=pl.Series(self.meter.import_kwh[0, past])))
        self.peaks.begin_day(self.days[day]["local_day"][0])
        if self.window.month:
            self.peaks.know(self.window.month)
        self.day = day

    def prices(self, first: int, end: int) -> SlotPrices:
        """Return the demand charge of slots `first` to `end`; the next month's slots count as this month's."""
        return self.peaks.prices(
            self.window.slots["slot_start"][first:end],
            self.days[max(self.day - SIMILAR_DAYS, 0) : self.day],
            self.days[self.day],
            today_kw=[state.today_kw for state in self._states(first)],
        )

    def _states(self, first: int) -> Sequence[MonthState]:
        """Return the month so far at a slot: as metered, in a replay by the imports of the day's slots before it."""
        start = int(self.window.starts[self.day])
        if self.window.month or first == start:
            return self.window.month
        ended = self.days[self.day].select("slot_start").head(first - start)
        imports = ended.with_columns(import_kwh=pl.Series(self.meter.import_kwh[0, start:first]))
        now, timezone = self.window.slots["slot_start"][first], self.window.site.timezone
        return [month_state(imports, tariff, timezone, now) for tariff in self.peaks.tariffs]


class RollingMpc(ScenarioPlanner):
    """MPC through a window."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self.steadiness = WriteBudget(window.site, window.protocol.write_budget)
        self.program = exact_program(window.site, len(window.slots))
        self.programs = ExactPrograms(window.site)

    def begin_day(self) -> None:
        """Begin to count another day's writes."""
        super().begin_day()
        self.steadiness.new_day()

    def open(self, first: int, end: int) -> None:
        """Compute the value function over the span."""
        site, scenarios, prices = self.window.site, self.scenarios(), self.prices()
        span = known_span(
            site=site,
            prices=prices,
            forecasts=self.window.forecasts(first, int(self.window.starts[self.day + 1]), end),
            end_value=self.end_value(),
            scenarios=scenarios,
            power=self.power(),
            targets=self.targets(),
        )
        program = self.program if len(prices[0]) >= self.program.n_slots else None
        self.mpc = Mpc(site, span, budget=self.steadiness, program=program, programs=self.programs)

    def command(self, slot: int, soc_kwh: Energy) -> Command:
        """Plan from a slot on."""
        load, pv = self.last(slot)
        known = (None, None) if load is None or pv is None else (float(load[0]), float(pv[0]))
        return self.mpc.command(slot, float(soc_kwh[0]), *known)


class RollingValue(ScenarioPlanner):
    """The policy `value` through a window.

    Attributes:
        steady: chooses the commands of a live plan beside the plan before; None takes the cheapest.
    """

    steady: SteadyChoices | None = None

    def open(self, first: int, end: int) -> None:
        """Compute the value function over the span."""
        del first, end
        import_price, export_price = self.prices()
        self.days = ValueDays(
            site=self.window.site,
            scenarios=self.scenarios(),
            import_price=import_price[None],
            export_price=export_price[None],
            end_value=self.end_value()[None],
            power=self.power(),
            targets=self.targets(),
            by_hand=self.window.by_hand_of(self.first, self.end),
        )

    def command(self, slot: int, soc_kwh: Energy) -> Decision:
        """Choose the command of a slot."""
        choose = cheapest if self.steady is None else partial(self.steady.choose, self.first + slot)
        return self.days.command(slot, soc_kwh, *self.last(slot), choose)

    def meter_past(self, n_slots: int) -> None:
        """Take over the metered imports of the span's first slots, which were not this policy's doing."""
        metered = np.array(self.window.import_kwh[self.first : self.first + n_slots], dtype=np.float64)
        self.days.begin(metered[None])

    def later_value(self, slot: int) -> Energy:
        """Return the value of stored energy at the end of the slot just decided, on the grid `(n_soc,)` [money]."""
        return self.days.later_value(slot)[0]


class RollingOracle(RollingPlanner):
    """The bound with perfect forecasts of load and PV, but prices only as published."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self.programs: dict[int, HomeProgram] = {}

    def open(self, first: int, end: int) -> None:
        """Take over the prices of the span."""
        site, n_slots = self.window.site, end - first
        if n_slots not in self.programs:
            self.programs[n_slots] = HomeProgram(
                site.commanded, n_slots, end_steps=END_STEPS, targets=no_targets(site, n_slots)
            )
        curve = concave_terminal_value(self.end_value(), site.battery)
        program = self.programs[n_slots]
        self.horizon = ExactHorizon(site, *self.prices(), end=curve, program=program, targets=self.targets())

    def command(self, slot: int, soc_kwh: Energy) -> Command:
        """Plan from a slot on."""
        world, ahead = self.window.world, slice(self.first + slot, self.end)
        return self.horizon.command(slot, float(soc_kwh[0]), world.load_kwh[0, ahead], world.pv_kwh[0, ahead])
