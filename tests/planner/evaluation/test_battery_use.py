"""Statistics of a day against figures worked out by hand."""

from dataclasses import replace
from datetime import UTC, date, datetime

import polars as pl
import pytest

from env.battery import Battery
from env.site import Site
from env.tariff import Tariff, TariffVersion
from env.time_grid import SLOT
from planner.evaluation.battery_use import BANDS, day_statistics

BATTERY = Battery(
    capacity_kwh=10.0,
    min_soc_kwh=0.0,
    max_soc_kwh=10.0,
    charge_kw=8.0,
    discharge_kw=8.0,
    charge_efficiency=1.0,
    discharge_efficiency=0.8,
)
FEES = TariffVersion(valid_from=date(2000, 1, 1), vat=0.0, transfer_fee=0.0, energy_tax=0.0)
SITE = Site(name="home", timezone="UTC", currency="SEK", battery=BATTERY, tariff=Tariff((FEES,)))
START = datetime(2026, 1, 15, tzinfo=UTC)


def schedule(prices, *, charge=(), discharge=(), export=(), policy="mpc", day=START) -> pl.DataFrame:
    """A schedule of as many slots as there are prices; flows that are not given are 0."""

    def column(values) -> list[float]:
        return [float(value) for value in values] + [0.0] * (len(prices) - len(values))

    return pl.DataFrame(
        {
            "slot_start": [day + SLOT * i for i in range(len(prices))],
            "local_day": [day.date()] * len(prices),
            "policy": [policy] * len(prices),
            "import_price": column(prices),
            "import_kwh": column(charge),
            "export_kwh": column(export),
            "charge_kwh": column(charge),
            "discharge_kwh": column(discharge),
        }
    )


def row(frame: pl.DataFrame) -> dict[str, object]:
    return day_statistics(frame, site=SITE).row(0, named=True)


def shares(statistics: dict[str, object], move: str) -> list[object]:
    return [statistics[f"{move}_share_{band}"] for band in BANDS]


def test_statistics_weigh_prices_by_energy_when_slots_differ() -> None:
    # Quartiles of 0, 1, ... 8 are 2 and 6.
    got = row(schedule(range(9), charge=[3, 0, 0, 1], discharge=[0, 0, 0, 0, 0, 1, 0, 0, 3], export=[0, 0, 2]))
    assert (got["slots"], got["charge_slots"], got["discharge_slots"], got["export_slots"]) == (9, 2, 2, 1)
    assert (got["charge_kwh"], got["discharge_kwh"], got["export_kwh"], got["import_kwh"]) == (4.0, 4.0, 2.0, 4.0)
    assert got["charge_price"] == pytest.approx((0 * 3 + 3 * 1) / 4)
    assert got["discharge_price"] == pytest.approx((5 * 1 + 8 * 3) / 4)
    assert got["mean_price"] == pytest.approx(4.0)
    assert shares(got, "charge") == pytest.approx([0.75, 0.25, 0.0])
    assert shares(got, "discharge") == pytest.approx([0.0, 0.25, 0.75])
    assert [got[f"discharge_slots_{band}"] for band in BANDS] == [0, 1, 1]


def test_statistics_count_cycles_by_energy_out_of_the_store_when_discharging_loses() -> None:
    assert row(schedule([1, 2], discharge=[4, 4]))["cycles"] == pytest.approx(8 / 0.8 / 10)


def test_statistics_have_no_cycles_when_the_battery_stores_nothing() -> None:
    empty = replace(SITE, battery=replace(BATTERY, capacity_kwh=0.0, max_soc_kwh=0.0))
    assert day_statistics(schedule([1, 2]), site=empty)["cycles"].to_list() == [None]


def test_statistics_are_null_and_not_zero_when_nothing_moved() -> None:
    got = row(schedule([1, 2, 3], charge=[1e-9]))
    assert (got["charge_slots"], got["charge_price"], got["discharge_price"]) == (0, None, None)
    assert shares(got, "charge") == [None, None, None]


@pytest.mark.parametrize(
    ("prices", "charge", "expected"),
    [
        pytest.param([2, 2, 2, 2], [1, 1, 1, 1], [0, 4, 0], id="flat: nothing is cheap or dear"),
        pytest.param([1, 2, 2, 2, 2, 2, 2, 3], [1] * 8, [1, 6, 1], id="quartiles meet: only what lies beyond"),
        pytest.param([-2, -1, 0, 0], [1] * 4, [1, 1, 2], id="negative prices and true zeros"),
        pytest.param([5], [1], [0, 1, 0], id="one slot"),
    ],
)
def test_statistics_band_slots_when_prices_tie(prices, charge, expected) -> None:
    got = row(schedule(prices, charge=charge))
    assert [got[f"charge_slots_{band}"] for band in BANDS] == expected


def test_statistics_have_a_row_per_policy_in_order_when_several_are_given() -> None:
    frames = [schedule([1, 2, 3, 4], policy=policy, charge=[n]) for n, policy in enumerate(("oracle", "idle", "mpc"))]
    got = day_statistics(pl.concat(frames), site=SITE)
    assert got["policy"].to_list() == ["oracle", "idle", "mpc"]
    assert got["charge_kwh"].to_list() == [0.0, 1.0, 2.0]


def test_statistics_use_each_days_own_quartiles_when_days_are_added_up() -> None:
    tomorrow = START.replace(day=16)
    two = pl.concat([schedule([1, 2, 3, 4], charge=[1]), schedule([11, 12, 13, 14], charge=[1], day=tomorrow)])
    assert row(two)["charge_slots_cheap"] == 2


@pytest.mark.parametrize("slots", [92, 100])
def test_statistics_count_every_slot_when_the_clock_changes(slots) -> None:
    assert row(schedule(range(slots), charge=[1] * slots))["charge_slots"] == slots
