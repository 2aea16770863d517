"""Every shape of price list, read through the one road: its right prices, or the refusal that names it."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.parsed import Parsed
from darkstar_pipeline.sources.price_lists.reading import read_price_lists
from darkstar_pipeline.sources.price_lists.recognition import offer_of_text

NOW = datetime(2026, 11, 27, 15, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 26, 23, tzinfo=UTC)
"""A day of the market, which is no local day in Finland or Ireland."""
SE4 = SiteSettings.model_validate({"area": "SE4"})
FINLAND = SiteSettings.model_validate({"area": "FI", "currency": "EUR", "timezone": "Europe/Helsinki"})
DENMARK = SiteSettings.model_validate({"area": "DK1", "currency": "DKK", "timezone": "Europe/Copenhagen"})
BRITAIN = SiteSettings.model_validate({"area": "GB", "currency": "GBP", "timezone": "Europe/London"})
GERMANY = SiteSettings.model_validate({"area": "DE-LU", "currency": "EUR", "timezone": "Europe/Berlin"})
Entries = list[dict[str, Any]]


def read(document: object, site: SiteSettings = SE4, now: datetime = NOW) -> Parsed:
    text = document if isinstance(document, str) else json.dumps(document)
    offer = offer_of_text(text, "file")
    assert offer is not None
    return read_price_lists(offer, site, now)


def entries(
    names: Sequence[str] = ("start", "price"),
    factor: float = 1.0,
    *,
    count: int = 96,
    minutes: int = 15,
    start: datetime = MIDNIGHT,
    **more: object,
) -> Entries:
    """Prices of a day: 0.10 rising by 0.01, once negative and once zero, times a factor."""
    return [
        {
            names[0]: (start + timedelta(minutes=minutes * n)).isoformat(),
            names[1]: round(value(n) * factor, 6),
            **more,
        }
        for n in range(count)
    ]


def value(n: int) -> float:
    return {5: -0.02, 6: 0.0}.get(n, round(0.10 + 0.001 * n, 6))


def right(parsed: Parsed, count: int = 96, minutes: int = 15) -> bool:
    slots = minutes // 15
    expected = [value(n) for n in range(count) for _ in range(slots)]
    got = parsed.rows.sort("slot_start")
    return got["price"].to_list() == pytest.approx(expected, abs=1e-9) and got["slot_start"][0] == MIDNIGHT


def wide(entries: Entries, key: str, factor: float) -> Entries:
    return [{**entry, key: round(value(n) * factor, 6)} for n, entry in enumerate(entries)]


ORE = {"unit_of_measurement": "öre/kWh"}
SHAPES: Mapping[str, tuple[object, SiteSettings]] = {
    "c08 answer of the action": ({"FI": entries(factor=1000)}, FINLAND),
    "c08 answer over REST": ({"changed_states": [], "service_response": {"FI": entries(factor=1000)}}, FINLAND),
    "two areas of the action": ({"SE4": entries(factor=900), "FI": entries(factor=1000)}, FINLAND),
    "c08 template sensor": ({"attributes": {"prices": entries(), "unit_of_measurement": "EUR/kWh"}}, FINLAND),
    "template sensor per MWh": (
        {"attributes": {"data": entries(("start", "value"), 1000), "unit_of_measurement": "€/MWh"}},
        FINLAND,
    ),
    "template sensor in öre": ({"attributes": {"raw_today": entries(("start", "value"), 100), **ORE}}, SE4),
    "custom sensor in öre": (
        {
            "unit": "kWh",
            "currency": "SEK",
            "price_in_cents": True,
            **ORE,
            "region": "SE4",
            "raw_today": entries(("start", "value"), 100),
        },
        SE4,
    ),
    "custom sensor per MWh": (
        {"unit": "MWh", "currency": "SEK", "region": "SE4", "raw_today": entries(("start", "value"), 1000)},
        SE4,
    ),
    "EPEX Spot integration": ({"today_valid": True, "data": entries(("start_time", "price_per_kwh"))}, GERMANY),
    "EPEX Spot integration in cents": ({"data": entries(("start_time", "price_ct_per_kwh"), 100)}, GERMANY),
    "ENTSO-E integration": (
        {
            "attributes": {
                "prices_today": entries(("time", "price")),
                "prices": entries(("time", "price")),
                "unit_of_measurement": "EUR/kWh",
            }
        },
        FINLAND,
    ),
    "elprisetjustnu": (wide(entries(("time_start", "EUR_per_kWh"), 0.09, EXR=11.1), "SEK_per_kWh", 1), SE4),
    "Energi Data Service": (
        {
            "total": 96,
            "dataset": "DayAheadPrices",
            "records": [
                {
                    "TimeUTC": entry["start"][:19],
                    "TimeDK": "2026-11-27T00:00:00",
                    "PriceArea": area,
                    "DayAheadPriceEUR": 1.0,
                    "DayAheadPriceDKK": entry["price"] if area == "DK1" else 7.0,
                }
                for entry in entries(factor=1000)
                for area in ("DK1", "DK2")
            ],
        },
        DENMARK,
    ),
    "Tibber": (
        {
            "data": {
                "viewer": {
                    "homes": [
                        {
                            "currentSubscription": {
                                "priceInfo": {
                                    "current": {"total": 1, "energy": 1, "startsAt": "2026-11-27T00:00:00+01:00"},
                                    "today": entries(("startsAt", "energy"), total=9.9, tax=0.3, currency="SEK"),
                                    "tomorrow": [],
                                }
                            }
                        }
                    ]
                }
            }
        },
        SE4,
    ),
    "aWATTar": (
        {
            "object": "list",
            "data": [
                {
                    "start_timestamp": int((MIDNIGHT + timedelta(minutes=15 * n)).timestamp() * 1000),
                    "end_timestamp": 0,
                    "marketprice": round(value(n) * 1000, 6),
                    "unit": "Eur/MWh",
                }
                for n in range(96)
            ],
        },
        GERMANY,
    ),
    "instants in seconds": (
        {
            "unit_of_measurement": "SEK/kWh",
            "prices": [
                {"start": int((MIDNIGHT + timedelta(minutes=15 * n)).timestamp()), "price": value(n)} for n in range(96)
            ],
        },
        SE4,
    ),
}


@pytest.mark.parametrize("name", SHAPES)
def test_shape_gives_its_prices_per_kwh(name: str):
    document, site = SHAPES[name]
    parsed = read(document, site)
    assert right(parsed)
    assert parsed.rejects.is_empty()
    assert any("was read as" in note for note in parsed.notes)


def test_octopus_gives_half_hours_newest_first():
    results = entries(("valid_from", "value_exc_vat"), 100, count=48, minutes=30, value_inc_vat=99.0)
    parsed = read({"count": 48, "results": results[::-1]}, BRITAIN)
    assert right(parsed, count=48, minutes=30)
    assert any("a supplier's rates before VAT" in note for note in parsed.notes)


def elspot(day: str, rows: Sequence[tuple[str, str, str]]) -> str:
    head = "Elspot Prices in SEK/MWh;;;\nData was last updated 28-11-2026;;;\n;Hours;SE3;SE4\n"
    return head + "".join(f"{day};{hours};{se3};{se4}\n" for hours, se3, se4 in rows)


def comma(number: float) -> str:
    return f"{number:.2f}".replace(".", ",")


def test_table_of_nord_pool_is_read_in_market_time_with_decimal_commas():
    rows = [(f"{n:02} - {n + 1:02}", "9,9", comma(1000 * value(n))) for n in range(24)]
    assert right(read(elspot("27-11-2026", rows)), count=24, minutes=60)


def test_table_of_nord_pool_on_the_day_with_a_repeated_hour():
    hours = ["00", "01", "02", "02", *(f"{n:02}" for n in range(3, 24))]
    rows = [(f"{hour} - 00", "9,9", comma(1000 * value(n))) for n, hour in enumerate(hours)]
    parsed = read(elspot("25-10-2026", rows))
    assert parsed.rows.height == 100
    assert parsed.rows["price"].to_list()[8:16:4] == pytest.approx([0.102, 0.103])


def test_table_of_entsoe_is_read_in_the_zone_of_its_head():
    head = '"MTU (CET/CEST)","Area","Sequence","Day-ahead Price (EUR/MWh)","Intraday Price (EUR/MWh)"\n'
    lines: list[str] = []
    for n in range(96):
        start = datetime(2026, 11, 27, tzinfo=UTC) + timedelta(minutes=15 * n)
        end = start + timedelta(minutes=15)
        span = f"{start:%d/%m/%Y %H:%M:%S} - {end:%d/%m/%Y %H:%M:%S}"
        lines.append(f'"{span}","BZN|FI","Without Sequence","{1000 * value(n):.2f}",""\n')
    assert right(read(head + "".join(lines), FINLAND))
    with pytest.raises(DataRefusedError, match="prices are in EUR, the site's currency is SEK"):
        read(head + "".join(lines).replace("|FI", "|SE4"))


def test_older_table_of_entsoe_names_its_area_in_the_head():
    lines = [f'"27.11.2026 {n:02}:00 - 27.11.2026 {n:02}:59","{1000 * value(n):.2f}","EUR",\n' for n in range(24)]
    text = '"MTU (CET/CEST)","Day-ahead Price [EUR/MWh]","Currency","BZN|FI"\n' + "".join(lines)
    assert right(read(text, FINLAND), count=24, minutes=60)


@pytest.mark.parametrize("separator", [";", ","])
def test_table_of_a_service_is_read_by_the_names_of_its_columns(separator: str):
    rows = [
        (str(entry["start"])[:19], "2026-11-27 00:00", "DK1", f"{entry['price']}", "1")
        for entry in entries(factor=1000)
    ]
    if separator == ";":
        rows = [(a, b, c, d.replace(".", ","), e) for a, b, c, d, e in rows]
    lines = [
        separator.join(("HourUTC", "HourDK", "PriceArea", "SpotPriceDKK", "SpotPriceEUR")),
        *map(separator.join, rows),
    ]
    assert right(read("\n".join(lines), DENMARK))


REFUSED: Mapping[str, tuple[object, SiteSettings, str]] = {
    "another area of the action": ({"SE3": entries(factor=1000)}, SE4, "prices of SE3 offered, the site is in SE4"),
    "unit of energy": (
        {"prices": entries(), "unit_of_measurement": "kWh"},
        SE4,
        "is in kWh, which is not read as a unit",
    ),
    "other money": ({"prices": entries(), "unit_of_measurement": "EUR/kWh"}, SE4, "prices are in EUR"),
    "pence in Sweden": ({"prices": entries(), "unit_of_measurement": "p/kWh"}, SE4, "prices are in GBP"),
    "totals": ({"today": entries(("startsAt", "total"))}, SE4, "totals with taxes and fees"),
    "with VAT by a flag": (
        {"includes_vat": True, "prices": entries(("start", "price"))},
        SE4,
        "as 'includes_vat' states",
    ),
    "with VAT": ({"results": entries(("valid_from", "value_inc_vat"), 100)}, BRITAIN, "include VAT"),
    "tax in a name": (entries(("time_start", "Price incl. VAT (GBP/kWh)"), 1), BRITAIN, "hold tax or fees"),
    "no unit and too large": ({"prices": entries(factor=1000)}, SE4, "too much for SEK/kWh"),
    "per MWh said, per kWh meant": (
        {"FI": [{**e, "price": e["price"] + 0.00123} for e in entries()]},
        FINLAND,
        "this format is in EUR/MWh, but a typical price is",
    ),
    "no start": ({"attributes": {"today": [0.1] * 24}}, SE4, "no raw_today with start times"),
    "present price only": (
        {"entity_id": "sensor.price", "state": "0.43", "attributes": {"unit_of_measurement": "SEK/kWh"}},
        SE4,
        "sensor.price shows the present price only",
    ),
    "clock without offset": (
        {"prices": [{**e, "start": e["start"][:19]} for e in entries()], "unit_of_measurement": "SEK/kWh"},
        SE4,
        "no offset from UTC",
    ),
    "every price refused": (
        {"prices": [{**e, "price": "n/a"} for e in entries()], "unit_of_measurement": "SEK/kWh"},
        SE4,
        "every one of its 96 prices was refused; the first is row 1: price n/a is not a number",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_list_that_cannot_be_used_is_refused_with_its_format(name: str):
    document, site, message = REFUSED[name]
    with pytest.raises(DataRefusedError) as raised:
        read(document, site)
    assert message in raised.value.message
    assert raised.value.hint


def test_doubles_that_contradict_are_all_refused_and_equal_ones_count_once():
    autumn = datetime(2026, 10, 24, 22, tzinfo=UTC)
    listed = entries(("start", "value"), count=100, start=autumn)
    assert read({"unit": "kWh", "raw_today": listed}).rows.height == 100
    contradicting = [*listed, {**listed[8], "value": 0.9}, dict(listed[9])]
    parsed = read({"unit": "kWh", "raw_today": contradicting})
    assert parsed.rows.height == 99
    assert parsed.rejects.height == 2
    assert "occurs 2 times with different values" in parsed.rejects["reason"][0]
    assert any("1 repeated prices are equal" in note for note in parsed.notes)


def test_day_with_92_slots_is_read_as_published():
    spring = entries(("start", "value"), count=92, start=datetime(2026, 3, 28, 23, tzinfo=UTC))
    parsed = read({"unit": "kWh", "raw_today": spring}, now=datetime(2026, 3, 29, 12, tzinfo=UTC))
    assert (parsed.rows.height, parsed.rejects.height) == (92, 0)


def test_infinite_and_missing_prices_are_refused_one_by_one():
    listed = entries(("start", "value"))
    listed[10]["value"], listed[20]["value"] = float("inf"), None
    parsed = read({"unit": "kWh", "raw_today": listed})
    assert parsed.rows.height == 94
    assert parsed.rejects["row"].to_list() == [11, 21]
    assert parsed.rejects["reason"].to_list() == ["price is infinite", "price is empty"]


@pytest.mark.parametrize(
    ("entity", "factor"),
    [
        ("sensor.nordpool_kwh_se4_sek_3_10_025", 1.25),
        ("sensor.nordpool_kwh_se4_sek_3_10_025_2", 1.25),
        ("sensor.nordpool_kwh_se4_sek_3_10_0", 1.0),
        ("sensor.nordpool_mwh_se4_sek_2_095_0", 1000.0),
        ("sensor.nordpool_kwh_se4_sek_5_10_0255", 1.255),
    ],
)
def test_vat_in_the_id_of_a_nord_pool_sensor_is_taken_out(entity: str, factor: float):
    document = {"entity_id": entity, "attributes": {"raw_today": entries(("start", "value"), factor)}}
    parsed = read(document)
    assert parsed.rows["price"].to_list() == pytest.approx([value(n) for n in range(96)], abs=1e-6)
    assert any("VAT" in note for note in parsed.notes) == (1.0 < factor < 2)


MORE: Mapping[str, tuple[object, SiteSettings]] = {
    "value by time beside a unit": (
        {"attributes": {"today": entries(("time", "value")), "unit_of_measurement": "SEK/kWh"}},
        SE4,
    ),
    "energy-charts": (
        {
            "unix_seconds": [int((MIDNIGHT + timedelta(minutes=15 * n)).timestamp()) for n in range(96)],
            "price": [round(value(n) * 1000, 6) for n in range(96)],
            "unit": "EUR / MWh",
        },
        GERMANY,
    ),
    "Energi Data Service's integration in øre": (
        {
            "attributes": {
                "raw_today": entries(("hour", "price"), 100),
                "use_cent": True,
                "unit_of_measurement": "DKK/kWh",
            }
        },
        DENMARK,
    ),
}


@pytest.mark.parametrize("name", MORE)
def test_other_shapes_give_their_prices_per_kwh(name: str):
    document, site = MORE[name]
    assert right(read(document, site))


@pytest.mark.parametrize(
    ("document", "message"),
    [
        pytest.param({"prices": {"Home": entries(("start_time", "price"), level="NORMAL")}}, "totals", id="Tibber"),
        pytest.param(
            {"raw_today": entries(("hour", "price")), "tariffs": {"grid": 0.3}, "unit_of_measurement": "SEK/kWh"},
            "adds costs to the spot price",
            id="tariffs within",
        ),
    ],
)
def test_prices_with_costs_in_them_are_refused(document: object, message: str):
    with pytest.raises(DataRefusedError, match=message):
        read(document)


def test_page_instead_of_a_table_is_refused():
    with pytest.raises(DataRefusedError, match="XML or HTML page"):
        offer_of_text("<?xml version='1.0'?><Publication_MarketDocument/>", "entsoe.xml")


@pytest.mark.parametrize("name", ["multiAreaEntries", "multiIndexEntries"])
def test_answer_of_nord_pool_is_read_for_the_area_of_the_site(name: str) -> None:
    rows = [
        {
            "deliveryStart": (MIDNIGHT + timedelta(minutes=15 * n)).isoformat(),
            "deliveryEnd": (MIDNIGHT + timedelta(minutes=15 * n + 15)).isoformat(),
            "entryPerArea": {"SE3": 700.0, "SE4": round(1000 * value(n), 6)},
        }
        for n in range(96)
    ]
    parsed = read({"deliveryDateCET": "2026-11-27", "market": "DayAhead", name: rows, "currency": "SEK"})
    assert right(parsed)
    assert "Nord Pool's day-ahead prices" in parsed.notes[0]


def test_answer_of_elering_is_read_for_the_area_of_the_site() -> None:
    estonia = SiteSettings.model_validate({"area": "EE", "currency": "EUR", "timezone": "Europe/Tallinn"})
    rows = {
        area: [
            {"timestamp": int(MIDNIGHT.timestamp()) + 900 * n, "price": round(factor * value(n), 6)} for n in range(96)
        ]
        for area, factor in (("ee", 1000), ("fi", 500))
    }
    parsed = read({"success": True, "data": rows}, estonia)
    assert right(parsed)
    assert "prices of Elering" in parsed.notes[0]


@pytest.mark.parametrize("name", ["value", "price"])
def test_rates_of_evcc_are_read_with_what_they_may_hold(name: str) -> None:
    rates = entries(("start", name), 1.0)
    parsed = read({"result": {"rates": [{**each, "end": each["start"]} for each in rates]}})
    assert right(parsed)
    assert "rates of evcc" in parsed.notes[0]
    assert any("charges and the tax that evcc's tariff is configured with" in note for note in parsed.notes)
