"""Check of the size of the state folder, by kind of what is in it, against its budget, and of what retention frees."""

from datetime import datetime
from pathlib import Path

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.context import LAKE_FOLDER
from darkstar_pipeline.doctor.finding import CheckResult, passed, warned
from darkstar_pipeline.doctor.repair import ASIDE_FOLDER
from darkstar_pipeline.retention.cleaning import KindReport, clean, last_cleaning
from darkstar_pipeline.retention.kinds import size_of

MIB = 2**20
STALE_DAYS = 8
_LAKE_REMEDY = "raise retention.budget_mib.lake, or save old days with `darkstar backup` and remove their folders"
_ASIDE_REMEDY = "look at what `darkstar doctor --repair` moved aside, and remove it"


def check_sizes(home: Path, settings: Settings, now: datetime) -> list[CheckResult]:
    """Check that no kind of state has outgrown its budget, and that retention is applied.

    Args:
        home: the state folder.
        settings: the configuration, with the times and budgets.
        now: the present instant (UTC).
    """
    reports = clean(home, settings, now=now, dry_run=True)
    budgets = settings.retention.budget_mib
    found = [
        *_kept_for_ever("lake", home / LAKE_FOLDER, budgets.lake, _LAKE_REMEDY),
        *(_removable(report) for report in reports if report.size or report.problem),
        *_kept_for_ever("aside", home / ASIDE_FOLDER, budgets.other, _ASIDE_REMEDY),
    ]
    return [*found, _last(home, settings, now)] if found else [passed("sizes", "empty")]


def _kept_for_ever(name: str, folder: Path, budget_mib: int, remedy: str) -> list[CheckResult]:
    """Return the size of a kind that nothing is removed of; none where there is none."""
    size = size_of(folder)
    if not folder.is_dir() or not size:
        return []
    detail = f"{size / MIB:.1f} of {budget_mib} MiB; nothing of it is removed"
    check = f"size of {name}"
    return [passed(check, detail) if size <= budget_mib * MIB else warned(check, f"{detail}; above its budget", remedy)]


def _removable(report: KindReport) -> CheckResult:
    """Return the size of a kind, and what retention would free of it."""
    check = f"size of {report.kind}"
    detail = (
        f"{report.size / MIB:.1f} of {report.budget / MIB:.0f} MiB; "
        f"`darkstar clean` frees {report.frees / MIB:.1f} MiB ({report.setting})"
    )
    if report.problem:
        return warned(check, f"{detail}; cannot be told in full: {report.problem}", "mend that, then `darkstar clean`")
    if report.size - report.frees > report.budget:
        name = "other" if report.setting.rpartition(".")[2].partition("_")[0] not in _OWN else report.kind
        remedy = f"lower {report.setting}, or raise retention.budget_mib.{name}"
        return warned(check, f"{detail}; above its budget", remedy)
    return passed(check, detail)


_OWN = frozenset({"plans", "dagster", "versions", "runs"})
"""Kinds with a budget of their own, by the beginning of their setting."""


def _last(home: Path, settings: Settings, now: datetime) -> CheckResult:
    """Return when retention was applied, and what it could not do."""
    last = last_cleaning(home)
    if last is not None and last.problems:
        return warned("retention", "; ".join(last.problems), "mend that, then `darkstar clean`")
    if not settings.retention.automatic:
        return passed("retention", "retention.automatic is off: `darkstar clean` removes what is past its time")
    if last is None:
        return passed("retention", "not yet applied; the service does it once a day")
    detail = f"applied {last.at:%Y-%m-%d %H:%M} UTC, {last.freed / MIB:.1f} MiB freed"
    if (now - last.at).days >= STALE_DAYS:
        return warned("retention", detail, "the service applies it once a day: start it, or run `darkstar clean`")
    return passed("retention", detail)
