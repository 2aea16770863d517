"""Adjustments of what a plan rests on, each with a name, a bound and a cause.

An adjustment changes what a planner believes or keeps, never the physics, the prices or how money is counted: its
effect is the difference of two plans, or of two replays, in the one way of counting.
"""

from collections.abc import Callable, Mapping, Sequence

from planner.strategy import rules
from planner.strategy.beliefs import AdjustmentName, Beliefs
from planner.strategy.context import StrategyContext, context_of

ON_BY_DEFAULT: tuple[AdjustmentName, ...] = ()
"""Adjustments that earned on the training days of the bench homes beyond their interval, see ADR 0052."""

_RULES: Mapping[AdjustmentName, Callable[[Beliefs, StrategyContext], Beliefs]] = {
    "s_index": rules.s_index,
    "small_spread_wear": rules.small_spread_wear,
    "high_load": rules.high_load,
    "learned_forecast": rules.learned_forecast,
    "learned_losses": rules.learned_losses,
    "vacation_load": rules.vacation_load,
    "alarm_reserve": rules.alarm_reserve,
}
OF_THE_BATTERY: tuple[AdjustmentName, ...] = tuple(_RULES)
"""Those that a replay of the battery shows."""


def adjusted(beliefs: Beliefs, names: Sequence[AdjustmentName]) -> Beliefs:
    """Return what a planner rests on with the adjustments that the context asks for, in the order of their rules."""
    context = context_of(beliefs.import_price, beliefs.scenarios)
    for name, rule in _RULES.items():
        if name in names:
            beliefs = rule(beliefs, context)
    return beliefs
