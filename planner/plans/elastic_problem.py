"""The home's problem with elastic demands or an elastic limit: the least slack for which a schedule exists.

The common formulation (`formulation`) without prices and with slack variables. Opposite flows are excluded by
binaries here, since burning energy would otherwise meet demands. It runs only when a task is infeasible, so it may
take a second.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from env.inverter import Energy, slot_limit
from env.time_grid import SLOT_HOURS
from planner.deadline import within_deadline
from planner.errors import SolverError
from planner.optimizer.deferrable_loads import FlexibleLoad
from planner.optimizer.fallback_solvers import stated
from planner.plans.task import PlanTask
from planner.tolerances import SHORTFALL_KWH

if TYPE_CHECKING:
    import cvxpy as cp

    from planner.optimizer.formulation import HomeProblem

LIMITS = ("charge_kw", "discharge_kw", "import_kw", "export_kw", "inverter_kw")
SECONDS = 5.0
MOST_EXTRA_KW = 100.0  # a limit that would have to be raised by more is not the cause


@dataclass(frozen=True)
class Shortfall:
    """The least total slack of the demands [kWh].

    Attributes:
        end_short: stored energy missing at the end.
        end_over: stored energy in excess at the end.
        loads: energy missing in each window of each movable load.
        dropped: names of runs that do not take place.
    """

    end_short: float = 0.0
    end_over: float = 0.0
    loads: dict[str, Energy] = field(default_factory=dict[str, Energy])
    dropped: tuple[str, ...] = ()

    @property
    def nothing(self) -> bool:
        """Return whether every demand can be met."""
        missing = sum(float(energy.sum()) for energy in self.loads.values())
        return not self.dropped and max(self.end_short, self.end_over, missing) < SHORTFALL_KWH


def least_shortfall(task: PlanTask) -> Shortfall:
    """Return the least slack of the demands within the home's limits; only the house's own load exceeds the fuse.

    Raises:
        SolverError: no solution was found.
    """
    forced = _Elastic(task).least_over_fuse()
    return _Elastic(task).least_shortfall(forced)


def least_raise(task: PlanTask, limit: str) -> float | None:
    """Return by how much a limit must be raised to meet every demand [kW]; None if that does not help.

    Args:
        task: the infeasible task.
        limit: `charge_kw`, `discharge_kw`, `import_kw`, `export_kw` or `inverter_kw`.
    """
    forced = _Elastic(task).least_over_fuse()
    return _Elastic(task).least_raise(limit, forced)


class _Elastic:
    """The formulation with slack on demands and limits."""

    def __init__(self, task: PlanTask) -> None:
        import cvxpy as cp

        self.cp, self.task = cp, task
        self.home: HomeProblem = stated(task.program())
        self.n_slots = task.n_slots
        self.short, self.over = cp.Variable(nonneg=True), cp.Variable(nonneg=True)
        self.missing = {load.name: cp.Variable(len(load.energy_kwh), nonneg=True) for load in task.loads.flexible}
        self.skipped = {run.name: cp.Variable(boolean=True) for run in task.loads.runs}
        self.raised: dict[str, cp.Variable | float] = dict.fromkeys(LIMITS, 0.0)

    def least_over_fuse(self) -> float:
        """Return the energy drawn above the fuse with no demand met [kWh]."""
        if "over_fuse" not in self.home.variables:
            return 0.0
        return float(self._solve(self.cp.sum(self.home.variables["over_fuse"]), np.inf))

    def least_shortfall(self, forced_kwh: float) -> Shortfall:
        """Return the shortfall with the least sum."""
        energies = {run.name: float(run.energy_kwh.sum()) for run in self.task.loads.runs}
        total = self.short + self.over + sum(self.cp.sum(missing) for missing in self.missing.values())
        total = total + sum(energies[name] * skipped for name, skipped in self.skipped.items())
        self._solve(total, forced_kwh)
        return Shortfall(
            _number(self.short),
            _number(self.over),
            {name: np.asarray(missing.value, dtype=np.float64) for name, missing in self.missing.items()},
            tuple(name for name, skipped in self.skipped.items() if _number(skipped) > 0.5),  # noqa: PLR2004 - a binary
        )

    def least_raise(self, limit: str, forced_kwh: float) -> float | None:
        """Return the least raise of a limit with every demand met."""
        extra = self.cp.Variable(nonneg=True)
        self.raised[limit] = extra
        met = [
            self.short == 0,
            self.over == 0,
            *(slack == 0 for slack in (*self.missing.values(), *self.skipped.values())),
        ]
        try:
            self._solve(extra, forced_kwh, [*met, extra <= MOST_EXTRA_KW])
        except SolverError:
            return None
        return _number(extra)

    def _solve(self, goal: "cp.Expression", forced_kwh: float, more: "list[cp.Constraint] | None" = None) -> float:
        self._loosen_end()
        self._loosen_limits()
        for load in self.task.loads.flexible:
            self._loosen_load(load)
        rules = self.home.constraints
        for name, skipped in self.skipped.items():
            rules[f"{name}_once"] = self.cp.sum(self.home.variables[f"{name}_starts"]) == 1 - skipped
        if np.isfinite(forced_kwh) and "over_fuse" in self.home.variables:
            rules["no_more"] = self.cp.sum(self.home.variables["over_fuse"]) <= forced_kwh + SHORTFALL_KWH
        extra_rules: list[cp.Constraint] = [*(more or []), *self._exclusive_flows()]
        for number, rule in enumerate(extra_rules):
            rules[f"more_{number}"] = rule
        self.home.cost = [goal]
        problem = self.home.problem()
        try:
            problem.solve(solver=self.cp.HIGHS, highs_options={"time_limit": within_deadline(SECONDS)})
        except self.cp.SolverError as error:
            raise SolverError(str(error)) from error
        if problem.status not in ("optimal", "optimal_inaccurate"):
            raise SolverError(problem.status)
        return float(np.asarray(problem.value))

    def _loosen_end(self) -> None:
        """Add slack to the demanded end, not to the battery's range."""
        soc, rules, battery = self.home.variables["soc"], self.home.constraints, self.task.site.battery
        start = self.task.start_soc_kwh
        low = min(battery.min_soc_kwh, start * battery.retention_per_slot**self.n_slots)
        rules["soc_least"], rules["soc_most"] = soc >= low, soc <= max(battery.max_soc_kwh, start)
        demanded, curve = self.task.end.return_soc_kwh, self.task.end.curve
        if demanded is not None:
            rules["end_least"], rules["end_most"] = soc[-1] >= demanded - self.short, soc[-1] <= demanded + self.over
        if curve is not None:
            rules["end_steps"] = soc[-1] >= curve.floor_kwh - self.short

    def _loosen_limits(self) -> None:
        """Restate each limit with its raise."""
        flows, rules, site = self.home.variables, self.home.constraints, self.task.site
        bound = self._flow_bound()
        for flow, limit, kwh in (
            ("charge", "charge_kw", slot_limit(site.battery.charge_kw)),
            ("discharge", "discharge_kw", slot_limit(site.battery.discharge_kw)),
            ("import", "import_kw", slot_limit(site.limits.import_kw)),
            ("export", "export_kw", slot_limit(site.limits.export_kw)),
        ):
            rules[f"{flow}_most"] = flows[flow] <= min(kwh, bound) + self.raised[limit] * SLOT_HOURS
        self._loosen_tapers()
        if site.limits.inverter_kw is not None:
            through = self.home.parameters["pv"] - flows["curtail"] + flows["discharge"] - flows["charge"]
            most = slot_limit(site.limits.inverter_kw) + self.raised["inverter_kw"] * SLOT_HOURS
            rules["inverter_out"], rules["inverter_in"] = through <= most, through >= -most

    def _loosen_tapers(self) -> None:
        """Restate what the main battery's tapers leave: a raised power is raised at every state of charge."""
        from planner.optimizer.constraints import tapered_flow  # loads CVXPY

        soc = self.home.variables["soc"]
        for way, lines in self.task.site.battery.power_lines.items():
            for number, (level, slope) in enumerate(lines):
                most = np.full(self.n_slots, level) + self.raised[f"{way}_kw"] * SLOT_HOURS
                self.home.constraints[f"{way}_taper_{number}"] = tapered_flow(
                    self.home.variables[way], soc, start=self.task.start_soc_kwh, slope=slope, level=most
                )

    def _loosen_load(self, load: FlexibleLoad) -> None:
        """Restate a movable load with the energy missing in its windows."""
        missing, name = self.missing[load.name], load.name
        so_far, rules = self.home.variables[f"{name}_so_far"], self.home.constraints
        ended, begun = load.windows_so_far
        rules[f"{name}_so_far_least"] = so_far >= ended @ (load.energy_kwh - missing)
        rules[f"{name}_so_far_most"] = so_far <= begun @ (load.energy_kwh - missing) + load.run_kwh
        rules[f"{name}_missing"] = missing <= load.energy_kwh

    def _exclusive_flows(self) -> "list[cp.Constraint]":
        """Return constraints that let only one of two opposite flows be above zero in a slot."""
        rules: list[cp.Constraint] = []
        bound = self._flow_bound() + MOST_EXTRA_KW * SLOT_HOURS
        for one, other in self.home.opposites:
            direction = self.cp.Variable(self.n_slots, boolean=True)
            flows = self.home.variables
            rules += [flows[one] <= bound * direction, flows[other] <= bound * (1 - direction)]
        return rules

    def _flow_bound(self) -> float:
        """Return a bound above any flow of a slot [kWh]."""
        batteries = (self.task.site.battery, *self.task.site.extra_batteries)
        _, _, load, pv = self.task.arrays
        moved = sum(float(flexible.most_kwh.max()) for flexible in self.task.loads.flexible)
        moved += sum(float(run.energy_kwh.max()) for run in self.task.loads.runs)
        powers = sum(slot_limit(battery.charge_kw) + slot_limit(battery.discharge_kw) for battery in batteries)
        return float(load.max() + pv.max()) + moved + powers


def _number(variable: "cp.Variable") -> float:
    """Return the value of a scalar variable."""
    return float(np.asarray(variable.value))
