"""The oracle's cost bounds the cost of everything the inverter can be commanded to do (DESIGN, trap 5).

The same world for both: same limits, start and end value. Where a house draws more than its fuse, the oracle breaks it
as little as can be; it bounds all that break it no more than that, and everything once a broken fuse has its price.
"""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from env.inverter import Command, Energy
from env.simulator import Replay, simulate
from env.site import Site
from planner.optimizer.home_program import OVER_FUSE
from planner.optimizer.plan_commands import exact_commands
from planner.oracle import OptimalSchedule, solve_optimal_schedule
from planner.replay.daily import REPLAYERS
from planner.replay.daily_episodes import DailyEpisodes, Expectations
from planner.value.protocol import Protocol
from planner.value.scenarios import Scenarios
from tests.builders.homes import PRICE_KINDS, Horizon, horizons, sites, start_soc

TOLERANCE = 1e-6
N_POLICIES = 40


def random_commands(rng: np.random.Generator, n_slots: int) -> Energy:
    """`(3, N_POLICIES, n_slots)` [kW]: careful and reckless, steady and changing from slot to slot."""
    powers = rng.choice([0.0, 0.0, 0.5, 2.0, 8.0, 99.0], (3, N_POLICIES, n_slots))
    steady = rng.random(N_POLICIES) < 0.2
    powers[:, steady] = powers[:, steady, :1]
    return powers * np.where(rng.random((3, N_POLICIES, 1)) < 0.5, 1.0, rng.random((3, N_POLICIES, n_slots)))


def ran(commands: Energy, day: Horizon, site: Site, start: float) -> Replay:
    n_policies = commands.shape[1]
    return simulate(
        lambda slot, _: Command(*commands[:, :, slot]), day.world(n_policies), site, np.full(n_policies, start)
    )


def settled(replay: Replay, value: float) -> Energy:
    """Cost of each run less the settlement of (end - start) stored energy."""
    return replay.cost.sum(axis=1) - value * (replay.soc_kwh[:, -1] - replay.soc_kwh[:, 0])


def breach(best: OptimalSchedule, site: Site) -> float:
    fuse = np.inf if site.limits.import_kw is None else site.limits.import_kw / 4
    return float(np.maximum(best.slots["import_kwh"].to_numpy() - fuse, 0).sum())


def assert_bounds(best: OptimalSchedule, costs: Energy, breaches: Energy, day: Horizon, site: Site) -> None:
    least = breach(best, site)
    assert (breaches >= least - TOLERANCE).all()
    assert (best.cost <= costs + TOLERANCE)[breaches <= least + 1e-9].all()
    dearest = max(1.0, site.battery.wear_cost, *np.abs(day.import_price), *np.abs(day.export_price))
    assert (best.cost + OVER_FUSE * dearest * least <= costs + OVER_FUSE * dearest * breaches + 1e-5).all()


@pytest.mark.parametrize("kind", PRICE_KINDS)
@given(data=st.data(), site=sites(), share=st.floats(0, 1), value=st.sampled_from([0.0, 0.6, 3.0]), seed=st.integers(0))
def test_oracle_costs_no_more_when_any_commands_are_run(
    kind: str, data: st.DataObject, site: Site, share: float, value: float, seed: int
) -> None:
    day = data.draw(horizons(kinds=(kind,), most_slots=8))
    start = start_soc(site, share)
    replay = ran(random_commands(np.random.default_rng(seed), day.n_slots), day, site, start)
    best = solve_optimal_schedule(day.frame(), site, start_soc_kwh=start, settlement_value=value)
    assert_bounds(best, settled(replay, value), replay.flows.breach_kwh.sum(axis=1), day, site)


MENU = np.array(
    [[0, 0, 0], [0, 0, 99], [0, 8, 0], [0, 8, 99], [0, 0, 1], [0, 2, 0], [0, 2, 1], [1, 0, 0], [3, 0, 1], [8, 0, 0]]
)


@given(site=sites(), day=horizons(most_slots=3), share=st.floats(0, 1), value=st.sampled_from([0.0, 0.6, 3.0]))
def test_oracle_costs_no_more_when_every_sequence_of_a_menu_is_run(
    site: Site, day: Horizon, share: float, value: float
) -> None:
    """Ten commands a slot, all 1 000 sequences: what a clever policy would find, too."""
    start = start_soc(site, share)
    sequences = np.array(list(itertools.product(range(len(MENU)), repeat=day.n_slots)))
    replay = ran(np.moveaxis(MENU[sequences].astype(float), -1, 0), day, site, start)
    best = solve_optimal_schedule(day.frame(), site, start_soc_kwh=start, settlement_value=value)
    assert_bounds(best, settled(replay, value), replay.flows.breach_kwh.sum(axis=1), day, site)


@given(site=sites(), day=horizons(), share=st.floats(0, 1), seed=st.integers(0))
def test_oracle_costs_no_more_when_its_own_commands_are_disturbed(
    site: Site, day: Horizon, share: float, seed: int
) -> None:
    """Near the optimum a bound that is a little off would show."""
    start, rng = start_soc(site, share), np.random.default_rng(seed)
    best = solve_optimal_schedule(day.frame(), site, start_soc_kwh=start, settlement_value=0.6)
    commands = exact_commands(
        charge_kwh=best.slots["charge_kwh"].to_numpy(),
        discharge_kwh=best.slots["discharge_kwh"].to_numpy(),
        load_kwh=day.load_kwh,
        pv_kwh=day.pv_kwh,
    )
    shape = (3, N_POLICIES, day.n_slots)
    disturbed = np.array(commands)[:, None] * np.where(rng.random(shape) < 0.8, 1.0, rng.uniform(0.9, 1.1, shape))
    replay = ran(disturbed, day, site, start)
    assert_bounds(best, settled(replay, 0.6), replay.flows.breach_kwh.sum(axis=1), day, site)


@given(site=sites(), day=horizons(), share=st.floats(0, 1), value=st.sampled_from([0.0, 0.6, 3.0]))
def test_oracle_costs_no_more_when_policies_without_forecasts_are_run(
    site: Site, day: Horizon, share: float, value: float
) -> None:
    """Idle too, which does not even help the fuse."""
    start = start_soc(site, share)
    best = solve_optimal_schedule(day.frame(), site, start_soc_kwh=start, settlement_value=value)
    for policy in ("idle", "self_consumption"):
        nothing = np.full((1, day.n_slots), np.nan)
        protocol = Protocol(start_soc_kwh=start, settlement_value=value)
        expected = Expectations(nothing, nothing, Scenarios(nothing[:, None], nothing[:, None]))
        replay = REPLAYERS[policy](DailyEpisodes(day.world(), expected, site, (protocol,)))
        assert_bounds(best, settled(replay, value), replay.flows.breach_kwh.sum(axis=1), day, site)


@given(site=sites(), day=horizons(), outside=st.sampled_from([-1.0, -0.2, 1.2, 2.0]), seed=st.integers(0))
def test_oracle_costs_no_more_when_the_battery_starts_outside_its_usable_range(
    site: Site, day: Horizon, outside: float, seed: int
) -> None:
    start = min(max(start_soc(site, outside), 0.0), site.battery.capacity_kwh)
    replay = ran(random_commands(np.random.default_rng(seed), day.n_slots), day, site, start)
    best = solve_optimal_schedule(day.frame(), site, start_soc_kwh=start, settlement_value=0.6)
    assert_bounds(best, settled(replay, 0.6), replay.flows.breach_kwh.sum(axis=1), day, site)


@pytest.mark.slow
@given(site=sites(), day=horizons(most_slots=48), share=st.floats(0, 1), seed=st.integers(0))
def test_oracle_costs_no_more_when_horizons_are_long(site: Site, day: Horizon, share: float, seed: int) -> None:
    start = start_soc(site, share)
    replay = ran(random_commands(np.random.default_rng(seed), day.n_slots), day, site, start)
    best = solve_optimal_schedule(day.frame(), site, start_soc_kwh=start, settlement_value=0.6)
    assert_bounds(best, settled(replay, 0.6), replay.flows.breach_kwh.sum(axis=1), day, site)
