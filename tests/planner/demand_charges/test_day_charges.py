"""What a day adds to its month's charge, given the peaks before it."""

from dataclasses import replace
from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from env.power_tariff import PowerTariff, Tier
from env.site import Site
from env.tariff import Tariff, TariffVersion
from env.time_grid import grid
from planner.demand_charges.day_charges import added_charges, day_charges
from tests.builders.homes import STOCKHOLM, home

TIERS = (Tier(up_to_kw=2.0, cost=10.0), Tier(up_to_kw=5.0, cost=30.0))


def charging(*tariffs: PowerTariff) -> Site:
    version = TariffVersion(valid_from=date(2000, 1, 1), vat=0.0, transfer_fee=0.0, energy_tax=0.0, power=tariffs)
    return replace(home(), tariff=Tariff((version,)))


def imports(kw_of_days: dict[date, float]) -> pl.DataFrame:
    """A constant power on each of some days."""
    days = [
        grid(day, day, STOCKHOLM).with_columns(policy=pl.lit("a"), import_kwh=pl.lit(kw / 4))
        for day, kw in kw_of_days.items()
    ]
    return pl.concat(days)


@pytest.mark.parametrize(
    ("tariff", "added"),
    [
        pytest.param(
            PowerTariff(top=2, price_per_kw=10.0), [20.0, 10.0, 5.0, 20.0], id="the two highest of each month"
        ),
        pytest.param(PowerTariff(top=1, tiers=TIERS), [30.0, 0.0, 0.0, 30.0], id="a step is paid once"),
        pytest.param(PowerTariff(top=2, price_per_kw=10.0, months=(5,)), [0.0, 0.0, 0.0, 20.0], id="May alone counts"),
        pytest.param(PowerTariff(top=2, price_per_kw=10.0, minimum_kw=3.0), [30.0, 0.0, 5.0, 30.0], id="a least power"),
    ],
)
def test_day_adds_what_its_peak_changes(tariff: PowerTariff, added: list[float]) -> None:
    """4, 2 and 3 kW in April, 4 kW in May: of two peaks 4 / 2, 6 / 2 and 7 / 2 kW, then May begins anew."""
    days = [date(2026, 4, 27), date(2026, 4, 29), date(2026, 4, 30), date(2026, 5, 1)]
    found = day_charges(imports(dict(zip(days, [4.0, 2.0, 3.0, 4.0], strict=True))), charging(tariff))
    assert found["day"].to_list() == days
    assert found["power_cost"].to_list() == pytest.approx(added)


@given(
    kw=st.lists(st.floats(0.0, 20.0), min_size=1, max_size=30),
    top=st.integers(1, 4),
    price=st.floats(0.0, 100.0),
    least=st.floats(0.0, 5.0),
)
def test_days_add_up_to_the_bill_and_never_take_off(kw: list[float], top: int, price: float, least: float) -> None:
    tariff = PowerTariff(top=top, price_per_kw=price, minimum_kw=least)
    days = {date(2026, 4, 1 + number): ((peak,),) for number, peak in enumerate(kw)}
    added = added_charges(days, charging(tariff))
    assert all(charge >= -1e-9 for charge in added.values())
    assert sum(added.values()) == pytest.approx(tariff.cost(sum(sorted(kw, reverse=True)[:top]) / top))
