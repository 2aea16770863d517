"""What-ifs in words: the changes, the mark of relaxed economics, and two cases side by side."""

from typing import TYPE_CHECKING, Any

from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import draw_table
from planner.wording.messages import figures, joined, phrase

if TYPE_CHECKING:
    from rich.console import Console

    from darkstar_pipeline.whatif.changed_context import WhatIf

_MONEY = {
    "cost": phrase("cost"),
    "energy": joined("", ["  ", phrase("energy")]),
    "wear": joined("", ["  ", phrase("wear")]),
    "demand_charge": joined("", ["  ", phrase("demand charge")]),
    "settlement": joined("", ["  ", phrase("left in the battery")]),
    "saving": phrase("saving against idle"),
}
_MOVED = {
    "import_kwh": (phrase("energy|import"), "kWh"),
    "export_kwh": (phrase("energy|export"), "kWh"),
    "charge_kwh": (phrase("energy|charge"), "kWh"),
    "discharge_kwh": (phrase("energy|discharge"), "kWh"),
    "curtailed_kwh": (phrase("curtailed"), "kWh"),
    "cycles": (phrase("full cycles"), ""),
    "peak_kw": (phrase("highest import"), "kW"),
}


def note_case(call: Call, case: "WhatIf", *, unchanged: bool = True) -> None:
    """Name on stderr what is doubtful about a what-if; `unchanged` where its settings are all that may change."""
    for doubt in case.doubts:
        call.note(doubt)
    if unchanged and not case.rows and not case.relaxed:
        call.note(phrase("nothing is changed: both columns are the site as it is"))


def draw_case(out: "Console", document: dict[str, Any]) -> None:
    """Print the changes, and the mark of relaxed economics."""
    if document["relaxed"]:
        relaxed = joined(", ", document["relaxed"])
        out.print(phrase("RELAXED ECONOMICS, not the home's own: {relaxed}", relaxed=relaxed), markup=False)
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
    headings = {"site": phrase("as it is"), "changed": phrase("what if"), "difference": phrase("difference")}
    draw_table(out, rows, {"what": comparison["policy"], **headings, "unit": ""})
    if comparison["own_cost"] is not None:
        own = figures(f"{comparison['own_cost']:.2f} {currency}")
        out.print(phrase("at the home's own economics what it then does costs {money}", money=own), markup=False)


def _signed(value: float) -> str:
    return figures(f"{round(value, 2) + 0.0:+.2f}")
