"""Training data of a site's policies: graded slots with forecasts, earlier readings, and Aurora's scenarios.

The scenarios of a day come from a model that was not fitted on it (`planner.forecasts.cross_fitting`); a policy embeds
a model that was fitted on all of its days, for those after them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.replay_inputs import ReplayInputs, content_hash, protocol_of
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.forecasts.inputs import panels_of
from darkstar_pipeline.forecasts.replay_forecasts import forecast_replay_inputs
from darkstar_pipeline.forecasts.training_homes import training_homes
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

LOOKBACK_DAYS = 28  # days of readings before the first day: more than any scenario weights look back


def usable_days(context: Context, first: date | None, last: date | None) -> list[date]:
    """Return the usable local days, in order.

    Raises:
        DataMissingError: no day has been materialised.
    """
    quality = context.lake.read(DATA_QUALITY_DAILY, context.site_name, first, last)
    if quality.is_empty():
        message = f"no day of site {context.site_name} is materialised in the range to learn from"
        raise DataMissingError(message, "run `darkstar backfill --from D --to D` first")
    return quality.filter(pl.col("status").is_in(USABLE))["day"].sort().to_list()


@dataclass(frozen=True, kw_only=True)
class LearningData:
    """A site's days, prepared for training.

    Attributes:
        context: the site.
        windows: training and validation days.
        inputs: slots, forecasts and readings of all of them.
        aurora_scenarios: out-of-fold scenarios by day; empty without Aurora.
        aurora: the Aurora that a policy embeds; None without.
    """

    context: Context
    windows: Windows
    inputs: ReplayInputs
    aurora_scenarios: Mapping[date, Scenarios]
    aurora: Bundle | None

    def episodes(self, days: Sequence[date], rules: WeightRules) -> Episodes:
        """Return days as episodes with the outlook that follows from the rules."""
        chosen = pl.Series(days, dtype=pl.Date)
        slots = self.inputs.slots.filter(pl.col("local_day").is_in(chosen.implode()))
        source = ScenarioSource(history=self.inputs.history, rules=rules, forecast_scenarios=self.aurora_scenarios)
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
    """Return the data of the windows' days.

    Args:
        context: the site.
        windows: windows of usable days.
        with_aurora: whether to add Aurora's scenarios, which need a month or so of days.
        seed: random seed of Aurora's trees.
        note: called with sentences about long steps and missing inputs.
    """
    inputs = forecast_replay_inputs(context, windows.learned, lookback_days=LOOKBACK_DAYS)
    scenarios, aurora = dict[date, Scenarios](), None
    if with_aurora and CrossFittedForecasters.has_enough_days(windows.train):
        note("Aurora learns the home's days")
        first, country = windows.train[0] - timedelta(days=LOOKBACK_DAYS), context.site_settings.forecast.holidays_of
        homes = training_homes(context, first, windows.learned[-1], panels=panels_of(context), country=country)
        forecasters = CrossFittedForecasters(homes.known, context.timezone, seed=seed, learned=homes.learned)
        scenarios = forecasters.out_of_fold_scenarios(windows.train, windows.validation)
        aurora = _aurora_bundle(forecasters, context, windows.learned, first)
    elif with_aurora:
        note(f"{len(windows.train)} days to learn from are too few for Aurora: scenarios are the last days alone")
    return LearningData(context=context, windows=windows, inputs=inputs, aurora_scenarios=scenarios, aurora=aurora)


def _aurora_bundle(forecasters: CrossFittedForecasters, context: Context, days: Days, first: date) -> Bundle | None:
    """Return an Aurora fitted on all days, as a bundle; None if too few of them have readings."""
    model = forecasters.fit(days)
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
