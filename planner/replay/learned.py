"""Runs a learned policy through daily episodes and through spans: what it saw, what it said, what then happened."""

from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from env.gym.episodes import Episodes
from env.gym.home_batch import action_form, state_form
from env.gym.price_gate import PriceGate
from env.gym.states import Moment
from env.inverter import Command, Energy
from env.simulator import Replay, World, simulate
from env.site import Site
from planner.artifacts.bundle import check_state
from planner.optimizer.slot_arrays import NEEDED, needed_arrays
from planner.parallel import map_shards
from planner.policies.learned_policy import LearnedPolicy
from planner.replay.daily import check_whole, empty_schedule, schedule_frame, shards_of_days
from planner.replay.episodes import equal_days, slots_by_length
from planner.value.protocol import Protocol
from planner.value.scenario_source import ScenarioSource


class LearnedDays:
    """Decisions of any number of days with equally many slots, all at once.

    Args:
        policy: what decides.
        episodes: the days, a row each, with the outlook that follows the policy's beliefs.

    Raises:
        PolicyMismatchError: the policy sees another state than this version shows.
    """

    def __init__(self, policy: LearnedPolicy, episodes: Episodes) -> None:
        self.policy, self.episodes = policy, episodes
        self._state = state_form(episodes, policy.manifest.state)
        self._form = action_form(episodes, policy.setup)
        self._gate = PriceGate(episodes) if policy.setup.gated else None
        columns = tuple(column.name for column in self._state.columns)
        check_state(policy.manifest, state=policy.manifest.state, columns=columns)

    def command(self, slot: int, soc_kwh: Energy) -> Command:
        """Decide at the start of a slot from the stored energy now `(n_days,)` [kWh]."""
        rows = np.arange(len(self.episodes))
        return self._decide(rows, rows * self.episodes.width + slot, soc_kwh)

    def commands(self, slots: NDArray[np.intp], soc_kwh: Energy) -> Command:
        """Decide at the starts of several slots of the first day, each from its own stored energy [kWh]."""
        return self._decide(np.zeros(len(slots), dtype=np.intp), slots, soc_kwh)

    def _decide(self, rows: NDArray[np.intp], at: NDArray[np.intp], soc_kwh: Energy) -> Command:
        moment = Moment(rows, at, np.zeros(len(rows), dtype=np.bool_), soc_kwh)
        command = self._form.command(self.policy.predict(self._state.observe(moment)), moment)
        return command if self._gate is None else self._gate.gated(command, at)[0]


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
    """What a learned policy does on each day; where power is charged, it does not see that.

    Args:
        policy: what decides.
        slots: as for `planner.replay.daily.replay_days`.
        forecasts: as there.
        site: battery, limits, time zone.
        protocol: start and settlement.
        source: history and, where the policy's beliefs count on some, told scenarios; the rules are the policy's.
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
    own = ScenarioSource(history=source.history, rules=policy.beliefs, told=source.told)
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
    frames = [
        schedule_frame(
            label, part.select(slots.columns), _replay_equal(policy, equal_days(part, source, site, protocol))
        )
        for part in parts
    ]
    return pl.concat(frames)


def _replay_equal(policy: LearnedPolicy, episodes: Episodes) -> Replay:
    """Replay days with equally many slots, of one home."""
    days = LearnedDays(policy, episodes)
    world = World(episodes.load_kwh, episodes.pv_kwh, episodes.import_price, episodes.export_price)
    return simulate(days.command, world, episodes.sites[0], episodes.start_soc_kwh)
