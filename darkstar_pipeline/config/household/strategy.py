"""Settings of the strategy engine: which adjustments may be made."""

from pydantic import Field

from darkstar_pipeline.config.base import Frozen
from planner.strategy.adjustments import ON_BY_DEFAULT
from planner.strategy.beliefs import AdjustmentName


class StrategySettings(Frozen):
    """Adjustments of what plans rest on, by their context; `darkstar strategy` says what each would have earned."""

    adjustments: tuple[AdjustmentName, ...] = Field(
        default=ON_BY_DEFAULT,
        description="s_index: a margin in the store that grows with uncertainty; small_spread_wear: trades only for a "
        "larger gain where prices hardly differ; high_load: days of high load weigh more where the sun is volatile; "
        "learned_forecast, learned_losses: forecasts and round trip as `darkstar learning` shows them; vacation_load, "
        "vacation_water: less load, and the least hot water, while nobody is at home; alarm_reserve: 20 % kept before "
        "and during announced warnings",
    )
