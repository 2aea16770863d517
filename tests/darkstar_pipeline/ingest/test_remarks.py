"""What an import refuses or alters stays known: in the lake by day and reason, in quarantine, in the day's grade."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.ingest.imports import OBSERVATIONS, import_tidy_file
from darkstar_pipeline.ingest.target import ImportTarget
from darkstar_pipeline.quality.day_quality import grade_days
from darkstar_pipeline.warehouse.lake import Lake
from darkstar_pipeline.warehouse.schemas import IMPORT_REMARKS, METER_READINGS
from env.battery import Battery
from env.time_grid import SLOT_DTYPE, grid
from tests.builders.home_assistant_exports import NOW, SITE, history, import_files, stamp

ZONE = "Europe/Stockholm"
DAY = date(2026, 1, 10)  # local; the exports begin at its midnight
STEPS = 24 * 12  # five minutes
BATTERY = Battery.from_percent(
    capacity_kwh=10.0,
    min_soc_percent=10.0,
    max_soc_percent=100.0,
    charge_kw=5.0,
    discharge_kw=5.0,
    round_trip_efficiency=0.92,
    wear_cost=0.02,
)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def counter(changes: dict[int, float], *, entity: str = "sensor.house_energy_kwh", steps: int = STEPS) -> str:
    """A counter of a quarter of a kilowatt-hour a slot, read every five minutes, off by what is said from a step on."""
    states = [(5 * n, round(100 + n / 12 + sum(by for at, by in changes.items() if n >= at), 4)) for n in range(steps)]
    return history(entity, states)


def load(tmp_path: Path, lake: Lake, content: str, *, name: str = "load.csv"):
    (tmp_path / name).write_text(content)
    return import_files(lake, tmp_path / "quarantine", [tmp_path / name])


def remarks(lake: Lake) -> list[dict[str, object]]:
    return lake.read(IMPORT_REMARKS, "home").drop("site", "imported_at", "local_day").to_dicts()


def grade(lake: Lake, day: date = DAY) -> str:
    prices = grid(day, day, ZONE).with_columns(price=pl.lit(0.5), repaired=pl.lit(value=False))
    hours = pl.DataFrame(schema={"hour_start": SLOT_DTYPE, "quantity": pl.String, "energy_kwh": pl.Float64})
    rows = lake.read(METER_READINGS, "home", day, day)
    graded = grade_days(
        rows.drop("site", "local_day", "native_minutes", "source", "imported_at"),
        prices,
        hours,
        day,
        day,
        ZONE,
        battery=BATTERY,
        has_pv=False,
        remarks=lake.read(IMPORT_REMARKS, "home", day, day),
    )
    return str(graded["reasons"][0])


def test_the_grade_names_rule_and_hour_when_a_counter_went_to_another_level(tmp_path: Path, lake: Lake):
    load(tmp_path, lake, counter({170: -60.0}))
    (told,) = remarks(lake)
    assert (told["quantity"], told["action"], told["readings"]) == ("load_kwh", "refused", 1)
    assert told["first_slot"] == told["last_slot"] == datetime.fromisoformat(stamp(5 * 169 - 5))
    assert grade(lake).startswith(
        "missing 2 core slots (first 2026-01-10 14:00 local), 1 of them refused at import: sensor.house_energy_kwh: "
        "not known what it counted (an unrelated level, a standstill, a reset with readings missing)"
    )


def test_glitches_and_held_readings_are_counted_by_day_when_the_slots_are_there(tmp_path: Path, lake: Lake):
    flicker = {at: by for n in range(40, 60, 4) for at, by in ((n, -0.1), (n + 1, 0.1))}
    load(tmp_path, lake, counter({20: 500.0, 21: -500.0} | flicker))
    told = {(row["action"], row["readings"]) for row in remarks(lake)}
    assert told == {("refused", 1), ("altered", 5)}
    assert grade(lake) == (
        "missing 1 core slot (first 2026-01-10 23:45 local); "
        "5 readings altered at import: sensor.house_energy_kwh: a fall of the last digit, the value before is held; "
        "1 reading refused at import: sensor.house_energy_kwh: a fall or jump of the counter that is undone"
    )
    kept = pl.concat(pl.read_csv(file) for file in (tmp_path / "quarantine").iterdir())
    assert kept.select("row", "reason", "quantity").rows() == [
        (None, "sensor.house_energy_kwh: a fall or jump of the counter that is undone", "load_kwh")
    ]
    assert '"readings":1' in kept["raw"][0]


def test_a_repeated_import_changes_no_byte_and_a_better_file_withdraws_its_remark(tmp_path: Path, lake: Lake):
    wrong, right = counter({20: 500.0, 21: -500.0, 60: 500.0, 61: -500.0}), counter({20: 500.0, 21: -500.0})
    load(tmp_path, lake, wrong)
    path = lake.path(IMPORT_REMARKS, "home", DAY)
    before = path.read_bytes()
    load(tmp_path, lake, wrong)
    assert path.read_bytes() == before
    load(tmp_path, lake, right)
    assert [row["readings"] for row in remarks(lake)] == [1]
    load(tmp_path, lake, wrong, name="other.csv")
    assert [row["source"] for row in remarks(lake)] == ["load.csv", "other.csv"], "what another file said stays"


def test_remarks_stay_when_the_source_reads_a_later_part_of_the_day(tmp_path: Path, lake: Lake):
    states = [line for line in counter({20: 500.0, 21: -500.0, 160: 500.0, 161: -500.0}).splitlines()[1:] if line]
    for part in (states[:100], states[100:]):
        load(tmp_path, lake, "\n".join(["entity_id,state,last_changed", *part, ""]))
    assert [row["readings"] for row in remarks(lake)] == [1, 1]


def tidy(rows: Sequence[tuple[datetime, float]]) -> str:
    return "slot_start,load_kwh,pv_kwh\n" + "".join(f"{at.isoformat()},{value},0\n" for at, value in rows)


def test_refused_rows_of_a_tidy_file_are_the_reason_of_the_day(tmp_path: Path, lake: Lake):
    first = datetime.fromisoformat("2026-01-09T23:00:00+00:00")
    rows = [(first + n * timedelta(minutes=15), -1.0 if 56 <= n < 68 else 0.3) for n in range(96)]
    (tmp_path / "home.csv").write_text(tidy(rows))
    target = ImportTarget(lake=lake, quarantine_dir=tmp_path / "quarantine", site_name="home", site=SITE)
    import_tidy_file(OBSERVATIONS, target, tmp_path / "home.csv", now=NOW)
    assert [(row["quantity"], row["readings"], row["source"]) for row in remarks(lake)] == [("all", 12, "home.csv")]
    assert grade(lake) == (
        "missing 12 core slots (first 2026-01-10 14:00 local), refused at import: load_kwh -1.0 kWh is negative"
    )


def test_states_that_are_no_number_are_remarked_with_their_quantity(tmp_path: Path, lake: Lake):
    content = counter({}) + f"sensor.house_energy_kwh,broken,{stamp(601)}\n"
    report = load(tmp_path, lake, content)
    assert [(row["quantity"], row["reason"]) for row in remarks(lake)] == [("load_kwh", "state broken is not a number")]
    assert report.rows_rejected == 1
    kept = pl.concat(pl.read_csv(file) for file in (tmp_path / "quarantine").iterdir())
    assert (kept.height, kept["quantity"][0]) == (1, "load_kwh"), "told once, with its row"


def test_a_day_says_that_its_sensor_was_unavailable_and_a_short_loss_is_none(tmp_path: Path, lake: Lake):
    states = [(5 * n, "unavailable" if 120 <= n < 144 or n in (40, 41) else 500 + n % 3) for n in range(STEPS + 1)]
    load(tmp_path, lake, history("sensor.house_power", states))
    assert [(row["action"], row["readings"]) for row in remarks(lake)] == [("missing", 8)]
    assert grade(lake) == (
        "missing 8 core slots (first 2026-01-10 10:00 local), not in the import: "
        "sensor.house_power: unavailable, or without a number"
    )


def test_nights_of_an_inverter_are_filled_and_its_outages_are_missing(tmp_path: Path, lake: Lake):
    power = [0.0 if not 84 <= n < 204 else 2000.0 + n for n in range(2 * STEPS)]
    asleep = [n % STEPS < 80 or n % STEPS > 208 for n in range(2 * STEPS)]
    states = [(5 * n, "unavailable" if asleep[n] or 130 <= n < 142 else power[n % STEPS]) for n in range(2 * STEPS)]
    load(tmp_path, lake, history("sensor.pv_power", states))
    found = sorted((str(row["action"]), row["readings"]) for row in remarks(lake))
    assert found == [("filled", 1), ("filled", 2), ("missing", 5)]
    assert all("at night, taken as 0" in str(row["reason"]) for row in remarks(lake) if row["action"] == "filled")


def test_what_is_altered_in_accepted_rows_of_a_tidy_file_is_remarked(tmp_path: Path, lake: Lake):
    first = datetime.fromisoformat("2026-01-09T23:00:00+00:00")
    rows = [
        f"{(first + n * timedelta(minutes=15)).isoformat()},0.3,{-0.002 if n < 8 else 0.1},{5 if n == 40 else 60}"
        for n in range(96)
    ]
    (tmp_path / "home.csv").write_text("\n".join(["slot_start,load_kwh,pv_kwh,soc_start_percent", *rows, ""]))
    target = ImportTarget(lake=lake, quarantine_dir=tmp_path / "quarantine", site_name="home", site=SITE)
    import_tidy_file(OBSERVATIONS, target, tmp_path / "home.csv", now=NOW)
    assert sorted((row["quantity"], row["action"], row["readings"]) for row in remarks(lake)) == [
        ("pv_kwh", "altered", 8),
        ("soc_percent", "refused", 1),
    ]
    assert grade(lake) == (
        "8 readings altered at import: pv_kwh below zero is an inverter's standby, taken as 0; "
        "1 reading refused at import: a state of charge is far off for one row only"
    )
