"""The optimal day stated a second time, in CVXPY and in other variables, to hold the hot program against.

Here the panels' use is the variable where the program has the curtailment, stored energy has its fence posts, and every
slot has its binaries from the start.
"""

import itertools

import cvxpy as cp
import numpy as np

from env.inverter import Energy
from env.site import Site
from tests.builders.homes import Horizon

MORE_THAN_ANY_FLOW_KWH = 50.0
OVER_FUSE_PRICE = 1e4


def least_pv_used(horizon: Horizon, site: Site) -> Energy:
    """Return the PV that has to be used: all that can be taken and may not be curtailed `(n_slots,)` [kWh]."""
    limits = site.limits
    least = horizon.pv_kwh.copy()
    for t, (load, pv, price) in enumerate(
        zip(horizon.load_kwh, horizon.pv_kwh, horizon.export_price, strict=True),
    ):
        if limits.curtailable and price < 0:
            least[t] = min(least[t], load, pv)
        if limits.export_kw is not None:
            least[t] = min(least[t], max(load, 0) + limits.export_kw / 4)
        if limits.inverter_kw is not None:
            least[t] = min(least[t], limits.inverter_kw / 4)
    return least


def independent_cost(
    horizon: Horizon,
    site: Site,
    *,
    start_soc_kwh: float,
    settlement_value: float = 0.0,
    return_soc_kwh: float | None = None,
    solver: str = cp.CLARABEL,
    binaries: bool = False,
) -> float:
    """Least cost of the slots less the settlement of (end - start) stored energy [money]."""
    battery, limits, n_slots = site.battery, site.limits, horizon.n_slots
    used, charge, discharge, grid_import, grid_export, over = (cp.Variable(n_slots, nonneg=True) for _ in range(6))
    soc = cp.Variable(n_slots + 1)
    through = used + discharge - charge
    demands = [
        used + discharge + grid_import == horizon.load_kwh + charge + grid_export,
        used <= horizon.pv_kwh,
        used >= least_pv_used(horizon, site),
        soc[0] == start_soc_kwh,
        cp.diff(soc) == battery.charge_efficiency * charge - discharge / battery.discharge_efficiency,
        soc >= battery.min_soc_kwh,
        soc <= battery.max_soc_kwh,
        charge <= battery.charge_kw / 4,
        discharge <= battery.discharge_kw / 4,
    ]
    for flow, taper in ((charge, battery.charge_taper), (discharge, battery.discharge_taper)):
        percent = 100 * soc[:-1] / battery.capacity_kwh
        demands += [flow <= power / 4 for power in [max((kw for _, kw in taper), default=0.0)] if taper]
        demands += [
            (high - low) * flow <= ((high - percent) * less + (percent - low) * more) / 4
            for (low, less), (high, more) in itertools.pairwise(taper)
        ]
    if limits.import_kw is None:
        demands += [over == 0]
    else:
        demands += [grid_import <= limits.import_kw / 4 + over]
    if limits.export_kw is not None:
        demands += [grid_export <= limits.export_kw / 4]
    if limits.inverter_kw is not None:
        demands += [cp.abs(through) <= limits.inverter_kw / 4]
    if return_soc_kwh is not None:
        demands += [soc[-1] == return_soc_kwh]
    if binaries:
        imports, charges = cp.Variable(n_slots, boolean=True), cp.Variable(n_slots, boolean=True)
        demands += [
            grid_import <= MORE_THAN_ANY_FLOW_KWH * imports,
            grid_export <= MORE_THAN_ANY_FLOW_KWH * (1 - imports),
        ]
        demands += [charge <= battery.charge_kw / 4 * charges, discharge <= battery.discharge_kw / 4 * (1 - charges)]
    cost = (
        horizon.import_price @ grid_import
        - horizon.export_price @ grid_export
        + battery.wear_cost * cp.sum(charge + discharge)
        - settlement_value * (soc[-1] - start_soc_kwh)
    )
    problem = cp.Problem(cp.Minimize(cost + OVER_FUSE_PRICE * cp.sum(over)), demands)
    problem.solve(solver=solver, **_OPTIONS[solver])
    if problem.status != cp.OPTIMAL:
        message = f"{solver} stopped with {problem.status}"
        raise RuntimeError(message)
    return float(np.asarray(cost.value))


_OPTIONS: dict[str, dict[str, object]] = {
    cp.CLARABEL: {"tol_gap_abs": 1e-10, "tol_gap_rel": 1e-10, "tol_feas": 1e-10},
    cp.SCS: {"eps_abs": 1e-9, "eps_rel": 1e-9, "max_iters": 200_000},
    cp.HIGHS: {"mip_rel_gap": 0.0, "mip_abs_gap": 1e-9, "mip_feasibility_tolerance": 1e-9, "threads": 1},
}
