import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from env.inverter import Command, Energy
from env.simulator import simulate
from env.site import Limits, Site
from planner.policies.forecast_correction import FADE
from planner.policies.mpc import Mpc, known_span
from planner.policies.write_budget import WriteBudget
from planner.value.protocol import WriteBudgetRules
from planner.value.value_function import soc_grid
from tests.builders.homes import PAPER_BATTERY, Horizon, home, horizons, sites, start_soc


def planner(site: Site, day: Horizon, value: float = 0.5) -> Mpc:
    """MPC that expects the day as it is."""
    span = known_span(
        site=site,
        prices=(day.import_price, day.export_price),
        forecasts=(day.load_kwh, day.pv_kwh),
        end_value=value * soc_grid(site.battery),
    )
    return Mpc(site, span, budget=WriteBudget(site, WriteBudgetRules()))


@given(site=sites(), day=horizons(), seed=st.integers(0, 999), share=st.floats(0, 1))
def test_commands_never_breach_or_break_off_when_forecasts_are_wrong(
    site: Site, day: Horizon, seed: int, share: float
) -> None:
    """With any forecast the flows stay inside the limits, but for loads that no battery could hold back."""
    rng = np.random.default_rng(seed)
    load, pv = rng.uniform(0, 4, (2, day.n_slots))
    expected = Horizon(load, pv, day.import_price, day.export_price)
    mpc = planner(site, expected)

    def decide(slot: int, soc_kwh: Energy) -> Command:
        last = (float(day.load_kwh[slot - 1]), float(day.pv_kwh[slot - 1])) if slot > 0 else (None, None)
        command = mpc.command(slot, float(soc_kwh[0]), *last)
        assert all(np.isfinite(power) and power >= 0 for power in command)
        return command

    replay = simulate(decide, day.world(), site, np.array([start_soc(site, share)]))
    fuse = np.inf if site.limits.import_kw is None else site.limits.import_kw / 4
    could_help = np.minimum(site.battery.discharge_kw / 4, replay.soc_kwh[:, :-1]) > 0
    avoidable = (replay.flows.breach_kwh > 1e-9) & (day.load_kwh <= fuse) & could_help
    lost_in_inverter = replay.flows.curtailed_kwh > 0
    assert not (avoidable & ~lost_in_inverter).any()


@given(site=sites(), day=horizons(most_slots=8), share=st.floats(0, 1), data=st.data())
def test_decision_is_the_same_when_later_readings_differ(
    site: Site, day: Horizon, share: float, data: st.DataObject
) -> None:
    """A slot's own load and PV, and all after them, do not reach its command: they are not even requested."""
    at = data.draw(st.integers(0, day.n_slots - 1))
    noise = np.random.default_rng(data.draw(st.integers(0, 999))).uniform(0, 3, (2, day.n_slots))
    load, pv = np.where(np.arange(day.n_slots) < at, [day.load_kwh, day.pv_kwh], noise)
    worlds = [day, Horizon(load, pv, day.import_price, day.export_price)]
    by_world = [commands(planner(site, day), world, site, start_soc(site, share)) for world in worlds]
    assert by_world[0][:, : at + 1].tobytes() == by_world[1][:, : at + 1].tobytes()


def commands(mpc: Mpc, world: Horizon, site: Site, start: float) -> Energy:
    """Return MPC's commands of a day that differs from its forecasts `(3, n_slots)` [kW]."""

    def decide(slot: int, soc_kwh: Energy) -> Command:
        last = (float(world.load_kwh[slot - 1]), float(world.pv_kwh[slot - 1])) if slot > 0 else (None, None)
        return mpc.command(slot, float(soc_kwh[0]), *last)

    return np.array(simulate(decide, world.world(), site, np.array([start])).commands)[:, 0]


def test_plan_looks_ahead_when_a_dear_slot_is_coming() -> None:
    """It charges from the grid at 0.1 for a load at 3 that it expects."""
    day = Horizon(np.array([0.0, 0.9]), np.zeros(2), np.array([0.1, 3.0]), np.zeros(2))
    assert planner(home(PAPER_BATTERY), day, value=0.0).command(0, 1.0, None, None).charge_kw == pytest.approx(4.0)


def test_plan_believes_the_last_reading_when_it_differs_from_the_forecast() -> None:
    """Nothing was expected, 0.8 kWh were read: 0.85 of it is expected next, and covering that pays."""
    day = Horizon(np.zeros(3), np.zeros(3), np.array([0.1, 0.1, 3.0]), np.zeros(3))
    mpc = planner(home(PAPER_BATTERY), day, value=0.0)
    assert mpc.command(0, 1.0, None, None).charge_kw == 0.0
    needed = 0.8 * FADE**2 / 0.8 / 0.9  # delivered, less what discharging and charging lose
    assert mpc.command(1, 1.0, 0.8, 0.0).charge_kw * 0.25 == pytest.approx(needed)


def test_reading_is_held_against_the_forecast_of_its_own_slot_when_it_comes() -> None:
    """0.8 were expected and read: nothing is to be corrected, although nothing was expected of the next slot."""
    day = Horizon(np.array([0.8, 0.0, 0.0]), np.zeros(3), np.array([0.1, 0.1, 3.0]), np.zeros(3))
    assert planner(home(PAPER_BATTERY), day, value=0.0).command(1, 1.0, 0.8, 0.0).charge_kw == 0.0


def test_sun_is_held_against_the_forecast_of_its_own_slot_when_it_comes() -> None:
    """A quarter of the sun expected was there, so the battery is filled from the grid for the dear slot."""
    load, pv = np.array([0.0, 0.0, 1.0, 1.0]), np.array([1.0, 1.0, 1.0, 0.9])
    mpc = planner(home(PAPER_BATTERY), Horizon(load, pv, np.array([0.1, 0.1, 3.0, 3.0]), np.zeros(4)), value=0.0)
    assert mpc.command(1, 1.0, 0.0, 1.0).charge_kw == 0.0
    assert mpc.command(1, 1.0, 0.0, 0.25).charge_kw > 0.0


def test_plan_keeps_room_below_the_fuse_when_it_charges() -> None:
    day = Horizon(np.array([0.4, 1.0]), np.zeros(2), np.array([0.1, 3.0]), np.zeros(2))
    mpc = planner(home(PAPER_BATTERY, Limits(import_kw=4)), day, value=0.0)
    assert mpc.command(0, 1.0, None, None).charge_kw * 0.25 == pytest.approx(0.6)
