"""Replays of policies on graded days of a site: planners on forecasts, trained versions on inputs of their own."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.month_before import month_before
from darkstar_pipeline.datasets.replay_inputs import ReplayInputs, protocol_of, replay_inputs
from darkstar_pipeline.forecasts.replay_forecasts import forecast_replay_inputs
from darkstar_pipeline.forecasts.site_scenarios import replay_past
from planner.policy_names import FALLBACK, PLANNERS, is_learned
from planner.replay.daily import replay_days
from planner.value.protocol import Protocol
from planner.value.scenario_source import Past

if TYPE_CHECKING:
    from darkstar_pipeline.policies.trained import TrainedPolicy
    from planner.policies.window import Window


def replay_policy(context: Context, policy: str, days: Sequence[date], protocol: Protocol) -> pl.DataFrame:
    """Replay a policy on graded days."""
    if is_learned(policy):
        trained = find_trained(context, policy)
        if trained is not None:
            from darkstar_pipeline.policies.replay import replay_trained

            return replay_trained(context, trained, days, protocol=protocol)
    inputs, past = policy_inputs(context, policy, days)
    replayed = replay_days(decides(policy), inputs.slots, inputs.forecasts, context.site, protocol, history=past)
    return replayed.with_columns(policy=pl.lit(policy))


def replay_through(context: Context, policy: str, days: Sequence[date], window: "Window") -> pl.DataFrame:
    """Replay a policy through a window of graded days; a trained one has inputs of its own."""
    from planner.replay.continuous import replay_in

    if is_learned(policy):
        trained = find_trained(context, policy)
        if trained is not None:
            from darkstar_pipeline.policies.replay import replay_trained_window

            return replay_trained_window(context, trained, days, prices=window.prices)
    return replay_in(decides(policy), window).with_columns(policy=pl.lit(policy))


def find_trained(context: Context, policy: str) -> "TrainedPolicy | None":
    """The trained policy of a name; None for a champion that is `value`."""
    from darkstar_pipeline.policies.trained import trained_policy  # loading models is slow

    return trained_policy(context, policy)


def decides(policy: str) -> str:
    """The policy that decides where no version is in use."""
    return FALLBACK if is_learned(policy) else policy


def site_protocol(context: Context) -> Protocol:
    """Return the configured measuring protocol of the site."""
    return protocol_of(context.site_settings, context.site.battery)


def range_protocol(context: Context, days: Sequence[date]) -> Protocol:
    """Return the measuring protocol of a range of days: where it begins inside a month, with the peaks before it."""
    return replace(site_protocol(context), month_before=month_before(context.lake, context.site, min(days)))


def policy_inputs(context: Context, policy: str, days: Sequence[date]) -> tuple[ReplayInputs, Past]:
    """Return the inputs of a policy's replay of some days; only those that plan ahead need forecasts and scenarios."""
    if decides(policy) in PLANNERS:
        inputs = forecast_replay_inputs(context, days)
        return inputs, replay_past(context, inputs.slots, inputs.forecasts, inputs.history)
    inputs = stored_inputs(context, days)
    return inputs, inputs.history


def stored_inputs(context: Context, days: Sequence[date]) -> ReplayInputs:
    """Return the inputs of replays of some days as they are stored, without the history that only planners need."""
    return replay_inputs(context.lake, context.site, days, has_pv=context.site_settings.has_pv, lookback_days=None)
