"""Settings of the strategy engine: which adjustments may be made."""

from pydantic import Field

from darkstar_pipeline.config.base import Frozen
from planner.strategy.adjustments import ON_BY_DEFAULT, AdjustmentName


class StrategySettings(Frozen):
    """Adjustments of what plans rest on, by their context; `darkstar strategy` says what each would have earned."""

    adjustments: tuple[AdjustmentName, ...] = Field(
        default=ON_BY_DEFAULT,
        description="s_index: a margin in the store that grows with uncertainty; small_spread_wear: trades only for a "
        "larger gain where prices hardly differ; high_load: more weight on days of high load where the sun is volatile",
    )
