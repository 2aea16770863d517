"""Has the learning engine take its step once a day where the service runs; beside Dagster it finds nothing to do."""

from collections.abc import Callable
from datetime import date, datetime

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.learning.tuning.daily import learn_day
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.periodic import PeriodicCheck
from env.time_grid import zone

FIRST_SECONDS, LOOK_SECONDS = 900.0, 900.0
"""Waits after the start, which has better things to do, and between two looks [s]."""
FROM_HOUR = 2
"""Local hour before which readings of the day before may still be on their way."""


class DailyLearning:
    """Takes a day's step of the learning engine.

    Args:
        context: returns the site as it is configured now.
        clock: the service's clock.
        learn: takes the step of a local day.
    """

    def __init__(
        self,
        context: Callable[[], Context],
        clock: Clock,
        *,
        learn: Callable[[Context, date], pl.DataFrame] = learn_day,
    ) -> None:
        self._context, self._clock, self._learn = context, clock, learn
        self._done: date | None = None
        self._periodic = PeriodicCheck(
            self.check, name="daily learning", first_seconds=FIRST_SECONDS, seconds=LOOK_SECONDS
        )

    def start(self) -> None:
        """Start looking, in a thread of its own."""
        self._periodic.start()

    def stop(self) -> None:
        """Stop looking; a step is written whole or not at all."""
        self._periodic.stop(timeout=10)

    def check(self) -> None:
        """Take the step of today, once; what fails is logged and tried again at the next look."""
        context = self._context()
        now: datetime = self._clock.now().astimezone(zone(context.timezone))
        if now.hour < FROM_HOUR or self._done == now.date():
            return
        self._learn(context, now.date())
        self._done = now.date()
