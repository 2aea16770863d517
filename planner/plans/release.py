"""Do no harm: a plan is released only if its modelled cost is no more than that of leaving the battery to itself.

It is compared, on the same forecast and with the same end, with *idle* (the battery is not used) and
*self-consumption* (the inverter's own default), both with movable loads as in a home without plans: the car charges on
arrival, the heater at the beginning of the day, an appliance starts as early as it may; later only if the fuse has no
room. A schedule that the verifier refuses, mostly for a broken fuse or a missed end, is no candidate.

The optimiser's plan is the best under the forecast, so that any excess is a fault. A policy weighs the forecast as one
of several days that may come; what it pays for the others shows as a cost here. So its plan may cost a little more
(`forecast_slack`) before it is passed over.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from env.command_menu import full_export_kw
from env.inverter import Command, Decision, Energy, Flows, LimitedCommand, apply_command, slot_limit
from env.open_loop import simulate_open_loop
from env.simulator import World, simulate
from planner.optimizer.deferrable_loads import FlexibleLoad
from planner.plans.schedule import modelled_cost, schedule_frame
from planner.plans.task import PlanTask
from planner.tolerances import EQUAL_COST, PLAN_ZERO_KWH
from planner.verification.verifier import Verification, verify_schedule
from planner.wording.messages import figures, joined, joined_and, phrase

PLAN, SELF_CONSUMPTION, IDLE = "plan", "self_consumption", "idle"
FORECAST_SLACK = 0.01
"""Share of what the home would pay without its battery that a policy's plan may cost more on the forecast."""
_NAMES = {PLAN: phrase("the plan"), SELF_CONSUMPTION: phrase("self-consumption"), IDLE: phrase("an unused battery")}


@dataclass(frozen=True)
class Candidate:
    """A schedule that might be released.

    Attributes:
        name: `plan`, `self_consumption` or `idle`.
        schedule: its slots.
        cost: modelled cost, less the value of the end [money].
        verification: the verifier's result.
        missed: price of what it leaves undone of the reserve and care; nobody pays it [money].
        currency: of its cost.
        asked: what it does of blocks by hand counts so much; nobody is paid it [money].
    """

    name: str
    schedule: pl.DataFrame
    cost: float
    verification: Verification
    missed: float = 0.0
    currency: str = ""
    asked: float = 0.0

    @property
    def weight(self) -> float:
        """Return what candidates are compared by: cost and what is left undone [money]."""
        return self.cost + self.missed


@dataclass(frozen=True)
class Release:
    """The released candidate and the reason.

    Attributes:
        chosen: the released candidate.
        reason: one sentence.
    """

    chosen: Candidate
    reason: str


def candidate(task: PlanTask, name: str, schedule: pl.DataFrame) -> Candidate:
    """Return a schedule with its modelled cost and the verifier's result."""
    # A plan starts and ends within days, which the verifier would report as gaps.
    verification = verify_schedule(
        schedule.drop("local_day"), task.site, start_soc_kwh=task.start_soc_kwh, end_soc_kwh=task.end.return_soc_kwh
    )
    missed, asked = task.care_penalty(schedule["soc_end_kwh"].to_numpy()), task.asked_by_hand(schedule)
    return Candidate(name, schedule, modelled_cost(task, schedule), verification, missed, task.site.currency, asked)


def release(
    plan: Candidate | None, simple: Sequence[Candidate], *, failure: str = "", slack: float = EQUAL_COST
) -> Release:
    """Choose the schedule to release.

    Args:
        plan: the optimiser's schedule; None if there is none.
        simple: idle and self-consumption.
        failure: reason why there is no plan.
        slack: what the plan may cost more than them before it is passed over [money].

    Returns:
        The cheapest candidate that the verifier passes and that does as much of blocks by hand as the plan, the plan
        within the slack, and self-consumption before idle;
        self-consumption if none passes, since it is the inverter's own default.
    """
    valid = [option for option in ([plan] if plan is not None else []) + list(simple) if option.verification.valid]
    if plan is None or not plan.verification.valid:
        if plan is None:
            problem = failure
        else:
            problem = phrase("the plan is wrong: {problem}", problem=plan.verification.violations[0].message)
        chosen = release_simple(simple).chosen
        return Release(chosen, joined("; ", [problem, _instead(chosen)]))
    as_asked = [option for option in valid if option.asked >= plan.asked - EQUAL_COST]
    best = min(as_asked, key=lambda option: option.weight)
    if best.weight < plan.weight - slack:
        said = {"other": _NAMES[best.name], "money": _money(plan.weight - best.weight, best)}
        return Release(best, phrase("{other} costs {money} less than the plan and is released instead", **said))
    return Release(plan, _comparison(plan, simple))


def release_simple(simple: Sequence[Candidate]) -> Release:
    """Choose between self-consumption and idle where there is no plan: the default, unless idle is valid and cheaper.

    A default that breaks a limit is kept only where idle breaks one, too.
    """
    default = next(option for option in simple if option.name == SELF_CONSUMPTION)
    others = [option for option in simple if option.verification.valid and option is not default]
    best = min(others, key=lambda option: option.weight, default=default)
    if best is default or (default.verification.valid and best.weight >= default.weight - EQUAL_COST):
        return Release(default, phrase("the inverter runs its own default"))
    if not default.verification.valid:
        wrong = default.verification.violations[0].message
        problem = phrase("the inverter's own default is wrong: {problem}", problem=wrong)
        return Release(best, joined("; ", [problem, _instead(best)]))
    said = {"other": _NAMES[best.name], "money": _money(default.weight - best.weight, best)}
    return Release(best, phrase("{other} costs {money} less than the inverter's own default", **said))


def _instead(released: Candidate) -> str:
    """Return in words that a simple schedule takes the place of a plan."""
    return phrase("{other} is released instead", other=_NAMES[released.name])


def _comparison(plan: Candidate, simple: Sequence[Candidate]) -> str:
    """Return in words how the plan compares with the simple schedules."""
    comparisons = [
        _difference(plan, option)
        if option.verification.valid
        else phrase(
            "what {other} cannot do ({rule})",
            other=_NAMES[option.name],
            rule=option.verification.violations[0].rule.replace("_", " "),
        )
        for option in simple
    ]
    if not comparisons:
        return phrase("the plan stands alone")
    return phrase("the plan costs {difference}", difference=joined_and(comparisons))


def _difference(plan: Candidate, option: Candidate) -> str:
    """Return in words how much less a plan costs than a simple schedule, or by how little it costs more."""
    saved = option.cost - plan.cost
    said = {"other": _NAMES[option.name], "money": _money(max(saved, 0.0) if saved >= -EQUAL_COST else -saved, plan)}
    if saved >= -EQUAL_COST:
        return phrase("{money} less than {other}", **said)
    if option.missed > plan.missed + EQUAL_COST:
        return phrase("{money} more than {other}, which would miss the reserve or the care of the battery", **said)
    return phrase("{money} more than {other} (on this forecast, too little to pass it over)", **said)


def _money(amount: float, option: Candidate) -> str:
    return figures(f"{amount:.2f} {option.currency}")


def forecast_slack(task: PlanTask, simple: Sequence[Candidate]) -> float:
    """Return what a policy's plan may cost more on the forecast than simple schedules [money].

    See `docs/adr/0036-a-policys-plan-may-cost-a-little-more-on-one-forecast.md`.
    """
    idle = next(option.schedule for option in simple if option.name == IDLE)
    bought, sold = (float((idle[f"{way}_kwh"] * idle[f"{way}_price"]).abs().sum()) for way in ("import", "export"))
    charge = abs(task.added_charge(idle["import_kwh"].to_numpy()))
    return float(forecast_slack_of(np.array(bought + sold + charge)))


def forecast_slack_of(turnover: Energy) -> Energy:
    """Return the slack of homes that would pay and earn so much without their batteries [money]."""
    return np.maximum(FORECAST_SLACK * turnover, EQUAL_COST)


def simple_candidates(task: PlanTask) -> list[Candidate]:
    """Return self-consumption and idle on the same forecast."""
    others = default_loads(task)
    return [
        candidate(task, SELF_CONSUMPTION, _self_consumption(task, others)),
        candidate(task, IDLE, _resting(task, others)),
    ]


def _resting(task: PlanTask, others: Mapping[str, Energy]) -> pl.DataFrame:
    """Return the schedule of a battery that is not used beside what is set by hand."""
    if task.by_hand is None:
        return idle_schedule(task, others)
    nothing = np.zeros(task.n_slots)
    return simulated(task, others, Command(nothing, nothing, nothing + full_export_kw(task.site)))


def _self_consumption(task: PlanTask, others: Mapping[str, Energy]) -> pl.DataFrame:
    """Return the self-consumption schedule: the battery takes the surplus and covers the deficit that it may feed."""
    full = np.full(task.n_slots, task.site.battery.discharge_kw)
    return simulated(task, others, Command(np.zeros(task.n_slots), full, np.zeros(task.n_slots)))


def held_for_loads(task: PlanTask, others: Mapping[str, Energy], command: Command) -> Command:
    """Return commands that do not discharge while a load draws that the battery may not feed.

    An inverter that covers the house covers all of it, and how much of that is the car it does not know.
    """
    draws = task.kept_from_battery(others) > PLAN_ZERO_KWH
    return command._replace(discharge_kw=np.where(draws, 0.0, command.discharge_kw))


def idle_schedule(task: PlanTask, others: Mapping[str, Energy] | None = None) -> pl.DataFrame:
    """Return the idle schedule, by default with `default_loads`; at once, since only self-discharge carries over."""
    others = default_loads(task) if others is None else others
    _, export_price, load, pv = task.arrays
    battery = replace(task.site.battery, charge_kw=0.0, discharge_kw=0.0)
    nothing = np.zeros(task.n_slots)
    kept = np.full(task.n_slots, battery.retention_per_slot).cumprod() * task.start_soc_kwh
    command = Command(nothing, nothing, nothing + full_export_kw(task.site))
    flows = apply_command(
        command,
        load_kwh=load + task.shifted_load(others),
        pv_kwh=pv,
        soc_kwh=np.concatenate([[task.start_soc_kwh], kept[:-1]]),
        export_price=export_price,
        battery=battery,
        limits=task.site.limits,
    )
    return schedule_frame(task, flow_columns(flows), others, command)


def simulated(
    task: PlanTask, others: Mapping[str, Energy], command: Command, import_limit_kw: Energy | None = None
) -> pl.DataFrame:
    """Return the schedule of commands, and of import limits if there are any, simulated under the forecast.

    Commands set by hand stand in the place of others. All are bounded so that they leave the reserve in the store, and
    held back for loads that the battery may not feed.
    """
    import_price, export_price, load, pv = task.arrays
    if task.by_hand is not None:
        command = task.by_hand.over(command)
        import_limit_kw = None if import_limit_kw is None else np.where(task.by_hand.fixed, np.inf, import_limit_kw)
    command = held_for_loads(task, others, command)
    if task.targets is not None or (task.by_hand is not None and task.by_hand.aims):
        world = World((load + task.shifted_load(others))[None], pv[None], import_price[None], export_price[None])
        command = _within_store(task, world, command, import_limit_kw)
    flows = simulate_open_loop(
        command,
        load_kwh=load + task.shifted_load(others),
        pv_kwh=pv,
        export_price=export_price,
        site=task.site,
        start_soc_kwh=task.start_soc_kwh,
        import_limit_kw=import_limit_kw,
    )
    return schedule_frame(task, flow_columns(flows), others, command, import_limit_kw)


def _within_store(task: PlanTask, world: World, command: Command, import_limit_kw: Energy | None) -> Command:
    """Return the commands, each bounded by what the slots before it leave above the reserve and to blocks' targets."""
    targets, by_hand, site = task.targets, task.by_hand, task.site

    def decide(slot: int, soc_kwh: Energy) -> Decision:
        wanted = Command(*(np.asarray(power)[slot : slot + 1] for power in command))
        if by_hand is not None:
            wanted = by_hand.until_target(wanted, slot, soc_kwh, site)
        limited = wanted if import_limit_kw is None else LimitedCommand(wanted, import_limit_kw[slot : slot + 1])
        return limited if targets is None else targets.kept_above(limited, slot, soc_kwh, site.battery)

    done = simulate(decide, world, site, np.array([task.start_soc_kwh]))
    return Command(*(power[0] for power in done.commands))


def flow_columns(flows: Flows) -> Energy:
    """Return flows as the optimiser's columns `(n_slots, 6)`."""
    moved = (flows.charge_kwh, flows.discharge_kwh, flows.import_kwh, flows.export_kwh, flows.curtailed_kwh)
    return np.stack([*moved, flows.soc_end_kwh], axis=1)


def default_loads(task: PlanTask) -> dict[str, Energy]:
    """Return the movable loads of a home without plans, further batteries at rest; each `(n_slots,)` [kWh]."""
    _, _, load, pv = task.arrays
    others: dict[str, Energy] = {}
    for number, battery in enumerate(task.site.extra_batteries, start=2):
        start = (battery.min_soc_kwh + battery.max_soc_kwh) / 2
        others |= {f"battery_{number}_{flow}": np.zeros(task.n_slots) for flow in ("charge", "discharge")}
        kept = np.full(task.n_slots, battery.retention_per_slot).cumprod()
        others[f"battery_{number}_soc"] = start * kept
    net = load - pv
    for run in task.loads.runs:
        starts = np.zeros(task.n_slots)
        starts[int(np.argmax(run.may_start))] = 1.0
        others[run.name] = np.convolve(starts, run.energy_kwh)[: task.n_slots]
        net = net + others[run.name]
    for flexible in task.loads.flexible:
        room = np.maximum(slot_limit(task.site.limits.import_kw) - net, 0.0)
        others[flexible.name] = _at_once(flexible, room)
        net = net + others[flexible.name]
    return others


def _at_once(load: FlexibleLoad, room_kwh: Energy) -> Energy:
    """Place each window's energy as early as the fuse has room, and the rest as early as possible.

    Wishes too are met as early as the fuse has room, whatever they cost, and no further.
    """
    taken, within_fuse = _first_run(load), np.minimum(load.most_kwh, room_kwh)
    for window, energy in zip(load.windows, load.energy_kwh, strict=True):
        left = float(energy) - float((taken * window).sum())
        for most in (within_fuse, load.most_kwh):
            now = _earliest(np.maximum(most - taken, 0.0) * window, max(left, 0.0))
            taken += now
            left -= float(now.sum())
    if load.wishes:
        taken += _earliest(np.maximum(within_fuse - taken, 0.0) * load.windows[-1], load.wished_kwh)
    return taken


def _first_run(load: FlexibleLoad) -> Energy:
    """Return the load's run at full power as early as it may start; nothing where it has none."""
    taken = np.zeros(len(load.most_kwh))
    if load.run_may_start is not None:
        first = int(np.argmax(load.run_may_start))
        taken[first : first + load.run_slots] = load.most_kwh[first : first + load.run_slots]
    return taken


def _earliest(free_kwh: Energy, wanted_kwh: float) -> Energy:
    """Return energy placed as early as there is room for it `(n_slots,)` [kWh]."""
    before = np.cumsum(free_kwh) - free_kwh
    return np.clip(wanted_kwh - before, 0.0, free_kwh)
