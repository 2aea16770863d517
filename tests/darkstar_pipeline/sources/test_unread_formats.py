"""Formats that are known and not read: every importer names them and the way to go."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.ingest.imports import WEATHER
from darkstar_pipeline.sources.price_lists.recognition import offer_of_text
from darkstar_pipeline.sources.unread_formats import refuse_unread_binary, unread_format_of
from darkstar_pipeline.warehouse.lake import Lake
from tests.builders.tidy_files import LATER, SITE, Place, import_content, import_prices, import_readings

SOLCAST = {"forecasts": [{"pv_estimate": 0.1, "pv_estimate10": 0, "period_end": "2026-11-27T07:30:00Z"}]}
BY_STAMP = {"2026-11-27 08:00:00": 120, "2026-11-27 09:00:00": 420}
EVCC = {"result": {"siteTitle": "Home", "pvPower": 10, "loadpoints": [{"mode": "pv"}]}}
ENPHASE = {"system_id": 1, "intervals": [{"end_at": 1, "powr": 0}], "meta": {}}
KNOWN = [
    (json.dumps(SOLCAST), "a forecast of Solcast"),
    ("PvEstimate,PeriodEnd,Period\n0,2026-11-27T07:30:00Z,PT30M\n", "a forecast of Solcast"),
    (json.dumps({"result": BY_STAMP, "message": {"code": 0}}), "a forecast of forecast.solar"),
    (json.dumps({"result": {"watts": BY_STAMP, "watt_hours_day": {}}}), "a forecast of forecast.solar"),
    (json.dumps(BY_STAMP), "a forecast of forecast.solar"),
    (json.dumps({"latitude": 1, "generationtime_ms": 0.1, "hourly": {}}), "weather of Open-Meteo"),
    (json.dumps(EVCC), "the present state of evcc"),
    ("Created,Finished,Charge point,Vehicle,Energy (kWh)\n", "a list of charging sessions of evcc"),
    (json.dumps([{"loadpoint": "a", "chargedEnergy": 1.0}]), "a list of charging sessions of evcc"),
    (json.dumps({"success": True, "records": {"Pc": [[1, 2]]}}), "an answer of Victron's VRM portal"),
    ("timestamp,Gateway [0],System overview [0]\n", "a log of Victron's VRM portal"),
    ("Time,PV to consumers (kWh),Grid to consumers (kWh)\n", "a table of flows of Victron's VRM portal"),
    (json.dumps(ENPHASE), "an answer of Enphase's API"),
    ("Version CSV1|Tool SE|Linebreaks CR/LF|Delimiter semicolon\n", "a file of SMA's Sunny Explorer"),
    ("Time;PV power generation / Mean values [W]\n", "a table of SMA's Sunny Portal"),
    ("Serial number,Time,Status,Vpv1(V),Ppv1(W)\n", "a log of a Growatt inverter"),
    ("<?xml version='1.0'?>\n<Publication_MarketDocument>", "ENTSO-E's prices as XML"),
]
IMPORTERS: dict[str, Callable[[Place, str, bytes], object]] = {
    "prices": import_prices,
    "observations": import_readings,
    "weather": lambda place, name, content: import_content(WEATHER, place, name, content, now=LATER, site=SITE),
}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(Lake(tmp_path / "lake"), tmp_path / "quarantine", tmp_path)


@pytest.mark.parametrize(("text", "noun"), KNOWN)
def test_format_is_known_by_its_names(text: str, noun: str) -> None:
    known = unread_format_of(text)
    assert known is not None
    assert known.noun.startswith(noun)


@pytest.mark.parametrize("importer", IMPORTERS)
@pytest.mark.parametrize("document", [SOLCAST, BY_STAMP, EVCC], ids=["Solcast", "forecast.solar", "evcc"])
def test_every_importer_names_what_was_handed_in_and_the_way_to_go(
    importer: str, document: object, place: Place
) -> None:
    content = json.dumps(document)
    known = unread_format_of(content)
    assert known is not None
    with pytest.raises(DataRefusedError) as raised:
        IMPORTERS[importer](place, "file.json", content.encode())
    assert raised.value.message == f"file.json is {known.noun}, which is not read"
    assert "darkstar import" in raised.value.hint


@pytest.mark.parametrize("importer", IMPORTERS)
def test_spreadsheet_is_named_and_not_called_binary(importer: str, place: Place) -> None:
    for name in ("plant.csv", "plant.xlsx"):
        with pytest.raises(DataRefusedError, match="a spreadsheet or an archive"):
            IMPORTERS[importer](place, name, b"PK\x03\x04\x14\x00")


@pytest.mark.parametrize(
    "text",
    [
        "slot_start,load_kwh,pv_estimate\n",
        "entity_id,state,last_changed\nsensor.gateway,1,2026-01-01T00:00:00Z\n",
        json.dumps({"prices": [{"start": "2026-11-27T00:00:00Z", "price": 1.0}]}),
        json.dumps({"2026-11-27": "x"}),
        json.dumps([]),
        "{broken",
    ],
)
def test_other_files_are_left_to_their_readers(text: str, place: Place) -> None:
    if text.startswith("slot_start"):
        with pytest.raises(DataRefusedError, match="has column names but no rows"):
            import_readings(place, "own.csv", text.encode())
    else:
        assert unread_format_of(text) is None


@pytest.mark.parametrize(
    ("document", "noun"),
    [
        ({"forecasts": [{"pv_estimate": 0.1, "period_start": "x"}]}, "a forecast of Solcast"),
        ({"watt_hours_period": {}}, "a forecast of forecast.solar"),
        ({"watt_hours_day": {}}, "a forecast of forecast.solar"),
        ({"weather": [{"timestamp": "x", "source_id": 1}]}, "weather of Bright Sky"),
        ({"energyDetails": {}}, "an answer of SolarEdge's API"),
        ({"powerDetails": {}}, "an answer of SolarEdge's API"),
        ({"Body": {"Data": {}}, "Head": {}}, "an answer of Fronius' Solar API"),
        ({"data": {"viewer": {"homes": [{"consumption": {}}]}}}, "an answer of Tibber's API"),
        ({"data": [{"stationCode": "x", "dataItemMap": {}}]}, "an answer of Huawei's FusionSolar API"),
        ({"data": {"plantId": 1, "ppv": 2}}, "an answer of Growatt's server"),
        ({"a": {"b": {"c": {"d": {"energyDetails": 1}}}}}, "an answer of SolarEdge's API"),
        ({"a": {"b": {"c": {"d": {"e": {"energyDetails": 1}}}}}}, ""),
        ([{"energyDetails": 1}, {}], "an answer of SolarEdge's API"),
        ([{}, {"energyDetails": 1}], ""),
        ({"pv_estimate": 1}, ""),
        ({"2026-11-27T08:00": 1.5}, "a forecast of forecast.solar"),
        ({"2026-11-27 08:00:00": "1"}, ""),
        ({"2026-11-27 08:00:00": 1, "unit": 1}, ""),
        ({"result": {}}, ""),
        ({"result": [1]}, ""),
    ],
)
def test_document_is_known_by_all_its_names_five_levels_deep(document: object, noun: str) -> None:
    known = unread_format_of(json.dumps(document))
    assert ("" if known is None else known.noun) == noun


@pytest.mark.parametrize(
    ("text", "noun"),
    [
        ("<html>", "an XML or HTML page"),
        ("result\n watt,x", "a forecast of forecast.solar"),
        ("watts,x", "a forecast of forecast.solar"),
        ("wattage,x", ""),
        ("time,battery monitor [256]", "a log of Victron's VRM portal"),
        ("time,battery to consumers", "a table of flows of Victron's VRM portal"),
        ("time;a / Zählerstände [kWh]", "a table of SMA's Sunny Portal"),
        ("\ufeff \n\r\tSunny-Mail", "a table of SMA's Sunny Portal"),
        (" " * 5000 + "sunny-mail", "a table of SMA's Sunny Portal"),
        ("x" * 4086 + "sunny-mail", "a table of SMA's Sunny Portal"),
        ("x" * 4087 + "sunny-mail", ""),
    ],
)
def test_table_is_known_by_its_first_four_thousand_letters(text: str, noun: str) -> None:
    known = unread_format_of(text)
    assert ("" if known is None else known.noun) == noun


@pytest.mark.parametrize(("longer", "read"), [(0, True), (1, False)])
def test_document_is_of_sixteen_mebibytes_at_most(longer: int, *, read: bool) -> None:
    text = json.dumps(ENPHASE)
    padded = text[:-1] + " " * (16 * 2**20 + longer - len(text)) + "}"
    assert (unread_format_of(padded) is not None) == read
    prices = json.dumps({"raw_today": [{"start": "2026-01-10T00:00:00+01:00", "value": 0.1}]})
    text = prices[:-1] + " " * (16 * 2**20 + longer - len(prices)) + "}"
    assert (offer_of_text(text, "f.json") is not None) == read


@pytest.mark.parametrize(
    ("mark", "noun"),
    [
        (b"\xd0\xcf\x11\xe0", "a spreadsheet of an old Excel"),
        (b"%PDF-1.7", "a PDF"),
        (b"SQLite format 3\x00", "a database (SQLite)"),
        (b"PK\x03\x05", ""),
        (b"slot_start,load_kwh", ""),
    ],
)
def test_file_that_is_no_text_is_known_by_its_first_bytes(mark: bytes, noun: str) -> None:
    if not noun:
        refuse_unread_binary(mark, "f.csv")
        return
    with pytest.raises(DataRefusedError) as raised:
        refuse_unread_binary(mark, "f.csv")
    assert raised.value.message.startswith(f"f.csv is {noun}")
