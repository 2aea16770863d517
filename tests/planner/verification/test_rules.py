"""Each rule of the verifier by itself, on a schedule of one slot."""

from dataclasses import replace

import polars as pl
import pytest

from env.site import Limits
from planner.errors import IncompleteDayError, ScheduleColumnsError
from planner.verification.verifier import NOTICES, RULES, verify_schedule
from tests.builders.homes import PAPER_BATTERY, home
from tests.builders.schedules import findings_of

# One slot by itself, in order: 1 kWh used, nothing else; the paper battery at 5 kWh.
QUIET = {
    "import_price": 2.0,
    "export_price": 1.0,
    "load_kwh": 1.0,
    "pv_kwh": 0.0,
    "charge_kw": 0.0,
    "discharge_kw": 0.0,
    "export_kw": 0.0,
    "import_kwh": 1.0,
    "export_kwh": 0.0,
    "charge_kwh": 0.0,
    "discharge_kwh": 0.0,
    "curtailed_kwh": 0.0,
    "soc_start_kwh": 5.0,
    "soc_end_kwh": 5.0,
    "cost": 2.0,
}


def one_slot(**values: float) -> pl.DataFrame:
    return pl.DataFrame({name: [value] for name, value in {**QUIET, **values}.items()})


CHARGES_TWO = {"import_kwh": 3.0, "charge_kwh": 2.0, "soc_end_kwh": 6.8, "charge_kw": 8.0, "cost": 6.2}
ONE_RULE = {
    "flow below zero": ({"import_kwh": 0.5, "export_kwh": -0.5, "cost": 1.5}, Limits(), "negative"),
    "energy from nowhere": ({"import_kwh": 0.9, "cost": 1.8}, Limits(), "balance"),
    "stored from nowhere": ({"soc_end_kwh": 5.1}, Limits(), "storage"),
    "charging too fast": (CHARGES_TWO, Limits(), "charge_power"),
    "both ways at once": (
        {"charge_kwh": 0.5, "discharge_kwh": 0.5, "soc_end_kwh": 4.825, "cost": 2.1},
        Limits(),
        "charge_and_discharge",
    ),
    "buying and selling": ({"import_kwh": 2.0, "export_kwh": 1.0, "cost": 3.0}, Limits(), "import_and_export"),
    "selling beyond the limit": (
        {"pv_kwh": 2.0, "import_kwh": 0, "export_kwh": 1.0, "export_kw": 4.0, "cost": -1.0},
        Limits(export_kw=2),
        "export_limit",
    ),
    "more than the inverter passes": (
        {"pv_kwh": 1.0, "import_kwh": 0.0, "cost": 0.0},
        Limits(inverter_kw=2),
        "inverter_limit",
    ),
    "spilling for nothing": (
        {"pv_kwh": 2.0, "import_kwh": 0, "curtailed_kwh": 1.0, "cost": 0.0},
        Limits(curtailable=True),
        "curtailment",
    ),
    "charging above the fuse": (
        {"import_kwh": 2.0, "charge_kwh": 1.0, "soc_end_kwh": 5.9, "charge_kw": 4.0, "cost": 4.1},
        Limits(import_kw=4),
        "fuse",
    ),
    "not helping the fuse": ({}, Limits(import_kw=3), "fuse"),
    "below the usable range": (
        {"soc_start_kwh": 1.0, "soc_end_kwh": 0.5, "discharge_kwh": 0.4, "import_kwh": 0.6, "cost": 1.24},
        Limits(),
        "soc_range",
    ),
    "wrong cost": ({"cost": 2.002}, Limits(), "cost"),
    "negative command": ({"export_kw": -1.0}, Limits(), "negative"),
    "import limit of an inverter that takes none": ({"import_limit_kw": 8.0}, Limits(), "import_limit"),
    "import limit below zero": ({"import_limit_kw": -8.0}, Limits(takes_import_limit=True), "import_limit"),
    "import above the commanded limit": ({"import_limit_kw": 2.0}, Limits(takes_import_limit=True), "command"),
    "commanded to charge, did not": ({"charge_kw": 2.0}, Limits(), "command"),
}


@pytest.mark.parametrize(("values", "limits", "rule"), ONE_RULE.values(), ids=ONE_RULE)
def test_rule_is_named_when_it_is_broken(values: dict[str, float], limits: Limits, rule: str) -> None:
    verification = verify_schedule(one_slot(**values), home(PAPER_BATTERY, limits))
    rules = {each.rule for each in verification.violations}
    assert rule in rules
    assert rules <= {rule, "command"}
    assert all(each.size >= 0 and each.message for each in verification.violations)


def test_quiet_slot_is_valid_when_nothing_is_changed() -> None:
    assert findings_of(verify_schedule(one_slot(), home(PAPER_BATTERY))) == []


def test_import_limit_may_be_passed_where_the_battery_is_at_its_end() -> None:
    """The battery gives its 1 kWh of the 3, the limit is 1, and a limit of null is none."""
    limited = one_slot(load_kwh=3.0, import_kwh=2.0, discharge_kwh=1.0, soc_end_kwh=3.75, cost=4.1, import_limit_kw=4.0)
    site = home(PAPER_BATTERY, Limits(takes_import_limit=True))
    assert findings_of(verify_schedule(limited, site)) == []
    unlimited = one_slot().with_columns(import_limit_kw=pl.lit(None, dtype=pl.Float64))
    assert findings_of(verify_schedule(unlimited, site)) == []
    assert findings_of(verify_schedule(unlimited, home(PAPER_BATTERY))) == []


def test_command_is_only_a_notice_when_no_command_brings_the_flows_about() -> None:
    """Spilling under an export ban what could be charged: hindsight may, the inverter does not."""
    curtailed = one_slot(pv_kwh=2.0, import_kwh=0, curtailed_kwh=1.0, cost=0.0)
    verification = verify_schedule(curtailed, home(PAPER_BATTERY, Limits(export_kw=0)))
    assert verification.valid
    assert [each.rule for each in verification.notices] == ["no_command"]


def test_fuse_is_only_a_notice_when_the_house_alone_breaks_it() -> None:
    """Load 3 kWh, fuse 1, the battery gives its 1: one is left over."""
    broken = one_slot(load_kwh=3.0, import_kwh=2.0, discharge_kwh=1.0, soc_end_kwh=3.75, cost=4.1)
    verification = verify_schedule(broken, home(PAPER_BATTERY, Limits(import_kw=4)))
    assert verification.valid
    assert [(each.rule, each.size) for each in verification.notices] == [("fuse_unavoidable", pytest.approx(1.0))]


def test_battery_may_come_back_when_it_is_found_outside_its_range() -> None:
    low = one_slot(soc_start_kwh=0.5, soc_end_kwh=0.5)
    assert verify_schedule(low, home(PAPER_BATTERY)).valid
    lower = low.with_columns(soc_end_kwh=pl.lit(0.498), soc_start_kwh=pl.lit(0.5))
    assert (0, "soc_range") in findings_of(verify_schedule(lower, home(PAPER_BATTERY)))


def test_planned_loads_and_further_batteries_are_counted_when_they_have_columns() -> None:
    """A second battery stores 0.9 of one kWh, the heater takes two, the car three, the dishwasher half of one."""
    site = replace(home(PAPER_BATTERY), extra_batteries=(replace(PAPER_BATTERY, wear_cost=0.3),))
    full = one_slot(import_kwh=7.5, cost=15.3).with_columns(
        water_kwh=pl.lit(2.0),
        ev_kwh=pl.lit(3.0),
        appliance_dishes_kwh=pl.lit(0.5),
        battery_2_charge_kwh=pl.lit(1.0),
        battery_2_discharge_kwh=pl.lit(0.0),
        battery_2_soc_start_kwh=pl.lit(2.0),
        battery_2_soc_end_kwh=pl.lit(2.9),
    )
    assert findings_of(verify_schedule(full, site)) == []
    for name in ("water_kwh", "ev_kwh", "appliance_dishes_kwh", "battery_2_charge_kwh", "battery_2_soc_end_kwh"):
        assert not verify_schedule(full.with_columns(pl.col(name) + 0.002), site).valid, name
    with pytest.raises(ScheduleColumnsError, match="battery_2_charge_kwh"):
        verify_schedule(full, home(PAPER_BATTERY))
    with pytest.raises(ScheduleColumnsError, match="battery_2_soc_end_kwh"):
        verify_schedule(full.drop("battery_2_soc_end_kwh"), site)


@pytest.mark.parametrize("name", ["charge_kw", "soc_end_kwh", "cost", "import_price"])
def test_schedule_is_refused_when_a_column_is_missing(name: str) -> None:
    with pytest.raises(ScheduleColumnsError, match=name):
        verify_schedule(one_slot().drop(name), home())


def test_schedule_is_refused_when_it_is_empty() -> None:
    with pytest.raises(IncompleteDayError, match="no slot"):
        verify_schedule(one_slot().clear(), home())


def test_rules_are_a_closed_list() -> None:
    assert len(set(RULES)) == len(RULES)
    assert set(RULES) > NOTICES
