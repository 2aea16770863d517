"""Power bills of each policy, month by month."""

from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from env.power_tariff import PowerTariff
from env.tariff import Tariff, TariffVersion
from env.time_grid import grid
from planner.demand_charges.bills import BILLS, demand_charge_bills, has_demand_charge, with_rolling_bills
from tests.builders.homes import STOCKHOLM, home

PER_KW = PowerTariff(top=2, price_per_kw=10.0)
VERSION = TariffVersion(valid_from=date(2000, 1, 1), vat=0.25, transfer_fee=0.0, energy_tax=0.0)
DEARER = replace(VERSION, valid_from=date(2026, 4, 10), power=(PowerTariff(top=2, price_per_kw=100.0),))
SITE = replace(home(), tariff=Tariff((replace(VERSION, power=(PER_KW, PER_KW)), DEARER)))


def constant_import(policy: str, kw: float, first: date, last: date) -> pl.DataFrame:
    """A constant power over whole days."""
    slots = grid(first, last, STOCKHOLM)
    return slots.with_columns(pl.lit(policy).alias("policy"), import_kwh=pl.lit(kw / 4))


def test_bills_are_of_each_month_and_policy_when_clocks_change_and_the_tariff_does() -> None:
    """Two components of 10 a kW; the dearer version began in April and holds from May on. One day is half of two."""
    span = date(2026, 3, 29), date(2026, 5, 1)
    schedules = pl.concat([constant_import("a", 4.0, *span), constant_import("b", 1.0, *span)]).sample(
        fraction=1.0, shuffle=True, seed=1
    )
    bills = demand_charge_bills(schedules, SITE)
    assert bills.schema == pl.Schema(BILLS)
    assert bills["policy"].to_list() == ["a"] * 3 + ["b"] * 3
    assert bills["month"].to_list() == [date(2026, 3, 1), date(2026, 4, 1), date(2026, 5, 1)] * 2
    assert bills["days"].to_list() == [3, 30, 1] * 2
    assert bills["month_days"].to_list() == [31, 30, 31] * 2
    assert bills["power_cost"].to_list() == pytest.approx([80.0, 80.0, 200.0, 20.0, 20.0, 50.0])


def test_bills_are_nothing_when_no_version_charges_for_power() -> None:
    site = replace(SITE, tariff=Tariff((VERSION,)))
    bills = demand_charge_bills(constant_import("a", 4.0, date(2026, 10, 25), date(2026, 10, 25)), site)
    assert bills["power_cost"].to_list() == [0.0]
    assert (has_demand_charge(site), has_demand_charge(SITE)) == (False, True)


def test_bill_of_a_month_is_the_mean_of_those_before_it_where_the_tariff_rolls() -> None:
    months = pl.DataFrame(
        {"policy": ["a", "b", "a"], "month": [date(2026, 2, 1), date(2026, 1, 1), date(2026, 1, 1)],
         "power_cost": [10.0, 7.0, 16.0]}
    )  # fmt: skip
    rolling = replace(VERSION, power=(replace(PER_KW, rolling_months=12),))
    bills = with_rolling_bills(months, replace(SITE, tariff=Tariff((rolling,))))
    assert bills["bill"].to_list() == [13.0, 7.0, 16.0]
    assert with_rolling_bills(months, SITE).columns == months.columns


def test_bill_of_a_month_begun_before_the_range_is_of_the_whole_month() -> None:
    """Two peaks of 4 kW stood in March, 40 a month; the range added 6 to it, and April cost 20."""
    rolling = replace(VERSION, power=(replace(PER_KW, rolling_months=12),))
    months = pl.DataFrame(
        {"policy": ["a", "a"], "month": [date(2026, 3, 1), date(2026, 4, 1)], "power_cost": [6.0, 20.0]}
    )
    before = ((date(2026, 3, 2), ((4.0,),)), (date(2026, 3, 5), ((4.0,),)))
    bills = with_rolling_bills(months, replace(SITE, tariff=Tariff((rolling,))), before)
    assert bills["bill"].to_list() == [46.0, 33.0]
