"""Formats that are known and not read: every importer names them and the way to go."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.ingest.imports import WEATHER
from darkstar_pipeline.sources.unread_formats import unread_format_of
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
