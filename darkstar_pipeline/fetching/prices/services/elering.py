"""Elering's dashboard: prices of the Baltic countries and Finland in euro, a year a request, without a key.

https://dashboard.elering.ee/assets/api-doc.html
"""

from datetime import timedelta

from darkstar_pipeline.fetching.answers import Request
from darkstar_pipeline.fetching.prices.question import PriceService, Question, as_text
from darkstar_pipeline.fetching.prices.services.json_service import JsonService, named

URL = "https://dashboard.elering.ee"


def elering(url: str = URL) -> PriceService:
    """Return the source."""

    def request(question: Question, _area: str) -> Request:
        params = {"start": as_text(question.start), "end": as_text(question.end - timedelta(seconds=1))}
        return Request(source="elering", url=f"{url}/api/nps/price", params=params, fresh=question.is_of_the_future)

    return JsonService(
        name="elering",
        longest_days=366,
        areas=("EE", "FI", "LT", "LV"),
        request=request,
        error=lambda document: "it says that it has failed" if named(document, "success") is False else "",
    )
