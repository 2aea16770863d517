"""Sources of spot prices on loopback, in the shapes that they document, over the same prices by quarter-hour."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from math import sin
from typing import Any
from zoneinfo import ZoneInfo

from darkstar_pipeline.fetching.prices.question import PriceService
from darkstar_pipeline.fetching.prices.services.awattar import awattar
from darkstar_pipeline.fetching.prices.services.elering import elering
from darkstar_pipeline.fetching.prices.services.elprisetjustnu import elprisetjustnu
from darkstar_pipeline.fetching.prices.services.energi_data_service import energi_data_service
from darkstar_pipeline.fetching.prices.services.energy_charts import energy_charts
from darkstar_pipeline.fetching.prices.services.entsoe import Entsoe
from darkstar_pipeline.fetching.prices.services.nordpool import nordpool
from darkstar_pipeline.fetching.prices.services.octopus import octopus
from darkstar_pipeline.fetching.prices.services.tibber import tibber
from tests.builders.source_server import Asked, Reply

CET = ZoneInfo("Europe/Brussels")
RATE = 11.0
TARIFF = "E-1R-AGILE-24-10-01-C"
AREAS = {
    "nordpool": "SE3", "elprisetjustnu": "SE3", "energy_charts": "DE-LU", "elering": "FI",
    "energi_data_service": "DK1", "entsoe": "SE3", "octopus": "GB", "awattar": "AT", "tibber": "NO1",
}  # fmt: skip
"""An area of each source."""
_HOUR, _QUARTER = timedelta(hours=1), timedelta(minutes=15)


def euro_per_mwh(at: datetime) -> float:
    """A price that no two hours and days have in common [EUR/MWh]."""
    hours = at.timestamp() / 3600
    return round(60 + 30 * sin(int(hours) / 4) + 20 * sin(int(hours) / 107) + (hours % 1), 2)


@dataclass
class PriceSources:
    """The answers of all sources, to be served by one server.

    Attributes:
        price: price of an instant [EUR/MWh].
        minutes: resolution [min].
        today: the day of the market that the sources live on.
        published: last day that is published.
        shown: steps of a day that are shown, of its rows; by default all.
        shift: is added to the days that are asked for.
        moved: is added to every stamp.
    """

    today: date
    published: date
    price: Callable[[datetime], float] = euro_per_mwh
    minutes: int = 15
    shown: Callable[[list[datetime]], list[datetime]] = field(default=lambda steps: steps)
    shift: timedelta = timedelta(0)
    area: str | None = None

    def answer(self, asked: Asked) -> Reply:
        """Answer a request by its path."""
        for path, reply in self._paths.items():
            if asked.path.startswith(path):
                return reply(asked)
        return Reply(status=404)

    @property
    def _paths(self) -> dict[str, Callable[[Asked], Reply]]:
        return {
            "/api/DayAheadPrices": self._nordpool,
            "/api/v1/prices/": self._elprisetjustnu,
            "/price": self._energy_charts,
            "/api/nps/price": self._elering,
            "/dataset/": self._energi_data_service,
            "/v1/products/": self._octopus,
            "/v1/marketdata": self._awattar,
            "/v1-beta/gql": self._tibber,
            "/service/data/EXR/": self._ecb,
            "/api": self._entsoe,
        }

    def steps(self, first: datetime, last: datetime) -> list[datetime]:
        """The starts from one instant to before another, as far as they are published."""
        end = min(last, datetime.combine(self.published + timedelta(days=1), datetime.min.time(), CET))
        found: list[datetime] = []
        at = first.astimezone(UTC)
        while at < end:
            found.append(at)
            at += timedelta(minutes=self.minutes)
        return [at + self.shift for at in self.shown(found)]

    def _days(self, first: date, last: date) -> list[datetime]:
        """The starts of days of the market."""
        midnight = datetime.min.time()
        return self.steps(
            datetime.combine(first, midnight, CET), datetime.combine(last + timedelta(days=1), midnight, CET)
        )

    def _end(self, at: datetime) -> datetime:
        return at + timedelta(minutes=self.minutes)

    def _nordpool(self, asked: Asked) -> Reply:
        day = date.fromisoformat(asked.query["date"])
        steps, area = self._days(day, day), self.area or asked.query["deliveryArea"]
        if not steps:
            return Reply(status=204, body=b"")
        rate = RATE if asked.query["currency"] == "SEK" else 1.0
        entries = [
            {
                "deliveryStart": _z(at),
                "deliveryEnd": _z(self._end(at)),
                "entryPerArea": {area: round(self.price(at) * rate, 2)},
            }
            for at in steps
        ]
        return _json(
            {
                "deliveryDateCET": day.isoformat(), "version": 3, "updatedAt": "2026-01-30T11:57:03.8832404Z",
                "deliveryAreas": [area], "market": "DayAhead", "multiAreaEntries": entries,
                "currency": asked.query["currency"], "areaStates": [{"state": "Final", "areas": [area]}],
            }
        )  # fmt: skip

    def _elprisetjustnu(self, asked: Asked) -> Reply:
        year, _, rest = asked.path.removeprefix("/api/v1/prices/").partition("/")
        day = date.fromisoformat(f"{year}-{rest[:5]}")
        steps = self._days(day, day)
        if not steps:
            return Reply(status=404, content_type="text/html")
        return _json(
            [
                {
                    "SEK_per_kWh": round(self.price(at) * RATE / 1000, 5),
                    "EUR_per_kWh": round(self.price(at) / 1000, 5),
                    "EXR": RATE,
                    "time_start": at.astimezone(CET).isoformat(),
                    "time_end": self._end(at).astimezone(CET).isoformat(),
                }
                for at in steps
            ]
        )

    def _energy_charts(self, asked: Asked) -> Reply:
        steps = self.steps(_at(asked.query["start"]), _at(asked.query["end"]) + _QUARTER)
        return _json(
            {
                "license_info": "CC BY 4.0", "unix_seconds": [int(at.timestamp()) for at in steps],
                "price": [self.price(at) for at in steps], "unit": "EUR / MWh", "deprecated": False,
            }
        )  # fmt: skip

    def _elering(self, asked: Asked) -> Reply:
        steps = self.steps(_at(asked.query["start"]), _at(asked.query["end"]) + timedelta(seconds=1))
        rows = [{"timestamp": int(at.timestamp()), "price": self.price(at)} for at in steps]
        other = [{"timestamp": row["timestamp"], "price": round(50 + row["price"] % 7, 2)} for row in rows]
        names = ("ee", "lv") if self.area else ("ee", "fi")
        return _json({"success": True, "data": {names[0]: other, names[1]: rows}})

    def _energi_data_service(self, asked: Asked) -> Reply:
        first, end = date.fromisoformat(asked.query["start"]), date.fromisoformat(asked.query["end"])
        area = self.area or json.loads(asked.query["filter"])["PriceArea"][0]
        newer = asked.path.endswith("DayAheadPrices")
        time, price = ("Time", "DayAheadPrice") if newer else ("Hour", "SpotPrice")
        records = [
            {
                f"{time}UTC": at.strftime("%Y-%m-%dT%H:%M:%S"),
                f"{time}DK": at.astimezone(CET).strftime("%Y-%m-%dT%H:%M:%S"),
                "PriceArea": area,
                f"{price}EUR": self.price(at),
                f"{price}DKK": round(self.price(at) * 7.46, 6),
            }
            for at in self._days(first, end - timedelta(days=1))
        ]
        return _json({"total": len(records), "dataset": asked.path.rpartition("/")[2], "records": records})

    def _octopus(self, asked: Asked) -> Reply:
        steps = self.steps(_at(asked.query["period_from"]), _at(asked.query["period_to"]))
        results = [
            {
                "value_exc_vat": round(self.price(at) / 10, 4),
                "value_inc_vat": round(self.price(at) / 10 * 1.05, 4),
                "valid_from": _z(at),
                "valid_to": _z(self._end(at)),
                "payment_method": None,
            }
            for at in reversed(steps)
        ]
        return _json({"count": len(results), "next": None, "previous": None, "results": results})

    def _awattar(self, asked: Asked) -> Reply:
        first, last = (datetime.fromtimestamp(int(asked.query[name]) / 1000, UTC) for name in ("start", "end"))
        data = [
            {
                "start_timestamp": int(at.timestamp() * 1000),
                "end_timestamp": int(self._end(at).timestamp() * 1000),
                "marketprice": self.price(at),
                "unit": "Eur/MWh",
            }
            for at in self.steps(first, last)
        ]
        return _json({"object": "list", "data": data, "url": "/at/v1/marketdata"})

    def _tibber(self, asked: Asked) -> Reply:
        if asked.headers.get("authorization") != "Bearer a-token":
            return _json({"errors": [{"message": "No valid access token in request"}], "data": None})
        days = {"today": self.today, "tomorrow": self.today + timedelta(days=1)}
        info = {
            name: [
                {
                    "energy": round(self.price(at) * 11.5 / 1000, 4),
                    "startsAt": at.astimezone(CET).isoformat(),
                    "currency": "NOK",
                }
                for at in self._days(day, day)
            ]
            for name, day in days.items()
        }
        return _json({"data": {"viewer": {"homes": [{"currentSubscription": {"priceInfo": info}}]}}})

    def _entsoe(self, asked: Asked) -> Reply:
        if asked.query.get("securityToken") != "a-token":
            return Reply(status=401, content_type="text/xml")
        first, last = (_stamp(asked.query[name]) for name in ("periodStart", "periodEnd"))
        code = self.area or asked.query["in_Domain"]
        return Reply(body=entsoe_document(self.steps(first, last), code, self).encode(), content_type="text/xml")

    def _ecb(self, asked: Asked) -> Reply:
        first, last = (date.fromisoformat(asked.query[name]) for name in ("startPeriod", "endPeriod"))
        currency = asked.path.split(".")[1]
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        rows = [
            f"EXR.D.{currency}.EUR.SP00.A,D,{currency},EUR,SP00,A,{day},{RATE}" for day in days if day.weekday() < 5
        ]
        head = "KEY,FREQ,CURRENCY,CURRENCY_DENOM,EXR_TYPE,EXR_SUFFIX,TIME_PERIOD,OBS_VALUE"
        return Reply(body="\n".join([head, *rows]).encode(), content_type="text/csv")


def entsoe_document(steps: Sequence[datetime], code: str, sources: PriceSources) -> str:
    """A publication of ENTSO-E; an acknowledgement where there is nothing."""
    if not steps:
        return (
            '<Acknowledgement_MarketDocument xmlns="urn:iec62325.351:tc57wg16:451-1:acknowledgementdocument:7:0">'
            "<Reason><code>999</code><text>No matching data found</text></Reason></Acknowledgement_MarketDocument>"
        )
    periods = "".join(_entsoe_period(part, sources) for part in _runs(steps, sources.minutes))
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<Publication_MarketDocument xmlns="urn:iec62325.351:tc57wg16:451-3:publicationdocument:7:3">'
        "<type>A44</type><createdDateTime>2026-01-30T12:01:00Z</createdDateTime><TimeSeries>"
        f'<in_Domain.mRID codingScheme="A01">{code}</in_Domain.mRID><currency_Unit.name>EUR</currency_Unit.name>'
        f"<price_Measure_Unit.name>MWH</price_Measure_Unit.name><curveType>A03</curveType>{periods}"
        "</TimeSeries></Publication_MarketDocument>"
    )


def _entsoe_period(steps: Sequence[datetime], sources: PriceSources) -> str:
    minutes = timedelta(minutes=sources.minutes)
    points: list[str] = []
    before: float | None = None
    for number, at in enumerate(steps, start=1):
        price = sources.price(at)
        if price != before:  # curve type A03 leaves repetitions out
            points.append(f"<Point><position>{number}</position><price.amount>{price}</price.amount></Point>")
        before = price
    span = f"<start>{steps[0]:%Y-%m-%dT%H:%MZ}</start><end>{steps[-1] + minutes:%Y-%m-%dT%H:%MZ}</end>"
    resolution = f"<resolution>PT{sources.minutes}M</resolution>"
    return f"<Period><timeInterval>{span}</timeInterval>{resolution}{''.join(points)}</Period>"


def _runs(steps: Sequence[datetime], minutes: int) -> Iterator[list[datetime]]:
    """Steps in runs without a gap, one a day of the market."""
    run: list[datetime] = []
    for at in steps:
        midnight = at.astimezone(CET).time() == datetime.min.time()
        if run and (midnight or at - run[-1] != timedelta(minutes=minutes)):
            yield run
            run = []
        run.append(at)
    if run:
        yield run


def services_at(url: str) -> dict[str, PriceService]:
    """Every source that is asked by HTTP, at one address, with its token."""
    return {
        "nordpool": nordpool(url),
        "elprisetjustnu": elprisetjustnu(url),
        "energy_charts": energy_charts(url),
        "elering": elering(url),
        "energi_data_service": energi_data_service(url),
        "entsoe": Entsoe("a-token", url),
        "octopus": octopus(TARIFF, url),
        "awattar": awattar(url),
        "tibber": tibber("a-token", url),
    }


def _json(document: Any) -> Reply:
    return Reply(body=json.dumps(document).encode())


def _z(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _stamp(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%d%H%M").replace(tzinfo=UTC)
