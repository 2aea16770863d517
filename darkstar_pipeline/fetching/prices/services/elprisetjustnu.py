"""elprisetjustnu.se: Swedish prices in kronor, a file a day and area, without a key.

https://www.elprisetjustnu.se/elpris-api
"""

from darkstar_pipeline.fetching.answers import Request
from darkstar_pipeline.fetching.prices.question import PriceService, Question
from darkstar_pipeline.fetching.prices.services.json_service import JsonService

URL = "https://www.elprisetjustnu.se"


def elprisetjustnu(url: str = URL) -> PriceService:
    """Return the source."""

    def request(question: Question, area: str) -> Request:
        path = f"/api/v1/prices/{question.first:%Y}/{question.first:%m-%d}_{area}.json"
        return Request(source="elprisetjustnu", url=f"{url}{path}", fresh=question.is_of_the_future)

    return JsonService(name="elprisetjustnu", longest_days=1, areas=("SE1", "SE2", "SE3", "SE4"), request=request)
