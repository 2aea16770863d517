"""What is stored: quantities in figures, balance, the week that is drawn, and errors where nothing is stored."""

from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console

from darkstar_pipeline.context import Context
from darkstar_pipeline.doctor.stored_data import examine_data
from darkstar_pipeline.doctor.stored_quantities import StoredQuantity
from darkstar_pipeline.doctor.stored_rows import fact_rows, quantity_rows
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.warehouse.schemas import IMPORT_PROVENANCE, IMPORT_REMARKS, METER_READINGS, METER_STATISTICS
from tests.builders.small_home import DAYS, FIRST, LAST, SHORT_DAY, small_context


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return small_context(tmp_path)


def rewrite(context: Context, *columns: pl.Expr) -> None:
    """Change what is stored of the readings."""
    rows = context.lake.read(METER_READINGS, "home").with_columns(columns)
    context.lake.write_days(METER_READINGS, "home", DAYS, rows)


def quantity(context: Context, name: str, first: date | None = None, last: date | None = None) -> StoredQuantity:
    return next(one for one in examine_data(context, first, last).quantities if one.quantity == name)


def test_a_quantity_is_counted_when_an_afternoon_is_missing(context: Context):
    load = quantity(context, "load_kwh")
    assert (load.first_day, load.last_day, load.days, load.slots) == (FIRST, LAST, 14, 14 * 96 + 4 - 44)
    assert load.share == pytest.approx(1 - 44 / 1348)
    assert [(gap.first_slot.isoformat(), gap.slots) for gap in load.largest_gaps] == [("2025-10-24T11:00:00+00:00", 44)]
    assert [(one.source, one.native_minutes, one.slots) for one in load.sources] == [("test", 15, load.slots)]
    assert quantity(context, "price").unit == "SEK/kWh"


def test_the_typical_day_is_of_whole_days_when_one_was_read_in_part(context: Context):
    rewrite(context, pl.when(pl.col("local_day") == SHORT_DAY).then(9.0).otherwise(0.25).alias("load_kwh"))
    load = quantity(context, "load_kwh")
    assert (load.typical, load.highest) == (24.0, 9.0)
    assert quantity(context, "load_kwh", SHORT_DAY, SHORT_DAY).typical is None


def test_a_level_is_described_by_its_mean_when_it_is_no_energy(context: Context):
    rewrite(context, pl.lit(55.0).alias("soc_start_percent"))
    soc = quantity(context, "soc_start_percent")
    assert (soc.unit, soc.typical, soc.unlike) == ("%", 55.0, ())


def test_only_the_range_counts_when_one_is_given(context: Context):
    first, last = date(2025, 10, 26), date(2025, 10, 27)
    data = examine_data(context, first, last)
    assert (data.first_day, data.last_day) == (first, last)
    assert {one.slots for one in data.quantities} == {196}, "the day on which the clock goes back has 100"
    assert data.week.height == 196


def test_the_week_ends_with_the_readings_when_prices_reach_further(context: Context):
    rows = context.lake.read(METER_READINGS, "home").filter(pl.col("local_day") <= date(2025, 10, 30))
    context.lake.write_days(METER_READINGS, "home", DAYS, rows)
    data = examine_data(context, None, None)
    assert (data.last_day, data.week["local_day"][0], data.week["local_day"][-1]) == (
        LAST,
        date(2025, 10, 24),
        date(2025, 10, 30),
    )
    assert data.week["load_kwh"].null_count() == 44, "the afternoon that was not read is part of the grid"


def test_what_is_unlike_the_home_is_named_with_slot_and_rule(context: Context):
    odd = datetime.fromisoformat("2025-10-29T18:00:00Z")
    rewrite(context, pl.when(pl.col("slot_start") == odd).then(7.9).otherwise("load_kwh").alias("load_kwh"))
    data = examine_data(context, None, None)
    fact = next(row["value"] for row in fact_rows(data, context.timezone) if row["fact"] == "load")
    assert fact.startswith("1 slot unlike this home, first 2025-10-29 19:00: load_kwh 7.9 kWh is 31.6 kW, ")


def test_the_balance_is_that_of_an_import_when_the_grid_is_read(context: Context):
    assert examine_data(context, None, None).balance is None
    net = pl.col("load_kwh") - pl.col("pv_kwh") + 0.1
    rewrite(
        context,
        net.clip(lower_bound=0).alias("import_kwh"),
        (-net).clip(lower_bound=0).alias("export_kwh"),
        pl.lit(0.1).alias("water_kwh"),
    )
    balance = examine_data(context, None, None).balance
    assert balance is not None
    assert balance.unexplained_kwh == pytest.approx(0, abs=1e-6), "the heater is not part of the load"
    assert (balance.appliances, balance.without) == (("water heater",), ("batt_discharge_kwh", "batt_charge_kwh"))


def test_tables_fit_eighty_columns_when_every_quantity_is_stored(context: Context):
    from darkstar_pipeline.commands.maintenance import draw_stored_data

    rewrite(
        context,
        *(
            pl.lit(1234.5678).alias(name)
            for name in ("import_kwh", "export_kwh", "batt_charge_kwh", "batt_discharge_kwh", "water_kwh", "ev_kwh")
        ),
        pl.lit(55.0).alias("soc_start_percent"),
    )
    data = examine_data(context, None, None)
    out = StringIO()
    draw_stored_data(Console(file=out, width=80, highlight=False), data, context.timezone, Path("week.png"))
    lines = out.getvalue().splitlines()
    assert max(len(line) for line in lines) <= 80
    assert sum(line.startswith("quantity ") for line in lines) == 2, "each table in one part"
    assert len(quantity_rows(data, context.timezone)) == 10


def test_a_site_without_data_is_told_how_to_import(tmp_path: Path):
    with pytest.raises(DataMissingError, match="no reading and no price is stored of site home") as refused:
        examine_data(small_context(tmp_path, filled=False), None, None)
    assert "darkstar import observations" in refused.value.hint


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        (LAST + timedelta(days=1), None, f"is stored from {LAST + timedelta(days=1)}$"),
        (None, FIRST - timedelta(days=1), f"is stored to {FIRST - timedelta(days=1)}$"),
        (date(2024, 1, 1), date(2024, 1, 2), "is stored from 2024-01-01 to 2024-01-02$"),
    ],
)
def test_a_range_without_data_names_the_days_that_are_stored(
    context: Context, first: date | None, last: date | None, words: str
):
    with pytest.raises(DataMissingError, match=words) as refused:
        examine_data(context, first, last)
    assert refused.value.hint == f"stored are days from {FIRST} to {LAST}"


def test_what_imports_refused_and_altered_is_counted_with_its_reason(context: Context):
    days = [date(2025, 10, 25), date(2025, 10, 27)]
    found = [
        ("load_kwh", "refused", "sensor.a: glitch", 3),
        ("load_kwh", "altered", "sensor.a: held", 40),
        ("all", "refused", "pv_kwh -1.5 kWh is negative", 2),
        ("soc_percent", "refused", "sensor.b: back at once", 1),
    ]
    slots = [datetime(2025, 10, day.day, 12, tzinfo=UTC) for day in days]
    said = pl.DataFrame(
        [(slot, slot, day, *row) for day, slot in zip(days, slots, strict=True) for row in found],
        schema=["first_slot", "last_slot", "local_day", "quantity", "action", "reason", "readings"],
        orient="row",
    ).with_columns(site=pl.lit("home"), source=pl.lit("a.csv"), imported_at=pl.lit(slots[1]))
    context.lake.write_days(IMPORT_REMARKS, "home", days, said)
    data = examine_data(context, None, None)
    counts = {one.quantity: (one.refused, one.altered) for one in data.quantities}
    assert counts == {"load_kwh": (10, 80), "pv_kwh": (4, 0), "price": (0, 0)}, "a whole row is of each"
    facts = [row["value"] for row in fact_rows(data, context.timezone) if "at import" in row["value"]]
    assert facts == [
        "80 readings altered at import on 2 days, first 2025-10-25 14:00: sensor.a: held",
        "6 readings refused at import on 2 days, first 2025-10-25 14:00: sensor.a: glitch",
        "4 readings refused at import on 2 days, first 2025-10-25 14:00: pv_kwh -1.5 kWh is negative",
    ]


def test_what_a_source_was_read_as_is_told_once_for_all_its_quantities(context: Context):
    slot = datetime(2025, 10, 20, 12, tzinfo=UTC)
    rows = pl.DataFrame(
        {
            "quantity": ["load_kwh", "pv_kwh", "price"],
            "source": ["test", "test", "another.csv"],
            "unit": ["kWh", "kWh", "SEK/kWh"],
        }
    ).with_columns(
        site=pl.lit("home"),
        first_slot=pl.lit(slot),
        local_day=pl.lit(slot.date()),
        format=pl.lit("tidy file"),
        sensor=pl.lit(""),
        treatment=pl.lit(""),
        imported_at=pl.lit(slot),
    )
    context.lake.write_days(IMPORT_PROVENANCE, "home", [slot.date()], rows)
    data = examine_data(context, date(2025, 11, 1), None)
    assert [(one.quantity, len(one.provenance)) for one in data.quantities] == [
        ("load_kwh", 1),
        ("pv_kwh", 1),
        ("price", 0),
    ]
    assert {"fact": "load, pv", "value": "test read as tidy file, in kWh"} in fact_rows(data, context.timezone)


def test_hours_that_differ_from_their_statistic_are_named(context: Context):
    rewrite(context, pl.lit(0.25).alias("load_kwh"))
    hours = [datetime(2025, 10, 25, hour, tzinfo=UTC) for hour in (10, 11, 12)]
    statistics = pl.DataFrame(
        {
            "site": ["home"] * 3,
            "hour_start": hours,
            "quantity": ["load"] * 3,
            "energy_kwh": [1.0, 1.2, 1.21],
            "local_day": [date(2025, 10, 25)] * 3,
            "source": ["test"] * 3,
            "imported_at": [hours[0]] * 3,
        }
    ).select(pl.col(name).cast(kind) for name, kind in METER_STATISTICS.schema.items())
    context.lake.write_days(METER_STATISTICS, "home", [date(2025, 10, 25)], statistics)
    data = examine_data(context, None, None)
    (found,) = data.disagreeing
    assert (found.hour_start, found.quantity, found.read_kwh, found.statistic_kwh) == (hours[2], "load", 1.0, 1.21)
    (told,) = [row["value"] for row in fact_rows(data, "Europe/Stockholm") if "differ" in row["value"]]
    assert told == "1 hours differ from their statistic by more than 0.2 kWh: 2025-10-25 14:00: 1 kWh, not 1.21"
