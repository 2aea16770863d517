"""The effect of each adjustment of the strategy engine over a span of days, in money, with its interval."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.price_forecaster import price_forecaster
from darkstar_pipeline.datasets.replay_inputs import protocol_of
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.evaluation.policy_replays import policy_inputs
from env.time_grid import days_between
from planner.evaluation.charged_results import charged_results
from planner.evaluation.verdict import paid, total_interval
from planner.parallel import Progress
from planner.policies.window import Window, open_window
from planner.strategy.adjustments import ADJUSTMENTS, AdjustmentName
from planner.strategy.strategic_value import replay_strategy

EARNED, LOST, UNDECIDED = "earned", "lost", "not told apart"
_TOGETHER = "those that are on"


def strategy_document(context: Context, first: date, last: date, progress: Progress | None = None) -> dict[str, Any]:
    """Return the effects of the adjustments by the names of their document."""
    effects, months, n_days = strategy_effects(context, first, last, progress)
    return {
        "site": context.site_name,
        "currency": context.site.currency,
        "from": first,
        "to": last,
        "days": n_days,
        "on": list(context.site_settings.household.strategy.adjustments),
        "adjustments": effects,
        "months": months,
    }


def strategy_effects(
    context: Context, first: date, last: date, progress: Progress | None = None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], int]:
    """Return the effect of each adjustment, of those that are on by month, and the number of days.

    Args:
        context: the site.
        first: first local day.
        last: last local day.
        progress: told after every replay.

    Raises:
        DataMissingError: no day can be replayed.
    """
    days, on = list(days_between(first, last)), context.site_settings.household.strategy.adjustments
    inputs, past = policy_inputs(context, "value", days)
    if inputs.slots.is_empty():
        raise DataMissingError(
            f"no day from {first} to {last} can be replayed for site {context.site_name}",
            f"run `darkstar backfill --from {first} --to {last}`; `darkstar quality` says why days are refused",
        )
    protocol = protocol_of(context.site_settings, context.site.battery)
    prices = price_forecaster(context.lake, context.site, last)
    window = open_window(inputs.slots, inputs.forecasts, past, context.site, protocol, prices=prices)
    told = _counting(progress, len(ADJUSTMENTS) + 1 + bool(on))
    off = told(_daily(window, ()))
    sets: dict[str, tuple[AdjustmentName, ...]] = {name: (name,) for name in ADJUSTMENTS}
    effects = [_effect(name, off, told(_daily(window, names)), on=name in on) for name, names in sets.items()]
    together = told(_daily(window, on)) if on else off
    effects.append(_effect(_TOGETHER, off, together, on=bool(on)))
    saved = off.with_columns(saved=off["cost"] - together["cost"], month=pl.col("local_day").dt.strftime("%Y-%m"))
    months = saved.group_by("month", maintain_order=True).agg(days=pl.len(), saved=pl.col("saved").sum())
    return effects, months.to_dicts(), off.height


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


def _daily(window: Window, names: tuple[AdjustmentName, ...]) -> pl.DataFrame:
    """Return the cost of each day, energy taken from the store and demand charge included: `local_day, cost`."""
    settled = replace(window.protocol, settlement_value=window.settlement_value)
    results = charged_results(replay_strategy(window, names, "value"), settled, window.site).sort("day")
    return results.select(local_day="day", cost=paid(results))
