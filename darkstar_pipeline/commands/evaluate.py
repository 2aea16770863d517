"""`darkstar evaluate`, `schedule` and `stats`: what policies paid, what they did, and when."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkstar_pipeline.console.arguments import (
    FirstDay,
    LastDay,
    OneDay,
    OutFile,
    check_policy,
    check_range,
    format_days,
    parse_policies,
)
from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document, draw_table
from darkstar_pipeline.console.table_files import write_frame
from planner.policy_names import CONTINUOUS_POLICIES, POLICIES

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console

DAY_COLUMNS = (
    "day",
    "policy",
    "cost",
    "import_kwh",
    "export_kwh",
    "charge_kwh",
    "discharge_kwh",
    "start_soc_kwh",
    "end_soc_kwh",
    "settlement_value",
    "breaches",
    "writes",
)
TOTAL_COLUMNS = (
    "policy",
    "days",
    "cost",
    "captured_share",
    "cost_vs_mpc",
    "cost_vs_mpc_low",
    "cost_vs_mpc_high",
    "breaches",
    "writes",
)
POWER_COLUMNS = ("power_cost", "total_cost")
"""Of totals where power is charged; `captured_share` is of `total_cost` then."""
SLOT_COLUMNS = (
    "slot_start",
    "import_price",
    "export_price",
    "load_kwh",
    "pv_kwh",
    "charge_kw",
    "discharge_kw",
    "export_kw",
    "import_kwh",
    "export_kwh",
    "charge_kwh",
    "discharge_kwh",
    "curtailed_kwh",
    "soc_start_kwh",
    "soc_end_kwh",
    "cost",
    "reason",
)

ContinuousOption = Annotated[
    bool, typer.Option("--continuous", help="Carry stored energy through the range; default: every day for itself.")
]
PoliciesOption = Annotated[str, typer.Option("--policies", metavar="P,…", help="Policies, separated by commas.")]


def evaluate(
    call: Call, *, first: FirstDay, last: LastDay, policies: PoliciesOption, continuous: ContinuousOption = False
) -> Document:
    """What each policy paid in a range of days, in daily episodes, against hindsight and against MPC.

    `cost` includes wear and the settlement of the energy left in the battery. Days that are refused or not there count
    for nothing; stderr names them. With `--continuous`, stored energy is carried through the range, prices are known
    from 13:00 the day before, and `oracle_published` is the bound of who knows the home, but no price before it is out.
    Where the tariff charges for power, the months' charges and totals stand beside, and the share is of both together.
    Trained policies are `lightgbm` and `rl` (the newest version of each), `champion` (the version in use; `value` where
    there is none) and `models:/NAME/VERSION`; stderr says which days they learned from. With `+gate` behind its name a
    trained policy runs behind the price gate (cheap: charge only; dear: discharge only), to see what that changes.
    """
    from darkstar_pipeline.evaluation.range_verdict import evaluate_range, trained_on

    check_range(first, last)
    names = parse_policies(policies, CONTINUOUS_POLICIES if continuous else POLICIES)
    context = call.context()
    verdict = evaluate_range(context, first, last, names, continuous=continuous)
    if left_out := verdict.left_out["day"].to_list():
        call.note(f"{len(left_out)} days are left out: {format_days(left_out)}")
    days, totals = verdict.evaluation.days, verdict.evaluation.totals
    months = verdict.evaluation.months
    power = POWER_COLUMNS if months.height else ()
    document: dict[str, Any] = {
        "days": days.select(DAY_COLUMNS).to_dicts(),
        "totals": totals.select(*TOTAL_COLUMNS, *power).to_dicts(),
    }
    if known := trained_on(context, names, days["day"].unique().to_list()):
        document["learned_from"] = known
        told = ", ".join(f"{policy} {n_days}" for policy, n_days in known.items())
        call.note(f"days that a policy learned from or was chosen on, which flatter it: {told}")
    if power:
        document["months"] = months.to_dicts()
        _note_part_months(call, months)
    return Document(document, lambda out: draw_verdict(out, totals.to_dicts(), context.site_settings.currency, months))


def _note_part_months(call: Call, months: "pl.DataFrame") -> None:
    """Say which months are billed on a part of their days."""
    parts = months.filter(months["days"] < months["month_days"]).unique("month").sort("month")
    if parts.height:
        told = [f"{row['month']:%Y-%m} ({row['days']} of {row['month_days']} days)" for row in parts.to_dicts()]
        call.note(f"power is billed on the days that count: {', '.join(told)}")


def draw_verdict(
    out: "Console", totals: list[dict[str, Any]], currency: str, months: "pl.DataFrame | None" = None
) -> None:
    """Draw the verdict: a row a policy, and a row a month and policy where power is charged."""
    rows = [{**row, "share": _percent(row["captured_share"]), "against": _interval(row)} for row in totals]
    charged = months is not None and months.height > 0
    power = {"power_cost": f"power [{currency}]", "total_cost": f"with power [{currency}]"} if charged else {}
    columns = {
        "policy": "policy",
        "days": "days",
        "cost": f"cost [{currency}]",
        **power,
        "share": "captured share",
        "against": f"against MPC [{currency}] (95 %)",
        "import_kwh": "import [kWh]",
        "export_kwh": "export [kWh]",
        "breaches": "breaches",
        "writes": "writes",
    }
    draw_table(out, rows, columns)
    if months is not None and charged:
        told = [{**row, "month": f"{row['month']:%Y-%m}", "of": row["month_days"]} for row in months.to_dicts()]
        head = {"month": "month", "policy": "policy", "days": "days", "of": "of", "cost": f"cost [{currency}]", **power}
        out.print()
        draw_table(out, told, head)
        out.print("captured share is of the cost with power; `against MPC` compares the days without it", markup=False)


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{100 * share:.1f} %"


def _interval(row: dict[str, Any]) -> str | None:
    """The difference to MPC with its interval."""
    if row["cost_vs_mpc"] is None:
        return None
    if row["policy"] == "mpc":
        return "0"
    return f"{row['cost_vs_mpc']:+.2f} ({row['cost_vs_mpc_low']:+.2f} to {row['cost_vs_mpc_high']:+.2f})"


def schedule(
    call: Call,
    *,
    day: OneDay,
    policy: Annotated[str, typer.Option("--policy", metavar="P", help="The policy.")],
    out: OutFile = None,
) -> Document:
    """What a policy does on a day: command, flows, cost and reason, a row a slot.

    `--out` writes CSV, JSON or Parquet by the file's name.
    """
    from darkstar_pipeline.evaluation.range_verdict import day_schedule

    check_policy(policy)
    slots = day_schedule(call.context(), day, policy).select(SLOT_COLUMNS)
    return _rows(slots, out, {name: name.replace("_", " ") for name in SLOT_COLUMNS}, digits=3)


def stats(call: Call, *, day: OneDay) -> Document:
    """How many slots each policy charged or discharged in on a day, at what mean price, in cheap and dear slots."""
    from darkstar_pipeline.evaluation.range_verdict import day_stats

    context = call.context()
    rows = day_stats(context, day).to_dicts()
    money = f"{context.site_settings.currency}/kWh"
    return Document(rows, lambda out: _draw_stats(out, rows, money))


def _draw_stats(out: "Console", rows: list[dict[str, Any]], money: str) -> None:
    """Draw the few figures that tell policies apart; `--json` has all."""
    told = [{**row, "charged": _by_price(row, "charge"), "discharged": _by_price(row, "discharge")} for row in rows]
    columns = {
        "policy": "policy",
        "cycles": "cycles",
        "charge_slots": "charged slots",
        "charged": "cheap / middle / dear",
        "charge_price": f"mean price [{money}]",
        "discharge_slots": "discharged slots",
        "discharged": "cheap / middle / dear",
        "discharge_price": f"mean price [{money}]",
    }
    draw_table(out, told, columns, digits=3)


def _by_price(row: dict[str, Any], flow: str) -> str:
    """Slots of a flow by how dear they were."""
    return " / ".join(str(row[f"{flow}_slots_{price}"]) for price in ("cheap", "middle", "dear"))


def _rows(frame: "pl.DataFrame", out: Path | None, columns: dict[str, str], *, digits: int) -> Document:
    """A frame as the answer: its rows, and a file of them where one is asked for."""
    rows = frame.to_dicts()
    if out is None:
        return Document(rows, lambda pen: draw_table(pen, rows, columns, digits=digits))
    target = write_frame(frame, out)
    return Document(rows, lambda pen: pen.print(f"{len(rows)} rows written to {target}", markup=False))
