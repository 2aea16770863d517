"""The verifier between replay and lake: what it turns away is left out, with a row and a check that say so."""

from collections.abc import Mapping
from datetime import date

import dagster as dg

from assets.description import markdown_table
from assets.home import Check
from planner.evaluation.verified_days import VerifiedDays
from planner.wording.columns import worded

SCHEDULES_VERIFIED = Check(
    name="schedules_verified",
    description="Every schedule balances, keeps its limits and costs what it says; what does not is left out.",
)


def verified_check(days: VerifiedDays) -> dg.AssetCheckResult:
    """Return the numbers of checked and refused schedules, with the first violation of each day."""
    return SCHEDULES_VERIFIED.result(
        passed=days.rejected.is_empty(),
        checked=days.checked,
        turned_away=days.rejected.height,
        violations=int(days.rejected["violations"].sum()),
        first=markdown_table(days.rejected, digits=4),
    )


def rejection_reasons(days: VerifiedDays) -> Mapping[date, str]:
    """Why schedules of a day are left out, by day."""
    reasons = days.rejected.group_by("day", maintain_order=True).agg(
        worded("{} fails verification: {} ({})", "policy", "message", "rule").str.join("; ").alias("reason")
    )
    return dict(reasons.select("day", "reason").iter_rows())
