"""The policy `value` with adjustments of the strategy engine, made anew whenever a span of prices is opened."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from env.simulator import simulate
from planner.policies.rolling import RollingValue
from planner.policies.value_policy import ValueDays
from planner.policies.window import Window
from planner.replay.schedules import schedule_frame
from planner.strategy.adjustments import Adjustment, AdjustmentName, Beliefs, adjusted


class StrategicValue(RollingValue):
    """The policy `value` through a window, with adjustments.

    Args:
        window: the days.
        names: adjustments that may be made.
    """

    def __init__(self, window: Window, names: Sequence[AdjustmentName]) -> None:
        super().__init__(window)
        self.names = tuple(names)
        self.applied: tuple[Adjustment, ...] = ()

    def open(self, first: int, end: int) -> None:
        """Compute the value function over the span, with what the context asks for."""
        del first, end
        import_price, export_price = self.prices()
        beliefs = adjusted(
            Beliefs(
                site=self.window.site,
                import_price=import_price,
                export_price=export_price,
                scenarios=self.scenarios(),
                targets=self.targets(),
            ),
            self.names,
        )
        self.applied = beliefs.applied
        self.days = ValueDays(
            site=beliefs.site,
            scenarios=beliefs.scenarios,
            import_price=import_price[None],
            export_price=export_price[None],
            end_value=self.end_value()[None],
            power=self.power(),
            targets=beliefs.targets,
        )


def replay_strategy(window: Window, names: Sequence[AdjustmentName], label: str) -> pl.DataFrame:
    """Replay `value` with adjustments through a window, as `planner.replay.continuous.replay_in`.

    Args:
        window: the days.
        names: adjustments that may be made; none is `value` itself.
        label: name of the policy in the rows.
    """
    planner = StrategicValue(window, names)
    start = np.array([window.protocol.start_soc_kwh])
    return schedule_frame(label, window.days, simulate(planner.decide, window.world, window.site, start))
