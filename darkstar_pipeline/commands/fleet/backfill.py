"""`darkstar fleet backfill`: days of all homes, from what was imported to results."""

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from darkstar_pipeline.console.arguments import FirstDay, LastDay, check_range
from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document, draw_table
from darkstar_pipeline.console.progress import progress_bar
from darkstar_pipeline.errors import ExitCode
from planner.wording.counts import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from assets.fleet.backfill import FleetReport
    from assets.fleet.shards import LeftOut, PassedOverVersion

_SHOWN = 10


def backfill(
    call: Call,
    *,
    first: FirstDay,
    last: LastDay,
    bucket: Annotated[
        int | None, typer.Option("--bucket", min=0, metavar="N", help="Only the homes of this bucket.")
    ] = None,
) -> Document:
    """Repair, grade and replay days of all homes; safe to repeat.

    A home that cannot be worked on is left out with its reason, and the others go on. With `--site` only that home's
    days are replaced. The engine is the configuration's (`engine`); the results are the same whatever it is.
    """
    from assets.fleet.backfill import backfill_fleet, fleet_shards
    from darkstar_pipeline.config.settings import home_dir, load_settings

    check_range(first, last)
    shards = fleet_shards(load_settings(), home_dir(), first, last, bucket=bucket, site=call.site)
    with progress_bar(call, "shards") as progress:
        report = backfill_fleet(shards, progress)
    document = {
        "homes": report.homes,
        "home_days": report.home_days,
        "usable_days": report.usable_days,
        "rows": report.rows,
        "left_out": [vars(each) for each in report.left_out],
        "passed_over": [vars(each) for each in report.passed_over],
        "processor_seconds": {stage: round(seconds, 3) for stage, seconds in report.seconds.items()},
        "shards": report.shards,
    }
    code = ExitCode.DATA if report.damaged else ExitCode.DONE
    return Document(document, lambda out: _draw(out, report), exit_code=code)


def _draw(out: "Console", report: "FleetReport") -> None:
    """Print the report."""
    out.print(
        f"{counted(report.homes, 'home')}, {counted(report.home_days, 'home-day')} ({report.usable_days} usable), "
        f"{counted(report.rows, 'row')} in {counted(report.shards, 'shard')}",
        markup=False,
    )
    total = sum(report.seconds.values())
    per_day = 1000 / max(report.home_days, 1)
    rows = [
        {"stage": stage, "seconds": seconds, "per_day": per_day * seconds, "share": f"{seconds / total:.0%}"}
        for stage, seconds in sorted(report.seconds.items(), key=lambda item: -item[1])
    ]
    draw_table(out, rows, {"stage": "stage", "seconds": "processor s", "per_day": "ms a home-day", "share": "share"})
    _draw_reasons(out, "left out", report.left_out)
    _draw_reasons(out, "the version in use was not replayed, and `value` stands for it", report.passed_over)


def _draw_reasons(out: "Console", what: str, homes: "Sequence[LeftOut | PassedOverVersion]") -> None:
    """Print how often homes have each reason, most first."""
    if not homes:
        return
    reasons = Counter(each.reason for each in homes)
    out.print(f"{what}: {counted(len(homes), 'time')} a home, with these reasons:", markup=False)
    some = {each.reason: each.site for each in reversed(homes)}
    shown = [{"reason": reason, "times": times, "first": some[reason]} for reason, times in reasons.most_common(_SHOWN)]
    draw_table(out, shown, {"first": "such as", "times": "times", "reason": "reason"})
