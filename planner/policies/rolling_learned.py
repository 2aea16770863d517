"""A learned policy through a window: its state is that of a day which begins when prices are published.

It does not see a demand charge. Reserve and care it sees in the value of stored energy, and its commands leave the
reserve in the store.
"""

import numpy as np

from env.gym.episodes import Episodes
from env.inverter import Command, Energy
from env.simulator import World
from env.types import Index
from planner.care.soc_targets import SocTargets, leaving
from planner.policies.learned_days import LearnedDays
from planner.policies.learned_policy import LearnedPolicy
from planner.policies.outlook import day_outlook
from planner.policies.rolling import ScenarioPlanner
from planner.policies.window import Window
from planner.value.scenario_source import ScenarioSource


class RollingLearned(ScenarioPlanner):
    """A learned policy through a window."""

    def __init__(self, window: Window, policy: LearnedPolicy, source: ScenarioSource) -> None:
        super().__init__(window, source)
        self.policy = policy
        self.wanted: SocTargets | None = None

    def open(self, first: int, end: int) -> None:
        """Work out the outlook of the span that the policy sees."""
        window, span = self.window, slice(first, end)
        world = World(*(table[:, span] for table in vars(window.world).values()))
        self.wanted = self.targets()
        outlook = day_outlook(
            world,
            self.scenarios(),
            window.site,
            self.end_value()[None],
            rules=self.policy.weight_rules,
            targets=self.wanted,
        )
        load, pv = window.forecasts(first, int(window.starts[self.day + 1]), end)
        episodes = Episodes(
            sites=(window.site,),
            home=np.zeros(1, dtype=np.intp),
            n_slots=np.array([end - first]),
            load_kwh=world.load_kwh,
            pv_kwh=world.pv_kwh,
            import_price=world.import_price,
            export_price=world.export_price,
            load_forecast=load[None],
            pv_forecast=pv[None],
            clock_minutes=window.clock[None, span].astype(np.float64),
            start_soc_kwh=np.array([window.protocol.start_soc_kwh]),
            settlement_value=np.array([window.settlement_value]),
            outlook=outlook,
        )
        self.days = LearnedDays(self.policy, episodes)

    def command(self, slot: int, soc_kwh: Energy) -> Command:
        """Return the policy's command of a slot of the span."""
        return self._kept(self.days.command(slot, soc_kwh), slot, soc_kwh)

    def commands(self, slots: Index, soc_kwh: Energy) -> Command:
        """Return the policy's commands of several slots of the span, each from its own stored energy [kWh]."""
        return self._kept(self.days.commands(slots, soc_kwh), slots, soc_kwh)

    def _kept(self, command: Command, slots: int | Index, soc_kwh: Energy) -> Command:
        """Return commands that leave the reserve of their slots in the store."""
        if self.wanted is None:
            return command
        return leaving(command, soc_kwh, self.wanted.floor_kwh[0, slots], self.window.site.battery)

    def later_values(self, first: int, end: int) -> Energy:
        """Return the value of stored energy at the ends of some slots in the outlook `(n_slots, n_soc)` [money]."""
        outlook = self.days.episodes.outlook
        return np.full((end - first, 2), np.nan) if outlook is None else outlook.value[0, first:end]
