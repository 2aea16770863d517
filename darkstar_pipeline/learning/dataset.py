"""What a site's policies learn from: graded slots with forecasts, the readings before them, and what Aurora tells.

What Aurora tells of a day is told by one that has not seen it (`planner.forecasts.cross_fitting`); a policy takes along
one that learned from all of its days, for those after them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.replay_inputs import ReplayInputs, content_hash, protocol_of, replay_inputs
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.forecasts.inputs import aurora_home, panels_of
from darkstar_pipeline.learning.splits import Days, Windows
from darkstar_pipeline.warehouse.schemas import DATA_QUALITY_DAILY
from env.gym.episodes import Episodes
from planner.artifacts.bundle import Bundle
from planner.forecasts.aurora_bundle import TrainingProvenance, save_aurora
from planner.forecasts.cross_fitting import CrossFittedForecasters
from planner.replay.episodes import rl_episodes
from planner.replay.usable_slots import USABLE
from planner.value.scenario_source import ScenarioSource
from planner.value.scenario_weights import WeightRules
from planner.value.scenarios import Scenarios

REACH = 28  # days of readings before the first day: more than any rules of belief look back


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

    def episodes(self, days: Sequence[date], rules: WeightRules) -> Episodes:
        """Days as episodes with the outlook that follows from the rules."""
        chosen = pl.Series(days, dtype=pl.Date)
        slots = self.inputs.slots.filter(pl.col("local_day").is_in(chosen.implode()))
        source = ScenarioSource(history=self.inputs.history, rules=rules, forecast_scenarios=self.told)
        return rl_episodes(
            slots,
            self.inputs.forecasts,
            self.context.site,
            protocol_of(self.context.site_settings, self.context.site.battery),
            history=source,
        )

    @property
    def content_hash(self) -> str:
        """Hash of the prices and readings of all windows: the same data, the same hash."""
        return content_hash(self.inputs.slots)


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
    inputs = replay_inputs(
        context.lake, context.site, windows.learned, has_pv=context.site_settings.has_pv, lookback_days=REACH
    )
    told, aurora = dict[date, Scenarios](), None
    if with_aurora and CrossFittedForecasters.has_enough_days(windows.train):
        note("Aurora learns the home's days")
        first, country = windows.train[0] - timedelta(days=REACH), context.site_settings.forecast.holidays_of
        home = aurora_home(context, first, windows.learned[-1], panels=panels_of(context), country=country)
        tellers = CrossFittedForecasters(home, context.timezone, seed=seed)
        told = tellers.out_of_fold_scenarios(windows.train, windows.validation)
        aurora = _bundle(tellers, context, windows.learned, first)
    elif with_aurora:
        note(f"{len(windows.train)} days to learn from are too few for Aurora: scenarios are the last days alone")
    return LearningData(context=context, windows=windows, inputs=inputs, told=told, aurora=aurora)


def _bundle(tellers: CrossFittedForecasters, context: Context, days: Days, first: date) -> Bundle | None:
    """An Aurora that learned from all days, as its files; None where too few of them were read."""
    model = tellers.fit(days)
    if model is None:
        return None
    trained_on = TrainingProvenance(
        timezone=context.timezone,
        first_day=first,
        last_day=days[-1],
        panels=panels_of(context),
        country=context.site_settings.forecast.holidays_of,
        metrics={},
    )
    with TemporaryDirectory() as folder:
        return save_aurora(Path(folder) / "aurora", model, trained_on)
