"""Joint dispatch: several batteries, unequal steps, soft demands; every answer checked by arithmetic or afresh."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from env.battery import Battery
from planner.errors import PlannerError
from planner.joint_dispatch.checks import faults
from planner.joint_dispatch.schedule import JointSchedule
from planner.joint_dispatch.statement import dispatch
from planner.joint_dispatch.task import JointBattery, JointTask


def battery(capacity: float = 10.0, *, charge: float = 4.0, discharge: float = 4.0, **named: Any) -> JointBattery:
    """Lossless, from empty."""
    stores = Battery(
        capacity_kwh=capacity,
        min_soc_kwh=named.pop("least", 0.0),
        max_soc_kwh=named.pop("most", capacity),
        charge_kw=charge,
        discharge_kw=discharge,
        charge_efficiency=named.pop("efficiency", 1.0),
        discharge_efficiency=1.0,
    )
    return JointBattery(**{"battery": stores, "start_kwh": 0.0} | named)


def task(*batteries: JointBattery, hours: tuple[float, ...] = (1.0, 1.0), **named: Any) -> JointTask:
    """Cheap at first, dear later, nothing used and nothing made."""
    n_steps = len(hours)
    series: dict[str, Any] = {
        "import_price": np.linspace(1.0, 3.0, n_steps),
        "export_price": np.linspace(0.5, 2.5, n_steps),
        "load_kwh": np.zeros(n_steps),
        "pv_kwh": np.zeros(n_steps),
    }
    series |= {name: np.array(value, dtype=float) if name in series else value for name, value in named.items()}
    return JointTask(hours=np.array(hours), batteries=batteries, **series)


def solved(task: JointTask) -> JointSchedule:
    schedule = dispatch(task)
    assert faults(schedule) == ()
    return schedule


def missed(schedule: JointSchedule) -> list[tuple[str, int, float]]:
    return [(miss.kind, miss.step, round(miss.size_kwh, 6)) for miss in schedule.misses]


def test_energy_of_a_step_follows_its_length_when_steps_are_unequal() -> None:
    found = solved(task(battery(), hours=(0.25, 1.0)))
    assert found.batteries[0].charge_kwh.tolist() == pytest.approx([1.0, 0.0])
    assert found.batteries[0].power_kw(found.task.hours).tolist() == pytest.approx([4.0, -1.0])
    assert found.cost == pytest.approx(1.0 - 2.5)


def test_one_battery_feeds_another_when_its_energy_is_worth_more_there() -> None:
    """A car that only takes gets 2 kWh of the house battery, of which 90 % arrive; from the grid they would cost 1."""
    house = battery(start_kwh=2.0, charge=0.0)
    car = battery(discharge=0.0, efficiency=0.9, end_value=0.99, from_grid=False)
    found = solved(task(house, car, export_price=[0.0, 0.0]))
    assert found.batteries[1].soc_kwh[-1] == pytest.approx(1.8)
    assert found.import_kwh.sum() == pytest.approx(0.0)


@pytest.mark.parametrize(("from_grid", "stored"), [(True, 4.0), (False, 0.0)])
def test_battery_is_charged_from_the_grid_only_when_it_may_be(*, from_grid: bool, stored: float) -> None:
    found = solved(task(battery(discharge=0.0, end_value=2.0, from_grid=from_grid)))
    assert found.batteries[0].soc_kwh[-1] == pytest.approx(stored)


def test_stored_energy_stays_at_home_when_it_may_not_be_sold() -> None:
    found = solved(task(battery(start_kwh=3.0, to_grid=False), load_kwh=[0.0, 1.0]))
    assert found.export_kwh.sum() == pytest.approx(0.0)
    assert found.batteries[0].discharge_kwh.tolist() == pytest.approx([0.0, 1.0])


def test_goal_is_missed_by_as_little_as_can_be_and_named() -> None:
    found = solved(task(battery(goal_kwh=np.array([0.0, 9.0]), discharge=0.0)))
    assert found.batteries[0].soc_kwh[-1] == pytest.approx(8.0)
    assert missed(found) == [("goal", 1, 1.0)]
    assert "battery 1 misses its goal by 1 kWh" in found.misses[0].sentence


def test_demand_ends_when_the_battery_is_full_and_its_last_rest_may_be_small() -> None:
    """3 kWh an hour are wanted with at least 3 kW; after two hours 0.5 kWh are left."""
    car = battery(6.5, discharge=0.0, least_charge_kw=3.0, demand_kwh=np.full(4, 3.0), end_value=-1.0)
    found = solved(task(car, hours=(1.0, 1.0, 1.0, 1.0)))
    assert found.batteries[0].charge_kwh.sum() == pytest.approx(6.5)
    assert found.misses == ()


def test_battery_charges_with_its_least_power_or_not_at_all() -> None:
    """1 kW of sun is too little for 2 kW, and buying the rest does not pay."""
    slow = battery(discharge=0.0, least_charge_kw=2.0, end_value=1.2)
    alone = task(slow, pv_kwh=[1.0, 1.0], import_price=[3.0, 3.0], export_price=[0.5, 0.5])
    assert solved(alone).batteries[0].charge_kwh.sum() == pytest.approx(0.0)
    eager = replace(alone, batteries=(replace(slow, end_value=2.0),))
    assert solved(eager).batteries[0].charge_kwh.max() == pytest.approx(2.0)


def test_import_limit_is_broken_by_no_more_than_the_house_forces_and_named() -> None:
    found = solved(task(battery(charge=1.0, start_kwh=1.0, end_value=9.0), load_kwh=[5.0, 5.0], import_kw=3.0))
    assert {kind for kind, _, _ in missed(found)} == {"import_limit"}
    assert sum(size for _, _, size in missed(found)) == pytest.approx(2.0 + 2.0 - 1.0)


def test_highest_power_is_paid_once_when_it_has_a_price() -> None:
    found = solved(task(battery(charge=0.0), load_kwh=[5.0, 4.0], import_kw=3.0, excess_price=10.0))
    assert found.cost == pytest.approx(5.0 * 1 + 4.0 * 3 + 10.0 * 2)
    assert found.misses == ()


def test_only_what_a_full_connection_cannot_take_is_curtailed() -> None:
    found = solved(task(battery(charge=1.0, start_kwh=9.0), pv_kwh=[0.0, 6.0], export_kw=2.0))
    assert missed(found) == [("export_limit", 1, 3.0)]
    assert found.export_kwh[1] == pytest.approx(2.0)


def test_battery_outside_its_range_comes_back_as_fast_as_it_can() -> None:
    found = solved(task(battery(least=6.0, start_kwh=1.0), hours=(1.0, 1.0, 1.0), export_price=np.zeros(3)))
    assert found.batteries[0].soc_kwh.tolist()[:2] == pytest.approx([5.0, 6.0])
    assert missed(found) == [("soc_range", 0, 1.0)]


def test_changed_flow_is_found_when_a_schedule_is_checked_afresh() -> None:
    found = solved(task(battery(from_grid=False, to_grid=False, least_charge_kw=1.0), pv_kwh=[2.0, 0.0]))
    flows = found.batteries[0]
    wrong = [
        replace(found, import_kwh=found.import_kwh + 1),
        replace(found, curtailed_kwh=found.curtailed_kwh + 1),
        replace(found, batteries=(replace(flows, soc_kwh=flows.soc_kwh + 1),)),
        replace(found, batteries=(replace(flows, charge_kwh=np.array([0.5, 0.0])),)),
        replace(found, batteries=(replace(flows, discharge_kwh=np.array([9.0, np.nan])),)),
    ]
    assert all(faults(each) for each in wrong)


@pytest.mark.parametrize(
    ("batteries", "changes"),
    [
        ([], {}),
        ([{}], {"load_kwh": [1.0]}),
        ([{"goal_kwh": np.zeros(3)}], {}),
        ([{"start_kwh": 11.0}], {}),
        ([{"least_charge_kw": 5.0}], {}),
    ],
    ids=["no battery", "short series", "long goal", "start above capacity", "least above most"],
)
def test_what_does_not_fit_together_is_refused(batteries: list[dict[str, Any]], changes: dict[str, Any]) -> None:
    with pytest.raises(PlannerError):
        task(*(battery(**each) for each in batteries), **changes)
