"""Replays of a learned policy, in the daily and the continuous protocol; a demand charge it does not see."""

from functools import partial

import polars as pl

from env.simulator import Replay, simulate
from env.site import Site
from planner.care.soc_targets import scheduled_targets
from planner.optimizer.slot_arrays import NEEDED, needed_arrays
from planner.parallel import map_shards
from planner.policies.learned_days import LearnedDays
from planner.policies.learned_policy import LearnedPolicy
from planner.policies.rolling_learned import RollingLearned
from planner.policies.window import Window
from planner.replay.continuous import run_window
from planner.replay.episodes import equal_days, slots_by_length
from planner.replay.schedules import (
    check_whole,
    empty_schedule,
    leaving_reserve,
    schedule_frame,
    shards_of_days,
    world_of,
)
from planner.value.protocol import Protocol
from planner.value.scenario_source import ScenarioSource


def replay_learned(
    policy: LearnedPolicy,
    slots: pl.DataFrame,
    forecasts: pl.DataFrame,
    site: Site,
    protocol: Protocol,
    *,
    source: ScenarioSource,
    label: str = "learned",
) -> pl.DataFrame:
    """Replay a learned policy on each day.

    Args:
        policy: what decides.
        slots: as for `planner.replay.daily.replay_days`.
        forecasts: as there.
        site: battery, limits, time zone.
        protocol: start and settlement.
        source: history and, where the policy's rules weight some, scenarios of Aurora; the rules are the policy's.
        label: name in the column `policy`.

    Returns:
        As `planner.replay.daily.replay_days`.

    Raises:
        IncompleteDayError: a slot has no finite price, load or PV, or a day is not whole.
        PolicyMismatchError: the policy sees another state than this version shows.
    """
    known = slots.select("slot_start", "local_day", *NEEDED).sort("slot_start")
    if known.is_empty():
        return empty_schedule(label, known)
    needed_arrays(known)
    check_whole(known, site.timezone)
    own = ScenarioSource(
        history=source.history, rules=policy.weight_rules, forecast_scenarios=source.forecast_scenarios
    )
    replay = partial(_replay_shard, policy, label, forecasts, site, protocol, own)
    return pl.concat(map_shards(replay, shards_of_days(known))).sort("slot_start")


def _replay_shard(
    policy: LearnedPolicy,
    label: str,
    forecasts: pl.DataFrame,
    site: Site,
    protocol: Protocol,
    source: ScenarioSource,
    slots: pl.DataFrame,
) -> pl.DataFrame:
    """Replay whole days, those with equally many slots together."""
    parts = slots_by_length(slots, forecasts, site)
    return pl.concat(
        schedule_frame(label, part.select(slots.columns), _replay_equal(policy, part, source, site, protocol))
        for part in parts
    )


def _replay_equal(
    policy: LearnedPolicy, slots: pl.DataFrame, source: ScenarioSource, site: Site, protocol: Protocol
) -> Replay:
    """Replay days with equally many slots, of one home; what it keeps for outages stays in the store."""
    world = world_of(slots, int(slots["n_slots"][0]))
    targets = scheduled_targets(site, slots["slot_start"], world.import_price, world.export_price)
    episodes = equal_days(slots, source, site, protocol, targets=targets)
    decide = leaving_reserve(LearnedDays(policy, episodes).command, targets, site.battery)
    return simulate(decide, world, site, episodes.start_soc_kwh)


def replay_learned_window(
    policy: LearnedPolicy, window: Window, source: ScenarioSource, *, label: str = "learned"
) -> pl.DataFrame:
    """Replay a learned policy through a window, stored energy carried over.

    Args:
        policy: what decides.
        window: the days (`planner.policies.window.open_window`).
        source: as for `planner.replay.learned.replay_learned`.
        label: name in the column `policy`.

    Returns:
        As `planner.replay.daily.replay_days`.
    """
    own = ScenarioSource(
        history=source.history, rules=policy.weight_rules, forecast_scenarios=source.forecast_scenarios
    )
    replay = run_window(window, RollingLearned(window, policy, own).decide)
    return schedule_frame(label, window.slots.select("slot_start", "local_day", *NEEDED), replay)
