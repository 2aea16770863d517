"""Octopus Agile: half-hourly unit rates of a tariff in pence before VAT, a month a request, without a key.

They are a supplier's rates, with its fees in them. Its days are those of Central Europe, published at about 16:00 in
London. https://docs.octopus.energy/rest/guides/endpoints
"""

from darkstar_pipeline.fetching.answers import Request
from darkstar_pipeline.fetching.errors import FetchError
from darkstar_pipeline.fetching.prices.question import PriceService, Question, as_text
from darkstar_pipeline.fetching.prices.services.json_service import JsonService

URL = "https://api.octopus.energy"


def octopus(tariff: str | None, url: str = URL) -> PriceService:
    """Return the source.

    Args:
        tariff: code of the tariff with its region, such as E-1R-AGILE-24-10-01-C.
        url: its address.
    """

    def request(question: Question, _area: str) -> Request:
        if tariff is None:
            raise FetchError("octopus", "refused", "no tariff is set", "set sources.prices.octopus_tariff")
        product = tariff.split("-", 2)[2].rsplit("-", 1)[0]
        address = f"{url}/v1/products/{product}/electricity-tariffs/{tariff}/standard-unit-rates/"
        params = {"period_from": as_text(question.start), "period_to": as_text(question.end), "page_size": "1500"}
        return Request(source="octopus", url=address, params=params, fresh=question.is_of_the_future)

    return JsonService(name="octopus", longest_days=31, areas=("GB",), request=request)
