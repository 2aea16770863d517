"""The numbers by which a day is graded, each tried on both of its sides; the balance, and what an import refused."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from darkstar_pipeline.config.battery import BatterySettings
from darkstar_pipeline.quality.day_issues import battery_balance, core_issues, soc_issues
from darkstar_pipeline.quality.day_quality import grade_days
from darkstar_pipeline.quality.energy_balance import balance_of, in_words
from darkstar_pipeline.quality.import_refusals import refusals, treatments
from env.time_grid import SLOT_DTYPE, grid
from tests.builders.graded_slots import of_one_home

ZONE = "Europe/Berlin"
DAY = date(2026, 1, 15)
START = datetime(2026, 1, 14, 23, tzinfo=UTC)
BATTERY = BatterySettings().battery()
SLACK = 0.02 * BATTERY.capacity_kwh
STATISTICS = {"hour_start": SLOT_DTYPE, "quantity": pl.String, "energy_kwh": pl.Float64}
RESTING: dict[str, float] = {
    "load_kwh": 0.5,
    "pv_kwh": 0.0,
    "import_kwh": 0.5,
    "export_kwh": 0.0,
    "batt_charge_kwh": 0.0,
    "batt_discharge_kwh": 0.0,
    "soc_start_percent": 50.0,
    "soc_end_percent": 50.0,
}


def day(changes: Mapping[str, Mapping[int, float | None]] | None = None) -> pl.DataFrame:
    """A day at rest with some values changed by slot."""
    slots = grid(DAY, DAY, ZONE)
    given = changes or {}
    columns = [
        pl.Series(name, [given.get(name, {}).get(n, value) for n in range(slots.height)], dtype=pl.Float64)
        for name, value in RESTING.items()
    ]
    return slots.with_columns(columns)


def levels(first: int, last: int, percent: float) -> dict[str, dict[int, float | None]]:
    """Both levels of some slots."""
    return {name: dict.fromkeys(range(first, last), percent) for name in ("soc_start_percent", "soc_end_percent")}


def grade(slots: pl.DataFrame, bad_load_hours: int = 0, bad_battery_hours: int = 0) -> tuple[str, str]:
    """Status and reasons; statistics of load and battery contradict some hours."""
    rows = [(START + timedelta(hours=n), "load", 9.0) for n in range(bad_load_hours)]
    rows += [(START + timedelta(hours=n), "batt_charge", 9.0) for n in range(bad_battery_hours)]
    prices = grid(DAY, DAY, ZONE).select(
        "slot_start",
        price=0.5 + 0.001 * pl.int_range(pl.len()),
        repaired=pl.lit(value=False),
        native_minutes=pl.lit(15, pl.Int32),
    )
    graded = grade_days(
        slots,
        prices,
        pl.DataFrame(rows, schema=STATISTICS, orient="row"),
        DAY,
        DAY,
        ZONE,
        battery=BATTERY,
        has_pv=True,
    ).row(0, named=True)
    return graded["status"], graded["reasons"] or ""


def test_one_missing_slot_excludes_the_day():
    assert grade(day()) == ("clean", "")
    for name in ("load_kwh", "pv_kwh"):
        status, reasons = grade(day({name: {40: None}}))
        assert (status, reasons) == ("exclude", "missing 1 core slot (first 2026-01-15 10:00 local)")
    assert grade(day({"import_kwh": {40: None}}))[0] == "clean"
    assert core_issues(of_one_home(day({"pv_kwh": {40: None}}), BATTERY, has_pv=False), ZONE)[
        "missing_slots"
    ].to_list() == [0]


def test_two_bad_core_hours_are_bearable_and_three_are_not():
    assert grade(day(), 1) == ("clean", "1 bad core hour: load 1 (first 2026-01-15 00:00 local)")
    assert grade(day(), 2) == ("clean", "2 bad core hours: load 2 (first 2026-01-15 00:00 local)")
    assert grade(day(), 3)[0] == "exclude"


def test_one_bad_hour_of_the_battery_masks_it():
    status, reasons = grade(day(), 0, 1)
    assert status == "mask_battery"
    assert "battery" in reasons


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        (levels(0, 96, 0.5), 0),
        (levels(0, 96, 0.0), 0),
        (levels(0, 96, 100.0), 0),
        (levels(40, 96, 90.0), 0),
        (levels(40, 96, 90.1), 1),
        (levels(40, 96, 9.9), 1),
        (levels(40, 41, 100.0), 2),
        ({"soc_end_percent": {40: 100.0}}, 2),
        ({"soc_end_percent": {40: 90.0}}, 0),
        ({"soc_start_percent": {40: 100.1}, "soc_end_percent": {40: None}}, 2),
        ({"soc_start_percent": {95: -0.1}}, 1),
        ({"soc_end_percent": {95: 100.0}, "soc_start_percent": {95: 100.0}}, 1),
        ({"soc_end_percent": dict.fromkeys(range(96), None), "soc_start_percent": {95: 91.0}}, 1),
    ],
)
def test_state_of_charge_jumps_by_forty_points_at_most(changes: dict[str, dict[int, float | None]], count: int):
    found = soc_issues(of_one_home(day(changes), BATTERY), ZONE)
    assert found["soc_issues"].to_list() == [count]


@pytest.mark.parametrize(("excess", "unbalanced"), [(SLACK - 0.01, False), (SLACK + 0.01, True)])
def test_flows_and_levels_of_a_day_agree_within_two_points(excess: float, *, unbalanced: bool):
    """And within a tenth of what flowed."""
    rise = 100 * excess / BATTERY.capacity_kwh
    for sign in (1, -1):
        found = battery_balance(of_one_home(day({"soc_end_percent": {95: 50 + sign * rise}}), BATTERY))
        assert found["unbalanced"].to_list() == [unbalanced]
        assert found["stored"].item() == pytest.approx(sign * excess)
    flowed = day(
        {
            "batt_charge_kwh": {40: 2.0 / BATTERY.charge_efficiency},
            "batt_discharge_kwh": {50: 2.0 * BATTERY.discharge_efficiency},
            "soc_end_percent": {95: 50 + rise},
        }
    )
    assert not battery_balance(of_one_home(flowed, BATTERY))["unbalanced"].item()
    through = 2.0 / BATTERY.charge_efficiency + 2.0 * BATTERY.discharge_efficiency
    more = 50 + 100 * (excess + 0.1 * through) / BATTERY.capacity_kwh
    assert (
        battery_balance(of_one_home(flowed.with_columns(soc_end_percent=more), BATTERY))["unbalanced"].item()
        == unbalanced
    )
    assert battery_balance(of_one_home(flowed, BATTERY))["gained"].item() == pytest.approx(0)
    unread = day({"batt_charge_kwh": {3: None}, "soc_end_percent": {95: 99.0}})
    assert battery_balance(of_one_home(unread, BATTERY))["unbalanced"].to_list() == [False]


def flows(**columns: list[float | None]) -> pl.DataFrame:
    return pl.DataFrame({name: pl.Series(values, dtype=pl.Float64) for name, values in columns.items()})


def test_balance_counts_every_flow_with_its_sign():
    found = balance_of(
        flows(
            load_kwh=[1.0, 1.0, None],
            pv_kwh=[2.0, 0.0, 1.0],
            import_kwh=[0.1, 0.5, 1.0],
            export_kwh=[0.6, 0.0, 1.0],
            batt_charge_kwh=[0.5, 0.0, 1.0],
            batt_discharge_kwh=[0.0, 0.4, 1.0],
        )
    )
    assert found is not None
    assert (found.slots, found.load_kwh, found.flows_kwh) == (2, 2.0, 1.9)
    assert (found.unexplained_kwh, found.without) == (0.1, ())
    assert "0.10 kWh (5% of the load) unexplained in 2 slots" in in_words(found)


def test_balance_takes_appliances_from_the_flows_and_names_what_is_not_read():
    found = balance_of(flows(load_kwh=[1.0, 1.0], import_kwh=[1.5, 1.0], water_kwh=[0.5, None], pv_kwh=[None, None]))
    assert found is not None
    assert (found.flows_kwh, found.unexplained_kwh, found.appliances) == (2.0, 0.0, ("water heater",))
    assert found.without == ("pv_kwh", "export_kwh", "batt_discharge_kwh", "batt_charge_kwh")
    assert balance_of(flows(load_kwh=[1.0])) is None
    assert balance_of(flows(load_kwh=[1.0, None], import_kwh=[None, 1.0])) is None


def test_refusals_of_missing_slots_are_counted_with_their_first_reason():
    slots = [START + timedelta(minutes=15 * n) for n in range(6)]
    missing = pl.DataFrame(
        {"slot_start": pl.Series(slots[:4]).cast(SLOT_DTYPE), "local_day": [DAY] * 4, "site": [""] * 4}
    )

    def remark(quantity: str, first: int, last: int, reason: str, action: str = "refused") -> dict[str, object]:
        span = {"first_slot": slots[first], "last_slot": slots[last]}
        return {"site": "", "local_day": DAY, "quantity": quantity, "action": action, "reason": reason, **span}

    def found(*remarks: dict[str, object]) -> list[tuple[int, str]]:
        frame = pl.DataFrame(list(remarks)).with_columns(pl.col("first_slot", "last_slot").cast(SLOT_DTYPE))
        return refusals(missing, frame, ["load_kwh"]).select("refused", "refused_why").rows()

    assert found(remark("load_kwh", 1, 2, "no; number")) == [(2, "refused at import: no, number")]
    assert found(remark("load_kwh", 2, 3, "b"), remark("all", 1, 1, "a")) == [
        (3, "refused at import: a and 1 more reason")
    ]
    three = [remark("all", 0, 0, reason) for reason in "abc"]
    assert found(*three) == [(1, "refused at import: a and 2 more reasons")]
    assert found(remark("pv_kwh", 1, 2, "a"), remark("load_kwh", 4, 5, "a"), remark("all", 0, 5, "a", "held")) == []


def test_readings_that_were_altered_are_told_and_prices_are_not():
    start = pl.Series([START]).cast(SLOT_DTYPE)
    missing = pl.DataFrame({"site": [""], "slot_start": start, "local_day": [DAY]}).clear()

    def told(quantity: str, readings: int, action: str = "altered") -> list[str]:
        remarks = pl.DataFrame(
            {
                "site": [""],
                "local_day": [DAY],
                "quantity": quantity,
                "action": action,
                "reason": "held",
                "source": "f",
                "readings": readings,
            }
        )
        return treatments(missing, remarks.with_columns(first_slot=start, last_slot=start))["treated"].to_list()

    assert told("load_kwh", 1) == ["1 reading altered at import: held"]
    assert told("load_kwh", 2, "refused") == ["2 readings refused at import: held"]
    assert told("load_kwh", 2, "filled") == []
    assert told("price", 2) == []
