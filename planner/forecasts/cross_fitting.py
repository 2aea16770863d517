"""Auroras of one home that tell of days which they have not seen, so that policies can learn from what they say.

An Aurora must not tell of days that it learned from. So two of them each tell of the weeks that the other learned from,
and one that learned from all training days tells of later ones.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from env.time_grid import day_start
from planner.errors import TooFewDaysError
from planner.forecasts.aurora_fitting import fit_aurora
from planner.forecasts.aurora_model import LEAST_DAYS, AuroraModel, Mask
from planner.forecasts.embedded_aurora import forecast_scenarios
from planner.forecasts.features import AuroraHome
from planner.value.scenarios import Scenarios

WEEK = 7


class CrossFittedForecasters:
    """Auroras fitted on some days of a home.

    Args:
        home: with readings of all the days.
        timezone: of the site.
        seed: of rows and trees.
    """

    def __init__(self, home: AuroraHome, timezone: str, *, seed: int = 0) -> None:
        self._home, self._timezone, self._seed = home, timezone, seed

    @staticmethod
    def has_enough_days(train: Sequence[date]) -> bool:
        """Whether half of the days, less those beside the others, are enough for an Aurora."""
        return len(train) >= 2 * LEAST_DAYS + 2 * WEEK - 1

    def out_of_fold_scenarios(self, train: Sequence[date], later: Sequence[date]) -> dict[date, Scenarios]:
        """What those that have not seen a day tell of it: of training days, and of others that none has seen.

        Of every day as many paths as the least that is told of any, the likest days' first: who learned from fewer days
        knows fewer errors.
        """
        halves: list[list[date]] = [[], []]
        for day in train:
            halves[day.toordinal() // WEEK % 2].append(day)
        tasks = [(halves[1], halves[0]), (halves[0], halves[1]), (train, later)]
        told = {day: paths for learned, asked in tasks for day, paths in self.predict(learned, asked).items()}
        least = min((paths.load_kwh.shape[1] for paths in told.values()), default=0)
        return {
            day: replace(paths, load_kwh=paths.load_kwh[:, :least], pv_kwh=paths.pv_kwh[:, :least])
            for day, paths in told.items()
        }

    def predict(self, fitted_on: Sequence[date], days: Sequence[date]) -> dict[date, Scenarios]:
        """What one tells of days after learning from others, and from no day beside them."""
        beside = {day + timedelta(days=by) for day in days for by in (-1, 0, 1)}
        model = self.fit([day for day in fitted_on if day not in beside])
        return {} if model is None else forecast_scenarios(model, self._home, days, self._timezone)

    def fit(self, days: Sequence[date]) -> AuroraModel | None:
        """One that learned from these days; None where too few of them were read."""
        allowed: Mask = np.zeros(len(self._home.series), dtype=bool)
        for day in days:
            start, end = (self._home.series.index(day_start(day + timedelta(days=by), self._timezone)) for by in (0, 1))
            allowed[start:end] = True
        try:
            return fit_aurora(self._home, allowed, seed=self._seed)
        except TooFewDaysError:
            return None  # fewer readings than days: refused readings count for nothing
