from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from env.battery import Battery
from env.inverter import slot_limit
from env.site import Limits, Site
from planner.errors import IncompleteDayError, NoFeasibleScheduleError
from planner.oracle import OptimalSchedule, solve_optimal_schedule
from tests.builders.homes import (
    DEFAULT_BATTERY,
    PAPER_BATTERY,
    Horizon,
    home,
    horizons,
    sites,
    start_soc,
)
from tests.builders.independent_oracle import independent_cost

CLARABEL, SCS, HIGHS = "CLARABEL", "SCS", "HIGHS"
# The spot market's prices, where the import price is above the export price and a linear program is enough.
SPOT_KINDS = ("ordinary", "flat", "spiky")
SIMPLE = Battery(
    capacity_kwh=10, min_soc_kwh=0, max_soc_kwh=10, charge_kw=4, discharge_kw=4, charge_efficiency=0.8,
    discharge_efficiency=1.0, wear_cost=0.25,
)  # fmt: skip


def horizon(load: list[float], pv: list[float], import_price: list[float], export_price: list[float]) -> Horizon:
    return Horizon(*(np.array(values, dtype=float) for values in (load, pv, import_price, export_price)))


def solved(day: Horizon, site: Site, start: float, value: float = 0.0, back_to: float | None = None) -> OptimalSchedule:
    return solve_optimal_schedule(
        day.frame(), site, start_soc_kwh=start, settlement_value=value, return_soc_kwh=back_to
    )


def test_two_slots_are_solved_as_on_paper_when_the_battery_moves_energy() -> None:
    """Buy at 1, deliver at 3: 1 kWh in costs 1 + 0.25 and leaves 0.8, which delivered costs 0.2 wear and saves 2.4.

    Slot 1: 1 kWh (the power limit) for 1.25. Slot 2: 0.8 kWh from the battery, 0.2 x 3 bought, 0.8 x 0.25 wear: 0.8.
    A kWh more in the store would save 3 - 0.25, in slot 1 as in slot 2, where 0.2 are still bought.
    """
    best = solved(horizon([0, 1], [0, 0], [1, 3], [0.5, 0.5]), home(SIMPLE), 0.0)
    slots = best.slots
    assert best.cost == pytest.approx(2.05)
    assert slots["cost"].to_list() == pytest.approx([1.25, 0.8])
    assert slots["charge_kwh"].to_list() == pytest.approx([1.0, 0.0])
    assert slots["discharge_kwh"].to_list() == pytest.approx([0.0, 0.8])
    assert slots["import_kwh"].to_list() == pytest.approx([1.0, 0.2])
    assert slots["soc_start_kwh"].to_list() == pytest.approx([0.0, 0.8])
    assert slots["soc_end_kwh"].to_list() == pytest.approx([0.8, 0.0])
    assert slots["stored_value"].to_list() == pytest.approx([2.75, 2.75])


@pytest.mark.parametrize(
    ("value", "back_to", "cost", "end"),
    [
        # A stored kWh settles at 2: charging in both slots costs 2 x (1 + 0.25) and 1 x 3, and leaves 1.6 x 2... only
        # slot 1 pays (1.25 < 1.6): 1.25 + 3 - 0.8 x 2; delivering earns 2.75 > 2, so the 0.8 are delivered: 2.05.
        pytest.param(2.0, None, 2.05, 0.0, id="settled below what delivering saves"),
        # at 2.8 it is kept: 1.25 + 3 - 0.8 x 2.8
        pytest.param(2.8, None, 2.01, 0.8, id="settled above it"),
        # at 5 slot 2 charges too: 1.25 + (1 + 1) x 3 + 0.25 - 1.6 x 5
        pytest.param(5.0, None, -0.5, 1.6, id="settled so high that dear energy is stored"),
        # 0.4 have to stay: 1.25 + 0.6 x 3 + 0.4 x 0.25
        pytest.param(0.0, 0.4, 3.15, 0.4, id="return to 0.4 kWh"),
    ],
)
def test_two_slots_end_as_on_paper_when_the_end_is_settled_or_returned(
    value: float, back_to: float | None, cost: float, end: float
) -> None:
    best = solved(horizon([0, 1], [0, 0], [1, 3], [0.5, 0.5]), home(SIMPLE), 0.0, value, back_to)
    assert best.cost == pytest.approx(cost)
    assert best.slots["soc_end_kwh"][-1] == pytest.approx(end)


def test_surplus_is_stored_for_a_dear_slot_when_exporting_earns_less() -> None:
    """1 kWh over at 0.5: stored (0.25 wear) it leaves 0.8, worth 2.75 each. Slot 2 buys 0.2 x 3 and wears 0.2."""
    best = solved(horizon([0, 1], [1, 0], [1, 3], [0.5, 0.5]), home(SIMPLE), 0.0)
    assert best.cost == pytest.approx(0.25 + 0.6 + 0.2)


def test_surplus_is_spilled_when_exporting_costs_and_panels_are_curtailable() -> None:
    day = horizon([0.2], [1.2], [1], [-0.5])
    spilling = solved(day, home(replace(SIMPLE, charge_kw=0), Limits(curtailable=True)), 0.0)
    assert (spilling.cost, spilling.slots["curtailed_kwh"][0]) == pytest.approx((0.0, 1.0))
    assert solved(day, home(replace(SIMPLE, charge_kw=0)), 0.0).cost == pytest.approx(0.5)


@pytest.mark.parametrize("solver", [CLARABEL, HIGHS])
@given(site=sites(), day=horizons(kinds=SPOT_KINDS), share=st.floats(0.05, 1), value=st.sampled_from([0.0, 0.5, 2.0]))
def test_cost_equals_the_independent_statement_when_prices_are_ordinary(
    solver: str, site: Site, day: Horizon, share: float, value: float
) -> None:
    if solver == CLARABEL and site.limits.import_kw is not None:  # the price of a broken fuse costs it its precision
        site = replace(site, limits=replace(site.limits, import_kw=16.0))
    start = start_soc(site, share)
    expected = independent_cost(
        day, site, start_soc_kwh=start, settlement_value=value, solver=solver, binaries=solver == HIGHS
    )
    assert solved(day, site, start, value).cost == pytest.approx(expected, rel=1e-6, abs=1e-6)


@settings(max_examples=5)
@given(site=sites(), day=horizons(kinds=SPOT_KINDS, most_slots=6), share=st.floats(0, 1))
def test_cost_equals_the_independent_statement_when_a_third_solver_answers(
    site: Site, day: Horizon, share: float
) -> None:
    start = start_soc(site, share)
    expected = independent_cost(day, site, start_soc_kwh=start, solver=SCS)
    assert solved(day, site, start).cost == pytest.approx(expected, rel=1e-5, abs=1e-5)


@given(site=sites(), day=horizons(most_slots=8), share=st.floats(0, 1), value=st.sampled_from([0.0, 2.0]))
def test_cost_equals_the_independent_integer_program_when_prices_are_odd(
    site: Site, day: Horizon, share: float, value: float
) -> None:
    start = start_soc(site, share)
    expected = independent_cost(day, site, start_soc_kwh=start, settlement_value=value, solver=HIGHS, binaries=True)
    assert solved(day, site, start, value).cost == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("limits", [Limits(), Limits(import_kw=16, export_kw=3, inverter_kw=6, curtailable=True)])
@pytest.mark.parametrize("n_slots", [92, 96, 100])
def test_cost_equals_the_independent_statement_when_days_are_whole(limits: Limits, n_slots: int) -> None:
    rng = np.random.default_rng(n_slots)
    for _ in range(3):
        load, pv = rng.uniform(0, 1.2, (2, n_slots))
        day = Horizon(load, pv, *spot_prices(rng, n_slots))
        site = home(DEFAULT_BATTERY, limits)
        expected = independent_cost(day, site, start_soc_kwh=17.1, settlement_value=0.7)
        assert solved(day, site, 17.1, 0.7).cost == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("above", [1.5e-8, 9e-8, 1e-7, 2e-7])
def test_schedule_balances_when_the_battery_starts_a_hair_above_its_minimum(above: float) -> None:
    """The solver's own tolerance, 1e-7, would make up energy of that size."""
    slots = solved(horizon([0.3], [0.1], [2.9], [1.6]), home(replace(SIMPLE, charge_kw=0)), above).slots
    row = slots.row(0, named=True)
    assert row["soc_end_kwh"] - above + row["discharge_kwh"] - 0.8 * row["charge_kwh"] == pytest.approx(0, abs=1e-9)
    assert 0.3 + row["charge_kwh"] - 0.1 - row["discharge_kwh"] - row["import_kwh"] == pytest.approx(0, abs=1e-9)
    assert min(row[name] for name in ("charge_kwh", "discharge_kwh", "import_kwh", "export_kwh")) >= 0


def spot_prices(rng: np.random.Generator, n_slots: int) -> tuple[np.ndarray, np.ndarray]:
    spot = 0.5 + 0.6 * np.sin(np.linspace(0, 4 * np.pi, n_slots)) + rng.normal(0, 0.2, n_slots)
    return (spot + 0.6846) * 1.25, spot


@given(site=sites(), day=horizons(), share=st.floats(0, 1))
def test_schedule_keeps_every_limit_and_balances_when_days_are_odd(site: Site, day: Horizon, share: float) -> None:
    start = start_soc(site, share)
    slots = solved(day, site, start).slots
    flow = {name: slots[name].to_numpy() for name in slots.columns}
    battery, limits = site.battery, site.limits
    into = flow["pv_kwh"] + flow["discharge_kwh"] + flow["import_kwh"]
    out = flow["load_kwh"] + flow["charge_kwh"] + flow["export_kwh"] + flow["curtailed_kwh"]
    stored = battery.charge_efficiency * flow["charge_kwh"] - flow["discharge_kwh"] / battery.discharge_efficiency
    through = flow["pv_kwh"] - flow["curtailed_kwh"] + flow["discharge_kwh"] - flow["charge_kwh"]

    np.testing.assert_allclose(out, into, atol=1e-9)
    np.testing.assert_allclose(flow["soc_end_kwh"], flow["soc_start_kwh"] + stored, atol=1e-9)
    assert flow["soc_start_kwh"][0] == start
    np.testing.assert_array_equal(flow["soc_start_kwh"][1:], flow["soc_end_kwh"][:-1])
    assert (flow["soc_end_kwh"] >= battery.min_soc_kwh - 1e-9).all()
    assert (flow["soc_end_kwh"] <= battery.max_soc_kwh + 1e-9).all()
    for name, most in {
        "charge_kwh": slot_limit(battery.charge_kw),
        "discharge_kwh": slot_limit(battery.discharge_kw),
        "export_kwh": slot_limit(limits.export_kw),
        "curtailed_kwh": day.pv_kwh,
    }.items():
        assert (flow[name] >= 0).all(), name
        assert (flow[name] <= most + 1e-9).all(), name
    assert (np.abs(through) <= slot_limit(limits.inverter_kw) + 1e-9).all()
    assert (np.minimum(flow["charge_kwh"], flow["discharge_kwh"]) <= 1e-7).all()
    assert (np.minimum(flow["import_kwh"], flow["export_kwh"]) <= 1e-7).all()


def test_fuse_is_exceeded_only_when_nothing_could_prevent_it() -> None:
    """Fuse 1 kWh a slot. A load of 3 in slot 2: 1 from the grid, 1 from the battery (its power), 1 above the fuse.

    The battery is filled for it although that costs more than it saves: wear of 5 a kWh.
    """
    site = home(replace(SIMPLE, wear_cost=5.0), Limits(import_kw=4))
    best = solved(horizon([0, 0, 3], [0, 0, 0], [1, 1, 1], [0, 0, 0]), site, 0.0)
    assert best.slots["import_kwh"].to_list() == pytest.approx([0.25, 1.0, 2.0]) or best.slots[
        "import_kwh"
    ].to_list() == pytest.approx([1.0, 0.25, 2.0])
    assert best.slots["discharge_kwh"][2] == pytest.approx(1.0)
    assert best.cost == pytest.approx(1.25 + 1.25 * 5 + 2.0 + 5.0)


@pytest.mark.parametrize("scale", [1.0, 400.0, 1e4], ids=["SEK", "HUF", "IDR"])
def test_fuse_holds_when_a_currency_counts_in_thousands(scale: float) -> None:
    """Breaking the fuse must not be the cheap way out where a kWh costs thousands."""
    day = horizon([0, 0, 1.5], [0, 0, 0], [9 * scale, 9 * scale, 4 * scale], [0, 0, 0])
    best = solved(day, home(replace(SIMPLE, wear_cost=0.25 * scale), Limits(import_kw=4)), 0.0)
    assert best.slots["import_kwh"].to_numpy().max() <= 1 + 1e-9
    assert best.cost == pytest.approx((0.625 * 9.25 + 1.0 * 4 + 0.5 * 0.25) * scale)


@given(site=sites(), day=horizons(most_slots=6), share=st.floats(0, 1))
def test_cost_with_breaches_equals_the_independent_one_when_loads_exceed_the_fuse(
    site: Site, day: Horizon, share: float
) -> None:
    """Many kWh above a small fuse: the least breach first, then the least cost."""
    tight = replace(site, limits=replace(site.limits, import_kw=1.0))
    start = start_soc(tight, share)
    best = solved(day, tight, start)
    expected = independent_cost(day, tight, start_soc_kwh=start, solver=HIGHS, binaries=True)
    assert best.cost == pytest.approx(expected, rel=1e-6, abs=1e-5)


@pytest.mark.parametrize(
    ("start", "back_to"),
    [
        pytest.param(5.0, 9.0, id="too far to charge"),
        pytest.param(5.0, 1.0, id="too far to discharge"),
        pytest.param(5.0, 11.0, id="more than it holds"),
        pytest.param(5.0, 0.5, id="less than it keeps"),
    ],
)
def test_schedule_is_refused_when_the_end_cannot_be_reached(start: float, back_to: float) -> None:
    day = horizon([0.5, 0.5], [0, 0], [1, 1], [0, 0])
    with pytest.raises(NoFeasibleScheduleError, match="contradicts"):
        solved(day, home(PAPER_BATTERY), start, back_to=back_to)


@pytest.mark.parametrize(
    ("start", "end", "imported"),
    [
        pytest.param(0.2, 0.2, 0.6, id="far below the minimum: it stays, and the house is fed by the grid"),
        pytest.param(9.9, 9.9 - 0.6 / 0.8, 0.0, id="far above the maximum: it covers the load"),
    ],
)
def test_schedule_exists_when_the_battery_starts_outside_its_usable_range(
    start: float, end: float, imported: float
) -> None:
    """A battery may be found there; the inverter only lets it come nearer, so this is no contradiction."""
    best = solved(horizon([0.2, 0.2, 0.2], [0, 0, 0], [1, 1, 1], [0, 0, 0]), home(PAPER_BATTERY), start)
    assert best.slots["soc_end_kwh"][-1] == pytest.approx(end)
    assert best.slots["import_kwh"].sum() == pytest.approx(imported)


@pytest.mark.parametrize("name", ["import_price", "export_price", "load_kwh", "pv_kwh"])
@pytest.mark.parametrize("value", [None, np.nan, np.inf, -np.inf])
def test_schedule_is_refused_when_a_number_is_missing(name: str, value: float | None) -> None:
    slots = horizon([1, 1], [0, 0], [1, 1], [0, 0]).frame()
    broken = slots.with_columns(pl.Series(name, [1.0, value], dtype=pl.Float64))
    with pytest.raises(IncompleteDayError, match=f"{name}: 1 of 2 slots have no finite value"):
        solve_optimal_schedule(broken, home(), start_soc_kwh=17.0)


def test_schedule_is_refused_when_there_are_no_slots() -> None:
    with pytest.raises(IncompleteDayError, match="0 of 0 slots"):
        solve_optimal_schedule(horizon([], [], [], []).frame(), home(), start_soc_kwh=17.0)


def test_schedule_keeps_the_columns_that_it_was_given() -> None:
    slots = horizon([1, 1], [0, 0], [1, 1], [0, 0]).frame().with_columns(pl.Series("slot", [7, 8]))
    best = solve_optimal_schedule(slots.cast({"load_kwh": pl.Int64}), home(), start_soc_kwh=17.0)
    assert best.slots["slot"].to_list() == [7, 8]
    assert best.slots.null_count().sum_horizontal().item() == 0
