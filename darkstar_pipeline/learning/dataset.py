"""What a site's policies learn from: graded slots with forecasts, the readings before them, and what Aurora tells.

Aurora must not tell of days that it learned from. So two of them each tell of the weeks that the other learned from,
and one that learned from all training days tells of validation; the policy takes along one that learned from both.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl

from darkstar_pipeline.aurora.inputs import aurora_home, panels_of
from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.learning.windows import Days, Windows
from darkstar_pipeline.replay_inputs import ReplayInputs, protocol_of, replay_inputs
from darkstar_pipeline.warehouse.schemas import DATA_QUALITY_DAILY
from env.episodes import Episodes
from env.time_grid import day_start
from planner.aurora_bundle import TrainedOn, save_aurora
from planner.aurora_features import AuroraHome
from planner.aurora_model import LEAST_DAYS, AuroraModel, Mask, fit_aurora
from planner.beliefs import BeliefRules
from planner.bundle import Bundle
from planner.clear_sky import Panels
from planner.embedded_aurora import told_scenarios
from planner.episodes import USABLE
from planner.rl_episodes import rl_episodes
from planner.scenarios import ScenarioSource
from planner.value_function import Scenarios

REACH = 28  # days of readings before the first day: more than any rules of belief look back
WEEK = 7
HASHED = ("slot_start", "import_price", "export_price", "load_kwh", "pv_kwh")


def usable_days(context: Context, first: date | None, last: date | None) -> list[date]:
    """Local days that count, in order.

    Raises:
        DataMissingError: none has been materialised.
    """
    quality = context.lake.read(DATA_QUALITY_DAILY, context.site_name, first, last)
    if quality.is_empty():
        message = f"no day of site {context.site_name} is materialised in the range to learn from"
        raise DataMissingError(message, "run `darkstar backfill --from D --to D` first")
    return quality.filter(pl.col("status").is_in(USABLE))["day"].sort().to_list()


@dataclass(frozen=True, kw_only=True)
class LearningData:
    """A site's days, ready to be learned from.

    Attributes:
        context: the site.
        windows: which days are for what.
        inputs: slots, forecasts and readings of all of them.
        told: what Aurora tells of each day that it has not seen; empty where it was not asked.
        aurora: the Aurora that a policy takes along; None without.
    """

    context: Context
    windows: Windows
    inputs: ReplayInputs
    told: Mapping[date, Scenarios]
    aurora: Bundle | None

    def episodes(self, days: Sequence[date], rules: BeliefRules) -> Episodes:
        """Days as episodes with the outlook that follows from the rules."""
        chosen = pl.Series(days, dtype=pl.Date)
        slots = self.inputs.slots.filter(pl.col("local_day").is_in(chosen.implode()))
        source = ScenarioSource(history=self.inputs.history, rules=rules, told=self.told)
        return rl_episodes(slots, self.inputs.forecasts, self.context.site, protocol_of(self.context), history=source)

    @property
    def content_hash(self) -> str:
        """Hash of the prices and readings of all windows: the same data, the same hash."""
        table = self.inputs.slots.select(HASHED).sort("slot_start").write_csv(float_precision=9)
        return hashlib.sha256(table.encode()).hexdigest()[:16]


def learning_data(
    context: Context, windows: Windows, *, with_aurora: bool, seed: int, note: Callable[[str], None]
) -> LearningData:
    """Gather what the windows' days are learned on.

    Args:
        context: the site.
        windows: their days are graded as usable.
        with_aurora: whether Aurora is to tell of the days too; it needs a month or so.
        seed: of Aurora's trees.
        note: told what takes long, and what was done without.
    """
    inputs = replay_inputs(context, windows.learned, reach=REACH)
    told, aurora = dict[date, Scenarios](), None
    if with_aurora:
        taught = _Taught(context, windows.learned, seed)
        if taught.enough(windows.train):
            note("Aurora learns the home's days")
            told, aurora = taught.told(windows), taught.bundle(windows.learned)
        else:
            note(f"fewer than {2 * LEAST_DAYS} days to learn from: scenarios are the last days alone")
    return LearningData(context=context, windows=windows, inputs=inputs, told=told, aurora=aurora)


class _Taught:
    """Auroras of a home, each fitted on some of its days."""

    def __init__(self, context: Context, days: Days, seed: int) -> None:
        self._context, self._seed = context, seed
        self._panels: Panels | None = panels_of(context)
        self._first = days[0] - timedelta(days=REACH)
        country = context.site_settings.forecast.holidays_of
        self._home: AuroraHome = aurora_home(context, self._first, days[-1], panels=self._panels, country=country)

    def enough(self, train: Days) -> bool:
        """Whether half of the days are enough for an Aurora."""
        return len(train) >= 2 * LEAST_DAYS + WEEK

    def told(self, windows: Windows) -> dict[date, Scenarios]:
        """What those that have not seen a day tell of it."""
        halves: list[list[date]] = [[], []]
        for day in windows.train:
            halves[day.toordinal() // WEEK % 2].append(day)
        tasks = [(halves[1], halves[0]), (halves[0], halves[1]), (windows.train, windows.validation)]
        return {day: paths for learned, asked in tasks for day, paths in self._tell(learned, asked).items()}

    def _tell(self, learned: Sequence[date], asked: Sequence[date]) -> dict[date, Scenarios]:
        beside = {day + timedelta(days=by) for day in asked for by in (-1, 1)}
        model = self._fit([day for day in learned if day not in beside])
        return {} if model is None else told_scenarios(model, self._home, asked, self._context.timezone)

    def bundle(self, days: Days) -> Bundle | None:
        """One that learned from all days, as its files; None where too few of them were read."""
        model = self._fit(days)
        if model is None:
            return None
        trained_on = TrainedOn(
            timezone=self._context.timezone,
            first_day=self._first,
            last_day=days[-1],
            panels=self._panels,
            country=self._context.site_settings.forecast.holidays_of,
            metrics={},
        )
        with TemporaryDirectory() as folder:
            return save_aurora(Path(folder) / "aurora", model, trained_on)

    def _fit(self, days: Sequence[date]) -> AuroraModel | None:
        allowed: Mask = np.zeros(len(self._home.series), dtype=bool)
        for day in days:
            start, end = (
                self._home.series.index(day_start(day + timedelta(days=by), self._context.timezone)) for by in (0, 1)
            )
            allowed[start:end] = True
        try:
            return fit_aurora(self._home, allowed, seed=self._seed)
        except ValueError:
            return None  # fewer readings than days: refused readings count for nothing
