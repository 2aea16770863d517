"""The effect of each adjustment of the strategy engine over a span of days, in money, with its interval."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.announcements import announcements
from darkstar_pipeline.datasets.price_forecaster import price_forecaster
from darkstar_pipeline.datasets.replay_inputs import protocol_of
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.evaluation.policy_replays import policy_inputs
from env.time_grid import days_between
from planner.evaluation.charged_results import charged_results
from planner.evaluation.verdict import paid, total_interval
from planner.parallel import Progress
from planner.policies.window import Window, open_window
from planner.strategy.adjustments import OF_THE_BATTERY
from planner.strategy.beliefs import AdjustmentName, LearnedNow
from planner.strategy.strategic_value import Announcements, replay_strategy

EARNED, LOST, UNDECIDED = "earned", "lost", "not told apart"
_TOGETHER = "those that are on"


def strategy_document(
    context: Context,
    first: date,
    last: date,
    progress: Progress | None = None,
    *,
    vacation: bool = False,
    alarm: bool = False,
) -> dict[str, Any]:
    """Return the effect of each adjustment, and of those that are on by month, by the names of the document.

    Args:
        context: the site.
        first: first local day.
        last: last local day.
        progress: told after every replay.
        vacation: true: nobody is at home on any of the days.
        alarm: true: a warning holds on all of them.

    Raises:
        DataMissingError: no day can be replayed.
    """
    on = context.site_settings.household.strategy.adjustments
    replay = strategy_replay(context, first, last, vacation=vacation, alarm=alarm)
    told = _counting(progress, len(OF_THE_BATTERY) + 1 + bool(on))
    off = told(replay.daily(()))
    sets: dict[str, tuple[AdjustmentName, ...]] = {name: (name,) for name in OF_THE_BATTERY}
    effects = [_effect(name, off, told(replay.daily(names)), on=name in on) for name, names in sets.items()]
    together = told(replay.daily(on)) if on else off
    effects.append(_effect(_TOGETHER, off, together, on=bool(on)))
    saved = off.with_columns(saved=off["cost"] - together["cost"], month=pl.col("local_day").dt.strftime("%Y-%m"))
    months = saved.group_by("month", maintain_order=True).agg(days=pl.len(), saved=pl.col("saved").sum())
    return {
        "site": context.site_name,
        "currency": context.site.currency,
        "from": first,
        "to": last,
        "days": off.height,
        "on": list(on),
        "adjustments": effects,
        "months": months.to_dicts(),
    }


@dataclass(frozen=True, kw_only=True, eq=False)
class StrategyReplay:
    """Days that `value` can be replayed through with adjustments, stored energy carried over.

    Attributes:
        window: the days.
        announced: what else is known of them.
    """

    window: Window
    announced: Announcements

    def daily(self, names: Sequence[AdjustmentName], learned: LearnedNow | None = None) -> pl.DataFrame:
        """Return the cost of each day, energy taken from the store and demand charge included: `local_day, cost`.

        Args:
            names: adjustments that may be made.
            learned: values to take on every day instead of those in force; None for those.
        """
        window, announced = self.window, self.announced
        if learned is not None:
            days = window.slots["local_day"].unique().to_list()
            announced = replace(announced, learned=dict.fromkeys(days, learned))
        settled = replace(window.protocol, settlement_value=window.settlement_value)
        schedule = replay_strategy(window, names, "value", announced)
        results = charged_results(schedule, settled, window.site).sort("day")
        return results.select(local_day="day", cost=paid(results))


def strategy_replay(
    context: Context, first: date, last: date, *, vacation: bool = False, alarm: bool = False
) -> StrategyReplay:
    """Return the usable days of a span; arguments as for `strategy_document`.

    Raises:
        DataMissingError: no day can be replayed.
    """
    inputs, past = policy_inputs(context, "value", list(days_between(first, last)))
    if inputs.slots.is_empty():
        raise DataMissingError(
            f"no day from {first} to {last} can be replayed for site {context.site_name}",
            f"run `darkstar backfill --from {first} --to {last}`; `darkstar quality` says why days are refused",
        )
    protocol = protocol_of(context.site_settings, context.site.battery)
    prices = price_forecaster(context.lake, context.site, last)
    window = open_window(inputs.slots, inputs.forecasts, past, context.site, protocol, prices=prices)
    return StrategyReplay(window=window, announced=announcements(context, window.slots, vacation=vacation, alarm=alarm))


def _counting(progress: Progress | None, total: int) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Return what tells that another of so many replays is done, and passes it on."""
    done = 0

    def told(replayed: pl.DataFrame) -> pl.DataFrame:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)
        return replayed

    return told


def _effect(name: str, off: pl.DataFrame, made: pl.DataFrame, *, on: bool) -> dict[str, Any]:
    """Return what an adjustment saved, its interval and the verdict."""
    daily = (off["cost"] - made["cost"]).to_numpy()
    low, high = total_interval(daily)
    verdict = UNDECIDED
    if low is not None and high is not None:
        verdict = EARNED if low > 0 else LOST if high < 0 else UNDECIDED
    return {"name": name, "saved": float(daily.sum()), "low": low, "high": high, "verdict": verdict, "on": on}
