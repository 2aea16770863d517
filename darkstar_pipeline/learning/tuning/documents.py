"""The learning engine's state and history by the names of its documents, the same in the CLI and the API."""

from datetime import date, timedelta
from typing import Any

from darkstar_pipeline.context import Context
from darkstar_pipeline.models.learned_values import LearnedHistory
from planner.strategy.beliefs import AdjustmentName
from planner.tuning.quantities import BANDS, QuantityName
from planner.wording.messages import phrase, read

USED_BY: dict[QuantityName, AdjustmentName] = {
    **dict.fromkeys(BANDS, "learned_forecast"),
    "round_trip_efficiency": "learned_losses",
    "s_share": "s_index",
}
"""Adjustment of `household.strategy.adjustments` that uses a quantity; the others are shown alone."""


def learning_document(context: Context, today: date, *, days: int = 30) -> dict[str, Any]:
    """Return each quantity with its value, its range, who uses it and its last step; and the steps of some days.

    Args:
        context: the site.
        today: present local day.
        days: length of the history, up to the last day that has some.
    """
    history, on = LearnedHistory(context.lake, context.site), context.site_settings.household.strategy.adjustments
    values, last_day = history.in_force(today), history.last_day(today) or today
    rows = history.rows(last_day - timedelta(days=days - 1), last_day)
    steps = [
        {**row, "cause": read(row["cause"])}
        for row in rows.drop("site").rename({"changed_at": "at"}).iter_rows(named=True)
    ]
    last = {row["quantity"]: row for row in steps}
    quantities = [
        {
            "name": name,
            "unit": each.unit,
            "value": values[name],
            "configured": each.configured,
            "least": each.least,
            "most": each.most,
            "most_step": each.most_step,
            "shown": last[name]["shown"] if name in last else None,
            "samples": last[name]["samples"] if name in last else 0,
            "cause": last[name]["cause"] if name in last else phrase("nothing was learned yet"),
            "used_by": USED_BY.get(name),
            "used": USED_BY.get(name) in on,
        }
        for name, each in history.quantities.items()
    ]
    return {"site": context.site_name, "today": today, "quantities": quantities, "history": steps}


def reset_document(context: Context, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what a reset changed: the quantities whose value is another since."""
    changed = [
        {"name": row["quantity"], "old_value": row["old_value"], "new_value": row["new_value"]}
        for row in rows
        if row["old_value"] != row["new_value"]
    ]
    return {"site": context.site_name, "changed": changed, "at": rows[0]["changed_at"] if rows else None}
