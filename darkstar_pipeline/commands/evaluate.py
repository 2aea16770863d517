"""`darkstar evaluate`, `schedule` and `stats`: costs and actions of policies on past days."""

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
from darkstar_pipeline.evaluation.slot_columns import SLOT_COLUMNS
from planner.policy_names import CONTINUOUS_POLICIES, POLICIES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl
    from rich.console import Console

    from darkstar_pipeline.context import Context

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
"""Further columns of totals where the tariff has a demand charge; shares and differences are of `total_cost` then."""


def slot_columns(schedule: "pl.DataFrame") -> list[str]:
    """Return the columns of a schedule that are shown: `import_limit_kw` only where limits are commanded."""
    after = SLOT_COLUMNS.index("export_kw") + 1
    limited = ["import_limit_kw"] if "import_limit_kw" in schedule.columns else []
    return [*SLOT_COLUMNS[:after], *limited, *SLOT_COLUMNS[after:]]


ContinuousOption = Annotated[
    bool, typer.Option("--continuous", help="Carry stored energy over midnight (default: separate days).")
]
MissingOption = Annotated[bool, typer.Option("--missing", help="Also show what better forecasts would save.")]
PoliciesOption = Annotated[
    str | None,
    typer.Option("--policies", metavar="P,…", help="Policy names, separated by commas; default: all untrained."),
]


def evaluate(
    call: Call,
    *,
    first: FirstDay,
    last: LastDay,
    policies: PoliciesOption = None,
    continuous: ContinuousOption = False,
    missing: MissingOption = False,
) -> Document:
    """Show what policies cost on a range of days, with intervals.

    Policies are compared with perfect hindsight (`oracle`) and with MPC. `cost` includes battery wear and the value
    of the energy left in the battery. Refused and missing days are left out; stderr names them.

    With `--continuous`, stored energy is carried through the range and prices are known from 13:00 the day before.
    `oracle_published` is then the bound with known load and PV, but with prices only once they are published.

    Where the tariff has a demand charge, it is billed by month: shares and differences include it, and `power_cost`
    of a day is what the day adds to the charge of its month.

    With `--missing`, `value` is replayed once more with the sun, the load or both known beforehand (with `--continuous`
    the next day's prices, too), and with a battery one size (5 kWh) smaller and larger: how much of what is missing to
    perfect hindsight is sun, load, prices and, where power is charged, the month's peaks.

    Trained policies: `lightgbm` and `rl` (the newest version of each), `champion` (the version in use, else `value`)
    and `models:/NAME/VERSION`. stderr names how many of the days each was trained on. `+gate` after a name adds the
    price gate: in cheap slots charge only, in expensive slots discharge only.
    """
    from darkstar_pipeline.datasets.month_before import month_before
    from darkstar_pipeline.evaluation.range_verdict import REFERENCES, evaluate_range, trained_on
    from planner.demand_charges.bills import with_rolling_bills

    check_range(first, last)
    known = CONTINUOUS_POLICIES if continuous else POLICIES
    names = POLICIES if policies is None else parse_policies(policies, known)
    context = call.context()
    references = (*REFERENCES, "value") if missing else REFERENCES
    verdict = evaluate_range(context, first, last, names, continuous=continuous, references=references)
    if left_out := verdict.left_out["day"].to_list():
        call.note(f"{len(left_out)} days are left out: {format_days(left_out)}")
    days, totals = verdict.evaluation.days, verdict.evaluation.totals
    begun = month_before(context.lake, context.site, days["day"].to_list()[0]) if days.height else ()
    months = with_rolling_bills(verdict.evaluation.months, context.site, begun)
    power = POWER_COLUMNS if months.height else ()
    document: dict[str, Any] = {
        "days": days.select(*DAY_COLUMNS, *POWER_COLUMNS[: 1 if power else 0]).to_dicts(),
        "totals": totals.select(*TOTAL_COLUMNS, *power).to_dicts(),
    }
    if learned := trained_on(context, names, days["day"].unique().to_list()):
        document["learned_from"] = learned
        call.note(training_days_note(learned))
    if power:
        document["months"] = months.to_dicts()
        note_part_months(call, months)
        note_assumed_begin(call, context, months)
    currency = context.site_settings.currency
    rows: list[dict[str, Any]] = []
    if missing:
        from darkstar_pipeline.evaluation.missing_money import missing_money, missing_rows

        rows = missing_rows(missing_money(context, verdict.paid, continuous=continuous))
        document["missing"] = rows

    def draw(out: "Console") -> None:
        draw_verdict(out, totals.to_dicts(), currency, months)
        if missing:
            draw_missing(out, rows, currency)

    return Document(document, draw)


def training_days_note(learned: "Mapping[str, int]") -> str:
    """Return a note on how many evaluated days each policy was trained or selected on."""
    counts = ", ".join(f"{policy} {n_days}" for policy, n_days in learned.items())
    return f"evaluated days that a policy was trained or selected on, which favours it: {counts}"


def note_part_months(call: Call, months: "pl.DataFrame") -> None:
    """Name the months whose demand charge is billed on only some of their days."""
    parts = months.filter(months["days"] < months["month_days"]).unique("month").sort("month")
    if parts.height:
        named = [f"{row['month']:%Y-%m} ({row['days']} of {row['month_days']} days)" for row in parts.to_dicts()]
        call.note(f"the demand charge of these months is what their usable days add to it: {', '.join(named)}")


def note_assumed_begin(call: Call, context: "Context", months: "pl.DataFrame") -> None:
    """Say what is assumed where the tariff begins inside one of the months."""
    from planner.demand_charges.bills import assumed_begin

    found = (assumed_begin(context.site, month) for month in months["month"].unique().sort().to_list())
    for text in filter(None, found):
        call.note(text)


def draw_verdict(
    out: "Console", totals: list[dict[str, Any]], currency: str, months: "pl.DataFrame | None" = None
) -> None:
    """Print a row per policy and, where the tariff has a demand charge, a row per month and policy."""
    rows = [{**row, "share": _percent(row["captured_share"]), "against": _interval(row)} for row in totals]
    charged = months is not None and months.height > 0
    power = {"power_cost": f"demand charge [{currency}]", "total_cost": f"total [{currency}]"} if charged else {}
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
        monthly = [{**row, "month": f"{row['month']:%Y-%m}", "of": row["month_days"]} for row in months.to_dicts()]
        bill = {"bill": f"on its bill [{currency}]"} if "bill" in months.columns else {}
        head = {"month": "month", "policy": "policy", "days": "days", "of": "of", "cost": f"cost [{currency}]"}
        head |= {**power, **bill}
        out.print()
        draw_table(out, monthly, head)
        out.print("captured share and `against MPC` include the demand charge", markup=False)


def draw_missing(out: "Console", rows: "Sequence[dict[str, Any]]", currency: str) -> None:
    """Print what better forecasts or another battery would be worth."""
    from darkstar_pipeline.evaluation.missing_words import in_words

    shown = [
        {
            "what": in_words(row["what"]),
            "gain": row["gain"],
            "share": _percent(row["share"]),
            "part": _percent(row["part"]),
        }
        for row in rows
    ]
    columns = {
        "what": "value, were it so",
        "gain": f"saves more [{currency}]",
        "share": "of its saving",
        "part": "of what is missing",
    }
    out.print()
    draw_table(out, shown, columns)
    out.print(
        "The parts do not add up. No forecast knows everything, and a larger battery costs money itself.", markup=False
    )


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{round(100 * share, 1) + 0.0:.1f} %"


def _interval(row: dict[str, Any]) -> str | None:
    """Return the cost difference to MPC with its interval."""
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
    """Show a policy's commands, flows, costs and reasons on a day.

    One row per slot; `--out` writes CSV, JSON or Parquet, by suffix.
    """
    from darkstar_pipeline.evaluation.range_verdict import day_schedule

    check_policy(policy)
    context = call.context()
    schedule = day_schedule(context, day, policy)
    slots = schedule.select(slot_columns(schedule))
    return _rows(slots, out, {name: name.replace("_", " ") for name in slots.columns}, timezone=context.timezone)


def stats(call: Call, *, day: OneDay) -> Document:
    """Count a day's charging and discharging slots per policy.

    Counted by price (cheap, middle and expensive slots), with the mean price of charging and of discharging.
    """
    from darkstar_pipeline.evaluation.range_verdict import day_stats

    context = call.context()
    rows = day_stats(context, day).to_dicts()
    money = f"{context.site_settings.currency}/kWh"
    return Document(rows, lambda out: _draw_stats(out, rows, money))


def _draw_stats(out: "Console", rows: list[dict[str, Any]], money: str) -> None:
    """Print the figures in which policies differ most; `--json` has all."""
    by_policy = [
        {**row, "charged": _by_price(row, "charge"), "discharged": _by_price(row, "discharge")} for row in rows
    ]
    columns = {
        "policy": "policy",
        "cycles": "cycles",
        "charge_slots": "charged slots",
        "charged": "cheap / middle / expensive",
        "charge_price": f"mean price [{money}]",
        "discharge_slots": "discharged slots",
        "discharged": "cheap / middle / expensive",
        "discharge_price": f"mean price [{money}]",
    }
    draw_table(out, by_policy, columns, digits=3)


def _by_price(row: dict[str, Any], flow: str) -> str:
    """Return the numbers of slots with a flow, by price class."""
    return " / ".join(str(row[f"{flow}_slots_{price}"]) for price in ("cheap", "middle", "dear"))


def _rows(frame: "pl.DataFrame", out: Path | None, columns: dict[str, str], *, timezone: str) -> Document:
    """Return the rows as the answer, written to a file where one is given."""
    rows = frame.to_dicts()
    if out is None:
        return Document(rows, lambda pen: draw_table(pen, rows, columns, digits=3, timezone=timezone))
    target = write_frame(frame, out)
    return Document(rows, lambda pen: pen.print(f"{len(rows)} rows written to {target}", markup=False))
