"""The policy `value` with adjustments of the strategy engine, made anew whenever a span of prices is opened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import polars as pl

from env.simulator import simulate
from env.types import Mask
from planner.policies.rolling import RollingValue
from planner.policies.value_policy import ValueDays
from planner.policies.window import Window
from planner.replay.schedules import schedule_frame
from planner.strategy.adjustments import adjusted
from planner.strategy.beliefs import Adjustment, AdjustmentName, Beliefs, Circumstances, LearnedNow

MINUTES = 60


@dataclass(frozen=True, kw_only=True, eq=False)
class Announcements:
    """Knowledge of a window beside prices and forecasts.

    Attributes:
        vacation: slots in which nobody is at home `(n_slots,)`; None for none.
        alarm: slots of a warning `(n_slots,)`; None for none.
        learned: learned values by the local day on which they were in force.
    """

    vacation: Mask | None = None
    alarm: Mask | None = None
    learned: Mapping[date, LearnedNow] = field(default_factory=dict[date, LearnedNow])

    def of(self, window: Window, day: int, span: slice) -> Circumstances:
        """Return what is known of a span of the window on one of its days."""
        nothing = np.zeros(len(window.slots), dtype=np.bool_)
        vacation, alarm = (nothing if mask is None else mask for mask in (self.vacation, self.alarm))
        today: date = window.slots["local_day"][int(window.starts[day])]
        return Circumstances(
            hours=window.clock[span] // MINUTES,
            vacation=vacation[span],
            alarm=alarm[span],
            learned=self.learned.get(today, {}),
        )


NOTHING_ANNOUNCED = Announcements()


class StrategicValue(RollingValue):
    """The policy `value` through a window, with adjustments.

    Args:
        window: the days.
        names: adjustments that may be made.
        announced: what else is known of the days.
    """

    def __init__(
        self, window: Window, names: Sequence[AdjustmentName], announced: Announcements = NOTHING_ANNOUNCED
    ) -> None:
        super().__init__(window)
        self.names, self.announced = tuple(names), announced
        self.applied: tuple[Adjustment, ...] = ()

    def open(self, first: int, end: int) -> None:
        """Compute the value function over the span, with what the context asks for."""
        import_price, export_price = self.prices()
        beliefs = adjusted(
            Beliefs(
                site=self.window.site,
                import_price=import_price,
                export_price=export_price,
                scenarios=self.scenarios(),
                targets=self.targets(),
                around=self.announced.of(self.window, self.day, slice(first, end)),
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
            by_hand=self.window.by_hand_of(self.first, self.end),
        )


def replay_strategy(
    window: Window,
    names: Sequence[AdjustmentName],
    label: str,
    announced: Announcements = NOTHING_ANNOUNCED,
) -> pl.DataFrame:
    """Replay `value` with adjustments through a window, as `planner.replay.continuous.replay_in`.

    Args:
        window: the days.
        names: adjustments that may be made; none is `value` itself.
        label: name of the policy in the rows.
        announced: what else is known of the days.
    """
    planner = StrategicValue(window, names, announced)
    start = np.array([window.protocol.start_soc_kwh])
    return schedule_frame(label, window.days, simulate(planner.decide, window.world, window.site, start))
