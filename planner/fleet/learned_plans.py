"""A learned policy rolled out for many homes at once, as `planner.policies.rolling_learned` does for one."""

from dataclasses import dataclass

import numpy as np

from env.gym.episodes import Episodes
from env.inverter import Command, Energy
from env.simulator import Replay, simulate
from planner.fleet.homes_ahead import HomesAhead
from planner.policies.learned_days import LearnedDays
from planner.policies.learned_policy import LearnedPolicy
from planner.policies.outlook import day_outlook
from planner.replay.schedules import leaving_reserve


@dataclass(frozen=True, kw_only=True)
class LearnedView:
    """Arrays that a learned policy sees beside `HomesAhead`, of the same homes and slots.

    Attributes:
        load_forecast: load as the morning saw it, also in slots that are over `(n_homes, n_slots)` [kWh].
        pv_forecast: the same of PV [kWh].
        clock_minutes: minutes since local midnight `(n_slots,)` [min].
        start_soc_kwh: stored energy at the protocol's start [kWh].
        settlement_value: of a kWh, by the last day's prices `(n_homes,)` [money/kWh].
    """

    load_forecast: Energy
    pv_forecast: Energy
    clock_minutes: Energy
    start_soc_kwh: float
    settlement_value: Energy


def roll_out_learned(policy: LearnedPolicy, view: LearnedView, homes: HomesAhead) -> Replay:
    """Return a learned policy's commands over the slots ahead under the forecast, what homes reserve left in the store.

    Args:
        policy: one for all homes; what they take of it may differ (`planner.policies.adapted_policy.AdaptedHomes`).
        view: what it sees.
        homes: the homes, with the scenarios that its rules ask for.

    Raises:
        PolicyMismatchError: the policy sees another state than this version shows.
    """
    world, n_homes, n_slots = homes.world, len(homes.names), len(homes.slot_starts)
    episodes = Episodes(
        sites=(homes.site,),
        home=np.zeros(n_homes, dtype=np.intp),
        n_slots=np.full(n_homes, n_slots),
        load_kwh=world.load_kwh,
        pv_kwh=world.pv_kwh,
        import_price=world.import_price,
        export_price=world.export_price,
        load_forecast=view.load_forecast,
        pv_forecast=view.pv_forecast,
        clock_minutes=np.tile(view.clock_minutes, (n_homes, 1)),
        start_soc_kwh=np.full(n_homes, view.start_soc_kwh),
        settlement_value=view.settlement_value,
        outlook=day_outlook(
            world, homes.scenarios, homes.site, homes.end_values, rules=policy.weight_rules, targets=homes.targets
        ),
    )
    days, first = LearnedDays(policy, episodes), homes.current_slot

    def decide(slot: int, soc_kwh: Energy) -> Command:
        return days.command(first + slot, soc_kwh)

    kept = leaving_reserve(decide, homes.targets_ahead, homes.site.battery)
    return simulate(kept, homes.ahead, homes.site, homes.start_soc_kwh)
