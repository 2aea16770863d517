"""Build a schedule frame from flows: columns, stored energy, cost and the commands that produce the flows."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from env.inverter import IMPORT_LIMIT, Command, Energy, apply_command
from env.types import Mask
from planner.care.soc_targets import leaving
from planner.optimizer.plan_commands import command_for_plan, exact_commands
from planner.optimizer.solution import CHARGE, CURTAIL, DISCHARGE, EXPORT, IMPORT, SOC, Solution
from planner.plans.task import PlanTask
from planner.tolerances import PLAN_ZERO_KWH

FLOW_TOLERANCE_KWH = 1e-5  # a command reproduces a planned flow to this


def optimized_schedule(task: PlanTask, solution: Solution) -> pl.DataFrame:
    """Return the optimiser's solution as a schedule with commands."""
    flows = np.where(solution.flows < PLAN_ZERO_KWH, 0.0, solution.flows)
    flows[:, SOC] = solution.flows[:, SOC]
    others = {name: np.where(values < PLAN_ZERO_KWH, 0.0, values) for name, values in solution.others.items()}
    commands = _commands(task, flows, others, solution.stored_value)
    return schedule_frame(task, flows, others, commands)


def schedule_frame(
    task: PlanTask,
    flows: Energy,
    others: Mapping[str, Energy],
    commands: Command,
    import_limit_kw: Energy | None = None,
) -> pl.DataFrame:
    """Return flows `(n_slots, 6)` as a schedule with the columns of `policy_schedules` and those of movable loads.

    Args:
        task: the planning task.
        flows: flows in the column order of `optimizer.solution` [kWh].
        others: movable loads and further batteries by name, each `(n_slots,)` [kWh].
        commands: command of each slot [kW].
        import_limit_kw: import limit of each slot, infinity for none [kW]; None without that column.
    """
    battery = task.site.battery
    soc = np.concatenate([[task.start_soc_kwh], flows[:, SOC]])
    frame = task.slots.select("slot_start", "import_price", "export_price", "load_kwh", "pv_kwh").with_columns(
        task.days.alias("local_day"),
        **{name: np.asarray(power, dtype=np.float64) for name, power in commands._asdict().items()},
        **({} if import_limit_kw is None else {IMPORT_LIMIT: null_where_endless(import_limit_kw)}),
        import_kwh=flows[:, IMPORT],
        export_kwh=flows[:, EXPORT],
        charge_kwh=flows[:, CHARGE],
        discharge_kwh=flows[:, DISCHARGE],
        curtailed_kwh=flows[:, CURTAIL],
        soc_start_kwh=soc[:-1],
        soc_end_kwh=soc[1:],
        **{f"{name}_kwh": others[name] for name in task.loads.names},
        **_further_batteries(task, others),
    )
    wear = pl.col("charge_kwh") * battery.charge_wear + pl.col("discharge_kwh") * battery.discharge_wear
    for number, extra in enumerate(task.site.extra_batteries, start=2):
        wear += pl.col(f"battery_{number}_charge_kwh") * extra.charge_wear
        wear += pl.col(f"battery_{number}_discharge_kwh") * extra.discharge_wear
    money = pl.col("import_kwh") * pl.col("import_price") - pl.col("export_kwh") * pl.col("export_price")
    return frame.with_columns((money + wear).alias("cost"))


def null_where_endless(limit_kw: Energy) -> pl.Series:
    """Return limits as a column: null where there is none."""
    finite = np.isfinite(limit_kw)
    return pl.Series(np.where(finite, limit_kw, 0.0)).set(pl.Series(~finite), None)


def modelled_cost(task: PlanTask, schedule: pl.DataFrame) -> float:
    """Return the cost of all slots, of unmet wishes and of the power added, less the value gained [money]."""
    power = task.added_charge(schedule["import_kwh"].to_numpy())
    return (
        float(schedule["cost"].sum())
        + power
        + task.forgone(schedule)
        - task.end.value_gained(task.start_soc_kwh, float(schedule["soc_end_kwh"][-1]))
    )


def _further_batteries(task: PlanTask, others: Mapping[str, Energy]) -> dict[str, Energy]:
    """Return the columns of further batteries, which start half full (`HomeProgram`)."""
    columns: dict[str, Energy] = {}
    for number, battery in enumerate(task.site.extra_batteries, start=2):
        name = f"battery_{number}"
        soc = np.concatenate([[(battery.min_soc_kwh + battery.max_soc_kwh) / 2], others[f"{name}_soc"]])
        columns |= {f"{name}_{flow}_kwh": others[f"{name}_{flow}"] for flow in ("charge", "discharge")}
        columns |= {f"{name}_soc_start_kwh": soc[:-1], f"{name}_soc_end_kwh": soc[1:]}
    return columns


def _commands(task: PlanTask, flows: Energy, others: Mapping[str, Energy], stored_value: Energy) -> Command:
    """Return the command of each slot; a fixed power where the adaptive command would not reproduce the planned flows.

    Fixed, too, where a load draws that the battery may not feed: an inverter that covers the house covers all of it.
    """
    import_price, export_price, load, pv = task.arrays
    drawn = load + task.shifted_load(others)
    commands = Command(
        *np.array(
            [
                command_for_plan(
                    charge_kwh=float(flows[slot, CHARGE]),
                    discharge_kwh=float(flows[slot, DISCHARGE]),
                    net_load_kwh=float(drawn[slot] - pv[slot]),
                    stored_value=float(stored_value[slot]),
                    import_price=float(import_price[slot]),
                    export_price=float(export_price[slot]),
                    site=task.site,
                )
                for slot in range(task.n_slots)
            ]
        ).T
    )
    if task.targets is not None:
        starts = np.concatenate([[task.start_soc_kwh], flows[:-1, SOC]])
        commands = leaving(commands, starts, task.targets.floor_kwh[0], task.site.battery)
    fixed = exact_commands(charge_kwh=flows[:, CHARGE], discharge_kwh=flows[:, DISCHARGE], load_kwh=drawn, pv_kwh=pv)
    exact = _reproduces_flows(task, commands, flows, drawn) & (task.kept_from_battery(others) < PLAN_ZERO_KWH)
    return Command(*(np.where(exact, one, other) for one, other in zip(commands, fixed, strict=True)))


def _reproduces_flows(task: PlanTask, command: Command, flows: Energy, drawn_kwh: Energy) -> Mask:
    """Return where the inverter reproduces the planned flows, given the command of a slot in its planned state."""
    _, export_price, _, pv = task.arrays
    result = apply_command(
        command,
        load_kwh=drawn_kwh,
        pv_kwh=pv,
        soc_kwh=np.concatenate([[task.start_soc_kwh], flows[:-1, SOC]]),
        export_price=export_price,
        battery=task.site.battery,
        limits=task.site.limits,
    )
    off = np.abs(result.charge_kwh - flows[:, CHARGE]) + np.abs(result.discharge_kwh - flows[:, DISCHARGE])
    off += np.abs(result.import_kwh - flows[:, IMPORT]) + np.abs(result.export_kwh - flows[:, EXPORT])
    return off < FLOW_TOLERANCE_KWH
