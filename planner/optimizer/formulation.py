"""The home as an optimisation problem, stated once, in CVXPY, from the constraints of `constraints`.

Per slot, kWh on the alternating-current side, all >= 0: charge, discharge, import, export, curtailed PV, stored energy
at the slot's end, and planned loads. Minimise the cost of import less export, and wear, less the value of the energy
stored at the end.

Equal costs are ordered by a stated tie-break, so that the same input has one answer: move and curtail as little as can
be, and do what is to be done as early as can be (`TIE_BREAK`, twice that at the horizon's end; no reported cost
contains it). Over many days the sum of it could be seen in the cost: there ties stay as the solver leaves them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cvxpy as cp
import numpy as np
from scipy import sparse

from env.battery import Battery
from env.site import Limits
from env.time_grid import SLOT_HOURS
from planner.optimizer import constraints as physics
from planner.optimizer.deferrable_loads import NO_LOADS, FlexibleShape, LoadShapes, RunShape
from planner.optimizer.demand_charge import NO_LIMIT_KW, demand_charge_term, excess_above
from planner.optimizer.peak_calendar import HorizonDemandCharge
from planner.optimizer.peak_threshold import ThresholdShape
from planner.tolerances import TIE_BREAK

MOST_TIED_SLOTS = 400
MOST_FUSES = 10
"""A home never draws more than that many times its fuse; the last tier of a demand charge ends there."""


@dataclass
class HomeProblem:
    """A problem under construction: what it is made of, by name.

    Attributes:
        opposites: pairs of flows of which only one may be above zero in a slot.
        steps: steps of one flow that must be filled in order, where their efficiencies do not see to it.
    """

    n_slots: int
    variables: dict[str, cp.Variable] = field(default_factory=dict[str, cp.Variable])
    parameters: dict[str, cp.Parameter] = field(default_factory=dict[str, cp.Parameter])
    constraints: dict[str, cp.Constraint] = field(default_factory=dict[str, cp.Constraint])
    cost: list[cp.Expression] = field(default_factory=list[cp.Expression])
    supply: list[cp.Expression] = field(default_factory=list[cp.Expression])
    demand: list[cp.Expression] = field(default_factory=list[cp.Expression])
    opposites: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    steps: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])

    def flow(self, name: str) -> cp.Variable:
        """A flow per slot with the parameter `<name>_most` as its upper bound, counted in the tie-break."""
        variable = self.variable(name, self.n_slots)
        most = self.parameter(f"{name}_most", self.n_slots)
        self.constraints[f"{name}_least"] = physics.at_least(variable, 0.0)
        self.constraints[f"{name}_most"] = physics.at_most(variable, most)
        if self.n_slots <= MOST_TIED_SLOTS:
            self.cost.append(TIE_BREAK * (1 + np.arange(self.n_slots) / self.n_slots) @ variable)
        return variable

    def variable(self, name: str, size: int, *, boolean: bool = False) -> cp.Variable:
        """A named variable."""
        self.variables[name] = cp.Variable(size, name=name, boolean=boolean)
        return self.variables[name]

    def parameter(self, name: str, size: int) -> cp.Parameter:
        """A named parameter."""
        self.parameters[name] = cp.Parameter(size, name=name)
        return self.parameters[name]

    def problem(self) -> cp.Problem:
        """The problem as CVXPY knows it."""
        rules = {
            "power_balance": physics.power_balance(
                supply=physics.total(self.supply), demand=physics.total(self.demand)
            ),
            **self.constraints,
        }
        self.constraints = rules
        return cp.Problem(cp.Minimize(physics.total(self.cost)), list(rules.values()))


def home_problem(  # noqa: PLR0913 - keyword-only, the parts of a home
    *,
    battery: Battery,
    extra_batteries: tuple[Battery, ...] = (),
    limits: Limits,
    n_slots: int,
    end_steps: int = 0,
    loads: LoadShapes = NO_LOADS,
    power: Sequence[HorizonDemandCharge | ThresholdShape] = (),
    targets: bool = False,
    by_hand: bool = False,
) -> HomeProblem:
    """State the problem of a home.

    Args:
        battery: the one behind the inverter.
        extra_batteries: named `battery_2`, `battery_3`, …
        limits: which of them exist decides which constraints there are.
        n_slots: slots of the horizon.
        end_steps: steps of the value curve of what is stored at the end; 0 for a plain value per kWh.
        loads: planned loads; their numbers are parameters.
        power: components of the demand charge, named `power_1`, `power_2`, …, with the month so far as a parameter;
            or power above which there is a price, named `above_1`, `above_2`, …, both of which are parameters.
        targets: whether there is a price of stored energy that is missing or rests too high, both parameters.
        by_hand: whether energy that people ask for is put ahead, by prices that are parameters.
    """
    home = HomeProblem(n_slots)
    home.demand.append(home.parameter("net_load", n_slots))
    grid_import = add_grid(home, fused=limits.import_kw is not None)
    for number, each in enumerate(power, start=1):
        if isinstance(each, HorizonDemandCharge):
            add_power_charge(home, each, grid_import, limits, name=f"power_{number}")
        elif each.n_periods:  # CVXPY has no empty variables
            add_power_threshold(home, each, grid_import, name=f"above_{number}")
    add_battery(home, battery)
    add_store_values(home, end_steps=end_steps, targets=targets)
    for number, extra in enumerate(extra_batteries, start=2):
        add_battery(home, extra, prefix=f"battery_{number}_")
    if limits.inverter_kw is not None:
        add_inverter(home, limits.inverter_kw * SLOT_HOURS)
    for load in loads.flexible:
        add_flexible_load(home, load)
    if kept := [home.variables[load.name] for load in loads.flexible if not load.from_battery]:
        home.constraints["not_from_battery"] = physics.not_from_battery(
            kept,
            grid_import=grid_import,
            surplus=home.parameter("surplus", n_slots),
            curtailed=home.variables["curtail"],
        )
    for run in loads.runs:
        add_fixed_run(home, run)
    if by_hand:
        put_ahead(home, ["charge", "discharge", *(load.name for load in loads.flexible)])
    return home


def add_grid(home: HomeProblem, *, fused: bool) -> cp.Expression:
    """Add import and export at their prices, curtailed PV and, with a fuse, import above it at its penalty.

    Returns:
        All import, that above the fuse included.
    """
    n_slots = home.n_slots
    grid_import, grid_export, curtailed = (home.flow(name) for name in ("import", "export", "curtail"))
    home.cost += [
        home.parameter("import_price", n_slots) @ grid_import,
        -(home.parameter("export_price", n_slots) @ grid_export),
    ]
    home.supply.append(grid_import)
    home.demand += [grid_export, curtailed]
    home.opposites.append(("import", "export"))
    if not fused:
        return grid_import
    over = home.variable("over_fuse", n_slots)
    home.constraints["over_fuse_least"] = physics.at_least(over, 0.0)
    home.cost.append(home.parameter("over_fuse_price", n_slots) @ over)
    home.supply.append(over)
    return grid_import + over


def add_power_charge(
    home: HomeProblem, demand: HorizonDemandCharge, grid_import: cp.Expression, limits: Limits, *, name: str
) -> None:
    """Add one component of the demand charge on all import."""
    highest = max(limits.import_kw or 0.0, demand.state.today_kw, *demand.state.peaks_kw, 0.0)
    most = NO_LIMIT_KW if limits.import_kw is None else MOST_FUSES * highest
    charge = demand_charge_term(grid_import, demand.calendar, demand.state, demand.tariff, most_kw=most, name=name)
    home.cost.append(charge.cost)
    home.constraints |= {f"{name}_rule_{number}": rule for number, rule in enumerate(charge.constraints)}
    for expression in (charge.cost, *charge.constraints):  # a parameter that nothing uses is in no program
        home.parameters |= {parameter.name(): parameter for parameter in expression.parameters()}


def add_power_threshold(home: HomeProblem, shape: ThresholdShape, grid_import: cp.Expression, *, name: str) -> None:
    """Add a price for every kW that a peak is above its threshold."""
    excess = home.variable(name, shape.n_peaks)
    home.constraints[f"{name}_least"] = physics.at_least(excess, 0.0)
    home.constraints[f"{name}_rule"] = excess_above(
        grid_import, excess, home.parameter(f"{name}_free", shape.n_periods), shape
    )
    home.cost.append(home.parameter(f"{name}_price", shape.n_peaks) @ excess)


def add_battery(home: HomeProblem, battery: Battery, *, prefix: str = "") -> None:
    """Charge, discharge, stored energy, wear, and the value of what is left at the end."""
    n_slots = home.n_slots
    charge, discharge = home.flow(f"{prefix}charge"), home.flow(f"{prefix}discharge")
    soc, start = home.variable(f"{prefix}soc", n_slots), home.parameter(f"{prefix}start_soc", 1)
    into = _through_steps(home, f"{prefix}charge", battery.charge_steps if battery.charge_curve else ())
    out = _through_steps(home, f"{prefix}discharge", battery.discharge_steps if battery.discharge_curve else ())
    home.constraints[f"{prefix}storage"] = physics.stored_energy(
        soc,
        start=start,
        retention=battery.retention_per_slot,
        into_store=into if into is not None else battery.charge_efficiency * charge,
        out_of_store=out if out is not None else discharge / battery.discharge_efficiency,
    )
    for way, lines in battery.power_lines.items():
        for number, (_, slope) in enumerate(lines):
            name = f"{prefix}{way}_taper_{number}"
            home.constraints[name] = physics.tapered_flow(
                home.variables[f"{prefix}{way}"], soc, start=start, slope=slope, level=home.parameter(name, n_slots)
            )
    home.constraints[f"{prefix}soc_least"] = physics.at_least(soc, home.parameter(f"{prefix}soc_least", n_slots))
    home.constraints[f"{prefix}soc_most"] = physics.at_most(soc, home.parameter(f"{prefix}soc_most", n_slots))
    home.cost += [
        battery.charge_wear * cp.sum(charge),
        battery.discharge_wear * cp.sum(discharge),
        -(home.parameter(f"{prefix}end_value", 1) @ soc[-1:]),
    ]
    home.supply.append(discharge)
    home.demand.append(charge)
    home.opposites.append((f"{prefix}charge", f"{prefix}discharge"))


def add_store_values(home: HomeProblem, *, end_steps: int, targets: bool) -> None:
    """Add what stored energy is worth at the end, in steps, and its targets, where there are some."""
    if targets:
        add_targets(home)
    if end_steps:
        add_end_steps(home, end_steps)


def put_ahead(home: HomeProblem, flows: Sequence[str]) -> None:
    """Put the energy of flows ahead of what else it could earn, at a price per slot."""
    for flow in flows:
        home.cost.append(-(home.parameter(f"{flow}_ahead", home.n_slots) @ home.variables[flow]))


def add_targets(home: HomeProblem) -> None:
    """Add prices of stored energy that is below what is wanted, or above what it should rest at, at slots' ends."""
    soc, n_slots = home.variables["soc"], home.n_slots
    for name, rule in (("missing", physics.missing_energy), ("resting", physics.resting_energy)):
        amount = home.variable(name, n_slots)
        home.constraints[f"{name}_least"] = physics.at_least(amount, 0.0)
        home.constraints[f"{name}_rule"] = rule(soc, amount, home.parameter(f"{name}_level", n_slots))
        home.cost.append(home.parameter(f"{name}_price", n_slots) @ amount)


def _through_steps(
    home: HomeProblem, flow: str, steps: tuple[()] | tuple[np.ndarray, np.ndarray]
) -> cp.Expression | None:
    """Return the energy that a flow moves inside the battery, by efficiency steps; None without a curve.

    A slot fills cheap steps first. Where efficiency rises with power (small powers lose most) that is the wrong order,
    and `steps` records that it has to be decided.
    """
    if not steps:
        return None
    outside, inside = steps
    widths, slopes = np.diff(outside), np.diff(inside) / np.diff(outside)
    parts = [home.variable(f"{flow}_step_{k}", home.n_slots) for k in range(len(widths))]
    for k, (part, width) in enumerate(zip(parts, widths.tolist(), strict=True)):
        home.constraints[f"{flow}_step_{k}_least"] = physics.at_least(part, 0.0)
        home.constraints[f"{flow}_step_{k}_most"] = physics.at_most(part, width)
    home.constraints[f"{flow}_steps"] = physics.adds_up(home.variables[flow], parts)
    home.steps.append(tuple(f"{flow}_step_{k}" for k in range(len(widths))))
    return physics.total([slope * part for slope, part in zip(slopes.tolist(), parts, strict=True)])


def add_end_steps(home: HomeProblem, n_steps: int) -> None:
    """A concave value of what is stored at the end, in steps: the first kWh have the highest value."""
    steps = home.variable("end_steps", n_steps)
    home.constraints["end_steps_least"] = physics.at_least(steps, 0.0)
    home.constraints["end_steps_most"] = physics.at_most(steps, home.parameter("end_widths", n_steps))
    home.constraints["end_steps"] = physics.end_steps(
        home.variables["soc"][-1], floor=home.parameter("end_floor", 1), steps=steps
    )
    home.cost.append(-(home.parameter("end_slopes", n_steps) @ steps))


def add_inverter(home: HomeProblem, power_kwh: float) -> None:
    """The inverter that panels and battery share."""
    flows = home.variables
    out, back = physics.inverter_power(
        pv=home.parameter("pv", home.n_slots),
        curtailed=flows["curtail"],
        charge=flows["charge"],
        discharge=flows["discharge"],
        power_kwh=power_kwh,
    )
    home.constraints["inverter_out"], home.constraints["inverter_in"] = out, back


def add_flexible_load(home: HomeProblem, load: FlexibleShape) -> None:
    """A heater or a car: how much it must and may have taken by each slot's end are parameters."""
    flow = home.flow(load.name)
    home.demand.append(flow)
    so_far = home.variable(f"{load.name}_so_far", home.n_slots)
    home.constraints[f"{load.name}_energy"] = physics.energy_so_far(so_far, flow)
    least, most = (home.parameter(f"{load.name}_so_far_{end}", home.n_slots) for end in ("least", "most"))
    home.constraints[f"{load.name}_so_far_least"] = physics.at_least(so_far, least)
    if load.run_slots:
        home.constraints[f"{load.name}_so_far_most"] = _add_run(home, load, flow, so_far) <= most
    else:
        home.constraints[f"{load.name}_so_far_most"] = physics.at_most(so_far, most)
    if load.spacing_slots > 1:
        _add_blocks(home, load, flow)
    if load.n_wishes:
        _add_wishes(home, load, so_far)


def _add_run(home: HomeProblem, load: FlexibleShape, flow: cp.Variable, so_far: cp.Variable) -> cp.Expression:
    """Add a run at full power that happens once; returns what the load has taken beside it."""
    n_slots, name, length = home.n_slots, load.name, load.run_slots
    starts = home.variable(f"{name}_run_starts", n_slots, boolean=True)
    home.constraints[f"{name}_run_starts_most"] = physics.at_most(
        starts, home.parameter(f"{name}_run_may_start", n_slots)
    )
    home.constraints[f"{name}_run_once"] = physics.starts_once(starts)
    covered = sparse.diags_array(
        [np.ones(n_slots)] * length, offsets=[-k for k in range(length)], shape=(n_slots, n_slots)
    )
    home.constraints[f"{name}_run"] = flow >= load.full_kwh * (sparse.csr_array(covered) @ starts)
    return so_far - load.full_kwh * length * (np.tril(np.ones((n_slots, n_slots))) @ starts)


def _add_wishes(home: HomeProblem, load: FlexibleShape, so_far: cp.Variable) -> None:
    """Value what the load has taken beyond what it must, in steps: the most urgent wish is worth most."""
    name = load.name
    wishes = home.variable(f"{name}_wishes", load.n_wishes)
    home.constraints[f"{name}_wishes_least"] = physics.at_least(wishes, 0.0)
    home.constraints[f"{name}_wishes_most"] = physics.at_most(
        wishes, home.parameter(f"{name}_wishes_kwh", load.n_wishes)
    )
    home.constraints[f"{name}_wishes"] = physics.end_steps(
        so_far[-1], floor=home.parameter(f"{name}_must", 1), steps=wishes
    )
    home.cost.append(-(home.parameter(f"{name}_worth", load.n_wishes) @ wishes))


def _add_blocks(home: HomeProblem, load: FlexibleShape, flow: cp.Variable) -> None:
    """On and off, and starts that keep their distance."""
    n_slots, name = home.n_slots, load.name
    on, starts = (home.variable(f"{name}_{what}", n_slots, boolean=True) for what in ("on", "starts"))
    running, may_start = home.parameter(f"{name}_running", 1), home.parameter(f"{name}_may_start", n_slots)
    n_windows = max(1, n_slots - load.spacing_slots + 1)
    spacing = sparse.diags_array(
        [np.ones(n_slots)] * load.spacing_slots, offsets=range(load.spacing_slots), shape=(n_windows, n_slots)
    )
    home.constraints[f"{name}_off"] = physics.off_takes_nothing(flow, on=on, full_kwh=load.full_kwh)
    home.constraints[f"{name}_starts"] = physics.block_starts(on, starts, running=running)
    home.constraints[f"{name}_starts_most"] = physics.at_most(starts, may_start)
    home.constraints[f"{name}_spacing"] = physics.starts_apart(starts, sparse.csr_array(spacing))
    if n_slots > 1:
        home.constraints[f"{name}_full"] = physics.full_power_inside(flow, on=on, starts=starts, full_kwh=load.full_kwh)


def add_fixed_run(home: HomeProblem, run: RunShape) -> None:
    """An appliance: one start, then its programme."""
    n_slots = home.n_slots
    starts = home.variable(f"{run.name}_starts", n_slots, boolean=True)
    home.constraints[f"{run.name}_starts_most"] = physics.at_most(
        starts, home.parameter(f"{run.name}_may_start", n_slots)
    )
    home.constraints[f"{run.name}_once"] = physics.starts_once(starts)
    length = len(run.energy_kwh)
    shape = sparse.diags_array(
        [np.full(n_slots, kwh) for kwh in run.energy_kwh], offsets=[-k for k in range(length)], shape=(n_slots, n_slots)
    )
    home.cost.append(TIE_BREAK * (np.arange(n_slots) / n_slots) @ starts)
    home.demand.append(sparse.csr_array(shape) @ starts)
