"""Cross-fitting of Aurora: out-of-fold scenarios of a home's days, so that policies can learn from them.

A model must not forecast days that it was fitted on. So two models each forecast the weeks that the other was fitted
on, and one that was fitted on all training days forecasts later ones.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from env.time_grid import day_start
from env.types import Mask
from planner.errors import TooFewDaysError
from planner.forecasts.aurora import aurora_scenarios
from planner.forecasts.aurora_fitting import fit_aurora
from planner.forecasts.aurora_model import LEAST_DAYS, AuroraModel
from planner.forecasts.embedded_aurora import N_SCENARIOS
from planner.forecasts.features import AuroraHome
from planner.value.scenarios import Scenarios

WEEK = 7


class CrossFittedForecasters:
    """Aurora models fitted on parts of a home's days.

    Args:
        home: home with readings of all the days.
        timezone: time zone of the site.
        seed: random seed of rows and trees.
        learned: the same home as the models learn from it, where that is another; forecasts see `home` alone.
    """

    def __init__(self, home: AuroraHome, timezone: str, *, seed: int = 0, learned: AuroraHome | None = None) -> None:
        self._home, self._timezone, self._seed = home, timezone, seed
        self._learned = home if learned is None else learned

    @staticmethod
    def has_enough_days(train: Sequence[date]) -> bool:
        """Return whether half of the days, less the neighbours of the other half, are enough for a model."""
        return len(train) >= 2 * LEAST_DAYS + 2 * WEEK - 1

    def out_of_fold_scenarios(self, train: Sequence[date], later: Sequence[date]) -> dict[date, Scenarios]:
        """Return scenarios of training days and of later days, each from a model that was not fitted on the day.

        A model fitted on fewer days has fewer errors to draw paths from. Every day has as many paths as the day with
        the fewest, those of the most similar days first.
        """
        halves: list[list[date]] = [[], []]
        for day in train:
            halves[day.toordinal() // WEEK % 2].append(day)
        tasks = [(halves[1], halves[0]), (halves[0], halves[1]), (train, later)]
        scenarios = {day: paths for fitted_on, days in tasks for day, paths in self.predict(fitted_on, days).items()}
        least = min((paths.load_kwh.shape[1] for paths in scenarios.values()), default=0)
        return {
            day: replace(paths, load_kwh=paths.load_kwh[:, :least], pv_kwh=paths.pv_kwh[:, :least])
            for day, paths in scenarios.items()
        }

    def predict(self, fitted_on: Sequence[date], days: Sequence[date]) -> dict[date, Scenarios]:
        """Return the scenarios of days by a model fitted on others, without the neighbours of the days."""
        beside = {day + timedelta(days=by) for day in days for by in (-1, 0, 1)}
        model = self.fit([day for day in fitted_on if day not in beside])
        if model is None:
            return {}
        return dict(aurora_scenarios(model, self._home, days, self._timezone, n_scenarios=N_SCENARIOS))

    def fit(self, days: Sequence[date]) -> AuroraModel | None:
        """Return a model fitted on the days; None if too few of them have readings."""
        allowed: Mask = np.zeros(len(self._home.series), dtype=bool)
        for day in days:
            start, end = (self._home.series.index(day_start(day + timedelta(days=by), self._timezone)) for by in (0, 1))
            allowed[start:end] = True
        try:
            return fit_aurora(self._learned, allowed, seed=self._seed)
        except TooFewDaysError:
            return None  # fewer readings than days: refused readings count for nothing
