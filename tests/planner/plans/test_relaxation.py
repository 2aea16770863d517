"""Infeasible tasks: the diagnosis names limits and slot, and the least relaxation is feasible."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from env.battery import Battery
from env.devices import Appliance, Devices, ElectricVehicle
from env.site import Limits, Site
from planner.errors import ContradictionError
from planner.optimizer.deferrable_loads import ApplianceRequest, LoadRequests, VehicleRequest
from planner.oracle import solve_optimal_schedule
from planner.plans.elastic_problem import least_raise
from planner.plans.make_plan import make_plan
from planner.plans.relaxation import contradiction, relaxed
from planner.plans.task import End, PlanTask
from planner.value.terminal_value import TerminalValue
from tests.builders.homes import PAPER_BATTERY, days_of_slots, home

LOSSLESS = replace(PAPER_BATTERY, charge_efficiency=1.0, discharge_efficiency=1.0, wear_cost=0.0)


def task(  # noqa: PLR0913 - one parameter for each cause of infeasibility
    *,
    n_slots: int = 4,
    load: float = 0.0,
    pv: float = 0.0,
    battery: Battery = LOSSLESS,
    limits: Limits | None = None,
    start: float = 1.0,
    end: End | None = None,
    devices: Devices | None = None,
    price: float = 1.0,
) -> PlanTask:
    """A task from 12:00 local time, the same in every slot."""
    first = datetime(2026, 1, 14, 11, tzinfo=UTC)
    starts = pl.datetime_range(first, interval="15m", end=first.replace(hour=23), eager=True)[:n_slots]
    slots = pl.DataFrame({"slot_start": starts.cast(pl.Datetime("us", "UTC"))}).with_columns(
        import_price=pl.lit(price), export_price=pl.lit(0.5 * price), load_kwh=pl.lit(load), pv_kwh=pl.lit(pv)
    )
    site = replace(home(battery, limits or Limits()), devices=devices or Devices())
    return PlanTask(slots=slots, site=site, start_soc_kwh=start, end=end or End())


def refused(plan_task: PlanTask) -> ContradictionError:
    with pytest.raises(ContradictionError) as caught:
        make_plan(plan_task)
    return caught.value


def stay(plan_task: PlanTask, energy: float) -> PlanTask:
    start = plan_task.slots["slot_start"]
    vehicle = VehicleRequest(arrives=start[0], departs=start[2], energy_kwh=energy)
    return replace(plan_task, requests=LoadRequests(vehicle=vehicle))


def run(plan_task: PlanTask) -> PlanTask:
    start = plan_task.slots["slot_start"]
    appliance = ApplianceRequest(name="sauna", earliest=start[0], latest=start[2])
    return replace(plan_task, requests=LoadRequests(appliances=(appliance,)))


CAR = Devices(vehicle=ElectricVehicle(power_kw=8.0))
SAUNA = Devices(appliances=(Appliance(name="sauna", power_kw=8.0, run_hours=0.5),))

# Four slots of 1 kWh each way; from 1 kWh at most 5.
CASES = {
    "too slow to charge": (
        task(end=End(return_soc_kwh=7.0)),
        "return to 7.0 kWh by 13:00 contradicts charge power of 4 kW: at most 5.0 kWh can be reached",
        "least relaxation: return to 5.0 kWh, or charge power of 6 kW",
        [("return_soc", 3, 2.0), ("charge_kw", None, 2.0)],
    ),
    "too slow to discharge": (
        task(start=8.0, end=End(return_soc_kwh=2.0)),
        "return to 2.0 kWh by 13:00 contradicts discharge power of 4 kW: at least 4.0 kWh can be reached",
        "least relaxation: return to 4.0 kWh, or discharge power of 6 kW",
        [("return_soc", 3, 2.0), ("discharge_kw", None, 2.0)],
    ),
    "fuse": (
        task(load=0.5, limits=Limits(import_kw=3.0), end=End(return_soc_kwh=4.0)),
        "return to 4.0 kWh by 13:00 contradicts fuse of 3 kW: at most 2.0 kWh can be reached",
        "least relaxation: return to 2.0 kWh, or fuse of 5 kW",
        [("return_soc", 3, 2.0), ("import_kw", None, 2.0)],
    ),
    "export ban": (
        task(start=4.0, load=0.1, limits=Limits(export_kw=0.0), end=End(return_soc_kwh=2.0)),
        "return to 2.0 kWh by 13:00 contradicts export limit of 0 kW: at least 3.6 kWh can be reached",
        "least relaxation: return to 3.6 kWh, or export limit of 1.6 kW",
        [("return_soc", 3, 1.6), ("export_kw", None, 1.6)],
    ),
    "inverter": (
        task(limits=Limits(inverter_kw=2.0), end=End(return_soc_kwh=4.0)),
        "return to 4.0 kWh by 13:00 contradicts inverter of 2 kW: at most 3.0 kWh can be reached",
        "least relaxation: return to 3.0 kWh, or inverter of 3 kW",
        [("return_soc", 3, 1.0), ("inverter_kw", None, 1.0)],
    ),
    "above the battery": (
        task(start=8.0, end=End(return_soc_kwh=12.0)),
        "return to 12.0 kWh by 13:00 contradicts the battery's range of 1.0 to 9.0 kWh: at most 9.0 kWh can be reached",
        "least relaxation: return to 9.0 kWh",
        [("return_soc", 3, 3.0), ("soc_range", None, 3.0)],
    ),
    "floor of the curve": (
        task(end=End(curve=TerminalValue(floor_kwh=6.0, widths_kwh=np.array([3.0]), slopes=np.array([1.0])))),
        "return to 6.0 kWh by 13:00 contradicts charge power of 4 kW: at most 5.0 kWh can be reached",
        "least relaxation: return to 5.0 kWh, or charge power of 5 kW",
        [("end_floor", 3, 1.0), ("charge_kw", None, 1.0)],
    ),
    "car under the fuse": (
        stay(task(load=0.5, limits=Limits(import_kw=6.0), devices=CAR), 3.0),
        "3.0 kWh for the car by 12:30 contradict fuse of 6 kW: at most 2.0 kWh can be had",
        "least relaxation: 2.0 kWh for the car, or fuse of 8 kW",
        [("ev", 1, 1.0), ("import_kw", None, 2.0)],
    ),
    "appliance under the fuse": (
        run(task(limits=Limits(import_kw=6.0), devices=SAUNA)),
        "a run of sauna by 12:30 contradicts fuse of 6 kW",
        "least relaxation: no run of sauna, or fuse of 8 kW",
        [("appliance_sauna", 0, 4.0), ("import_kw", None, 2.0)],
    ),
}


@pytest.mark.parametrize(("plan_task", "message", "remedy", "conflicts"), CASES.values(), ids=CASES)
def test_contradiction_names_limits_slot_and_remedy_when_worked_by_hand(
    plan_task: PlanTask, message: str, remedy: str, conflicts: list[tuple[str, int | None, float]]
) -> None:
    error = refused(plan_task)
    assert str(error) == message
    assert error.hint == remedy
    assert [(conflict.limit, conflict.slot) for conflict in error.conflicts] == [
        (limit, slot) for limit, slot, _ in conflicts
    ]
    assert [conflict.size for conflict in error.conflicts] == pytest.approx([size for *_, size in conflicts], abs=1e-3)
    slot = conflicts[0][1]
    assert slot is not None
    assert error.conflicts[0].slot_start == plan_task.slots["slot_start"][slot]


@pytest.mark.parametrize("plan_task", [case[0] for case in CASES.values()], ids=CASES)
def test_relaxed_task_has_a_verified_plan_when_it_had_none(plan_task: PlanTask) -> None:
    plan = make_plan(relaxed(plan_task, refused(plan_task).relaxation))
    assert plan.verification.valid


@pytest.mark.parametrize("limit", ["charge_kw", "import_kw"])
def test_raised_limit_is_enough_when_it_is_offered_instead(limit: str) -> None:
    plan_task = {"charge_kw": CASES["too slow to charge"][0], "import_kw": CASES["fuse"][0]}[limit]
    offered = re.findall(r"(?:charge power|fuse) of ([\d.]+) kW", refused(plan_task).hint)
    battery, limits = plan_task.site.battery, plan_task.site.limits
    raised = float(offered[-1])
    site = (
        replace(plan_task.site, battery=replace(battery, charge_kw=raised))
        if limit == "charge_kw"
        else replace(plan_task.site, limits=replace(limits, import_kw=raised))
    )
    assert make_plan(replace(plan_task, site=site)).verification.valid


def test_no_single_limit_is_named_when_two_block_together() -> None:
    # 5 kW into a battery behind an inverter of 4 kW that also charges at 4 kW at most: neither alone helps.
    both = task(limits=Limits(inverter_kw=4.0), end=End(return_soc_kwh=7.0))
    error = refused(both)
    assert str(error).startswith("return to 7.0 kWh by 13:00 contradicts what the home can do")
    assert error.hint == "least relaxation: return to 5.0 kWh"
    assert least_raise(both, "charge_kw") is None


def test_energy_is_not_burnt_when_the_battery_cannot_be_emptied() -> None:
    # Charging and discharging at once would lose the energy; no home does.
    leaky = replace(LOSSLESS, charge_efficiency=0.5, discharge_efficiency=0.5)
    plan_task = task(battery=leaky, start=6.0, limits=Limits(export_kw=0.0), end=End(return_soc_kwh=3.0))
    assert refused(plan_task).relaxation.return_soc_kwh == pytest.approx(6.0, abs=1e-3)


def test_no_contradiction_is_found_when_the_task_is_feasible() -> None:
    assert contradiction(task(end=End(return_soc_kwh=4.0))) is None


def test_oracle_names_the_contradiction_when_its_return_is_out_of_reach() -> None:
    plan_task = CASES["too slow to charge"][0]
    with pytest.raises(ContradictionError, match=r"at most 5\.0 kWh can be reached"):
        solve_optimal_schedule(plan_task.slots, plan_task.site, start_soc_kwh=1.0, return_soc_kwh=7.0)
    with pytest.raises(ContradictionError, match=r"by the end of slot 3 contradicts the battery's range"):
        solve_optimal_schedule(
            plan_task.slots.drop("slot_start"), plan_task.site, start_soc_kwh=1.0, return_soc_kwh=12.0
        )


def negative_site() -> Site:
    return home(replace(PAPER_BATTERY, charge_kw=0.5))


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2025, 10, 26)], ids=["92 slots", "100 slots"])
def test_contradiction_is_found_when_prices_are_negative_on_long_and_short_days(day: date) -> None:
    slots = days_of_slots(day, day, seed=1).with_columns(pl.col("import_price") - 3, pl.col("export_price") - 3)
    plan_task = PlanTask(slots=slots[:24], site=negative_site(), start_soc_kwh=2.0, end=End(return_soc_kwh=8.0))
    error = refused(plan_task)
    assert error.conflicts[0].slot == 23
    # 24 slots of 0.125 kWh at 90 %
    assert error.relaxation.return_soc_kwh == pytest.approx(2.0 + 24 * 0.125 * 0.9, abs=1e-3)


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    back_to=st.floats(-2.0, 14.0),
    start=st.floats(1.0, 9.0),
    fuse=st.sampled_from([None, 3.0, 6.0]),
    export=st.sampled_from([None, 0.0]),
)
def test_random_ends_are_planned_or_named_when_homes_are_random(
    seed: int, back_to: float, start: float, fuse: float | None, export: float | None
) -> None:
    rng = np.random.default_rng(seed)
    base = task(n_slots=6, limits=Limits(import_kw=fuse, export_kw=export), start=start)
    slots = base.slots.with_columns(
        load_kwh=pl.Series(rng.uniform(0, 1.5, 6)),
        pv_kwh=pl.Series(rng.uniform(0, 2, 6) * (rng.random(6) < 0.5)),
        import_price=pl.Series(rng.uniform(-1, 3, 6)),
        export_price=pl.Series(rng.uniform(-2, 2, 6)),
    )
    asked = replace(base, slots=slots, end=End(return_soc_kwh=back_to))
    error = contradiction(asked)
    if error is None:
        assert make_plan(asked).verification.valid
    else:
        assert str(refused(asked)) == str(error)
        assert make_plan(relaxed(asked, error.relaxation)).verification.valid
