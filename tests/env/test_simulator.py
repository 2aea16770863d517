from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from env.errors import ShapeError
from env.inverter import Command, Energy, Flows
from env.simulator import World, simulate, slot_cost
from env.site import Site
from tests.builders.bills import BILLS, STOCKHOLM, Bill
from tests.builders.homes import PAPER_BATTERY, Horizon, home, horizons, sites, start_soc


def at(commands: Energy):
    """A policy that reads its commands `(3, n_homes, n_slots)` from a table."""
    return lambda slot, _: Command(*commands[:, :, slot])


@pytest.mark.parametrize("bill", BILLS.values(), ids=BILLS.keys())
def test_cost_equals_the_bill_when_it_is_worked_on_paper(bill: Bill) -> None:
    site = replace(home(PAPER_BATTERY, bill.limits), tariff=bill.tariff)
    slots = site.tariff.with_prices(bill.frame(), STOCKHOLM)
    columns = (slots[name].to_numpy()[None] for name in ("load_kwh", "pv_kwh", "import_price", "export_price"))
    commands_kw = slots.select("charge", "discharge", "export").to_numpy().T[:, None, :]

    replay = simulate(at(commands_kw), World(*columns), site, np.array([5.0]))

    assert replay.cost.sum() == pytest.approx(bill.cost, abs=1e-9)
    assert replay.soc_kwh[0, -1] == pytest.approx(bill.soc_end, abs=1e-9)


@st.composite
def runs(draw: st.DrawFn) -> tuple[Site, Horizon, Energy, Energy]:
    """A site, its slots, the stored energy at the start of five homes, and their commands."""
    site, horizon = draw(sites()), draw(horizons())
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    commands = rng.choice([0.0, 0.0, 0.7, 3.0, 9.0, 99.0], (3, 5, horizon.n_slots))
    return site, horizon, np.array([start_soc(site, share) for share in rng.random(5)]), commands


@given(runs())
def test_homes_run_alike_bit_for_bit_when_run_together_or_one_by_one(
    run: tuple[Site, Horizon, Energy, Energy],
) -> None:
    site, horizon, start, commands = run
    together = simulate(at(commands), horizon.world(5), site, start)
    for each in range(5):
        alone = simulate(at(commands[:, each : each + 1]), horizon.world(), site, start[each : each + 1])
        assert together.cost[each].tobytes() == alone.cost[0].tobytes()
        assert together.soc_kwh[each].tobytes() == alone.soc_kwh[0].tobytes()
        for field in fields(Flows):
            assert getattr(together.flows, field.name)[each].tobytes() == getattr(alone.flows, field.name)[0].tobytes()


@given(runs())
def test_stored_energy_stands_at_the_fence_posts_when_slots_follow_each_other(
    run: tuple[Site, Horizon, Energy, Energy],
) -> None:
    site, horizon, start, commands = run
    replay, n_slots = simulate(at(commands), horizon.world(5), site, start), horizon.n_slots

    assert replay.soc_kwh.shape == (5, n_slots + 1)
    assert replay.cost.shape == (5, n_slots)
    assert all(np.shape(power) == (5, n_slots) for power in replay.commands)
    assert all(getattr(replay.flows, field.name).shape == (5, n_slots) for field in fields(Flows))
    np.testing.assert_array_equal(replay.soc_kwh[:, 0], start)
    np.testing.assert_array_equal(replay.soc_kwh[:, 1:], replay.flows.soc_end_kwh)
    np.testing.assert_array_equal(np.array(replay.commands), commands)


@given(runs())
def test_cost_counts_import_export_and_wear_when_anything_happens(run: tuple[Site, Horizon, Energy, Energy]) -> None:
    site, horizon, start, commands = run
    world = horizon.world(5)
    replay = simulate(at(commands), world, site, start)
    flows = replay.flows
    for each in range(5):
        expected = sum(
            flows.import_kwh[each, t] * horizon.import_price[t]
            - flows.export_kwh[each, t] * horizon.export_price[t]
            + site.battery.wear_cost * (flows.charge_kwh[each, t] + flows.discharge_kwh[each, t])
            for t in range(horizon.n_slots)
        )
        assert replay.cost[each].sum() == pytest.approx(expected, abs=1e-9)
    np.testing.assert_array_equal(slot_cost(flows, world, site.battery), replay.cost)


def test_policy_is_asked_in_order_with_the_stored_energy_of_the_moment() -> None:
    horizon = Horizon(*np.zeros((4, 3)))
    decisions: list[tuple[int, list[float]]] = []

    def decide(slot: int, soc_kwh: Energy) -> Command:
        decisions.append((slot, soc_kwh.tolist()))
        return Command(np.array(4.0), np.array(0.0), np.array(0.0))

    replay = simulate(decide, horizon.world(2), home(PAPER_BATTERY), np.array([1.0, 8.1]))
    assert [slot for slot, _ in decisions] == [0, 1, 2]
    assert [soc for _, soc in decisions] == [pytest.approx(each) for each in ([1.0, 8.1], [1.9, 9.0], [2.8, 9.0])]
    assert replay.commands.charge_kw.tolist() == [[4.0] * 3] * 2  # one number stands for every home


def zeros(*shape: int) -> Energy:
    return np.zeros(shape)


@pytest.mark.parametrize(
    "shapes",
    [
        pytest.param([(2, 3), (2, 3), (2, 3), (2, 4)], id="prices of another day"),
        pytest.param([(2, 3), (3, 2), (2, 3), (2, 3)], id="turned round"),
        pytest.param([(3,), (3,), (3,), (3,)], id="one home without its dimension"),
        pytest.param([(), (), (), ()], id="numbers"),
        pytest.param([(2, 0), (2, 0), (2, 0), (2, 0)], id="no slots"),
    ],
)
def test_world_is_refused_when_its_arrays_do_not_fit(shapes: list[tuple[int, ...]]) -> None:
    with pytest.raises(ShapeError, match=r"one shape \(n_homes, n_slots\) with at least a slot, got"):
        World(*(zeros(*shape) for shape in shapes))


@pytest.mark.parametrize("start", [zeros(3), zeros(1), zeros(2, 1), zeros()], ids=["3", "1", "2x1", "0-d"])
def test_simulation_is_refused_when_the_start_is_not_one_per_home(start: Energy) -> None:
    world = Horizon(*np.zeros((4, 3))).world(2)
    with pytest.raises(ShapeError, match=r"start_soc_kwh must be \(2,\), got"):
        simulate(at(np.zeros((3, 2, 3))), world, home(PAPER_BATTERY), start)
