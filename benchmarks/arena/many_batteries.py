"""Requests to a peer's optimiser with several batteries and unequal steps; the shape of `many_batteries.json`.

Energies in Wh, powers in W, prices per Wh, durations in seconds. The peer publishes as its objective the value of the
energy stored since the start, or in older versions since the end of the first step, less what import costs, plus what
export earns. Soft limits are priced in what it maximises and left out of what it publishes.
"""

from dataclasses import dataclass

from benchmarks.arena.shapes import Part, refused
from env.battery import Battery
from planner.joint_dispatch.task import JointBattery, JointTask

WH, SECONDS_AN_HOUR = 1000.0, 3600.0
EFFICIENCY = 0.95  # where a request names none
_OF_A_BATTERY = frozenset(
    (
        *("s_min", "s_max", "s_initial", "s_capacity", "s_goal", "c_min", "c_max", "d_max", "p_a", "p_demand"),
        *("charge_from_grid", "discharge_to_grid", "c_priority", "eta_c", "eta_d"),
    )
)
_OF_THE_GRID = frozenset(("p_max_imp", "p_max_exp", "prc_p_exc_imp"))
_OF_THE_TIME = frozenset(("dt", "gt", "gt_add", "ft", "p_N", "p_E"))
_OF_A_REQUEST = frozenset(("batteries", "time_series", "grid", "eta_c", "eta_d", "strategy"))


@dataclass(frozen=True)
class JointCase:
    """A request with the figures that were published for it.

    Attributes:
        name: of the case.
        task: the request in kWh, kW and h.
        published: objective; None where none was published [money].
    """

    name: str
    task: JointTask
    published: float | None


def read_joint_case(part: Part) -> JointCase:
    """Return a case of a file.

    Raises:
        DataRefusedError: a key is missing, unknown or its value wrong; says where.
    """
    request = part.part("request")
    _check_keys(request, _OF_A_REQUEST)
    series, grid = request.part("time_series"), request.part("grid") if request.has("grid") else Part(part.place, {})
    _check_keys(series, _OF_THE_TIME)
    _check_keys(grid, _OF_THE_GRID)
    hours = series.series("dt", least=0.0) / SECONDS_AN_HOUR
    n_steps = len(hours)
    load = series.series("gt", least=0.0, length=n_steps)
    for further in series.rows("gt_add", length=n_steps):
        load = load + further
    efficiencies = [request.maybe(key, least=1e-6, most=1.0) or EFFICIENCY for key in ("eta_c", "eta_d")]
    limits = {
        name: _kilo(grid.maybe(key, least=0.0))
        for name, key in (("import_kw", "p_max_imp"), ("export_kw", "p_max_exp"))
    }
    excess = grid.maybe("prc_p_exc_imp", least=0.0)
    told = part.part("published") if part.has("published") else Part(part.place, {})
    return JointCase(
        name=part.text("name"),
        task=JointTask(
            hours=hours,
            import_price=series.series("p_N", length=n_steps) * WH,
            export_price=series.series("p_E", length=n_steps) * WH,
            load_kwh=load / WH,
            pv_kwh=series.series("ft", least=0.0, length=n_steps) / WH,
            batteries=tuple(_battery(each, n_steps, efficiencies) for each in request.parts("batteries")),
            excess_price=None if excess is None or limits["import_kw"] is None else excess * WH,
            **limits,
        ),
        published=told.maybe("objective_value"),
    )


def _kilo(watts: float | None) -> float | None:
    return None if watts is None else watts / WH


def _check_keys(part: Part, known: frozenset[str]) -> None:
    if strange := sorted(set(part.values) - known):
        what = f"the model cannot state {', '.join(strange)}"
        raise refused(part.place, what, f"leave it out; known are {', '.join(sorted(known))}")


def _battery(part: Part, n_steps: int, efficiencies: list[float]) -> JointBattery:
    _check_keys(part, _OF_A_BATTERY)
    most, least = part.number("s_max", least=0.0), part.number("s_min", least=0.0)
    capacity = part.maybe("s_capacity", least=0.0)
    capacity = most if capacity is None else capacity
    if not least <= most <= capacity:
        raise refused(part.place, f"s_min {least:g} <= s_max {most:g} <= s_capacity {capacity:g} does not hold")
    start = part.number("s_initial", least=0.0, most=capacity)
    charge = part.number("c_max", least=0.0)
    charging, discharging = (
        part.maybe(key, least=1e-6, most=1.0) or usual
        for key, usual in zip(("eta_c", "eta_d"), efficiencies, strict=True)
    )
    return JointBattery(
        battery=Battery(
            capacity_kwh=capacity / WH,
            min_soc_kwh=least / WH,
            max_soc_kwh=most / WH,
            charge_kw=charge / WH,
            discharge_kw=part.number("d_max", least=0.0) / WH,
            charge_efficiency=charging,
            discharge_efficiency=discharging,
        ),
        start_kwh=start / WH,
        end_value=part.number("p_a") * WH,
        least_charge_kw=part.number("c_min", least=0.0, most=charge) / WH,
        from_grid=part.flag("charge_from_grid", default=False),
        to_grid=part.flag("discharge_to_grid", default=False),
        goal_kwh=part.series("s_goal", least=0.0, length=n_steps) / WH if part.has("s_goal") else None,
        demand_kwh=part.series("p_demand", least=0.0, length=n_steps) / WH if part.has("p_demand") else None,
    )
