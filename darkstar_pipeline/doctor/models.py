"""Checks of the policy in use at a site: it can be read, fits the tariff, and is retrained; its alias is current."""

import json
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import polars as pl

from darkstar_pipeline.config.learning import LearningSettings
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.doctor.finding import CheckResult, failed, passed, warned
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.models.alias_follower import alias_is_pending
from darkstar_pipeline.models.champion_pointer import load_champion
from darkstar_pipeline.models.promotion_journal import has_unfinished_change
from darkstar_pipeline.models.version import FAMILIES, RegisteredModel, retrains_folder
from darkstar_pipeline.warehouse.schemas import DATA_QUALITY_DAILY
from env.time_grid import zone
from planner.errors import PolicyMismatchError
from planner.replay.usable_slots import USABLE

OLD_DAYS = 30
REPLACE = "darkstar train lightgbm, then darkstar models promote VERSION --force --why TEXT"
RETRAIN = "darkstar retrain, or turn on weekly_retrain_schedule in Dagster's page"


@dataclass(frozen=True)
class Retrained:
    """The newest retrain that left a report.

    Attributes:
        at: the day it is as of.
        status: as `learning.retrain.RetrainReport`.
    """

    at: date
    status: str


def check_models(settings: Settings, home: Path, site: str, now: datetime) -> CheckResult:
    """Check which policy decides at a site, and whether it is retrained."""
    check, context = f"models, {site}", open_context(site, settings=settings, home=home)
    today = now.astimezone(zone(context.timezone)).date()
    last = newest_retrain(retrains_folder(context))
    try:
        champion = load_champion(context)
    except ConfigurationError as error:
        return failed(check, error.message, error.hint)
    except (OSError, PolicyMismatchError) as error:
        folder = RegisteredModel.of(context).folder
        return failed(check, f"the champion in {folder} cannot be used: {error}", REPLACE)
    if champion is None:
        return _without(check, context, last)
    pointer, since = champion.pointer, champion.pointer.at.astimezone(zone(context.timezone)).date()
    detail = f"version {pointer.version} ({champion.bundle.manifest.kind}) decides since {since}"
    return _looked_after(check, f"{detail}, {_last_retrain(last)}", last, since, today)


def check_aliases(home: Path, site: str) -> list[CheckResult]:
    """Return a warning where MLflow's aliases of a site lag behind the pointers; nothing where they do not."""
    models = [RegisteredModel(home, site, family) for family in FAMILIES]
    lagging = [model.name for model in models if alias_is_pending(model) or has_unfinished_change(model)]
    if not lagging:
        return []
    detail = f"MLflow's alias `champion` of {', '.join(lagging)} lags behind the version in use"
    return [warned(f"aliases, {site}", detail, "darkstar models")]


def newest_retrain(folder: Path) -> Retrained | None:
    """The retrain that is as of the latest day, by its report; None where there is none that can be read."""
    found: list[Retrained] = []
    for path in folder.glob("*.json"):
        try:
            report = json.loads(path.read_bytes())
            found.append(Retrained(date.fromisoformat(report["at"]), str(report["status"])))
        except (OSError, ValueError, KeyError, TypeError):
            continue  # a damaged report is as good as none: the retrain starts over
    return max(found, key=lambda each: each.at, default=None)


def _without(check: str, context: Context, last: Retrained | None) -> CheckResult:
    """No version is in use: normal for a young home, and where no version was good enough."""
    grades = context.lake.read(DATA_QUALITY_DAILY, context.site_name)
    usable, needed = grades.filter(pl.col("status").is_in(USABLE)).height, days_needed(context.site_settings.learning)
    detail = f"value decides, {_last_retrain(last)}, {usable} usable days"
    if usable < needed:
        return passed(check, f"{detail} of about {needed} that a retrain needs")
    if last is None:
        return warned(check, detail, RETRAIN)
    return _unfinished(check, detail, last) or passed(check, detail)


def _looked_after(check: str, detail: str, last: Retrained | None, since: date, today: date) -> CheckResult:
    """A version is in use: somebody should have tried lately whether there is a better one."""
    tried = since if last is None else max(since, last.at)
    if last is not None and (unfinished := _unfinished(check, detail, last)) is not None:
        return unfinished
    if (today - tried).days > OLD_DAYS:
        return warned(check, f"{detail}; nothing was tried for {(today - tried).days} days", RETRAIN)
    return passed(check, detail)


def _unfinished(check: str, detail: str, last: Retrained) -> CheckResult | None:
    """Return a warning where the last retrain stopped on its way; None where it came to its end."""
    return warned(check, detail, f"darkstar retrain --at {last.at}") if last.status == "unfinished" else None


def _last_retrain(last: Retrained | None) -> str:
    return "no retrain ever ran" if last is None else f"last retrain as of {last.at}: {last.status}"


def days_needed(rules: LearningSettings) -> int:
    """Usable days that can surely be split: a fourth for judging, a fourth for choosing, gaps, and enough to learn."""
    return 2 * rules.least_train_days + 4 * rules.gap_days
