"""The embedded sample: what it holds, what it must never lose, and that its faults are the documented ones."""

import tomllib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.quality.day_quality import grade_days
from darkstar_pipeline.quality.price_repair import near_zero, repair_prices
from darkstar_pipeline.sample import (
    FIRST_DAY,
    LAST_DAY,
    NATIVE_MINUTES,
    SAMPLE_CURRENCY,
    SAMPLE_TIMEZONE,
    Expected,
    Fault,
    FaultKind,
    Sample,
    inject_faults,
    load_sample,
    make_sample,
)
from darkstar_pipeline.sample.faults import FAULTS
from darkstar_pipeline.sources.resampling import repeat_prices
from env.time_grid import SLOT_DTYPE, days_between, local_day, slot_count, zone

REPOSITORY = Path(__file__).parents[3]
CLOCK_CHANGES = (date(2023, 10, 29), date(2024, 3, 31))
PUBLISHED_GAP = datetime(2023, 12, 30, 23, tzinfo=UTC)


@pytest.fixture(scope="module")
def sample() -> Sample:
    return load_sample()


@pytest.fixture(scope="module")
def disturbed(sample) -> tuple[Sample, tuple[Fault, ...]]:
    return inject_faults(sample)


def local_date(fault: Fault) -> date:
    return fault.start.astimezone(zone(SAMPLE_TIMEZONE)).date()


# --- what it holds -----------------------------------------------------------------------------------------------


def test_sample_has_every_hour_of_its_local_days(sample):
    hours = sample.observations.group_by(local_day(SAMPLE_TIMEZONE)).len()
    expected = {day: slot_count(day, SAMPLE_TIMEZONE) // 4 for day in days_between(FIRST_DAY, LAST_DAY)}
    assert dict(hours.iter_rows()) == expected
    assert len(expected) == 196
    assert expected[date(2023, 10, 29)] == 25
    assert expected[date(2024, 3, 31)] == 23


def test_sample_schemas_are_the_declared_ones(sample):
    assert sample.observations.schema == {"slot_start": SLOT_DTYPE, "load_kwh": pl.Float64, "pv_kwh": pl.Float64}
    assert sample.hourly_statistics.schema == {
        "hour_start": SLOT_DTYPE,
        "quantity": pl.String,
        "energy_kwh": pl.Float64,
    }
    assert sample.prices.schema == {"slot_start": SLOT_DTYPE, "price": pl.Float64}


def test_sample_times_are_unique_ascending_full_hours(sample):
    for frame in (sample.observations, sample.prices):
        starts = frame["slot_start"]
        assert starts.is_sorted()
        assert not starts.is_duplicated().any()
        assert (starts.dt.minute() == 0).all()
    recording = pl.read_parquet(files("darkstar_pipeline.sample").joinpath("sample.parquet").read_bytes())
    assert recording["native_minutes"].unique().to_list() == [NATIVE_MINUTES] == [60]


def test_sample_energies_are_kwh_of_a_plausible_home(sample):
    load, pv = sample.observations["load_kwh"], sample.observations["pv_kwh"]
    days = 196
    assert load.min() > 0.05
    assert load.max() < 8.0
    assert pv.min() == 0.0
    assert 3.0 < pv.max() < 4.0, "4 kW of panels: an hour in Wh or W/kW would be a thousandfold"
    assert load.sum() / days == pytest.approx(25.75, abs=0.01)
    assert pv.sum() / days == pytest.approx(17.37, abs=0.01)


def test_sample_pv_peaks_near_noon_when_read_on_the_local_clock(sample):
    local = pl.col("slot_start").dt.convert_time_zone(SAMPLE_TIMEZONE)
    middle_of_hour = local.dt.hour().cast(pl.Float64) + 0.5
    centre = (middle_of_hour * pl.col("pv_kwh")).sum() / pl.col("pv_kwh").sum()
    months = sample.observations.group_by(month=local.dt.strftime("%Y-%m")).agg(centre=centre).sort("month")
    assert all(11.6 < hour < 12.9 for _, hour in months.iter_rows())
    night = sample.observations.filter(local.dt.hour().is_in([22, 23, 0, 1, 2, 3, 4]))
    assert night["pv_kwh"].sum() == 0.0


def test_sample_repeated_autumn_hour_has_the_clock_hours_reading_both_times(sample):
    first = datetime(2023, 10, 29, 0, tzinfo=UTC)
    twice = sample.observations.filter(pl.col("slot_start").is_between(first, first + timedelta(hours=1)))
    assert twice["load_kwh"].n_unique() == 1
    assert twice.height == 2


def test_sample_prices_keep_true_negatives_and_zeros(sample):
    price = sample.prices["price"]
    assert (price < 0).sum() == 164
    assert (price == 0).sum() == 48
    assert price.min() == -0.2
    assert price.max() == 0.261
    autumn = sample.prices.filter((pl.col("price") < 0) & (local_day(SAMPLE_TIMEZONE) == date(2023, 10, 29)))
    assert autumn.height == 12, "negative prices on a day whose clock changes"


@pytest.mark.parametrize(
    ("slot", "price"),
    [
        pytest.param(datetime(2023, 11, 8, 17, tzinfo=UTC), 0.12714, id="an evening in winter time"),
        pytest.param(datetime(2023, 10, 29, 0, tzinfo=UTC), -0.00193, id="autumn, first 02:00"),
        pytest.param(datetime(2023, 10, 29, 1, tzinfo=UTC), -0.00159, id="autumn, second 02:00"),
        pytest.param(datetime(2024, 3, 31, 0, tzinfo=UTC), 0.07457, id="spring, 01:00"),
        pytest.param(datetime(2024, 3, 31, 1, tzinfo=UTC), 0.06498, id="spring, 03:00"),
    ],
)
def test_sample_price_is_the_published_one(sample, slot, price):
    assert sample.prices.filter(pl.col("slot_start") == slot)["price"].to_list() == [price]


def test_sample_lacks_exactly_the_price_that_was_never_published(sample):
    missing = sample.observations.join(sample.prices, on="slot_start", how="anti")["slot_start"].to_list()
    assert missing == [PUBLISHED_GAP]


def test_hourly_statistics_equal_the_observations_when_undisturbed(sample):
    wide = sample.hourly_statistics.pivot("quantity", index="hour_start", values="energy_kwh").sort("hour_start")
    assert wide.rename({"hour_start": "slot_start", "load": "load_kwh", "pv": "pv_kwh"}).equals(sample.observations)


def test_sample_file_is_small_and_shipped_with_its_attribution():
    folder = files("darkstar_pipeline.sample")
    assert len(folder.joinpath("sample.parquet").read_bytes()) < 1_000_000
    attribution = folder.joinpath("ATTRIBUTION.md").read_text("utf-8")
    for words in ("citylearn", "ev2gym", "MIT License", "Jose Ramon Vazquez-Canteli", "Stavros Orfanoudakis"):
        assert words.lower() in attribution.lower()
    assert attribution.count("Permission is hereby granted") == 2
    for wheel in (make_sample.HOME_WHEEL, make_sample.PRICE_WHEEL):
        assert wheel.sha256 in attribution
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
    assert "darkstar_pipeline/sample/ATTRIBUTION.md" in project["project"]["license-files"]
    assert "darkstar_pipeline" in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


# --- faults ------------------------------------------------------------------------------------------------------


def test_faults_are_the_same_every_time(disturbed):
    again, faults = inject_faults(load_sample())
    assert faults == disturbed[1]
    assert again.prices.equals(disturbed[0].prices)
    assert again.observations.equals(disturbed[0].observations)
    assert [fault.start for fault in faults] == sorted(fault.start for fault in faults)


def test_faults_show_every_kind_and_refuse_few_days(disturbed):
    faults = disturbed[1]
    assert {fault.kind for fault in faults} == set(FaultKind)
    assert {fault.expected for fault in faults} == set(Expected)
    assert len({local_date(fault) for fault in faults if fault.expected is Expected.EXCLUDED}) == 8


def test_faults_leave_true_zeros_and_negatives_alone(sample, disturbed):
    before = sample.prices.filter(pl.col("price") <= 0)
    after = disturbed[0].prices.join(before, on="slot_start", suffix="_before")
    assert after.height == before.height == 164 + 48
    assert after["price"].equals(after["price_before"].rename("price"))


def test_faults_change_only_the_hours_they_name(sample, disturbed):
    moved, faults = disturbed
    hit = {hour for fault in faults for hour in fault.hours()}
    for before, after in ((sample.prices, moved.prices), (sample.observations, moved.observations)):
        untouched = pl.concat([before, after]).filter(~pl.col("slot_start").is_in(pl.Series(list(hit)).implode()))
        assert untouched.unique().height * 2 == untouched.height
    assert moved.hourly_statistics.equals(sample.hourly_statistics)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.start:%Y-%m-%dT%H} {fault.kind}")
def test_fault_does_what_it_says(sample, disturbed, fault):
    hours = pl.Series(list(fault.hours()), dtype=SLOT_DTYPE).implode()
    prices = disturbed[0].prices.filter(pl.col("slot_start").is_in(hours))
    observed = disturbed[0].observations.filter(pl.col("slot_start").is_in(hours))
    true = sample.observations.filter(pl.col("slot_start").is_in(hours))
    count = fault.slots // 4
    assert {hour.astimezone(zone(SAMPLE_TIMEZONE)).date() for hour in fault.hours()} == {local_date(fault)}
    match fault.kind:
        case FaultKind.PRICE_GAP:
            assert prices.height == 0
        case FaultKind.OBSERVATION_GAP:
            assert observed.height == 0
        case FaultKind.LOAD_MISMATCH:
            assert ((observed["load_kwh"] - true["load_kwh"]).abs() > 0.2).sum() == count
            assert observed["pv_kwh"].equals(true["pv_kwh"])
        case FaultKind.PV_STUCK:
            assert ((observed["pv_kwh"] - true["pv_kwh"]).abs() > 0.2).sum() == count
            assert observed["pv_kwh"].n_unique() == 1
        case _:
            assert prices["price"].to_list() == [0.0] * count


def test_alternating_fault_spares_every_other_hour(disturbed):
    (fault,) = [fault for fault in disturbed[1] if fault.kind is FaultKind.PRICE_ZERO_ALTERNATING]
    between = pl.Series([hour + timedelta(hours=1) for hour in fault.hours()], dtype=SLOT_DTYPE).implode()
    spared = disturbed[0].prices.filter(pl.col("slot_start").is_in(between))
    assert spared.height == 6
    assert spared["price"].min() > 0.07


def test_zero_day_is_zero_throughout(disturbed):
    (fault,) = [fault for fault in disturbed[1] if fault.kind is FaultKind.PRICE_ZERO_DAY]
    day = disturbed[0].prices.filter(local_day(SAMPLE_TIMEZONE) == local_date(fault))
    assert day["price"].to_list() == [0.0] * 24


def test_faults_are_refused_when_injected_twice(disturbed):
    with pytest.raises(DataRefusedError, match="not in the sample"):
        inject_faults(disturbed[0])


def test_faults_are_refused_when_a_price_may_be_a_true_zero(sample):
    low = sample.prices.with_columns(price=pl.col("price") - 0.05)
    with pytest.raises(DataRefusedError, match="EUR/kWh"):
        inject_faults(replace(sample, prices=low))


def test_documentation_lists_every_fault(disturbed):
    page = (REPOSITORY / "docs" / "sample.md").read_text("utf-8")
    for fault in disturbed[1]:
        local = fault.start.astimezone(zone(SAMPLE_TIMEZONE))
        (row,) = [line for line in page.splitlines() if line.startswith(f"| {local:%Y-%m-%d} |")]
        assert f"{local:%H:%M}" in row
        assert row.endswith(f"| {fault.expected} |")


# --- how it was made ---------------------------------------------------------------------------------------------


def home_rows(**changes) -> pl.DataFrame:
    columns = {
        "Hour": [24.0, 1.0, 2.0],
        make_sample.LOAD_COLUMN: [2.2758, 0.85, 0.83],
        "DHW Heating [kWh]": [0, 0, 0],
        "Cooling Load [kWh]": [0, 0, 0],
        "Heating Load [kWh]": [0, 0, 0],
        make_sample.PV_COLUMN: [0.0, 500.0, 1000.0],
    }
    return pl.DataFrame(columns | changes)


def test_home_pv_becomes_kwh_by_the_nominal_power():
    home = make_sample.home_hours(home_rows(), nominal_kw=4.0)
    assert home["pv_kwh"].to_list() == [0.0, 2.0, 4.0]
    assert home["load_kwh"].to_list() == [2.2758, 0.85, 0.83]


def test_home_hour_24_starts_at_midnight():
    home = make_sample.home_hours(home_rows(), nominal_kw=4.0)
    assert [clock.hour for clock in home["wall_clock"]] == [0, 1, 2]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        pytest.param(home_rows(Hour=[24.0, 2.0, 3.0]), "not consecutive", id="an hour is skipped"),
        pytest.param(home_rows(**{"Heating Load [kWh]": [0, 1, 0]}), "heat demands", id="separate heating"),
    ],
)
def test_home_is_refused_when_it_is_not_as_it_was(rows, reason):
    with pytest.raises(DataRefusedError, match=reason):
        make_sample.home_hours(rows, nominal_kw=4.0)


def price_rows(*rows: tuple[str | None, str | None, float]) -> pl.DataFrame:
    columns = ("Datetime (UTC)", "Datetime (Local)", "Price (EUR/MWhe)")
    return pl.DataFrame(rows, schema=columns, orient="row")


TWO_DOWNLOADS = (
    ("2023-07-02 12:00:00", "2023-07-02 14:00:00", -500.0),
    (None, None, 0.0),
    ("02/07/2023 12:00", "02/07/2023 14:00", -500.0),
    ("02/07/2023 13:00", "02/07/2023 15:00", -172.39),
)


def test_prices_of_two_downloads_are_one_series_in_eur_per_kwh():
    prices = make_sample.price_hours(price_rows(*TWO_DOWNLOADS))
    start = datetime(2023, 7, 2, 12, tzinfo=UTC)
    assert prices.rows() == [(start, -0.5), (start + timedelta(hours=1), -0.17239)]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        pytest.param(("02/07/2023 12:00", "02/07/2023 14:00", 7.0), "two prices", id="downloads disagree"),
        pytest.param(("02/07/2023 14:00", "02/07/2023 14:00", 7.0), "two clocks", id="local is not Amsterdam"),
    ],
)
def test_prices_are_refused_when_the_file_contradicts_itself(row, reason):
    with pytest.raises(DataRefusedError, match=reason):
        make_sample.price_hours(price_rows(*TWO_DOWNLOADS, row))


def test_home_is_laid_wall_clock_on_wall_clock_when_the_clock_changes():
    hour = pl.duration(hours=pl.int_range(365 * 24))
    clock = pl.select(pl.lit(make_sample.HOME_FIRST_HOUR, dtype=pl.Datetime("us")) + hour).to_series()
    home = pl.DataFrame({"wall_clock": clock, "load_kwh": clock.dt.hour().cast(pl.Float64), "pv_kwh": 0.0})
    prices = pl.DataFrame(schema={"slot_start": SLOT_DTYPE, "price_eur_per_kwh": pl.Float64})
    placed = make_sample.place(home, prices).with_columns(local_day(SAMPLE_TIMEZONE))
    hours = {day: placed.filter(pl.col("local_day") == day)["load_kwh"].to_list() for day in CLOCK_CHANGES}
    assert hours[CLOCK_CHANGES[0]] == [0, 1, 2, 2, *range(3, 24)]
    assert hours[CLOCK_CHANGES[1]] == [0, 1, *range(3, 24)]


def test_home_keeps_weekday_and_season_when_moved():
    assert make_sample.HOME_SHIFT % timedelta(weeks=1) == timedelta(0)
    moved = make_sample.HOME_FIRST_HOUR + make_sample.HOME_SHIFT
    assert moved.date() == date(2023, 7, 31)
    assert moved.weekday() == make_sample.HOME_FIRST_HOUR.weekday() == 0


def test_home_is_refused_when_it_does_not_cover_the_days():
    home = make_sample.home_hours(home_rows(), nominal_kw=4.0)
    prices = pl.DataFrame(schema={"slot_start": SLOT_DTYPE, "price_eur_per_kwh": pl.Float64})
    with pytest.raises(DataRefusedError, match="does not cover"):
        make_sample.place(home, prices)


def test_faults_end_as_expected_when_repaired_and_graded(disturbed):
    faulty, faults = disturbed
    raw = repeat_prices(faulty.prices.with_columns(native_minutes=pl.lit(60, pl.Int32))).with_columns(
        imported_at=pl.col("slot_start")
    )
    repaired = repair_prices(raw, FIRST_DAY, LAST_DAY, SAMPLE_TIMEZONE, near=near_zero(SAMPLE_CURRENCY))
    quarter = pl.duration(minutes=15)
    slots = pl.concat(
        faulty.observations.with_columns(pl.col("slot_start") + n * quarter, pl.col("load_kwh", "pv_kwh") / 4)
        for n in range(4)
    )
    grades = grade_days(
        slots,
        repaired.prices,
        faulty.hourly_statistics,
        FIRST_DAY,
        LAST_DAY,
        SAMPLE_TIMEZONE,
        battery=SiteSettings().site("sample").battery,
        has_pv=True,
        repairs=repaired.repairs,
    )
    refused = set(grades.filter(pl.col("status") == "exclude")["day"].to_list())
    assert refused == {local_date(fault) for fault in faults if fault.expected is Expected.EXCLUDED}
    mended = {local_date(fault) for fault in faults if fault.expected in (Expected.REPAIRED, Expected.FILLED)}
    assert mended <= set(repaired.repairs["local_day"].to_list())
