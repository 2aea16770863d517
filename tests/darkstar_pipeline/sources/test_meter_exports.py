"""Exports of inverter makers, grid companies and suppliers: their energies per slot, or what is missing in them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.warehouse.lake import Lake
from darkstar_pipeline.warehouse.schemas import METER_READINGS
from tests.builders.tidy_files import SITE, Place, import_prices, import_readings

ROWS = 96
MAY = datetime(2026, 5, 2)  # noqa: DTZ001 - a clock without a zone, as these exports have
NO_PANELS = SITE.model_copy(update={"has_pv": False})


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(Lake(tmp_path / "lake"), tmp_path / "quarantine", tmp_path)


def kwh(n: int) -> float:
    return round(0.10 + 0.01 * (n % 9), 3)


def lines(stamp: Callable[[datetime], str], row: Callable[[int], str], *, minutes: int = 15, count: int = ROWS) -> str:
    first = datetime(2026, 1, 10)  # noqa: DTZ001 - a clock without a zone, as these exports have
    return "".join(f"{stamp(first + timedelta(minutes=minutes * n))}{row(n)}\n" for n in range(count))


def comma(number: float) -> str:
    return f"{number:.3f}".replace(".", ",")


FRONIUS = (
    "Date and time;Energy from grid;Consumption;Energy to grid;PV production\n"
    "[dd.MM.yyyy HH:mm];[Wh];[Wh];[Wh];[Wh]\n"
    + lines("{:%d.%m.%Y %H:%M}".format, lambda n: f";{comma(1000 * kwh(n))};{comma(1000 * kwh(n))};0;0")
)
FUSION_SOLAR = (
    "Statistical Period,PV Yield (kWh),Consumption (kWh),Feed-in to grid (kWh),Energy from grid (kWh)\n"
    + lines("{:%Y-%m-%d %H:%M:%S}".format, lambda n: f",0.00,{kwh(n)},0.00,{kwh(n)}")
)
SOLAR_EDGE = "Time,System Production (W),Consumption (W),Import (W)\n" + lines(
    "{:%m/%d/%Y %H:%M}".format, lambda n: f",0,{4000 * kwh(n):.0f},{4000 * kwh(n):.0f}"
).replace("01/10/2026", "10.01.2026")
ELLEVIO = "Period;Förbrukning (kWh)\n" + lines("{:%Y-%m-%d %H:%M}".format, lambda n: f";{comma(kwh(n))}")
TIBBER = "from,to,unitPrice,unitPriceVAT,cost,consumption\n" + lines(
    "{:%Y-%m-%dT%H:%M:%S.000+01:00}".format, lambda n: f",,0.55,0.11,0.2,{kwh(n)}"
)
ENPHASE = "Date/Time,Energy Produced (Wh),Energy Consumed (Wh),Exported to Grid (Wh),Imported from Grid (Wh)\n" + lines(
    "{:%Y-%m-%d %H:%M:%S}".format, lambda n: f",0,{1000 * kwh(n):.0f},0,{1000 * kwh(n):.0f}"
)


def test_export_without_consumption_says_so(place: Place) -> None:
    text = "Date/Time,Energy Produced (Wh)\n2026-01-10 00:00,10\n2026-01-10 00:15,10\n"
    with pytest.raises(DataRefusedError, match="an export of Enphase Enlighten: it shows pv_kwh and no consumption"):
        import_readings(place, "enphase.csv", text.encode())


@pytest.mark.parametrize(
    ("text", "noun"),
    [
        pytest.param(ENPHASE, "Enphase Enlighten", id="Enphase"),
        pytest.param(FRONIUS, "Fronius Solar.web", id="Fronius"),
        pytest.param(FUSION_SOLAR, "FusionSolar", id="FusionSolar"),
        pytest.param(SOLAR_EDGE, "SolarEdge", id="SolarEdge in watts"),
        pytest.param(ELLEVIO, "a grid company's table of a meter", id="Ellevio"),
        pytest.param(TIBBER, "Tibber", id="Tibber"),
    ],
)
def test_export_gives_the_energies_of_its_slots(text: str, noun: str, place: Place):
    report = import_readings(place, "export.csv", text.encode(), site=NO_PANELS)
    assert (report.slots_new, report.rows_rejected) == (ROWS, 0)
    stored = place.lake.read(METER_READINGS, "home").sort("slot_start")
    assert f"{stored['slot_start'][0]:%Y-%m-%dT%H:%MZ}" == "2026-01-09T23:00Z"
    for column in ("load_kwh", "import_kwh"):
        assert stored[column].to_list() == pytest.approx([kwh(n) for n in range(ROWS)], abs=1e-9)
    assert any("was read as" in note and noun in note for note in report.notes)
    assert any("clock of Europe/Stockholm" in note for note in report.notes) == (text is not TIBBER)


def test_five_minutes_of_fronius_add_up(place: Place):
    head = FRONIUS.split("\n", 2)[:2]
    body = lines("{:%d.%m.%Y %H:%M}".format, lambda _: ";40,0;40,0;0;10,0", minutes=5, count=288)
    import_readings(place, "export.csv", ("\n".join(head) + "\n" + body).encode())
    stored = place.lake.read(METER_READINGS, "home")
    assert stored["load_kwh"].to_list() == pytest.approx([0.12] * 96)
    assert stored["pv_kwh"].sum() == pytest.approx(2.88)


@pytest.mark.parametrize("text", [ELLEVIO, TIBBER], ids=["Ellevio", "Tibber"])
def test_import_from_the_grid_is_no_load_where_there_may_be_panels(text: str, place: Place):
    with pytest.raises(DataRefusedError, match="not the load of a home with panels") as raised:
        import_readings(place, "export.csv", text.encode())
    assert "has_pv: false" in raised.value.hint


def test_number_that_is_none_is_refused_by_its_row(place: Place):
    report = import_readings(place, "export.csv", FUSION_SOLAR.replace(",0.11,", ",--,", 1).encode(), site=NO_PANELS)
    assert (report.rows_rejected, report.slots_new) == (1, ROWS - 1)


@pytest.mark.parametrize(
    ("stamp", "first", "start"),
    [
        pytest.param("{:%m/%d/%Y %H:%M}", MAY, "2026-05-01T22:00Z", id="American, days below 13"),
        pytest.param("{:%d/%m/%Y %H:%M}", MAY, "2026-05-01T22:00Z", id="British, days below 13"),
        pytest.param("{:%m/%d/%Y %H:%M}", MAY + timedelta(days=18), "2026-05-19T22:00Z", id="American, told by a day"),
        pytest.param("{:%d/%m/%Y %H:%M}", MAY + timedelta(days=18), "2026-05-19T22:00Z", id="British, told by a day"),
        pytest.param("{:%d.%m.%Y %H:%M}", MAY, "2026-05-01T22:00Z", id="points"),
        pytest.param("{0:%Y-%m-%d %H:%M} - {0:%H:59}", MAY, "2026-05-01T22:00Z", id="from and until"),
    ],
)
def test_day_and_month_are_told_by_the_days_that_hold_together(stamp: str, first: datetime, start: str, place: Place):
    rows = "".join(f"{stamp.format(first + timedelta(hours=n))},0,500\n" for n in range(48))
    import_readings(place, "export.csv", f"Time,System Production (W),Consumption (W)\n{rows}".encode())
    stored = place.lake.read(METER_READINGS, "home").sort("slot_start")
    assert (f"{stored['slot_start'][0]:%Y-%m-%dT%H:%MZ}", stored.height) == (start, 192)


def test_one_date_of_either_order_is_refused(place: Place):
    rows = "".join(f"05/02/2026 {n:02}:00,0,500\n" for n in range(24))
    with pytest.raises(DataRefusedError, match="either order of day and month"):
        import_readings(place, "export.csv", f"Time,System Production (W),Consumption (W)\n{rows}".encode())


def test_stamps_that_show_the_ends_of_hours_are_refused(place: Place):
    rows = "".join(f"2026-01-{day} {n:02}:00;0,5\n" for day in (10, 11) for n in range(1, 25))
    with pytest.raises(DataRefusedError, match="show the ends of its rows"):
        import_readings(place, "export.csv", f"Datum;Förbrukning (kWh)\n{rows}".encode(), site=NO_PANELS)


def test_head_that_says_utc_is_believed(place: Place):
    text = ELLEVIO.replace("Period;", "Period (UTC);")
    report = import_readings(place, "export.csv", text.encode(), site=NO_PANELS)
    stored = place.lake.read(METER_READINGS, "home").sort("slot_start")
    assert f"{stored['slot_start'][0]:%Y-%m-%dT%H:%MZ}" == "2026-01-10T00:00Z"
    assert any("read as the clock of UTC" in note for note in report.notes)


@pytest.mark.parametrize(
    ("stamps", "words"),
    [
        (("10.01.2026", "11.01.2026", "12.01.2026"), "one row for a day"),
        (("Jan 1", "Jan 2", "Jan 3"), "fewer than two stamps that can be read"),
    ],
)
def test_stamps_without_a_step_are_told(stamps: tuple[str, ...], words: str, place: Place):
    rows = "".join(f"{stamp},0,9\n" for stamp in stamps)
    with pytest.raises(DataRefusedError, match=words):
        import_readings(place, "export.csv", f"Statistical Period,PV Yield (kWh),Consumption (kWh)\n{rows}".encode())


def test_days_instead_of_slots_are_refused(place: Place):
    daily = "Statistical Period,PV Yield (kWh),Consumption (kWh)\n2026-01-10,1,9\n2026-01-11,1,9\n2026-01-12,1,9\n"
    with pytest.raises(DataRefusedError, match="one row for a day"):
        import_readings(place, "export.csv", daily.encode())


def test_readings_offered_as_prices_are_named(place: Place):
    with pytest.raises(DataRefusedError, match=r"Solar\.web: readings, not spot prices"):
        import_prices(place, "export.csv", FRONIUS.encode())
