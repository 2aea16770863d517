"""`darkstar shadow`: compare what shadow policies would have cost with the actual costs."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkstar_pipeline.console.arguments import FirstDay, LastDay, check_policy, check_range
from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document, draw_table

if TYPE_CHECKING:
    from rich.console import Console


def shadow(
    call: Call,
    *,
    first: FirstDay,
    last: LastDay,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            "--policy",
            metavar="P",
            help="value, mpc, rl, champion or models:/NAME/3; may be repeated; default: the configured shadows.",
        ),
    ] = None,
) -> Document:
    """Compare what shadow policies would have cost with actual costs.

    Both are priced by day, on the same readings and from the same stored energy. Plans that the service recorded are
    used as they are; a policy without a plan on a day is replayed on it. The actual cost is metered where the grid
    meters and the state of charge were read; otherwise it is that of the service's own commands on the readings.
    """
    from darkstar_pipeline.errors import DataMissingError
    from darkstar_pipeline.evaluation.actual_days import actual_days
    from darkstar_pipeline.evaluation.plan_history import plans_between
    from darkstar_pipeline.evaluation.shadow_days import shadow_rows
    from env.time_grid import days_between

    check_range(first, last)
    for name in policy or ():
        check_policy(name)
    context = call.context()
    policies = policy or list(context.site_settings.service.shadows) or ["champion"]
    days = list(days_between(first, last))
    compared = actual_days(context, days)
    plans = plans_between(context.lake, context.site_name, first, last)
    rows = shadow_rows(context, compared, plans, policies)
    usable = {actual.day for actual in compared}
    left_out = [{"day": day, "reason": "not graded, or refused"} for day in days if day not in usable]
    if not rows:
        raise DataMissingError(
            f"no day from {first} to {last} can be compared for site {context.site_name}",
            f"run `darkstar backfill --from {first} --to {last}`; `darkstar quality` says why days are refused",
        )
    document = {
        "site": context.site_name,
        "currency": context.site.currency,
        "days": rows,
        "totals": [_total(rows, name) for name in policies],
        "left_out": left_out,
    }
    return Document(document, lambda out: _draw(out, document))


def _total(rows: list[dict[str, Any]], policy: str) -> dict[str, Any]:
    """Return a policy's totals; the interval is the bootstrap of `darkstar evaluate`."""
    import numpy as np

    from planner.evaluation.verdict import total_interval

    own = [row for row in rows if row["policy"] == policy]
    differences = np.array([row["difference"] for row in own if row["difference"] is not None])
    low, high = total_interval(differences)
    return {
        "policy": policy,
        "days": len(own),
        "cost": sum(row["cost"] for row in own),
        "idle_cost": sum(row["idle_cost"] for row in own),
        "oracle_cost": sum(row["oracle_cost"] for row in own),
        "days_compared": len(differences),
        "difference": float(differences.sum()) if len(differences) else None,
        "difference_low": low,
        "difference_high": high,
    }


def _draw(out: "Console", document: dict[str, Any]) -> None:
    """Print a row per day and policy, and below them the totals."""
    headings = {
        "day": "day",
        "policy": "policy",
        "source": "plans",
        "cost": f"cost [{document['currency']}]",
        "actual_cost": "actual",
        "planned_cost": "service's plan",
        "difference": "difference",
        "idle_cost": "idle",
        "oracle_cost": "oracle",
    }
    draw_table(out, [{name: row[name] for name in headings} for row in document["days"]], headings)
    for day, note in {row["day"]: row["start_soc_note"] for row in document["days"] if row["start_soc_note"]}.items():
        out.print(f"{day}: {note}", markup=False)
    for total in document["totals"]:
        if total["difference"] is None:
            out.print(f"{total['policy']}: no actual cost to compare with", markup=False)
            continue
        interval = f"{total['difference_low']:.2f} to {total['difference_high']:.2f}"
        difference = f"{total['difference']:+.2f} {document['currency']} against actual costs (95 %: {interval})"
        out.print(f"{total['policy']}: {difference}, {total['days_compared']} days", markup=False)
