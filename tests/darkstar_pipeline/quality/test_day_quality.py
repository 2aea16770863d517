from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from darkstar_pipeline.config.battery import BatterySettings
from darkstar_pipeline.quality.day_quality import grade_days
from darkstar_pipeline.quality.price_repair import repair_prices
from darkstar_pipeline.warehouse.schemas import DATA_QUALITY_DAILY
from env.time_grid import SLOT_DTYPE, grid

STOCKHOLM = "Europe/Stockholm"
DAY, SPRING, AUTUMN = date(2026, 1, 15), date(2026, 3, 29), date(2025, 10, 26)
START = datetime(2026, 1, 14, 23, tzinfo=UTC)
BATTERY = BatterySettings().battery()  # 34.2 kWh: one percent is 0.342 kWh
STATISTICS = {"hour_start": SLOT_DTYPE, "quantity": pl.String, "energy_kwh": pl.Float64}


def changed(frame, changes):
    """Set `column: (first slot, last slot, value)`."""
    index = pl.int_range(pl.len())
    for name, (first, last, value) in changes.items():
        frame = frame.with_columns(pl.when(index.is_between(first, last)).then(value).otherwise(name).alias(name))
    return frame


def readings(day=DAY, **changes):
    """A resting battery, all load bought."""
    frame = grid(day, day, STOCKHOLM).with_columns(
        load_kwh=pl.lit(0.5),
        pv_kwh=pl.lit(0.0),
        import_kwh=pl.lit(0.5),
        export_kwh=pl.lit(0.0),
        batt_charge_kwh=pl.lit(0.0),
        batt_discharge_kwh=pl.lit(0.0),
        water_kwh=pl.lit(None, pl.Float64),
        ev_kwh=pl.lit(None, pl.Float64),
        soc_start_percent=pl.lit(50.0),
        soc_end_percent=pl.lit(50.0),
    )
    return changed(frame, changes)


def priced(day=DAY, **changes):
    frame = grid(day, day, STOCKHOLM).with_columns(
        price=0.5 + 0.001 * pl.int_range(pl.len()),
        raw_price=pl.lit(0.5),
        repaired=pl.lit(value=False),
        native_minutes=pl.lit(15, pl.Int32),
    )
    return changed(frame, changes).drop_nulls("price")


def statistics(*rows):
    found = [(START + timedelta(hours=hour), quantity, energy) for hour, quantity, energy in rows]
    return pl.DataFrame(found, schema=STATISTICS, orient="row")


def grade(observations=None, prices=None, *rows, has_pv=True, repairs=None, day=DAY):
    return grade_days(
        readings(day) if observations is None else observations,
        priced(day) if prices is None else prices,
        statistics(*rows),
        day,
        day,
        STOCKHOLM,
        battery=BATTERY,
        has_pv=has_pv,
        repairs=repairs,
    ).to_dicts()[0]


BAD_LOAD = [(hour, "load", 2.5) for hour in range(24)]

RULES = [
    ("nothing remarkable", {}, [], "clean", ""),
    (
        "a core slot missing",
        {"load_kwh": (29, 29, None)},
        [],
        "exclude",
        "missing 1 core slot (first 2026-01-15 07:15 local)",
    ),
    ("PV missing", {"pv_kwh": (29, 32, None)}, [], "exclude", "missing 4 core slots (first 2026-01-15 07:15 local)"),
    (
        "a reading that is no number",
        {"load_kwh": (0, 0, float("nan"))},
        [],
        "exclude",
        "missing 1 core slot (first 2026-01-15 00:00 local)",
    ),
    ("import not read", {"import_kwh": (29, 32, None)}, [], "clean", ""),
    (
        "state of charge above 100",
        {"soc_end_percent": (8, 8, 100.5)},
        [],
        "exclude",
        "state of charge impossible in 2 slots (first 2026-01-15 02:00 local)",
    ),
    (
        "state of charge below 0",
        {"soc_start_percent": (0, 95, -1.0), "soc_end_percent": (0, 95, -1.0)},
        [],
        "exclude",
        "state of charge impossible in 96 slots (first 2026-01-15 00:00 local)",
    ),
    (
        "a jump of 41 points",
        {"soc_start_percent": (48, 95, 91.0), "soc_end_percent": (48, 95, 91.0)},
        [],
        "exclude",
        "state of charge impossible in 1 slot (first 2026-01-15 12:00 local); "
        "battery does not balance: its flows say 0.0 kWh, its state of charge 14.02 kWh",
    ),
    ("two bad core hours", {}, BAD_LOAD[:2], "clean", "2 bad core hours: load 2 (first 2026-01-15 00:00 local)"),
    ("three bad core hours", {}, BAD_LOAD[5:8], "exclude", "3 bad core hours: load 3 (first 2026-01-15 05:00 local)"),
    (
        "the same hour thrice",
        {},
        [(3, "load", 9.0), (3, "pv", 9.0), (3, "import", 9.0)],
        "clean",
        "1 bad core hour: load 1, pv 1, import 1 (first 2026-01-15 03:00 local)",
    ),
    (
        "three hours of three kinds",
        {},
        [(3, "load", 9.0), (4, "pv", 9.0), (5, "export", 9.0)],
        "exclude",
        "3 bad core hours: load 1, pv 1, export 1 (first 2026-01-15 03:00 local)",
    ),
    (
        "a bad battery hour",
        {},
        [(7, "batt_charge", 9.0)],
        "mask_battery",
        "bad battery readings in 1 hour (first 2026-01-15 07:00 local)",
    ),
    (
        "a battery that does not balance",
        {"soc_start_percent": (48, 95, 60.0), "soc_end_percent": (48, 95, 60.0)},
        [],
        "mask_battery",
        "battery does not balance: its flows say 0.0 kWh, its state of charge 3.42 kWh",
    ),
    (
        "bad battery, missing load",
        {"load_kwh": (0, 0, None)},
        [(7, "batt_charge", 9.0)],
        "exclude",
        "missing 1 core slot (first 2026-01-15 00:00 local); "
        "bad battery readings in 1 hour (first 2026-01-15 07:00 local)",
    ),
]


@pytest.mark.parametrize(
    ("changes", "rows", "status", "reasons"), [case[1:] for case in RULES], ids=[case[0] for case in RULES]
)
def test_a_day_gets_its_status_and_reasons_when_it_is_graded(changes, rows, status, reasons):
    row = grade(readings(**changes), None, *rows)
    assert (row["status"], row["reasons"]) == (status, reasons)


PRICED = [
    ("one missing", {"price": (40, 40, None)}, "exclude", "prices missing in 1 slot (first 2026-01-15 10:00 local)", 1),
    ("none", {"price": (0, 95, None)}, "exclude", "prices missing in 96 slots (first 2026-01-15 00:00 local)", 96),
    ("all zero", {"price": (0, 95, 0.0)}, "exclude", "prices all zero", 96),
    ("one not zero", {"price": (1, 95, 0.0)}, "clean", "", 0),
    ("all negative", {"price": (0, 95, -0.1)}, "clean", "", 0),
    ("two hours repaired", {"repaired": (40, 47, True)}, "clean", "", 0),
    (
        "more than two hours repaired",
        {"repaired": (40, 48, True)},
        "exclude",
        "prices only estimated in 9 slots (first 2026-01-15 10:00 local)",
        9,
    ),
    ("repaired exactly", {"price": (40, 43, 0.7), "repaired": (41, 43, True)}, "clean", "", 0),
]


@pytest.mark.parametrize(
    ("changes", "status", "reasons", "issues"), [case[1:] for case in PRICED], ids=[case[0] for case in PRICED]
)
def test_a_day_is_refused_when_its_prices_are_missing_estimated_or_all_zero(changes, status, reasons, issues):
    row = grade(None, priced(**changes))
    assert (row["status"], row["reasons"], row["price_issues"]) == (status, reasons, issues)


@pytest.mark.parametrize(
    ("method", "status"), [("estimated", "exclude"), ("second_source", "clean"), ("interpolated", "clean")]
)
def test_a_repair_is_graded_by_its_method_when_the_repairs_are_at_hand(method, status):
    slots = grid(DAY, DAY, STOCKHOLM)["slot_start"][40:60]
    repairs = pl.DataFrame({"slot_start": slots}).with_columns(method=pl.lit(method))
    assert grade(None, priced(repaired=(40, 59, True)), repairs=repairs)["status"] == status


@pytest.mark.parametrize(("length", "status"), [(8, "clean"), (9, "exclude")])
@pytest.mark.parametrize("with_repairs", [True, False])
def test_a_run_of_zeros_refuses_the_day_when_it_is_longer_than_two_hours_and_there_is_no_second_source(
    length, status, with_repairs
):
    imported = pl.lit(START, dtype=SLOT_DTYPE)
    raw = priced(price=(40, 39 + length, 0.0)).select("slot_start", "price", "native_minutes", imported_at=imported)
    after = repair_prices(raw, DAY, DAY, STOCKHOLM)
    assert after.repairs.height == length
    assert grade(None, after.prices, repairs=after.repairs if with_repairs else None)["status"] == status


ABSENT = (0, 95, None)


@pytest.mark.parametrize(
    "changes",
    [
        {
            "batt_charge_kwh": ABSENT,
            "batt_discharge_kwh": ABSENT,
            "soc_start_percent": ABSENT,
            "soc_end_percent": ABSENT,
        },
        {"import_kwh": ABSENT, "export_kwh": ABSENT},
        {"soc_end_percent": ABSENT},
        {"pv_kwh": ABSENT},
    ],
    ids=["battery", "grid", "end of slot", "panels"],
)
def test_a_day_is_clean_when_a_quantity_was_never_measured(changes):
    assert grade(readings(**changes), has_pv=False)["status"] == "clean"


def test_columns_may_be_absent_when_only_load_was_ever_read():
    row = grade(readings().select("slot_start", "local_day", "load_kwh"), has_pv=False)
    assert row["status"] == "clean"


def test_a_battery_balances_when_flows_and_state_of_charge_agree_within_the_tolerance():
    # 8 kWh in at 0.9747 are 22.8 points; two whole percents and a tenth of 8 kWh are 1.48 kWh, 4.3 points.
    for points, status in ((19.0, "clean"), (27.0, "clean"), (18.0, "mask_battery"), (28.0, "mask_battery")):
        flows = {"batt_charge_kwh": (20, 35, 0.5), "import_kwh": (20, 35, 1.0)}
        soc = {"soc_end_percent": (35, 95, 50 + points), "soc_start_percent": (36, 95, 50 + points)}
        assert grade(changed(readings(), flows | soc))["status"] == status


def test_a_day_that_was_never_read_is_refused_when_it_lies_in_the_range():
    first, last = DAY - timedelta(days=1), DAY + timedelta(days=1)
    grades = grade_days(readings(), priced(), statistics(), first, last, STOCKHOLM, battery=BATTERY, has_pv=True)
    assert grades["day"].to_list() == [first, DAY, last]
    assert grades["status"].to_list() == ["exclude", "clean", "exclude"]
    assert grades["missing_slots"].to_list() == [96, 0, 96]


def test_grades_fit_the_declared_table_when_written():
    grades = grade_days(readings(), priced(), statistics(), DAY, DAY, STOCKHOLM, battery=BATTERY, has_pv=True)
    expected = {name: dtype for name, dtype in DATA_QUALITY_DAILY.schema.items() if name != "site"}
    assert dict(grades.schema) == expected
    assert sum(grades.null_count().row(0)) == 0


@pytest.mark.parametrize(("day", "slots"), [(SPRING, 92), (AUTUMN, 100)], ids=["spring", "autumn"])
def test_a_clock_change_is_graded_whole_when_all_its_slots_are_there(day, slots):
    assert grade(day=day)["status"] == "clean"
    assert grade(readings(day, load_kwh=(0, slots, None)), day=day)["missing_slots"] == slots
    row = grade(readings(day, load_kwh=(8, 8, None)), day=day)
    hour = "03:00" if day == SPRING else "02:00"
    assert row["reasons"] == f"missing 1 core slot (first {day} {hour} local)"


DAMAGE = st.sampled_from([None, -0.1, 0.0, 0.5, 3.0, float("nan")])


@example({"pv_kwh": (3, 67, 0.5)}, AUTUMN)  # of three days' rows a filter leaves those of one, and empty chunks
@given(
    st.dictionaries(st.sampled_from(["load_kwh", "pv_kwh", "import_kwh", "batt_charge_kwh", "soc_end_percent"]),
                    st.tuples(st.integers(0, 95), st.integers(0, 95), DAMAGE), max_size=3),
    st.sampled_from([DAY, SPRING, AUTUMN]),
)  # fmt: skip
def test_the_grade_of_a_day_is_the_same_when_graded_within_a_longer_range(damage, day):
    first, last = day - timedelta(days=1), day + timedelta(days=1)
    damaged = changed(readings(day), damage)
    around = pl.concat([readings(first), damaged, readings(last)])
    prices = pl.concat([priced(each) for each in (first, day, last)])
    alone = grade(damaged, day=day)
    grades = grade_days(around, prices, statistics(), first, last, STOCKHOLM, battery=BATTERY, has_pv=True)
    within = grades.to_dicts()[1]
    if "unlike" in alone["reasons"]:  # what a home has is judged by all of its days, of which it then has more
        assert within["status"] == alone["status"]
    else:
        assert within == alone
    assert grades["status"].to_list()[::2] == ["clean", "clean"]
    if alone["status"] != "clean":
        assert alone["reasons"]


USABLE_DAYS = [("fontana_B02", 323), ("emhass_fr", 309), ("trondheim_2020", 323)]


@pytest.mark.parametrize(("home", "usable"), USABLE_DAYS)
@pytest.mark.parametrize("area", ["SE3", "SE4"])
def test_the_published_days_are_usable_when_measured_homes_are_graded(shared_data, home, usable, area):
    first, last = date(2025, 10, 2), date(2026, 8, 20)
    homes = pl.read_parquet(shared_data / "bench" / "homes_2025_10_to_2026_08.parquet").filter(pl.col("home") == home)
    prices = pl.read_parquet(shared_data / "spot_prices_se.parquet").filter(pl.col("area") == area)
    raw = prices.select(
        "slot_start", pl.col("sek_per_kwh").alias("price"), native_minutes=pl.lit(15), imported_at="slot_start"
    )
    after = repair_prices(raw, first, last, STOCKHOLM)
    observations = homes.select("slot_start", "load_kwh", "pv_kwh")
    has_pv = observations["pv_kwh"].count() > 0
    grades = grade_days(
        observations,
        after.prices,
        statistics(),
        first,
        last,
        STOCKHOLM,
        battery=BATTERY,
        has_pv=has_pv,
        repairs=after.repairs,
    )
    assert grades.filter(pl.col("status") == "clean").height == usable
    assert grades.filter(pl.col("status") == "exclude").height == grades.height - usable
