"""ENTSO-E's transparency platform: prices of all of Europe in euro, a year a request, with a token.

Own code instead of `entsoe-py`, which brings pandas (this project has one table library) and its own retries. A
document may have several series of a day: of the auctions of single exchanges, and by the hour and the quarter-hour.
Until September 2025 the coupled auction was by the hour, since then by the quarter-hour.
https://transparencyplatform.zendesk.com/hc/en-us/sections/12783116987028-Restful-API-integration-guide
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from darkstar_pipeline.config.sources.prices import PriceSource
from darkstar_pipeline.fetching.answers import XML, Answer, Request
from darkstar_pipeline.fetching.client import SourceClient
from darkstar_pipeline.fetching.errors import FetchError
from darkstar_pipeline.fetching.prices.question import Publication, Question
from darkstar_pipeline.fetching.prices.services.json_service import nothing_there, publication
from darkstar_pipeline.sources.price_lists.areas import same_area
from darkstar_pipeline.sources.price_lists.price_list import ROWS, PriceList, PriceOffer
from darkstar_pipeline.sources.price_lists.stated import Stated
from env.time_grid import day_start

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

URL = "https://web-api.tp.entsoe.eu"
TOKEN_VARIABLE = "DARKSTAR_ENTSOE_TOKEN"  # noqa: S105 - the name of a variable, not its value
CODES = {
    "AT": "10YAT-APG------L", "BE": "10YBE----------2", "BG": "10YCA-BULGARIA-R", "CH": "10YCH-SWISSGRIDZ",
    "CZ": "10YCZ-CEPS-----N", "DE-LU": "10Y1001A1001A82H", "DK1": "10YDK-1--------W", "DK2": "10YDK-2--------M",
    "EE": "10Y1001A1001A39I", "ES": "10YES-REE------0", "FI": "10YFI-1--------U", "FR": "10YFR-RTE------C",
    "GR": "10YGR-HTSO-----Y", "HR": "10YHR-HEP------M", "HU": "10YHU-MAVIR----U", "SEM": "10Y1001A1001A59C",
    "IT-Calabria": "10Y1001C--00096J", "IT-Centre-North": "10Y1001A1001A70O", "IT-Centre-South": "10Y1001A1001A71M",
    "IT-North": "10Y1001A1001A73I", "IT-Sardinia": "10Y1001A1001A74G", "IT-Sicily": "10Y1001A1001A75E",
    "IT-South": "10Y1001A1001A788", "LT": "10YLT-1001A0008Q", "LV": "10YLV-1001A00074", "ME": "10YCS-CG-TSO---S",
    "MK": "10YMK-MEPSO----8", "NL": "10YNL----------L", "NO1": "10YNO-1--------2", "NO2": "10YNO-2--------T",
    "NO3": "10YNO-3--------J", "NO4": "10YNO-4--------9", "NO5": "10Y1001A1001A48H", "PL": "10YPL-AREA-----S",
    "PT": "10YPT-REN------W", "RO": "10YRO-TEL------P", "RS": "10YCS-SERBIATSOV", "SE1": "10Y1001A1001A44P",
    "SE2": "10Y1001A1001A45N", "SE3": "10Y1001A1001A46L", "SE4": "10Y1001A1001A47J", "SI": "10YSI-ELES-----O",
    "SK": "10YSK-SEPS-----K",
}  # fmt: skip
"""Energy identification codes of the areas; Great Britain has published none since 2021."""
QUARTERS_FROM = date(2025, 10, 1)
"""First day of the market on which the coupled auction was by the quarter-hour."""
_MINUTES = {"PT15M": 15, "PT30M": 30, "PT60M": 60, "PT1H": 60}


@dataclass(frozen=True)
class _Period:
    """Prices of a series from a start on, by their position."""

    area: str
    currency: str
    unit: str
    sequence: int
    start: datetime
    end: datetime
    minutes: int
    prices: tuple[tuple[int, str], ...]


class Entsoe:
    """The source.

    Args:
        token: of a registered person; None where none is set.
        url: its address.
    """

    name: PriceSource = "entsoe"
    longest_days = 365

    def __init__(self, token: str | None, url: str = URL) -> None:
        self._token, self._url = token, url

    def serves(self, area: str) -> bool:
        """Return whether it has prices of an area."""
        return _code(area) is not None

    def ask(self, question: Question, client: SourceClient) -> Publication:
        """Return its prices of some days.

        Raises:
            FetchError: it gives none that can be read.
        """
        if self._token is None:
            remedy = f"put the token into {TOKEN_VARIABLE}, or a file into sources.prices.entsoe_token_file"
            raise FetchError(self.name, "refused", "no token is set", remedy)
        code = _code(question.area) or ""
        params = {
            "documentType": "A44",
            "in_Domain": code,
            "out_Domain": code,
            "periodStart": question.start.strftime("%Y%m%d%H%M"),
            "periodEnd": question.end.strftime("%Y%m%d%H%M"),
            "securityToken": self._token,
        }
        answer = client.ask(Request(source=self.name, url=f"{self._url}/api", params=params, accepts=XML, secret=True))
        root = _root(answer)
        periods = [period for period in _periods(root, answer.source) if period.area == code]
        if not periods:
            others = sorted({period.area for period in _periods(root, answer.source)})
            if others:
                raise FetchError(self.name, "wrong", f"it gives prices of {', '.join(others)} instead of {code}")
            raise nothing_there(self.name, question)
        lists = tuple(_price_list(each, question.area) for each in _by_day(periods, question))
        offer = PriceOffer(file=self.name, format="ENTSO-E's day-ahead prices", lists=lists)
        return publication(answer, offer, _instant(_text(root, "createdDateTime")))


def _code(area: str) -> str | None:
    return next((code for name, code in CODES.items() if same_area(name, area)), None)


def _root(answer: Answer) -> "Element":
    try:
        root = fromstring(answer.body)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise FetchError(answer.source, "wrong", "its answer is broken XML") from error
    kind = root.tag.rpartition("}")[2]
    if kind not in ("Publication_MarketDocument", "Acknowledgement_MarketDocument"):
        raise FetchError(answer.source, "wrong", f"it answers with {kind} instead of prices")
    return root


def _periods(root: "Element", source: str) -> Iterator[_Period]:
    """Yield the periods of all series of a document.

    Raises:
        FetchError: one cannot be read.
    """
    for series in root.findall("{*}TimeSeries"):
        for period in series.findall("{*}Period"):
            interval = period.find("{*}timeInterval")
            start = None if interval is None else _instant(_text(interval, "start"))
            end = None if interval is None else _instant(_text(interval, "end"))
            minutes = _MINUTES.get(_text(period, "resolution"))
            if start is None or end is None or minutes is None:
                raise FetchError(source, "wrong", "a period of its document has no start, end or known resolution")
            position = _text(series, "classificationSequence_AttributeInstanceComponent.position")
            yield _Period(
                area=_text(series, "in_Domain.mRID"),
                currency=_text(series, "currency_Unit.name"),
                unit=_text(series, "price_Measure_Unit.name"),
                sequence=int(position) if position.isdigit() else 1,
                start=start,
                end=end,
                minutes=minutes,
                prices=tuple(_points(period)),
            )


def _points(period: "Element") -> Iterator[tuple[int, str]]:
    for point in period.findall("{*}Point"):
        position = _text(point, "position")
        if position.isdigit():
            yield int(position), _text(point, "price.amount")


def _by_day(periods: Sequence[_Period], question: Question) -> Iterator[_Period]:
    """Yield for each day the series of the coupled auction: the first sequence, in the resolution of its time."""
    days = sorted({period.start for period in periods})
    for start in days:
        same = [period for period in periods if period.start == start]
        quarters = start >= day_start(QUARTERS_FROM, question.zone)
        same.sort(key=lambda period: (period.sequence, (period.minutes != 15) == quarters, period.minutes))  # noqa: PLR2004
        yield same[0]


def _price_list(period: _Period, area: str) -> PriceList:
    """Return the list of a period; a position that is left out repeats the price before it (curve type A03)."""
    given: dict[int, str] = dict(period.prices)
    step = timedelta(minutes=period.minutes)
    count = int((period.end - period.start) / step)
    rows: list[tuple[str, str, str | None, str]] = []
    price: str | None = None
    for position in range(1, count + 1):
        if position in given:
            price = given[position]
        at = period.start + (position - 1) * step
        rows.append((at.isoformat(), (at + step).isoformat(), price, ""))
    unit = f"{period.currency}/{'MWh' if period.unit.upper() == 'MWH' else period.unit}"
    stated = Stated(unit=unit, currency=period.currency or None, area=area)
    return PriceList(rows=pl.DataFrame(rows, schema=ROWS, orient="row"), stated=stated)


def _text(element: "Element", name: str) -> str:
    found = element.find(f"{{*}}{name}")
    return "" if found is None or found.text is None else found.text.strip()


def _instant(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
