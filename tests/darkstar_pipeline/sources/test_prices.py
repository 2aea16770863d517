"""Tidy prices: every wrong file with its message; and what is accepted."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.warehouse.lake import Lake
from darkstar_pipeline.warehouse.schemas import RAW_SPOT_PRICES
from tests.builders.tidy_files import (
    LATER,
    MIDNIGHT,
    NOW,
    SITE,
    Place,
    Refusal,
    areas,
    as_parquet,
    bytes_of,
    claiming,
    csv,
    import_prices,
    naive,
    prices,
)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(Lake(tmp_path / "lake"), tmp_path / "quarantine", tmp_path)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A place with a day in its lake, for files that are refused and leave it as it is."""
    folder = tmp_path_factory.mktemp("filled")
    place = Place(Lake(folder / "lake"), folder / "quarantine", folder)
    import_prices(place, "good.csv", csv(prices(start=MIDNIGHT + timedelta(days=3))))
    return place


PRICE_REFUSALS = [
    Refusal("empty.csv", lambda _: b"", "is empty", "export it again"),
    Refusal("header.csv", lambda _: b"slot_start,price\n", "column names but no rows", "export it again"),
    Refusal(
        "names.csv",
        lambda _: b"slot_start,eur_per_mwh\n2026-01-01T00:00Z,50\n",
        "no column price or sek_per_kwh",
        "sek per kwh",
    ),
    Refusal("area.csv", lambda _: csv(areas("SE1", "SE4")), "has no prices of SE3; it has SE1, SE4", "site's area"),
    Refusal("cut.parquet", lambda f: as_parquet(prices(), f)[:-9], "cut off", "again"),
    Refusal(
        "huge.parquet", lambda f: claiming(as_parquet(prices(), f), rows=3 * 2**30), "3221225472 rows", "split the file"
    ),
    Refusal(
        "ahead.csv",
        lambda _: csv(prices(start=NOW + timedelta(days=2))),
        "95 prices lie more than two days ahead",
        "clock",
    ),
    Refusal(
        "mwh.csv",
        lambda _: csv(prices().with_columns(pl.col("price") * 1000)),
        "too much for SEK/kWh",
        "divide SEK/MWh by 1000",
    ),
    Refusal(
        "ore.csv", lambda _: csv(prices().with_columns(pl.col("price") * 100)), "too much for SEK/kWh", "öre/kWh by 100"
    ),
    Refusal(
        "partial.csv",
        lambda _: csv(prices(rows=4)),
        "4 of 4 rows are bad; the first is row 1: day 2026-01-10 has 4 of 96 prices",
        "quarantine",
    ),
    Refusal("hours.csv", lambda _: csv(prices(rows=4, minutes=60)), "day 2026-01-10 has 4 of 24 prices", "quarantine"),
    Refusal("five.csv", lambda _: csv(prices(minutes=5)), "a row every", "resample"),
    Refusal("naive.csv", lambda _: csv(naive(prices())), "no offset from UTC", "write UTC with Z"),
    Refusal(
        "euro.csv",
        lambda _: csv(prices().with_columns(pl.lit("EUR").alias("currency"))),
        "prices are in EUR",
        "convert",
    ),
    Refusal(
        "nan.csv", lambda _: csv(prices().with_columns(pl.lit("NaN").alias("price"))), "price is NaN", "quarantine"
    ),
]


@pytest.mark.parametrize("case", PRICE_REFUSALS, ids=lambda case: case.name)
def test_prices_are_refused_whole_and_the_lake_stays_when_the_file_is_wrong(case: Refusal, filled: Place):
    before = bytes_of(filled.lake.root)
    with pytest.raises(DataRefusedError) as raised:
        import_prices(filled, case.name, case.content(filled.folder))
    assert case.message in raised.value.message
    assert case.hint in raised.value.hint
    assert raised.value.code == "data_refused"
    assert bytes_of(filled.lake.root) == before


def test_prices_are_refused_when_another_area_is_named(place: Place):
    with pytest.raises(DataRefusedError, match="prices of SE4 offered, the site is in SE3"):
        import_prices(place, "p.csv", csv(areas("SE3", "SE4")), area="SE4")


def test_float32_values_keep_their_decimals(place: Place):
    import_prices(place, "f.parquet", prices().cast({"price": pl.Float32}))
    assert place.lake.read(RAW_SPOT_PRICES, "home")["price"].to_list() == prices()["price"].to_list()


def test_prices_of_the_area_are_taken_and_hours_are_repeated(place: Place):
    hourly = pl.concat([prices(rows=24, minutes=60).with_columns(pl.lit(a).alias("area")) for a in ("SE4", "SE3")])
    report = import_prices(place, "h.csv", csv(hourly.rename({"price": "sek_per_kwh"})), area="se3")
    stored = place.lake.read(RAW_SPOT_PRICES, "home")
    assert (report.rows_read, report.slots_new) == (24, 96)
    assert stored["price"].to_list() == [value for value in prices(rows=24)["price"].to_list() for _ in range(4)]
    assert stored["native_minutes"].unique().to_list() == [60]
    assert stored["area"].unique().to_list() == ["SE3"]


@pytest.mark.parametrize("name", ["SE3", " se3 ", "SE_3", "BZN|SE3"])
def test_area_and_currency_of_a_tidy_file_are_read_by_any_name_of_theirs(name: str, place: Place):
    own = prices().with_columns(pl.lit(name).alias("area"), pl.lit(" sek").alias("currency"))
    other = dear(start=MIDNIGHT).with_columns(pl.lit("SE4").alias("area"), pl.lit("SEK").alias("currency"))
    assert import_prices(place, "areas.csv", csv(pl.concat([other, own]))).slots_new == 96
    assert place.lake.read(RAW_SPOT_PRICES, "home")["price"].to_list() == own["price"].to_list()


def test_prices_change_resolution_in_the_middle_of_a_file(place: Place):
    hours, quarters = prices(rows=24, minutes=60), prices(start=MIDNIGHT + timedelta(days=1))
    report = import_prices(place, "both.csv", csv(pl.concat([hours, quarters])))
    assert (report.slots_new, report.rows_rejected) == (192, 0)
    stored = place.lake.read(RAW_SPOT_PRICES, "home")
    assert stored.group_by("native_minutes").len().sort("native_minutes").rows() == [(15, 96), (60, 96)]
    assert any("60 minutes from" in note and "15 minutes from" in note for note in report.notes)


def test_partial_day_is_refused_and_the_days_beside_it_are_imported(place: Place):
    report = import_prices(place, "two.csv", csv(prices(rows=100)))
    assert (report.rows_rejected, report.slots_new, report.days) == (4, 96, 1)
    assert report.quarantine_file is not None
    assert pl.read_csv(report.quarantine_file)["reason"].unique().to_list() == ["day 2026-01-11 has 4 of 96 prices"]


def test_part_of_a_day_is_accepted_when_the_lake_has_the_rest(place: Place):
    import_prices(place, "day.csv", csv(prices()))
    report = import_prices(place, "part.csv", csv(prices(rows=4).with_columns(pl.col("price") + 1)), now=LATER)
    assert (report.rows_rejected, report.slots_changed, report.slots_unchanged) == (0, 4, 0)


def test_zero_and_negative_prices_are_prices(place: Place):
    import_prices(place, "p.csv", csv(prices()))
    stored = place.lake.read(RAW_SPOT_PRICES, "home")["price"]
    assert stored.min() == -0.11
    assert (stored == 0).any()


@pytest.mark.parametrize(
    ("currency", "typical"),
    [("HUF", 42.45), ("ZAR", 2.0), ("JPY", 12.0), ("ISK", 9.0), ("RON", 0.55), ("IDR", 1444.0), ("UAH", 5.6)],
)
def test_prices_of_any_currency_are_judged_by_its_worth(place: Place, currency: str, typical: float):
    site = place.target().site.model_copy(update={"currency": currency})
    right = prices().with_columns(price=pl.lit(typical) + pl.col("price") * typical)
    report = import_prices(place, "p.csv", csv(right), site=site)
    assert report.slots_new == 96
    with pytest.raises(DataRefusedError, match=f"too much for {currency}/kWh") as raised:
        import_prices(place, "mwh.csv", csv(right.with_columns(pl.col("price") * 1000)), site=site)
    assert f"divide {currency}/MWh by 1000" in raised.value.hint


def test_prices_of_a_currency_of_unknown_worth_are_taken_with_a_note(place: Place):
    site = place.target().site.model_copy(update={"currency": "XTS"})
    report = import_prices(place, "p.csv", csv(prices().with_columns(price=pl.col("price") * 1e6)), site=site)
    assert report.slots_new == 96
    assert any("the worth of XTS is not known" in note for note in report.notes)


@pytest.mark.parametrize("step", [1, -1], ids=["in order", "backwards"])
@pytest.mark.parametrize(
    ("area", "zone", "minutes"),
    [
        ("FI", "Europe/Helsinki", 15),
        ("GR", "Europe/Athens", 60),
        ("SEM", "Europe/Dublin", 60),
        ("PT", "Europe/Lisbon", 15),
    ],
)
def test_days_of_the_market_fill_local_days_whatever_the_order(
    place: Place, area: str, zone: str, minutes: int, step: int
):
    site = place.target().site.model_copy(update={"area": area, "timezone": zone, "currency": "EUR"})
    cheap = prices(rows=1440 // minutes, minutes=minutes).with_columns(pl.col("price") / 10)
    for day in range(3)[::step]:
        moved = cheap.with_columns(pl.col("slot_start") + timedelta(days=day))
        report = import_prices(place, f"{day}.csv", csv(moved), site=site)
        assert (report.rows_rejected, report.slots_new) == (0, 96)
    stored = place.lake.read(RAW_SPOT_PRICES, "home").group_by("local_day").len().sort("local_day")
    assert stored["len"].to_list() == ([92, 96, 96, 4] if area in ("FI", "GR") else [4, 96, 96, 92])


def test_publication_cut_short_is_refused_where_the_day_of_the_market_is_another(place: Place):
    site = place.target().site.model_copy(update={"area": "FI", "timezone": "Europe/Helsinki", "currency": "EUR"})
    cut = prices(rows=40).with_columns(pl.col("price") / 10)
    with pytest.raises(DataRefusedError, match="day 2026-01-10 has 40 of 96 prices"):
        import_prices(place, "cut.csv", csv(cut), site=site)


def test_list_of_a_service_is_read_like_a_tidy_file(place: Place):
    listed = [
        {"time_start": at.isoformat(), "SEK_per_kWh": price, "EUR_per_kWh": 9.9} for at, price in prices().iter_rows()
    ]
    report = import_prices(place, "elpris.json", json.dumps(listed).encode())
    assert (report.slots_new, report.rows_rejected) == (96, 0)
    assert place.lake.read(RAW_SPOT_PRICES, "home")["price"].to_list() == prices()["price"].to_list()


TOMORROW = datetime(2026, 6, 1, 22, tzinfo=UTC)
"""Local midnight after `NOW` in Stockholm."""


def dear(rows: int = 96, start: datetime = TOMORROW) -> pl.DataFrame:
    return prices(rows=rows, start=start).with_columns(pl.col("price") + 0.5)


def zeros(first: int, last: int) -> pl.DataFrame:
    """Dear prices with zeros from one row to another."""
    row = pl.int_range(pl.len())
    return dear().with_columns(pl.when(row.is_between(first, last)).then(0.0).otherwise("price").alias("price"))


def test_zeros_over_known_prices_are_not_believed(place: Place):
    today = dear(start=TOMORROW - timedelta(days=1))
    import_prices(place, "good.csv", csv(pl.concat([today, dear()])))
    good = place.lake.read(RAW_SPOT_PRICES, "home")["price"].to_list()
    report = import_prices(place, "c23.csv", csv(pl.concat([today, zeros(0, 95)])), now=LATER)
    assert (report.rows_rejected, report.slots_changed) == (96, 0)
    assert any("96 rows were refused: 96 × price 0 in a run of 96 zeros over known prices" in n for n in report.notes)
    report = import_prices(place, "half.csv", csv(zeros(48, 95)), now=LATER)
    assert (report.rows_rejected, report.slots_changed) == (48, 0)
    assert place.lake.read(RAW_SPOT_PRICES, "home")["price"].to_list() == good


def test_day_ahead_of_nothing_but_zeros_is_refused_and_the_day_beside_it_is_read(place: Place):
    today = dear(start=TOMORROW - timedelta(days=1))
    report = import_prices(place, "c23.csv", csv(pl.concat([today, zeros(0, 95)])))
    assert (report.rows_rejected, report.slots_new) == (96, 96)
    assert any("price 0 like all 96 prices of 2026-06-02" in note for note in report.notes)


@pytest.mark.parametrize(("first", "last"), [(40, 63), (0, 40), (10, 16)], ids=["noon", "night", "short"])
def test_true_zeros_are_kept_first_and_when_they_come_again(place: Place, first: int, last: int):
    for name in ("new.csv", "again.csv"):
        assert import_prices(place, name, csv(zeros(first, last))).rows_rejected == 0
    assert (place.lake.read(RAW_SPOT_PRICES, "home")["price"] == 0).sum() == last - first + 1


def test_zeros_of_hours_over_quarters_are_not_believed_either(place: Place):
    import_prices(place, "good.csv", csv(dear()))
    hourly = dear(rows=24).with_columns(slot_start=dear()["slot_start"].gather_every(4), price=pl.lit(0.0))
    other = dear(start=TOMORROW - timedelta(days=1)).gather_every(4)
    report = import_prices(place, "hours.csv", csv(pl.concat([other, hourly])), now=LATER)
    assert (report.rows_rejected, report.slots_changed) == (24, 0)


def test_zeros_over_known_prices_of_an_unlisted_currency_are_not_believed_either(place: Place):
    site = SITE.model_copy(update={"currency": "XTS"})
    import_prices(place, "good.csv", csv(dear()), site=site)
    report = import_prices(place, "half.csv", csv(zeros(48, 95)), now=LATER, site=site)
    assert (report.rows_rejected, report.slots_changed) == (48, 0)


def test_past_days_of_zeros_stay_for_the_gate_to_judge(place: Place):
    report = import_prices(place, "old.csv", csv(prices().with_columns(price=pl.lit(0.0))))
    assert report.slots_new == 96


@pytest.mark.parametrize(
    ("column", "unit", "factor"),
    [
        ("price", "öre/kWh", 100),
        ("price", "SEK/MWh", 1000),
        ("price", "SEK/kWh", 1),
        ("ore_per_kwh", "", 100),
        ("sek_per_mwh", "", 1000),
        ("Price (SEK/MWh)", "", 1000),
    ],
)
def test_unit_that_a_tidy_file_states_is_converted(place: Place, column: str, unit: str, factor: float):
    table = prices().with_columns((pl.col("price") * factor).alias(column))
    table = table.with_columns(pl.lit(unit).alias("unit")) if unit else table
    report = import_prices(place, "u.csv", csv(table if column == "price" else table.drop("price")))
    stored = place.lake.read(RAW_SPOT_PRICES, "home")["price"].to_list()
    assert stored == pytest.approx(prices()["price"].to_list(), abs=1e-12)
    assert any("were divided by" in note for note in report.notes) == (factor > 1)


@pytest.mark.parametrize("name", ["Pris inkl moms (SEK/MWh)", "Totalpris (SEK/MWh)", "Price incl. VAT (SEK/MWh)"])
def test_price_with_tax_by_its_name_is_no_spot_price(name: str, place: Place):
    table = prices().with_columns((pl.col("price") * 1250).alias(name)).drop("price")
    with pytest.raises(DataRefusedError, match="holds tax or fees, by its name"):
        import_prices(place, "u.csv", csv(table))
    both = table.with_columns((pl.col(name) / 1.25).alias("Pris exkl moms (SEK/MWh)"))
    import_prices(place, "both.csv", csv(both))
    stored = place.lake.read(RAW_SPOT_PRICES, "home")["price"].to_list()
    assert stored == pytest.approx(prices()["price"].to_list(), abs=1e-12)


@pytest.mark.parametrize(
    ("unit", "message"),
    [("EUR/MWh", "prices are in EUR"), ("kWh", "not read as a unit of a price"), (None, "in several units")],
)
def test_unit_that_cannot_be_converted_is_refused(place: Place, unit: str | None, message: str):
    units = pl.lit(unit) if unit else pl.Series(["öre/kWh", "SEK/kWh"] * 48)
    with pytest.raises(DataRefusedError, match=message):
        import_prices(place, "u.csv", csv(prices().with_columns(units.alias("unit"))))
