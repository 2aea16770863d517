"""What-ifs in words: the changes, the mark of relaxed economics, and two cases side by side."""

from typing import TYPE_CHECKING, Any

from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import draw_table

if TYPE_CHECKING:
    from rich.console import Console

    from darkstar_pipeline.whatif.changed_context import WhatIf

RELAXED = "RELAXED ECONOMICS, not the home's own"
_MONEY = {
    "cost": "cost",
    "energy": "  energy",
    "wear": "  wear",
    "demand_charge": "  demand charge",
    "settlement": "  left in the battery",
    "saving": "saving against idle",
}
_MOVED = {
    "import_kwh": ("import", "kWh"),
    "export_kwh": ("export", "kWh"),
    "charge_kwh": ("charge", "kWh"),
    "discharge_kwh": ("discharge", "kWh"),
    "curtailed_kwh": ("curtailed", "kWh"),
    "cycles": ("full cycles", ""),
    "peak_kw": ("highest import", "kW"),
}


def note_case(call: Call, case: "WhatIf") -> None:
    """Name on stderr what is doubtful about a what-if."""
    for doubt in case.doubts:
        call.note(doubt)
    if not case.rows and not case.relaxed:
        call.note("nothing is changed: both columns are the site as it is")


def draw_case(out: "Console", document: dict[str, Any]) -> None:
    """Print the changes, and the mark of relaxed economics."""
    if document["relaxed"]:
        out.print(f"{RELAXED}: {', '.join(document['relaxed'])}", markup=False)
    for row in document["changes"]:
        before = "" if row["before"] is None else f"{row['before']} → "
        out.print(f"{row['setting']}: {before}{row['after']}", markup=False)


def draw_comparison(out: "Console", comparison: dict[str, Any], currency: str) -> None:
    """Print a policy's figures as the site is, as it would be, and their difference."""
    site, changed, difference = (comparison[name] for name in ("site", "changed", "difference"))
    rows = [
        {"what": words, "unit": unit, "site": site[name], "changed": changed[name], "difference": _signed(change)}
        for name, (words, unit) in {**{key: (text, currency) for key, text in _MONEY.items()}, **_MOVED}.items()
        if (change := difference[name]) is not None
    ]
    columns = {"what": comparison["policy"], "site": "as it is", "changed": "what if", "difference": "difference"}
    draw_table(out, rows, {**columns, "unit": ""})
    if comparison["own_cost"] is not None:
        own = f"{comparison['own_cost']:.2f} {currency}"
        out.print(f"at the home's own economics what it then does costs {own}", markup=False)


def _signed(value: float) -> str:
    return f"{round(value, 2) + 0.0:+.2f}"
