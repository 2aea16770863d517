from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from darkstar_pipeline.quality.bad_hours import QUANTITIES, bad_hours
from env.battery import Battery
from env.home_rows import with_home
from env.time_grid import SLOT_DTYPE, grid
from tests.builders.graded_slots import of_one_home

STOCKHOLM = "Europe/Stockholm"
DAY = date(2026, 1, 15)
START = datetime(2026, 1, 14, 23, tzinfo=UTC)
BATTERY = Battery.from_percent(
    capacity_kwh=10,
    min_soc_percent=0,
    max_soc_percent=100,
    charge_kw=5,
    discharge_kw=5,
    round_trip_efficiency=1,
    wear_cost=0,
)
# Every slot: 0.5 of load, met from PV, grid and battery, which gives 0.05 of its 10 kWh, half a percent.
BALANCED = {
    "load_kwh": 0.5,
    "pv_kwh": 0.1,
    "import_kwh": 0.4,
    "export_kwh": 0.05,
    "batt_charge_kwh": 0.0,
    "batt_discharge_kwh": 0.05,
}


def observed(day=DAY, timezone=STOCKHOLM, **changes):
    """A balanced day; `changes` are `column=(first slot, last slot, value)`."""
    slots = grid(day, day, timezone)
    percent = 90 - 0.5 * pl.int_range(pl.len())
    frame = slots.with_columns(
        *(pl.lit(value).alias(name) for name, value in BALANCED.items()),
        pl.lit(None, pl.Float64).alias("water_kwh"),
        pl.lit(None, pl.Float64).alias("ev_kwh"),
        soc_start_percent=percent,
        soc_end_percent=percent - 0.5,
    )
    index = pl.int_range(pl.len())
    for name, (first, last, value) in changes.items():
        frame = frame.with_columns(pl.when(index.is_between(first, last)).then(value).otherwise(name).alias(name))
    return frame


def statistics(*rows):
    """Rows of `(hour after the day's start, quantity, kWh)`."""
    columns = {"hour_start": SLOT_DTYPE, "quantity": pl.String, "energy_kwh": pl.Float64}
    found = [(START + timedelta(hours=hour), quantity, energy) for hour, quantity, energy in rows]
    return pl.DataFrame(found, schema=columns, orient="row")


def bad(frame, *rows, timezone=STOCKHOLM, has_pv=True):
    found = bad_hours(of_one_home(frame, BATTERY, has_pv=has_pv), with_home(statistics(*rows)), timezone)
    return sorted(
        (int((row["hour_start"] - START).total_seconds()) // 3600, row["quantity"]) for row in found.to_dicts()
    )


def test_no_hour_is_bad_when_everything_balances_and_agrees():
    rows = [(hour, name, 4 * BALANCED[column]) for hour in range(24) for name, column in QUANTITIES.items()]
    assert bad(observed(), *rows) == []


@pytest.mark.parametrize(
    ("energy", "expected"), [(2.2, []), (1.8, []), (2.21, [(5, "load")]), (1.79, [(5, "load")]), (None, [])]
)
def test_an_hour_is_bad_when_slots_and_statistic_differ_by_more_than_a_fifth_of_a_kwh(energy, expected):
    assert bad(observed(), (5, "load", energy)) == expected


@pytest.mark.parametrize(
    ("quantity", "blamed"),
    [
        ("pv", "pv"),
        ("import", "import"),
        ("export", "export"),
        ("batt_charge", "battery"),
        ("batt_discharge", "battery"),
    ],
)
def test_a_statistic_accuses_its_own_quantity_when_it_disagrees(quantity, blamed):
    assert bad(observed(), (5, quantity, 9.0)) == [(5, blamed)]


def test_a_statistic_is_left_aside_when_it_says_nothing_of_this_home():
    assert bad(observed(), (5, "pv", 9.0), has_pv=False) == []
    assert bad(observed(), (5, "water", 9.0)) == []
    assert bad(observed(), (30, "load", 9.0), (-3, "load", 9.0)) == []
    assert bad(observed(load_kwh=(20, 20, None)), (5, "load", 9.0)) == []


UNBALANCED = [
    ("nothing else is known: load", {"load_kwh": (20, 23, 0.6)}, [], [(5, "load")]),
    ("just inside", {"load_kwh": (20, 23, 0.55)}, [], []),
    ("too little load", {"load_kwh": (20, 23, 0.4)}, [], [(5, "load")]),
    (
        "its statistic confirms load",
        {"import_kwh": (20, 23, 0.3)},
        [(5, "load", 2.0), (5, "import", 1.6)],
        [(5, "import")],
    ),
    ("load and import disagree", {"load_kwh": (20, 23, 0.6)}, [(5, "load", 2.0), (5, "pv", 0.4)], [(5, "load")]),
    (
        "only load is confirmed: whoever is not",
        {"import_kwh": (20, 23, 0.3)},
        [(5, "load", 2.0), (5, "pv", 0.4), (5, "export", 0.2), (5, "batt_charge", 0), (5, "batt_discharge", 0.2)],
        [(5, "import")],
    ),
    ("the battery's own books are off", {"batt_discharge_kwh": (20, 23, 0.5)}, [], [(5, "battery")]),
    ("export was not read", {"load_kwh": (20, 23, 0.9), "export_kwh": (0, 95, None)}, [], []),
    ("a slot was not read", {"load_kwh": (20, 23, 0.9), "import_kwh": (23, 23, None)}, [], []),
    ("the water heater takes it", {"load_kwh": (20, 23, 0.4), "water_kwh": (20, 23, 0.1)}, [], []),
    ("two hours", {"load_kwh": (20, 27, 0.6)}, [], [(5, "load"), (6, "load")]),
]


@pytest.mark.parametrize(
    ("changes", "rows", "expected"), [case[1:] for case in UNBALANCED], ids=[case[0] for case in UNBALANCED]
)
def test_an_unbalanced_hour_is_attributed_to_the_likeliest_when_it_is_bad(changes, rows, expected):
    assert bad(observed(**changes), *rows) == expected


def test_everything_unconfirmed_is_bad_when_load_alone_is_confirmed():
    found = bad(observed(import_kwh=(20, 23, 0.3)), (5, "load", 2.0))
    assert found == [(5, "battery"), (5, "export"), (5, "import"), (5, "pv")]


def test_a_home_without_battery_or_panels_balances_when_load_is_what_it_buys():
    absent = (0, 95, None)
    frame = observed(
        batt_charge_kwh=absent,
        batt_discharge_kwh=absent,
        pv_kwh=absent,
        export_kwh=(0, 95, 0.0),
        import_kwh=(0, 95, 0.5),
    )
    assert bad(frame, has_pv=False) == []
    assert bad(frame.with_columns(load_kwh=pl.lit(0.6)), has_pv=False) == [(hour, "load") for hour in range(24)]


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 29), 23), (date(2025, 10, 26), 25)], ids=["spring", "autumn"]
)
def test_every_hour_of_a_clock_change_is_checked_once_when_all_are_bad(day, hours):
    frame = observed(day).with_columns(load_kwh=pl.lit(0.9))
    found = bad_hours(of_one_home(frame, BATTERY, has_pv=True), with_home(statistics()), STOCKHOLM)
    assert found.height == found["hour_start"].n_unique() == hours
    assert found["local_day"].unique().to_list() == [day]


def test_an_hour_that_midnight_cuts_is_not_checked_whatever_the_range_when_the_zone_is_half_an_hour_off():
    alone = observed(DAY, "Asia/Kolkata")
    with_next = pl.concat([alone, observed(date(2026, 1, 16), "Asia/Kolkata")])
    last = datetime(2026, 1, 15, 18, tzinfo=UTC)  # 23:30 in Kolkata
    half = datetime(2026, 1, 15, 12, 30, tzinfo=UTC)  # 18:00
    rows = pl.DataFrame(
        [(last, "load", 9.0), (half, "load", 9.0)],
        schema={"hour_start": SLOT_DTYPE, "quantity": pl.String, "energy_kwh": pl.Float64},
        orient="row",
    )
    for frame in (alone, with_next):
        found = bad_hours(of_one_home(frame, BATTERY, has_pv=True), with_home(rows), "Asia/Kolkata")
        assert found.select("local_day", "hour_start").rows() == [(DAY, half)]
