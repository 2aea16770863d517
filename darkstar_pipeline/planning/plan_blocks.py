"""The summary of a plan by the names of its documents, the same in `darkstar plan --json` and the service's API."""

from dataclasses import asdict
from typing import Any

from planner.summaries.blocks import Block, PlanSummary


def block_values(block: Block, capacity_kwh: float) -> dict[str, Any]:
    """Return a block with its stored energy in percent of the capacity."""
    values = asdict(block)
    for name in ("soc_start", "soc_end"):
        values[f"{name}_percent"] = 100 * values.pop(f"{name}_kwh") / capacity_kwh
    return values


def savings_values(summary: PlanSummary, cost: float, self_consumption_cost: float) -> dict[str, float]:
    """Return what a plan saves, and its parts [money]."""
    return {
        "against_idle": summary.total,
        "against_self_consumption": self_consumption_cost - cost,
        "blocks": summary.battery,
        "moved_loads": summary.loads,
        "demand_charge": summary.peaks,
        "energy_left": summary.left,
    }
