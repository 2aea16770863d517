from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest

from env.battery import Battery
from env.inverter import Energy
from env.site import Limits, Site
from planner.optimizer.slot_arrays import needed_arrays
from planner.oracle import solve_optimal_schedule
from planner.value.scenarios import Scenarios
from planner.value.slot_prices import SlotPrices
from planner.value.value_function import ValueFunction, extended, in_order, interpolated, soc_grid, value_function
from tests.builders.homes import DEFAULT_BATTERY, PAPER_BATTERY, days_of_slots, home

SPRING, AUTUMN, SUMMER = date(2026, 3, 29), date(2026, 10, 25), date(2026, 6, 10)
TIGHT = Limits(import_kw=9, export_kw=4, inverter_kw=7, curtailable=True)
SETTLED = 0.8


def known(slots: pl.DataFrame, site: Site, n_soc: int = 61) -> ValueFunction:
    """The value function of one day that is known, settled at `SETTLED` per kWh."""
    import_price, export_price, load, pv = (values[None] for values in needed_arrays(slots))
    return value_function(
        Scenarios(load[:, None], pv[:, None]),
        import_price,
        export_price,
        site=site,
        end_value=SETTLED * soc_grid(site.battery, n_soc)[None],
    )


def random_homes(n_homes: int, n_scenarios: int, n_slots: int = 24, seed: int = 3) -> tuple[Scenarios, Energy, Energy]:
    rng = np.random.default_rng(seed)
    shape = (n_homes, n_scenarios, n_slots)
    price = rng.uniform(-0.3, 2.0, (n_homes, n_slots))
    return Scenarios(rng.uniform(0, 1.5, shape), rng.uniform(0, 2.0, shape)), 1.25 * price + 0.8, price


def test_value_is_as_on_paper_when_a_kwh_waits_for_a_dear_slot() -> None:
    """1 kWh is used in a slot at 3.00; a battery with 2 kWh above its minimum delivers it, 1.25 kWh of them.

    Nothing stored: 3.00 is paid. 1.25 kWh stored: only the wear, 0.10. Each stored kWh is worth 0.8 x (3.00 - 0.10).
    """
    one = np.array([[1.0]])
    grid = soc_grid(PAPER_BATTERY, 65)  # steps of 1/8 kWh
    values = value_function(
        Scenarios(one[:, None], 0 * one[:, None]),
        3.0 * one,
        0.0 * one,
        site=home(PAPER_BATTERY),
        end_value=np.zeros((1, 65)),
    )
    at = lambda soc: values.at(0, np.array([soc])).item()  # noqa: E731 - the paper's notation
    assert at(1.0) == pytest.approx(-3.0)
    assert at(2.25) == pytest.approx(-0.1)
    assert at(9.0) == pytest.approx(-0.1)
    assert at(1.5) == pytest.approx(-3.0 + 0.5 * 0.8 * 2.9)
    assert at(1.5 + 0.01) - at(1.5) == pytest.approx(0.01 * 0.8 * 2.9)
    assert at(5.0 + 0.01) - at(5.0) == pytest.approx(0.0, abs=1e-12)
    assert grid[1] - grid[0] == 0.125


def test_stored_energy_is_dear_when_it_keeps_a_fuse() -> None:
    """1.5 kWh are used behind a fuse of 1 kWh a slot: what is above it counts a thousand times the price."""
    used = np.array([[1.5]])
    values = value_function(
        Scenarios(used[:, None], 0 * used[:, None]),
        3.0 * used / used,
        0.0 * used,
        site=home(PAPER_BATTERY, Limits(import_kw=4)),
        end_value=np.zeros((1, 65)),
    )
    bare = values.at(0, np.array([1.0])).item()  # the wear of what was not delivered is counted too
    assert bare == pytest.approx(-1.5 * 3.0 - 0.5 * 3000 - 0.5 * 0.1)
    assert values.at(0, np.array([9.0])).item() == pytest.approx(-0.5 * 3.0 - 0.1)


def test_stored_energy_is_dear_when_it_keeps_a_peak_down() -> None:
    """1.5 kWh are used where 0.5 kWh are free of a demand charge of 20: an empty battery delivers none of them."""
    used = np.array([[1.5]])
    power = SlotPrices(free_kwh=np.array([[0.5]]), price=np.array([[20.0]]), period=np.zeros((1, 1), np.int64))
    values = value_function(
        Scenarios(used[:, None], 0 * used[:, None]),
        3.0 * used / used,
        0.0 * used,
        site=home(PAPER_BATTERY),
        end_value=np.zeros((1, 65)),
        power=power,
    )
    bare = values.at(0, np.array([1.0])).item()  # the wear of what was not delivered may be counted, too
    assert -1.5 * 3.0 - 1.0 * 20.0 - 1.0 * 0.1 <= bare <= -1.5 * 3.0 - 1.0 * 20.0
    assert values.at(0, np.array([2.25])).item() == pytest.approx(-0.5 * 3.0 - 0.1)


@pytest.mark.parametrize("day", [SPRING, SUMMER, AUTUMN], ids=["92 slots", "96 slots", "100 slots"])
@pytest.mark.parametrize(
    "site",
    [
        pytest.param(home(), id="default"),
        pytest.param(home(limits=TIGHT), id="fuse, export, inverter, curtailable"),
        pytest.param(home(limits=Limits(export_kw=0)), id="export ban"),
        pytest.param(home(PAPER_BATTERY), id="small battery"),
        pytest.param(home(replace(DEFAULT_BATTERY, cycle_cost=3.0)), id="cycle cost"),
        pytest.param(
            home(
                replace(
                    PAPER_BATTERY,
                    charge_taper=((60.0, 4.0), (80.0, 3.0), (100.0, 0.4)),
                    discharge_taper=((0.0, 0.5), (30.0, 4.0)),
                ),
                TIGHT,
            ),
            id="tapers",
        ),
    ],
)
@pytest.mark.parametrize("seed", [1, 2])
def test_cost_of_a_known_day_is_the_optimum_within_half_a_percent_of_the_saving(
    day: date, site: Site, seed: int
) -> None:
    """Never below the exact optimum, and above it by the grid's coarseness only: a fine grid comes nearer."""
    slots, battery = days_of_slots(day, day, seed=seed), site.battery
    start = battery.soc_kwh(50)
    idle = replace(battery, charge_kw=0.0, discharge_kw=0.0)
    exact, unused = (
        solve_optimal_schedule(slots, replace(site, battery=each), start_soc_kwh=start, settlement_value=SETTLED).cost
        for each in (battery, idle)
    )
    cost = [SETTLED * start - known(slots, site, n).at(0, np.array([start])).item() for n in (61, 241)]
    assert cost[0] >= cost[1] >= exact - 1e-6
    assert cost[0] - exact <= 0.02 * (unused - exact)  # single days; 0.42 % over the bench homes' days
    assert cost[1] - exact <= 0.005 * (unused - exact)


@pytest.mark.parametrize("n_scenarios", [1, 7, 12])
def test_values_are_the_same_bit_for_bit_when_homes_are_worked_on_alone(n_scenarios: int) -> None:
    scenarios, import_price, export_price = random_homes(37, n_scenarios)
    site = home(limits=TIGHT)
    end = np.random.default_rng(4).uniform(0, 9, (37, 61)).cumsum(axis=1)
    together = value_function(scenarios, import_price, export_price, site=site, end_value=end)
    for one in (0, 31, 32, 36):
        own = slice(one, one + 1)
        alone = value_function(
            Scenarios(scenarios.load_kwh[own], scenarios.pv_kwh[own]),
            import_price[own],
            export_price[own],
            site=site,
            end_value=end[own],
        )
        assert np.array_equal(alone.value[0], together.value[one])


def test_scenarios_are_worth_what_each_is_alone_when_they_last_for_ever() -> None:
    scenarios, import_price, export_price = random_homes(2, 3)
    site, end = home(), np.zeros((2, 61))
    lasting = value_function(scenarios, import_price, export_price, site=site, end_value=end, persistence=1.0)
    for s in range(3):
        one = Scenarios(scenarios.load_kwh[:, s : s + 1], scenarios.pv_kwh[:, s : s + 1])
        alone = value_function(one, import_price, export_price, site=site, end_value=end)
        assert lasting.value[:, s] == pytest.approx(alone.value[:, 0])
    mixed = value_function(scenarios, import_price, export_price, site=site, end_value=end)
    assert (mixed.expected(0) <= lasting.expected(0) + 1e-9).all(), "not knowing the day cannot be worth more"
    assert not np.allclose(mixed.expected(0), lasting.expected(0))


def test_weights_count_when_given() -> None:
    scenarios, import_price, export_price = random_homes(2, 3)
    values = value_function(scenarios, import_price, export_price, site=home(), end_value=np.zeros((2, 61)))
    sure = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    assert values.expected(5, sure)[0] == pytest.approx(values.value[0, 1, 5])
    assert values.expected(5, sure)[1] == pytest.approx(values.value[1, 2, 5])
    assert values.expected(5) == pytest.approx(values.value[:, :, 5].mean(axis=1))


@pytest.mark.parametrize(
    "battery",
    [
        pytest.param(replace(DEFAULT_BATTERY, min_soc_kwh=10.0, max_soc_kwh=10.0), id="no range"),
        pytest.param(replace(DEFAULT_BATTERY, charge_kw=0.0, discharge_kw=0.0), id="no power"),
        pytest.param(
            replace(DEFAULT_BATTERY, capacity_kwh=0.4, min_soc_kwh=0.0, max_soc_kwh=0.4), id="less than a slot"
        ),
        pytest.param(
            replace(PAPER_BATTERY, charge_curve=((1, 0.7), (4, 0.9)), discharge_curve=((4, 0.8),)), id="curves"
        ),
    ],
)
def test_value_is_finite_and_never_falls_with_more_stored_when_the_battery_is_odd(battery: Battery) -> None:
    """Prices above zero, so that more stored energy can do no harm."""
    scenarios, import_price, export_price = random_homes(3, 4)
    values = value_function(
        scenarios,
        np.abs(import_price),
        np.abs(export_price),
        site=home(battery, limits=TIGHT),
        end_value=np.zeros((3, 61)),
    )
    assert np.isfinite(values.value).all()
    assert (np.diff(values.value, axis=-1) >= -1e-9).all()


def test_tapers_that_bind_nothing_change_no_bit() -> None:
    scenarios, import_price, export_price = random_homes(2, 3)
    plain, tapered = (
        value_function(scenarios, import_price, export_price, site=home(battery, TIGHT), end_value=np.zeros((2, 61)))
        for battery in (PAPER_BATTERY, replace(PAPER_BATTERY, charge_taper=((80.0, 9.0), (100.0, 5.0))))
    )
    assert plain.value.tobytes() == tapered.value.tobytes()


def test_stored_energy_is_worth_less_when_it_leaks() -> None:
    slots = days_of_slots(SUMMER, SUMMER, seed=1)
    tight, leaky = (
        known(slots, home(replace(DEFAULT_BATTERY, retention_per_hour=kept))).at(0, np.array([30.0])).item()
        for kept in (1.0, 0.98)
    )
    assert leaky < tight - 0.1


@pytest.mark.parametrize(
    ("soc", "value"),
    [
        pytest.param(2.0, 10.0, id="below the grid"),
        pytest.param(4.0, 10.0, id="at the bottom"),
        pytest.param(5.5, 17.5, id="between"),
        pytest.param(6.0, 20.0, id="on a point"),
        pytest.param(8.0, 25.0, id="at the top"),
        pytest.param(9.0, 25.0, id="above the grid"),
    ],
)
def test_interpolated_is_linear_inside_and_level_outside(soc: float, value: float) -> None:
    grid, values = np.array([4.0, 6.0, 8.0]), np.array([[0.0, 0.0, 0.0], [10.0, 20.0, 25.0]])
    assert interpolated(grid, values, np.array([soc, soc])).tolist() == [0.0, pytest.approx(value)]


@pytest.mark.parametrize(("soc", "value"), [(2.0, 0.0), (4.0, 10.0), (5.5, 17.5), (8.0, 25.0), (9.0, 27.5)])
def test_extended_goes_on_with_the_outermost_slopes_outside(soc: float, value: float) -> None:
    grid, values = np.array([4.0, 6.0, 8.0]), np.array([[0.0, 0.0, 0.0], [10.0, 20.0, 25.0]])
    found = extended(grid, values, np.array([[[5.0], [soc]], [[5.0], [soc]]]))
    assert found[:, 1, 0].tolist() == [0.0, pytest.approx(value)]
    assert found[:, 0, 0].tolist() == [0.0, pytest.approx(15.0)]


@pytest.mark.parametrize("n_rest", [1, 2, 3, 8, 61])
@pytest.mark.parametrize("n_parts", [1, 7, 9, 23, 130])
@pytest.mark.parametrize("n_homes", [1, 2, 33])
def test_sum_is_the_same_to_the_bit_when_more_is_added_together(n_homes: int, n_parts: int, n_rest: int) -> None:
    parts = np.random.default_rng(5).normal(size=(n_homes, n_parts, n_rest)) * 10.0 ** np.arange(n_parts)[:, None]
    one_by_one = np.zeros((n_homes, n_rest))
    for part in range(n_parts):
        one_by_one += parts[:, part]
    assert np.array_equal(in_order(parts), one_by_one)
    assert np.array_equal(in_order(parts[:1]), one_by_one[:1])
