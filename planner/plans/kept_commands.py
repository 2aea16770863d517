"""Keep the commands of the plan before in a finished plan, slot by slot, where they do the same.

For plans that are not made beside the plan before, as `value`'s is (`planner.policies.plan_before`): the optimiser's
and a learned policy's. A command is kept only where it gives the planned flows, so that the plan stays what it was; and
where load or PV come out otherwise, it may cost next to nothing more by the plan's own marginal values.
"""

import numpy as np
import polars as pl

from env.inverter import IMPORT_LIMIT, Command, Energy, apply_command
from env.simulator import flows_cost
from env.types import Mask
from planner.plans.idle_variants import House
from planner.plans.reasons import EXPLAINED
from planner.plans.release import PLAN, candidate
from planner.plans.schedule import FLOW_TOLERANCE_KWH
from planner.plans.task import PlanTask
from planner.policies.plan_before import CommandBefore, PlanBefore

SURPRISES_KWH = (-0.25, 0.25)
"""What the house's draw may differ by from what is expected, in a slot [kWh]: 1 kW."""


def keep_commands(
    task: PlanTask, schedule: pl.DataFrame, stored_value: Energy, before: PlanBefore | None
) -> pl.DataFrame:
    """Return the schedule with the commands of the plan before where they do the same.

    Args:
        task: the planning task.
        schedule: its schedule.
        stored_value: marginal value of the energy stored at each slot's end, NaN where unknown [money/kWh].
        before: the plan before; None keeps the schedule as it is, as do a reserve or care of the battery: what a
            surprise would do to these is not weighed here.
    """
    if before is None or task.targets is not None or IMPORT_LIMIT in schedule.columns:
        return schedule
    known = [before.commands.get(start) for start in schedule["slot_start"]]
    usable = np.array([each is not None and not each.limited for each in known]) & np.isfinite(stored_value)
    usable &= task.kept_from_battery({name: schedule[f"{name}_kwh"].to_numpy() for name in task.loads.names}) == 0
    if task.by_hand is not None:
        usable &= ~task.by_hand.fixed
    new = np.array([schedule[name].to_numpy() for name in Command._fields])
    old = np.array([_powers(each, own) for each, own in zip(known, new.T.tolist(), strict=True)]).T
    kept = usable & _alike(task, schedule, Command(*new), Command(*old), stored_value, before.slack(task.arrays[0]))
    powers = np.where(kept, old, new)
    changed = schedule.with_columns(**{name: powers[row] for row, name in enumerate(Command._fields)})
    explained = [name for name in EXPLAINED if name in changed.columns]
    return changed if candidate(task, PLAN, changed.drop(explained)).verification.valid else schedule


def _powers(before: CommandBefore | None, own: list[float]) -> list[float]:
    return own if before is None else [*before.powers]


def _alike(
    task: PlanTask, schedule: pl.DataFrame, new: Command, old: Command, stored_value: Energy, slack: float
) -> Mask:
    """Return where the old command gives the flows of the new one, and costs next to nothing more in a surprise."""
    import_price, export_price, _, _ = task.arrays
    house, soc = House.of(task, schedule), schedule["soc_start_kwh"].to_numpy()
    alike = np.ones(task.n_slots, dtype=np.bool_)
    for surprise in (0.0, *SURPRISES_KWH):
        flows = [
            apply_command(
                command,
                load_kwh=house.load_kwh + max(surprise, 0.0),
                pv_kwh=house.pv_kwh + max(-surprise, 0.0),
                soc_kwh=soc,
                export_price=export_price,
                battery=task.site.battery,
                limits=task.site.limits,
            )
            for command in (new, old)
        ]
        money = [
            flows_cost(each, import_price, export_price, task.site.battery) - stored_value * each.soc_end_kwh
            for each in flows
        ]
        alike &= money[1] <= money[0] + slack
        alike &= flows[1].breach_kwh <= flows[0].breach_kwh + FLOW_TOLERANCE_KWH
        if surprise == 0:
            moved = [(each.charge_kwh, each.discharge_kwh, each.import_kwh, each.export_kwh) for each in flows]
            alike &= np.abs(np.array(moved[1]) - np.array(moved[0])).max(axis=0) < FLOW_TOLERANCE_KWH
    return alike
