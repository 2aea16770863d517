"""A learned policy through a window: its state is that of a day which begins when prices are published.

It does not see a demand charge.
"""

import numpy as np

from env.gym.episodes import Episodes
from env.inverter import Command, Energy
from env.simulator import World
from env.types import Index
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

    def open(self, first: int, end: int) -> None:
        """Work out the outlook of the span that the policy sees."""
        window, span = self.window, slice(first, end)
        world = World(*(table[:, span] for table in vars(window.world).values()))
        outlook = day_outlook(
            world, self.scenarios(), window.site, self.end_value()[None], rules=self.policy.weight_rules
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
        return self.days.command(slot, soc_kwh)

    def commands(self, slots: Index, soc_kwh: Energy) -> Command:
        """Return the policy's commands of several slots of the span, each from its own stored energy [kWh]."""
        return self.days.commands(slots, soc_kwh)

    def later_values(self, first: int, end: int) -> Energy:
        """Return the value of stored energy at the ends of some slots in the outlook `(n_slots, n_soc)` [money]."""
        outlook = self.days.episodes.outlook
        return np.full((end - first, 2), np.nan) if outlook is None else outlook.value[0, first:end]
