"""`darkstar compare`: the cost difference of two versions or policies, with its interval."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkstar_pipeline.commands.evaluate import ContinuousOption, note_part_months, training_days_note
from darkstar_pipeline.console.arguments import check_policy, check_range, format_days, parse_day
from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.failures import UsageError
from darkstar_pipeline.console.output import Document, draw_table
from planner.policy_names import CONTINUOUS_POLICIES, POLICIES

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console

    from darkstar_pipeline.context import Context
    from planner.evaluation.comparison import Comparison

LAST_DAYS = 90
_FIRST = typer.Option(
    "--from",
    parser=parse_day,
    metavar="DAY",
    help=f"First local day (inclusive); default: {LAST_DAYS} days before --to.",
)
_LAST = typer.Option(
    "--to", parser=parse_day, metavar="DAY", help="Last local day (inclusive); default: the last graded one."
)
_SIDE = "A version's number, models:/NAME/VERSION, or a policy."


def compare(
    call: Call,
    *,
    a: Annotated[str, typer.Argument(metavar="A", help=_SIDE)],
    b: Annotated[str, typer.Argument(metavar="B", help=_SIDE)],
    first: Annotated[date | None, _FIRST] = None,
    last: Annotated[date | None, _LAST] = None,
    continuous: ContinuousOption = False,
) -> Document:
    """Show how much more policy or version B costs than A.

    The difference is negative where B is cheaper; it counts the days on which both can be replayed. Its interval is
    a paired bootstrap over blocks of days. `gate` is the promotion gate's verdict on replacing A by B. Where the
    tariff has a demand charge, every cost includes what its days add to it; the months list the charge beside.
    """
    from darkstar_pipeline.evaluation.range_verdict import evaluate_range, trained_on
    from planner.evaluation.comparison import compare_policies
    from planner.evaluation.promotion_test import assess_challenger

    context = call.context()
    available = CONTINUOUS_POLICIES if continuous else POLICIES
    names = [policy_reference(side, context.site_name) for side in (a, b)]
    for name in names:
        check_policy(name, available)
    if names[0] == names[1]:
        raise UsageError(f"{a} and {b} are the same policy", "name two")
    start, end = _range(context, first, last)
    verdict = evaluate_range(context, start, end, names, continuous=continuous)
    if left_out := verdict.left_out["day"].to_list():
        call.note(f"{len(left_out)} days are left out: {format_days(left_out)}")
    note_part_months(call, verdict.evaluation.months)
    results = verdict.evaluation.days
    comparison = compare_policies(results, *names)
    daily = comparison.daily
    gate = assess_challenger(daily["cost_a"].to_numpy(), daily["cost_b"].to_numpy(), breaches=comparison.breaches_b)
    learned = trained_on(context, names, daily["day"].to_list())
    if learned:
        call.note(training_days_note(learned))
    document = {
        "a": names[0],
        "b": names[1],
        "first": daily["day"].min(),
        "last": daily["day"].max(),
        **_figures(comparison),
        "learned_from": learned,
        "months": _with_demand_charges(comparison.months, verdict.evaluation.months, names),
        "biggest_days": comparison.biggest.to_dicts(),
        "gate": gate.document(),
    }
    return Document(document, lambda out: _draw(out, document, context.site_settings.currency))


def policy_reference(text: str, site: str) -> str:
    """Return the policy's name; a number is a version of the site's policies.

    >>> policy_reference("3", "home"), policy_reference("value", "home")
    ('models:/antares-home/3', 'value')
    """
    from darkstar_pipeline.models.version import reference, registered_name

    return reference(registered_name(site), int(text)) if text.isascii() and text.isdigit() else text


def _range(context: "Context", first: date | None, last: date | None) -> tuple[date, date]:
    """Return the first and last day; a missing one is derived from the graded days.

    Raises:
        DataMissingError: no day is graded.
        UsageError: the range ends before it starts.
    """
    from darkstar_pipeline.errors import DataMissingError
    from darkstar_pipeline.warehouse.schemas import DATA_QUALITY_DAILY

    if last is None:
        days = context.lake.days(DATA_QUALITY_DAILY, context.site_name)
        if not days:
            message = f"no day is materialised for site {context.site_name}"
            raise DataMissingError(message, "run `darkstar backfill --from D --to D`")
        last = days[-1]
    start = last - timedelta(days=LAST_DAYS - 1) if first is None else first
    check_range(start, last)
    return start, last


def _figures(comparison: "Comparison") -> dict[str, Any]:
    """Return the comparison's figures by their JSON keys."""
    return {
        "days": comparison.n_days,
        "cost_a": comparison.cost_a,
        "cost_b": comparison.cost_b,
        "difference": comparison.difference,
        "difference_low": comparison.low,
        "difference_high": comparison.high,
        "difference_pct": 100 * comparison.difference / abs(comparison.cost_a) if comparison.cost_a else None,
        "cheaper_days": comparison.cheaper_days,
        "dearer_days": comparison.dearer_days,
        "breaches_a": comparison.breaches_a,
        "breaches_b": comparison.breaches_b,
    }


def _with_demand_charges(months: "pl.DataFrame", bills: "pl.DataFrame", names: list[str]) -> list[dict[str, Any]]:
    """Return the months' rows, with the part of both costs that is the demand charge, where the tariff has one."""
    rows = months.to_dicts()
    if bills.is_empty():
        return rows
    charged = {(row["month"], row["policy"]): row["power_cost"] for row in bills.to_dicts()}
    sides = dict(zip(("power_cost_a", "power_cost_b"), names, strict=True))
    return [{**row, **{key: charged.get((row["month"], name)) for key, name in sides.items()}} for row in rows]


def _draw(out: "Console", document: Mapping[str, Any], currency: str) -> None:
    """Print the verdict, the months, and the days with the largest differences."""
    a, b = document["a"], document["b"]
    spread = f"{document['difference_low']:+.2f} to {document['difference_high']:+.2f}, 95 %"
    share = "" if document["difference_pct"] is None else f", {document['difference_pct']:+.2f} %"
    out.print(
        f"{b} costs {document['difference']:+.2f} {currency} ({spread}{share}) against {a} on {document['days']} days: "
        f"cheaper on {document['cheaper_days']}, more expensive on {document['dearer_days']}",
        markup=False,
    )
    out.print(f"breaches: {a} {document['breaches_a']}, {b} {document['breaches_b']}", markup=False)
    sides = {"cost_a": f"{a} [{currency}]", "cost_b": f"{b} [{currency}]", "difference": f"difference [{currency}]"}
    months = [{**row, "month": f"{row['month']:%Y-%m}"} for row in document["months"]]
    power = {f"power_cost_{side}": f"of it demand charge {document[side]} [{currency}]" for side in "ab"}
    charged = power if months and "power_cost_a" in months[0] else {}
    out.print()
    draw_table(out, months, {"month": "month", "days": "days", **sides, **charged})
    out.print()
    draw_table(out, document["biggest_days"], {"day": "largest differences", **sides})
    gate = document["gate"]
    word = "would promote" if gate["promote"] else "would not promote"
    out.print(f"\nthe gate {word} {b}: {'; '.join(gate['reasons'])}", markup=False)
