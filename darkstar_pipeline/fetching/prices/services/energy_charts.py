"""Energy-Charts of Fraunhofer ISE: prices of most of Europe in euro, years a request, without a key.

The answer does not name its area. https://api.energy-charts.info
"""

from datetime import timedelta

from darkstar_pipeline.fetching.answers import Request
from darkstar_pipeline.fetching.prices.question import PriceService, Question, as_text
from darkstar_pipeline.fetching.prices.services.json_service import JsonService

URL = "https://api.energy-charts.info"
AREAS = (
    "AT", "BE", "BG", "CH", "CZ", "DE-LU", "DK1", "DK2", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IT-Calabria",
    "IT-Centre-North", "IT-Centre-South", "IT-North", "IT-Sardinia", "IT-Sicily", "IT-South", "LT", "LV", "ME", "NL",
    "NO1", "NO2", "NO3", "NO4", "NO5", "PL", "PT", "RO", "RS", "SE1", "SE2", "SE3", "SE4", "SI", "SK",
)  # fmt: skip
_QUARTER = timedelta(minutes=15)


def energy_charts(url: str = URL) -> PriceService:
    """Return the source."""

    def request(question: Question, area: str) -> Request:
        params = {"bzn": area, "start": as_text(question.start), "end": as_text(question.end - _QUARTER)}
        return Request(source="energy_charts", url=f"{url}/price", params=params, fresh=question.is_of_the_future)

    return JsonService(name="energy_charts", longest_days=366, areas=AREAS, request=request)
