"""aWATTar: hourly prices of Germany and Austria in euro, without a key.

https://www.awattar.de/services/api
"""

from darkstar_pipeline.fetching.answers import Request
from darkstar_pipeline.fetching.prices.question import PriceService, Question
from darkstar_pipeline.fetching.prices.services.json_service import JsonService

URLS = {"DE-LU": "https://api.awattar.de", "AT": "https://api.awattar.at"}


def awattar(url: str | None = None) -> PriceService:
    """Return the source."""

    def request(question: Question, area: str) -> Request:
        span = {"start": question.start, "end": question.end}
        params = {name: str(int(at.timestamp() * 1000)) for name, at in span.items()}
        address = f"{URLS[area] if url is None else url}/v1/marketdata"
        return Request(source="awattar", url=address, params=params, fresh=question.is_of_the_future)

    return JsonService(name="awattar", longest_days=31, areas=tuple(URLS), request=request)
