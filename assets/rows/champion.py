"""The policy `champion` in daily episodes: the version that a home has in use; where there is none, `value` is it.

A version that cannot be opened, or sees another state than this release shows, is none either, as in plans: it is told.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.past_readings import past_readings
from darkstar_pipeline.datasets.replay_inputs import home_has_pv, protocol_of
from darkstar_pipeline.errors import ConfigurationError, DataMissingError
from planner.errors import PolicyMismatchError
from planner.policy_names import CHAMPION, FALLBACK
from planner.value.scenario_source import ScenarioSource
from planner.value.scenarios import Scenarios

if TYPE_CHECKING:
    from planner.policies.learned_policy import LearnedPolicy

_log = logging.getLogger(__name__)
MODEL = "model"
_KEYS = ("policy", "day")
Tell = Callable[[str, str], None]
"""Takes the name of a home whose version is passed over, and why."""


def log_passed_over(site: str, why: str) -> None:
    """Log that the version of a home is passed over."""
    _log.warning("the champion of %s cannot be replayed, value stands for it: %s", site, why)


@dataclass(frozen=True)
class ReplayedVersion:
    """A version as it is replayed.

    Attributes:
        identity: content hash of its bundle.
        policy: the policy, as far as the home takes it.
        scenarios: by its own Aurora, by day; empty without one.
    """

    identity: str
    policy: "LearnedPolicy"
    scenarios: Mapping[date, Scenarios]


def version_in_use(context: Context, slots: pl.DataFrame, tell: Tell = log_passed_over) -> ReplayedVersion | None:
    """Return the version that a home has in use, for the days of some slots; None where there is none that opens."""
    from darkstar_pipeline.policies.trained import trained_policy  # loading models is slow

    try:
        trained = trained_policy(context, CHAMPION)
    except (ConfigurationError, DataMissingError, PolicyMismatchError) as error:
        tell(context.site_name, str(error))
        return None
    if trained is None:
        return None
    days = slots["local_day"].unique(maintain_order=True).to_list()
    return ReplayedVersion(trained.bundle.identity, trained.policy, trained.own_scenarios(context, days))


def replay_version(
    context: Context,
    version: ReplayedVersion,
    slots: pl.DataFrame,
    forecasts: pl.DataFrame,
    tell: Tell = log_passed_over,
) -> pl.DataFrame | None:
    """Return the schedules of a version on the days of a home, as `planner.replay.daily.replay_days` does.

    None where it sees another state than this release shows.
    """
    from planner.replay.learned import replay_learned  # environments and solvers are slow to load

    if slots.is_empty():
        return slots.clear()
    rules, site = version.policy.weight_rules, context.site
    first, last = slots["local_day"][0], slots["local_day"][-1]
    has_pv = home_has_pv(context.lake, context.site_name, context.site_settings.has_pv)
    history = past_readings(context.lake, site, first, last, lookback_days=rules.n_days, has_pv=has_pv)
    source = ScenarioSource(history=history, rules=rules, forecast_scenarios=version.scenarios)
    protocol = protocol_of(context.site_settings, site.battery)
    try:
        made = replay_learned(version.policy, slots, forecasts, site, protocol, source=source, label=CHAMPION)
    except PolicyMismatchError as error:
        tell(context.site_name, str(error))
        return None
    return made.with_columns(pl.lit(version.identity).alias(MODEL))


def as_champion(value: pl.DataFrame) -> pl.DataFrame:
    """Return the schedules of `value` as those of a champion that is not there."""
    return value.with_columns(policy=pl.lit(CHAMPION), model=pl.lit(None, pl.String))


def decided_by(policies: Sequence[str]) -> list[str]:
    """Return the policies that are replayed by their own names: `value` too where it may stand for a champion."""
    own = [policy for policy in policies if policy != CHAMPION]
    return own if FALLBACK in own else [*own, FALLBACK]


def with_models(results: pl.DataFrame, schedules: pl.DataFrame, *homes: str) -> pl.DataFrame:
    """Return daily results with the version of each, where schedules have them."""
    if MODEL not in schedules.columns:
        return results
    named = schedules.group_by(*homes, "policy", pl.col("local_day").alias("day")).agg(pl.col(MODEL).first())
    return results.join(named, on=[*homes, *_KEYS], how="left", maintain_order="left")
