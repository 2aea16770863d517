"""Plans of a policy for many homes at once, verified, and compared with simple schedules as one home's are.

The policy is `value`, or a learned one (`planner.fleet.learned_plans`). The plan of a home is the one that
`planner.plans.policy_plans` makes of it, where it has no movable loads, no commands by hand and no plan before. What
does not belong here: where the homes' inputs come from.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from env.command_menu import full_export_kw
from env.inverter import IMPORT_LIMIT, Decision, Energy
from env.simulator import Replay, simulate
from env.types import Index, Mask
from planner.care.soc_targets import SocTargets
from planner.fleet.homes_ahead import HomesAhead
from planner.plans.release import IDLE, PLAN, SELF_CONSUMPTION, forecast_slack_of
from planner.policies.value_policy import ValueDays
from planner.replay.schedules import constant_command, leaving_reserve, schedule_frame, unused_battery
from planner.tolerances import EQUAL_COST
from planner.verification.many import verify_homes

CANDIDATES = (PLAN, SELF_CONSUMPTION, IDLE)


@dataclass(frozen=True)
class HomesPlans:
    """The plans of homes.

    Attributes:
        schedule: `home` (index), `slot_start`, prices, forecasts, command, flows, stored energy, cost and reason of the
            released schedules, home after home.
        homes: a row a home: `home, released, cost, idle_cost, self_consumption_cost, verified, violation`.
        missed: price of what the policy's own schedules leave undone of reserve and care `(n_homes,)` [money].
    """

    schedule: pl.DataFrame
    homes: pl.DataFrame
    missed: Energy

    def part(self, places: Sequence[int]) -> "HomesPlans":
        """Return the plans of some of the homes, in that order."""
        order = pl.DataFrame(
            {"home": places, "place": range(len(places))}, schema={"home": pl.Int32, "place": pl.Int32}
        )
        schedule, homes = (
            order.join(table, on="home", maintain_order="left_right").drop("home").rename({"place": "home"})
            for table in (self.schedule, self.homes)
        )
        return HomesPlans(schedule, homes, self.missed[list(places)])

    @classmethod
    def joined(cls, parts: Sequence["HomesPlans"]) -> "HomesPlans":
        """Return the plans of several groups of homes, those of one after those of another."""
        counts = [0, *(len(part.missed) for part in parts)]
        firsts = np.cumsum(counts)[:-1].tolist()
        schedule, homes = (
            pl.concat(
                table.with_columns(pl.col("home") + pl.lit(first, pl.Int32))
                for first, table in zip(firsts, tables, strict=True)
            )
            for tables in ([part.schedule for part in parts], [part.homes for part in parts])
        )
        return cls(schedule, homes, np.concatenate([part.missed for part in parts]))


@dataclass(frozen=True)
class _Candidate:
    """Schedules of one kind, one a home.

    Attributes:
        schedule: their slots, home after home.
        cost: modelled cost, less the value of the end `(n_homes,)` [money].
        weight: what they are compared by, what is left undone of reserve and care included `(n_homes,)` [money].
        violations: the first violation of each home; empty where it is valid.
        turnover: of the grid, at its prices, with what is added to the demand charge `(n_homes,)` [money].
    """

    schedule: pl.DataFrame
    cost: Energy
    weight: Energy
    violations: list[str]
    turnover: Energy

    @property
    def valid(self) -> Mask:
        """Return which homes' schedules the verifier passes `(n_homes,)`."""
        return np.array([not each for each in self.violations], dtype=np.bool_)


def plan_homes(homes: HomesAhead, roll_out: Callable[[HomesAhead], Replay] | None = None) -> HomesPlans:
    """Return the plans of homes: of each the policy's, or the inverter's own default, or an unused battery.

    Args:
        homes: the homes.
        roll_out: rolls a policy out over their slots ahead; None for `value`.
    """
    policy = (_value if roll_out is None else roll_out)(homes)
    candidates = [_candidate(homes, replay) for replay in (policy, _self_consumption(homes), _idle(homes))]
    chosen = _released(*candidates)
    names = pl.Series(CANDIDATES)
    which: list[int] = chosen.tolist()
    wrong = [candidates[index].violations[home] for home, index in enumerate(which)]
    table = pl.DataFrame(
        {
            "home": pl.Series(np.arange(len(homes.names), dtype=np.int32)),
            "released": names.gather(chosen),
            "cost": _picked([each.cost for each in candidates], chosen),
            "idle_cost": candidates[2].cost,
            "self_consumption_cost": candidates[1].cost,
            "verified": [not each for each in wrong],
            "violation": wrong,
        }
    )
    kept = [
        each.schedule.filter(pl.col("home").is_in(np.flatnonzero(chosen == which).tolist()))
        for which, each in enumerate(candidates)
    ]
    missed = candidates[0].weight - candidates[0].cost
    return HomesPlans(pl.concat(kept).sort("home", "slot_start"), table, missed)


def _picked(columns: Sequence[Energy], chosen: Index) -> Energy:
    return np.stack(columns)[chosen, np.arange(len(chosen))]


def _released(plan: _Candidate, default: _Candidate, idle: _Candidate) -> Index:
    """Return the index of the released candidate of each home, by the rules of `planner.plans.release`."""
    best = np.minimum(np.where(default.valid, default.weight, np.inf), np.where(idle.valid, idle.weight, np.inf))
    slack = forecast_slack_of(idle.turnover)
    usable = plan.valid & ~(best < plan.weight - slack)
    rests = idle.valid & (~default.valid | (idle.weight < default.weight - EQUAL_COST))
    return np.where(usable, 0, np.where(rests, 2, 1)).astype(np.intp)


def _value(homes: HomesAhead) -> Replay:
    """Roll the policy out under the forecast, its weights following from the readings since the prices are known."""
    world, first = homes.world, homes.current_slot
    days = ValueDays(
        site=homes.site,
        scenarios=homes.scenarios,
        import_price=world.import_price,
        export_price=world.export_price,
        end_value=homes.end_values,
        power=None if homes.charges is None else homes.charges.power,
        targets=homes.targets,
    )

    def last(slot: int) -> tuple[Energy, Energy] | tuple[None, None]:
        return (world.load_kwh[:, slot - 1], world.pv_kwh[:, slot - 1]) if slot > 0 else (None, None)

    def decide(slot: int, soc_kwh: Energy) -> Decision:
        return days.command(first + slot, soc_kwh, *last(first + slot))

    for slot in range(first):
        days.observe(slot, *last(slot))
        days.read(slot, homes.start_soc_kwh, *last(slot))
    if homes.charges is not None:
        days.begin(homes.charges.metered_kwh)
    return simulate(decide, homes.ahead, homes.site, homes.start_soc_kwh)


def _self_consumption(homes: HomesAhead) -> Replay:
    battery = homes.site.battery
    decide = leaving_reserve(constant_command(battery.discharge_kw, 0.0), homes.targets_ahead, battery)
    return simulate(decide, homes.ahead, homes.site, homes.start_soc_kwh)


def _idle(homes: HomesAhead) -> Replay:
    decide = constant_command(0.0, full_export_kw(homes.site))
    return simulate(decide, homes.ahead, unused_battery(homes.site), homes.start_soc_kwh)


def _candidate(homes: HomesAhead, replay: Replay) -> _Candidate:
    """Return schedules with their costs, as the verifier finds them; import limits are not among a fleet's commands."""
    schedule = schedule_frame("value", homes.slots, replay).drop("policy")
    start, end = replay.soc_kwh[:, 0], replay.soc_kwh[:, -1]
    gained = [each.value_gained(*soc) for each, *soc in zip(homes.ends, start.tolist(), end.tolist(), strict=True)]
    added = 0.0 if homes.charges is None else homes.charges.added(replay.flows.import_kwh)
    cost = replay.cost.sum(axis=1) + added - np.array(gained)
    ahead, flows = homes.ahead, replay.flows
    bought, sold = (np.abs(flow * price).sum(axis=1) for flow, price in (
        (flows.import_kwh, ahead.import_price), (flows.export_kwh, ahead.export_price)
    ))  # fmt: skip
    return _Candidate(
        schedule.drop(IMPORT_LIMIT, strict=False),
        cost,
        cost + _missed(homes.targets_ahead, replay.soc_kwh[:, 1:]),
        verify_homes(schedule, homes.site, n_slots=ahead.load_kwh.shape[1], start_soc_kwh=homes.start_soc_kwh),
        bought + sold + np.abs(added),
    )


def _missed(targets: SocTargets | None, soc_end_kwh: Energy) -> Energy:
    """Return the price of what schedules leave undone of reserve and care `(n_homes,)` [money]."""
    if targets is None:
        return np.zeros(len(soc_end_kwh))
    return np.array([targets.homes(slice(home, home + 1)).total_penalty(soc) for home, soc in enumerate(soc_end_kwh)])
