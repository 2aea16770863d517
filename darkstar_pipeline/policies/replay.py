"""Replays of trained policies on graded days of a site, in both protocols."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.replay_inputs import ReplayInputs, protocol_of
from darkstar_pipeline.policies.trained import TrainedPolicy
from planner.policies.window import open_window
from planner.replay.learned import replay_learned, replay_learned_window
from planner.value.forecast_ends import DayPrices
from planner.value.protocol import Protocol
from planner.value.scenario_source import ScenarioSource


def replay_trained(
    context: Context, trained: TrainedPolicy, days: Sequence[date], *, protocol: Protocol | None = None
) -> pl.DataFrame:
    """Replay a trained policy on graded days as `planner.replay.daily.replay_days`; `policy` is the requested name.

    Args:
        context: the site.
        trained: the policy.
        days: local days.
        protocol: measuring protocol; None is the configured one.

    Raises:
        PolicyMismatchError: the policy was trained on another state than this version has.
    """
    found, source = _inputs(context, trained, days)
    protocol = protocol_of(context.site_settings, context.site.battery) if protocol is None else protocol
    return replay_learned(
        trained.policy, found.slots, found.forecasts, context.site, protocol, source=source, label=trained.name
    )


def replay_trained_window(
    context: Context, trained: TrainedPolicy, days: Sequence[date], *, prices: DayPrices | None
) -> pl.DataFrame:
    """Replay a trained policy on graded days through which stored energy is carried; as `replay_trained`.

    Args:
        context: the site.
        trained: the policy.
        days: local days.
        prices: forecaster of the prices of days that are not published; None where there is none.

    Raises:
        PolicyMismatchError: the policy was trained on another state than this version has.
    """
    found, source = _inputs(context, trained, days)
    protocol = protocol_of(context.site_settings, context.site.battery)
    window = open_window(found.slots, found.forecasts, found.history, context.site, protocol, prices=prices)
    return replay_learned_window(trained.policy, window, source, label=trained.name)


def _inputs(context: Context, trained: TrainedPolicy, days: Sequence[date]) -> tuple[ReplayInputs, ScenarioSource]:
    """Return the days, and the source of the policy's scenarios."""
    found = trained.inputs(context, days)
    own = trained.own_scenarios(context, days)
    return found, ScenarioSource(history=found.history, forecast_scenarios=own)
