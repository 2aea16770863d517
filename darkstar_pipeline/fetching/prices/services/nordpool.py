"""Nord Pool's data portal: the market's own prices, a day a request, in several currencies, without a key.

The portal is made for its own page: it has some two months of the past, and no promise.
https://data.nordpoolgroup.com
"""

from darkstar_pipeline.fetching.answers import Request
from darkstar_pipeline.fetching.prices.question import PriceService, Question
from darkstar_pipeline.fetching.prices.services.json_service import JsonService, instant_in

URL = "https://dataportal-api.nordpoolgroup.com"
AREAS = (
    "SE1", "SE2", "SE3", "SE4", "NO1", "NO2", "NO3", "NO4", "NO5", "DK1", "DK2", "FI", "EE", "LV", "LT", "AT", "BE",
    "FR", "GER", "NL", "PL", "UK",
)  # fmt: skip
_CURRENCIES = ("SEK", "NOK", "DKK", "EUR", "PLN", "GBP")
_BRITISH = "UK"


def nordpool(url: str = URL) -> PriceService:
    """Return the source."""

    def request(question: Question, area: str) -> Request:
        params = {
            "date": question.first.isoformat(),
            "market": "N2EX_DayAhead" if area == _BRITISH else "DayAhead",
            "deliveryArea": area,
            "currency": question.currency if question.currency in _CURRENCIES else "EUR",
        }
        return Request(source="nordpool", url=f"{url}/api/DayAheadPrices", params=params, fresh=True)

    return JsonService(
        name="nordpool",
        longest_days=1,
        areas=AREAS,
        request=request,
        published_at=lambda document: instant_in(document, "updatedAt"),
    )
