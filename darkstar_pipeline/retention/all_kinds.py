"""The kinds of state that retention removes the oldest of, with their rules from the configuration."""

import re
from collections.abc import Callable, Iterable
from datetime import date, datetime
from pathlib import Path

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.context import PICTURES_FOLDER, QUARANTINE_FOLDER
from darkstar_pipeline.retention.dagster_runs import DagsterRuns
from darkstar_pipeline.retention.kinds import FilesKind, Kind, by_day_name, by_last_change
from darkstar_pipeline.retention.logs import LongLogs
from darkstar_pipeline.retention.mlflow_runs import MlflowRuns
from darkstar_pipeline.retention.model_versions import ModelVersions, named_versions
from darkstar_pipeline.retention.rules import Rule
from darkstar_pipeline.state.folder_names import (
    MODELS_FOLDER,
    PLANS_FOLDER,
    SEARCHES_FOLDER,
    SERVICE_FOLDER,
    UNFINISHED_FOLDER,
)

MIB = 2**20
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def kinds_of(home: Path, settings: Settings, *, now: datetime) -> list[Kind]:
    """Return all kinds, those first that are removed fastest.

    Args:
        home: the state folder.
        settings: the configuration.
        now: the present instant (UTC).
    """
    kept, budgets = settings.retention, settings.retention.budget_mib

    def rule(setting: str, days: int, budget: int, at_least: int = 0) -> Rule:
        return Rule(setting=f"retention.{setting}", days=days, at_least=at_least, budget=budget * MIB)

    return [
        LongLogs(home=home, most_bytes=kept.log_mib * MIB, rule=rule("log_mib", 0, budgets.other)),
        FilesKind(
            name="plans",
            rule=rule("plans_days", kept.plans_days, budgets.plans, at_least=2 * max(1, len(settings.sites))),
            folders=_service_plans(home),
            find=lambda: [day for folder in _service_plans(home) for day in folder.iterdir() if _is_day(day.name)],
            dated=by_day_name,
        ),
        FilesKind(
            name="checkpoints",
            rule=rule("checkpoints_days", kept.checkpoints_days, budgets.other),
            folders=_unfinished(home),
            find=_within(lambda: _unfinished(home)),
            dated=by_last_change,
        ),
        _flat("quarantine", rule("quarantine_days", kept.quarantine_days, budgets.other), home / QUARANTINE_FOLDER),
        _flat("pictures", rule("pictures_days", kept.pictures_days, budgets.other), home / PICTURES_FOLDER),
        DagsterRuns(home=home, rule=rule("dagster_days", kept.dagster_days, budgets.dagster, at_least=50)),
        ModelVersions(
            home=home,
            rule=rule("versions_days", kept.versions_days, budgets.models),
            newest=kept.versions,
            named=named_versions(name for site in settings.sites.values() for name in site.service.shadows),
        ),
        MlflowRuns(home=home, rule=rule("runs_days", kept.runs_days, budgets.mlflow, at_least=50), now=now),
    ]


def _flat(name: str, rule: Rule, folder: Path) -> FilesKind:
    """Return the kind of what lies in one folder."""
    return FilesKind(name=name, rule=rule, folders=(folder,), find=_within(lambda: [folder]), dated=by_last_change)


def _within(folders: Callable[[], Iterable[Path]]) -> Callable[[], list[Path]]:
    """Return what lists what lies in folders, lock files aside."""
    return lambda: [
        path for folder in folders() if folder.is_dir() for path in folder.iterdir() if not path.name.startswith(".")
    ]


def _service_plans(home: Path) -> list[Path]:
    return sorted(path for path in (home / SERVICE_FOLDER).glob(f"*/{PLANS_FOLDER}") if path.is_dir())


def _unfinished(home: Path) -> list[Path]:
    names = (UNFINISHED_FOLDER, SEARCHES_FOLDER)
    return sorted(path for name in names for path in (home / MODELS_FOLDER).glob(f"*/{name}") if path.is_dir())


def _is_day(name: str) -> bool:
    """Return whether a folder is named by a day that there is."""
    try:
        return bool(_DAY.fullmatch(name)) and bool(date.fromisoformat(name))
    except ValueError:
        return False
