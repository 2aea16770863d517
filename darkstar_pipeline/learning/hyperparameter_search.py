"""Search for hyper-parameters of reinforcement learning on a site's days: trained on some, scored on others.

A person writes the result into `darkstar.yaml`: a search that changed the settings by itself would select its own luck.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.learning.algorithms import with_changes
from darkstar_pipeline.learning.dataset import LearningData, usable_days
from darkstar_pipeline.learning.scenario_rules import CANDIDATES, choose_scenario_rules, uncorrected_cost
from darkstar_pipeline.learning.splits import split
from darkstar_pipeline.learning.training import prepare_data
from darkstar_pipeline.models.version import models_folder
from planner.artifacts.atomic_files import make_folder
from planner.training.rl_config import PpoTraining
from planner.training.rl_search import Between, SearchResult, Space, TrialResult, search

QUICK = {"rounds": 6, "members": 1}  # changes of the configured training: enough to compare settings
RANGES = {
    "learning_rate": Between(low=1e-4, high=5e-3, log=True),
    "offset": Between(low=0.02, high=0.3, log=True),
    "weight_decay": Between(low=1e-4, high=0.1, log=True),
    "first_std": Between(low=0.1, high=0.7),
    "last_lambda": Between(low=0.0, high=0.95),
}
"""Ranges of the settings that are searched; their order decides what each trial draws."""


@dataclass(frozen=True, kw_only=True)
class SiteSearch:
    """Result of a search.

    Attributes:
        settings: best settings of `rl`, by name.
        cost: mean cost of the best trial over the validation days [money].
        uncorrected: mean cost of no correction over the same days [money].
        trials: a row a trial: `trial, cost` and the settings.
        file: file of the trials; another search of the same days and settings is resumed from it.
    """

    settings: dict[str, Any]
    cost: float
    uncorrected: float
    trials: pl.DataFrame
    file: Path


def search_site(
    context: Context, at: date, n_trials: int, *, batch: int = 1, progress: Callable[[int, int], None] | None = None
) -> SiteSearch:
    """Search on the days before a day.

    Args:
        context: the site.
        at: day of the search; only days before it are used.
        n_trials: number of trials, those of a killed search included.
        batch: trials drawn and trained side by side.
        progress: called with (done, total).

    Raises:
        DataMissingError: too few days.
    """
    windows = split(usable_days(context, None, at - timedelta(days=1)), context.site_settings.learning)
    data = prepare_data(context, windows)
    name, _ = choose_scenario_rules(data)
    rules, settings = CANDIDATES[name], context.site_settings.rl
    base = PpoTraining.of(with_changes(settings, QUICK), seed=context.site_settings.learning.seed)
    space = Space(base=base, ranges=RANGES)
    file = _trials_file(data, str(space) if batch == 1 else f"{space} in batches of {batch}")

    def report(trial: TrialResult) -> None:
        if progress is not None:
            progress(trial.number, trial.total)

    training, validation = (data.episodes(days, rules) for days in (windows.train, windows.validation))
    found = search(training, validation, space, n_trials, batch=batch, storage=file, progress=report)
    return SiteSearch(
        settings={name: getattr(found.best, name) for name in RANGES},
        cost=found.cost,
        uncorrected=uncorrected_cost(validation),
        trials=_trials_table(found),
        file=file,
    )


def _trials_file(data: LearningData, space: str) -> Path:
    """Return the file of the trials of these days and this space."""
    context = data.context
    document = f"{data.content_hash} {data.windows} {space}"
    name = hashlib.sha256(document.encode()).hexdigest()[:12]
    folder = models_folder(context.home, context.site_name) / "searches"
    make_folder(folder)
    return folder / f"rl-{name}.db"


def _trials_table(found: SearchResult) -> pl.DataFrame:
    rows = [{"trial": trial.number, "cost": trial.cost, **trial.values} for trial in found.trials]
    return pl.DataFrame(rows).sort("cost")
