"""Energi Data Service of Energinet: Danish prices and those of the neighbours in kroner and euro, without a key.

Prices from October 2025 are in the dataset `DayAheadPrices`, older ones, by the hour, in `Elspotprices`.
https://www.energidataservice.dk/tso-electricity/DayAheadPrices
"""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

from darkstar_pipeline.config.sources.prices import PriceSource
from darkstar_pipeline.fetching.answers import Request
from darkstar_pipeline.fetching.client import SourceClient
from darkstar_pipeline.fetching.prices.question import PriceService, Publication, Question
from darkstar_pipeline.fetching.prices.services.json_service import JsonService

URL = "https://api.energidataservice.dk"
AREAS = ("DK1", "DK2", "NO2", "SE3", "SE4", "DE")
QUARTERS_FROM = date(2025, 10, 1)
"""First day of the newer dataset."""


class EnergiDataService:
    """The source; a question that spans both datasets is answered for the first one's days.

    Args:
        url: its address.
    """

    name: PriceSource = "energi_data_service"
    longest_days = 366

    def __init__(self, url: str = URL) -> None:
        self._json = JsonService(name=self.name, longest_days=self.longest_days, areas=AREAS, request=_requests(url))

    def serves(self, area: str) -> bool:
        """Return whether it has prices of an area."""
        return self._json.serves(area)

    def ask(self, question: Question, client: SourceClient) -> Publication:
        """Return its prices of some days, of one dataset."""
        if question.first < QUARTERS_FROM <= question.last:
            question = replace(question, last=QUARTERS_FROM - timedelta(days=1))
        return self._json.ask(question, client)


def _requests(url: str) -> Callable[[Question, str], Request]:
    def request(question: Question, area: str) -> Request:
        newer = question.first >= QUARTERS_FROM
        params = {
            "start": question.first.isoformat(),
            "end": (question.last + timedelta(days=1)).isoformat(),
            "filter": json.dumps({"PriceArea": [area]}),
            "sort": "TimeUTC asc" if newer else "HourUTC asc",
            "limit": "0",
        }
        dataset = "DayAheadPrices" if newer else "Elspotprices"
        return Request(
            source="energi_data_service", url=f"{url}/dataset/{dataset}", params=params, fresh=question.is_of_the_future
        )

    return request


def energi_data_service(url: str = URL) -> PriceService:
    """Return the source."""
    return EnergiDataService(url)
