"""Replays of the same days with batteries of many sizes: days, forecasts and scenarios are prepared once."""

from collections.abc import Sequence

import polars as pl

from planner.demand_charges.bills import has_demand_charge
from planner.evaluation.charged_results import charged_results
from planner.optimizer.slot_arrays import NEEDED
from planner.policy_names import PLANNERS
from planner.replay.daily import ON_SCENARIOS, Home, planned_slots, replay_days, replay_shard
from planner.replay.schedules import READINGS
from planner.value.scenario_source import Past


def size_results(
    policy: str, slots: pl.DataFrame, forecasts: pl.DataFrame, homes: Sequence[Home], history: Past
) -> list[pl.DataFrame]:
    """Return the daily results of a policy on the same days of homes that differ in their battery alone.

    Each is what `planner.replay.daily.replay_days` and `charged_results` give.

    Args:
        policy: one of `planner.replay.daily.REPLAYERS`.
        slots: as for `replay_days`.
        forecasts: as for `replay_days`.
        homes: each with its start and settlement.
        history: as for `replay_days`.
    """
    if policy in PLANNERS and has_demand_charge(homes[0][0]):  # the months' peaks are the batteries' own
        schedules = [
            replay_days(policy, slots, forecasts, site, protocol, history=history, workers=1)
            for site, protocol in homes
        ]
    else:
        known = slots.select("slot_start", "local_day", *NEEDED).sort("slot_start")
        read = history if policy in ON_SCENARIOS else known.select(READINGS).clear()
        schedules = replay_shard(policy, homes, read, planned_slots(known, forecasts, homes[0][0]))
    return [
        charged_results(schedule.sort("slot_start"), protocol, site)
        for schedule, (site, protocol) in zip(schedules, homes, strict=True)
    ]
