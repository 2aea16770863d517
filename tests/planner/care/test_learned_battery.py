"""Capacity, efficiency and taper as readings show them, and nothing where they do not suffice."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from env.battery import Battery
from env.taper import check_taper
from planner.care.learned_battery import learned_battery

CAPACITY_KWH, ONE_WAY = 9.1, 0.95


def readings_of(n_cycles: int, *, taper_kw: float | None = None, seed: int = 1) -> pl.DataFrame:
    """A battery of 9.1 kWh between 10 and 98 %, charged with 4 kW, read in whole percent and hundredths of a kWh."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[float, float, float, float]] = []
    soc = 10.0
    for _ in range(n_cycles):
        while soc < 98.0:
            kw = rng.uniform(3.0, 4.0) if taper_kw is None or soc < 90 else rng.uniform(0.8, 1.0) * taper_kw
            kwh = min(kw / 4, (98.5 - soc) / 100 * CAPACITY_KWH / ONE_WAY)
            later = soc + 100 * kwh * ONE_WAY / CAPACITY_KWH
            rows.append((round(soc), round(later), round(kwh, 2), 0.0))
            soc = later
        while soc > 10.0:
            kwh = rng.uniform(0.2, 0.8)
            later = soc - 100 * kwh / ONE_WAY / CAPACITY_KWH
            rows.append((round(soc), round(later), 0.0, round(kwh, 2)))
            soc = later
    names = ["soc_start_percent", "soc_end_percent", "batt_charge_kwh", "batt_discharge_kwh"]
    return pl.DataFrame(rows, schema=names, orient="row")


def test_capacity_and_efficiency_are_found_from_readings_in_whole_percent() -> None:
    found = learned_battery(readings_of(20))
    assert found is not None
    assert found.capacity_kwh == pytest.approx(CAPACITY_KWH, rel=0.03)
    assert found.round_trip_efficiency == pytest.approx(ONE_WAY**2, abs=0.03)
    assert found.charge_taper == ()


def test_taper_is_found_where_the_battery_slows_down_and_a_battery_takes_it() -> None:
    found = learned_battery(readings_of(30, taper_kw=1.2))
    assert found is not None
    (first, usual), *_, (last, least) = found.charge_taper
    assert 80 <= first <= 90
    assert usual == pytest.approx(4.0, rel=0.05)
    assert (last, least) == (100.0, pytest.approx(1.2, rel=0.25))
    battery = Battery.from_percent(
        capacity_kwh=9.1,
        min_soc_percent=10,
        max_soc_percent=100,
        charge_kw=4,
        discharge_kw=4,
        round_trip_efficiency=0.9,
        wear_cost=0,
        charge_taper=found.charge_taper,
    )
    assert battery.most_charge_kw(np.array([9.1])) == pytest.approx(least)


@given(st.integers(0, 2**32 - 1), st.sampled_from(["step", "line", "late", "noise"]))
def test_any_taper_that_is_found_is_one_that_settings_take(seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    soc = np.sort(rng.uniform(5, 100, 400)).round()
    most = {
        "step": np.where(soc < 84, 5.0, 1.0),
        "line": np.clip(5.0 - (soc - 75) * 0.19, 0.1, 5.0),
        "late": np.clip(5.0 - (soc - 92) * 0.6, 0.1, 5.0),
        "noise": rng.uniform(0.5, 5.0, 400),
    }[kind]
    kwh = most / 4 * rng.uniform(0.5, 1.0, 400)
    charges = pl.DataFrame(
        {"soc_start_percent": soc, "soc_end_percent": soc + 10 * kwh, "batt_charge_kwh": kwh, "batt_discharge_kwh": 0.0}
    )
    discharges = charges.select(
        soc_start_percent="soc_end_percent",
        soc_end_percent="soc_start_percent",
        batt_charge_kwh="batt_discharge_kwh",
        batt_discharge_kwh="batt_charge_kwh",
    )
    found = learned_battery(pl.concat([charges, discharges]))
    assert found is not None
    check_taper("charge_taper", found.charge_taper, ends_at=100.0)


@pytest.mark.parametrize("readings", [readings_of(1), readings_of(5).clear()], ids=["a cycle", "none"])
def test_nothing_is_said_where_readings_do_not_suffice(readings: pl.DataFrame) -> None:
    assert learned_battery(readings) is None


def test_slots_without_a_reading_are_left_out() -> None:
    whole = readings_of(10)
    holes = whole.with_columns(
        batt_charge_kwh=pl.when(pl.int_range(pl.len()) % 3 == 0).then(None).otherwise(pl.col("batt_charge_kwh"))
    )
    found = learned_battery(holes)
    assert found is not None
    assert found.capacity_kwh == pytest.approx(CAPACITY_KWH, rel=0.05)
