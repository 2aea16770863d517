"""The numbers by which files of readings are judged as a whole, each tried on both of its sides."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.believed import without_soc_excursions, without_unlike_readings
from darkstar_pipeline.sources.numbers import number_checks, with_numbers
from darkstar_pipeline.sources.observations import read_observations
from darkstar_pipeline.sources.parsed import REASON, Parsed, numbered, object_to, refuse_if_mostly_bad, rejects_of
from darkstar_pipeline.sources.plausibility import soc_fractions, wrong_energy_units
from darkstar_pipeline.sources.price_lists.recognition import offer_of_document
from darkstar_pipeline.sources.resampling import split_energy
from darkstar_pipeline.sources.resolution import with_resolution
from darkstar_pipeline.sources.stamps import stamp_checks, with_instants
from env.home_rows import ALONE
from env.time_grid import SLOT_DTYPE

START = datetime(2026, 1, 10, tzinfo=UTC)
SITE = SiteSettings.model_validate({"battery": {"charge_kw": 4.0}, "limits": {"import_kw": 10.0}})


def rows(values: Sequence[float | None], column: str = "load_kwh", minutes: int = 15) -> pl.DataFrame:
    stamps = pl.Series([START + timedelta(minutes=minutes * n) for n in range(len(values))]).cast(SLOT_DTYPE)
    return pl.DataFrame({"slot_start": stamps, "native_minutes": minutes, column: pl.Series(values, dtype=pl.Float64)})


def refusal(values: Sequence[float | None], column: str = "load_kwh", minutes: int = 15) -> str:
    """The refusal with its remedy; empty where the column is accepted."""
    refused = wrong_energy_units(rows(values, column, minutes), [column], "f.csv", {ALONE: SITE})
    return "".join(f"{error.message}; {error.hint}" for error in refused.values())


def test_typical_power_is_below_thirty_kilowatts():
    assert refusal([7.5] * 9) == ""
    assert "typical power of 30 kW, a home's is below 30 kW" in refusal([7.51] * 9)
    assert refusal([24.0] * 9, "pv_kwh") == ""
    assert "a home's is below 100 kW" in refusal([25.1] * 9, "pv_kwh")
    assert refusal([7.51] * 4 + [0.1] * 5 + [0.0] * 9) == ""
    assert "divide by 4000 (15-minute rows)" in refusal([800.0] * 9)
    assert "divide by 1000 (60-minute rows)" in refusal([800.0] * 9, minutes=60)
    assert "divide by 12000 (5-minute rows)" in refusal([800.0] * 9, minutes=5)
    assert "divide by 8571.4" in refusal([800.0] * 9, minutes=7)


def test_load_is_above_five_watts():
    assert "implies at most 4.8 W, which no home runs on; if load_kwh is in MWh" in refusal([0.0012] * 8)
    assert refusal([0.0013] * 8) == ""
    assert refusal([0.0012] * 7) == ""
    assert refusal([0.0012] * 8, "pv_kwh") == ""
    assert refusal([0.0] * 8) == ""


@pytest.mark.parametrize(
    ("column", "value", "minutes", "count", "words"),
    [
        ("batt_charge_kwh", 2.5, 15, 8, ""),
        ("batt_charge_kwh", 2.51, 15, 8, "10.0 kW where battery.charge_kw is 4 kW"),
        ("batt_charge_kwh", 2.51, 15, 7, ""),
        ("batt_charge_kwh", 10.1, 60, 8, ""),
        ("batt_charge_kwh", 5.1, 30, 8, "divide by 2 to get kWh per 30-minute row"),
        ("import_kwh", 6.25, 15, 8, ""),
        ("import_kwh", 6.26, 15, 8, "25.0 kW where limits.import_kw is 10 kW"),
        ("load_kwh", 7.0, 15, 8, ""),
    ],
)
def test_kilowatts_are_told_by_a_limit_of_the_site(column: str, value: float, minutes: int, count: int, words: str):
    found = refusal([value] * count, column, minutes)
    assert words in found
    assert bool(found) == bool(words)


@pytest.mark.parametrize(
    ("levels", "refused"),
    [
        ([0.1 * n for n in range(1, 9)], True),
        ([0.1 * n for n in range(1, 8)], False),
        ([0.1 * n for n in range(1, 8)] + [1.0], True),
        ([0.1 * n for n in range(1, 8)] + [1.1], False),
        ([0.5] * 8, False),
        ([0.0] * 8, False),
    ],
)
def test_state_of_charge_as_a_fraction(levels: list[float], *, refused: bool):
    frame = rows([None, *levels], "soc_start_percent")
    found = [error.message for error in soc_fractions(frame, ["soc_start_percent"], "f.csv").values()]
    assert found == (["f.csv: soc_start_percent never exceeds 1 %, so it looks like 0..1"] if refused else [])


@pytest.mark.parametrize(
    ("levels", "minutes", "count"),
    [
        ([50.0, 81.0, 50.0], 60, 1),
        ([50.0, 80.0, 50.0], 60, 0),
        ([50.0, 81.0, 50.0], 61, 0),
        ([50.0, 91.0, 60.0], 15, 1),
        ([50.0, 92.0, 61.0], 15, 0),
        ([50.0, 19.0, 50.0], 15, 1),
        ([50.0, -1.0, 50.0], 15, 0),
        ([50.0, 0.0, 50.0], 15, 1),
        ([60.0, 100.0, 60.0], 15, 1),
        ([60.0, 101.0, 60.0], 15, 0),
        ([50.0, 81.0, 81.0, 50.0], 15, 0),
    ],
)
def test_level_of_charge_that_is_far_off_once(levels: list[float], minutes: int, count: int):
    frame = numbered(rows(levels, "soc_start_percent", minutes))
    found, gone = without_soc_excursions(frame, ["soc_start_percent"])
    assert gone.height == count
    assert found["soc_start_percent"].to_list() == [levels[0], None, levels[2]] if count else levels


def test_reading_that_is_not_believed_is_missing_and_its_neighbours_stay():
    values = [0.125] * 96
    values[50] = 9.0
    found = without_unlike_readings(rows(values), "UTC")[0]
    assert found["load_kwh"].to_list() == [*values[:50], None, *values[51:]]
    assert without_unlike_readings(rows([0.125] * 96), "UTC")[0]["load_kwh"].null_count() == 0


def test_numbers_are_finite():
    frame = with_numbers(numbered(pl.DataFrame({"a": ["1", " ", None, "x", "nan", "inf", "-inf", "1e3"]})), ["a"])
    checked = object_to(frame, number_checks(["a"]))
    reasons = [None, None, None, "a x is not a number", "a is NaN", "a is infinite", "a is infinite", None]
    assert checked[REASON].to_list() == reasons
    assert checked["a"].to_list()[::7] == [1, 1000]
    single = with_numbers(pl.DataFrame({"a": pl.Series([0.1, 123.4567], dtype=pl.Float32)}), ["a"])
    assert single["a"].to_list() == [0.1, 123.4567]


@pytest.mark.parametrize(("bad", "good", "refused"), [(0, 0, False), (2, 2, False), (3, 2, True), (1, 0, True)])
def test_file_of_mostly_bad_rows_is_refused(bad: int, good: int, *, refused: bool):
    raw = pl.DataFrame({"a": ["x"] * bad + ["1"] * good})
    checked = object_to(with_numbers(numbered(raw), ["a"]), number_checks(["a"])) if bad + good else numbered(raw)
    parsed = Parsed(
        rows=checked.filter(pl.col(REASON).is_null()), rejects=rejects_of(checked, raw, "f.csv"), rows_read=bad + good
    )
    if refused:
        with pytest.raises(DataRefusedError, match=rf"{bad} of {bad + good} rows are bad; the first is row 1: a x is"):
            refuse_if_mostly_bad(parsed, "f.csv", kept_at="q.csv")
    else:
        refuse_if_mostly_bad(parsed, "f.csv", kept_at="q.csv")


@pytest.mark.parametrize(("homes", "refused"), [(("a", "a"), False), (("a", "b"), True)])
def test_file_is_of_one_home(homes: tuple[str, str], *, refused: bool, tmp_path: Path):
    path = tmp_path / "f.csv"
    lines = [f"2026-01-10T00:{15 * n:02d}:00Z,0.1,{homes[n % 2]}" for n in range(4)]
    path.write_text("\n".join(["slot_start,load_kwh,home", *lines]))
    if refused:
        with pytest.raises(DataRefusedError, match=r"holds 2 homes \(a, b\); an import is of one"):
            read_observations(path, site=SITE, now=START + timedelta(days=1))
    else:
        assert read_observations(path, site=SITE, now=START + timedelta(days=1)).rows.height == 4


def resolved(minutes: Sequence[int]) -> tuple[list[int], list[str | None]]:
    stamps = pl.Series("slot_start", [START + timedelta(minutes=minute) for minute in minutes]).cast(SLOT_DTYPE)
    frame = with_resolution(numbered(pl.DataFrame([stamps])), "f.csv")
    return frame["native_minutes"].to_list(), frame[REASON].to_list()


@pytest.mark.parametrize(("steps", "own"), [(8, True), (7, False)])
def test_run_of_eight_steps_is_a_resolution_of_its_own(steps: int, *, own: bool):
    hours = [60 * n for n in range(24)]
    quarters = [24 * 60 + 15 * n for n in range(steps + 1)]
    found, reasons = resolved([*hours, *quarters])
    assert found == [60] * 24 + [15 if own else 60] * (steps + 1)
    assert sum(reason is not None for reason in reasons) == (0 if own else 6)


def test_stamp_off_the_grid_of_the_file_is_refused():
    found, reasons = resolved([*(15 * n for n in range(20)), 20 * 15 + 5])
    assert found == [15] * 21
    assert reasons == [None] * 20 + ["slot_start 2026-01-10 05:05:00Z is off the 15-minute grid of the file"]
    _, reasons = resolved([*(5 * n for n in range(20)), 101])
    assert reasons[-1] == "slot_start 2026-01-10 01:41:00Z is not on a 5-minute grid"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2000-01-01T00:00:00Z", True),
        ("1999-12-31T23:59:59Z", False),
        ("2000-01-01T00:00:00+01:00", False),
        ("2026-01-10T00:00:00.123456789Z", True),
        ("2026-01-10T00:00:00.1234567891Z", False),
        ("2026-1-10T00:00:00Z", False),
        ("2026-01-10T00:00Z", True),
        ("2026-01-10T24:00:00Z", False),
        (" 2026-01-10 01:00:00 +0100 ", True),
        ("1768003200", True),
        ("1768003200000", True),
        ("176800320", False),
    ],
)
@pytest.mark.parametrize("beside", [None, "2026-01-10T01:00:00+01:00"])
def test_stamp_is_read_alike_whatever_stands_beside_it(text: str, beside: str | None, *, read: bool):
    """A column of UTC alone takes a shorter way."""
    texts = [text, "2026-01-10T00:00:00Z", *([] if beside is None else [beside])]
    frame = with_instants(numbered(pl.DataFrame({"stamp": texts})), "stamp", "slot_start", "f.csv")
    checked = object_to(frame, stamp_checks("stamp", "slot_start"))
    assert (checked[REASON][0] is None) == read
    assert checked[REASON][1:].null_count() == len(texts) - 1
    assert checked["slot_start"][1:].unique().to_list() == [START]
    if read and text.endswith("789Z"):
        assert checked["slot_start"][0] == START + timedelta(microseconds=123_456)


@pytest.mark.parametrize("steps", [1, 3, 6, 12])
def test_energy_of_coarse_readings_is_split_and_of_fine_ones_added(steps: int):
    minutes = 5 * steps
    frame = rows([0.3 * steps] * (180 // minutes), minutes=minutes).with_columns(
        pl.col("native_minutes").cast(pl.Int32)
    )
    slots, partial = split_energy(frame, ["load_kwh"], soc=False)
    assert slots["load_kwh"].to_list() == pytest.approx([0.9] * 12)
    assert partial.height == 0
    short, cut = split_energy(frame[:-1], ["load_kwh"], soc=False)
    assert (short.height, cut.height) == {1: (11, 1), 3: (11, 0), 6: (10, 0), 12: (8, 0)}[steps]


@pytest.mark.parametrize(
    ("document", "refused"),
    [
        ({"entity_id": "sensor.p", "state": "0.1", "attributes": {"unit_of_measurement": "SEK/kWh"}}, True),
        ({"entity_id": "sensor.p", "attributes": {"unit_of_measurement": "SEK/kWh"}}, False),
        ({"state": "0.1", "unit_of_measurement": "SEK/kWh"}, False),
        ({"state": "0.1", "attributes": {"unit_of_measurement": "kWh"}}, False),
        ({"state": "0.1", "attributes": {"unit_of_measurement": "km/h"}}, False),
        ({"attributes": {"today": [0.1, 0.2]}}, True),
        ({"raw_today": []}, True),
        ({"attributes": 5}, False),
    ],
)
def test_price_sensor_without_a_list_is_named(document: dict[str, object], *, refused: bool):
    if refused:
        with pytest.raises(DataRefusedError, match=r"shows the present price only|has no raw_today with start times"):
            offer_of_document(document, "f.json")
    else:
        assert offer_of_document(document, "f.json") is None


def test_units_of_what_was_read_are_percent_for_a_level_and_energies_else(tmp_path: Path):
    path = tmp_path / "f.csv"
    lines = [f"2026-01-10T00:{15 * n:02d}:00Z,0.1,50,51" for n in range(4)]
    path.write_text("\n".join(["slot_start,load_kwh,soc_start_percent,soc_end_percent", *lines]))
    parsed = read_observations(path, site=SITE, now=START + timedelta(days=1))
    assert {read.quantity: read.unit for read in parsed.read_as} == {"load_kwh": "kWh", "soc_percent": "%"}
