"""A search for hyper-parameters of reinforcement learning on a site's own days: trained on some, judged on others.

What it finds is for a person to write into `darkstar.yaml`: a search that changed the settings by itself would judge
its own luck.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.learning.algorithms import changed
from darkstar_pipeline.learning.dataset import LearningData, usable_days
from darkstar_pipeline.learning.scenario_rules import CANDIDATES, choose_scenario_rules, uncorrected_cost
from darkstar_pipeline.learning.splits import split
from darkstar_pipeline.learning.training import prepared
from darkstar_pipeline.models.version import models_folder
from planner.training.rl_config import PpoTraining
from planner.training.rl_search import Between, SearchResult, Space, TrialResult, search

QUICK = {"rounds": 6, "members": 1}  # of the configured training: enough to tell settings apart
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
    """What a search of a site found.

    Attributes:
        settings: those of `rl` that it would change, by name.
        cost: of the best trial, mean of a validation day [money].
        uncorrected: of no correction at all on the same days [money].
        trials: a row a trial: `trial, cost` and the settings.
        file: of the trials; another search of the same days and settings goes on from it.
    """

    settings: dict[str, Any]
    cost: float
    uncorrected: float
    trials: pl.DataFrame
    file: Path


def search_site(
    context: Context, at: date, n_trials: int, *, progress: Callable[[int, int], None] | None = None
) -> SiteSearch:
    """Search on the days before a day.

    Args:
        context: the site.
        at: only days before it are used.
        n_trials: in all, those of a search that was killed among them.
        progress: told (done, total).

    Raises:
        DataMissingError: too few days.
    """
    windows = split(usable_days(context, None, at - timedelta(days=1)), context.site_settings.learning)
    data = prepared(context, windows)
    name, _ = choose_scenario_rules(data)
    rules, settings = CANDIDATES[name], context.site_settings.rl
    base = PpoTraining.of(changed(settings, QUICK), seed=context.site_settings.learning.seed)
    space = Space(base=base, ranges=RANGES)
    file = _file(data, str(space))

    def told(each: TrialResult) -> None:
        if progress is not None:
            progress(each.number, each.total)

    training, validation = (data.episodes(days, rules) for days in (windows.train, windows.validation))
    found = search(training, validation, space, n_trials, storage=file, progress=told)
    return SiteSearch(
        settings={name: getattr(found.best, name) for name in RANGES},
        cost=found.cost,
        uncorrected=uncorrected_cost(validation),
        trials=_table(found),
        file=file,
    )


def _file(data: LearningData, space: str) -> Path:
    """Where the trials of these days and this space stand."""
    context = data.context
    told = f"{data.content_hash} {data.windows} {space}"
    name = hashlib.sha256(told.encode()).hexdigest()[:12]
    folder = models_folder(context.home, context.site_name) / "searches"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"rl-{name}.db"


def _table(found: SearchResult) -> pl.DataFrame:
    rows = [{"trial": trial.number, "cost": trial.cost, **trial.values} for trial in found.trials]
    return pl.DataFrame(rows).sort("cost")
