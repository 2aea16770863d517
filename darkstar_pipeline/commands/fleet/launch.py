"""`darkstar fleet launch`: a backfill of all homes in Dagster's hands, and its size before it begins."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from darkstar_pipeline.console.arguments import FirstDay, LastDay, check_range
from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document, draw_table

if TYPE_CHECKING:
    from rich.console import Console

    from assets.fleet.graph.backfill_plan import BackfillPlan


def launch(
    _call: Call,
    *,
    first: FirstDay,
    last: LastDay,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan only.")] = False,
) -> Document:
    """Have Dagster repair, grade and replay days of all homes, and show how much work that is.

    Its daemon, which `darkstar ui` starts, cuts the days into runs, queues them, and repeats those that a lost machine
    took along. `darkstar fleet backfill` does the same work at once, without Dagster.
    """
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from assets.fleet.graph.backfill_plan import plan_backfill
    from darkstar_pipeline.config.settings import home_dir, load_settings
    from darkstar_pipeline.fleet.homes_file import fleet_of
    from darkstar_pipeline.orchestration.instance import open_instance

    check_range(first, last)
    settings, home = load_settings(), home_dir()
    today = datetime.now(ZoneInfo(fleet_of(settings).defaults.timezone)).date()
    with open_instance(home) as instance:
        found = plan_backfill(settings, home, first, last, instance=instance, today=today)
    backfill_id = None
    if not dry_run:
        from jobs.fleet_backfill import launch_backfill

        backfill_id = launch_backfill(settings, home, first, last)
    document = {**asdict(found), "first": str(first), "last": str(last), "backfill_id": backfill_id}
    return Document(document, lambda out: _draw(out, found, backfill_id))


def _draw(out: "Console", plan: "BackfillPlan", backfill_id: str | None) -> None:
    """Print the plan, and how it is begun or was."""
    rows = [
        {"what": "homes", "number": f"{plan.homes:,}", "from": ""},
        {"what": "home-days", "number": f"{plan.home_days:,}", "from": ""},
        {"what": "partitions", "number": f"{plan.partitions:,}", "from": "days x groups of buckets"},
        {"what": "runs", "number": f"{plan.runs:,}", "from": "as Dagster cuts them"},
        {"what": "core-hours", "number": f"{plan.core_hours:,.2f}", "from": plan.core_hours_from},
        {"what": "files", "number": f"{plan.files:,}", "from": "tables x buckets x days"},
        {"what": "GB", "number": f"{plan.size / 1e9:,.2f}", "from": plan.size_from},
    ]
    draw_table(out, rows, {"what": "what", "number": "number", "from": "from"})
    if backfill_id is None:
        days = f"--from {plan.first} --to {plan.last}"
        out.print(f"begin it: darkstar fleet launch {days}", markup=False)
        return
    out.print(f"Dagster has it as {backfill_id}", markup=False)
    out.print("it begins while `darkstar ui` or dagster-daemon runs", markup=False)
