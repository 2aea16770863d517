"""Export scenarios: what is sold follows the target as far as the battery goes, and never pays at one's own prices."""

import time
from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from env.battery import Battery
from env.site import Limits, Site
from env.tariff import Tariff, TariffVersion
from env.time_grid import grid
from planner.plans.task import End, PlanTask
from planner.whatif import exports
from planner.whatif.exports import dearest_slots, export_scenarios, growing_targets

BATTERY = Battery(
    capacity_kwh=10,
    min_soc_kwh=1,
    max_soc_kwh=10,
    charge_kw=5,
    discharge_kw=5,
    charge_efficiency=0.96,
    discharge_efficiency=0.96,
    wear_cost=0.1,
)


def task_of(day: date = date(2026, 1, 15), *, limits: Limits | None = None, seed: int = 1) -> PlanTask:
    """A day of dear evenings and a negative night."""
    slots = grid(day, day, "Europe/Stockholm").select("slot_start")
    rng, hour = np.random.default_rng(seed), np.arange(slots.height) / 4
    spot = 0.8 + 0.6 * np.sin((hour - 11) / 24 * 2 * np.pi) ** 2 + 0.1 * rng.random(slots.height)
    spot[8:12] = -0.1
    return PlanTask(
        slots=slots.with_columns(
            import_price=pl.Series(1.25 * (spot + 0.5)),
            export_price=pl.Series(spot),
            load_kwh=pl.Series(0.2 + 0.1 * rng.random(slots.height)),
            pv_kwh=pl.Series(np.clip(np.sin((hour - 8) / 8 * np.pi), 0, None) * 0.3),
        ),
        site=Site(
            name="home",
            timezone="Europe/Stockholm",
            currency="SEK",
            battery=BATTERY,
            tariff=Tariff((TariffVersion(valid_from=date(2000, 1, 1), vat=0.25, transfer_fee=0.3, energy_tax=0.2),)),
            limits=limits if limits is not None else Limits(),
        ),
        start_soc_kwh=5.0,
        end=End(value=0.9),
    )


@pytest.mark.slow  # thirty programs
@pytest.mark.parametrize("day", [date(2026, 1, 15), date(2026, 3, 29), date(2026, 10, 25)])
def test_sold_energy_follows_the_target_up_to_full_power_and_costs_ever_more(day: date) -> None:
    task = task_of(day)
    found = export_scenarios(task, 4, [*growing_targets(task, 4, 5), 50.0])
    sold = [scenario.realised_kwh for scenario in found.scenarios]
    net = [scenario.net for scenario in found.scenarios]
    loads = task.arrays[2][found.slots]
    assert all(scenario.verified for scenario in found.scenarios)
    most = 5.0 - float(loads.sum())  # the battery feeds the house first
    wanted = [*growing_targets(task, 4, 5), 50.0]
    assert sold == pytest.approx([min(max(kwh, found.baseline_kwh), most) for kwh in wanted], abs=1e-6)
    assert max(net) <= 1e-6
    assert net == sorted(net, reverse=True)
    whole = found.scenarios[-1].figures
    assert whole.energy + whole.wear - whole.settlement == pytest.approx(whole.cost, abs=1e-9)


def test_export_limit_and_stored_energy_bound_what_is_sold() -> None:
    banned = export_scenarios(task_of(limits=Limits(export_kw=0.0)), 4, [3.0])
    assert banned.scenarios[0].realised_kwh == 0
    bounded = export_scenarios(task_of(limits=Limits(export_kw=2.0)), 4, [3.0])
    assert bounded.scenarios[0].realised_kwh == pytest.approx(2.0)


@given(st.integers(0, 50), st.integers(1, 12), st.floats(0, 8))
def test_no_target_earns_more_than_the_cheapest_plan(seed: int, n_slots: int, kwh: float) -> None:
    found = export_scenarios(task_of(seed=seed), n_slots, [kwh])
    [scenario] = found.scenarios
    assert scenario.net <= 1e-6
    assert scenario.realised_kwh >= min(found.baseline_kwh, kwh) - 1e-6


def test_search_is_bounded_and_told_when_export_is_paid_more_than_import_costs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task = task_of()
    dear = replace(task, slots=task.slots.with_columns(export_price=pl.col("export_price").clip(3.0)))
    monkeypatch.setattr(exports, "SEARCH_SECONDS", 0.0)  # each search gets the least there is
    began = time.process_time()
    found = export_scenarios(dear, 96, growing_targets(dear, 96, 1))
    assert time.process_time() - began < 5.0
    assert not found.proven
    assert not found.scenarios[0].proven
    assert found.scenarios[0].verified
    assert found.turned == 96
    assert max(scenario.net for scenario in found.scenarios) <= 1e-6
    own = export_scenarios(task, 4, [2.0])
    assert own.proven
    assert own.scenarios[0].proven


def test_dearest_slots_are_the_first_of_equal_ones() -> None:
    task = task_of()
    flat = PlanTask(slots=task.slots.with_columns(export_price=pl.lit(1.0)), site=task.site, start_soc_kwh=5.0)
    assert dearest_slots(flat, 3).tolist() == [0, 1, 2]
