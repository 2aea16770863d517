"""Each constraint of devices, curves and further batteries on days small enough for paper, and against every choice."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from env.battery import Battery
from env.inverter import Energy
from env.site import Limits, Site
from planner.errors import NoFeasibleScheduleError, PlannerError
from planner.optimizer.deferrable_loads import FixedRun, FlexibleLoad, PlannedLoads
from planner.optimizer.home_program import HomeProgram
from planner.optimizer.solution import CHARGE, CURTAIL, DISCHARGE, EXPORT, IMPORT, SOC, Solution
from planner.oracle import solve_optimal_schedule
from tests.builders.homes import NO_LIMITS, PAPER_BATTERY, Horizon, home

NO_BATTERY = replace(PAPER_BATTERY, charge_kw=0, discharge_kw=0, wear_cost=0)
LOSSLESS = replace(PAPER_BATTERY, charge_efficiency=1.0, discharge_efficiency=1.0, wear_cost=0.0)


def solved(  # noqa: PLR0913 - keyword-only, the numbers of a day
    site: Site,
    *,
    price: list[float],
    load: list[float] | None = None,
    pv: list[float] | None = None,
    sell: list[float] | None = None,
    start: float = 5.0,
    value: float = 0.0,
    loads: PlannedLoads | None = None,
    exact: bool = True,
) -> Solution:
    n_slots = len(price)
    program = HomeProgram(site, n_slots, loads=loads)
    export_price = np.array(sell if sell is not None else [0.0] * n_slots)
    program.set_prices(np.array(price), export_price, value)
    program.set_house(np.array(load or [0.0] * n_slots), np.array(pv or [0.0] * n_slots), export_price)
    program.start_at(0, start)
    return program.solve(exact=exact)


def flexible(energy: list[float], windows: list[list[float]], *, most: float = 1.0, **more: object) -> PlannedLoads:
    inside = np.array(windows, dtype=np.float64)
    load = FlexibleLoad("water", most * inside.max(axis=0), inside, np.array(energy), **more)  # pyright: ignore[reportArgumentType] - the rest by name
    return PlannedLoads((load,))


def car(energy: float, n_slots: int, *, most: float = 2.0, from_battery: bool = False) -> PlannedLoads:
    stay = np.ones((1, n_slots))
    return PlannedLoads(
        (FlexibleLoad("ev", np.full(n_slots, most), stay, np.array([energy]), from_battery=from_battery),)
    )


def test_heater_takes_each_windows_energy_where_it_is_cheapest_when_it_may() -> None:
    """1.5 kWh at most 1 a slot in slots of 3, 1, 2 and 0.5 in one of 4 and 5: 1 x 1 + 0.5 x 2 + 0.5 x 4 = 4."""
    loads = flexible([1.5, 0.5], [[1, 1, 1, 0, 0], [0, 0, 0, 1, 1]])
    answer = solved(home(NO_BATTERY), price=[3, 1, 2, 4, 5], loads=loads)
    assert answer.others["water"].tolist() == pytest.approx([0, 1, 0.5, 0.5, 0])
    assert answer.objective == pytest.approx(4.0)


def test_heater_takes_no_more_than_asked_when_it_is_paid_to() -> None:
    loads = flexible([1.5], [[1, 1, 1]])
    answer = solved(home(NO_BATTERY), price=[-3, -1, -2], sell=[-4, -4, -4], loads=loads)
    assert answer.others["water"].tolist() == pytest.approx([1, 0, 0.5])
    assert answer.objective == pytest.approx(-4.0)


def test_car_has_its_energy_by_departure_when_later_is_cheaper() -> None:
    stay = np.array([[1.0, 1, 0]])
    loads = PlannedLoads((FlexibleLoad("ev", 2.0 * stay[0], stay, np.array([3.0])),))
    answer = solved(home(NO_BATTERY), price=[2, 1, 0.1], loads=loads)
    assert answer.others["ev"].tolist() == pytest.approx([1, 2, 0])


@pytest.mark.parametrize(
    ("from_battery", "imported", "discharged"),
    [
        pytest.param(True, 0.0, 1.0, id="allowed: all of it from the battery"),
        pytest.param(False, 1.0, 0.0, id="not allowed: all of it from the grid"),
    ],
)
def test_car_is_fed_from_the_battery_when_that_is_allowed(
    from_battery: bool,  # noqa: FBT001 - a case of the table
    imported: float,
    discharged: float,
) -> None:
    answer = solved(home(LOSSLESS), price=[2.0], loads=car(1.0, 1, from_battery=from_battery))
    assert answer.flows[0, [IMPORT, DISCHARGE]].tolist() == pytest.approx([imported, discharged])


def test_battery_feeds_the_house_when_the_car_buys_in_the_same_slot() -> None:
    """Load 0.5 from the battery, 2 for the car from the grid."""
    answer = solved(home(LOSSLESS), price=[2.0], load=[0.5], loads=car(2.0, 1))
    assert answer.flows[0, [IMPORT, DISCHARGE]].tolist() == pytest.approx([2.0, 0.5])


def test_car_takes_the_surplus_when_there_is_one() -> None:
    """PV 1.5, load 0.5: 1 of the surplus and 1 bought, with 4 kWh in the battery that it may not have."""
    answer = solved(home(LOSSLESS), price=[2.0], load=[0.5], pv=[1.5], loads=car(2.0, 1))
    assert answer.flows[0, [IMPORT, DISCHARGE, EXPORT]].tolist() == pytest.approx([1.0, 0.0, 0.0])


def test_car_is_not_fed_from_the_battery_when_its_surplus_is_spilled() -> None:
    """A price that makes selling cost 1 and curtailable PV: spilling the surplus would not make it the car's."""
    site = home(LOSSLESS, Limits(curtailable=True, export_kw=0))
    answer = solved(site, price=[2.0], pv=[1.0], sell=[-1.0], start=9.0, value=-5.0, loads=car(1.0, 1))
    assert answer.flows[0, CURTAIL] == pytest.approx(0.0, abs=1e-9)
    assert answer.flows[0, DISCHARGE] == pytest.approx(0.0, abs=1e-9)


def test_loads_kept_from_the_battery_share_import_and_surplus_when_there_are_two() -> None:
    """Two of them, 1 kWh each, nothing but the battery for free: 2 kWh are bought, not 1 that both point at."""
    each = [
        FlexibleLoad(name, np.ones(1), np.ones((1, 1)), np.ones(1), from_battery=False) for name in ("ev", "second")
    ]
    answer = solved(home(LOSSLESS), price=[2.0], loads=PlannedLoads(tuple(each)))
    assert answer.flows[0, [IMPORT, DISCHARGE]].tolist() == pytest.approx([2.0, 0.0])


def test_car_may_be_charged_above_the_fuse_when_the_house_leaves_no_room() -> None:
    """A fuse of 1 kWh a slot, a load of 1 and a car that needs 1 in that slot: 1 above it, bought all the same."""
    answer = solved(home(NO_BATTERY, Limits(import_kw=4)), price=[2.0], load=[1.0], loads=car(1.0, 1))
    assert answer.flows[0, IMPORT] == pytest.approx(2.0)


def test_appliance_runs_once_in_a_row_inside_its_window_when_that_is_cheapest() -> None:
    """1 kWh, then 0.5, from slot 1, 2 or 3: 3 + 0.5 x 1, 1 + 0.5 x 4, 4 + 0.5 x 1: slot 2, 3 money."""
    run = FixedRun("appliance_washer", np.array([0.0, 1, 1, 1, 0]), np.array([1.0, 0.5]))
    answer = solved(home(NO_BATTERY), price=[0.1, 3, 1, 4, 1], loads=PlannedLoads(runs=(run,)))
    assert answer.others["appliance_washer"].tolist() == pytest.approx([0, 0, 1, 0.5, 0])
    assert answer.objective == pytest.approx(3.0)


def test_no_schedule_exists_when_an_appliance_may_start_nowhere() -> None:
    run = FixedRun("appliance_washer", np.zeros(3), np.array([1.0]))
    with pytest.raises(NoFeasibleScheduleError):
        solved(home(NO_BATTERY), price=[1, 1, 1], loads=PlannedLoads(runs=(run,)))


def test_appliances_start_as_every_combination_tried_says_when_they_share_the_fuse() -> None:
    """Two runs under a fuse, against all starts of both; 40 random days of 7 slots."""
    rng = np.random.default_rng(3)
    site = home(NO_BATTERY, Limits(import_kw=6))
    shapes = [np.array([1.0, 0.4]), np.array([0.9, 0.2, 0.6])]
    for _ in range(15):
        price = rng.uniform(-1, 3, 7)
        runs = tuple(FixedRun(f"appliance_{k}", np.arange(7) <= 7 - len(e), e) for k, e in enumerate(shapes))  # pyright: ignore[reportArgumentType] - 0 and 1
        answer = solved(site, price=price.tolist(), loads=PlannedLoads(runs=runs))
        totals = [
            np.convolve(np.eye(7)[a], shapes[0])[:7] + np.convolve(np.eye(7)[b], shapes[1])[:7]
            for a, b in product(range(6), range(5))
        ]
        kept = [float(price @ total) for total in totals if total.max() <= 1.5 + 1e-9]
        assert answer.objective == pytest.approx(min(kept), abs=1e-5)


def heater_days(rng: np.random.Generator) -> tuple[FlexibleLoad, Energy]:
    n_slots, cut = 7, int(rng.integers(2, 8))
    windows = np.zeros((2, n_slots))
    windows[0, :cut], windows[1, cut:] = 1, 1
    windows = windows[windows.any(axis=1)]
    energy = np.round(rng.uniform(0, np.minimum(windows.sum(axis=1), 3.0)), 1)
    load = FlexibleLoad(
        "water",
        np.ones(n_slots),
        windows,
        energy,
        spacing_slots=int(rng.integers(2, 5)),
        may_start=(np.arange(n_slots) >= rng.integers(0, 4)).astype(np.float64),
        running=bool(rng.random() < 0.4),
    )
    return load, rng.uniform(-1, 3, n_slots)


def least_by_enumeration(load: FlexibleLoad, price: Energy) -> float:
    """Every way to be off, full or partly on, at most one part a window, read slot by slot."""
    best = np.inf
    for ways in product((0, 1, 2), repeat=len(price)):
        energy, possible = _energy_of(load, ways)
        if possible and _starts_apart(load, ways):
            best = min(best, float(price @ energy))
    return best


def _energy_of(load: FlexibleLoad, ways: tuple[int, ...]) -> tuple[Energy, bool]:
    energy = np.array([1.0 if way == 1 else 0.0 for way in ways])
    for window, wanted in zip(load.windows, load.energy_kwh, strict=True):
        parts = [t for t in np.flatnonzero(window) if ways[t] == 2]
        rest = wanted - window @ energy
        if len(parts) > 1 or not -1e-9 <= rest <= 1 + 1e-9 or (not parts and rest > 1e-9):
            return energy, False
        energy[parts] = rest
    return energy, True


def _starts_apart(load: FlexibleLoad, ways: tuple[int, ...]) -> bool:
    assert load.may_start is not None
    may_go_on, latest = load.running, -99
    for slot, way in enumerate(ways):
        if way and not may_go_on:
            if slot - latest < load.spacing_slots or not load.may_start[slot]:
                return False
            latest = slot
        may_go_on = way == 1
    return True


@pytest.mark.parametrize("exact", [True, False])
def test_heater_blocks_cost_what_every_choice_tried_says_when_they_keep_their_distance(
    exact: bool,  # noqa: FBT001 - a case of the table
) -> None:
    """Searched exactly: the least cost. Placed by value: never below it, and within the gap that is reported."""
    rng = np.random.default_rng(8)
    infeasible = 0
    for _ in range(25):
        load, price = heater_days(rng)
        least = least_by_enumeration(load, price)
        if not np.isfinite(least):
            infeasible += 1
            with pytest.raises(NoFeasibleScheduleError):
                solved(home(NO_BATTERY), price=price.tolist(), loads=PlannedLoads((load,)), exact=exact)
            continue
        answer = solved(home(NO_BATTERY), price=price.tolist(), loads=PlannedLoads((load,)), exact=exact)
        assert load.windows @ answer.others["water"] == pytest.approx(load.energy_kwh)
        if exact:
            assert answer.objective == pytest.approx(least, abs=1e-5)
        else:
            proven_gap = answer.record.gap * abs(answer.objective)
            assert least - 1e-5 <= answer.objective <= least + proven_gap + 1e-5
    assert 0 < infeasible < 20


def test_heater_stays_on_until_it_is_done_when_the_next_start_is_far() -> None:
    """2 kWh, starts 3 slots apart: prices 1, 5, 1, 5 make 1 + 5 in a row (6), or 1 now and 1 three slots on (1 + 5)."""
    loads = flexible([2.0], [[1, 1, 1, 1]], spacing_slots=3)
    answer = solved(home(NO_BATTERY), price=[1, 5, 1, 5.5], loads=loads)
    assert answer.objective == pytest.approx(6.0)


@pytest.mark.parametrize(
    ("curve", "stored"),
    [
        pytest.param(((2.0, 1.0), (4.0, 0.75)), 0.75, id="falls with power: 1 kWh stores 0.75"),
        pytest.param(
            ((2.0, 0.5), (4.0, 0.75)), 0.75, id="rises with power: 1 kWh stores 0.75, not 1 of the cheap step"
        ),
    ],
)
def test_charging_stores_by_the_curve_when_efficiency_depends_on_power(
    curve: tuple[tuple[float, float], ...], stored: float
) -> None:
    site = home(replace(LOSSLESS, charge_curve=curve))
    answer = solved(site, price=[0.1], value=1.0)
    assert answer.flows[0, CHARGE] == pytest.approx(1.0)
    assert answer.flows[0, SOC] == pytest.approx(5.0 + stored)


def test_small_powers_are_avoided_when_efficiency_rises_with_power() -> None:
    """1 kWh stores 0.75, 0.5 kWh only 0.25: at a worth of 0.5 a stored kWh 0.375 is the dearest price that pays."""
    site = home(replace(LOSSLESS, charge_curve=((2.0, 0.5), (4.0, 0.75))))
    assert solved(site, price=[0.3], value=0.5).flows[0, CHARGE] == pytest.approx(1.0)
    assert solved(site, price=[0.4], value=0.5).flows[0, CHARGE] == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("curve", "drawn"),
    [
        pytest.param(((2.0, 1.0), (4.0, 0.8)), 1.25, id="falls with power"),
        pytest.param(((2.0, 0.5), (4.0, 0.8)), 1.25, id="rises with power"),
    ],
)
def test_discharging_draws_by_the_curve_when_efficiency_depends_on_power(
    curve: tuple[tuple[float, float], ...], drawn: float
) -> None:
    answer = solved(home(replace(LOSSLESS, discharge_curve=curve)), price=[9.0], load=[1.0])
    assert answer.flows[0, SOC] == pytest.approx(5.0 - drawn)


def test_stored_energy_melts_when_the_battery_loses_it() -> None:
    """Half of it is left after an hour: the fourth root after a quarter."""
    answer = solved(home(replace(LOSSLESS, retention_per_hour=0.5, min_soc_kwh=0)), price=[1.0] * 4, start=8.0)
    assert answer.flows[:, SOC].tolist() == pytest.approx([8 * 0.5 ** (k / 4) for k in (1, 2, 3, 4)])


def test_cycle_is_paid_on_what_is_taken_out_when_it_costs() -> None:
    """10 kWh of capacity, 8 money a cycle: 0.8 for each kWh out of the store; a price of 0.9 pays, one of 0.7 not."""
    site = home(replace(LOSSLESS, cycle_cost=8.0))
    dear, cheap = (solved(site, price=[price], load=[1.0]) for price in (0.9, 0.7))
    assert dear.flows[0, DISCHARGE] == pytest.approx(1.0)
    assert dear.objective == pytest.approx(0.8)
    assert cheap.flows[0, DISCHARGE] == pytest.approx(0.0)


def with_second(battery: Battery, second: Battery, limits: Limits = NO_LIMITS) -> Site:
    return replace(home(battery, limits), extra_batteries=(second,))


def test_second_battery_works_within_its_own_limits_when_the_first_is_at_its() -> None:
    """Cheap then dear, load 2: the first moves 1 kWh, the second half of one, and ends as it began."""
    first = replace(LOSSLESS, min_soc_kwh=4, max_soc_kwh=5)
    second = replace(LOSSLESS, charge_kw=2, discharge_kw=2, capacity_kwh=4, min_soc_kwh=0, max_soc_kwh=4)
    answer = solved(with_second(first, second), price=[1.0, 3.0], load=[0.0, 2.0], start=4.0)
    assert answer.others["battery_2_charge"].tolist() == pytest.approx([0.5, 0.0])
    assert answer.others["battery_2_discharge"].tolist() == pytest.approx([0.0, 0.5])
    assert answer.others["battery_2_soc"].tolist() == pytest.approx([2.5, 2.0])
    assert answer.flows[:, CHARGE].tolist() == pytest.approx([1.0, 0.0])
    assert answer.objective == pytest.approx(1.5 * 1 + 0.5 * 3)


def test_second_battery_is_outside_the_inverter_when_the_first_fills_it() -> None:
    """An inverter of 0.5 kWh a slot: the first gives 0.5, the second 1."""
    site = with_second(LOSSLESS, replace(LOSSLESS, min_soc_kwh=1, max_soc_kwh=9), Limits(inverter_kw=2))
    program = HomeProgram(site, 1)
    program.set_prices(np.array([3.0]), np.zeros(1), 0.0)
    program.set_house(np.array([2.0]), np.zeros(1), np.zeros(1))
    program.start_at(0, 5.0)
    program.start_extra(2, 5.0, end_value=0.0)
    answer = program.solve()
    assert answer.flows[0, DISCHARGE] == pytest.approx(0.5)
    assert answer.others["battery_2_discharge"].tolist() == pytest.approx([1.0])


def test_second_battery_keeps_what_it_would_have_at_rest_when_its_end_has_no_value() -> None:
    site = with_second(NO_BATTERY, replace(LOSSLESS, retention_per_hour=0.9))
    answer = solved(site, price=[1.0, 3.0, 2.0], load=[1.0, 1.0, 1.0])
    assert answer.others["battery_2_soc"][-1] == pytest.approx(5.0 * 0.9**0.75)


def test_second_battery_stands_still_when_the_horizon_begins_later() -> None:
    site = with_second(LOSSLESS, LOSSLESS)
    program = HomeProgram(site, 3)
    program.set_prices(np.array([0.1, 1.0, 3.0]), np.zeros(3), 0.0)
    program.set_house(np.ones(3), np.zeros(3), np.zeros(3))
    program.start_at(1, 5.0)
    assert program.solve().others["battery_2_charge"][0] == pytest.approx(0.0)


def test_oracle_uses_one_battery_when_the_home_has_two() -> None:
    """Commands reach one only: a bound that used both would bound no policy that could be."""
    day = Horizon(np.array([0.0, 2.0]), np.zeros(2), np.array([1.0, 3.0]), np.zeros(2)).frame()
    one, two = home(LOSSLESS), with_second(LOSSLESS, LOSSLESS)
    costs = [solve_optimal_schedule(day, site, start_soc_kwh=1.0).cost for site in (one, two)]
    assert costs[0] == costs[1] == pytest.approx(1.0 + 3.0)


def test_end_is_valued_by_its_curve_when_there_is_one() -> None:
    """From a floor of 1: 2 kWh worth 2 each, the rest 0.5; bought at 1 up to 3 kWh stored and no further."""
    program = HomeProgram(home(LOSSLESS), 2, end_steps=2)
    program.set_prices(np.ones(2), np.zeros(2), 0.0)
    program.set_house(np.zeros(2), np.zeros(2), np.zeros(2))
    program.set_end_curve(1.0, np.array([2.0, 6.0]), np.array([2.0, 0.5]))
    program.start_at(0, 2.0)
    answer = program.solve()
    assert answer.flows[-1, SOC] == pytest.approx(3.0)
    assert answer.objective == pytest.approx(1.0 - 4.0)


def test_planned_loads_are_refused_when_the_horizon_begins_later() -> None:
    program = HomeProgram(home(), 4, loads=car(1.0, 4))
    with pytest.raises(PlannerError, match=r"\['ev'\] begin with the horizon"):
        program.start_at(1, 17.0)


def a_day_with_everything(seed: int, n_slots: int = 96) -> tuple[HomeProgram, list[Energy]]:
    rng = np.random.default_rng(seed)
    heater = flexible([6.0], [[1] * n_slots], most=0.75, spacing_slots=12).flexible
    runs = (FixedRun("appliance_washer", np.ones(n_slots) * (np.arange(n_slots) < 80), np.array([0.5, 0.5, 0.2])),)
    battery = replace(PAPER_BATTERY, charge_curve=((2, 0.95), (4, 0.9)))
    site = with_second(battery, PAPER_BATTERY, Limits(import_kw=20))
    day = [rng.uniform(1, 3, n_slots), rng.uniform(0, 1, n_slots), *rng.uniform(0, 0.6, (2, n_slots))]
    return HomeProgram(site, n_slots, loads=PlannedLoads((*heater, *car(10, n_slots).flexible), runs)), day


def answered(program: HomeProgram, day: list[Energy]) -> Solution:
    price, sell, load, pv = day
    program.clear_basis()
    program.set_prices(price, sell, 0.5)
    program.set_house(load, pv, sell)
    program.start_at(0, 5.0)
    return program.solve()


@pytest.mark.slow
def test_answer_is_the_same_to_the_byte_when_the_program_was_used_before() -> None:
    """One day, another, the first again, in one program and in fresh ones: devices, curve, two batteries and a fuse."""
    used, first = a_day_with_everything(1)
    other = a_day_with_everything(2)[1]
    size = used.solver.getNumCol(), used.solver.getNumRow()
    for day in (first, other, first):
        again, anew = answered(used, day), answered(a_day_with_everything(1)[0], day)
        assert (used.solver.getNumCol(), used.solver.getNumRow()) == size
        assert again.flows.tobytes() == anew.flows.tobytes()
        for name, values in anew.others.items():
            assert again.others[name].tobytes() == values.tobytes(), name
