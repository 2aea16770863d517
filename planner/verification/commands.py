"""Rules on commands and whole episodes: the flows follow the command, and small errors do not add up."""

from collections.abc import Callable, Iterator

import numpy as np

from planner.verification.columns import COMMAND, IMPORT_LIMIT, Schedule
from planner.verification.energy import balance_residual, storage_residual
from planner.verification.findings import Finding, Values
from planner.verification.inverter_contract import FLOWS, House, obeyed, simplest_command
from planner.verification.money import slot_costs
from planner.verification.store_physics import most_charge, most_discharge


def command(schedule: Schedule) -> Iterator[Finding]:
    """Check that the inverter, given a slot's command, reproduces the slot's flows.

    Flows that no command brings about, which hindsight may choose (`planner.oracle`), are reported and break nothing.
    """
    house, limits = _house(schedule), schedule.site.limits
    done = {name: schedule[name] for name in FLOWS}
    commanded = schedule["charge_kw"], schedule["discharge_kw"], schedule["export_kw"]
    expected = obeyed(commanded, house, limits, schedule.import_limit)
    off = _difference(expected, done)
    deviates = off > schedule.tolerance_kwh
    if not deviates.any():
        return
    outright = obeyed(simplest_command(done["charge_kwh"], done["discharge_kwh"], house), house, limits)
    sayable = _difference(outright, done) <= schedule.tolerance_kwh
    describe = _disobeyed(schedule, expected, done)
    yield Finding("command", deviates & sayable, off, "kWh", describe)
    yield Finding(
        "no_command", deviates & ~sayable, off, "kWh", lambda i: f"no command brings this about: {describe(i)}"
    )


def import_limit(schedule: Schedule) -> Iterator[Finding]:
    """Check that a commanded import limit is a power, and that the inverter takes one."""
    limit = schedule.import_limit
    if limit is None:
        return
    wrong = np.isnan(limit) | (limit < 0)
    untaken = np.isfinite(limit) & (not schedule.site.limits.takes_import_limit)
    nothing = np.zeros(schedule.n_slots)
    yield Finding("import_limit", wrong, nothing, "kW", lambda i: f"the import limit of {limit[i]:.6g} kW is no power")
    yield Finding(
        "import_limit",
        untaken & ~wrong,
        nothing,
        "kW",
        lambda i: f"commanded an import limit of {limit[i]:.6g} kW, and the inverter takes none",
    )


def _house(schedule: Schedule) -> House:
    """Return the state that the inverter of the main battery meets; further batteries are part of the house to it."""
    main, load = schedule.main, schedule["load_kwh"] + schedule.planned
    for store in schedule.stores[1:]:
        load = load + store.charge - store.discharge
    return House(
        load=load,
        pv=schedule["pv_kwh"],
        can_charge=most_charge(main.start, main.battery),
        can_discharge=most_discharge(main.start, main.battery),
        export_costs=schedule["export_price"] < 0,
    )


def _difference(expected: dict[str, Values], done: dict[str, Values]) -> Values:
    """The largest difference of any flow `(n_slots,)` [kWh]."""
    return np.max([np.abs(expected[name] - done[name]) for name in FLOWS], axis=0)


def _disobeyed(schedule: Schedule, expected: dict[str, Values], done: dict[str, Values]) -> Callable[[int], str]:
    def describe(i: int) -> str:
        name = max(FLOWS, key=lambda flow: abs(expected[flow][i] - done[flow][i]))
        values = ", ".join(f"{name} {schedule[name][i]:.6g}" for name in COMMAND)
        if schedule.import_limit is not None and np.isfinite(schedule.import_limit[i]):
            values += f", {IMPORT_LIMIT} {schedule.import_limit[i]:.6g}"
        return f"commanded {values}, the inverter gives {name} {expected[name][i]:.6g}, not {done[name][i]:.6g}"

    return describe


def drift(schedule: Schedule) -> Iterator[Finding]:
    """Errors too small to be seen in a slot do not add up over an episode; reported where they pass the tolerance."""
    yield from _drifted(schedule, "energy of the house", balance_residual(schedule), schedule.tolerance_kwh, "kWh")
    for store in schedule.stores:
        lost = storage_residual(store)
        inside = np.flatnonzero(~schedule.first)
        lost[inside] += store.start[inside] - store.end[inside - 1]
        yield from _drifted(schedule, f"energy of {store.label}", lost, schedule.tolerance_kwh, "kWh")
    money = schedule["cost"] - slot_costs(schedule)
    yield from _drifted(schedule, "cost", money, schedule.tolerance_money, "money")


def _drifted(schedule: Schedule, what: str, residual: Values, tolerance: float, unit: str) -> Iterator[Finding]:
    """Find where the running sum of a residual first passes its tolerance in an episode without an error to be seen."""
    known = np.nan_to_num(residual)
    running = np.cumsum(known)
    begins, episode = schedule.begins, schedule.episode
    running -= (running - known)[begins][episode]
    seen = np.bincount(episode, np.abs(known) > tolerance) > 0
    passed = (np.abs(running) > tolerance) & ~seen[episode]
    if passed.any():
        first = np.zeros_like(passed)
        first[[np.flatnonzero(passed & (episode == number))[0] for number in np.unique(episode[passed])]] = True
        size = np.abs(running)
        yield Finding("drift", first, size, unit, lambda i: f"{what}: errors add up to {size[i]:.6g} {unit}")
